"""The alerts of a floor: which stand for which outlet, their cards, and what concerns the whole site. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from api.answer_words import answer_said
from api.floor import Plan, Subject, dialled
from api.live import Distrust, Occupancy
from api.words import Words
from presence.instants import parse_instant
from storage.record.alert_list import AlertRow

# People first, the most urgent on top; the technical kinds keep this order among themselves.
PEOPLE = ("unattended", "vacancy", "late_opening")
# Of an outlet and for its agency: it answers them, and asks why there was one, or none.
OF_OUTLETS = (*PEOPLE, "equipment_down")
VACANCY = ("vacancy", "late_opening")
TECHNICAL = ("equipment_down", "gateway_offline", "sensor_silent", "sensor_stuck", "low_battery")
KIND_ORDER = ("site_outage", *PEOPLE, *TECHNICAL)
_OUTAGE_PERCENT = 60  # of the zones are unknown, or it ends


def first_of(alerts: Sequence[AlertRow], kinds: Sequence[str]) -> AlertRow | None:
    """The one of the kind that stands first in `kinds`; None without any."""
    found = [row for row in alerts if row.alert.kind in kinds]
    return min(found, key=lambda row: kinds.index(row.alert.kind), default=None)


def standing(alerts: Iterable[AlertRow], subjects: Mapping[str, Subject]) -> dict[str, list[AlertRow]]:
    """The alerts that stand, by the outlets that they concern."""
    found: dict[str, list[AlertRow]] = {}
    for row in alerts:
        if row.stands and (subject := subjects.get(subject_key(row))):
            for outlet in subject.outlets:
                found.setdefault(outlet, []).append(row)
    return found


def unanswered(alerts: Iterable[AlertRow], now_ms: int) -> list[AlertRow]:
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
    life = row.state(now_ms)
    back_ms = _back_ms(row, subject, occupancies)
    state, icon, what = _as_it_is_now(row, subject, occupancies, back_ms, words)
    phone = floor.outlets[subject.outlets[0]].phone if row.alert.kind in PEOPLE and subject.outlets else ""
    told = _answered(row, words) if life == "acknowledged" else _told(row, floor.contacts, words)
    return Card(
        id=row.id,
        state=state,
        life=life,
        icon=icon,
        what=what,
        where=subject.label,
        href=page_of(subject, floor),
        duration=words.span((now_ms if back_ms is None else back_ms) - row.alert.since_ms),
        since=words("alert.since", at=words.clock(row.alert.since_ms)),
        told=told if back_ms is None else f"{words('alert.confirming', at=words.clock(back_ms))}. {told}",
        tel=phone and dialled(phone),
        call=phone and words("alert.call", phone=phone),
        answer=_answer_at(row, subject, floor) if life == "firing" else "",
    )


def _as_it_is_now(
    row: AlertRow, subject: Subject, occupancies: Mapping[str, Occupancy], back_ms: int | None, words: Words
) -> tuple[str, str, str]:
    """Colour, icon and words of an alert: it stands for a while longer than what it tells of is known to last."""
    state, kind = state_of(row), words(f"kind.{row.alert.kind}")
    if back_ms is not None:
        return "staffed", "st-staffed", words("alert.back")
    if row.alert.kind in PEOPLE and subject.outlets and all(_is_unknown(occupancies.get(o)) for o in subject.outlets):
        return "unknown", "st-unknown", words("alert.not_known", what=kind)
    return state, f"st-{state}" if state != "unknown" or row.alert.kind == "site_outage" else "i-sensor", kind


def _is_unknown(occupancy: Occupancy | None) -> bool:
    return occupancy is not None and occupancy.status == "unknown"


def page_of(subject: Subject, floor: Plan) -> str:
    """The address of its first outlet's page, "" for none."""
    return floor.outlets[subject.outlets[0]].href if subject.outlets else ""


def _answer_at(row: AlertRow, subject: Subject, floor: Plan) -> str:
    asked = row.alert.kind in OF_OUTLETS and subject.outlets
    return f"{floor.outlets[subject.outlets[0]].answer}#alert-{row.id}" if asked else ""


def _back_ms(row: AlertRow, subject: Subject, occupancies: Mapping[str, Occupancy]) -> int | None:
    """Since when the outlet of a standing alert is staffed again; the alert ends once that has lasted.

    None for an alert of several outlets: how many of them must be staffed is for the engine to judge.
    """
    if row.alert.kind not in PEOPLE or len(subject.outlets) != 1:
        return None
    occupancy = occupancies.get(subject.outlets[0])
    staff = None if occupancy is None else occupancy.zones.get("staff")
    if staff is None or staff.state != "occupied" or staff.since is None:
        return None
    return max(parse_instant(staff.since), row.alert.since_ms)


def state_of(row: AlertRow) -> str:
    """The state of outlets whose colour an alert has."""
    if row.alert.kind == "unattended":
        return "unattended"
    return "vacant" if row.alert.kind in PEOPLE else "unknown"


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
    alerts: Iterable[AlertRow],
    distrust: Distrust | None,
    unwatched_ms: int | None,
    occupancies: Sequence[Occupancy],
    words: Words,
) -> tuple[str, str] | None:
    """What concerns the whole site, head and explanation: nothing can be believed, nobody raises alerts, or a site
    outage stands.

    An outage stands a little longer than it lasts, and its figures are of sensors: at night all outlets are closed.
    """
    if distrust is not None:
        return warning_of_distrust(distrust, words)
    if unwatched_ms is not None:
        return words("unwatched", at=words.clock_s(unwatched_ms)), words("unwatched.body")
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
