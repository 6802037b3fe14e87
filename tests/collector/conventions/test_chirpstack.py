from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from collector.conventions.chirpstack import RECENT, Chirpstack
from collector.conventions.convention import Entry, Heard, Message
from presence.errors import DamagedFrame
from presence.instants import parse_instant
from presence.site import Source
from tests.collector.conventions.payload_vectors import (
    BY_ID,
    NOW_MS,
    PAYLOADS,
    Vector,
    convention_for,
    message_of,
    said,
    wrong,
)

EUI = "24e124fffe123456"
AT = "2026-11-24T02:59:00+00:00"
AT_MS = parse_instant(AT)
OCCUPIED, VACANT = "038e01", "038e00"


def event(name: str = "up", *, eui: str = EUI, topic_eui: str | None = None, **body: Any) -> Message:
    """An event of a device; `frame`: hexadecimal application bytes."""
    if frame := body.pop("frame", None):
        body["data"] = base64.b64encode(bytes.fromhex(frame)).decode()
    told = {"time": AT, "deviceInfo": {"devEui": eui}, "fPort": 85} | body
    topic = f"application/17c82e96-be03-4f38-aef3-f83d48582d97/device/{topic_eui or eui}/event/{name}"
    return Message(topic, json.dumps(told).encode(), None, None, False, NOW_MS)


def following(profile: str | None = "milesight-vs330", *keys: str | None) -> Chirpstack:
    convention = Chirpstack()
    convention.follow([Entry(EUI, key, profile) for key in keys or (None,)])
    return convention


def now(convention: Chirpstack, message: Message) -> Heard:
    (heard,) = convention.decode(message)
    return heard


@pytest.mark.parametrize("vector", [v for v in PAYLOADS if v["convention"] == "chirpstack"], ids=lambda v: v["id"])
def test_a_vector_says_what_its_source_says(vector: Vector) -> None:
    assert wrong(vector, said(convention_for(vector), message_of(vector))) == {}


def test_an_uplink_counts_at_the_time_at_which_it_was_received_by_the_network() -> None:
    heard = now(following(), event(frame=OCCUPIED))
    assert heard == Heard(device=EUI, address=EUI, values={"presence": 1.0}, at_ms=AT_MS)


def test_a_time_that_is_none_costs_the_time_only() -> None:
    heard = now(following(), event(frame=OCCUPIED, time="yesterday"))
    assert (heard.at_ms, heard.values) == (None, {"presence": 1.0})


def test_a_device_is_told_to_people_by_its_name_and_kind() -> None:
    info = {"devEui": EUI, "deviceName": "desk 4", "deviceProfileName": "VS330"}
    assert now(following(), event(deviceInfo=info)).seems == "desk 4 (VS330)"
    assert now(following(), event(deviceInfo=info | {"deviceName": "x" * 500})).seems == "x" * 80


def test_the_past_comes_before_the_present_and_is_marked() -> None:
    past, present = following("milesight-ws203").decode(event(frame="20ceae5ba6640400240165 017564"))
    assert (past.historical, past.at_ms, past.values["presence"]) == (True, 1_688_624_046_000, 0.0)
    assert (present.historical, present.at_ms, present.values) == (False, AT_MS, {"battery": 100.0})


def test_regions_are_claimed_by_name() -> None:
    heard = now(following("milesight-vs121"), event(frame="04c9010200 02"))
    assert heard.presences == {"region_1": 0.0, "region_2": 1.0}
    assert heard.values == {"target_count": 1.0, "presence": 1.0}


def test_an_uplink_that_says_nothing_of_presence_is_alive_and_no_more() -> None:
    heard = now(following(), event(frame="017562"))
    assert (heard.values, heard.unknown) == ({"battery": 98.0}, frozenset())
    assert now(following(), event()).values == {}
    assert now(following(), event(frame=OCCUPIED, fPort=0)).values == {}, "FPort 0 is for the network"


