from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.conventions.convention import Entry, Heard, Message, Question, Subscription
from collector.conventions.zigbee2mqtt import MOST_KNOWN, Zigbee2mqtt
from collector.conventions.zigbee2mqtt_devices import LARGEST_LIST, MOST_DEVICES
from presence.errors import DamagedFrame
from presence.instants import rfc3339
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

VECTORS = [vector for vector in PAYLOADS if vector["convention"] == "zigbee2mqtt"]
# Its note says that online may be told as false, which its expectation does not list.
IEEE = "0x00158d0001a2b3c4"


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_each_vector_is_understood_as_its_source_meant_it(vector: Vector):
    assert wrong(vector, said(convention_for(vector), message_of(vector))) == {}


class Hall:
    """A Zigbee2MQTT as it is heard; `second`: how many have passed."""

    def __init__(self, *claimed: str) -> None:
        self.convention = Zigbee2mqtt()
        self.convention.follow([Entry(address) for address in claimed])
        self.second = 0.0

    @property
    def now_ms(self) -> int:
        return NOW_MS + round(self.second * 1000)

    def raw(self, topic: str, payload: bytes, *, retain: bool = False) -> list[Heard]:
        return list(self.convention.decode(Message(topic, payload, None, None, retain, self.now_ms)))

    def tells(self, name: str = "c1", *, retain: bool = False, **state: Any) -> Heard:
        [heard] = self.raw(f"zigbee2mqtt/{name}", json.dumps(state).encode(), retain=retain)
        return heard

    def bridge(self, state: str, *, retain: bool = False) -> None:
        self.raw("zigbee2mqtt/bridge/state", json.dumps({"state": state}).encode(), retain=retain)

    def home_assistant(self, state: str = "online", *, retain: bool = False) -> list[Heard]:
        return self.raw("homeassistant/status", state.encode(), retain=retain)

    def devices(self, *devices: dict[str, Any]) -> None:
        self.raw("zigbee2mqtt/bridge/devices", json.dumps(devices).encode(), retain=True)

    def seen(self, ago_s: float = 0) -> str:
        return rfc3339(self.now_ms - round(ago_s * 1000) + 1)

    def asks(self, address: str = "zigbee2mqtt/c1") -> list[Question]:
        return list(self.convention.ask(address, self.now_ms))


def device(name: str = "c1", *exposes: dict[str, Any], ieee: str = IEEE, power: str = "Mains") -> dict[str, Any]:
    definition = {"model": "X1", "vendor": "Acme", "exposes": exposes}
    return {"friendly_name": name, "ieee_address": ieee, "power_source": power, "definition": definition}


def key(name: str, kind: str = "binary", access: int = 1, **more: Any) -> dict[str, Any]:
    return {"type": kind, "name": name, "property": name, "access": access, **more}


# What changed


def test_only_what_differs_from_the_last_state_is_evidence():
    hall = Hall()
    first = hall.tells(occupancy=True, illuminance=7, battery=90)
    assert first.values == {"presence": 1.0, "illuminance": 7.0, "battery": 90.0}
    light = hall.tells(occupancy=True, illuminance=9, battery=90)
    assert (light.values, light.presences) == ({"illuminance": 9.0}, {})
    assert hall.tells(occupancy=False, illuminance=9, battery=90).values == {"presence": 0.0}
    assert hall.tells(occupancy=False, illuminance=9, battery=90).values == {}


def test_a_key_that_was_not_told_before_is_evidence():
    hall = Hall()
    hall.tells(battery=87)
    assert hall.tells(battery=87, occupancy=True).values == {"presence": 1.0}


def test_a_retained_state_says_from_where_on_changes_count():
    hall = Hall()
    hall.tells(occupancy=True, retain=True)
    assert hall.tells(occupancy=True).values == {}
    assert hall.tells(occupancy=False).values == {"presence": 0.0}


def test_null_is_unknown_and_never_vacant():
    hall = Hall()
    hall.tells(presence=True)
    gone = hall.tells(presence=None)
    assert (gone.values, gone.unknown) == ({}, {"presence"})
    assert hall.tells(presence=True).values == {"presence": 1.0}


def test_what_is_no_truth_value_is_unknown():
    hall = Hall()
    hall.tells(occupancy=True)
    assert hall.tells(occupancy="perhaps").unknown == {"occupancy", "presence"}


# Restarts


def restarted(hall: Hall) -> None:
    hall.bridge("offline")
    hall.second += 30
    hall.bridge("online")
    hall.second += 2


