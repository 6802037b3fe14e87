"""Which duties are obliged and empty now: since when, who answers for them, who was told of it, and how sure that is.

A duty is booked as the ledger books this instant: attended, absent (here: empty), declared or unknown. Pure: the
registry, the live state and the alerts in, findings out; `api.sidak_words` says them on the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from api.live import Distrust, Occupancy
from presence.alerts.escalation import ladder
from presence.alerts.subjects import Subject, subjects
from presence.alerts.substitution import answering, is_known, names_of, rungs_at
from presence.duties import DutyOf, duties
from presence.hours_history import hours_by, schedule_of
from presence.instants import parse_instant, rfc3339, rfc3339_or_none
from presence.ledger import Booking, Signal, booking
from presence.obligations import Obligations
from presence.service_hours import ServiceHours
from presence.site import Absence, Contact, Outlet, Site, ZoneName
from presence.status import Occupancy as ZoneNow
from presence.status import OutletStatus, outlet_status
from storage.record.acknowledgements import Acknowledgement
from storage.record.alert_list import AlertRow

KINDS = ("vacancy", "late_opening", "unattended")
FRESH_MS = 90_000
_NOBODY = ZoneNow("unknown", 0.5, None, None)
_ZONES: tuple[ZoneName, ...] = ("staff", "visitor")

# Why nobody is told, or when: "due" at an instant; "off": no rule; the others hold an alert back.
Quiet = Literal["due", "off", "closing", "maintenance"]
_Key = tuple[str, str]


@dataclass(frozen=True)
class Plan:
    """A site as sidak needs it."""

    site: Site
    duties: Sequence[DutyOf]
    hours: Mapping[str, ServiceHours]
    absences: Mapping[str, Sequence[Absence]]
    obligations: Obligations
    subjects: Mapping[tuple[str, str, str], Subject]
    names: Mapping[_Key, str]
    agencies: Mapping[str, str]
    contacts: Mapping[str, Contact]


def plan(site: Site, now_ms: int) -> Plan:
    """The plan of `site`, with those who answer for their agencies at `now_ms`."""
    responsible = {
        agency.id: _responsible(answering(site, agency.id, agency.contacts, now_ms)) for agency in site.agencies
    }
    absences: dict[str, list[Absence]] = {}
    for absence in site.absences:
        absences.setdefault(absence.outlet, []).append(absence)
    return Plan(
        site=site,
        duties=duties(site),
        hours={outlet.id: hours_by(schedule_of(site, outlet)) for outlet in site.outlets},
        absences=absences,
        obligations=Obligations(site),
        subjects={(one.kind, one.subject_type, one.id): one for one in subjects(site) if one.kind in KINDS},
        names=names_of(site),
        agencies={agency.id: agency.short or agency.name for agency in site.agencies},
        contacts={agency: contact for agency, contact in responsible.items() if contact is not None},
    )


def _responsible(contacts: Iterable[Contact]) -> Contact | None:
    """Whom to call: of the lowest step of the ladder, of those with a telephone before the others."""
    asked = [contact for contact in contacts if contact.role == "contact"]
    return min(asked, key=lambda contact: (contact.phone is None, contact.level), default=None)


class OutletNow(NamedTuple):
    """An outlet of a duty. `staff`: its staff zone; `absent_ms`: since when surely nobody is expected or seen there.

    `visitor_ms`: since when a visitor waits there for nobody; None: none does, or nobody watches for one.
    """

    outlet: Outlet
    now: OutletStatus
    staff: ZoneNow
    absent_ms: int | None
    visitor_ms: int | None


class Notice(NamedTuple):
    """Somebody heard of it. `step`: of the ladder, from 1; None: a contact that is on it no more."""

    at_ms: int
    agency: str
    contact: str
    name: str
    step: int | None


class Finding(NamedTuple):
    """One obliged duty that is not attended. `since_ms`: since when it is so, as far as is known.

    `sure`: the chance that fewer than n are there; `seen_ms`: the oldest of its outlets' newest evidence.
    `late`: nobody was there yet today. `lapsed`: it began with the end of an absence.
    `answer`: the newest acknowledgement, whether it holds or not.
    `quiet` and `quiet_ms`: when nobody was told, why not, or until when.
    """

    site: Site
    duty: DutyOf
    agency: str
    contact: Contact | None
    booking: Booking
    outlets: tuple[OutletNow, ...]
    since_ms: int | None
    sure: float
    seen_ms: int | None
    late: bool
    lapsed: bool
    alerts: tuple[AlertRow, ...]
    told: tuple[Notice, ...]
    answer: Acknowledgement | None
    quiet: Quiet
    quiet_ms: int | None

    @property
    def visitor_ms(self) -> int | None:
        """Since when a visitor waits at one of its outlets."""
        return min((one.visitor_ms for one in self.outlets if one.visitor_ms is not None), default=None)


class Answer(NamedTuple):
    """What sidak answers: `empty` with the longest first; obliged = attended + empty + declared + unknown, in duties.

    `fresh`: how many of the `watched` outlets that are open are known by evidence younger than 90 s. `grouped`: whether
    some of the duties are of several outlets.
    """

    at_ms: int
    sums: Mapping[str, int]
    empty: Sequence[Finding]
    declared: Sequence[Finding]
    unknown: Sequence[Finding]
    fresh: int
    watched: int
    grouped: bool
    distrust: Mapping[str, Distrust]


class Asked(NamedTuple):
    """A site with what is heard of it now. `agency`: whose duties alone are asked for; None: everybody's."""

    plan: Plan
    occupancies: Sequence[Occupancy]
    alerts: Sequence[AlertRow]
    distrust: Distrust | None
    agency: str | None = None


