"""The status of an outlet, since when and until when, and the message that says so."""

from __future__ import annotations

from typing import Any

import pytest

from presence.instants import parse_instant, rfc3339_or_none
from presence.intervals import State
from presence.service_hours import ServiceHours
from presence.site import Absence, ZoneName
from presence.status import Occupancy, OutletStatus, next_boundary, occupancy_message, outlet_status

HOURS = ServiceHours("Asia/Jakarta", "ID", False, "Mo-Fr 08:00-12:00,13:00-15:00")


def at(clock: str) -> int:
    return parse_instant(f"2026-11-24T{clock}+07:00")


def zones(staff: State | None, visitor: State | None = None, since: str = "09:00") -> dict[ZoneName, Occupancy]:
    found: dict[ZoneName, Occupancy] = {}
    if staff is not None:
        found["staff"] = Occupancy(staff, 0.02, at(since), at("09:59"))
    if visitor is not None:
        found["visitor"] = Occupancy(visitor, 0.98, at("09:50"), at("09:59"))
    return found


def absence(start: str, end: str, reason: str = "meeting") -> Absence:
    return Absence(outlet="a-1", from_ms=at(start), to_ms=at(end), reason=reason)


ABSENT = [absence("09:30", "10:30")]


@pytest.mark.parametrize(
    ("staff", "visitor", "absences", "status"),
    [
        ("occupied", "occupied", ABSENT, "serving"),
        ("occupied", "vacant", [], "staffed"),
        ("occupied", "unknown", ABSENT, "staffed"),
        ("occupied", None, [], "staffed"),
        ("vacant", "occupied", ABSENT, "declared"),
        ("unknown", "occupied", ABSENT, "declared"),
        (None, None, ABSENT, "declared"),
        ("vacant", "occupied", [], "unattended"),
        ("vacant", "unknown", [], "vacant"),
        ("vacant", None, [], "vacant"),
        ("unknown", "occupied", [], "unknown"),
        ("unknown", None, [], "unknown"),
        (None, "vacant", [], "unknown"),
    ],
)
def test_the_first_status_that_holds(
    staff: State | None, visitor: State | None, absences: list[Absence], status: str
) -> None:
    assert outlet_status(zones(staff, visitor), HOURS, absences, at("10:00")).status == status
    assert outlet_status(zones(staff, visitor), HOURS, absences, at("12:00")).status == "closed"


def test_since_is_the_staff_zones_but_never_before_the_opening() -> None:
    def since(began: str, hours: ServiceHours = HOURS) -> str | None:
        return rfc3339_or_none(outlet_status(zones("vacant", since=began), hours, [], at("10:00")).since_ms)

    assert since("09:00") == "2026-11-24T02:00:00.000Z"
    assert since("07:10") == "2026-11-24T01:00:00.000Z"
    assert since("07:10", ServiceHours("Asia/Jakarta", "ID", False, "24/7")) == "2026-11-24T00:10:00.000Z"
    assert outlet_status({}, HOURS, [], at("10:00")).since_ms == at("08:00")


def test_until_is_the_next_break_the_next_opening_or_the_end_of_the_absence() -> None:
    assert outlet_status(zones("vacant"), HOURS, [], at("10:00")).until_ms == at("12:00")
    closed = outlet_status(zones("vacant"), HOURS, ABSENT, at("12:30"))
    assert closed == OutletStatus("closed", at("12:00"), at("13:00"), None)
    assert outlet_status(zones("vacant"), HOURS, ABSENT, at("10:00")) == OutletStatus(
        "declared", at("09:00"), at("10:30"), "meeting"
    )


def test_absences_that_touch_end_together_and_give_the_reason_of_the_last_begun() -> None:
    absences = [absence("10:00", "11:00", "break"), absence("09:30", "10:30"), absence("11:00", "11:30", "sick")]
    found = outlet_status(zones("vacant"), HOURS, absences, at("10:15"))
    assert (found.until_ms, found.reason) == (at("11:30"), "break")


def test_what_never_opens_has_neither_since_nor_until() -> None:
    never = ServiceHours("Asia/Jakarta", "ID", False, "off")
    assert outlet_status(zones("occupied"), never, [], at("10:00")) == OutletStatus("closed", None, None, None)


def test_the_next_boundary_is_the_first_of_opening_closing_and_the_ends_of_absences() -> None:
    found = [at("07:00")]
    while len(found) < 7:
        following = next_boundary(HOURS, ABSENT, found[-1])
        assert following is not None
        found.append(following)
    assert found[1:] == [at(clock) for clock in ("08:00", "09:30", "10:30", "12:00", "13:00", "15:00")]
    assert next_boundary(ServiceHours("Asia/Jakarta", "ID", False, "24/7"), ABSENT, at("10:30")) is None


def test_the_message_names_the_zones_that_have_sensors() -> None:
    watched = zones("vacant") | {"visitor": Occupancy("unknown", 0.5, at("08:00"), None)}
    expected: dict[str, Any] = {
        "site": "mpp-contoh",
        "outlet": "disdukcapil-1",
        "status": "vacant",
        "since": "2026-11-24T02:00:00.000Z",
        "zones": {
            "staff": {
                "state": "vacant",
                "p": 0.02,
                "since": "2026-11-24T02:00:00.000Z",
                "seen": "2026-11-24T02:59:00.000Z",
            },
            "visitor": {"state": "unknown", "p": 0.5, "since": "2026-11-24T01:00:00.000Z", "seen": None},
        },
        "until": "2026-11-24T05:00:00.000Z",
        "reason": None,
        "at": "2026-11-24T03:00:00.000Z",
        "version": 1,
    }
    status = outlet_status(watched, HOURS, [], at("10:00"))
    assert occupancy_message("mpp-contoh", "disdukcapil-1", status, watched, at("10:00")) == expected