def test_the_cached_copy_after_a_restart_is_no_evidence_and_later_changes_are():
    hall = Hall()
    hall.tells(occupancy=True, illuminance=7)
    restarted(hall)
    assert hall.tells(occupancy=True, illuminance=7).values == {}
    assert hall.tells(occupancy=True, illuminance=8).values == {"illuminance": 8.0}
    assert hall.tells(occupancy=False, illuminance=8).values == {"presence": 0.0}


def test_a_copy_that_is_older_than_what_is_known_is_no_evidence_nor_are_its_repetitions():
    hall = Hall()
    hall.tells(occupancy=True, illuminance=7)
    restarted(hall)
    copy = hall.tells(occupancy=False, illuminance=3)
    assert (copy.values, copy.presences) == ({}, {})
    assert hall.tells(occupancy=False, illuminance=4).values == {"illuminance": 4.0}
    assert hall.tells(occupancy=True, illuminance=4).values == {"presence": 1.0}


def test_nothing_is_evidence_while_the_bridge_is_offline():
    hall = Hall()
    hall.tells(occupancy=True)
    hall.bridge("offline")
    assert hall.tells(occupancy=False).values == {}


def test_a_state_seen_after_the_restart_is_no_copy():
    hall = Hall()
    hall.tells(occupancy=False, last_seen=hall.seen())
    restarted(hall)
    assert hall.tells(occupancy=True, last_seen=hall.seen()).values == {"presence": 1.0}


def test_a_state_seen_before_the_restart_is_a_copy():
    hall = Hall()
    hall.tells(occupancy=False, last_seen=hall.seen(ago_s=60))
    restarted(hall)
    assert hall.tells(occupancy=True, last_seen=hall.seen(ago_s=20)).values == {}


def test_a_minute_after_the_restart_no_copy_is_awaited_any_more():
    hall = Hall()
    hall.tells(occupancy=False)
    restarted(hall)
    hall.second += 59
    assert hall.tells(occupancy=True).values == {"presence": 1.0}


def test_of_a_device_of_which_nothing_was_known_the_first_state_after_a_restart_is_a_copy_whenever_it_comes():
    hall = Hall()
    restarted(hall)
    hall.second += 3600
    assert hall.tells(occupancy=False).values == {}
    assert hall.tells(occupancy=True).values == {"presence": 1.0}


def test_a_retained_online_is_no_restart_unless_it_was_offline():
    hall = Hall()
    hall.bridge("online", retain=True)
    assert hall.tells(occupancy=True).values == {"presence": 1.0}
    hall.bridge("online", retain=True)
    assert hall.tells(occupancy=False).values == {"presence": 0.0}
    hall.bridge("offline", retain=True)
    hall.bridge("online", retain=True)
    assert hall.tells(occupancy=True).values == {}
    assert hall.tells(occupancy=False).values == {"presence": 0.0}, "it is there again"


def test_a_retained_state_is_not_the_copy_that_is_awaited():
    hall = Hall()
    hall.tells(occupancy=False)
    restarted(hall)
    hall.tells(occupancy=False, retain=True)
    assert hall.tells(occupancy=True).values == {}


def test_a_copy_that_contradicts_what_was_told_makes_it_unknown():
    hall = Hall()
    hall.tells(occupancy=True)
    hall.bridge("online")  # again, without an offline
    copy = hall.tells(occupancy=False)
    assert (copy.values, copy.unknown) == ({}, {"occupancy", "presence"})
    assert hall.tells(occupancy=True).values == {"presence": 1.0}


def test_a_restart_of_one_base_is_none_of_another():
    hall = Hall("upstairs/c1")
    hall.tells(occupancy=True)
    hall.raw("upstairs/bridge/state", b"online")
    assert hall.tells(occupancy=False).values == {"presence": 0.0}


# Home Assistant's birth


def test_after_the_birth_of_home_assistant_a_device_is_known_before_it_counts():
    hall = Hall()
    hall.tells("old", occupancy=True)
    assert hall.home_assistant() == []
    hall.second += 30
    assert hall.tells("old", occupancy=True).values == {}
    assert hall.tells("new", occupancy=True).values == {}
    assert hall.tells("old", occupancy=False).values == {"presence": 0.0}
    hall.second += 31
    assert hall.tells("newer", occupancy=True).values == {"presence": 1.0}


def test_a_retained_birth_and_a_death_are_none():
    hall = Hall()
    hall.home_assistant(retain=True)
    hall.home_assistant("offline")
    assert hall.tells(occupancy=True).values == {"presence": 1.0}


# last_seen


