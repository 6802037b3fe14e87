"""What an agency's page shows: alerts to answer, absences, its record, what others see of it. Values in, words out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import floor
from statistics import median
from typing import NamedTuple

from api import floor as live
from api import floor_alerts, floor_tiles
from api.answer_words import with_note
from api.floor_alerts import OF_OUTLETS
from api.ledger_bars import bound, shares
from api.live import Occupancy
from api.words import Words
from presence.alerts import escalation
from presence.alerts.subjects import subjects
from presence.alerts.substitution import is_known, rungs_at
from presence.instants import parse_instant, rfc3339
from presence.intervals import Span
from presence.ledger import coverage
from presence.ledger_sums import Entry, LedgerSum, sums
from presence.site import Absence, AbsenceReason, Outlet, Site
from storage.record.acknowledgements import Acknowledgement
from storage.record.alert_list import AlertRow
from storage.record.contests import Contest
from storage.record.declarations import Declaration

# What one may know beforehand; that nobody came, and that a sensor is wrong, is known afterwards alone.
DECLARED: tuple[AbsenceReason, ...] = ("break", "meeting", "sick", "equipment", "system_down", "other")

_PARTS = ("attended", "absent", "declared", "unknown")
_MINUTE_MS = 60_000
_CONTESTABLE = 20
_STEP_MS = 5 * _MINUTE_MS
_SOON_MS = (15 * _MINUTE_MS, 30 * _MINUTE_MS, 60 * _MINUTE_MS)
_STRETCHES_OF_A_DAY = 2
_BAR_PX, _THIN_PX = 28.0, 16.8  # absence sticks out, so that a grey copy tells it


class Ask(NamedTuple):
    """An alert that stands, as its agency is asked. `evidence`, `coming`: sentences, "" for none; `answer`: its id."""

    card: floor_alerts.Card
    evidence: str
    coming: str
    answer: int | None


def asks(
    rows: Iterable[AlertRow], occupancies: Mapping[str, Occupancy], plan: live.Plan, now_ms: int, words: Words
) -> list[Ask]:
    """The alerts of `rows` that stand and that an agency answers, unanswered ones first."""
    stand = {row.id: row for row in rows if row.stands and row.alert.kind in OF_OUTLETS}
    found = []
    for card in floor_alerts.cards(stand.values(), occupancies, plan, now_ms, words):
        row = stand[card.id]
        outlets = (
            plan.subjects[floor_alerts.subject_key(row)].outlets
            if floor_alerts.subject_key(row) in plan.subjects
            else ()
        )
        occupancy = occupancies.get(outlets[0]) if len(outlets) == 1 else None
        href = f"/sites/{plan.site.id}/outlets/{outlets[0]}" if outlets else ""
        found.append(
            Ask(
                card._replace(where=_where(card, outlets, plan), href=href),
                "" if occupancy is None else evidence(occupancy, now_ms, words),
                _coming(row, plan, words, now_ms),
                None if row.acknowledged is None or card.life == "firing" else row.acknowledged.id,
            )
        )
    return found


def _where(card: floor_alerts.Card, outlets: Sequence[str], plan: live.Plan) -> str:
    """`Loket 22 · Pengaduan`: whose it is need not be said here."""
    outlet = next((one for one in plan.site.outlets if [one.id] == list(outlets)), None)
    return card.where if outlet is None else " · ".join(filter(None, (outlet.name, outlet.service)))


def evidence(occupancy: Occupancy, now_ms: int, words: Words) -> str:
    """`Bukti 4 dtk lalu, yakin 98 %.`: how old the newest evidence is, and how sure it makes that nobody is there."""
    seen_ms, staff = floor_tiles.seen(occupancy), occupancy.zones.get("staff")
    if seen_ms is None:
        return words("agency.evidence.none")
    age = words.span(now_ms - seen_ms)
    if staff is None or staff.state != "vacant":
        return words("agency.evidence.age", age=age)
    return words("agency.evidence", age=age, sure=words.percent(floor((1 - staff.p) * 100) / 100))


def _coming(row: AlertRow, plan: live.Plan, words: Words, now_ms: int) -> str:
    """Who is told next, and when, if nobody answers."""
    if row.state(now_ms) != "firing":
        return ""
    key = (row.alert.kind, row.alert.subject)
    subject = next((one for one in subjects(plan.site) if (one.kind, one.id) == key), None)
    if subject is None:
        return ""
    told = {(one.agency, one.recipient) for one in row.told}
    for rung in escalation.ladder(plan.site, subject):
        at_ms = row.alert.fired_ms + rung.after_ms
        (then,) = rungs_at(plan.site, [rung], at_ms, is_known)
        new = [one for one in then.recipients if one not in told]
        if at_ms > now_ms and new:
            names = [plan.contacts.get(f"{one.agency}/{one.contact}", one.contact) for one in new]
            return words("agency.coming", who=", ".join(names), at=words.clock(at_ms))
    return ""


# Absences


class Until(NamedTuple):
    """An end that an absence may have: what the form sends, and how it is called."""

    value: str
    label: str
    span: str


def begins(hours: Sequence[Span], now_ms: int) -> int:
    """When an absence that is declared now begins: now, or with the next opening; `hours`: from now on."""
    return max(now_ms, hours[0].start_ms) if hours else now_ms


def untils(hours: Sequence[Span], now_ms: int, words: Words) -> list[Until]:
    """In how long one may be back: soon, after this stretch of the day, or after all of it.

    Shortly before the end of the day, after the next stretches too.
    """
    begin_ms = begins(hours, now_ms)
    day_ms = words.day_start_ms(begin_ms)
    today = [span.end_ms for span in hours if day_ms == words.day_start_ms(span.end_ms - 1) <= span.start_ms]
    last_ms = max(today, default=begin_ms + max(_SOON_MS) + _STEP_MS)
    soon = [in_steps(begin_ms + ms) for ms in _SOON_MS]
    ends = {*(at_ms for at_ms in soon if at_ms < last_ms), *today[:1], *today[-1:]}
    if len(ends) == 1:
        ends.update([span.end_ms for span in hours if span.start_ms >= last_ms][:_STRETCHES_OF_A_DAY])
    return [
        Until(rfc3339(at_ms), words.coming(at_ms, now_ms), words.span(at_ms - begin_ms))
        for at_ms in sorted(ends)
        if at_ms > begin_ms
    ]


def in_steps(at_ms: int) -> int:
    """The next instant whose minutes are a multiple of five."""
    return -(-at_ms // _STEP_MS) * _STEP_MS


class DeclaredLine(NamedTuple):
    """An absence that lasts or is to come. `ends`: it lasts, so that undoing ends it; `ours`: a person made it."""

    id: int
    where: str
    when: str
    why: str
    ends: bool
    ours: bool


def declared(
    found: Iterable[Declaration[Absence]], outlets: Mapping[str, str], now_ms: int, words: Words
) -> list[DeclaredLine]:
    """The absences of `outlets` (names by id), as lines."""
    return [
        DeclaredLine(
            one.id,
            outlets[one.what.outlet],
            stretch(one.what.from_ms, one.what.to_ms, now_ms, words),
            reason_in_words(one.what.reason, one.what.note, words),
            one.what.from_ms <= now_ms,
            one.what.origin == "person",
        )
        for one in found
        if one.what.outlet in outlets
    ]


def stretch(from_ms: int, to_ms: int, now_ms: int, words: Words) -> str:
    """`Sel 24 Nov 12.00–13.00`; without the date when it is today's."""
    same_day = words.day_start_ms(from_ms) == words.day_start_ms(to_ms)
    end = words.clock(to_ms) if same_day else f"{words.dated(to_ms, now_ms)} {words.clock(to_ms)}"
    date = "" if words.day_start_ms(from_ms) == words.day_start_ms(now_ms) else f"{words.dated(from_ms, now_ms)} "
    return f"{date}{words.clock(from_ms)}–{end}"


