"""What an agency's page says of its contacts and of who stands in for them. Values in, words out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from api.agency import Until, in_steps, moment, stretch
from api.words import Words
from presence.alerts.escalation import Recipient, contact_of
from presence.alerts.substitution import stand_in_of
from presence.instants import rfc3339
from presence.intervals import Span
from presence.site import Agency, Contact, Site
from storage.record.substitutes import Named

_HOUR_MS = 3_600_000
_FOR_MS = (8 * _HOUR_MS, 24 * _HOUR_MS, 7 * 24 * _HOUR_MS)
_LONGEST_MS = _FOR_MS[-1]
_SOONEST_MS = _HOUR_MS // 4
_FEWEST = 2
_PAST_SHOWN = 10


class ContactLine(NamedTuple):
    """A contact, and who answers for him now, "" when he does himself."""

    id: str
    name: str
    step: str
    phone: str
    instead: str


class SubstituteLine(NamedTuple):
    """A substitute as a sentence. `lasts`: it has begun, so that undoing ends it."""

    id: int
    said: str
    by: str
    lasts: bool


def lines(site: Site, agency: Agency, now_ms: int, words: Words, *, phones: bool) -> list[ContactLine]:
    """The contacts of an agency, by their step of the ladder."""
    return [
        ContactLine(
            one.id,
            one.name,
            words("agency.contact.technical") if one.role == "technical" else words("agency.contact.step", n=one.level),
            (one.phone or "") if phones else "",
            _instead(site, agency, one, now_ms, words, phones=phones),
        )
        for one in sorted(agency.contacts, key=lambda one: (one.role == "technical", one.level))
    ]


def _instead(site: Site, agency: Agency, contact: Contact, now_ms: int, words: Words, *, phones: bool) -> str:
    stand_in = stand_in_of(site, agency.id, contact, now_ms)
    if stand_in is None:
        return ""
    phone = (stand_in.contact.phone or "").replace(" ", "\u00a0") if phones else ""
    who = ", ".join(filter(None, (stand_in.contact.name, phone)))
    return words("agency.contact.instead", who=who, at=words.coming(stand_in.until_ms, now_ms))


def coming(named: Iterable[Named], site: Site, now_ms: int, words: Words) -> list[SubstituteLine]:
    """Those who stand in for somebody now, or will, in order."""
    found = [one for one in named if one.withdrawn_ms is None and one.what.to_ms > now_ms]
    return [_line(one, site, now_ms, words) for one in sorted(found, key=lambda one: (one.what.from_ms, one.id))]


def past(named: Iterable[Named], site: Site, now_ms: int, words: Words) -> list[SubstituteLine]:
    """The last of those that are over or were taken back, the newest first."""
    found = [one for one in named if one.withdrawn_ms is not None or one.what.to_ms <= now_ms]
    return [_line(one, site, now_ms, words) for one in found[:_PAST_SHOWN]]


def _line(one: Named, site: Site, now_ms: int, words: Words) -> SubstituteLine:
    what = one.what
    to = what.person or contact_of(site, Recipient(what.agency, what.to))
    away = contact_of(site, Recipient(what.agency, what.contact))
    said = words(
        "agency.substitute.line",
        away=what.contact if away is None else away.name,
        to=what.to if to is None else to.name,
        when=stretch(what.from_ms, what.to_ms, now_ms, words),
    )
    by = words("agency.substitute.by", by=one.author, at=moment(one.made_ms, now_ms, words))
    if one.withdrawn_ms is not None:
        by = f"{by}; {words('agency.substitute.withdrawn')}"
    return SubstituteLine(one.id, said, by, what.from_ms <= now_ms)


def untils(hours: Sequence[Span], now_ms: int, words: Words) -> list[Until]:
    """Until when one may be away: the end of this day and of the next, and of the last one within a week.

    Where fewer days end, for the hours go on or there are none: for some hours, a day, a week.
    """
    ends: dict[int, int] = {}
    for span in hours:
        if now_ms + _SOONEST_MS <= span.end_ms < now_ms + _LONGEST_MS:
            ends[words.day_start_ms(span.start_ms)] = span.end_ms
    by_day = [ends[day] for day in sorted(ends)]
    chosen = {*by_day[:2], *by_day[-1:]}
    if len(chosen) < _FEWEST:
        chosen.update(in_steps(now_ms + ms) for ms in _FOR_MS)
    return [Until(rfc3339(at_ms), words.coming(at_ms, now_ms), words.date(at_ms)) for at_ms in sorted(chosen)]