def test_last_seen_is_the_time_of_the_evidence():
    hall = Hall()
    assert hall.tells(occupancy=True, last_seen=NOW_MS - 7_000).at_ms == NOW_MS - 7_000
    assert hall.tells(occupancy=False, last_seen="2026-11-24T10:00:00+07:00").at_ms == NOW_MS
    assert hall.tells(occupancy=True, last_seen="5 minutes ago").at_ms is None


def test_a_state_seen_before_the_known_one_is_no_evidence_and_leaves_the_present_as_it_is():
    hall = Hall()
    hall.tells(occupancy=True, last_seen=hall.seen(ago_s=10))
    past = hall.tells(occupancy=False, illuminance=3, last_seen=hall.seen(ago_s=20))
    assert (past.values, past.unknown) == ({}, frozenset())
    assert hall.tells(occupancy=None, last_seen=hall.seen(ago_s=30)).unknown == frozenset()


def test_the_software_timer_ends_presence_without_a_frame_as_of_its_receipt():
    hall = Hall()
    moved = hall.seen()
    hall.tells(occupancy=True, illuminance=7, last_seen=moved)
    hall.second += 90
    ended = hall.tells(occupancy=False, illuminance=9, last_seen=moved)
    assert (ended.values, ended.at_ms) == ({"presence": 0.0}, None)


def test_presence_does_not_begin_without_a_frame():
    hall = Hall()
    moved = hall.seen()
    hall.tells(occupancy=False, last_seen=moved)
    begun = hall.tells(occupancy=True, last_seen=moved)
    assert (begun.values, begun.unknown) == ({}, {"occupancy", "presence"})


def test_two_frames_of_one_whole_second_both_count():
    hall = Hall()
    hall.tells(occupancy=False, last_seen="2026-11-24T10:00:00+07:00")
    begun = hall.tells(occupancy=True, last_seen="2026-11-24T10:00:00+07:00")
    assert (begun.values, begun.at_ms) == ({"presence": 1.0}, None)


def test_a_clock_that_was_set_back_costs_one_state_only():
    hall = Hall()
    hall.tells(occupancy=True, last_seen="2099-01-01T00:00:00Z")
    assert hall.tells(occupancy=False, last_seen=hall.seen(ago_s=5)).values == {}
    assert hall.tells(occupancy=True, last_seen=hall.seen()).values == {"presence": 1.0}


# Zones and words


def test_one_occupied_zone_is_enough_and_each_can_be_claimed():
    hall = Hall()
    heard = hall.tells(occupancy_1=True, occupancy_2=False)
    assert (heard.values, heard.presences) == ({"presence": 1.0}, {"occupancy_1": 1.0, "occupancy_2": 0.0})
    moved = hall.tells(occupancy_1=True, occupancy_2=True)
    assert moved.presences == {"occupancy_2": 1.0}
    left = hall.tells(occupancy_1=False, occupancy_2=True)
    assert (left.values, left.presences, left.unknown) == ({}, {"occupancy_1": 0.0}, frozenset())
    assert hall.tells(occupancy_1=False, occupancy_2=False).values == {"presence": 0.0}


def test_a_zone_that_only_a_copy_called_empty_does_not_make_the_whole_vacant():
    hall = Hall()
    hall.tells(occupancy_1=True, occupancy_2=False)
    restarted(hall)
    hall.tells(occupancy_1=True, occupancy_2=False)
    left = hall.tells(occupancy_1=False, occupancy_2=False)
    assert (left.values, left.presences, left.unknown) == ({}, {"occupancy_1": 0.0}, {"presence"})
    hall.tells(occupancy_1=False, occupancy_2=True)
    assert hall.tells(occupancy_1=False, occupancy_2=False).values == {"presence": 0.0}


def test_a_zone_that_only_a_retained_state_called_empty_does_not_make_the_whole_vacant():
    hall = Hall()
    hall.tells(occupancy_1=True, occupancy_2=False, retain=True)
    left = hall.tells(occupancy_1=False, occupancy_2=False)
    assert (left.values, left.unknown) == ({}, {"presence"})


def test_after_a_device_left_its_zones_are_to_be_told_anew():
    hall = Hall()
    hall.tells(occupancy_1=True, occupancy_2=False)
    hall.raw("zigbee2mqtt/bridge/event", b'{"type":"device_leave","data":{"friendly_name":"c1"}}')
    left = hall.tells(occupancy_1=False, occupancy_2=False)
    assert (left.values, left.unknown) == ({}, {"presence"})