def moment(at_ms: int, now_ms: int, words: Words) -> str:
    """`10.42`; with its date when that is not today's."""
    clock = words.clock(at_ms)
    return clock if words.day_start_ms(at_ms) == words.day_start_ms(now_ms) else f"{words.dated(at_ms, now_ms)} {clock}"


def reason_in_words(reason: str, note: str | None, words: Words) -> str:
    """`alat rusak, “printer”`."""
    return with_note(words.get(f"absence.{reason}", reason).lower(), note)


# The record


class Bar(NamedTuple):
    """One part of a bar of the ledger: class, x and width in %, y and height in px; the legend's word and share."""

    part: str
    x: str
    width: str
    y: float
    height: float
    word: str
    share: str


class RecordLine(NamedTuple):
    """An outlet's figures, or all together: coverage today and this month, and the time that nobody was there."""

    name: str
    href: str
    today: str
    month: str
    absent: str


class Answers(NamedTuple):
    """How the alerts of a month were answered; `within_ms`: the median time to the first answer, None without any."""

    alerts: int
    answered: int
    within_ms: int | None


def covered(booked: Sequence[LedgerSum], words: Words) -> str:
    """`60,7–65,0 %`: coverage at least and at most; a single figure when nothing is unknown."""
    found = coverage(booked)
    return words("agency.record.nothing") if found is None else bound(found, words)


def bars(booked: LedgerSum, words: Words) -> list[Bar]:
    """The month in one bar; printed shares add up to 100,0 %."""
    parts = [booked.attended_ms, booked.absent_ms, booked.declared_ms, booked.unknown_ms]
    found, x = [], 0
    for part, share in zip(_PARTS, shares(parts), strict=True):
        tall = part == "absent"
        found.append(
            Bar(
                part,
                f"{x / 10:.2f}%",
                f"{share / 10:.2f}%",
                0 if tall else (_BAR_PX - _THIN_PX) / 2,
                _BAR_PX if tall else _THIN_PX,
                words(f"agency.part.{part}"),
                words.percent(share / 1000, 1),
            )
        )
        x += share
    return found


