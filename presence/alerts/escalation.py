"""Who is told of an alert next, and when: the ladder of a site, its repeats, and what holds them back. Pure.

An acknowledgement stops the ladder until its own time-out; what became due meanwhile is due then, once, and repeats go
on at the instants of their step. What an engine missed is not said several times over either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from presence.alerts.life import Alert
from presence.alerts.subjects import Subject
from presence.intervals import Span
from presence.site import Contact, Group, Site, Step

_WITHOUT_LADDER: dict[Group, tuple[Step, ...]] = {
    "people": (Step(after_ms=0, to="agency", level=1),),
    "technical": (Step(after_ms=0, to="technician"),),
    "site": (Step(after_ms=0, to="facility_manager"),),
}


class Recipient(NamedTuple):
    """A contact of an agency at a site; `agency` "" for one of the site itself."""

    agency: str
    contact: str


class Rung(NamedTuple):
    """One step of the ladder: `after_ms` after firing these are told, and again every `repeat_ms`."""

    after_ms: int
    repeat_ms: int | None
    recipients: tuple[Recipient, ...]


class Told(NamedTuple):
    """Somebody was told that an alert stands."""

    recipient: Recipient
    at_ms: int


class Due(NamedTuple):
    """Somebody is to be told now: for the `first` time, or again."""

    recipient: Recipient
    first: bool


def ladder(site: Site, subject: Subject) -> list[Rung]:
    """The steps that alerts of `subject` climb."""
    steps = site.escalation.get(subject.group) or _WITHOUT_LADDER[subject.group]
    return [
        Rung(step.after_ms, step.repeat_ms, tuple(dict.fromkeys(_addressed(site, subject, step)))) for step in steps
    ]


def contact_of(site: Site, recipient: Recipient) -> Contact | None:
    """The contact as the registry has it now, or who is none and was told in one's place; None when it has neither."""
    contacts = _of_agency(site, recipient.agency) if recipient.agency else site.contacts
    known = next((contact for contact in contacts if contact.id == recipient.contact), None)
    return known or next(
        (
            one.person
            for one in site.substitutes
            if one.person is not None and (one.agency, one.to) == (recipient.agency, recipient.contact)
        ),
        None,
    )


def due(
    rungs: Iterable[Rung], base_ms: int, paused: Iterable[Span], told: Sequence[Told], until_ms: int
) -> tuple[list[Due], int | None]:
    """Who is to be told by `until_ms`, and the next instant at which somebody will be if nothing changes.

    `base_ms`: since when the ladder is climbed; `paused`: acknowledged stretches; `told`: since the alert stands.
    """
    last_ms: dict[Recipient, int] = {}
    for one in told:
        last_ms[one.recipient] = max(one.at_ms, last_ms.get(one.recipient, one.at_ms))
    stretches = sorted(paused)
    now: list[Due] = []
    later: list[int] = []
    for recipient, steps in _by_recipient(rungs).items():
        at_ms = _next(steps, base_ms, stretches, last_ms.get(recipient))
        if at_ms is not None and at_ms <= until_ms < (resumed_ms := _after_pause(until_ms, stretches)):
            at_ms = resumed_ms
        if at_ms is not None and at_ms <= until_ms:
            now.append(Due(recipient, recipient not in last_ms))
            at_ms = _next(steps, base_ms, stretches, until_ms)
        if at_ms is not None:
            later.append(at_ms)
    return now, min(later, default=None)


def speakers(subject: Subject, alerts: Iterable[Alert]) -> Iterator[Alert]:
    """Those of `alerts` that speak for the alerts of `subject` while they stand.

    A site outage does for silent sensors and gateways, a gateway that is offline for its silent sensors.
    """
    gateway = _gateway_of(subject)
    for alert in alerts:
        of_site = alert.kind == "site_outage" and subject.kind in ("sensor_silent", "gateway_offline")
        of_gateway = alert.kind == "gateway_offline" and subject.kind == "sensor_silent" and alert.subject == gateway
        if of_site or of_gateway:
            yield alert


def held_until(subject: Subject, speaking: Iterable[Alert], at_ms: int) -> int | None:
    """Until when nothing is said of `subject` itself; None: it may be said. At least as long as a speaker stands.

    What is over takes a moment to be over everywhere: only what still stands `after` later is a case of its own.
    """
    assert subject.rule is not None
    ends = [
        at_ms + 1 if alert.resolved_ms is None else alert.resolved_ms + subject.rule.after_ms
        for alert in speakers(subject, speaking)
    ]
    return max((end for end in ends if end > at_ms), default=None)


def _gateway_of(subject: Subject) -> str | None:
    for outlet in subject.outlets:
        for sensor in outlet.sensors:
            if sensor.id == subject.id and sensor.source is not None:
                return sensor.source.gateway
    return None


def _by_recipient(rungs: Iterable[Rung]) -> dict[Recipient, list[Rung]]:
    found: dict[Recipient, list[Rung]] = {}
    for rung in rungs:
        for recipient in rung.recipients:
            found.setdefault(recipient, []).append(rung)
    return found


def _next(steps: Iterable[Rung], base_ms: int, paused: Sequence[Span], last_ms: int | None) -> int | None:
    """When somebody on `steps` is told for the first time, or the next time after `last_ms`."""
    instants = []
    for step in steps:
        first_ms = base_ms + step.after_ms
        if last_ms is None or first_ms > last_ms:
            instants.append(first_ms)
        elif step.repeat_ms:
            instants.append(first_ms + ((last_ms - first_ms) // step.repeat_ms + 1) * step.repeat_ms)
    return min((_after_pause(at_ms, paused) for at_ms in instants), default=None)


def _after_pause(at_ms: int, paused: Sequence[Span]) -> int:
    for span in paused:
        if span.start_ms <= at_ms < span.end_ms:
            at_ms = span.end_ms
    return at_ms


def _addressed(site: Site, subject: Subject, step: Step) -> Iterator[Recipient]:
    if step.to != "agency":
        for contact in site.contacts:
            if contact.role == step.to and step.level in (None, contact.level):
                yield Recipient("", contact.id)
        return
    contacts = _of_agency(site, subject.agency)
    technical = any(contact.role == "technical" for contact in contacts)
    role = "technical" if subject.kind == "equipment_down" and technical else "contact"
    level = 1 if step.level is None else step.level
    for contact in contacts:
        if contact.role == role and contact.level == level:
            yield Recipient(subject.agency, contact.id)


def _of_agency(site: Site, agency_id: str) -> tuple[Contact, ...]:
    return next((agency.contacts for agency in site.agencies if agency.id == agency_id), ())
