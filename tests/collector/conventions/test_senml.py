from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.conventions.convention import Entry, Heard, Message
from collector.conventions.senml import MOST_DEVICES, Senml
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

TOPIC = "outlets/7/senml"
MAC = "urn:dev:mac:24e124fffe123456"


def hear(senml: Senml, *records: dict[str, Any], topic: str = TOPIC) -> list[Heard]:
    return list(senml.decode(Message(topic, json.dumps(records).encode(), None, None, False, NOW_MS)))


def heard(*records: dict[str, Any]) -> list[Heard]:
    return hear(Senml(), *records)


@pytest.mark.parametrize("vector", [v for v in PAYLOADS if v["convention"] == "senml"], ids=lambda v: v["id"])
def test_every_vector(vector: Vector):
    assert wrong(vector, said(convention_for(vector), message_of(vector))) == {}


def test_a_pack_of_one_time_is_one_heard():
    assert heard(
        {"bn": f"{MAC}:", "bt": 1795000000, "n": "presence", "vb": True},
        {"n": "distance", "u": "cm", "v": 82},
        {"n": "battery", "u": "/", "v": 0.5},
        {"n": "label", "vs": "Loket 7"},
    ) == [
        Heard(
            device=MAC,
            address=MAC,
            at_ms=1_795_000_000_000,
            values={"presence": 1.0, "distance": 0.82, "battery": 50.0},
            presences={"presence": 1.0},
        )
    ]


@pytest.mark.parametrize(
    ("name", "device", "key"),
    [
        (f"{MAC}:presence", MAC, "presence"),
        (f"{MAC}_presence", MAC, "presence"),
        (f"{MAC}/radar/presence", MAC, "radar/presence"),
        ("urn:dev:ow:10e2073a01080063:door", "urn:dev:ow:10e2073a01080063", "door"),
        ("urn:uuid:4e2b-11:presence", "urn:uuid:4e2b-11", "presence"),
        ("gw1/dk1/presence", "gw1/dk1", "presence"),
        ("dk1:presence", "dk1", "presence"),
        ("presence", TOPIC, "presence"),
    ],
)
def test_a_name_is_device_and_key(name: str, device: str, key: str):
    (one,) = heard({"n": name, "vb": True})
    assert (one.device, one.presences) == (device, {key: 1.0})


@pytest.mark.parametrize(
    ("name", "unit", "value", "values"),
    [
        ("", "Cel", 23.1, {"temperature": 23.1}),
        ("", "%EL", 40, {"battery": 40.0}),
        ("", "/", 0.4, {}),
        (":distance", None, 1, {}),
        (":distance", "Cel", 1, {}),
        (":distance", "m", -1, {}),
        (":lux", "lx", 30, {"illuminance": 30.0}),
        (":radar/distance", "mm", 500, {"distance": 0.5}),
        (":voltage", "V", 3, {}),
        (":battery", "%EL", 130, {}),
    ],
)
def test_a_quantity_needs_its_name_and_its_unit(name: str, unit: str | None, value: float, values: dict[str, float]):
    (one,) = heard({"n": MAC + name, "v": value} | ({"u": unit} if unit else {}))
    assert one.values == pytest.approx(values)


@pytest.mark.parametrize(
    "record", [{"n": "presence", "v": 1}, {"n": "presence", "vs": "true"}, {"n": "open", "vb": True}]
)
def test_only_truth_values_that_are_called_so_are_presence(record: dict[str, Any]):
    (one,) = heard({"bn": f"{MAC}:"} | record)
    assert "presence" not in one.values


def test_motion_is_not_the_whole_of_a_device_that_spoke_of_presence():
    senml = Senml()
    hear(senml, {"bn": f"{MAC}:", "n": "presence", "vb": True}, {"n": "motion", "vb": True})
    (still,) = hear(senml, {"bn": f"{MAC}:", "n": "motion", "vb": False})
    assert still.values == {}
    assert still.presences == {"motion": 0.0}


def test_two_zones_are_vacant_together_and_occupied_by_one():
    senml = Senml()

    def whole(**zones: bool) -> float | None:
        records = [{"n": f"{MAC}/{zone}/presence", "vb": verdict} for zone, verdict in zones.items()]
        return hear(senml, *records)[0].values.get("presence")

    assert whole(left=True, right=False) == 1.0
    assert whole(right=False) is None
    assert whole(left=False) == 0.0


def test_after_messages_were_missed_no_word_of_before_is_held_against_another():
    senml = Senml()

    def whole(zone: str, verdict: bool) -> float | str | None:
        (one,) = hear(senml, {"n": f"{MAC}/{zone}/presence", "vb": verdict})
        return "unknown" if "presence" in one.unknown else one.values.get("presence")

    whole("left", False)
    assert whole("right", False) == 0.0
    senml.missed(NOW_MS)
    assert whole("left", False) == "unknown", "somebody may be at the right by now"
    assert whole("right", False) == 0.0


