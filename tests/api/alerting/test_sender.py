from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

import pytest
from sqlalchemy import Connection

from api.alerting.sender import Sender
from api.channels import channels
from presence.alerts.escalation import Recipient
from presence.site import Agency, Contact, Site
from storage.record import Record
from storage.record.alerts import enqueue
from tests.fixtures.alerting import Floor, at, sending, watched_site
from tests.fixtures.hadir_command import eventually
from tests.fixtures.webhook import Answer, WebhookReceiver, receiving

BUDI = Recipient("dinas", "budi")
ANI = Recipient("dinas", "ani")
HOUR_MS = 3_600_000


class SlowReader:
    """The record of a sender whose look at the queue lets the receiver answer and lasts until deliveries end."""

    def __init__(self, record: Record, answer: threading.Event) -> None:
        self._record = record
        self._answer = answer
        self.writing = record.writing

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._record.reading() as connection:
            yield connection
        under_way = [thread for thread in threading.enumerate() if thread.name.startswith("send ")]
        if threading.current_thread().name == "sender" and under_way:
            self._answer.set()
            for thread in under_way:
                thread.join()


def queue(floor: Floor, alert: str, event: str = "firing", to: Recipient = BUDI, site: str = "balai") -> str:
    with floor.record.writing(durable=False) as connection:
        return enqueue(connection, site, alert, event, to, f'{{"alert":"{alert}","é":1}}', floor.now_ms)


def settled(floor: Floor, attempts: int) -> None:
    """When the queue says that so many attempts were made."""
    eventually(lambda: sum(message.attempts for message in floor.queue()) >= attempts)


def test_what_is_queued_is_delivered_once_with_its_key_and_body(floor: Floor, webhook: WebhookReceiver) -> None:
    floor.register(watched_site(webhook.url()))
    with sending(floor) as sender:
        key = queue(floor, "a1")
        sender.wake()
        settled(floor, 1)
    assert [(request.key, request.body) for request in webhook.requests] == [(key, '{"alert":"a1","é":1}'.encode())]
    (message,) = floor.queue()
    assert (message.sent_ms, message.error, message.next_try_ms) == (floor.now_ms, None, None)