def test_a_join_makes_all_that_is_claimed_unknown() -> None:
    convention = following("milesight-vs373", None, "region_1", "region_2")
    heard = now(convention, event("join"))
    assert heard.unknown == {"presence", "region_1", "region_2"}
    assert (heard.at_ms, heard.online) == (AT_MS, None)
    assert now(Chirpstack(), event("join")).unknown == {"presence"}


def test_a_status_tells_the_battery_unless_there_is_none_to_tell() -> None:
    assert now(Chirpstack(), event("status", batteryLevel=88.3)).values == {"battery": 88.3}
    assert now(Chirpstack(), event("status", batteryLevel=88.3, externalPowerSource=True)).values == {}
    assert now(Chirpstack(), event("status", batteryLevel=88.3, batteryLevelUnavailable=True)).values == {}
    assert now(Chirpstack(), event("status")).values == {}
    assert now(Chirpstack(), event("status", batteryLevel=101)).values == {}


@pytest.mark.parametrize("name", ["ack", "txack", "log", "location", "integration"])
def test_other_events_say_nothing(name: str) -> None:
    assert Chirpstack().owns(event(name).topic)
    assert following().decode(event(name, frame=OCCUPIED)) == ()


def test_an_event_that_comes_twice_counts_once() -> None:
    convention = following()
    assert convention.decode(event(frame=OCCUPIED, deduplicationId="a"))
    assert convention.decode(event(frame=OCCUPIED, deduplicationId="a")) == ()
    assert convention.decode(event(frame=OCCUPIED, deduplicationId="b"))
    assert convention.decode(event("status", batteryLevel=50, deduplicationId="a")), "of the same frame"
    other = event(frame=OCCUPIED, deduplicationId="a", eui="24e124fffe000001")
    assert convention.decode(other), "nobody else's id hides a message"


def test_a_damaged_event_is_not_remembered() -> None:
    convention = following()
    with pytest.raises(DamagedFrame):
        convention.decode(event(frame="0175", deduplicationId="a"))
    assert convention.decode(event(frame=OCCUPIED, deduplicationId="a"))


def test_what_is_remembered_is_bounded() -> None:
    convention = following()
    convention.decode(event(frame=OCCUPIED, deduplicationId="first"))
    for n in range(2 * RECENT):
        convention.decode(event(frame=OCCUPIED, deduplicationId=f"{n}"))
    assert convention.decode(event(frame=OCCUPIED, deduplicationId="first")), "long forgotten"
    assert convention.decode(event(frame=OCCUPIED, deduplicationId="x" * 65))
    assert convention.decode(event(frame=OCCUPIED, deduplicationId="x" * 65)), "too long to be kept"


def test_the_device_of_the_body_is_that_of_the_topic() -> None:
    convention = following()
    with pytest.raises(DamagedFrame, match="is not that of the topic"):
        convention.decode(event(frame=OCCUPIED, eui="ffffffffffffffff", topic_eui=EUI))
    assert now(convention, event(frame=OCCUPIED, eui=EUI.upper(), topic_eui=EUI)).address == EUI


@pytest.mark.parametrize(
    ("made", "presence"),
    [
        ({"occupancy": "occupied"}, 1.0),
        ({"occupancy": "vacant", "battery": 3.6, "distance": 15}, 0.0),
        ({"presence": True}, 1.0),
        ({"occupied": False}, 0.0),
        ({"pir": "normal"}, 0.0),
        ({"occupancy": 1}, None),
        ({"occupancy": "maybe"}, None),
        ({"motion": 3}, None),
        ({"occupancy": "trigger"}, None),
        (["occupied"], None),
        (None, None),
    ],
)
def test_without_a_profile_a_codec_is_believed_in_plain_words_only(made: object, presence: float | None) -> None:
    heard = now(Chirpstack(), event(frame=OCCUPIED, object=made))
    assert heard.values == ({} if presence is None else {"presence": presence})


