from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.conventions.convention import Entry, Heard, Message
from collector.conventions.disruptive import MOST_EVENTS, Disruptive
from presence.errors import DamagedFrame
from presence.instants import parse_instant
from presence.site import Source
from tests.collector.conventions.payload_vectors import (
    NOW_MS,
    PAYLOADS,
    Vector,
    convention_for,
    message_of,
    said,
    wrong,
)

DESK = "cj5jpe7r23r0008c1pmg"
AT = "2026-11-24T02:59:00Z"
AT_MS = parse_instant(AT)


def event(kind: str, number: int = 1, *, at: str = AT, device: str = DESK, **told: Any) -> dict[str, Any]:
    return {
        "eventId": f"e{number}",
        "targetName": f"projects/p1/devices/{device}",
        "eventType": kind,
        "data": {kind: {**told, "updateTime": at}},
        "timestamp": "2026-11-24T02:59:59Z",
        "labels": {},
    }


def hear(disruptive: Disruptive, body: object, topic: str = "hadir/1/mpp/webhook/disruptive") -> list[Heard]:
    return list(disruptive.decode(Message(topic, json.dumps(body).encode(), None, None, False, NOW_MS)))


def heard(kind: str, **told: Any) -> Heard:
    (one,) = hear(Disruptive(), event(kind, **told))
    return one


@pytest.mark.parametrize("vector", [v for v in PAYLOADS if v["convention"] == "disruptive"], ids=lambda v: v["id"])
def test_every_vector(vector: Vector):
    assert wrong(vector, said(convention_for(vector), message_of(vector))) == {}


@pytest.mark.parametrize(
    ("kind", "state", "presence"),
    [
        ("motion", "MOTION_DETECTED", 1.0),
        ("motion", "NO_MOTION_DETECTED", 0.0),
        ("deskOccupancy", "OCCUPIED", 1.0),
        ("deskOccupancy", "NOT_OCCUPIED", 0.0),
    ],
)
def test_motion_and_desks_are_verdicts_at_the_time_of_their_observation(kind: str, state: str, presence: float):
    assert heard(kind, state=state, remarks=[]) == Heard(
        device=DESK, address=DESK, at_ms=AT_MS, values={"presence": presence}, presences={kind: presence}
    )


def test_a_state_that_is_none_is_unknown():
    for state in ("UNKNOWN", None, 7, []):
        assert heard("deskOccupancy", state=state).unknown == {"presence", "deskOccupancy"}
    assert heard("objectPresent", state="UNKNOWN").unknown == {"objectPresent"}


def test_an_object_before_the_sensor_is_a_verdict_of_its_name_alone():
    one = heard("objectPresent", state="PRESENT")
    assert one.values == {}
    assert one.presences == {"objectPresent": 1.0}


@pytest.mark.parametrize("kind", ["touch", "contact", "touchCount", "labelsChanged", "waterPresent"])
def test_other_events_say_nothing_of_presence(kind: str):
    one = heard(kind, state="PRESENT", total=3)
    assert (one.values, one.presences, one.unknown) == ({}, {}, frozenset())


def test_quantities():
    assert heard("batteryStatus", percentage=87).values == {"battery": 87.0}
    assert heard("temperature", value=21.5).values == {"temperature": 21.5}
    assert heard("humidity", temperature=20, relativeHumidity=55.5).values == {"temperature": 20.0, "humidity": 55.5}
    assert heard("co2", ppm=600).values == {"co2": 600.0}
    assert heard("batteryStatus", percentage="full").values == {}


def test_an_event_is_said_once_however_it_is_wrapped():
    disruptive = Disruptive()
    first = event("motion", state="MOTION_DETECTED")
    assert hear(disruptive, first)
    assert hear(disruptive, {"event": first, "labels": {}, "metadata": {"deviceType": "motion"}}) == []
    (other,) = hear(
        disruptive,
        {"event": event("motion", 2, state="MOTION_DETECTED"), "labels": {}, "metadata": {"deviceType": "motion"}},
    )
    assert other.seems == "motion"
    assert other.presences == {"motion": 1.0}


def test_a_damaged_event_is_not_taken_for_said():
    disruptive = Disruptive()
    with pytest.raises(DamagedFrame):
        hear(disruptive, {**event("motion"), "data": {}})
    assert hear(disruptive, event("motion", state="MOTION_DETECTED"))


