"""What a person is told at once of several messages, composed from their bodies.

One line for those that say the same of one agency's outlets, or of sensors, or of gateways; else one each, the most
urgent first. When a citizen waits at an outlet and its vacancy is told too, that is one absence and one line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from presence.alerts.message import Event, Language
from presence.alerts.subjects import SubjectType, group_of
from presence.alerts.wording import Wording, capital
from presence.instants import parse_instant
from presence.site import AlertKind

_Body = Mapping[str, Any]

_URGENCY: tuple[Event, ...] = ("firing", "reminder", "disproved", "resolved", "acknowledged")
_ABSENCES: tuple[AlertKind, ...] = ("vacancy", "late_opening")


def group_body(messages: Sequence[tuple[str, _Body]], now_ms: int) -> dict[str, Any]:
    """The body of a group of `messages` (key, body), in the order of the queue; each stands in it as it is."""
    told = [_Told(body) for _, body in messages]
    return {
        "event": "group",
        "urgent": any(one.urgent for one in told),
        "text": {language: _text(told, now_ms, language) for language in get_args(Language)},
        "messages": [{"key": key, **body} for key, body in messages],
    }


class _Told:
    """One message, read back from its body."""

    def __init__(self, body: _Body) -> None:
        alert, facts = body["alert"], body.get("facts", {})
        self.event: Event = body["event"]
        self.kind: AlertKind = alert["kind"]
        self.sort: SubjectType = next(sort for sort in get_args(SubjectType) if sort in alert)
        self.subject: str = alert[self.sort]
        self.since_ms = parse_instant(alert["since"])
        self.resolved_ms = None if alert["resolved"] is None else parse_instant(alert["resolved"])
        self.urgent = bool(alert.get("urgent")) and self.event in ("firing", "reminder")
        self.late = bool(alert["late"]) and self.event in ("firing", "reminder")
        self.answered = alert.get("acknowledged") is not None
        self.reason = _reason(self.kind, alert["reason"] or "ended", facts) if self.event == "resolved" else None
        self.at_ms = self._instant(facts)
        named = body[self.sort]
        self.timezone: str = named.get("site", named)["timezone"]
        self.agency = _agency(named)
        self.name = _name(named)
        self.link: str | None = body.get("link")
        self._text: Mapping[Language, str] = body["text"]

    def lines(self, language: Language) -> list[str]:
        """Its own text, without the link."""
        return [line for line in self._text[language].split("\n") if line != self.link]

    def line(self, language: Language) -> str:
        """It in one line, which names what it is about."""
        lines = self.lines(language)
        return " ".join(lines[:2]) if self.event in ("resolved", "acknowledged") else lines[0]

    def _instant(self, facts: Mapping[str, Any]) -> int:
        if self.reason == "unknown" and "unknown_since" in facts:
            return parse_instant(facts["unknown_since"])
        return self.since_ms if self.event != "resolved" or self.resolved_ms is None else self.resolved_ms


def _reason(kind: AlertKind, reason: str, facts: Mapping[str, Any]) -> str:
    """As the alert says; `withdrawn` where its rule ended it."""
    if reason == "ended" and (facts.get("withdrawn") or group_of(kind) == "people"):
        return "withdrawn"
    return reason


def _agency(named: Mapping[str, Any]) -> str:
    agency = named.get("agency")
    return "" if agency is None else agency["short"] or agency["name"]


def _name(named: Mapping[str, Any]) -> str:
    """How a list calls it: an outlet by its number, else by its name; anything else by its id."""
    if "number" not in named:
        return str(named["id"])
    return str(named["name"] if named["number"] is None else named["number"])


@dataclass(slots=True)
class _Item:
    """One absence, or one message. `again`: its subject has an earlier one in the group."""

    lead: _Told
    beside: _Told | None = None
    again: bool = False
    urgency: int = field(default=0)

    def alike(self) -> tuple[object, ...] | None:
        """Equal for those that one line can tell of; None: it needs its own."""
        lead = self.lead
        if self.beside or self.again or lead.sort in ("duty", "site") or lead.event == "acknowledged":
            return None
        if lead.event == "reminder" and lead.answered:
            return None
        return lead.event, lead.kind, lead.reason, lead.agency if lead.sort == "outlet" else ""


def _text(told: Sequence[_Told], now_ms: int, language: Language) -> str:
    wording = Wording(language, told[0].timezone, now_ms)
    rows = _rows(_items(told))
    if len(rows) == 1 and len(rows[0]) == 1:
        lines = _absence(rows[0][0], language)
    else:
        lines = [_row(row, wording, language) for row in rows]
        if any(one.late for one in told):
            lines.append(wording.say("group.late"))
    link = rows[0][0].lead.link
    return "\n".join([*lines, link] if link else lines)


def _items(told: Sequence[_Told]) -> list[_Item]:
    """What there is to tell, the most urgent first; of one subject in its order."""
    found: list[_Item] = []
    newest: dict[tuple[AlertKind, str], _Item] = {}
    for one in told:
        before = newest.get((one.kind, one.subject))
        item = _Item(one, again=before is not None, urgency=-1 if one.urgent else _URGENCY.index(one.event))
        if before is not None:
            item.urgency = max(item.urgency, before.urgency)
        newest[one.kind, one.subject] = item
        found.append(item)
    return sorted(_paired(found), key=lambda item: item.urgency)


def _paired(items: list[_Item]) -> list[_Item]:
    """`items`, those about one absence of one outlet joined, the waiting citizen leading."""
    left = list(items)
    for item in items:
        if item.lead.kind == "unattended" and not item.again:
            other = next((one for one in left if not one.again and _same_absence(item.lead, one.lead)), None)
            if other is not None:
                item.beside = other.lead
                left.remove(other)
    return left


def _same_absence(unattended: _Told, other: _Told) -> bool:
    """Whether both say the same of one outlet's empty chair."""
    if other.kind not in _ABSENCES or (other.sort, other.subject) != (unattended.sort, unattended.subject):
        return False
    if (other.event, other.reason) != (unattended.event, unattended.reason):
        return False
    overlap = other.resolved_ms is None or unattended.since_ms < other.resolved_ms
    return overlap and (unattended.resolved_ms is None or other.since_ms < unattended.resolved_ms)


