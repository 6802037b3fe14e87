"""Who is told in a contact's place, and when: a ladder as it is at one instant. Pure.

Whoever stands in is told only while he can be reached; else it is as if nobody did. One who stands in for somebody and
is away himself hands on to his own substitute. Messages go to a person, so two places of one ladder that lead to the
same are one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from presence.alerts.escalation import Recipient, Rung, contact_of
from presence.site import Contact, Site, Substitute

Reached = Callable[[Site, Recipient], bool]


class StandIn(NamedTuple):
    """Who answers for a contact now. `until_ms`: the end of it."""

    contact: Contact
    until_ms: int


def in_force(site: Site, at_ms: int) -> tuple[Substitute, ...]:
    """Those that stand in for somebody at `at_ms`."""
    return tuple(one for one in site.substitutes if one.from_ms <= at_ms < one.to_ms)


def told_for(site: Site, recipient: Recipient, at_ms: int, reached: Reached) -> Recipient:
    """Who is told at `at_ms` of what is meant for `recipient`; himself when nobody stands in who can be reached."""
    lasting = {(one.agency, one.contact): Recipient(one.agency, one.to) for one in in_force(site, at_ms)}
    found, passed = recipient, {recipient}
    next_one = lasting.get(recipient)
    while next_one is not None and next_one not in passed:
        passed.add(next_one)
        if reached(site, next_one):
            found = next_one
        next_one = lasting.get(next_one)
    return found


def rungs_at(site: Site, rungs: Iterable[Rung], at_ms: int, reached: Reached) -> list[Rung]:
    """The ladder with those in it who are told at `at_ms`, on each step once."""
    return [
        rung._replace(recipients=tuple(dict.fromkeys(told_for(site, one, at_ms, reached) for one in rung.recipients)))
        for rung in rungs
    ]


def next_change_ms(site: Site, agency: str, after_ms: int) -> int | None:
    """When somebody of an agency begins or ends to stand in next; None: nobody will."""
    edges = (edge for one in site.substitutes if one.agency == agency for edge in (one.from_ms, one.to_ms))
    return min((edge for edge in edges if edge > after_ms), default=None)


def is_known(site: Site, recipient: Recipient) -> bool:
    """Whether the recipient is somebody: the `Reached` of who only shows whom to call."""
    return contact_of(site, recipient) is not None


def stand_in_of(site: Site, agency: str, contact: Contact, at_ms: int) -> StandIn | None:
    """Who answers for a contact at `at_ms`; None: himself."""
    own = Recipient(agency, contact.id)
    other = told_for(site, own, at_ms, is_known)
    found = contact_of(site, other)
    if other == own or found is None:
        return None
    ends = (one.to_ms for one in in_force(site, at_ms) if (one.agency, one.contact) == own)
    return StandIn(found, min(ends))


def names_of(site: Site) -> dict[tuple[str, str], str]:
    """The name of everybody whom messages may have reached, by agency ("": the site's own) and id."""
    found = {("", contact.id): contact.name for contact in site.contacts}
    found |= {(one.agency, one.to): one.person.name for one in site.substitutes if one.person is not None}
    return found | {(agency.id, one.id): one.name for agency in site.agencies for one in agency.contacts}


def answering(site: Site, agency: str, contacts: Iterable[Contact], at_ms: int) -> list[Contact]:
    """Who answers at `at_ms` in the places of `contacts`: their names and phones, on their steps of the ladder."""
    found = []
    for contact in contacts:
        stand_in = stand_in_of(site, agency, contact, at_ms)
        found.append(contact if stand_in is None else _in_place_of(contact, stand_in.contact))
    return found


def _in_place_of(contact: Contact, other: Contact) -> Contact:
    return Contact(
        id=other.id, name=other.name, role=contact.role, level=contact.level, channel=other.channel, phone=other.phone
    )
