"""Killed at every commit point of all that alerts go through, the engine loses nothing and says nothing twice."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import delete, select

from presence.alerts.life import Alert, alert_id
from presence.intervals import Span, TruthInterval
from presence.ledger import LedgerDay
from presence.pipeline import alerts_of, ledger_of
from presence.site import Agency, Contact, Rule, Site, Step
from presence.zones import ZoneKey
from storage.record import acknowledgements, conditions, ledger
from storage.record.acknowledgements import Answer
from storage.record.intervals import set_progress
from storage.record.site_lines import read_lines
from storage.record.tables import alert as alert_table
from storage.record.tables import audit, engine_lease, notification
from tests.builders import outlet, sensor
from tests.fixtures.alerting import Floor, at, floor_at, floor_in, watched_site
from tests.fixtures.hadir_command import eventually
from tests.fixtures.killed_engine import EngineMachine
from tests.fixtures.webhook import Request, WebhookReceiver, receiving

MINUTE_MS = 60_000
OUTLETS = ("a-1", "b-1", "c-1", "d-1")
MIDNIGHT_MS = at("23:59:59") + 1000
LAG_MS = 500


Told = tuple[str, str, str, str]  # kind, subject, event, recipient


class Phase(NamedTuple):
    """Something happens, and the collector comes to know all up to `until_ms`.

    `told`: what has to be said of it, in any order.
    """

    happens: Callable[[Floor], None]
    until_ms: int
    told: Sequence[Told] = ()


def hall(webhook: WebhookReceiver) -> Site:
    """Four outlets of one agency; Budi is told first and again every 20 min, Ani after 15 min."""

    def contact(name: str, **fields: object) -> Contact:
        return Contact(id=name, name=name.title(), channel=webhook.url(f"/{name}", "kata"), **fields)  # type: ignore[arg-type]

    people = (contact("budi"), contact("ani", level=2))
    return watched_site(
        outlets=[outlet(name, sensors=[sensor(f"{name}-s")]) for name in OUTLETS],
        agencies=(Agency(id="dinas", name="Dinas", contacts=people),),
        contacts=(contact("teknisi", role="technician"), contact("pengelola", role="facility_manager")),
        rules={
            "vacancy": Rule(after_ms=10 * MINUTE_MS),
            "late_opening": Rule(after_ms=15 * MINUTE_MS),
            "sensor_silent": Rule(after_ms=5 * MINUTE_MS),
        },
        escalation={
            "people": (
                Step(after_ms=0, to="agency", level=1, repeat_ms=20 * MINUTE_MS),
                Step(after_ms=15 * MINUTE_MS, to="agency", level=2),
            )
        },
    )


# What happens


def nothing(_: Floor) -> None:
    """Time passes."""


def staff(**since: dict[str, str]) -> Callable[[Floor], None]:
    """From when on each outlet is what."""

    def happens(floor: Floor) -> None:
        for name, states in since.items():
            floor.staff(name.replace("_", "-"), states)  # type: ignore[arg-type]

    return happens


def all_are(state: str, clock: str) -> Callable[[Floor], None]:
    """The zones of all outlets are `state` from `clock` on, and their sensors silent when nothing is known."""

    def happens(floor: Floor) -> None:
        staff(**{name: {clock: state} for name in OUTLETS})(floor)
        silent = [TruthInterval(at(clock), None, state == "unknown")]
        with floor.record.writing(durable=False) as connection:
            for name in OUTLETS:
                conditions.revise(
                    connection, floor.site.id, f"{name}-s", "sensor_silent", at(clock), silent, floor.now_ms
                )

    return happens


def acknowledged(kind: str, subject: str, since: str, minutes: int) -> Callable[[Floor], None]:
    def happens(floor: Floor) -> None:
        named = alert_id(floor.site.id, kind, subject, at(since))  # type: ignore[arg-type]
        answer = Answer("meeting", lasting_ms=minutes * MINUTE_MS)
        with floor.record.writing(durable=False) as connection:
            acknowledgements.add(connection, floor.site.id, named, answer, author="siti", now_ms=floor.now_ms)

    return happens


def told(kind: str, subject: str, event: str, *recipients: str) -> list[Told]:
    return [(kind, subject, event, recipient) for recipient in recipients]


MORNING = [
    Phase(staff(a_1={"07:55": "occupied"}, b_1={"07:50": "vacant"}, c_1={"07:55": "occupied"}), at("08:01")),
    Phase(staff(d_1={"07:55": "occupied"}), at("08:15:05"), told("late_opening", "b-1", "firing", "budi")),
    Phase(staff(b_1={"08:20": "occupied"}), at("08:21"), told("late_opening", "b-1", "resolved", "budi")),
]
LADDER = [
    Phase(staff(a_1={"09:00": "vacant"}), at("09:10:05"), told("vacancy", "a-1", "firing", "budi")),
    Phase(nothing, at("09:25:05"), told("vacancy", "a-1", "firing", "ani")),
    Phase(nothing, at("09:30:05"), told("vacancy", "a-1", "reminder", "budi")),
    Phase(
        acknowledged("vacancy", "a-1", "09:00", 24), at("09:31"), told("vacancy", "a-1", "acknowledged", "budi", "ani")
    ),
    Phase(nothing, at("09:51")),
    Phase(nothing, at("09:55:10"), told("vacancy", "a-1", "reminder", "budi")),
    Phase(staff(a_1={"10:00": "occupied"}), at("10:01"), told("vacancy", "a-1", "resolved", "budi", "ani")),
]
OUTAGE = [
    Phase(staff(c_1={"10:05": "vacant"}), at("10:15:05"), told("vacancy", "c-1", "firing", "budi")),
    Phase(staff(c_1={"10:10": "occupied"}), at("10:16"), told("vacancy", "c-1", "disproved", "budi")),
    Phase(all_are("unknown", "10:30"), at("10:30:05"), told("site_outage", "balai", "firing", "pengelola")),
    Phase(nothing, at("10:35:05")),  # the sensors are silent, and the outage speaks for them
    Phase(all_are("occupied", "10:37"), at("10:38"), told("site_outage", "balai", "resolved", "pengelola")),
]
NIGHT = [
    Phase(nothing, MIDNIGHT_MS + 5000),  # the day goes into the books
    Phase(staff(d_1={"14:00": "vacant", "14:05": "occupied"}), MIDNIGHT_MS + 65_000),  # and is corrected there
]
DAY = [*MORNING, *LADDER, *OUTAGE, *NIGHT]


class Killer:
    """When the next engine dies, so that each commit point is met in turn.

    One that died before a commit is followed by one that dies after it; one in whose hands a message was that the
    receiver has for the first time, before it is known to be sent.
    """

    def __init__(self, floor: Floor, machine: EngineMachine, webhook: WebhookReceiver) -> None:
        self._floor = floor
        self._machine = machine
        self._seen: set[str] = set()
        self._struck = False
        self._step = 0
        self.before, self.after, self.delivering = 0, 0, 0
        webhook.heard = self._heard

    def start(self) -> None:
        # On a server the lease of who was killed runs out by itself, after 10 s.
        with self._floor.record.writing(durable=False) as connection:
            connection.execute(delete(engine_lease))
        self._machine.start(self._step)

    def look(self) -> None:
        """Start the next engine when the last one has died."""
        if not self._machine.died:
            return
        self._machine.bury()
        if self._struck:
            self._struck = False
            self.delivering += 1
        elif self._step == 0:
            self._step = 1
            self.before += 1
        else:
            self._step = 0
            self.after += 1
        self.start()

    def _heard(self, request: Request) -> None:
        if request.key not in self._seen:
            self._seen.add(request.key)
            self._struck = True
            self._machine.strike()


@contextmanager
def machine_at(floor: Floor) -> Iterator[EngineMachine]:
    machine = EngineMachine(floor.url, floor.folder)
    try:
        yield machine
    finally:
        machine.stop()
        print(machine.said())


def live(floor: Floor, machine: EngineMachine, phases: Sequence[Phase], look: Callable[[], None]) -> None:
    """One phase after the other, each when all is written and said of the one before. `look`: asked all the time."""
    expected: list[Told] = []
    for number, phase in enumerate(phases):
        floor.now_ms = phase.until_ms + LAG_MS
        machine.set_clock(floor.now_ms)
        phase.happens(floor)
        with floor.record.writing(durable=False) as connection:
            set_progress(connection, floor.site.id, phase.until_ms, spool="s", spool_id=1)
        expected += phase.told

        def settled(until_ms: int = phase.until_ms, so_far: Sequence[Told] = tuple(expected)) -> bool:
            look()
            return said(floor) == sorted(so_far) and not unsettled(floor, until_ms, so_far)

        with contextlib.suppress(AssertionError):
            eventually(settled, every_s=0.02)
        assert unsettled(floor, phase.until_ms, expected) == [], f"phase {number}"


def unsettled(floor: Floor, until_ms: int, expected: Sequence[Told]) -> list[object]:
    """What is not yet, or not right: messages on their way, and pairs of what is and what has to be."""
    pairs: list[tuple[object, object]] = [
        (said(floor), sorted(expected)),
        (written(floor), computed(floor, until_ms)),
        (booked(floor), to_be_booked(floor, until_ms)),
    ]
    return [*(one for one in floor.queue() if one.sent_ms is None), *(pair for pair in pairs if pair[0] != pair[1])]


def said(floor: Floor) -> list[Told]:
    """What is in the queue, sent or not."""
    rows, alert = notification.c, alert_table.c
    query = select(alert.kind, alert.subject, rows.event, rows.recipient).join_from(
        notification, alert_table, rows.alert == alert.id
    )
    with floor.record.reading() as connection:
        return sorted((kind, subject, event, to) for kind, subject, event, to in connection.execute(query))


def written(floor: Floor) -> list[Alert]:
    """The alerts of the record that nothing disproved."""
    rows = alert_table.c
    query = select(
        rows.kind, rows.subject_type, rows.subject, rows.since_ms, rows.fired_ms, rows.resolved_ms, rows.reason
    )
    with floor.record.reading() as connection:
        return sorted((Alert(*row) for row in connection.execute(query.where(rows.disproved_ms.is_(None)))), key=order)


def computed(floor: Floor, until_ms: int) -> list[Alert]:
    """The alerts of what the record knows of zones and devices."""
    first_ms = at("07:50")
    with floor.record.reading() as connection:
        lines = read_lines(connection, floor.site, first_ms, first_ms, until_ms)
    return sorted(alerts_of(floor.site, lines, Span(first_ms, until_ms)), key=order)


def order(alert: Alert) -> tuple[str, str, int]:
    return alert.kind, alert.subject, alert.since_ms


def booked(floor: Floor) -> list[LedgerDay]:
    with floor.record.reading() as connection:
        rows = ledger.days(connection, floor.site.id, "2026-11-24", "2026-11-25", subject_type="outlet")
    return sorted((row.entry.day for row in rows), key=lambda day: day.id)


def to_be_booked(floor: Floor, until_ms: int) -> list[LedgerDay]:
    if until_ms < MIDNIGHT_MS:
        return []
    horizon = Span(at("07:50"), MIDNIGHT_MS)
    with floor.record.reading() as connection:
        lines = read_lines(connection, floor.site, horizon.start_ms, *horizon)
    known = {ZoneKey(name, "staff"): lines.zone(ZoneKey(name, "staff"), *horizon) for name in OUTLETS}
    return ledger_of(floor.site, known, horizon)


def audited(floor: Floor) -> list[str]:
    """The events of the audit log, in order; its chain holds."""
    floor.audit_rows()
    with floor.record.reading() as connection:
        return [json.loads(body)["event"] for body in connection.scalars(select(audit.c.body).order_by(audit.c.id))]


def bodies(floor: Floor) -> dict[str, bytes]:
    """What is in the queue, by key."""
    with floor.record.reading() as connection:
        return {key: body.encode() for key, body in connection.execute(select(notification.c.key, notification.c.body))}


def check_heard(floor: Floor, webhook: WebhookReceiver) -> None:
    """The receiver has every message, each under one key and with one body however often it came, in order."""
    queued = bodies(floor)
    assert {request.key for request in webhook.requests} == set(queued)
    for request in webhook.requests:
        assert request.body == queued[request.key]
    firsts = list(dict.fromkeys(request.key for request in webhook.requests))
    for alert in {key.split(".")[0] for key in queued}:
        for to in ("budi", "ani", "teknisi", "pengelola"):
            of_one = [key for key in firsts if key.startswith(f"{alert}.") and key.split(".")[2] == to]
            in_queue = [one.key for one in floor.queue() if one.key in of_one]
            assert of_one == in_queue


def check_deaths(killer: Killer, keys: Sequence[str]) -> None:
    """It was killed with each message on its way, and before and after each was noted; transitions come on top."""
    together = {(alert, event, n) for alert, event, _, n in (key.split(".") for key in keys)}
    assert len(together) <= killer.delivering <= len(keys)
    assert min(killer.before, killer.after) > len(keys)


@contextmanager
def at_the_hall(record: Floor, webhook: WebhookReceiver) -> Iterator[EngineMachine]:
    record.register(hall(webhook))
    with machine_at(record) as machine:
        machine.set_clock(record.now_ms)
        yield machine


def undisturbed(folder: Path, empty_record: Path, phases: Sequence[Phase]) -> tuple[list[str], list[str]]:
    """Keys and audited events of a day on which nobody is killed."""
    folder.mkdir()
    with receiving() as webhook, floor_in(folder, empty_record) as floor, at_the_hall(floor, webhook) as machine:
        machine.start()
        live(floor, machine, phases, lambda: None if not machine.died else pytest.fail("it died"))
        check_heard(floor, webhook)
        assert len(webhook.requests) == len(bodies(floor)), "nothing goes out twice when nobody is killed"
        return sorted(bodies(floor)), audited(floor)


def test_killed_at_every_commit_point_of_a_day(tmp_path: Path, empty_record: Path, webhook: WebhookReceiver) -> None:
    keys, events = undisturbed(tmp_path / "quiet", empty_record, DAY)
    with floor_in(tmp_path, empty_record) as floor, at_the_hall(floor, webhook) as machine:
        killer = Killer(floor, machine, webhook)
        killer.start()
        live(floor, machine, DAY, killer.look)
        check_heard(floor, webhook)
        assert sorted(bodies(floor)) == keys
        assert audited(floor) == events
        check_deaths(killer, keys)


def test_killed_at_the_commit_points_of_a_ladder_on_a_server(
    tmp_path: Path, postgresql_record: str, webhook: WebhookReceiver
) -> None:
    phases = [Phase(all_are("occupied", "07:55"), at("08:21")), *LADDER]
    with floor_at(postgresql_record, tmp_path) as floor, at_the_hall(floor, webhook) as machine:
        killer = Killer(floor, machine, webhook)
        killer.start()
        live(floor, machine, phases, killer.look)
        check_heard(floor, webhook)
        assert sorted(set(audited(floor))) == ["acknowledged", "firing", "resolved"]
        check_deaths(killer, list(bodies(floor)))


@pytest.mark.soak
def test_killed_once_at_each_commit_point(tmp_path: Path, empty_record: Path) -> None:
    """As an engine that has lived through the day until then, not one that has only just begun."""
    keys, events = undisturbed(tmp_path / "quiet", empty_record, DAY)
    for step in range(int(os.environ.get("N", "1000"))):
        folder = tmp_path / str(step)
        folder.mkdir()
        with receiving() as webhook, floor_in(folder, empty_record) as floor, at_the_hall(floor, webhook) as machine:
            deaths: list[int] = []

            def look(machine: EngineMachine = machine, deaths: list[int] = deaths) -> None:
                if machine.died:
                    machine.bury()
                    deaths.append(1)
                    machine.start()

            machine.start(dies_at=step)
            live(floor, machine, DAY, look)
            check_heard(floor, webhook)
            assert (sorted(bodies(floor)), audited(floor)) == (keys, events), f"killed at step {step}"
        if not deaths:
            break  # the day has no more steps
