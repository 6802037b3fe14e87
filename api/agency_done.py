"""What was just done on an agency's page, said as the record has it, and how it is taken back."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection

from api import agency, agency_substitutes
from api.agency_place import Place
from api.answer_words import answer_said
from api.words import Words
from presence.site import Absence
from storage.record import Record
from storage.record.alert_list import by_ids
from storage.record.contests import contests
from storage.record.declarations import declarations
from storage.record.substitutes import substitutes

_LONGEST_NUMBER = 16


class Done(NamedTuple):
    """A sentence. `kind`: of what can be taken back, "" when nothing can; `name`, `number`: which one."""

    text: str
    kind: str = ""
    name: str = ""
    number: int | None = None


def done_of(record: Record, place: Place, asked: str | None, now_ms: int, words: Words) -> Done | None:
    """`asked`: as the form left it in the address. None when the record knows nothing of it, or not any more."""
    kind, _, name = (asked or "").partition("-")
    if kind == "undone":
        return Done(words("agency.done.undone"))
    with record.reading() as connection:
        if kind == "answer":
            return _answer(connection, place, name, now_ms, words)
        if kind == "absence":
            return _absences(connection, place, name, now_ms, words)
        if kind == "substitute":
            return _substitute(connection, place, name, now_ms, words)
        if kind in ("contested", "decided"):
            return _contest(connection, place, kind, name, now_ms, words)
    return None


def numbers(text: str) -> list[int]:
    """`7.8` as the record counts; what is no such number is left out."""
    return [int(part) for part in text.split(".") if part.isascii() and part.isdigit() and len(part) < _LONGEST_NUMBER]


def _answer(connection: Connection, place: Place, name: str, now_ms: int, words: Words) -> Done | None:
    rows = [row for row in by_ids(connection, [name]) if row.site == place.site.id and place.speaks_of(row)]
    if not rows or not rows[0].stands or rows[0].state(now_ms) != "acknowledged":
        return None
    given = rows[0].acknowledged
    assert given is not None
    said = answer_said(given, words)
    text = words(f"agency.done.answer.{rows[0].alert.kind}", reason=said, at=words.clock(given.until_ms))
    return Done(text, "answer", name, given.id)


def _absences(connection: Connection, place: Place, name: str, now_ms: int, words: Words) -> Done | None:
    names, wanted = {outlet.id: outlet.name for outlet in place.outlets}, numbers(name)
    found = [
        one
        for one in declarations(connection, place.site.id, Absence, from_ms=now_ms)
        if one.id in wanted and one.what.outlet in names
    ]
    if not found:
        return None
    text = words(
        "agency.done.absence",
        where=", ".join(names[one.what.outlet] for one in found),
        when=agency.stretch(found[0].what.from_ms, found[0].what.to_ms, now_ms, words),
        reason=agency.reason_in_words(found[0].what.reason, found[0].what.note, words),
    )
    return Done(text, "absence", ".".join(str(one.id) for one in found))


def _substitute(connection: Connection, place: Place, name: str, now_ms: int, words: Words) -> Done | None:
    named = [one for one in substitutes(connection, place.site.id, place.agency) if str(one.id) == name]
    found = agency_substitutes.coming(named, place.site, now_ms, words)
    return Done(words("agency.done.substitute", said=found[0].said), "substitute", name) if found else None


def _contest(connection: Connection, place: Place, kind: str, name: str, now_ms: int, words: Words) -> Done | None:
    names, found = {outlet.id: outlet.name for outlet in place.outlets}, contests(connection, place.site.id)
    for one in found:
        if str(one.id) == name and one.outlet in names:
            when = agency.stretch(one.from_ms, one.to_ms, now_ms, words)
            return Done(words(f"agency.done.{kind}", where=names[one.outlet], when=when))
    return None