def record_lines(
    entries: Sequence[Entry], outlets: Sequence[Outlet], site: Site, today: str, words: Words
) -> list[RecordLine]:
    """One line for each of `outlets`; `entries`: theirs of this month, as outlets."""
    month = {one.id: one for one in sums(entries, "outlet")}
    day = {one.id: one for one in sums([one for one in entries if one.day.date == today], "outlet")}
    found = []
    for outlet in outlets:
        whole, now = month.get(outlet.id), day.get(outlet.id)
        found.append(
            RecordLine(
                outlet.name,
                f"/sites/{site.id}/outlets/{outlet.id}",
                covered([] if now is None else [now], words),
                covered([] if whole is None else [whole], words),
                words.span(0 if whole is None else whole.absent_ms),
            )
        )
    return found


def opened(entries: Iterable[Entry], words: Words) -> str:
    """The clock at which outlets were opened, in the middle of their days; "" when none was."""
    after = [words.time_of_day_ms(day.opened_at_ms) for _, _, day in entries if day.opened_at_ms is not None]
    if not after:
        return ""
    return words.clock_of(round(median(after)) // _MINUTE_MS)


def answers(rows: Iterable[AlertRow], given: Mapping[str, Sequence[Acknowledgement]]) -> Answers:
    """How `rows` were answered; those that late data disproved are nobody's."""
    asked = [row for row in rows if row.alert.kind in OF_OUTLETS and row.disproved_ms is None]
    took = [given[row.id][0].at_ms - row.alert.fired_ms for row in asked if given.get(row.id)]
    return Answers(len(asked), len(took), round(median(took)) if took else None)


# Contests


class ContestLine(NamedTuple):
    """A contested absence. `verdict`: its word, "" while it waits; `decided`: by whom, when and why."""

    id: int
    where: str
    when: str
    said: str
    by: str
    verdict: str
    decided: str


class Contestable(NamedTuple):
    """A stretch that was alerted and may be contested: what the form sends, and how it is called."""

    value: str
    label: str


def contest_lines(found: Iterable[Contest], outlets: Mapping[str, str], now_ms: int, words: Words) -> list[ContestLine]:
    """The contests of `outlets` (names by id): those that wait first."""
    return [
        ContestLine(
            one.id,
            outlets[one.outlet],
            stretch(one.from_ms, one.to_ms, now_ms, words),
            one.text,
            words("agency.contest.by", by=one.author, at=moment(one.made_ms, now_ms, words)),
            "" if one.verdict is None else words(f"agency.verdict.{one.verdict}"),
            _decided(one, now_ms, words),
        )
        for one in sorted(found, key=lambda one: one.verdict is not None)
        if one.outlet in outlets
    ]


def _decided(one: Contest, now_ms: int, words: Words) -> str:
    if one.decided_ms is None:
        return ""
    at = moment(one.decided_ms, now_ms, words)
    return words("agency.contest.decided", by=one.decided_by or "", at=at, text=one.decision or "")


def contestable(rows: Iterable[AlertRow], outlets: Mapping[str, str], now_ms: int, words: Words) -> list[Contestable]:
    """The newest absences of single outlets that were alerted and are over, to be chosen from."""
    over = [
        row.alert
        for row in rows
        if row.alert.resolved_ms is not None and row.disproved_ms is None and row.alert.subject in outlets
    ]
    over.sort(key=lambda alert: -alert.since_ms)
    return [
        Contestable(
            f"{alert.subject} {rfc3339(alert.since_ms)} {rfc3339(alert.resolved_ms or 0)}",
            f"{outlets[alert.subject]}, {stretch(alert.since_ms, alert.resolved_ms or 0, now_ms, words)}",
        )
        for alert in over[:_CONTESTABLE]
        if alert.kind in OF_OUTLETS
    ]


# What others see


class Seen(NamedTuple):
    """What is said of one outlet elsewhere."""

    name: str
    status: str
    board: str


def seen_by_others(
    outlets: Iterable[Outlet], occupancies: Mapping[str, Occupancy], now_ms: int, words: Words
) -> list[Seen]:
    """What the public board says of each outlet: its state, when it comes back or opens, and no reason."""
    return [
        Seen(outlet.name, occupancies[outlet.id].status, _board(occupancies[outlet.id], now_ms, words))
        for outlet in outlets
    ]


def _board(occupancy: Occupancy, now_ms: int, words: Words) -> str:
    until_ms = None if occupancy.until is None else parse_instant(occupancy.until)
    if occupancy.status in ("declared", "closed") and until_ms is not None:
        return words(f"agency.board.{occupancy.status}.until", at=words.coming(until_ms, now_ms))
    return words(f"agency.board.{occupancy.status}")
