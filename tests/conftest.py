"""Every module of tests/fixtures is a plugin: real brokers, stores, browsers and terminals, each ended by its fixture."""

from pathlib import Path

pytest_plugins = [
    f"tests.fixtures.{path.stem}" for path in sorted((Path(__file__).parent / "fixtures").glob("[!_]*.py"))
]
