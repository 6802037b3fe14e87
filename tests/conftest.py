"""Every module of tests/fixtures is a plugin: real brokers, stores, browsers and terminals."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine may take its time.
settings.register_profile("hadir", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hadir")

# Before any of them is loaded: they import one another.
pytest.register_assert_rewrite("tests.fixtures")

pytest_plugins = [
    f"tests.fixtures.{path.stem}" for path in sorted((Path(__file__).parent / "fixtures").glob("[!_]*.py"))
]
