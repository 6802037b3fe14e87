from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

from presence import topics
from presence.gateway_settings import gateway_settings
from presence.site import Gateway, Site, Source
from tests.builders import outlet, sensor
from tests.fixtures.alerting import Floor, watched_site
from tests.fixtures.broker import RunningBroker
from tests.fixtures.webhook import WebhookReceiver
from transport.session import Received, Session, parse_broker

RADAR = sensor("a-1-radar", kind="mmwave", source=Source(gateway="gw-1", driver="ld2410", port="/dev/ttyUSB0"))
SETTINGS = topics.gateway_topic("balai", "gw-1", "settings")


def site_with_gateway(channel: str | None = None) -> Site:
    return watched_site(channel, outlets=(outlet("a-1", sensors=[RADAR]),), gateways=(Gateway(id="gw-1"),))


def settings_of(site: Site) -> bytes:
    return json.dumps(gateway_settings(site, "gw-1"), separators=(",", ":")).encode()


@contextmanager
def running(floor: Floor, broker: RunningBroker) -> Iterator[None]:
    """An engine at the broker, for as long as the block lasts."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        work = threads.submit(floor.engine(address=parse_broker(broker.url)).run, stop)
        try:
            yield
        finally:
            stop.set()
        work.result()


@contextmanager
def hearing(broker: RunningBroker, *filters: str) -> Iterator[queue.Queue[Received]]:
    """What a subscriber of `filters` gets."""
    heard: queue.Queue[Received] = queue.Queue()
    session = Session(
        parse_broker(broker.url),
        client_id="listener",
        clean_start=True,
        session_expiry_s=0,
        subscriptions=filters,
        on_message=heard.put,
    )
    session.start()
    try:
        yield heard
    finally:
        session.stop()


def test_what_a_gateway_must_know_is_retained_and_follows_the_registry(floor: Floor, mosquitto: RunningBroker) -> None:
    first = site_with_gateway()
    second = replace(first, gateways=(Gateway(id="gw-1", thinning_ms=60_000),))
    floor.register(first)
    with running(floor, mosquitto), hearing(mosquitto, SETTINGS) as heard:
        assert heard.get(timeout=30).payload == settings_of(first)
        floor.register(second)
        assert heard.get(timeout=30).payload == settings_of(second)
    with hearing(mosquitto, SETTINGS) as heard:
        received = heard.get(timeout=30)
    assert (received.retain, received.payload) == (True, settings_of(second))


def test_a_broker_that_forgot_everything_gets_the_settings_again(floor: Floor, embedded_broker: RunningBroker) -> None:
    floor.register(site_with_gateway())
    with running(floor, embedded_broker):
        with hearing(embedded_broker, SETTINGS) as heard:
            heard.get(timeout=30)
        embedded_broker.restart()
        with hearing(embedded_broker, SETTINGS) as heard:
            assert heard.get(timeout=60).payload == settings_of(floor.site)


def test_pages_are_woken_with_the_revision_and_the_webhook_is_called(
    floor: Floor, mosquitto: RunningBroker, webhook: WebhookReceiver
) -> None:
    floor.register(site_with_gateway(webhook.url()))
    with running(floor, mosquitto), hearing(mosquitto, SETTINGS, topics.alerts_changed("+")) as heard:
        assert heard.get(timeout=30).topic == SETTINGS  # now both are at the broker
        floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:10:01")
        received = heard.get(timeout=30)
        (request,) = webhook.wait_for(1)
    assert (received.topic, received.retain) == ("hadir/1/balai/alerts/changed", False)
    assert json.loads(received.payload) == {"revision": 1}
    assert request.json["alert"]["state"] == "firing"
