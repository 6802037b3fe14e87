from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.conventions.convention import Entry, Heard, Message
from collector.conventions.theengs import MOST_DEVICES, Theengs
from presence.errors import DamagedFrame
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

MAC = "60EFABAABBCC"


def message(body: object, *, gateway: str = "g1", at_ms: int = NOW_MS, retain: bool = False, mac: str = MAC) -> Message:
    return Message(f"home/{gateway}/BTtoMQTT/{mac}", json.dumps(body).encode(), None, None, retain, at_ms)


def will(word: str, gateway: str = "g1") -> Message:
    return Message(f"home/{gateway}/LWT", word.encode(), None, None, True, NOW_MS)


def heard(**body: Any) -> Heard:
    (one,) = Theengs().decode(message(body))
    return one


@pytest.mark.parametrize("vector", [v for v in PAYLOADS if v["convention"] == "theengs"], ids=lambda v: v["id"])
def test_every_vector(vector: Vector):
    assert wrong(vector, said(convention_for(vector), message_of(vector))) == {}


def test_motion_is_evidence_with_what_stands_beside_it():
    assert heard(
        id="60:EF:AB:AA:BB:CC", rssi=-71, brand="Shelly", model_id="SBMO-003Z", batt="100", lux=132, motion=True
    ) == Heard(
        device="60:EF:AB:AA:BB:CC",
        address=MAC,
        values={"presence": 1.0, "rssi": -71.0, "battery": 100.0, "illuminance": 132.0},
        presences={"motion": 1.0},
        seems="Shelly SBMO-003Z",
    )


@pytest.mark.parametrize(
    "body", [{"presence": "present"}, {"presence": "absent"}, {"presence": True}, {"distance": 0.4}, {"rssi": -40}]
)
def test_a_tag_that_was_seen_is_nobody_at_the_counter(body: dict[str, Any]):
    assert heard(**body) == Heard(device=MAC, address=MAC)


def test_motion_that_is_not_known_is_unknown():
    one = heard(motion=None, batt=50)
    assert one.unknown == {"presence", "motion"}
    assert one.values == {"battery": 50.0}
    assert heard(motion="who knows").unknown == {"presence", "motion"}


def test_the_same_packet_is_said_once_through_whichever_gateway_it_comes():
    theengs = Theengs()
    body = {"packet": 7, "motion": True}
    assert theengs.decode(message(body))
    assert not theengs.decode(message(body, gateway="g2", at_ms=NOW_MS + 50))
    assert theengs.decode(message({"packet": 8, "motion": True}, at_ms=NOW_MS + 100))
    assert theengs.decode(message({"packet": 8, "motion": True}, at_ms=NOW_MS + 61_000))
    assert theengs.gateway_of(MAC) is None, "both hear it"


def test_a_broadcast_that_is_repeated_after_messages_were_missed_says_nothing_new():
    theengs = Theengs()
    theengs.decode(message({"packet": 7, "motion": True}))
    theengs.missed(NOW_MS + 500)
    assert theengs.decode(message({"packet": 7, "motion": True}, at_ms=NOW_MS + 1000)) == ()


def test_a_retained_copy_is_no_word_that_the_gateway_hears_the_device():
    theengs = Theengs()
    theengs.decode(message({"packet": 7, "motion": True}, retain=True))
    assert theengs.gateway_of(MAC) is None
    assert theengs.decode(message({"packet": 7, "motion": True}, at_ms=NOW_MS + 10)), "the live one is the first"


def test_a_device_that_another_gateway_hears_outlives_its_gateway():
    theengs = Theengs()
    theengs.decode(message({"motion": True}, gateway="g1"))
    theengs.decode(message({"motion": True}, gateway="g2", at_ms=NOW_MS + 1000))
    (gone,) = theengs.decode(will("offline", "g2"))
    assert gone == Heard(device="g2", address="home/g2", online=False, scope="gateway")
    assert theengs.gateway_of(MAC) == "home/g1"
    theengs.decode(will("offline", "g1"))
    assert theengs.gateway_of(MAC) == "home/g1"


def test_a_will_says_online_or_offline():
    theengs = Theengs()
    assert theengs.decode(will("online"))[0].online is True
    assert theengs.decode(will("")) == ()
    with pytest.raises(DamagedFrame):
        theengs.decode(will("perhaps"))


@pytest.mark.parametrize(
    ("body", "mac"), [({"id": "AA:BB:CC:DD:EE:FF"}, MAC), ({}, "beacon"), ({"id": 7}, "beacon"), ([], MAC), (7, MAC)]
)
def test_what_names_no_device_or_two_is_damaged(body: object, mac: str):
    with pytest.raises(DamagedFrame):
        Theengs().decode(message(body, mac=mac))


@pytest.mark.parametrize(
    "body", [{"motion": [1]}, {"batt": {}}, {"packet": [1], "motion": 1}, {"lux": "1_0"}, {"rssi": True, "motion": 0}]
)
def test_fields_of_other_types_are_not_heard(body: dict[str, Any]):
    assert set(heard(**body).values) <= {"presence"}


@given(st.binary(max_size=200))
def test_no_bytes_break_it(payload: bytes):
    for topic in (f"home/g/BTtoMQTT/{MAC}", "home/g/LWT"):
        with suppress(DamagedFrame):
            Theengs().decode(Message(topic, payload, None, None, False, NOW_MS))


def test_it_listens_below_the_bases_of_its_entries_too():
    theengs = Theengs()
    source = Source(convention="theengs", topic=f"mpp/lantai1/OMG/BTtoMQTT/{MAC.lower()}")
    assert theengs.address(source) == MAC
    theengs.follow([Entry(MAC, topic=source.topic)])
    assert [one.topic_filter for one in theengs.subscriptions()] == [
        "home/+/BTtoMQTT/+",
        "home/+/LWT",
        "mpp/lantai1/+/BTtoMQTT/+",
        "mpp/lantai1/+/LWT",
    ]
    assert theengs.owns("mpp/lantai1/OMG/LWT")
    assert not theengs.owns("mpp/OMG/LWT")
    assert not theengs.owns("LWT")
    assert theengs.address(Source(**theengs.source(MAC))) == MAC


@pytest.mark.parametrize(
    "source",
    [
        Source(),
        Source(device="x"),
        Source(topic="home/g"),
        Source(device=MAC, config={"a": 1}),
        Source(profile="p", device=MAC),
    ],
)
def test_a_source_that_cannot_be_is_refused(source: Source):
    with pytest.raises(ValueError):
        Theengs().address(source)


def test_phones_with_changing_addresses_push_no_claimed_device_out():
    theengs = Theengs()
    theengs.follow([Entry(MAC)])
    theengs.decode(message({"packet": 1, "motion": True}))
    for n in range(2 * MOST_DEVICES):
        theengs.decode(message({"packet": 1, "motion": True}, mac=f"{n:012X}"))
    assert theengs.gateway_of(MAC) == "home/g1"
    assert not theengs.decode(message({"packet": 1, "motion": True}, at_ms=NOW_MS + 1))
    assert len(theengs._said) == MOST_DEVICES + 1
