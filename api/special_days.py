"""Special days on the pages of administration: dated hours of site, agencies and outlets. Values in, words out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from api.admin import Choice, Field, wrong_at
from api.hours_words import syntax_of
from api.words import Words
from presence.registry import AGENCY, OUTLET, SITE, Changed, NotAsWanted, Place, changed, thing, things, written
from presence.site import DatedHours, Site
from presence.site_checks import Problem
from presence.site_form import EXCEPTION

FIELDS = ("of", "from", "to", "service_hours", "reason")
CLOSED = "off"
_KINDS = {kind.name: kind for kind in (AGENCY, OUTLET)}
_IN_LIST = "exceptions"
_MOST_DIGITS = 6


class DayRow(NamedTuple):
    """`of` and `n`: by which it is found again; `is_over`: its last date has gone by."""

    of: str
    n: int
    dates: str
    whose: str
    hours: str
    reason: str
    day: DatedHours
    is_over: bool


def rows(site: Site, today: str, words: Words) -> list[DayRow]:
    """Those to come first, by date; then those that are over, the last one first."""
    found = [*_rows(site, today, words)]
    coming = sorted((row for row in found if not row.is_over), key=lambda row: row.day.first)
    return coming + sorted((row for row in found if row.is_over), key=lambda row: row.day.first, reverse=True)


def _rows(site: Site, today: str, words: Words) -> Iterator[DayRow]:
    for of, whose, days in _owners(site, words):
        for n, day in enumerate(days):
            ends = dict.fromkeys(words.short_date(one) for one in (day.first, day.last))
            hours = words("hours.closed") if day.service_hours == CLOSED else day.service_hours
            dates = f"{' – '.join(ends)} {day.last[:4]}"
            yield DayRow(of, n, dates, whose, hours, day.reason or "", day, day.last < today)


def _owners(site: Site, words: Words) -> Iterator[tuple[str, str, Sequence[DatedHours]]]:
    """Whose days there can be: how a form names them, and people do."""
    yield "", words("admin.day.everybody"), site.exceptions
    for agency in site.agencies:
        yield f"agency:{agency.id}", agency.name, agency.exceptions
    for outlet in site.outlets:
        yield f"outlet:{outlet.id}", outlet.name, outlet.exceptions


def place_of(site: Site, of: str) -> Place | None:
    """Whose days a form names; None for what there is not."""
    kind, _, owner = of.partition(":")
    place = Place(_KINDS[kind], id=owner) if kind in _KINDS else Place(SITE, id=site.id)
    if not of or (kind in _KINDS and any(one.id == owner for one in things(site, place))):
        return place
    return None


def typed(form: Mapping[str, str]) -> dict[str, str]:
    """What somebody filled in; a day that ends nowhere is one day."""
    texts = {name: form.get(name, "").strip() for name in FIELDS}
    return texts | {"to": texts["to"] or texts["from"]}


def fields(site: Site, texts: Mapping[str, str], words: Words, found: Sequence[Problem] = ()) -> list[Field]:
    told = {problem.path: problem for problem in found}
    return [
        Field(
            name=name,
            label=words(f"admin.day.{name}"),
            hint=words.get(f"admin.day.{name}.hint", ""),
            value=texts[name],
            required=name == "from",
            choices=tuple(Choice(of, whose) for of, whose, _ in _owners(site, words)) if name == "of" else (),
            mode="date" if name in ("from", "to") else "text",
            wrong=wrong_at(name, texts[name], told[name], words) if name in told else None,
            syntax=syntax_of(name, words),
        )
        for name in FIELDS
    ]


def with_day(site: Site, texts: Mapping[str, str], today: str) -> Changed:
    """`site` with one special day more, which wins over those before it. Raises NotAsWanted, its paths the fields."""
    place = place_of(site, texts["of"])
    if place is None:
        raise NotAsWanted([Problem("of", "is not there any more; choose another")])
    if "0001-01-01" <= texts["to"] < today:
        raise NotAsWanted([Problem("to", "is over; what was booked by other hours stays", "past")])
    day = {name: texts[name] for name in ("from", "to")}
    day |= {"service_hours": texts["service_hours"] or CLOSED}
    if texts["reason"]:
        day["reason"] = texts["reason"]
    days = _written(site, place)
    try:
        return changed(site, place, {_IN_LIST: [*days, day]})
    except NotAsWanted as error:
        here = f"{_IN_LIST}[{len(days)}]."
        raise NotAsWanted([one._replace(path=one.path.removeprefix(here)) for one in error.found]) from None


def without_day(site: Site, of: str, n: int) -> Changed:
    """`site` without one of the special days that `of` names. Raises NotAsWanted."""
    place = place_of(site, of)
    assert place is not None
    return changed(site, place, {_IN_LIST: [one for at, one in enumerate(_written(site, place)) if at != n] or None})


def day_at(site: Site, of: str, n: str) -> DatedHours | None:
    """The special day that a form names, as it is now."""
    place = place_of(site, of)
    days: Sequence[DatedHours] = () if place is None else thing(site, place).exceptions
    at = int(n) if n.isascii() and n.isdigit() and len(n) <= _MOST_DIGITS else len(days)
    return days[at] if at < len(days) else None


def _written(site: Site, place: Place) -> list[dict[str, Any]]:
    days: Sequence[DatedHours] = thing(site, place).exceptions
    return [written(site, EXCEPTION, day) for day in days]
