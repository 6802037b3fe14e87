"""The tiles of a floor: state, since when, the age of the evidence, and a note. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from api.answer_words import reason_said
from api.floor import STAFFED, Fixed
from api.floor_alerts import PEOPLE, TECHNICAL, VACANCY, first_of, unanswered
from api.live import Occupancy
from api.words import Words
from presence.instants import parse_instant
from presence.status import Status
from storage.record.acknowledgements import Acknowledgement
from storage.record.alert_list import AlertRow

EMPTY: tuple[Status, ...] = ("unattended", "vacant")


class Tile(NamedTuple):
    """What changes on a tile. `phase`: of the alert, "" for none; `note` "" = no note, `note_icon` "" = without one."""

    status: Status
    phase: str
    duration: str
    word: str
    note_icon: str
    note: str
    age: str


def tile(fixed: Fixed, occupancy: Occupancy, alerts: Sequence[AlertRow], now_ms: int, words: Words) -> Tile:
    """The tile of one outlet; `alerts`: those that stand and concern it."""
    phase, icon, note = _note(fixed, occupancy, alerts, now_ms, words)
    since_ms = word_since_ms(occupancy, alerts)
    return Tile(
        status=occupancy.status,
        phase=phase,
        duration="" if since_ms is None else words.span(now_ms - since_ms),
        word=words(f"state.{occupancy.status}"),
        note_icon=icon,
        note=note,
        age=_age(occupancy, now_ms, words),
    )


def word_since_ms(occupancy: Occupancy, alerts: Sequence[AlertRow]) -> int | None:
    """Since when the word of a tile is true; None when it does not say. It agrees with the card of its alert."""
    if occupancy.since is None or occupancy.status == "closed":
        return None
    if occupancy.status in EMPTY:
        told = first_of(alerts, ("unattended",) if occupancy.status == "unattended" else VACANCY)
        if told is not None:
            return told.alert.since_ms
    since_ms = parse_instant(occupancy.since)
    visitor = occupancy.zones.get("visitor")
    if occupancy.status in ("serving", "unattended") and visitor is not None and visitor.since is not None:
        return max(since_ms, parse_instant(visitor.since))
    return since_ms


def _age(occupancy: Occupancy, now_ms: int, words: Words) -> str:
    seen_ms = seen(occupancy)
    return words("tile.age.none") if seen_ms is None else words("tile.age", age=words.span(now_ms - seen_ms))


def seen(occupancy: Occupancy) -> int | None:
    """The newest evidence of the staff zone, or of any zone where there is no staff zone."""
    staff = occupancy.zones.get("staff")
    zones = [staff] if staff is not None else occupancy.zones.values()
    return max((parse_instant(zone.seen) for zone in zones if zone.seen is not None), default=None)


def _note(
    fixed: Fixed, occupancy: Occupancy, alerts: Sequence[AlertRow], now_ms: int, words: Words
) -> tuple[str, str, str]:
    """Phase, icon and text of what a tile says below its state."""
    status = occupancy.status
    until_ms = None if occupancy.until is None else parse_instant(occupancy.until)
    if occupancy.at is None:
        return "", "", words("tile.waiting")
    if status in EMPTY:
        # Of several alerts the one that nobody has answered is told.
        if people := first_of(unanswered(alerts, now_ms), PEOPLE):
            return "firing", "i-bell", _told_at(people, "note.told", words)
        if (people := first_of(alerts, PEOPLE)) and people.acknowledged is not None:
            return "acknowledged", "i-check", _acknowledged(people.acknowledged, words)
        due_ms = _due_ms(fixed, occupancy, until_ms)
        if due_ms is not None and due_ms > now_ms:
            return "pending", "st-declared", words("note.pending", at=words.clock(due_ms))
    if technical := first_of(alerts, TECHNICAL):
        if technical.alert.kind == "equipment_down" or not technical.told:
            kind = words(f"kind.{technical.alert.kind}")
            return "tech", "i-sensor", f"{kind} {words('alert.since', at=words.clock(technical.alert.since_ms))}"
        return "tech", "i-sensor", _told_at(technical, "note.tech", words)
    if status == "declared":
        reason = None if occupancy.reason is None else words.get(f"absence.{occupancy.reason}", occupancy.reason)
        back = None if until_ms is None else words.coming(until_ms, now_ms)
        if reason is not None and back is not None:
            return "", "st-declared", words("note.back", reason=reason, at=back)
        return "", "st-declared", words("note.back.no_reason", at=back) if back is not None else reason or ""
    if status == "closed" and until_ms is not None:
        return "", "", words("note.opens", at=words.coming(until_ms, now_ms))
    muted_ms = next((span.end_ms for span in fixed.muted if span.start_ms <= now_ms < span.end_ms), None)
    if muted_ms is not None and status in (*EMPTY, *STAFFED):
        return "", "i-info", words("note.muted", at=words.coming(muted_ms, now_ms))
    return "", "", ""


def _due_ms(fixed: Fixed, occupancy: Occupancy, until_ms: int | None) -> int | None:
    """When an alert would come if nothing changes; None when none would: a vacancy never spans a break."""
    if fixed.vacancy_ms is None or occupancy.since is None:
        return None
    due_ms = parse_instant(occupancy.since) + fixed.vacancy_ms
    if until_ms is not None and due_ms >= until_ms:
        return None
    return None if any(span.start_ms <= due_ms < span.end_ms for span in fixed.muted) else due_ms


def _acknowledged(answer: Acknowledgement, words: Words) -> str:
    return words("note.acknowledged", by=answer.author, reason=reason_said(answer, words))


def _told_at(row: AlertRow, told: str, words: Words) -> str:
    if row.told:
        return words(told, at=words.clock(row.told[0].at_ms))
    return words("note.fired", at=words.clock(row.alert.fired_ms))