def test_each_time_is_heard_by_itself_the_newest_last():
    told = heard(
        {"bn": f"{MAC}:", "n": "presence", "vb": False},
        {"n": "presence", "vb": True, "t": -10},
        {"n": "distance", "u": "m", "v": 1, "t": -10},
    )
    assert [(one.age_ms, one.values) for one in told] == [
        (10_000, {"presence": 1.0, "distance": 1.0}),
        (None, {"presence": 0.0}),
    ]
    dated = heard(
        {"bn": f"{MAC}:", "bt": 1795000000, "n": "presence", "vb": False}, {"n": "presence", "vb": True, "t": -60}
    )
    assert [(one.at_ms, one.values["presence"]) for one in dated] == [
        (1_794_999_940_000, 1.0),
        (1_795_000_000_000, 0.0),
    ]


def test_a_pack_may_speak_of_several_devices():
    told = heard(
        {"bn": "dk1/", "n": "presence", "vb": True}, {"bn": "dk2/", "n": "presence", "vb": False}, {"n": "x", "vs": ""}
    )
    assert {one.address: one.values for one in told} == {"dk1": {"presence": 1.0}, "dk2": {"presence": 0.0}}


def test_a_topic_alone_claims_the_device_that_speaks_there():
    senml = Senml()
    address = senml.address(Source(topic="mpp/loket-7"))
    senml.follow([Entry(address, topic="mpp/loket-7")])
    assert senml.owns("mpp/loket-7")
    (one,) = hear(senml, {"n": f"{MAC}:presence", "vb": True}, topic="mpp/loket-7")
    assert (one.device, one.address) == (MAC, "mpp/loket-7")
    two = hear(senml, {"n": "a:presence", "vb": True}, {"n": "b:presence", "vb": True}, topic="mpp/loket-7")
    assert [one.address for one in two] == ["a", "b"], "whose would it be?"


def test_a_device_that_is_claimed_by_name_and_by_topic_is_heard_for_both():
    senml = Senml()
    senml.follow([Entry(TOPIC, topic=TOPIC), Entry(MAC)])
    assert [one.address for one in hear(senml, {"n": f"{MAC}:presence", "vb": True})] == [MAC, TOPIC]


def test_a_source_is_a_topic_a_device_or_both():
    senml = Senml()
    assert senml.address(Source(device=f"{MAC}:")) == MAC
    assert senml.address(Source(topic="mpp/loket-7", device=MAC)) == MAC
    assert senml.source(MAC) == {"device": MAC}
    assert senml.source(TOPIC) == {"topic": TOPIC}
    for source in (
        Source(),
        Source(topic="a/#"),
        Source(device="a b"),
        Source(device=":"),
        Source(device=MAC, profile="p"),
    ):
        with pytest.raises(ValueError):
            senml.address(source)


def test_it_listens_to_usual_topics_and_those_of_entries():
    senml = Senml()
    senml.follow([Entry(MAC, topic="mpp/loket-7"), Entry("x", topic=TOPIC), Entry("mpp/loket-8")])
    assert [one.topic_filter for one in senml.subscriptions()] == [
        "+/+/senml",
        "+/+/senml-cbor",
        "senml/#",
        "sensors/+",
        "mpp/loket-7",
        "mpp/loket-8",
    ]
    assert all(map(senml.owns, ("mpp/loket-7", TOPIC, "outlets/7/senml-cbor", "senml/a/b", "sensors/temp")))
    assert not any(
        map(senml.owns, ("mpp/loket-9", "hadir/1/senml", "a/b/c/senml", "senml", "sensors/a/b", "sensors/status"))
    )


def test_another_dialect_below_sensors_is_not_taken_for_damaged_senml():
    plain = Message("sensors/x", b'{"POWER":"ON"}', None, None, False, NOW_MS)
    assert list(Senml().decode(plain)) == []
    for body in (b"[1,2]", b"[22.5,", b"\x9b\xff"):
        assert list(Senml().decode(plain._replace(payload=body))) == []
    claimed = Senml()
    claimed.follow([Entry("sensors/x", topic="sensors/x")])
    with pytest.raises(DamagedFrame):
        claimed.decode(plain)
    with pytest.raises(DamagedFrame):
        Senml().decode(plain._replace(topic=TOPIC))


def test_a_damage_does_not_repeat_the_payload():
    with pytest.raises(DamagedFrame) as damage:
        heard({"n": "x" * 5000, "v": 1, "vb": True})
    assert "has two values" in damage.value.reason
    assert len(damage.value.reason) < 80


@given(st.binary(max_size=200))
def test_no_bytes_break_it(payload: bytes):
    for topic in (TOPIC, "outlets/7/senml-cbor", "sensors/x"):
        with suppress(DamagedFrame):
            Senml().decode(Message(topic, payload, None, None, False, NOW_MS))


def test_a_flood_of_devices_pushes_out_no_claimed_one():
    senml = Senml()
    senml.follow([Entry(MAC)])
    hear(senml, {"n": f"{MAC}:presence", "vb": True})
    for n in range(2 * MOST_DEVICES):
        hear(senml, {"n": f"d{n}:presence", "vb": True})
    assert hear(senml, {"n": f"{MAC}:motion", "vb": False})[0].values == {}, "it is known to speak of presence"
    assert len(senml._parts) == MOST_DEVICES + 1