def answer(asked: Iterable[Asked], now_ms: int) -> Answer:
    """What sidak answers of these sites at `now_ms`."""
    asked = list(asked)
    obliged = [(one, duty, outlets) for one in asked for duty, outlets in _obliged(one, now_ms)]
    counts: dict[Booking, int] = dict.fromkeys(("attended", "absent", "declared", "unknown"), 0)
    found: list[Finding] = []
    alerts = {one.plan.site.id: _standing(one.alerts) for one in asked}
    for one, duty, outlets in obliged:
        booked = _booking(outlets, duty.at_least)
        counts[booked] += 1
        if booked != "attended":  # nobody asks since when
            rows = _alerts_of(duty, alerts[one.plan.site.id])
            found.append(_finding(one.plan, duty, booked, outlets, rows, now_ms))
    found.sort(key=lambda one: (now_ms if one.since_ms is None else one.since_ms, one.duty.id))
    watched = [one.staff for _, _, outlets in obliged for one in outlets if one.now.status != "closed"]
    return Answer(
        at_ms=now_ms,
        sums={
            "obliged": len(obliged),
            "attended": counts["attended"],
            "empty": counts["absent"],
            "declared": counts["declared"],
            "unknown": counts["unknown"],
        },
        empty=[one for one in found if one.booking == "absent"],
        declared=[one for one in found if one.booking == "declared"],
        unknown=[one for one in found if one.booking == "unknown"],
        fresh=sum(_fresh(zone, now_ms) for zone in watched),
        watched=len(watched),
        grouped=any(len(outlets) > 1 for _, _, outlets in obliged),
        distrust={one.plan.site.id: one.distrust for one in asked if one.distrust is not None},
    )


def _fresh(zone: ZoneNow, now_ms: int) -> bool:
    """Whether there is evidence of the last 90 s; what was seen but tells nothing (a fault, a quarrel) is none."""
    return zone.state != "unknown" and zone.seen_ms is not None and now_ms - zone.seen_ms < FRESH_MS


def next_opening(plan: Plan, now_ms: int) -> int | None:
    """When the first outlet of a site all of which are closed opens again; None: in ten years none does."""
    changes = [hours.next_change(now_ms) for hours in {id(one): one for one in plan.hours.values()}.values()]
    return min((at_ms for at_ms in changes if at_ms is not None), default=None)


def _obliged(asked: Asked, now_ms: int) -> Iterator[tuple[DutyOf, tuple[OutletNow, ...]]]:
    """The duties of which an outlet is open, and how their outlets are."""
    heard = {occupancy.outlet: occupancy for occupancy in asked.occupancies}
    for duty in asked.plan.duties:
        if asked.agency is None or duty.agency == asked.agency:
            outlets = tuple(_outlet_now(asked.plan, one, heard.get(one.id), now_ms) for one in duty.outlets)
            if any(one.now.status != "closed" for one in outlets):
                yield duty, outlets