def test_after_a_device_was_gone_its_zones_are_to_be_told_anew():
    hall = Hall()
    hall.tells(occupancy_1=True, occupancy_2=False)
    hall.raw("zigbee2mqtt/c1/availability", b"offline")
    left = hall.tells(occupancy_1=False, occupancy_2=False)
    assert (left.values, left.unknown) == ({}, {"presence"})


def test_after_messages_were_missed_no_word_of_before_is_held_against_another():
    hall = Hall()
    hall.tells(occupancy_1=True, occupancy_2=True)
    hall.convention.missed(hall.now_ms)
    left = hall.tells(occupancy_1=True, occupancy_2=False)
    assert left.presences == {"occupancy_2": 0.0}, "what is repeated is no evidence of zone 1"
    assert (left.values, left.unknown) == ({}, {"presence"})
    assert hall.tells(occupancy_1=False, occupancy_2=False).values == {"presence": 0.0}


def test_what_was_told_before_messages_were_missed_is_no_evidence_when_it_is_repeated():
    hall = Hall()
    hall.tells(occupancy=False, illuminance=7)
    hall.convention.missed(hall.now_ms)
    light = hall.tells(occupancy=False, illuminance=9)
    assert (light.values, light.presences) == ({"illuminance": 9.0}, {})


def test_presence_goes_before_occupancy():
    hall = Hall()
    assert hall.tells(presence=False, occupancy=True).values == {"presence": 0.0}
    assert hall.tells(presence=False, occupancy=False).values == {}


@pytest.mark.parametrize(
    ("word", "presence"), [("none", 0.0), ("NONE", 0.0), ("PRESENCE", 1.0), ("large_movement", 1.0), ("static", 1.0)]
)
def test_words_of_presence_are_understood(word: str, presence: float):
    assert Hall().tells(presence_state=word).values == {"presence": presence}


def test_a_word_that_is_not_known_is_unknown_unless_the_device_lists_it():
    hall = Hall()
    assert hall.tells(presence_state="lurking").unknown == {"presence_state", "presence"}
    hall.devices(device("c1", key("presence_state", "enum", values=["none", "lurking"])))
    assert hall.tells(presence_state="lurking").values == {"presence": 1.0}


def test_state_is_presence_only_where_the_device_says_so():
    hall = Hall()
    assert hall.tells(state="presence", battery=9).values == {"battery": 9.0}
    hall.devices(device("c1", key("state", "enum", values=["none", "presence", "move"])))
    assert hall.tells(state="move", battery=9).presences == {"state": 1.0}


def test_the_values_for_on_and_off_are_those_of_the_device():
    hall = Hall()
    hall.devices(device("c1", key("occupancy", value_on="busy", value_off="free")))
    assert hall.tells(occupancy="busy").values == {"presence": 1.0}
    assert hall.tells(occupancy="free").values == {"presence": 0.0}
    assert hall.tells(occupancy=True).values == {"presence": 1.0}


def test_a_zone_may_be_an_endpoint():
    hall = Hall()
    hall.devices(device("c1", {"type": "binary", "name": "occupancy", "property": "occupancy_left", "access": 1}))
    assert hall.tells(occupancy_left=True).presences == {"occupancy_left": 1.0}


# Units


@pytest.mark.parametrize(("told", "metres"), [(1.52, 1.52), (150, None), (0, None), (150.5, None), (-0.3, None)])
def test_without_a_unit_only_a_fraction_is_a_distance(told: float, metres: float | None):
    assert Hall().tells(presence=True, target_distance=told).values.get("distance") == metres


@pytest.mark.parametrize(
    ("unit", "told", "metres"), [("m", 2, 2.0), ("cm", 150, 1.5), ("mm", 900, 0.9), ("ft", 2, None)]
)
def test_a_distance_has_the_unit_of_its_device(unit: str, told: float, metres: float | None):
    hall = Hall()
    hall.devices(device("c1", key("distance", "numeric", unit=unit)))
    assert hall.tells(presence=True, distance=told).values.get("distance") == metres


def test_how_far_a_device_is_to_look_is_no_distance():
    hall = Hall()
    hall.devices(device("c1", key("detection_distance", "numeric", access=7, unit="cm")))
    assert "distance" not in hall.tells(presence=True, detection_distance=400).values
    hall.devices(device("c1", key("detection_distance", "numeric", access=1, unit="cm")))
    assert hall.tells(presence=True, detection_distance=400).values == {"distance": 4.0}


