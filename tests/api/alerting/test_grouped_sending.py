from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import pytest

from api.alerting.sender import Sender
from api.channels import channels
from api.channels.errors import NotDelivered
from presence.alerts.escalation import Recipient
from presence.alerts.life import Alert, alert_id
from presence.alerts.message import Event, News, body
from presence.alerts.subjects import subjects
from presence.site import Agency, AlertKind, Contact, Sensor
from storage.record.alerts import enqueue
from tests.builders import outlet, sensor
from tests.fixtures.alerting import Floor, at, watched_site
from tests.fixtures.hadir_command import eventually
from tests.fixtures.webhook import WebhookReceiver

BUDI = Recipient("dinas", "budi")
ANI = Recipient("dinas", "ani")
START_MS = at("10:00")
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
DOWN = NotDelivered("answered 503", again=True)


class Sent(NamedTuple):
    at_ms: int
    key: str
    body: Any

    @property
    def keys(self) -> list[str]:
        """Of the messages that went."""
        return [one["key"] for one in self.body["messages"]] if "messages" in self.body else [self.key]


@dataclass
class People:
    """A channel that people read, which counts. `answers`: what is raised by each sending to come, None by none."""

    grouped: bool = True
    answers: list[NotDelivered | None] = field(default_factory=list)
    tried: list[Sent] = field(default_factory=list)

    def send(self, url: str, key: str, body: bytes, at_ms: int) -> None:
        self.tried.append(Sent(at_ms, key, json.loads(body)))
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer


class Phones:
    """The floor's sender, with `people` for the scheme `people`; `pass_to` moves the clock and lets it look."""

    def __init__(self, floor: Floor, people: People) -> None:
        self._floor = floor
        self._looks = 0
        self._sender = Sender(
            floor.record,
            lambda site_id: floor.site if site_id == floor.site.id else None,
            {**channels({}), "people": people},
            self._clock,
            lambda: 1.0,
        )
        self._sender.start()

    def pass_to(self, at_ms: int) -> None:
        self._floor.now_ms = at_ms
        looks = self._looks
        self._sender.wake()
        # The first look may have read the queue before; the second has begun its deliveries when the third begins.
        eventually(lambda: self._woken() >= looks + 3 and not self._delivering())

    def close(self) -> None:
        self._sender.stop()
        self._sender.check()

    def _woken(self) -> int:
        self._sender.wake()
        return self._looks

    def _clock(self) -> int:
        self._looks += threading.current_thread().name == "sender"
        return self._floor.now_ms

    def _delivering(self) -> bool:
        return any(thread.name.startswith("send ") for thread in threading.enumerate())


@contextmanager
def phones(floor: Floor, people: People) -> Iterator[Phones]:
    found = Phones(floor, people)
    try:
        yield found
    finally:
        found.close()


def watching(outlet_id: str) -> Sequence[Sensor]:
    return sensor(f"{outlet_id}-s"), sensor(f"{outlet_id}-v", zone="visitor")


@pytest.fixture
def mall(floor: Floor) -> Floor:
    """36 outlets of one agency at 10:00; `budi` is told over a channel that people read."""
    contacts = (Contact(id="budi", name="Budi", channel="people://budi"),)
    agency = Agency(id="dinas", name="Dinas Tenaga Kerja", short="Disnaker", contacts=contacts)
    counters = [outlet(f"a-{n}", number=n, sensors=watching(f"a-{n}")) for n in range(1, 37)]
    floor.register(watched_site(outlets=counters, agencies=(agency,)))
    floor.now_ms = START_MS
    return floor


def queue(
    floor: Floor, outlet_id: str, event: Event = "firing", kind: AlertKind = "vacancy", to: Recipient = BUDI
) -> str:
    """Put it into the queue now; the alert began at 09:45."""
    subject = next(one for one in subjects(floor.site) if (one.kind, one.id) == (kind, outlet_id))
    over = (START_MS, "presence") if event == "resolved" else (None, None)
    alert = Alert(kind, "outlet", outlet_id, at("09:45"), at("09:55"), *over)
    news = News(event=event, alert=alert, late=False, now_ms=floor.now_ms)
    said = json.dumps(body(floor.site, subject, news), ensure_ascii=False)
    with floor.record.writing(durable=False) as connection:
        named = alert_id(floor.site.id, kind, outlet_id, alert.since_ms)
        return enqueue(connection, floor.site.id, named, event, to, said, floor.now_ms)


def text(sent: Sent) -> list[str]:
    told: str = sent.body["text"]["id"]
    return told.split("\n")


def test_a_power_cut_of_36_counters_is_one_message(mall: Floor) -> None:
    people = People()
    keys = [queue(mall, f"a-{n}") for n in range(1, 37)]
    with phones(mall, people) as clock:
        clock.pass_to(START_MS + 999)
        assert people.tried == []
        clock.pass_to(START_MS + 1000)
    (sent,) = people.tried
    assert (sent.at_ms, sent.keys) == (START_MS + 1000, keys)
    assert text(sent)[0].startswith("36 loket Disnaker kosong: 1 (sejak 09.45), 2 (09.45), ")
    assert {message.sent_ms for message in mall.queue()} == {START_MS + 1000}


