"""Outlets come and go in the registry, collectors are killed, and a real broker tells Home Assistant all of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from presence.announcement import config_topic
from presence.site import Outlet
from presence.site_file import dump_site
from presence.topics import outlet_occupancy
from tests.builders import outlet, sensor, site
from tests.fixtures.hadir_command import Hadir, eventually
from transport.session import Message, Received, Session, parse_broker

ANNOUNCEMENTS, OCCUPANCIES = "homeassistant/device/#", "hadir/1/+/outlet/+/occupancy"
ONE, TWO, OTHER = (config_topic(*place) for place in (("balai", "one"), ("balai", "two"), ("lain", "one")))


class HomeAssistant:
    """It listens as Home Assistant does, and can be born."""

    def __init__(self, url: str) -> None:
        self.heard: list[Received] = []
        self._session = Session(
            parse_broker(url),
            client_id="home-assistant",
            clean_start=True,
            session_expiry_s=0,
            subscriptions=[ANNOUNCEMENTS, OCCUPANCIES],
            as_published=[ANNOUNCEMENTS, OCCUPANCIES],
            on_message=self._hear,
        )
        self._session.start()
        eventually(lambda: self._session.connected)

    def _hear(self, message: Received) -> None:
        self.heard.append(message)
        self._session.ack(message)

    def is_born(self) -> None:
        self._session.publish(Message("homeassistant/status", b"online", qos=0))

    def topics(self) -> list[str]:
        return [message.topic for message in self.heard]

    def last(self, topic: str) -> bytes | None:
        """What was said last on `topic`; None when nothing was."""
        return next((message.payload for message in reversed(self.heard) if message.topic == topic), None)

    def entities(self) -> dict[str, set[str]]:
        """Of every device that is there, as the announcements made and removed them."""
        found: dict[str, set[str]] = {}
        for topic, payload in [(one.topic, one.payload) for one in self.heard if one.topic.startswith("homeassistant")]:
            if not payload:
                found.pop(topic, None)
                continue
            made = found.setdefault(topic, set())
            for name, component in json.loads(payload)["cmps"].items():
                (made.discard if component.keys() == {"p"} else made.add)(name)
        return found

    def close(self) -> None:
        self._session.stop()


@pytest.fixture
def home_assistant(mosquitto: Any) -> Iterator[HomeAssistant]:
    home_assistant = HomeAssistant(mosquitto.url)
    yield home_assistant
    home_assistant.close()


def entities(*sensors: str) -> set[str]:
    return {"status", "empty_since", "staff", "staff_sensing"} | {f"sensor_{one}" for one in sensors}


def in_order(topics: list[str]) -> bool:
    """Every outlet is announced, and its occupancy comes after that. Sites have connections of their own."""
    for place in (("balai", "one"), ("balai", "two"), ("lain", "one")):
        announced, state = config_topic(*place), outlet_occupancy(*place)
        if announced not in topics or state not in topics[topics.index(announced) :]:
            return False
    return True


def test_home_assistant_has_what_the_registry_has(
    hadir: Hadir, mosquitto: Any, home_assistant: HomeAssistant, tmp_path: Path
) -> None:
    hadir.environment["HADIR_BROKER"] = mosquitto.url

    def apply(*outlets: Outlet, site_id: str = "balai", on: bool = True) -> None:
        path = tmp_path / f"{site_id}.yaml"
        path.write_text(dump_site(site(id=site_id, outlets=outlets, homeassistant=on, service_hours="24/7")))
        applied = hadir.run("site", "apply", "--prune", str(path))
        assert applied.returncode == 0, applied.stderr

    def counter(outlet_id: str, *sensors: str) -> Outlet:
        return outlet(outlet_id, sensors=[sensor(one) for one in sensors])

    def has(**sensors: tuple[str, ...]) -> None:
        """Home Assistant has the outlets of balai with these, and the other site's."""
        expected = {config_topic("balai", one): entities(*found) for one, found in sensors.items()}
        expected[OTHER] = entities("o-1")
        eventually(lambda: home_assistant.entities() == expected)

    apply(counter("one", "s-1"), counter("two", "s-2"))
    apply(counter("one", "o-1"), site_id="lain")
    collector = hadir.start("collector", "run")
    has(one=("s-1",), two=("s-2",))
    others = home_assistant.last(OTHER)

    before = len(home_assistant.heard)
    home_assistant.is_born()
    eventually(lambda: in_order(home_assistant.topics()[before:]))

    apply(counter("one", "s-1", "s-3"), counter("two", "s-2"))
    has(one=("s-1", "s-3"), two=("s-2",))

    apply(counter("one", "s-3"), counter("two", "s-2"))
    has(one=("s-3",), two=("s-2",))

    hadir.kill(collector)
    apply(counter("one", "s-4"))
    collector = hadir.start("collector", "run")
    has(one=("s-4",))
    eventually(lambda: home_assistant.last(outlet_occupancy("balai", "two")) == b"")
    spoken = [one.topic for one in home_assistant.heard if not one.payload]
    assert spoken == [TWO, outlet_occupancy("balai", "two")], "the announcement goes first"

    apply(counter("one", "s-4"), on=False)
    has()
    assert home_assistant.last(outlet_occupancy("balai", "one")), "pages live on it"

    assert {one.payload for one in home_assistant.heard if one.topic == OTHER} == {others}
    assert all(one.retain and one.qos == 1 for one in home_assistant.heard)
    assert hadir.stop(collector) == 0
    late = HomeAssistant(mosquitto.url)
    eventually(lambda: late.entities() == {OTHER: entities("o-1")})
    late.close()