def test_raw_light_is_no_illuminance():
    hall = Hall()
    assert hall.tells(occupancy=True, illuminance=21_000, illuminance_lux=125).values["illuminance"] == 125.0
    hall.devices(device("c1", key("illuminance", "numeric"), key("illuminance_lux", "numeric", unit="lx")))
    assert hall.tells(occupancy=True, illuminance=20_000).values == {}


def test_a_device_seems_what_bridge_devices_says():
    hall = Hall()
    hall.devices(device())
    assert hall.tells(occupancy=True).seems == "Acme X1"


def test_a_device_that_cannot_be_read_does_not_hide_the_others():
    hall = Hall()
    hall.devices({"friendly_name": 7}, {}, device("c1", key("target_distance", "numeric", unit="cm")))
    assert hall.tells(presence=True, target_distance=150).values["distance"] == 1.5


# Single attributes


def attribute(hall: Hall, name: str, payload: bytes) -> Heard:
    [heard] = hall.raw(f"zigbee2mqtt/c1/{name}", payload)
    return heard


def test_single_attributes_are_one_device():
    hall = Hall()
    assert attribute(hall, "occupancy_1", b"true").values == {"presence": 1.0}
    assert attribute(hall, "occupancy_2", b"false").values == {}
    assert attribute(hall, "occupancy_1", b"false").values == {"presence": 0.0}
    assert attribute(hall, "illuminance", b"7").values == {"illuminance": 7.0}
    assert attribute(hall, "occupancy_1", b"").unknown == {"occupancy_1", "presence"}


def test_an_attribute_in_words_has_no_quotes():
    hall = Hall()
    assert attribute(hall, "presence_state", b"motion") == Heard(
        device="c1",
        address="zigbee2mqtt/c1",
        values={"presence": 1.0},
        presences={"presence_state": 1.0},
    )


def test_a_zone_that_became_unknown_leaves_the_whole_occupied_by_another():
    hall = Hall()
    hall.tells(occupancy_1=True, occupancy_2=True)
    assert hall.tells(occupancy_1=None, occupancy_2=True).unknown == {"occupancy_1"}


def test_single_attributes_of_no_interest_are_nothing():
    hall = Hall()
    assert hall.raw("zigbee2mqtt/c1/linkquality", b"255") == []
    assert hall.raw("zigbee2mqtt/c1/device-model", b"X1") == []


def test_each_attribute_awaits_its_own_copy():
    hall = Hall()
    attribute(hall, "occupancy", b"true")
    attribute(hall, "battery", b"90")
    restarted(hall)
    assert attribute(hall, "battery", b"80").values == {}
    assert attribute(hall, "occupancy", b"false").values == {}
    assert attribute(hall, "battery", b"70").values == {"battery": 70.0}
    assert attribute(hall, "occupancy", b"true").values == {"presence": 1.0}


# Who is there


def test_the_bridge_is_a_gateway():
    hall = Hall()
    [gone] = hall.raw("zigbee2mqtt/bridge/state", b"offline")
    assert gone == Heard(device="zigbee2mqtt", address="zigbee2mqtt", scope="gateway", online=False)
    assert hall.convention.gateway_of("zigbee2mqtt/c1") == "zigbee2mqtt"
    assert hall.convention.gateway_of("zigbee2mqtt") is None


def test_of_a_device_that_left_nothing_is_known_and_one_that_joined_says_nothing():
    hall = Hall()
    hall.tells(occupancy_1=True)
    event = {"type": "device_leave", "data": {"friendly_name": "c1"}}
    [left] = hall.raw("zigbee2mqtt/bridge/event", json.dumps(event).encode())
    assert (left.address, left.values) == ("zigbee2mqtt/c1", {})
    assert left.unknown == {"presence", "occupancy_1"}
    assert hall.raw("zigbee2mqtt/bridge/event", json.dumps(event | {"type": "device_joined"}).encode()) == []


@pytest.mark.parametrize("what", ["info", "groups", "definitions", "logging", "health", "converters", "response/x"])
def test_what_the_bridge_says_besides_is_of_no_interest(what: str):
    assert Hall().raw(f"zigbee2mqtt/bridge/{what}", b'{"occupancy":true}') == []


@pytest.mark.parametrize("topic", ["c1/set", "c1/get", "c1/set/occupancy", "c1/left/set", "hall/c1/get"])
def test_what_is_told_to_a_device_is_not_said_by_it(topic: str):
    assert Hall().raw(f"zigbee2mqtt/{topic}", b'{"occupancy":true}') == []


