"""What the live floor shows of one site: figures, tiles, alerts, the last hour. Values in, words out.

`static/floor.js` says the same in the browser while the page is open; `tests/api/test_live_page.py` compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from msgspec import structs

from api.answer_words import answer_said, reason_said
from api.live import Change, Distrust, Occupancy
from api.open_pages import muted
from api.words import Words
from presence.alerts.subjects import rule_of
from presence.alerts.substitution import answering, names_of
from presence.duties import duties
from presence.hours_history import hours_by, schedule_of
from presence.instants import parse_instant
from presence.intervals import Span
from presence.service_hours import ServiceHours
from presence.site import Contact, Outlet, Site
from presence.status import Status
from storage.record.acknowledgements import Acknowledgement
from storage.record.alert_list import AlertRow

WORST_FIRST: tuple[Status, ...] = ("unattended", "vacant", "unknown", "declared", "staffed", "serving")
_STAFFED: tuple[Status, ...] = ("staffed", "serving")
EMPTY: tuple[Status, ...] = ("unattended", "vacant")
FILTERS = ("all", "action", "obliged", "staffed", "serving", "unattended", "vacant", "declared", "unknown")

# People first, the most urgent on top; the technical kinds keep this order among themselves.
_PEOPLE = ("unattended", "vacancy", "late_opening")
_ANSWERED = (*_PEOPLE, "equipment_down")
_VACANCY = ("vacancy", "late_opening")
_TECHNICAL = ("equipment_down", "gateway_offline", "sensor_silent", "sensor_stuck", "low_battery")
KIND_ORDER = ("site_outage", *_PEOPLE, *_TECHNICAL)

OF_VISITORS = ("serving", "unattended")

LOG_LENGTH = 12
_HOUR_MS = 3_600_000
_WORTH_TELLING_MS = 1000
_WEEK_MS = 7 * 24 * _HOUR_MS
_DAYS_AHEAD = 8
_OUTAGE_PERCENT = 60  # of the zones are unknown, or it ends


class Subject(NamedTuple):
    """What an alert can speak of: how it is called, and the outlets that it concerns."""

    label: str
    outlets: tuple[str, ...]


class Fixed(NamedTuple):
    """What the registry says of an outlet for its tile. `vacancy_ms`: how long it may stand empty before an alert, None
    when no alert would come of it alone; `muted`: spans in which none would. `phone`: of its agency, "" for none;
    `href`: its page; `answer`: where its agency answers for it.
    """

    number: str
    agency: str
    service: str
    find: str
    vacancy_ms: int | None
    muted: tuple[Span, ...]
    phone: str
    href: str
    answer: str

    @property
    def tel(self) -> str:
        """What dials the phone, "" for none."""
        return _tel(self.phone)


@dataclass(frozen=True)
class Plan:
    """A site as its floor needs it."""

    site: Site
    outlets: Mapping[str, Fixed]
    floors: Sequence[tuple[int | None, Sequence[Outlet]]]
    subjects: Mapping[str, Subject]
    contacts: Mapping[str, str]
    hours: ServiceHours
    hours_of: Mapping[str, ServiceHours]  # of each outlet
    visitors: bool  # whether any sensor watches for visitors

    def spans(self, from_ms: int) -> list[Span]:
        """When the site is open: eight days from `from_ms` on."""
        return self.hours.open_spans(from_ms, from_ms + _DAYS_AHEAD * 24 * 3_600_000)

    def as_json(self, now_ms: int, *, phones: bool, answers: bool) -> dict[str, Any]:
        """What the page's module needs of it from `now_ms` on.

        `phones`: with what dials the agencies; `answers`: with where alerts are answered. `hours`: the different ones
        of its outlets, of as many days as `spans`.
        """
        until_ms = now_ms + _DAYS_AHEAD * 24 * _HOUR_MS
        different = list({id(hours): hours for hours in self.hours_of.values()}.values())
        places = {id(hours): place for place, hours in enumerate(different)}
        return {
            "hours": [hours.open_spans(now_ms, until_ms) for hours in different],
            "hours_until_ms": until_ms,
            "outlets": {
                outlet: {
                    "vacancy_ms": fixed.vacancy_ms,
                    "muted": [span for span in fixed.muted if span.end_ms > now_ms],
                    "hours": places[id(self.hours_of[outlet])],
                    "number": fixed.number,
                    "agency": fixed.agency,
                    "href": fixed.href,
                    "phone": fixed.phone if phones else "",
                    "tel": fixed.tel if phones else "",
                    "answer": fixed.answer if answers else "",
                }
                for outlet, fixed in self.outlets.items()
            },
            "floors": [[outlet.id for outlet in outlets] for _, outlets in self.floors],
            "subjects": {key: subject._asdict() for key, subject in self.subjects.items()},
            "contacts": self.contacts,
            "visitors": self.visitors,
        }


def plan(site: Site, now_ms: int) -> Plan:
    """The floor plan of `site`, with the phones of who answers at `now_ms`."""
    agencies = {agency.id: agency.short or agency.name for agency in site.agencies}
    names = {agency.id: agency.name for agency in site.agencies}
    contacts = {f"{agency}/{contact}": name for (agency, contact), name in names_of(site).items()}
    after, quiet = _vacancy_after(site), muted(site, now_ms)
    phones = {agency.id: _phone(answering(site, agency.id, agency.contacts, now_ms)) for agency in site.agencies}
    fixed = {
        outlet.id: Fixed(
            number=outlet.name if outlet.number is None else str(outlet.number),
            agency=agencies.get(outlet.agency, outlet.agency),
            service=outlet.service or "",
            find=" ".join(
                (outlet.name, agencies.get(outlet.agency, ""), names.get(outlet.agency, ""), outlet.service or "")
            ).casefold(),
            vacancy_ms=after.get(outlet.id),
            muted=tuple(quiet.get(outlet.id, ())),
            phone=phones.get(outlet.agency, ""),
            href=f"/sites/{site.id}/outlets/{outlet.id}",
            answer=f"/agency?site={site.id}&agency={outlet.agency}",
        )
        for outlet in site.outlets
    }
    hours = ServiceHours(site.timezone, site.country, site.cuti_bersama, site.service_hours, site.exceptions)
    visitors = any(sensor.zone == "visitor" for outlet in site.outlets for sensor in outlet.sensors)
    hours_of = {outlet.id: hours_by(schedule_of(site, outlet)) for outlet in site.outlets}
    return Plan(site, fixed, _floors(site), _subjects(site, fixed), contacts, hours, hours_of, visitors)


def _phone(contacts: Iterable[Contact]) -> str:
    """Whom one calls about an empty outlet: the first on the agency's ladder who has a phone."""
    ladder = sorted((one for one in contacts if one.role == "contact"), key=lambda one: one.level)
    return next((one.phone for one in ladder if one.phone is not None and _tel(one.phone)), "")