def test_a_codec_that_contradicts_itself_knows_nothing() -> None:
    heard = now(Chirpstack(), event(object={"occupancy": "vacant", "motion": True}))
    assert (heard.values, heard.unknown) == ({}, {"presence"})
    assert heard.presences == {"occupancy": 0.0, "motion": 1.0}, "who claims one of them has chosen"


def test_a_profile_is_not_mended_by_a_codec() -> None:
    assert now(following(), event(frame=VACANT, object={"occupancy": "occupied"})).values == {"presence": 0.0}
    assert now(following(), event(object={"occupancy": "occupied"})).values == {}
    assert now(following("browan-tbhv110"), event(object={"presence": True})).values == {}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"deviceInfo":{"devEui":5}}',
        b'{"deviceInfo":{"devEui":"24e124fffe123456"},"fPort":"85"}',
        b'{"deviceInfo":{"devEui":"24e124fffe123456"},"data":"@@"}',
        b'{"deviceInfo":{"devEui":"24e124fffe123456"},"time":"\xff"}',
        b'{"deviceInfo":{"devEui":"24e124fffe123456"},"object":' + b"[" * 50_000,
        b'{"deviceInfo":{"devEui":"24e124fffe123456"},"object":{"a":"\xff"}}',
        b'{"deviceInfo":{"devEui":"24e124fffe123456"},"x":"' + b"x" * 300_000 + b'"}',
    ],
)
def test_a_body_that_cannot_be_understood_is_damaged(payload: bytes) -> None:
    with pytest.raises(DamagedFrame):
        Chirpstack().decode(event()._replace(payload=payload))


def test_an_event_cut_off_anywhere_is_damaged_and_nothing_else() -> None:
    whole = message_of(BY_ID["chs-002"])
    for length in range(len(whole.payload)):
        with pytest.raises(DamagedFrame):
            following().decode(whole._replace(payload=whole.payload[:length]))


@pytest.mark.parametrize(
    "topic",
    [
        "application//device/24e124fffe123456/command/down",
        "application/a/device/24e124fffe12345/event/up",
        "application/a/device/24e124fffe123456/event",
        "application/a/device/24e124fffe123456/event/up/x",
        "v3/a/devices/b/up",
        "application/" + "a" * 600 + "/device/24e124fffe123456/event/up",
        "",
    ],
)
def test_other_topics_are_others(topic: str) -> None:
    assert not Chirpstack().owns(topic)
    assert Chirpstack().decode(event()._replace(topic=topic)) == ()


def test_a_source_names_the_dev_eui() -> None:
    convention = Chirpstack()
    written = Source(convention="chirpstack", device="24-E1-24-FF-FE-12-34-56", profile="milesight-vs330")
    assert convention.address(written) == EUI
    assert convention.source(EUI) == {"device": EUI}
    assert convention.address(Source(convention="chirpstack", topic=f"application/a/device/{EUI}/event/up")) == EUI
    assert convention.address(Source(convention="chirpstack", topic=f"application/a/device/{EUI}", device=EUI)) == EUI
    for source, says in (
        (Source(convention="chirpstack", topic="application/#"), "write its devEui"),
        (Source(convention="chirpstack", device="desk-4"), "16 hexadecimal digits"),
        (
            Source(convention="chirpstack", device=EUI, topic=f"application/a/device/{'f' * 16}/event/up"),
            "topic of another",
        ),
        (Source(convention="chirpstack", device=EUI, profile="vs330"), "milesight-vs330"),
    ):
        with pytest.raises(ValueError, match=says):
            convention.address(source)


def test_nobody_can_be_asked_and_no_gateway_is_alone() -> None:
    convention = following()
    assert [(one.topic_filter, one.qos) for one in convention.subscriptions()] == [
        ("application/+/device/+/event/+", 1)
    ]
    assert (convention.gateway_of(EUI), convention.ask(EUI, NOW_MS), convention.questions(NOW_MS)) == (None, (), ())


def test_the_documented_uplink_names_its_device() -> None:
    (heard,) = Chirpstack().decode(message_of(BY_ID["chs-001"]))
    assert heard.seems == "Test device (Test device-profile)"