def test_a_lamp_is_no_sensor_unless_it_is_claimed():
    assert Hall().raw("zigbee2mqtt/lamp", b'{"state":"ON","brightness":7}') == []
    [heard] = Hall("zigbee2mqtt/lamp").raw("zigbee2mqtt/lamp", b'{"state":"ON","brightness":7}')
    assert heard == Heard(device="lamp", address="zigbee2mqtt/lamp")


# Claims


@pytest.mark.parametrize(
    ("source", "address"),
    [
        (Source(topic="zigbee2mqtt/hall/c1"), "zigbee2mqtt/hall/c1"),
        (Source(topic="upstairs/c1"), "upstairs/c1"),
        (Source(topic="hall/z2m/c1", config={"base": "hall/z2m"}), "hall/z2m/c1"),
        (Source(device=IEEE.upper().replace("X", "x")), f"zigbee2mqtt/{IEEE}"),
        (Source(device=IEEE, config={"base": "hall/z2m"}), f"hall/z2m/{IEEE}"),
        (Source(topic="upstairs/c1", device=IEEE, presence="occupancy_2"), f"upstairs/{IEEE}"),
    ],
)
def test_a_source_has_one_address(source: Source, address: str):
    assert Zigbee2mqtt().address(source) == address


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (Source(), "names no device"),
        (Source(topic="zigbee2mqtt"), "write zigbee2mqtt/NAME"),
        (Source(topic="zigbee2mqtt/"), "write zigbee2mqtt/NAME"),
        (Source(topic="zigbee2mqtt/+"), "write zigbee2mqtt/NAME"),
        (Source(topic="/c1"), "write zigbee2mqtt/NAME"),
        (Source(topic="zigbee2mqtt/c1", config={"base": "hall/z2m"}), "write hall/z2m/NAME"),
        (Source(topic="zigbee2mqtt/bridge/state"), "write the one of a device"),
        (Source(device="c1"), "no IEEE address"),
        (Source(topic="zigbee2mqtt/c1", profile="x"), "leave it out"),
        (Source(topic="zigbee2mqtt/c1", config={"bass": "x"}), "config.bass"),
        (Source(topic="zigbee2mqtt/c1", config={"base": "x/"}), "config.base"),
        (Source(topic="zigbee2mqtt/c1", config={"base": 7}), "config.base"),
    ],
)
def test_a_source_that_cannot_be_is_told_what_to_write(source: Source, says: str):
    with pytest.raises(ValueError, match=says):
        Zigbee2mqtt().address(source)


def test_what_the_inbox_proposes_claims_the_device():
    convention = Zigbee2mqtt()
    assert convention.address(Source(**convention.source("zigbee2mqtt/hall/c1"))) == "zigbee2mqtt/hall/c1"


def test_it_listens_to_each_base_once_and_to_the_birth_of_home_assistant():
    convention = Zigbee2mqtt()
    convention.follow([Entry("hall/z2m/c1", config={"base": "hall/z2m"}), Entry("up/c2"), Entry("up/c3")])
    assert set(convention.subscriptions()) == {
        Subscription("hall/z2m/#", 0),
        Subscription("up/#", 0),
        Subscription("zigbee2mqtt/#", 0),
        Subscription("homeassistant/status", 0),
    }
    assert convention.owns("up/c2")
    assert convention.owns("hall/z2m/c1")
    assert not convention.owns("hall/c1")
    assert not convention.owns("upper/c1")
    assert not convention.owns("homeassistant/status/x")


def test_a_device_claimed_by_its_ieee_address_is_heard_under_it():
    hall = Hall(f"zigbee2mqtt/{IEEE}")
    hall.devices(device("c1"))
    assert hall.tells(occupancy=True).address == f"zigbee2mqtt/{IEEE}"
    [gone] = hall.raw("zigbee2mqtt/c1/availability", b"offline")
    assert (gone.device, gone.address) == ("c1", f"zigbee2mqtt/{IEEE}")


def test_a_device_claimed_in_both_ways_is_heard_twice():
    hall = Hall(f"zigbee2mqtt/{IEEE}", "zigbee2mqtt/c1")
    hall.devices(device("c1"))
    heard = hall.raw("zigbee2mqtt/c1", b'{"occupancy_1":true}')
    assert [one.address for one in heard] == ["zigbee2mqtt/c1", f"zigbee2mqtt/{IEEE}"]


def test_a_rename_loses_neither_the_claim_nor_what_was_known():
    hall = Hall(f"zigbee2mqtt/{IEEE}")
    hall.devices(device("c1"))
    hall.tells("c1", occupancy=True)
    hall.raw("zigbee2mqtt/c1/availability", b"", retain=True)
    hall.devices(device("desk 1"))
    copy = hall.tells("desk 1", occupancy=True)
    assert (copy.address, copy.values) == (f"zigbee2mqtt/{IEEE}", {})
    assert hall.tells("desk 1", occupancy=False).values == {"presence": 0.0}


