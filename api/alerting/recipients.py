"""Who is told of an alert: the contacts that the site's ladder addresses at once. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from presence.alerts.life import DutyOf
from presence.site import Contact, Site, Step
from storage.record.alerts import Recipient

_WITHOUT_LADDER = (Step(after_ms=0, to="agency", level=1),)


def recipients(site: Site, duty: DutyOf) -> dict[Recipient, Contact]:
    """Those whom the steps of `escalation.people` with `after` 0 address, each once, in order of the steps."""
    steps = site.escalation.get("people", _WITHOUT_LADDER)
    return {
        Recipient(agency, contact.id): contact
        for step in steps
        if step.after_ms == 0
        for agency, contact in _addressed(site, duty, step)
    }


def contact_of(site: Site, recipient: Recipient) -> Contact | None:
    """The contact as the registry has it now; None when it is not there any more."""
    contacts = dict(_of_agency(site, recipient.agency)) if recipient.agency else {one.id: one for one in site.contacts}
    return contacts.get(recipient.contact)


def _addressed(site: Site, duty: DutyOf, step: Step) -> Iterator[tuple[str, Contact]]:
    if step.to == "agency":
        level = 1 if step.level is None else step.level
        for _, contact in _of_agency(site, duty.agency):
            if contact.role == "contact" and contact.level == level:
                yield duty.agency, contact
        return
    for contact in site.contacts:
        if contact.role == step.to and step.level in (None, contact.level):
            yield "", contact


def _of_agency(site: Site, agency_id: str) -> Iterator[tuple[str, Contact]]:
    for agency in site.agencies:
        if agency.id == agency_id:
            yield from ((contact.id, contact) for contact in agency.contacts)