def _standing(rows: Iterable[AlertRow]) -> Mapping[_Key, Sequence[AlertRow]]:
    found: dict[_Key, list[AlertRow]] = {}
    for row in rows:
        if row.stands and row.alert.kind in KINDS:
            found.setdefault((row.alert.subject_type, row.alert.subject), []).append(row)
    return found


def _alerts_of(duty: DutyOf, standing: Mapping[_Key, Sequence[AlertRow]]) -> tuple[AlertRow, ...]:
    """The alerts of a duty, and of its outlets: that a visitor waits is told of an outlet."""
    subjects = dict.fromkeys([(duty.subject_type, duty.id), *(("outlet", outlet.id) for outlet in duty.outlets)])
    return tuple(row for subject in subjects for row in standing.get(subject, ()))


def _outlet_now(plan: Plan, outlet: Outlet, heard: Occupancy | None, now_ms: int) -> OutletNow:
    zones: dict[ZoneName, ZoneNow] = {}
    for name in _ZONES:
        zone = None if heard is None else heard.zones.get(name)
        if zone is not None:
            zones[name] = ZoneNow(zone.state, zone.p, _ms(zone.since), _ms(zone.seen))
    hours, absences = plan.hours[outlet.id], plan.absences.get(outlet.id, ())
    now = outlet_status(zones, hours, absences, now_ms)
    staff = zones.get("staff", _NOBODY)
    visitor = zones.get("visitor", _NOBODY)
    begins = [staff.since_ms] if staff.state == "vacant" else []
    if now.status == "closed":
        begins.append(now.since_ms)
    elif now.status == "declared":
        begins += [span.start_ms for span in plan.obligations.declared.get(outlet.id, ()) if span.start_ms <= now_ms][
            -1:
        ]
    known = [at_ms for at_ms in begins if at_ms is not None]
    waits = now.status == "unattended"
    return OutletNow(outlet, now, staff, min(known, default=None), (visitor.since_ms or now_ms) if waits else None)


def _finding(
    plan: Plan,
    duty: DutyOf,
    booked: Booking,
    outlets: tuple[OutletNow, ...],
    alerts: tuple[AlertRow, ...],
    now_ms: int,
) -> Finding:
    since_ms, lapsed, late = _absence(plan, duty, outlets, alerts, now_ms)
    if booked != "absent":
        of_state = [one.now.since_ms for one in outlets if one.now.status == booked and one.now.since_ms is not None]
        since_ms, lapsed, late = max(of_state, default=None), False, False
    quiet, quiet_ms = (
        ("off", None) if alerts or booked != "absent" else _quiet(plan, duty, outlets, since_ms, late, now_ms)
    )
    answers = [row.acknowledged for row in alerts if row.acknowledged is not None]
    return Finding(
        site=plan.site,
        duty=duty,
        agency=plan.agencies.get(duty.agency, duty.agency),
        contact=plan.contacts.get(duty.agency),
        booking=booked,
        outlets=outlets,
        since_ms=since_ms,
        sure=_fewer_than(duty.at_least, [one.staff.p for one in outlets if one.now.status != "closed"]),
        seen_ms=min((one.staff.seen_ms for one in outlets if one.staff.seen_ms is not None), default=None),
        late=late,
        lapsed=lapsed,
        alerts=alerts,
        told=tuple(sorted((one for row in alerts for one in _notices(plan, row)), key=lambda one: one.at_ms)),
        answer=max(answers, key=lambda one: one.at_ms, default=None),
        quiet=quiet,
        quiet_ms=quiet_ms,
    )


def _booking(outlets: Sequence[OutletNow], at_least: int) -> Booking:
    true: dict[Signal, set[int]] = {"open": set(), "declared": set(), "occupied": set(), "vacant": set(), "down": set()}
    for number, one in enumerate(outlets):
        if one.now.status != "closed":
            true["open"].add(number)
        if one.now.status == "declared":
            true["declared"].add(number)
        if one.staff.state in ("occupied", "vacant"):
            true[one.staff.state].add(number)
    return booking(true, at_least)