def _tel(phone: str) -> str:
    digits = re.sub(r"[^0-9+]", "", phone)
    return f"tel:{digits}" if digits else ""


def _vacancy_after(site: Site) -> dict[str, int]:
    # Of a duty of several outlets nobody can say beforehand when its alert would come.
    alone = {duty.outlets[0].id: rule_of(site, duty, "vacancy") for duty in duties(site) if len(duty.outlets) == 1}
    return {outlet: rule.after_ms for outlet, rule in alone.items() if rule is not None}


def _floors(site: Site) -> list[tuple[int | None, list[Outlet]]]:
    """Outlets by floor, lowest first, those without one last; in each by number, then in the order of the registry."""
    floors: dict[int | None, list[Outlet]] = {}
    for outlet in site.outlets:
        floors.setdefault(outlet.floor, []).append(outlet)
    for outlets in floors.values():
        outlets.sort(key=lambda outlet: (outlet.number is None, outlet.number or 0))
    return sorted(floors.items(), key=lambda floor: (floor[0] is None, floor[0] or 0))


def _subjects(site: Site, fixed: Mapping[str, Fixed]) -> dict[str, Subject]:
    names = {outlet.id: outlet.name for outlet in site.outlets}
    subjects = {
        f"outlet/{outlet.id}": Subject(f"{outlet.name} · {fixed[outlet.id].agency}", (outlet.id,))
        for outlet in site.outlets
    }
    for duty in site.duties:
        known = tuple(outlet for outlet in duty.outlets if outlet in fixed)
        if known:
            label = f"{', '.join(names[outlet] for outlet in known)} · {fixed[known[0]].agency}"
            subjects[f"duty/{duty.id}"] = Subject(label, known)
    behind: dict[str, list[str]] = {gateway.id: [] for gateway in site.gateways}
    for outlet in site.outlets:
        for sensor in outlet.sensors:
            subjects[f"sensor/{sensor.id}"] = Subject(f"{sensor.id} · {outlet.name}", (outlet.id,))
            if sensor.source is not None and sensor.source.gateway in behind:
                behind[sensor.source.gateway].append(outlet.id)
    for gateway in site.gateways:
        concerned = tuple(dict.fromkeys(behind[gateway.id]))
        subjects[f"gateway/{gateway.id}"] = Subject(gateway.name or gateway.id, concerned)
    subjects[f"site/{site.id}"] = Subject(site.name, ())
    return subjects