def test_a_failing_receiver_is_tried_again_with_pauses_that_double(
    floor: Floor, webhook: WebhookReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    floor.register(watched_site(webhook.url()))
    webhook.usual = Answer(503)
    pauses = []
    queue(floor, "a1")
    with caplog.at_level(logging.INFO, "hadir.engine"), sending(floor) as sender:
        for attempt in range(1, 12):
            settled(floor, attempt)
            (message,) = floor.queue()
            assert message.next_try_ms is not None
            pauses.append(message.next_try_ms - floor.now_ms)
            if attempt == 11:
                webhook.usual = Answer(200)
            floor.now_ms = message.next_try_ms
            sender.wake()
        settled(floor, 12)
    assert pauses == [1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000, 256000, 300000, 300000]
    assert {request.key for request in webhook.requests} == {"a1.firing.budi.0"}
    assert floor.queue()[0].error is None
    assert [record.message for record in caplog.records] == [
        "balai: contact budi of dinas: answered 503; trying again",
        "balai: contact budi of dinas: delivered again",
    ]


def test_jitter_shortens_pauses_but_never_what_the_receiver_asked_for(floor: Floor, webhook: WebhookReceiver) -> None:
    floor.register(watched_site(webhook.url()))
    webhook.usual = Answer(429, {"Retry-After": "90"})
    queue(floor, "a1")
    with sending(floor, jitter=0.0):
        settled(floor, 1)
    assert floor.queue()[0].next_try_ms == floor.now_ms + 90_000


def test_what_the_receiver_refuses_is_given_up_with_the_reason_kept(floor: Floor, webhook: WebhookReceiver) -> None:
    floor.register(watched_site(webhook.url()))
    webhook.usual = Answer(410)
    queue(floor, "a1")
    with sending(floor):
        settled(floor, 1)
    (message,) = floor.queue()
    assert (message.sent_ms, message.error, message.next_try_ms) == (None, "answered 410", None)


def test_after_a_day_a_message_is_given_up(floor: Floor, webhook: WebhookReceiver) -> None:
    floor.register(watched_site(webhook.url()))
    webhook.usual = Answer(500)
    queue(floor, "a1")
    floor.now_ms += 24 * HOUR_MS
    with sending(floor):
        settled(floor, 1)
    (message,) = floor.queue()
    assert (message.error, message.next_try_ms) == ("answered 500; given up after 24 h", None)


def test_a_secret_that_is_not_there_keeps_the_message(
    floor: Floor, webhook: WebhookReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    floor.register(watched_site(webhook.url("/x-path", "{env:HOOK_SECRET}")))
    queue(floor, "a1")
    with caplog.at_level(logging.INFO, "hadir.engine"), sending(floor):
        settled(floor, 1)
    assert [record.message for record in caplog.records] == [
        "balai: contact budi of dinas: the environment has no HOOK_SECRET; set it and start again; trying again"
    ]
    floor.now_ms += 60_000
    with sending(floor, {"HOOK_SECRET": "s"}):
        webhook.wait_for(1)


def test_a_later_message_of_an_alert_waits_for_the_earlier_one(floor: Floor, webhook: WebhookReceiver) -> None:
    floor.register(watched_site(webhook.url()))
    webhook.answers = [Answer(503)]
    first, later, other = queue(floor, "a1"), queue(floor, "a1", "resolved"), queue(floor, "a2")
    with sending(floor) as sender:
        settled(floor, 2)
        assert [request.key for request in webhook.requests] == [first, other]
        floor.now_ms += 2000
        sender.wake()
        settled(floor, 4)
    assert [request.key for request in webhook.requests] == [first, other, first, later]


def test_a_receiver_who_does_not_answer_holds_up_nobody_else(floor: Floor, webhook: WebhookReceiver) -> None:
    answer = threading.Event()
    webhook.usual = Answer(wait=answer)
    with receiving() as quick:
        contacts = (
            Contact(id="budi", name="B", channel=webhook.url()),
            Contact(id="ani", name="A", channel=quick.url()),
        )
        floor.register(watched_site(agencies=(Agency(id="dinas", name="Dinas", contacts=contacts),)))
        for number in range(6):
            queue(floor, f"slow-{number}")
        for number in range(6):
            queue(floor, f"quick-{number}", to=ANI)
        with sending(floor):
            assert [request.key for request in quick.wait_for(6)] == [f"quick-{n}.firing.ani.0" for n in range(6)]
            assert len(webhook.requests) == 1
            answer.set()
            webhook.wait_for(6)


@pytest.mark.parametrize(("status", "attempts"), [(200, [1, 1, 1]), (503, [1, 0, 1])], ids=["delivered", "failed"])
def test_a_delivery_that_ends_while_the_queue_is_read_is_not_begun_again(
    floor: Floor, webhook: WebhookReceiver, status: int, attempts: list[int]
) -> None:
    floor.register(watched_site(webhook.url()))
    answer = threading.Event()
    webhook.answers = [Answer(status, wait=answer)]
    for alert, event in (("a1", "firing"), ("a1", "resolved"), ("a2", "firing")):
        queue(floor, alert, event)
    with sending(floor, record=cast(Record, SlowReader(floor.record, answer))) as sender:
        webhook.wait_for(1)
        sender.wake()
        settled(floor, sum(attempts))
    assert [message.attempts for message in floor.queue()] == attempts
    assert len({request.key for request in webhook.requests}) == len(webhook.requests)


def test_a_contact_that_is_not_registered_any_more_is_not_told(floor: Floor, webhook: WebhookReceiver) -> None:
    wanted = watched_site(webhook.url())
    floor.register(wanted)
    queue(floor, "a1")
    floor.register(replace(wanted, agencies=(replace(wanted.agencies[0], contacts=()),)))
    with sending(floor):
        settled(floor, 1)
    assert floor.queue()[0].error == "is not in the site's registry any more, or has no channel"
    assert webhook.requests == []


def test_messages_of_another_engines_site_are_left_alone(floor: Floor, webhook: WebhookReceiver) -> None:
    floor.register(watched_site(webhook.url()))
    queue(floor, "b1", site="other")
    queue(floor, "a1")
    with sending(floor):
        settled(floor, 1)
    assert [(message.key, message.attempts) for message in floor.queue()] == [
        ("a1.firing.budi.0", 1),
        ("b1.firing.budi.0", 0),
    ]


def test_a_retry_signs_anew_and_keeps_key_and_body(floor: Floor, webhook: WebhookReceiver) -> None:
    floor.register(watched_site(webhook.url("/hook", "s")))
    webhook.answers = [Answer(500)]
    queue(floor, "a1")
    with sending(floor) as sender:
        settled(floor, 1)
        floor.now_ms += 5000
        sender.wake()
        settled(floor, 2)
    one, two = webhook.requests
    assert (one.key, one.body) == (two.key, two.body)
    assert one.headers["Hadir-Signature"].startswith(f"t={at('08:00') // 1000},v1=")
    assert two.headers["Hadir-Signature"].startswith(f"t={at('08:00') // 1000 + 5},v1=")


def test_a_site_whose_lease_is_lost_before_the_delivery_begins_is_left_to_another_engine(
    floor: Floor, webhook: WebhookReceiver
) -> None:
    floor.register(watched_site(webhook.url()))
    lost = threading.Event()

    def site_of(site_id: str) -> Site | None:
        if threading.current_thread().name != "sender":  # a delivery's own thread asks
            lost.set()
        return None if lost.is_set() else floor.site

    key = queue(floor, "a1")
    sender = Sender(floor.record, site_of, channels({}), lambda: floor.now_ms, lambda: 1.0)
    sender.start()
    assert lost.wait(30)
    sender.stop()
    sender.check()
    assert webhook.requests == []
    assert [(one.key, one.attempts, one.sent_ms, one.error) for one in floor.queue()] == [(key, 0, None, None)]