def _absence(
    plan: Plan, duty: DutyOf, outlets: Sequence[OutletNow], alerts: Iterable[AlertRow], now_ms: int
) -> tuple[int | None, bool, bool]:
    """Since when at the latest an empty duty is empty, whether an absence ended then, and whether it never opened.

    It is empty since so many were away that n could not be there, within hours, and after the last absence. An alert
    knows better: what was bridged is one absence.
    """
    told_ms = [row.alert.since_ms for row in alerts if row.alert.kind != "unattended"]
    late = any(row.alert.kind == "late_opening" for row in alerts)
    if told_ms:
        return min(told_ms), False, late
    away = sorted(one.absent_ms for one in outlets if one.absent_ms is not None)
    needed = len(outlets) - duty.at_least
    if len(away) <= needed:
        return None, False, late
    opened_ms, lapse_ms = _opened_ms(plan, outlets, now_ms), _lapse_ms(plan, duty, now_ms)
    since_ms = max(at_ms for at_ms in (away[needed], opened_ms, lapse_ms) if at_ms is not None)
    late = since_ms == opened_ms and _is_first_opening(plan, outlets, since_ms)
    return since_ms, since_ms == lapse_ms and not late, late


def _opened_ms(plan: Plan, outlets: Iterable[OutletNow], now_ms: int) -> int | None:
    """Since when one of the outlets has been open without a break; None: for more than a year."""
    hours = list({id(found): found for one in outlets if (found := plan.hours[one.outlet.id])}.values())
    at_ms = now_ms
    while True:
        opened = [one.last_change(at_ms) for one in hours if one.is_open(at_ms)]
        if not opened:
            return at_ms + 1
        earliest = min((-1 if one is None else one) for one in opened)
        if earliest < 0:
            return None
        at_ms = earliest - 1


def _is_first_opening(plan: Plan, outlets: Iterable[OutletNow], opened_ms: int) -> bool:
    """Whether none of the outlets was open earlier on the local day of `opened_ms`."""
    hours = [plan.hours[one.outlet.id] for one in outlets]
    ((_, day), *_) = hours[0].local_days(opened_ms - 86_400_000, opened_ms + 1)[-1:]
    return not any(span.start_ms >= day.start_ms for one in hours for span in one.open_spans(day.start_ms, opened_ms))


def _lapse_ms(plan: Plan, duty: DutyOf, now_ms: int) -> int | None:
    """When the last absence of a duty of one outlet ended; None without one that is over."""
    if len(duty.outlets) != 1:
        return None
    spans = plan.obligations.declared.get(duty.outlets[0].id, ())
    return max((span.end_ms for span in spans if span.end_ms <= now_ms), default=None)


def _quiet(
    plan: Plan, duty: DutyOf, outlets: Sequence[OutletNow], since_ms: int | None, late: bool, now_ms: int
) -> tuple[Quiet, int | None]:
    """Why nobody was told yet, and until when, or at which instant somebody will be."""
    muted = [
        span.end_ms
        for one in outlets
        for span in plan.obligations.maintenance.get(one.outlet.id, ())
        if span.start_ms <= now_ms < span.end_ms
    ]
    if muted:
        return "maintenance", max(muted)
    due = [at_ms for at_ms in (_vacancy_due_ms(plan, duty, since_ms, late), *_visitor_due_ms(plan, outlets)) if at_ms]
    if not due:
        return "off", None
    closing = [one.now.until_ms for one in outlets if one.now.status != "closed"]
    if None not in closing and min(due) >= max(at_ms for at_ms in closing if at_ms is not None):
        return "closing", max(at_ms for at_ms in closing if at_ms is not None)
    return "due", min(due)


def _vacancy_due_ms(plan: Plan, duty: DutyOf, since_ms: int | None, late: bool) -> int | None:
    subject = plan.subjects["vacancy", duty.subject_type, duty.id]
    rule = subject.late_rule if late and subject.late_rule is not None else subject.rule
    return None if rule is None or since_ms is None else since_ms + rule.after_ms


def _visitor_due_ms(plan: Plan, outlets: Iterable[OutletNow]) -> Iterable[int]:
    for one in outlets:
        subject = plan.subjects.get(("unattended", "outlet", one.outlet.id))
        if one.visitor_ms is not None and subject is not None and subject.rule is not None:
            yield one.visitor_ms + subject.rule.after_ms