# Figures


def counted(occupancies: Iterable[Occupancy], plan: Plan, now_ms: int) -> list[Occupancy]:
    """The outlets as sums, seats and filters take them: where nothing is known the hours say what counts.

    Its tile says what is known, which is nothing; but that somebody must be there at night nobody may say.
    """
    return [
        structs.replace(one, status="closed")
        if one.status == "unknown" and not plan.hours_of[one.outlet].is_open(now_ms)
        else one
        for one in occupancies
    ]


def sums(occupancies: Iterable[Occupancy], alerts_of: Mapping[str, Sequence[AlertRow]], now_ms: int) -> dict[str, int]:
    """How many outlets each filter shows: obliged = staffed + unattended + vacant + declared + unknown.

    `occupancies`: as `counted`.
    """
    found = dict.fromkeys(FILTERS, 0)
    for occupancy in occupancies:
        for name in FILTERS:
            found[name] += shows(name, occupancy.status, alerts_of.get(occupancy.outlet, []), now_ms)
    return found


def shows(name: str, status: Status, alerts: Sequence[AlertRow], now_ms: int) -> bool:
    """Whether filter `name` shows an outlet; `alerts`: those that stand and concern it."""
    if name == "all":
        return True
    if name == "action":
        return any(row.alert.kind in _PEOPLE for row in _unanswered(alerts, now_ms))
    if name == "obliged":
        return status != "closed"
    return status in _STAFFED if name == "staffed" else status == name


class Seat(NamedTuple):
    """One rectangle of the row of seats: class, x and width in %, y and height in px."""

    css: str
    x: str
    width: str
    y: float
    height: float


_SEAT_SHAPES = {"unattended": (0, 14), "vacant": (0, 14), "unknown": (2.5, 9), "declared": (2.5, 9), "staffed": (5, 4)}
_SERVING_SHAPE = (2, 10)
_SEAT_MARGIN = 0.065  # of a seat, on either side


