"""What the page of sidak says: findings in, words out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

from babel.dates import format_date

from api.answer_words import answer_said
from api.sidak import Answer, Finding, Notice, OutletNow
from api.words import Words


class Entry(NamedTuple):
    """One empty duty. `id`: keeps its place over a refresh; `duration`: pieces, and whether each is a unit.

    `state`, `what`: its badge; `phone`: as it is dialled, "" without one; `register`: where to
    write it down; `outlets`: a line for each of several.
    """

    id: str
    state: str
    duration: Sequence[tuple[str, bool]]
    since: str
    where: str
    service: str
    what: str
    told: str
    answer: str
    answered: bool
    contact: str
    phone: str
    register: str
    sure: str
    outlets: Sequence[str]


class Aside(NamedTuple):
    """One duty that is not empty, or not surely: whose it is, and why."""

    where: str
    why: str


def headline(found: Answer, words: Words) -> tuple[str, str]:
    """The answer in one sentence: the part that is loud, "" when nothing is, and the rest."""
    sums = found.sums
    if not sums["obliged"]:
        return "", words("sidak.head.closed")
    if sums["empty"]:
        return words("sidak.head.empty", n=sums["empty"], all=sums["obliged"]), words("sidak.head.nobody")
    if sums["unknown"] == sums["obliged"]:
        return "", words("sidak.head.unknown", n=sums["unknown"])
    if sums["attended"] == sums["obliged"]:
        return "", words("sidak.head.attended", n=sums["attended"])
    return "", words("sidak.head.none")


def sum_line(found: Answer, words: Words) -> str:
    """`36 wajib buka = 27 ada petugas + 6 kosong + 1 izin + 2 tidak diketahui`; all of them, so that it closes."""
    parts = " + ".join(
        f"{words.number(found.sums[part])} {words(f'sidak.sum.{part}')}"
        for part in ("attended", "empty", "declared", "unknown")
    )
    return f"{words.number(found.sums['obliged'])} {words('sidak.sum.obliged')} = {parts}"


def entry(one: Finding, now_ms: int, words: Words, *, phones: bool, registers: bool = False) -> Entry:
    """An empty duty in words. `phones`: with whom to call at which number; `registers`: with where one adds it."""
    alone = one.outlets[0] if len(one.outlets) == 1 else None
    state = "vacant" if one.visitor_ms is None else "unattended"
    phone = one.contact.phone if phones and one.contact is not None else None
    return Entry(
        id=f"{one.site.id}-{one.duty.id}",
        state=state,
        duration=() if one.since_ms is None else _pieces(words.span(now_ms - one.since_ms)),
        since=_since(one.since_ms, now_ms, words),
        where=_where(one),
        service=(alone.outlet.service or "")
        if alone
        else words("sidak.duty", n=one.duty.at_least, all=len(one.outlets)),
        what=_what(one, now_ms, words),
        told=_told(one, now_ms, words),
        answer=_answer(one, now_ms, words),
        answered=one.answer is not None,
        contact=_contact(one, words, phones=phones),
        register=_register(one) if registers and phone is None else "",
        phone="" if phone is None else re.sub(r"(?!^\+)\D", "", phone),
        sure=_sure(one, now_ms, words),
        outlets=() if alone else [_outlet(outlet, now_ms, words) for outlet in one.outlets],
    )


def _pieces(span: str) -> Sequence[tuple[str, bool]]:
    """`2 j 42 mnt` in numbers and units."""
    return [(piece, not piece.isdecimal()) for piece in re.split(r"(\d+)", span) if piece]


def day(at_ms: int, words: Words) -> str:
    """`Selasa 24 November 2026`: in full, for what is printed."""
    at = datetime.fromtimestamp(at_ms / 1000, ZoneInfo(words.timezone))
    return format_date(at.date(), "EEEE d MMMM y", locale=words.lang)


def _since(at_ms: int | None, now_ms: int, words: Words) -> str:
    return words("sidak.since.never") if at_ms is None else words("alert.since", at=past(at_ms, now_ms, words))


def past(at_ms: int, now_ms: int, words: Words) -> str:
    """An instant that was: `10.31` today, else `Sen 23 Nov 15.00`."""
    clock = words.clock(at_ms)
    return clock if at_ms >= words.day_start_ms(now_ms) else f"{words.date(at_ms)} {clock}"


def _where(one: Finding) -> str:
    return f"{', '.join(outlet.outlet.name for outlet in one.outlets)} · {one.agency}"


def _what(one: Finding, now_ms: int, words: Words) -> str:
    if one.visitor_ms is not None:
        return words("sidak.what.waiting", at=past(one.visitor_ms, now_ms, words))
    if one.late:
        return words("sidak.what.late")
    if one.lapsed and one.since_ms is not None:
        return words("sidak.what.lapsed", at=past(one.since_ms, now_ms, words))
    return words("state.vacant")


def _told(one: Finding, now_ms: int, words: Words) -> str:
    """`08.15 Koordinator (langkah 1); 08.35 Kepala ULP (langkah 2)`, or when somebody will be told, or why not."""
    if one.told:
        return "; ".join(_notice(name, times, words) for name, times in _by_person(one.told, now_ms, words).items())
    if one.alerts:
        return words("sidak.told.fired", at=past(min(row.alert.fired_ms for row in one.alerts), now_ms, words))
    if one.quiet_ms is None:
        return words("sidak.told.off")
    if one.quiet == "due" and one.quiet_ms <= now_ms:
        return words("sidak.told.overdue", at=past(one.quiet_ms, now_ms, words))
    return words(f"sidak.told.{one.quiet}", at=words.coming(one.quiet_ms, now_ms))


def _by_person(told: Iterable[Notice], now_ms: int, words: Words) -> Mapping[tuple[str, int | None], list[str]]:
    times: dict[tuple[str, int | None], list[str]] = {}
    for one in told:
        times.setdefault((one.name, one.step), []).append(past(one.at_ms, now_ms, words))
    return times


def _notice(person: tuple[str, int | None], times: Sequence[str], words: Words) -> str:
    name, step = person
    said = f"{', '.join(times)} {name}"
    return said if step is None else f"{said} ({words('sidak.told.step', n=step)})"


def _answer(one: Finding, now_ms: int, words: Words) -> str:
    """`Diakui 10.05 oleh ani: alat rusak, “printer kuitansi”. Berlaku sampai 11.05`, and that it ran out."""
    given = one.answer
    if given is None:
        return words("sidak.answer.none") if one.told else "–"
    return words(
        "alert.acknowledged" if now_ms < given.until_ms else "sidak.answer.over",
        at=past(given.at_ms, now_ms, words),
        by=given.author,
        reason=answer_said(given, words),
        until=words.clock(given.until_ms),
    )


def _contact(one: Finding, words: Words, *, phones: bool) -> str:
    if one.contact is None:
        return words("sidak.contact.none")
    if not phones:
        return one.contact.name
    if one.contact.phone is None:
        return words("sidak.contact.no_phone", name=one.contact.name)
    return f"{one.contact.name}, {one.contact.phone}"


def _register(one: Finding) -> str:
    """Where a manager writes down whom to call: a contact of the agency, or the number of the one that is there."""
    agency = one.outlets[0].outlet.agency
    contacts = f"/admin/sites/{quote(one.site.id)}/agencies/{quote(agency)}/contacts"
    # A substitute who is named by name is no contact of the agency, and has no page.
    known = {contact.id for its in one.site.agencies if its.id == agency for contact in its.contacts}
    return f"{contacts}/{quote(one.contact.id)}" if one.contact is not None and one.contact.id in known else contacts


def _sure(one: Finding, now_ms: int, words: Words) -> str:
    """`Yakin 98 %, bukti 4 dtk`; rounded down, for nothing is wholly sure."""
    share = words("sidak.sure", p=words.percent(min(99, int(one.sure * 100)) / 100))
    return f"{share}, {_evidence(one.seen_ms, now_ms, words)}"


def _evidence(seen_ms: int | None, now_ms: int, words: Words) -> str:
    return words("tile.age.none") if seen_ms is None else words("tile.age", age=words.span(now_ms - seen_ms))


def _outlet(one: OutletNow, now_ms: int, words: Words) -> str:
    """`Loket 3: kosong sejak 09.51, bukti 4 dtk`."""
    state = words(f"state.{one.now.status}").lower()
    since = "" if one.now.since_ms is None else f" {_since(one.now.since_ms, now_ms, words)}"
    age = "" if one.now.status == "closed" else f", {_evidence(one.staff.seen_ms, now_ms, words)}"
    return f"{one.outlet.name}: {state}{since}{age}"


def declared(one: Finding, now_ms: int, words: Words) -> Aside:
    """A duty all of whose open outlets are declared: why, and until when."""
    whys = []
    for outlet in one.outlets:
        if outlet.now.status == "declared" and outlet.now.until_ms is not None:
            reason = outlet.now.reason or "other"
            text = words(
                "sidak.declared",
                reason=words.get(f"absence.{reason}", reason).lower(),
                at=words.coming(outlet.now.until_ms, now_ms),
            )
            whys.append(text if len(one.outlets) == 1 else f"{outlet.outlet.name}: {text}")
    return Aside(_where(one), "; ".join(whys))


def unknown(one: Finding, now_ms: int, words: Words) -> Aside:
    """A duty of which nobody can say: since when, and the last sign of its sensors."""
    if len(one.outlets) > 1:
        return Aside(_where(one), "; ".join(_outlet(outlet, now_ms, words) for outlet in one.outlets))
    if one.seen_ms is None:
        return Aside(_where(one), words("sidak.unknown.never"))
    since_ms = one.since_ms if one.since_ms is not None else one.seen_ms
    at, seen = past(since_ms, now_ms, words), past(one.seen_ms, now_ms, words)
    return Aside(_where(one), words("sidak.unknown.since", at=at, seen=seen))


def evidence(found: Answer, words: Words) -> Sequence[tuple[str, str]]:
    """How sure the list is: what is measured, and how much."""
    listed = [one.seen_ms for one in found.empty if one.seen_ms is not None]
    fresh = words("sidak.evidence.fresh.of", n=found.fresh, all=found.watched)
    rows = [(words("sidak.evidence.fresh"), fresh)]
    if listed:
        rows.append((words("sidak.evidence.oldest"), words.span(found.at_ms - min(listed))))
        least = min(min(99, int(one.sure * 100)) for one in found.empty)
        rows.append((words("sidak.evidence.least"), words.percent(least / 100)))
    return rows