def _fewer_than(at_least: int, chances: Iterable[float]) -> float:
    """The chance that fewer than `at_least` of the outlets are occupied, each by its own chance."""
    of_count = [1.0]
    for p in chances:
        grown = [*of_count, 0.0]
        for count, chance in enumerate(of_count):
            grown[count] -= chance * p
            grown[count + 1] += chance * p
        of_count = grown
    return sum(of_count[:at_least])


def _notices(plan: Plan, row: AlertRow) -> Iterable[Notice]:
    subject = plan.subjects.get((row.alert.kind, row.alert.subject_type, row.alert.subject))
    rungs = [] if subject is None or not row.told else ladder(plan.site, subject)
    for told in row.told:
        told_then = rungs_at(plan.site, rungs, told.at_ms, is_known)
        who = (told.agency, told.recipient)
        step = next((n for n, rung in enumerate(told_then, 1) if who in rung.recipients), None)
        name = plan.names.get((told.agency, told.recipient), told.recipient)
        yield Notice(told.at_ms, told.agency, told.recipient, name, step)


def _ms(text: str | None) -> int | None:
    return None if text is None else parse_instant(text)


# As JSON


def as_json(found: Answer, *, phones: bool) -> dict[str, Any]:
    """The body of `/api/v1/sidak`; `phones`: with telephones."""
    return {
        "at": rfc3339(found.at_ms),
        "sums": dict(found.sums),
        "empty": [_entry(one, found.at_ms, phones=phones) for one in found.empty],
        "declared": [_entry(one, found.at_ms, phones=phones) for one in found.declared],
        "unknown": [_entry(one, found.at_ms, phones=phones) for one in found.unknown],
        "evidence": {"outlets": found.watched, "younger_than_s": FRESH_MS / 1000, "fresh": found.fresh},
        "untrusted": {
            site: {"cause": distrust.cause, "since": rfc3339_or_none(distrust.since_ms)}
            for site, distrust in found.distrust.items()
        },
    }


def _entry(one: Finding, now_ms: int, *, phones: bool) -> dict[str, Any]:
    answered, contact = one.answer, one.contact
    return {
        one.duty.subject_type: one.duty.id,
        "site": one.site.id,
        "at_least": one.duty.at_least,
        "since": rfc3339_or_none(one.since_ms),
        "for_s": _age_s(one.since_ms, now_ms),
        "sure": round(one.sure, 4),
        "evidence_age_s": _age_s(one.seen_ms, now_ms),
        "late_opening": one.late,
        "after_absence": one.lapsed,
        "visitor_since": rfc3339_or_none(one.visitor_ms),
        "agency": {"id": one.duty.agency, "name": one.agency},
        "contact": None if contact is None else {"name": contact.name, "phone": contact.phone if phones else None},
        "alerts": [{"id": row.id, "kind": row.alert.kind, "state": row.state(now_ms)} for row in one.alerts],
        "told": [
            {"at": rfc3339(told.at_ms), "to": told.contact, "agency": told.agency, "name": told.name, "step": told.step}
            for told in one.told
        ],
        "told_next": {"why": one.quiet, "at": rfc3339_or_none(one.quiet_ms)}
        if one.booking == "absent" and not one.alerts
        else None,
        "acknowledged": None
        if answered is None
        else {
            "at": rfc3339(answered.at_ms),
            "until": rfc3339(answered.until_ms),
            "by": answered.author,
            "reason": answered.reason,
            "note": answered.note,
        },
        "outlets": [_outlet_json(outlet, now_ms) for outlet in one.outlets],
    }


def _outlet_json(one: OutletNow, now_ms: int) -> dict[str, Any]:
    declared = one.now.status == "declared"
    return {
        "id": one.outlet.id,
        "name": one.outlet.name,
        "number": one.outlet.number,
        "service": one.outlet.service,
        "status": one.now.status,
        "since": rfc3339_or_none(one.now.since_ms),
        "p": one.staff.p,
        "evidence_age_s": _age_s(one.staff.seen_ms, now_ms),
        "declared": {"until": rfc3339_or_none(one.now.until_ms), "reason": one.now.reason} if declared else None,
    }


def _age_s(at_ms: int | None, now_ms: int) -> float | None:
    return None if at_ms is None else max(0, now_ms - at_ms) / 1000