def seats(occupancies: Iterable[Occupancy]) -> list[Seat]:
    """One seat for every obliged outlet, worst first."""
    obliged = sorted((WORST_FIRST.index(one.status) for one in occupancies if one.status != "closed"), key=int)
    if not obliged:
        return []
    slot = 100 / len(obliged)
    found = []
    for place, rank in enumerate(obliged):
        status = WORST_FIRST[rank]
        y, height = _SERVING_SHAPE if status == "serving" else _SEAT_SHAPES[status]
        found.append(
            Seat(
                f"b-{'staffed' if status == 'serving' else status}",
                f"{slot * (place + _SEAT_MARGIN):.2f}%",
                f"{slot * (1 - 2 * _SEAT_MARGIN):.2f}%",
                y,
                height,
            )
        )
    return found


def figure(name: str, found: Mapping[str, int], floor: Plan, words: Words) -> str:
    """One of `sums`; a dash where no sensor could have counted it."""
    return "–" if not floor.visitors and name in OF_VISITORS and not found[name] else words.number(found[name])


def in_words(found: Mapping[str, int], words: Words) -> str:
    """`2 warga menunggu, 4 kosong, 29 ada petugas`: the parts of the obliged outlets, worst first, without noughts."""
    parts = ("unattended", "vacant", "unknown", "declared", "staffed")
    return ", ".join(f"{words.number(found[part])} {words(f'sum.{part}')}" for part in parts if found[part])


def seats_in_words(found: Mapping[str, int], words: Words) -> str:
    """What the row of seats says to who does not see it."""
    if not found["obliged"]:
        return words("seats.none")
    return words("seats", n=found["obliged"], parts=in_words(found, words))


def staffed_in_words(statuses: Sequence[Status], words: Words) -> str:
    """`12 dari 14 ada petugas`, of the obliged outlets of a floor."""
    obliged = [status for status in statuses if status != "closed"]
    if not obliged:
        return words("floor.closed")
    return words("floor.staffed", n=sum(status in _STAFFED for status in obliged), all=len(obliged))


# Tiles


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
        told = _first(alerts, ("unattended",) if occupancy.status == "unattended" else _VACANCY)
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
        if people := _first(_unanswered(alerts, now_ms), _PEOPLE):
            return "firing", "i-bell", _told_at(people, "note.told", words)
        if (people := _first(alerts, _PEOPLE)) and people.acknowledged is not None:
            return "acknowledged", "i-check", _acknowledged(people.acknowledged, words)
        due_ms = _due_ms(fixed, occupancy, until_ms)
        if due_ms is not None and due_ms > now_ms:
            return "pending", "st-declared", words("note.pending", at=words.clock(due_ms))
    if technical := _first(alerts, _TECHNICAL):
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
    return "", "", ""


def _due_ms(fixed: Fixed, occupancy: Occupancy, until_ms: int | None) -> int | None:
    """When an alert would come if nothing changes; None when none would: a vacancy never spans a break."""
    if fixed.vacancy_ms is None or occupancy.since is None:
        return None
    due_ms = parse_instant(occupancy.since) + fixed.vacancy_ms
    if until_ms is not None and due_ms >= until_ms:
        return None
    return None if any(span.start_ms <= due_ms < span.end_ms for span in fixed.muted) else due_ms


def _first(alerts: Sequence[AlertRow], kinds: Sequence[str]) -> AlertRow | None:
    found = [row for row in alerts if row.alert.kind in kinds]
    return min(found, key=lambda row: kinds.index(row.alert.kind), default=None)


def _acknowledged(answer: Acknowledgement, words: Words) -> str:
    return words("note.acknowledged", by=answer.author, reason=reason_said(answer, words))


def _told_at(row: AlertRow, told: str, words: Words) -> str:
    if row.told:
        return words(told, at=words.clock(row.told[0].at_ms))
    return words("note.fired", at=words.clock(row.alert.fired_ms))


# Alerts


def standing(alerts: Iterable[AlertRow], subjects: Mapping[str, Subject]) -> dict[str, list[AlertRow]]:
    """The alerts that stand, by the outlets that they concern."""
    found: dict[str, list[AlertRow]] = {}
    for row in alerts:
        if row.stands and (subject := subjects.get(subject_key(row))):
            for outlet in subject.outlets:
                found.setdefault(outlet, []).append(row)
    return found


