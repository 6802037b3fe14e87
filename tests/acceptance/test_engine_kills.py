"""The engine as it is shipped, killed with -9 at random moments: the receiver counts what was lost or doubled."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections import Counter, defaultdict
from typing import Any

import pytest
from sqlalchemy import select

from presence.alerts.life import Alert
from presence.intervals import Interval, Span, State
from presence.pipeline import alerts_of
from presence.site import Agency, Contact, Rule, Site, Step
from storage.record import acknowledgements
from storage.record.acknowledgements import Answer
from storage.record.alerts import fired_within, standing
from storage.record.intervals import revise, set_progress
from storage.record.site_lines import first_of_site, read_lines
from storage.record.tables import audit, notification
from tests.builders import outlet
from tests.fixtures.alerting import Floor, floor_at, watched_site
from tests.fixtures.hadir_command import Hadir, eventually
from tests.fixtures.webhook import Answer as Reply
from tests.fixtures.webhook import WebhookReceiver

IN_THE_SUITE = 20
OUTLETS = ("a-1", "b-1", "c-1", "d-1")
S = 1000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def hall(webhook: WebhookReceiver) -> Site:
    contacts = tuple(
        Contact(id=name, name=name.title(), level=level, channel=webhook.url(f"/{name}", "kata"))
        for name, level in (("budi", 1), ("ani", 2))
    )
    return watched_site(
        outlets=[outlet(name) for name in OUTLETS],
        agencies=(Agency(id="dinas", name="Dinas", contacts=contacts),),
        service_hours="24/7",
        rules={
            "vacancy": Rule(after_ms=2 * S, min_presence_ms=S, unknown_after_ms=3 * S),
            "site_outage": Rule(off=True),  # nobody here is told of it
        },
        escalation={
            "people": (
                Step(after_ms=0, to="agency", level=1, repeat_ms=3 * S),
                Step(after_ms=2 * S, to="agency", level=2),
            )
        },
    )


class Day:
    """What happens at the hall, as a collector writes it down; some of it late. People answer now and then."""

    def __init__(self, floor: Floor, webhook: WebhookReceiver, dice: random.Random) -> None:
        self._floor = floor
        self._webhook = webhook
        self._dice = dice
        self.until_ms = 0

    def happens(self) -> None:
        """One thing."""
        now, name = now_ms(), self._dice.choice(OUTLETS)
        match self._dice.choice(["vacant", "vacant", "occupied", "unknown", "late", "answer", "failure"]):
            case "late":
                self.is_seen(name, (now - 2500, "occupied"), (now - 500, "vacant"))
            case "answer":
                self._answer(now)
            case "failure":
                self._webhook.answers.append(Reply(self._dice.choice([500, 503, 429])))
            case "vacant" | "occupied" | "unknown" as state:
                self.is_seen(name, (now, state))

    def is_seen(self, name: str, *states: tuple[int, State]) -> None:
        ends: list[int | None] = [*(at_ms for at_ms, _ in states[1:]), None]
        line = [Interval(at_ms, end_ms, state, 0.5) for (at_ms, state), end_ms in zip(states, ends, strict=True)]
        with self._floor.record.writing(durable=False) as connection:
            revise(connection, self._floor.site.id, name, "staff", states[0][0], line, now_ms())

    def _answer(self, now: int) -> None:
        with self._floor.record.writing(durable=False) as connection:
            if stand := standing(connection, self._floor.site.id):
                named, answer = self._dice.choice(stand).id, Answer("break", lasting_ms=60 * S)
                acknowledgements.add(connection, self._floor.site.id, named, answer, author="siti", now_ms=now)

    def passes(self, for_s: float) -> None:
        """The collector goes on telling how far it knows all."""
        until_s = time.monotonic() + for_s
        while (left_s := until_s - time.monotonic()) > 0:
            threading.Event().wait(min(left_s, 0.1))
            self.until_ms = now_ms() - 100
            with self._floor.record.writing(durable=False) as connection:
                set_progress(connection, self._floor.site.id, self.until_ms, spool="s", spool_id=1)


def test_an_engine_killed_at_random_loses_nothing_and_says_nothing_twice(
    hadir: Hadir, webhook: WebhookReceiver
) -> None:
    killed_at_random(hadir, webhook, IN_THE_SUITE)


@pytest.mark.soak
def test_an_engine_killed_for_hours_loses_nothing_and_says_nothing_twice(
    hadir: Hadir, webhook: WebhookReceiver
) -> None:
    killed_at_random(hadir, webhook, int(os.environ.get("N", "1000")))


def killed_at_random(hadir: Hadir, webhook: WebhookReceiver, kills: int) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    hadir.environment["HADIR_BROKER"] = "mqtt://127.0.0.1:1"  # nobody there: the engine looks by itself
    with floor_at(f"sqlite:///{hadir.data / 'record.db'}", hadir.data) as floor:
        floor.now_ms = now_ms()
        floor.register(hall(webhook))
        day = Day(floor, webhook, dice)
        for name in OUTLETS:
            day.is_seen(name, (now_ms(), "occupied"))
        engine = hadir.start("api", "run", "--only", "engine")
        for _ in range(kills):
            for _ in range(dice.randrange(1, 7)):
                day.happens()
                day.passes(dice.random() * 0.6)
            hadir.kill(engine)
            engine = hadir.start("api", "run", "--only", "engine")
        for name in OUTLETS:
            day.is_seen(name, (now_ms(), "occupied"))
        webhook.answers.clear()

        def over() -> bool:
            day.passes(0.1)
            return not stand(floor) and all(one.next_try_ms is None for one in floor.queue())

        eventually(over, every_s=0.4)
        assert hadir.stop(engine) == 0
        check(floor, webhook, day.until_ms)


def check(floor: Floor, webhook: WebhookReceiver, until_ms: int) -> None:
    assert written(floor) == computed(floor, until_ms)
    with floor.record.reading() as connection:
        queued = {
            key: body.encode() for key, body in connection.execute(select(notification.c.key, notification.c.body))
        }
    assert {request.key for request in webhook.requests} == set(queued), "lost, or sent and not written down"
    assert all(request.body == queued[request.key] for request in webhook.requests), "a repeat is the same message"
    assert all(one.sent_ms is not None for one in floor.queue())

    floor.audit_rows()
    fired: Counter[str] = Counter()
    stood: dict[str, int] = defaultdict(int)  # how often an alert stood when its transaction was over
    for events in transactions(floor).values():
        for alert, said in events.items():
            fired[alert] += said.count("firing")
            stood[alert] += said[-1] in ("firing", "reopened")
    assert set(fired.values()) == {1}, "none fires twice"
    heard: dict[str, Counter[str]] = defaultdict(Counter)
    for key in queued:
        alert, event, recipient, _ = key.split(".")
        heard[alert][f"{event} {recipient}"] += 1
    for alert, times in stood.items():
        of_it = heard[alert]
        assert of_it["firing budi"] == times, "told each time that it stands, once"
        for recipient in ("budi", "ani"):
            ends = of_it[f"resolved {recipient}"] + of_it[f"disproved {recipient}"]
            assert of_it[f"firing {recipient}"] <= ends, "who heard of it hears of its end"
    assert fired, "something happened"
    print(f"{len(fired)} alerts, {len(queued)} messages, {len(webhook.requests)} requests")


def transactions(floor: Floor) -> dict[str, dict[str, list[str]]]:
    """What became of each alert, by the instant of its transaction."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    with floor.record.reading() as connection:
        for text in connection.scalars(select(audit.c.body).order_by(audit.c.id)):
            body: dict[str, Any] = json.loads(text)
            if body["event"] in ("firing", "resolved", "disproved", "reopened"):
                found[body["at"]][body["alert"]].append(body["event"])
    return found


def stand(floor: Floor) -> bool:
    with floor.record.reading() as connection:
        return bool(standing(connection, floor.site.id))


def written(floor: Floor) -> list[Alert]:
    with floor.record.reading() as connection:
        found = fired_within(connection, floor.site.id, 0, 2**42)
    return sorted((one.alert for one in found if one.disproved_ms is None), key=order)


def computed(floor: Floor, until_ms: int) -> list[Alert]:
    with floor.record.reading() as connection:
        first_ms = first_of_site(connection, floor.site.id) or until_ms
        lines = read_lines(connection, floor.site, first_ms, first_ms, until_ms)
    return sorted(alerts_of(floor.site, lines, Span(first_ms, until_ms)), key=order)


def order(alert: Alert) -> tuple[str, int]:
    return alert.subject, alert.since_ms
