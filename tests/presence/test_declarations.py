"""What people may declare and answer: each field, right and wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from presence.declarations import BEGUN_BEFORE_MS, LONGEST_DECLARED_MS, NotAccepted, beginning_now, check_declared
from presence.site import Absence, Gateway, Maintenance
from presence.site_checks import Problem
from tests.builders import HOUR_MS, site

NOW = 1_795_000_000_000
HALL = site(gateways=(Gateway(id="gw"),))
ABSENCE = Absence(outlet="a-1", from_ms=NOW, to_ms=NOW + HOUR_MS, reason="meeting")
WORK = Maintenance(gateway="gw", from_ms=NOW, to_ms=NOW + HOUR_MS, reason="ganti kabel")


def said(wanted: Absence | Maintenance) -> list[tuple[str, str]]:
    return [(path, says) for path, says, *_ in check_declared(HALL, wanted, NOW)]


@pytest.mark.parametrize(
    "wanted",
    [
        ABSENCE,
        replace(ABSENCE, note="Rapat di kantor dinas.\nKembali 13.00 <b>"),
        replace(ABSENCE, reason="other", note="upacara"),
        replace(ABSENCE, to_ms=NOW + LONGEST_DECLARED_MS),
        WORK,
        replace(WORK, gateway=None, sensor="a-1-s"),
        replace(WORK, gateway=None, outlet="a-1"),
    ],
)
def test_what_is_right_is_accepted(wanted: Absence | Maintenance) -> None:
    assert said(wanted) == []


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        (replace(ABSENCE, outlet="a-2"), ("outlet", 'no outlet "a-2"; did you mean "a-1"?')),
        (replace(ABSENCE, reason="meting"), ("reason", '"meting" is not known here; did you mean "meeting"?')),
        (replace(ABSENCE, reason="other"), ("note", "is missing; say in a few words what the other reason is")),
        (replace(ABSENCE, note=" "), ("note", "is empty; say why in a few words")),
        (replace(ABSENCE, note="x" * 501), ("note", "has 501 characters; write 500 at most")),
        (replace(ABSENCE, note="a\0b"), ("note", "holds characters that cannot be shown; write plain text")),
        (replace(ABSENCE, note="a\u202eb"), ("note", "holds characters that cannot be shown; write plain text")),
        (replace(ABSENCE, to_ms=NOW), ("to", "is not after `from`; an absence ends after it begins")),
        (
            replace(ABSENCE, from_ms=NOW - 1),
            ("from", "is past; what was not said beforehand stays as it was, so begin now or later"),
        ),
        (
            replace(ABSENCE, to_ms=NOW + LONGEST_DECLARED_MS + 1),
            ("to", "is more than 31 days after `from`; declare 31 days, and more when they end"),
        ),
        (replace(WORK, gateway="gv"), ("gateway", 'no gateway "gv"; write one of gw')),
        (
            replace(WORK, outlet="a-1"),
            ("", "names not exactly one of sensor, gateway, outlet; write one entry for each"),
        ),
        (replace(WORK, reason=None), ("reason", "is empty; say why in a few words")),
    ],
)
def test_what_is_wrong_is_told_with_its_key_and_a_remedy(
    wanted: Absence | Maintenance, problem: tuple[str, str]
) -> None:
    assert said(wanted) == [problem]


@pytest.mark.parametrize(
    ("from_ms", "begins_ms"),
    [
        (NOW - BEGUN_BEFORE_MS - 1, NOW - BEGUN_BEFORE_MS - 1),
        (NOW - BEGUN_BEFORE_MS, NOW),
        (NOW - 1, NOW),
        (NOW, NOW),
        (NOW + 1, NOW + 1),
    ],
)
def test_what_began_a_moment_ago_begins_now(from_ms: int, begins_ms: int) -> None:
    assert beginning_now(replace(ABSENCE, from_ms=from_ms), NOW).from_ms == begins_ms


def test_all_problems_are_told_together() -> None:
    error = NotAccepted([Problem("note", "is empty"), Problem("", "names nothing")])
    assert str(error) == "note: is empty; names nothing"
