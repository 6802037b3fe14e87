"""Instants at the edges: text to milliseconds, and what is none."""

from __future__ import annotations

import pytest

from presence.instants import parse_instant, rfc3339


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T10:42:07.250+07:00", "2026-11-24T03:42:07.250Z"),
        ("2026-11-24T03:42:07Z", "2026-11-24T03:42:07.000Z"),
        ("1795491727.25", "2026-11-24T03:42:07.250Z"),
        ("0", "1970-01-01T00:00:00.000Z"),
        ("2999-12-31T23:59:59.999Z", "2999-12-31T23:59:59.999Z"),
    ],
)
def test_an_instant_goes_in_and_comes_out(text: str, expected: str) -> None:
    assert rfc3339(parse_instant(text)) == expected


@pytest.mark.parametrize("text", ["1e300", "-1", "3000-01-01T00:00:00Z", "1970-01-01T00:00+14:00"])
def test_what_no_date_can_be_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is not in the years 1970 to 2999"):
        parse_instant(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("inf", '"inf" is no RFC 3339 time; write 2026-11-24T09:00:00[+]07:00'),
        ("nan", '"nan" is no RFC 3339 time; write 2026-11-24T09:00:00[+]07:00'),
        ("today", '"today" is no RFC 3339 time; write 2026-11-24T09:00:00[+]07:00'),
        ("2026-11-25", '"2026-11-25" is a date without a time; write 2026-11-25T00:00:00[+]07:00'),
        ("2026-11-25T09:00", '"2026-11-25T09:00" has no offset; write 2026-11-25T09:00Z or 2026-11-25T09:00[+]07:00'),
    ],
)
def test_what_is_no_instant_is_told_with_how_to_write_one(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_instant(text)