def test_the_copy_under_a_new_name_is_no_evidence_when_nothing_was_known():
    hall = Hall()
    hall.devices(device("c1"))
    hall.devices(device("desk 1"))
    assert hall.tells("desk 1", occupancy=True).values == {}
    assert hall.tells("desk 1", occupancy=False).values == {"presence": 0.0}


def test_two_devices_may_exchange_their_names():
    other = "0x00158d00000000ff"
    hall = Hall()
    hall.devices(device("a"), device("b", ieee=other))
    hall.tells("a", occupancy=True)
    hall.tells("b", occupancy=False)
    hall.devices(device("b"), device("a", ieee=other))
    assert hall.tells("b", occupancy=True).values == {}
    assert hall.tells("a", occupancy=False).values == {}


def test_of_a_device_that_got_the_name_of_another_nothing_is_known():
    hall = Hall()
    hall.devices(device("c1"))
    hall.tells(occupancy_1=True, occupancy_2=False)
    hall.devices(device("c1", ieee="0x00158d00000000ff"))
    assert hall.tells(occupancy_1=True, occupancy_2=False).values == {}
    left = hall.tells(occupancy_1=False, occupancy_2=False)
    assert (left.values, left.unknown) == ({}, {"presence"})


# Questions


READABLE = device("c1", key("occupancy", access=5))


def test_a_device_is_asked_for_the_keys_that_it_can_be_asked_for():
    hall = Hall()
    assert hall.asks() == [Question("zigbee2mqtt/c1/get", b'{"occupancy": "", "presence": ""}')]
    hall.devices(READABLE)
    assert hall.asks() == [Question("zigbee2mqtt/c1/get", b'{"occupancy": ""}')]
    hall.devices(device("c1", key("occupancy", access=1)))
    assert hall.asks() == []


def test_what_runs_on_a_battery_is_not_asked():
    hall = Hall()
    hall.devices(READABLE | {"power_source": "Battery"})
    assert hall.asks() == []


def test_nobody_is_asked_through_a_bridge_that_is_gone():
    hall = Hall()
    hall.bridge("offline")
    assert hall.asks() == []


def test_a_device_claimed_by_its_ieee_address_is_asked_by_its_name():
    hall = Hall(f"zigbee2mqtt/{IEEE}")
    hall.devices(READABLE)
    assert hall.asks(f"zigbee2mqtt/{IEEE}") == [Question("zigbee2mqtt/c1/get", b'{"occupancy": ""}')]


def test_an_answer_counts_though_nothing_changed_and_only_once():
    hall = Hall()
    hall.devices(READABLE)
    hall.tells(occupancy=True, illuminance=7)
    hall.asks()
    hall.second += 4
    assert hall.tells(occupancy=True, illuminance=7).values == {"presence": 1.0}
    assert hall.tells(occupancy=True, illuminance=7).values == {}


def test_after_five_seconds_nothing_is_an_answer():
    hall = Hall()
    hall.tells(occupancy=True)
    hall.asks()
    hall.second += 5.1
    assert hall.tells(occupancy=True).values == {}


def test_a_state_without_a_new_frame_is_no_answer():
    hall = Hall()
    moved = hall.seen()
    hall.tells(occupancy=True, last_seen=moved)
    hall.asks()
    hall.second += 1
    assert hall.tells(occupancy=True, last_seen=moved).values == {}
    assert hall.tells(occupancy=True, last_seen=hall.seen()).values == {"presence": 1.0}


def test_the_copy_is_no_answer_and_what_follows_it_is():
    hall = Hall()
    hall.tells(occupancy=True)
    restarted(hall)
    hall.asks()
    assert hall.tells(occupancy=True).values == {}
    assert hall.tells(occupancy=True).values == {"presence": 1.0}


def test_decoding_makes_nothing_necessary_to_ask():
    assert Hall().convention.questions(NOW_MS) == ()


# What is damaged, hostile or endless


@pytest.mark.parametrize(
    "payload",
    [
        b'{"occupancy":true,"occupancy":true}',
        b'{"occupancy":true,"\\u006fccupancy":false}',
        b'{"occupancy":true,"o":"\\n","\\u006fccupancy":false}',
    ],
)
def test_a_key_that_stands_there_twice_is_damage(payload: bytes):
    hall = Hall()
    hall.tells(occupancy=False)
    with pytest.raises(DamagedFrame, match="occupancy stands there twice"):
        hall.raw("zigbee2mqtt/c1", payload)
    assert hall.tells(occupancy=False).values == {}


