"""What an outlet is right now: its zones, its service hours and its declared absences -> one status, and the message.

The first status that holds: closed, serving, staffed, declared (nobody seen, or unknown), unattended, vacant, unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from presence.instants import rfc3339, rfc3339_or_none
from presence.intervals import Span, State, union
from presence.service_hours import ServiceHours
from presence.site import Absence, ZoneName

Status = Literal["closed", "serving", "staffed", "declared", "unattended", "vacant", "unknown"]

FORM = 1
_ZONES: tuple[ZoneName, ...] = ("staff", "visitor", "equipment")


class Occupancy(NamedTuple):
    """A zone's state with its probability; `since_ms` as far as it is known; `seen_ms`: its newest evidence."""

    state: State
    p: float
    since_ms: int | None
    seen_ms: int | None


@dataclass(frozen=True, slots=True)
class OutletStatus:
    """`since_ms`: when the staff zone took its state, or the opening if later; when closed, the closing.

    `until_ms`: end of the declared absence, next opening when closed, next break otherwise. `reason`: of the absence.
    Each is None when there is no such thing.
    """

    status: Status
    since_ms: int | None
    until_ms: int | None
    reason: str | None


def outlet_status(
    zones: Mapping[ZoneName, Occupancy], hours: ServiceHours, absences: Sequence[Absence], at_ms: int
) -> OutletStatus:
    """The status of an outlet at `at_ms`, its zones (those with sensors) being as `zones` says, `absences` declared."""
    changed_ms = hours.last_change(at_ms)
    if not hours.is_open(at_ms):
        return OutletStatus("closed", changed_ms, hours.next_change(at_ms), None)
    staff = zones["staff"] if "staff" in zones else Occupancy("unknown", 0.5, None, None)
    since_ms = max((at for at in (staff.since_ms, changed_ms) if at is not None), default=None)
    visitor = "visitor" in zones and zones["visitor"].state == "occupied"
    absence = _absence_at(absences, at_ms)
    status: Status
    if staff.state == "occupied":
        status = "serving" if visitor else "staffed"
    elif absence is not None:
        return OutletStatus("declared", since_ms, _end_of_absence(absences, at_ms), absence.reason)
    elif staff.state == "vacant":
        status = "unattended" if visitor else "vacant"
    else:
        status = "unknown"
    return OutletStatus(status, since_ms, hours.next_change(at_ms), None)


def next_boundary(hours: ServiceHours, absences: Sequence[Absence], at_ms: int) -> int | None:
    """The first instant after `at_ms` at which the status may change without a reading; None when there is none."""
    edges = [hours.next_change(at_ms), *(edge for absence in absences for edge in (absence.from_ms, absence.to_ms))]
    return min((edge for edge in edges if edge is not None and edge > at_ms), default=None)


def occupancy_message(
    site_id: str, outlet_id: str, status: OutletStatus, zones: Mapping[ZoneName, Occupancy], at_ms: int
) -> dict[str, Any]:
    """The retained `occupancy` of an outlet, as it stands on its topic and in the live API, ready for JSON."""
    return {
        "site": site_id,
        "outlet": outlet_id,
        "status": status.status,
        "since": rfc3339_or_none(status.since_ms),
        "zones": {
            name: {
                "state": zones[name].state,
                "p": round(zones[name].p, 4),
                "since": rfc3339_or_none(zones[name].since_ms),
                "seen": rfc3339_or_none(zones[name].seen_ms),
            }
            for name in _ZONES
            if name in zones
        },
        "until": rfc3339_or_none(status.until_ms),
        "reason": status.reason,
        "at": rfc3339(at_ms),
        "version": FORM,
    }


def _absence_at(absences: Sequence[Absence], at_ms: int) -> Absence | None:
    """The absence that covers `at_ms`; of several, the one that began last."""
    covering = [absence for absence in absences if absence.from_ms <= at_ms < absence.to_ms]
    return max(covering, key=lambda absence: absence.from_ms, default=None)


def _end_of_absence(absences: Sequence[Absence], at_ms: int) -> int:
    """Until when somebody is expected to be absent: absences that touch or overlap are one."""
    joined = union(Span(absence.from_ms, absence.to_ms) for absence in absences)
    return next(span.end_ms for span in joined if span.start_ms <= at_ms < span.end_ms)
