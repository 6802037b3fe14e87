"""What an open page must know of a registry that changes: when it is of something else, and what it merely hears."""

from __future__ import annotations

from dataclasses import replace

from api.open_pages import answering, answers_otherwise, layout, muted
from presence.site import Absence, Maintenance, Substitute
from tests.builders import outlet, site

SITE = site(outlets=[outlet("a-1"), outlet("a-2")])
ABSENCE = Absence(outlet="a-1", from_ms=100, to_ms=200, reason="sick")
OVER = Absence(outlet="a-2", from_ms=10, to_ms=50, reason="sick")
AT_A_SENSOR = Maintenance(sensor="s-1", from_ms=100, to_ms=300, reason="x")
AT_THE_OUTLET = Maintenance(outlet="a-1", from_ms=150, to_ms=300, reason="x")
STANDING_IN = Substitute(agency="dinas", contact="ani", to="budi", from_ms=100, to_ms=200)
DECLARED = replace(SITE, absences=(ABSENCE, OVER), maintenance=(AT_A_SENSOR, AT_THE_OUTLET), substitutes=(STANDING_IN,))


def test_what_is_declared_makes_no_other_page_and_what_is_renamed_does():
    assert layout(DECLARED) == layout(SITE)
    assert layout(site(outlets=[outlet("a-1", name="Loket lain"), outlet("a-2")])) != layout(SITE)


def test_an_outlet_is_muted_by_its_absences_and_maintenance_that_are_not_over():
    assert muted(DECLARED, 50) == {"a-1": [(100, 300)]}


def test_who_answers_changes_when_a_substitute_is_named_begins_and_ends():
    assert answering(DECLARED, 50) != answering(SITE, 50)
    assert answering(DECLARED, 50) != answering(DECLARED, 100)
    assert answering(DECLARED, 100) == answering(DECLARED, 199)
    assert [answers_otherwise(DECLARED, at, at + 50) for at in (0, 49, 50, 100, 150, 200)] == [
        *(False, False, True, False, True, False)
    ]