def test_a_name_that_is_also_a_value_stands_there_once():
    [heard] = Hall().raw("zigbee2mqtt/c1", b'{"occupancy":true,"o":"\\t","a":{"occupancy":false},"b":"occupancy"}')
    assert heard.values == {"presence": 1.0}


def test_the_list_of_devices_may_be_larger_than_a_state_and_is_bounded():
    hall = Hall()
    hall.devices(*(device(f"d{n}", ieee=f"0x{n:016x}") for n in range(MOST_DEVICES + 5)), {"padding": "x" * 300_000})
    assert len(hall.convention._definitions) == MOST_DEVICES
    with pytest.raises(DamagedFrame, match="more than"):
        hall.raw("zigbee2mqtt/bridge/devices", b" " * (LARGEST_LIST + 1))


def test_the_memory_is_bounded_and_forgets_no_claimed_device():
    hall = Hall("zigbee2mqtt/mine")
    hall.tells("mine", occupancy=True)
    for n in range(MOST_KNOWN + 50):
        hall.tells(f"d{n}", occupancy=True)
    assert len(hall.convention._known) == MOST_KNOWN + 1
    assert hall.tells("mine", occupancy=True).values == {}


def test_keys_that_a_device_has_no_more_are_forgotten():
    hall = Hall("zigbee2mqtt/c1")
    for n in range(500):
        hall.devices(device("c1", {"type": "binary", "name": "occupancy", "property": f"occupancy_x{n}", "access": 1}))
        hall.tells(**{"occupancy_1": False, f"occupancy_x{n}": True})
    known = hall.convention._known.get("zigbee2mqtt/c1")
    assert known is not None
    assert set(known.verdicts) == {"occupancy_1", "occupancy_x499"}


def test_a_topic_of_nobody_is_no_birth():
    hall = Hall()
    assert hall.raw("elsewhere/status", b"online") == []
    assert hall.tells(occupancy=True).values == {"presence": 1.0}


def test_what_is_known_of_a_device_survives_a_change_of_the_registry():
    hall = Hall("zigbee2mqtt/c1")
    hall.tells(occupancy=True)
    hall.bridge("offline")
    hall.convention.follow([Entry("zigbee2mqtt/c1"), Entry("zigbee2mqtt/c2")])
    assert hall.tells(occupancy=False).values == {}, "the bridge is still gone"


TOPICS = [
    "c1",
    "a/c1",
    "c1/occupancy",
    "c1/availability",
    "bridge/state",
    "bridge/devices",
    "bridge/event",
    "",
    "/",
    "+",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        "occupancy",
        "presence",
        "presence_state",
        "state",
        "last_seen",
        "battery",
        "target_distance",
        "illuminance",
        "type",
        "data",
        "friendly_name",
        "ieee_address",
        "definition",
        "exposes",
        "property",
        "values",
        "value_on",
        "unit",
        "features",
    ]
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=6)
PAYLOADS_OF_STRANGERS = st.binary(max_size=40) | st.builds(
    lambda document: json.dumps(document).encode(), VALUES | DOCUMENTS | st.lists(DOCUMENTS, max_size=3)
)


@given(st.lists(st.tuples(st.sampled_from(TOPICS), PAYLOADS_OF_STRANGERS, st.booleans()), max_size=6))
def test_no_message_does_more_than_damage(messages: list[tuple[str, bytes, bool]]):
    hall = Hall("zigbee2mqtt/c1")
    for rest, payload, retain in messages:
        try:
            heard = hall.raw(f"zigbee2mqtt/{rest}", payload, retain=retain)
        except DamagedFrame:
            continue
        for one in heard:
            assert all(value == value and abs(value) < 1e9 for value in one.values.values())


def test_a_vacancy_is_never_told_by_what_a_fresh_hall_repeats():
    hall = Hall()
    hall.raw("zigbee2mqtt/bridge/devices", json.dumps(json.loads(BY_ID["z2m-bridge-devices"]["payload"])).encode())
    hall.tells("linptech", occupancy=False, target_distance=150)
    hall.bridge("offline")
    hall.bridge("online")
    told = [hall.tells("linptech", occupancy=False, target_distance=distance) for distance in (150, 160, 170)]
    assert [one.values for one in told] == [{}, {"distance": 1.6}, {"distance": 1.7}]
