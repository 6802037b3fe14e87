"""The examples that people copy are right, and name every convention."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.conventions import CONVENTIONS
from hadir.site_sources import read_served_site
from presence.site_file import SiteFileErrors, inactive
from presence.site_inactive import ACTING_CONVENTIONS

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "config" / "conventions.example.yaml").read_text()


def test_every_convention_has_an_example_that_acts() -> None:
    site = read_served_site(EXAMPLE, "conventions.example.yaml").site
    sensors = [sensor for outlet in site.outlets for sensor in outlet.sensors]
    assert {sensor.source.convention for sensor in sensors if sensor.source} == set(CONVENTIONS)
    assert not [said for said in inactive(site) if "sensor" in said and "understood" in said]


def test_every_convention_acts_and_is_documented() -> None:
    assert sorted(ACTING_CONVENTIONS) == sorted(["native", *CONVENTIONS])
    documented = (ROOT / "docs" / "conventions.md").read_text()
    assert [name for name in CONVENTIONS if documented.count(f"| `{name}`") < 1] == []


@pytest.mark.parametrize("name", sorted(CONVENTIONS))
def test_what_the_inbox_writes_into_a_site_file_claims_the_same_device(name: str) -> None:
    site = read_served_site(EXAMPLE, "conventions.example.yaml").site
    for outlet in site.outlets:
        for sensor in outlet.sensors:
            if sensor.source is not None and sensor.source.convention == name:
                convention = CONVENTIONS[name]()
                address = convention.address(sensor.source)
                written = type(sensor.source)(convention=name, **convention.source(address))
                assert convention.address(written) == address


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("milesight-vs330", "milesight-vs33", "profile"),
        ("topic: homie/5/counter-7", "topic: homie", "homie"),
        ('device: "60:EF:AB:AA:BB:CC"', "device: somebody", "Bluetooth"),
        ("device: g1/edge2/dev3", "device: g1", "device"),
        ('{"input:0": occupancy}', '{"input:0": nonsense}', "config"),
    ],
)
def test_a_source_that_cannot_be_is_refused_with_its_line(right: str, wrong: str, says: str) -> None:
    text = EXAMPLE.replace(right, wrong)
    line = next(n for n, one in enumerate(text.splitlines(), 1) if wrong in one)
    with pytest.raises(SiteFileErrors) as refused:
        read_served_site(text, "site.yaml")
    [problem] = refused.value.problems
    assert problem.line == line
    assert says in problem.problem