def _unanswered(alerts: Iterable[AlertRow], now_ms: int) -> list[AlertRow]:
    """Those of `alerts` that wait for somebody."""
    return [row for row in alerts if row.state(now_ms) == "firing"]


def subject_key(row: AlertRow) -> str:
    """The key of `Plan.subjects` for an alert."""
    return f"{row.alert.subject_type}/{row.alert.subject}"


class Card(NamedTuple):
    """One alert that stands. `state`: colours it; `life`: firing or acknowledged; `href`: the page of its outlet; `tel`
    and `call`: what dials its agency, and says so; `answer`: where it is answered. "" for none.
    """

    id: str
    state: str
    life: str
    icon: str
    what: str
    where: str
    href: str
    duration: str
    since: str
    told: str
    tel: str = ""
    call: str = ""
    answer: str = ""


def cards(
    alerts: Iterable[AlertRow], occupancies: Mapping[str, Occupancy], floor: Plan, now_ms: int, words: Words
) -> list[Card]:
    """The alerts that stand: unanswered ones, the most urgent, the oldest of a kind first. `occupancies`: by outlet."""
    stand = [row for row in alerts if row.stands]
    stand.sort(
        key=lambda row: (
            row.state(now_ms) == "acknowledged",
            KIND_ORDER.index(row.alert.kind),
            row.alert.since_ms,
            row.id,
        )
    )
    return [_card(row, occupancies, floor, now_ms, words) for row in stand]


def _card(row: AlertRow, occupancies: Mapping[str, Occupancy], floor: Plan, now_ms: int, words: Words) -> Card:
    subject = floor.subjects.get(subject_key(row), Subject(row.alert.subject, ()))
    state = _state_of(row)
    life = row.state(now_ms)
    back_ms = _back_ms(row, subject, occupancies)
    phone = floor.outlets[subject.outlets[0]].phone if row.alert.kind in _PEOPLE and subject.outlets else ""
    told = _answered(row, words) if life == "acknowledged" else _told(row, floor.contacts, words)
    return Card(
        id=row.id,
        state=state,
        life=life,
        icon=f"st-{state}" if state != "unknown" or row.alert.kind == "site_outage" else "i-sensor",
        what=words(f"kind.{row.alert.kind}"),
        where=subject.label,
        href=_href(subject, floor),
        duration=words.span((now_ms if back_ms is None else back_ms) - row.alert.since_ms),
        since=words("alert.since", at=words.clock(row.alert.since_ms)),
        told=told if back_ms is None else f"{words('alert.confirming', at=words.clock(back_ms))}. {told}",
        tel=phone and _tel(phone),
        call=phone and words("alert.call", phone=phone),
        answer=_answer_at(row, subject, floor) if life == "firing" else "",
    )


def _href(subject: Subject, floor: Plan) -> str:
    return floor.outlets[subject.outlets[0]].href if subject.outlets else ""


def _answer_at(row: AlertRow, subject: Subject, floor: Plan) -> str:
    asked = row.alert.kind in _ANSWERED and subject.outlets
    return f"{floor.outlets[subject.outlets[0]].answer}#alert-{row.id}" if asked else ""


def _back_ms(row: AlertRow, subject: Subject, occupancies: Mapping[str, Occupancy]) -> int | None:
    """Since when the outlet of a standing alert is staffed again; the alert ends once that has lasted.

    None for an alert of several outlets: how many of them must be staffed is for the engine to judge.
    """
    if row.alert.kind not in _PEOPLE or len(subject.outlets) != 1:
        return None
    occupancy = occupancies.get(subject.outlets[0])
    staff = None if occupancy is None else occupancy.zones.get("staff")
    if staff is None or staff.state != "occupied" or staff.since is None:
        return None
    return max(parse_instant(staff.since), row.alert.since_ms)


