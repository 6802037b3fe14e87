"""Duties: which outlets must be staffed together, and how many of them. An outlet in no named duty is its own duty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from presence.site import Duty, Outlet, Rules, Site


@dataclass(frozen=True, slots=True)
class DutyOf:
    """A duty with what it needs: a named one, or one outlet that is its own duty."""

    subject_type: Literal["outlet", "duty"]
    id: str
    agency: str
    outlets: tuple[Outlet, ...]
    at_least: int
    rules: Rules


def duties(site: Site) -> list[DutyOf]:
    """Every duty of the site: the outlets that are in no named duty, each its own, then the named ones."""
    by_id = {outlet.id: outlet for outlet in site.outlets}
    named: list[Duty] = [duty for duty in site.duties if all(outlet in by_id for outlet in duty.outlets)]
    taken = {outlet for duty in named for outlet in duty.outlets}
    own = [
        DutyOf("outlet", outlet.id, outlet.agency, (outlet,), 1, outlet.rules)
        for outlet in site.outlets
        if outlet.id not in taken
    ]
    return own + [
        DutyOf(
            "duty",
            duty.id,
            by_id[duty.outlets[0]].agency,
            tuple(by_id[o] for o in duty.outlets),
            duty.at_least,
            duty.rules,
        )
        for duty in named
    ]
