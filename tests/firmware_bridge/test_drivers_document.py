"""docs/drivers.md: its table is what the drivers say, its driver works as it stands there, its configurations too."""

from __future__ import annotations

import json
import re
from types import ModuleType
from typing import Any

import pytest

from firmware_bridge.drivers import DRIVERS, DriverModule, modbus
from scripts.driver_table import DOCUMENT, parts, table
from tests.firmware_bridge.drivers import test_vectors

TEXT = DOCUMENT.read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"^ *```{language}\n(.*?)^ *```\n", TEXT, re.DOTALL | re.MULTILINE)
    return str(found)


VECTORS: list[dict[str, Any]] = json.loads(block("json"))


@pytest.fixture
def maxsonar(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The driver of the document, in the list of drivers."""
    module = ModuleType("maxsonar")
    exec(block("python"), module.__dict__)  # noqa: S102
    monkeypatch.setitem(DRIVERS, module.NAME, module)  # type: ignore[arg-type]
    return module


def test_the_table_is_what_the_drivers_say() -> None:
    assert parts(TEXT)[1] == table(), "run .venv/bin/python -m scripts.driver_table"


@pytest.mark.parametrize("name", DRIVERS)
def test_every_example_in_the_table_can_be_used(name: str) -> None:
    DRIVERS[name].driver(DRIVERS[name].EXAMPLE)
    DRIVERS[name].setup(DRIVERS[name].EXAMPLE)


def test_the_driver_has_all_that_a_driver_offers(maxsonar: ModuleType) -> None:
    offered = {name for name in vars(DriverModule) if not name.startswith("_")}
    assert offered <= vars(maxsonar).keys()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_the_driver_reads_its_vectors_in_every_split_and_after_noise(
    maxsonar: ModuleType, vector: dict[str, Any]
) -> None:
    test_vectors.test_a_stream_gives_its_readings(vector)
    test_vectors.test_no_split_changes_the_result(vector)
    test_vectors.test_noise_before_a_stream_changes_nothing(vector, b"\0" * 300)


def test_the_configurations_of_modbus_can_be_used() -> None:
    configs = re.findall(r"^    (\{\"unit.*?\}\n)\n", TEXT, re.DOTALL | re.MULTILINE)
    assert len(configs) == 2
    for config in configs:
        modbus.driver(json.loads(config))