def _state_of(row: AlertRow) -> str:
    if row.alert.kind == "unattended":
        return "unattended"
    return "vacant" if row.alert.kind in _PEOPLE else "unknown"


def _told(row: AlertRow, contacts: Mapping[str, str], words: Words) -> str:
    """`Diberitahu 10.01, 10.16 · Koordinator; 10.21 · Kepala dinas`."""
    late = f". {words('alert.late')}" if row.late else ""
    if not row.told:
        return words("alert.fired", at=words.clock(row.alert.fired_ms)) + late
    times: dict[str, list[str]] = {}
    for told in row.told:
        times.setdefault(contacts.get(f"{told.agency}/{told.recipient}", told.recipient), []).append(
            words.clock(told.at_ms)
        )
    return words("alert.told", told="; ".join(f"{', '.join(at)} · {name}" for name, at in times.items())) + late


def _answered(row: AlertRow, words: Words) -> str:
    """`Diakui 10.05 oleh ani: alat rusak, “printer kuitansi”. Berlaku sampai 11.05`."""
    answer = row.acknowledged
    assert answer is not None
    at, until = words.clock(answer.at_ms), words.clock(answer.until_ms)
    return words("alert.acknowledged", at=at, by=answer.author, reason=answer_said(answer, words), until=until)


def warning(
    alerts: Iterable[AlertRow], distrust: Distrust | None, occupancies: Sequence[Occupancy], words: Words
) -> tuple[str, str] | None:
    """What concerns the whole site, head and explanation: nothing can be believed, or a site outage stands.

    An outage stands a little longer than it lasts, and its figures are of sensors: at night all outlets are closed.
    """
    if distrust is not None:
        return warning_of_distrust(distrust, words)
    for row in alerts:
        if row.alert.kind == "site_outage" and row.stands:
            return _outage(words.clock(row.alert.since_ms), sum(map(_is_blind, occupancies)), len(occupancies), words)
    return None


def warning_of_distrust(distrust: Distrust | None, words: Words) -> tuple[str, str] | None:
    """That nothing of a site can be believed, and since when: head and explanation."""
    if distrust is None:
        return None
    if distrust.since_ms is None:
        return words(f"untrusted.{distrust.cause}.never"), words("untrusted.body")
    return words(f"untrusted.{distrust.cause}", at=words.clock_s(distrust.since_ms)), words("untrusted.body")


def _outage(at: str, blind: int, outlets: int, words: Words) -> tuple[str, str]:
    if blind == 0:
        return words("outage.over", at=at), words("outage.over.body")
    if blind * 100 < outlets * _OUTAGE_PERCENT:
        return words("outage.ending", at=at, unknown=blind, all=outlets), words("outage.over.body")
    return words("outage.head", at=at, unknown=blind, all=outlets), words("outage.body")


def _is_blind(occupancy: Occupancy) -> bool:
    """Whether nothing is known of who is there, be the outlet open or closed."""
    staff = occupancy.zones.get("staff")
    zones = [staff] if staff is not None else occupancy.zones.values()
    return all(zone.state == "unknown" for zone in zones)


# The last hour


class Line(NamedTuple):
    """One line of the log. `at_ms`: its place in time."""

    at_ms: int
    at: str
    state: str
    where: str
    href: str
    icon: str
    word: str
    more: str


def log_lines(
    changes: Iterable[Change], alerts: Iterable[AlertRow], floor: Plan, now_ms: int, words: Words
) -> list[Line]:
    """What happened within the last hour, newest first; the page shows the first `LOG_LENGTH`."""
    lines = [
        _change_line(change, floor, words) for change in changes if change.outlet in floor.outlets and _tells(change)
    ]
    lines += [_ended_line(row, floor, words) for row in alerts if not row.stands]
    recent = [line for line in lines if line.at_ms > now_ms - _HOUR_MS]
    return sorted(recent, key=lambda line: (line.at_ms, line.where), reverse=True)