def _rows(items: Sequence[_Item]) -> list[list[_Item]]:
    """`items`, each with those that are told in its line."""
    rows: dict[object, list[_Item]] = {}
    for number, item in enumerate(items):
        rows.setdefault(item.alike() or number, []).append(item)
    return list(rows.values())


def _absence(item: _Item, language: Language) -> list[str]:
    """All that the lead says, with what the other one adds as its second line."""
    first, *facts = item.lead.lines(language)
    return [first, *_added(item, first, language), *facts]


def _row(row: Sequence[_Item], wording: Wording, language: Language) -> str:
    if len(row) > 1:
        return _alike(row, wording)
    first = row[0].lead.line(language)
    return " ".join([first, *_added(row[0], first, language)])


def _added(item: _Item, first: str, language: Language) -> list[str]:
    """What the other message of an absence says beyond `first`."""
    if item.beside is None:
        return []
    known = {sentence.rstrip(".") for sentence in first.split(". ")}
    new = [part for part in item.beside.line(language).removesuffix(".").split(". ") if part not in known]
    return [f"{'. '.join(new)}."] if new else []


def _alike(row: Sequence[_Item], wording: Wording) -> str:
    """`3 loket Disdukcapil kosong: 1 (sejak 09.51), 2 (09.53), 3 (10.02).`"""
    lead = row[0].lead
    said = "firing" if lead.event == "reminder" else lead.event
    keys = [f"{said}.{lead.kind}.{lead.reason}", f"{said}.{lead.kind}", f"{said}.{lead.reason}", said]
    things = wording.first_of(f"group.{lead.sort}" if lead.agency or lead.sort != "outlet" else "group.outlet.plain")
    items = wording.first_of(*(f"group.item.{key}" for key in keys), "group.item")
    firsts = wording.first_of(*(f"group.first.{key}" for key in keys), "group.item")
    named = [
        (items if number else firsts).format(name=item.lead.name, at=wording.clock(item.lead.at_ms))
        for number, item in enumerate(row)
    ]
    clause = wording.first_of(*(f"group.{key}" for key in keys)).format(
        things=things.format(count=len(row), agency=lead.agency), items=", ".join(named)
    )
    return wording.say("group.reminder", clause=clause) if lead.event == "reminder" else f"{capital(clause)}."
