from __future__ import annotations

import logging

import pytest

from api.alerting.heartbeat import EVERY_MS, Heartbeat
from tests.fixtures.alerting import Floor, watched_site
from tests.fixtures.hadir_command import eventually
from tests.fixtures.webhook import Answer, WebhookReceiver


class Beating:
    """A heartbeat whose minutes pass by hand."""

    def __init__(self, receiver: WebhookReceiver) -> None:
        self.now_ms = 0
        url = f"http://127.0.0.1:{receiver.port}/{{env:BEAT}}"
        self.heart = Heartbeat(url, {"BEAT": "secret-path"}, lambda: self.now_ms)


def test_a_healthy_engine_calls_once_a_minute(floor: Floor, webhook: WebhookReceiver) -> None:
    floor.register(watched_site())
    beating = Beating(webhook)
    engine = floor.engine(heartbeat=beating.heart)
    floor.staff("a-1", {"08:00": "occupied"}, until="09:00")
    for _ in range(3):
        engine.tick()
    assert [request.path for request in webhook.wait_for(1)] == ["/secret-path"]
    beating.now_ms = EVERY_MS
    eventually(lambda: engine.tick() or len(webhook.requests) == 2)


def test_it_is_silent_while_nobody_collects(floor: Floor, webhook: WebhookReceiver) -> None:
    floor.register(watched_site())
    engine = floor.engine(heartbeat=Beating(webhook).heart)
    engine.tick()
    floor.staff("a-1", {"08:00": "occupied"}, until="09:00")
    floor.now_ms += 60_000
    engine.tick()
    floor.pass_until("09:02")
    engine.tick()
    assert len(webhook.wait_for(1)) == 1


def test_a_failure_is_said_once_without_the_secret(webhook: WebhookReceiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "hadir.engine")
    webhook.answers = [Answer(500), Answer(500)]
    beating = Beating(webhook)
    for calls in range(1, 4):
        beating.now_ms += EVERY_MS
        eventually(lambda calls=calls: beating.heart.beat() or len(webhook.requests) == calls)
    eventually(lambda: len(caplog.messages) == 2)
    assert caplog.messages == [
        "heartbeat to 127.0.0.1: answered 500; trying again",
        "heartbeat to 127.0.0.1: is taken again",
    ]