def _tells(change: Change) -> bool:
    """All outlets share openings and closings, and visitors come and go."""
    both = {change.status, change.was}
    return "closed" not in both and both != set(_STAFFED)


def _change_line(change: Change, floor: Plan, words: Words) -> Line:
    more = ""
    if change.was is not None and change.lasted_ms is not None and change.lasted_ms >= _WORTH_TELLING_MS:
        more = words("log.was", state=words(f"state.{change.was}").lower(), span=words.span(change.lasted_ms))
    subject = floor.subjects[f"outlet/{change.outlet}"]
    return Line(
        change.at_ms,
        words.clock(change.at_ms),
        change.status,
        subject.label,
        floor.outlets[change.outlet].href,
        f"st-{change.status}",
        words(f"state.{change.status}"),
        more,
    )


def _ended_line(row: AlertRow, floor: Plan, words: Words) -> Line:
    alert = row.alert
    subject = floor.subjects.get(subject_key(row), Subject(alert.subject, ()))
    ended_ms = alert.resolved_ms if row.disproved_ms is None else row.disproved_ms
    assert ended_ms is not None
    lasted = words("log.after", kind=words(f"kind.{alert.kind}").lower(), span=words.span(ended_ms - alert.since_ms))
    reason = words(f"reason.{alert.reason}") if alert.reason is not None and row.disproved_ms is None else ""
    return Line(
        ended_ms,
        words.clock(ended_ms),
        "staffed" if alert.reason in ("presence", "ended") and row.disproved_ms is None else "unknown",
        subject.label,
        _href(subject, floor),
        "i-check",
        words("log.resolved") if row.disproved_ms is None else words("log.disproved"),
        "; ".join(part for part in (lasted, reason) if part),
    )


# Service hours


def hours_sentence(spans: Sequence[Span], now_ms: int, words: Words) -> str:
    """`Jam layanan 08.00–12.00 dan 13.00–15.00. Istirahat dalam 1 j 18 mnt.` `spans`: of today and the days to come."""
    if any(span.end_ms - span.start_ms > _WEEK_MS for span in spans):
        return words("hours.always")
    day_ms = words.day_start_ms(now_ms)
    today = [span for span in spans if words.day_start_ms(span.start_ms) == day_ms]
    parts = [f"{words.clock(span.start_ms)}–{words.clock(span.end_ms)}" for span in today]
    first = words("hours.today", spans=words.listed(parts)) if parts else words("hours.none")
    return f"{first} {_what_comes(spans, today, now_ms, words)}".rstrip()


def _what_comes(spans: Sequence[Span], today: Sequence[Span], now_ms: int, words: Words) -> str:
    for span in spans:
        if now_ms < span.start_ms:
            soon = span.start_ms - now_ms < _HOUR_MS
            key, at = ("hours.open_in", "") if soon else ("hours.open", words.coming(span.start_ms, now_ms))
            return words(key, at=at, span=words.span(span.start_ms - now_ms))
        if now_ms < span.end_ms:
            key = "hours.break" if any(later.start_ms > now_ms for later in today) else "hours.close"
            return words(key, span=words.span(span.end_ms - now_ms))
    return ""


def calm(found: Mapping[str, int], occupancies: Iterable[Occupancy], now_ms: int, words: Words) -> str:
    """What stands in the place of alerts when there are none."""
    if not found["obliged"]:
        return words("alerts.none.closed")
    if found["staffed"] == found["obliged"]:
        sentence = words("alerts.none.all", n=found["obliged"])
    else:
        sentence = words("alerts.none.parts", n=found["obliged"], parts=in_words(found, words))
    ages = [seen(one) for one in occupancies if one.status != "closed"]
    oldest = min((age for age in ages if age is not None), default=None)
    return sentence if oldest is None else f"{sentence} {words('alerts.oldest', age=words.span(now_ms - oldest))}"