def test_without_an_update_time_the_event_has_its_own():
    body = event("motion", state="MOTION_DETECTED")
    del body["data"]["motion"]["updateTime"]
    assert hear(Disruptive(), body)[0].at_ms == parse_instant("2026-11-24T02:59:59Z")


def connectors(*names: str) -> list[dict[str, Any]]:
    return [{"id": name, "signalStrength": 60, "rssi": -70} for name in names]


def test_a_sensor_goes_with_its_only_connector():
    disruptive = Disruptive()
    (alive,) = hear(disruptive, event("networkStatus", 1, rssi=-70, cloudConnectors=connectors("ccon1")))
    assert alive == Heard(device=DESK, address=DESK, at_ms=AT_MS)
    assert disruptive.gateway_of(DESK) == "ccon1"
    (gone,) = hear(disruptive, event("connectionStatus", 2, device="ccon1", connection="OFFLINE", available=[]))
    assert gone == Heard(device="ccon1", address="ccon1", at_ms=AT_MS, online=False, scope="gateway")
    assert disruptive.gateway_of(DESK) == "ccon1"


def test_a_sensor_that_two_connectors_hear_outlives_one():
    disruptive = Disruptive()
    hear(disruptive, event("networkStatus", 1, cloudConnectors=connectors("ccon1", "ccon2")))
    assert disruptive.gateway_of(DESK) is None
    hear(disruptive, event("connectionStatus", 2, device="ccon1", connection="OFFLINE"))
    assert disruptive.gateway_of(DESK) == "ccon2"


def test_an_older_word_of_a_connector_that_comes_late_is_history():
    disruptive = Disruptive()
    hear(disruptive, event("connectionStatus", 1, device="ccon1", connection="ETHERNET"))
    (late,) = hear(
        disruptive, event("connectionStatus", 2, at="2026-11-24T02:00:00Z", device="ccon1", connection="OFFLINE")
    )
    assert late.online is None
    assert late.historical


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"targetName": "projects/p/devices/"},
        {**event("motion"), "eventId": "x" * 100},
        {**event("motion"), "targetName": 7},
        {**event("motion"), "data": []},
        event("connectionStatus", connection="PIGEON"),
        event("connectionStatus", connection=["OFFLINE"]),
        {"event": []},
    ],
)
def test_what_is_no_event_of_a_device_is_damaged(body: object):
    with pytest.raises(DamagedFrame):
        hear(Disruptive(), body)


@given(st.binary(max_size=200))
def test_no_bytes_break_it(payload: bytes):
    with suppress(DamagedFrame):
        Disruptive().decode(Message("disruptive/events", payload, None, None, False, NOW_MS))


def test_it_owns_webhooks_and_the_topics_of_its_entries():
    disruptive = Disruptive()
    disruptive.follow([Entry(DESK, topic="dt/events"), Entry("other")])
    assert [one.topic_filter for one in disruptive.subscriptions()] == [
        "hadir/1/+/webhook/disruptive",
        "disruptive/events",
        "dt/events",
    ]
    assert all(map(disruptive.owns, ("hadir/1/mpp/webhook/disruptive", "disruptive/events", "dt/events")))
    assert not any(
        map(disruptive.owns, ("hadir/1/mpp/webhook/other", "disruptive/x", "hadir/1/a/b/webhook/disruptive"))
    )


def test_a_source_names_the_device_by_its_id_or_its_whole_name():
    disruptive = Disruptive()
    assert disruptive.address(Source(device=DESK)) == DESK
    assert disruptive.address(Source(device=f"projects/p1/devices/{DESK}")) == DESK
    assert disruptive.source(DESK) == {"device": DESK}
    for source in (Source(), Source(device="a/b"), Source(device=DESK, profile="p"), Source(device=DESK, topic="a/#")):
        with pytest.raises(ValueError):
            disruptive.address(source)


def test_it_remembers_bounded_many_events():
    disruptive = Disruptive()
    for number in range(MOST_EVENTS + 10):
        hear(disruptive, event("touch", number))
    assert len(disruptive._events) == MOST_EVENTS
    assert hear(disruptive, event("touch", MOST_EVENTS + 9)) == []