def test_afterwards_one_goes_a_minute_and_later_ones_join_the_next(mall: Floor) -> None:
    people = People()
    first = queue(mall, "a-1")
    with phones(mall, people) as clock:
        clock.pass_to(START_MS + 1000)
        second = queue(mall, "a-2")
        clock.pass_to(START_MS + 30_000)
        urgent = queue(mall, "a-3", kind="unattended")
        clock.pass_to(START_MS + 60_999)
        clock.pass_to(START_MS + 61_000)
        clock.pass_to(START_MS + 10 * MINUTE_MS)
    assert [(sent.at_ms - START_MS, sent.keys) for sent in people.tried] == [
        (1000, [first]),
        (61_000, [second, urgent]),
    ]
    assert text(people.tried[1]) == [
        "Warga menunggu di Loket 3, petugas tidak ada sejak 09.45.",
        "Loket 2 kosong sejak 09.45 (15 mnt).",
    ]


def test_one_message_alone_goes_as_it_is(mall: Floor) -> None:
    people = People()
    key = queue(mall, "a-1")
    with phones(mall, people) as clock:
        clock.pass_to(START_MS + 1000)
    (sent,) = people.tried
    assert (sent.key, sent.body["event"]) == (key, "firing")


def test_a_group_fails_and_is_tried_again_together_under_one_key(mall: Floor) -> None:
    people = People(answers=[DOWN, DOWN])
    keys = [queue(mall, "a-1"), queue(mall, "a-2")]
    with phones(mall, people) as clock:
        clock.pass_to(START_MS + 1000)
        assert [(one.error, one.next_try_ms, one.attempts) for one in mall.queue()] == [
            ("answered 503", START_MS + 2000, 1)
        ] * 2
        clock.pass_to(START_MS + 3000)
        clock.pass_to(START_MS + 6000)
    assert [(sent.at_ms - START_MS, sent.keys) for sent in people.tried] == [(1000, keys), (3000, keys), (6000, keys)]
    assert len({sent.key for sent in people.tried}) == 1
    assert [(one.sent_ms, one.error) for one in mall.queue()] == [(START_MS + 6000, None)] * 2


def test_what_comes_while_a_group_fails_is_not_held_up_by_it(mall: Floor) -> None:
    people = People(answers=[DOWN] * 5)
    old = [queue(mall, "a-1"), queue(mall, "a-2")]
    with phones(mall, people) as clock:
        for at_ms in (1000, 3000, 6000, 11_000):
            clock.pass_to(START_MS + at_ms)
        new = queue(mall, "a-3", kind="unattended")
        clock.pass_to(START_MS + 12_000)
        clock.pass_to(START_MS + 20_000)
    tried = [(sent.at_ms - START_MS, sent.keys) for sent in people.tried]
    assert tried[4:] == [(12_000, [new]), (20_000, [*old, new])]
    assert len({sent.key for sent in people.tried}) == 3
    assert all(one.sent_ms == START_MS + 20_000 for one in mall.queue())


def test_a_group_that_is_refused_is_given_up_whole(mall: Floor) -> None:
    people = People(answers=[NotDelivered("answered 410", again=False)])
    queue(mall, "a-1")
    queue(mall, "a-2")
    with phones(mall, people) as clock:
        clock.pass_to(START_MS + 1000)
    assert [(one.sent_ms, one.error, one.next_try_ms) for one in mall.queue()] == [(None, "answered 410", None)] * 2


def test_after_a_day_only_what_is_a_day_old_is_given_up(mall: Floor) -> None:
    people = People(answers=[DOWN])
    queue(mall, "a-1")
    mall.now_ms = START_MS + DAY_MS
    queue(mall, "a-2")
    mall.now_ms += 1000
    with phones(mall, people) as clock:
        clock.pass_to(START_MS + DAY_MS + 1000)
    old, new = mall.queue()
    assert (old.error, old.next_try_ms) == ("answered 503; given up after 24 h", None)
    assert (new.error, new.next_try_ms) == ("answered 503", START_MS + DAY_MS + 2000)


def test_an_end_goes_after_its_beginning_though_both_go_at_once(mall: Floor) -> None:
    people = People(answers=[DOWN])
    firing = queue(mall, "a-1")
    with phones(mall, people) as clock:
        clock.pass_to(START_MS + 1000)
        resolved = queue(mall, "a-1", "resolved")
        clock.pass_to(START_MS + 1999)
        clock.pass_to(START_MS + 3000)
    assert [sent.keys for sent in people.tried] == [[firing], [firing, resolved]]
    assert text(people.tried[1]) == [
        "Loket 1 kosong sejak 09.45 (15 mnt).",
        "Selesai: petugas kembali di Loket 1 pukul 10.00. Kosong 15 mnt.",
    ]


def test_a_restart_remembers_when_somebody_was_told(mall: Floor) -> None:
    people = People()
    queue(mall, "a-1")
    with phones(mall, people) as clock:
        clock.pass_to(START_MS + 1000)
    queue(mall, "a-2")
    with phones(mall, people) as clock:
        clock.pass_to(START_MS + 30_000)
        clock.pass_to(START_MS + 61_000)
    assert [sent.at_ms - START_MS for sent in people.tried] == [1000, 61_000]


def test_a_webhook_beside_it_gets_every_message_by_itself_at_once(mall: Floor, webhook: WebhookReceiver) -> None:
    (agency,) = mall.site.agencies
    contacts = (*agency.contacts, Contact(id="ani", name="Ani", channel=webhook.url()))
    mall.register(replace(mall.site, agencies=(replace(agency, contacts=contacts),)))
    keys = [queue(mall, f"a-{n}", to=ANI) for n in (1, 2, 3)]
    queue(mall, "a-1")
    people = People()
    with phones(mall, people) as clock:
        assert [request.key for request in webhook.wait_for(3)] == keys
        clock.pass_to(START_MS + 1000)
    assert len(people.tried) == 1
    assert all("messages" not in request.json for request in webhook.requests)
