"""Which maintenance an outlet's page speaks of, and how."""

from __future__ import annotations

from typing import Any

from api.outlet_maintenance import Work, works
from api.words import Words
from presence.site import Maintenance, Source
from storage.record.declarations import Declaration
from tests.builders import outlet, sensor
from tests.fixtures.books import at

WORDS = Words("id", "Asia/Jakarta")
NOW = at("24T10:00")
OUTLET = outlet("a-1", sensors=[sensor("s-1", source=Source(gateway="gw", driver="ld2410", port="/dev/ttyUSB0"))])


def told(*, devices: bool = True, **of: Any) -> list[Work]:
    spans = {"from_ms": at("24T09:00"), "to_ms": at("24T11:30"), "reason": "kabel", "origin": "person"}
    made = Declaration(7, Maintenance(**(spans | of)), "tini", NOW, None)
    return works([made], OUTLET, NOW, WORDS, devices=devices)


def test_what_lasts_is_told_with_its_end_and_ended():
    (work,) = told(outlet="a-1")
    assert work == Work(7, "seluruh loket", True, "sampai 11.30", "kabel · tini", True)


def test_what_is_to_come_is_told_with_its_beginning():
    (work,) = told(sensor="s-1", from_ms=at("24T11:00"))
    assert (work.what, work.began, work.when) == ("s-1", False, "dari 11.00 sampai 11.30")


def test_of_a_gateway_it_is_told_where_it_mutes_and_not_ended():
    (work,) = told(gateway="gw")
    assert (work.what, work.ends) == ("gw", False)
    assert told(gateway="other") == []


def test_an_agency_hears_of_that_of_its_outlet_alone():
    assert [one.what for one in told(outlet="a-1", devices=False)] == ["seluruh loket"]
    assert told(sensor="s-1", devices=False) == told(gateway="gw", devices=False) == []


def test_what_is_over_or_of_others_is_not_told():
    assert told(outlet="a-2") == told(outlet="a-1", to_ms=NOW) == []
