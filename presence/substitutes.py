"""What is wrong with a substitute that somebody names, and how he begins. Pure: values and `now` in.

It must silence nobody: who stands in can be reached by as much as the contact whose place he takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from presence.declarations import BEGUN_BEFORE_MS
from presence.people import name_problem, phone_problem
from presence.site import Agency, Contact, Site, Substitute
from presence.site_checks import Problem
from presence.site_inactive import ACTING_CHANNELS
from presence.site_values import channel_problem

LONGEST_MS: Final = 184 * 24 * 3_600_000
LONGEST_CHANNEL: Final = 500


def beginning_now(wanted: Substitute, now_ms: int) -> Substitute:
    """`wanted`, but what began up to 5 min ago begins now: who was told before was told."""
    if now_ms - BEGUN_BEFORE_MS <= wanted.from_ms < now_ms:
        return replace(wanted, from_ms=now_ms)
    return wanted


def check_substitute(site: Site, wanted: Substitute, now_ms: int) -> Iterator[Problem]:
    """What is wrong with `wanted`, by field: `contact`, `to`, `substitute`, `name`, `phone`, `channel`."""
    yield from _check_span(wanted, now_ms)
    contacts = {one.id: one for one in _agency(site, wanted.agency).contacts}
    away = contacts.get(wanted.contact)
    if away is None:
        yield Problem("contact", f'"{wanted.contact}" is no contact of this agency')
        return
    if wanted.person is None:
        other = contacts.get(wanted.to)
        if other is None:
            yield Problem(
                "substitute", f'"{wanted.to}" is no contact of this agency; name one of them, or somebody else'
            )
            return
        yield from _check_contact(site, wanted, other)
        yield from _check_reach("substitute", away, other)
    else:
        yield from (problems := list(_check_person(wanted.person)))
        if not problems:
            yield from _check_reach("channel", away, wanted.person)


def _agency(site: Site, agency_id: str) -> Agency:
    return next((one for one in site.agencies if one.id == agency_id), Agency(id=agency_id, name=agency_id))


def _check_span(wanted: Substitute, now_ms: int) -> Iterator[Problem]:
    if wanted.to_ms <= max(wanted.from_ms, now_ms):
        yield Problem("to", "is past, or not after `from`; write until when messages go elsewhere")
    elif wanted.to_ms - wanted.from_ms > LONGEST_MS:
        days = LONGEST_MS // (24 * 3_600_000)
        yield Problem("to", f"is more than {days} days after `from`; for longer, have the contact itself changed")
    if wanted.from_ms < now_ms:
        yield Problem("from", "is past; who was told then was told, so begin now or later")


def _check_contact(site: Site, wanted: Substitute, other: Contact) -> Iterator[Problem]:
    if other.id == wanted.contact:
        yield Problem("substitute", "is the contact himself; name another")
    elif is_away_too(site, wanted):
        yield Problem("substitute", f"{other.name} is away in that time himself; name another")


def is_away_too(site: Site, wanted: Substitute) -> bool:
    """Whether who is to stand in has a substitute himself at some time of it."""
    own = (one for one in site.substitutes if (one.agency, one.contact) == (wanted.agency, wanted.to))
    return any(overlap(one, wanted) for one in own)


def overlap(one: Substitute, other: Substitute) -> bool:
    """Whether both last at some instant."""
    return one.from_ms < other.to_ms and other.from_ms < one.to_ms


def _check_reach(path: str, away: Contact, other: Contact) -> Iterator[Problem]:
    """Messages that reach the contact must reach who stands in for him."""
    if away.channel is not None and (other.channel is None or (_acts(away) and not _acts(other))):
        yield Problem(
            path, f"{other.name} has no channel that acts: messages for {away.name} would reach nobody; name another"
        )
    elif other.channel is None and other.phone is None:
        yield Problem(path, f"{other.name} has neither channel nor phone and cannot be reached; name another")


def _acts(contact: Contact) -> bool:
    return contact.channel is not None and contact.channel.partition("://")[0] in ACTING_CHANNELS


def _check_person(person: Contact) -> Iterator[Problem]:
    if not person.name.strip():
        yield Problem("name", "is empty; write who it is, or name a contact of the agency as `substitute`")
    elif says := name_problem(person.name):
        yield Problem("name", says)
    if person.phone is not None and (says := phone_problem(person.phone)):
        yield Problem("phone", says)
    if person.channel is not None:
        says = channel_problem(person.channel)
        if says is not None or len(person.channel) > LONGEST_CHANNEL:
            yield Problem("channel", says or f"has more than {LONGEST_CHANNEL} characters")
