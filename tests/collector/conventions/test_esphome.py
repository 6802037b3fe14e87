"""ESPHome nodes: the vectors, and what their words mean over time."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.conventions.convention import Entry, Heard, Message
from collector.conventions.esphome import MOST_NODES, Esphome
from collector.conventions.esphome_node import MOST_OBJECTS, SETTLED_AFTER_MS
from presence.errors import DamagedFrame
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

VECTORS = [vector for vector in PAYLOADS if vector["convention"] == "esphome"]


def message(topic: str, body: str, *, retain: bool = False, at_ms: int = NOW_MS) -> Message:
    return Message(topic, body.encode(), None, None, retain, at_ms)


def object_says(node: Esphome, name: str, word: str, **more: Any) -> Heard:
    (heard,) = node.decode(message(f"n/binary_sensor/{name}/state", word, **more))
    return heard


def announcement(platform: str, name: str, **more: Any) -> Message:
    config = {
        "stat_t": f"n/{platform}/{name}/state",
        "avty_t": "n/status",
        "uniq_id": f"ESP{platform}{name}",
        "dev": {"ids": "a4cf12fafd24", "name": "n", "mdl": "esp32dev"},
        **more,
    }
    return message(f"homeassistant/{platform}/n/{name}/config", json.dumps(config), retain=True)


def announced(*messages: Message) -> Esphome:
    node = Esphome()
    for one in messages:
        assert node.owns(one.topic)
        assert node.decode(one) == ()
    return node


def whole(heard: Heard) -> float | str | None:
    """What is heard of the device as a whole: a verdict, "unknown", or nothing."""
    return "unknown" if "presence" in heard.unknown else heard.values.get("presence")


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["id"]))
def test_a_vector_is_understood(vector: Vector) -> None:
    assert wrong(vector, said(convention_for(vector), message_of(vector))) == {}


def test_a_device_is_its_prefix_and_an_object_its_type_and_id() -> None:
    node = Esphome()
    node.follow([Entry("esp-im1", "binary_sensor/zone_1_presence"), Entry("esp-im1", "binary_sensor/zone_2_presence")])
    (heard,) = node.decode(message("esp-im1/binary_sensor/zone_2_presence/state", "ON"))
    assert (heard.address, heard.presences) == ("esp-im1", {"binary_sensor/zone_2_presence": 1.0})
    assert Esphome().address(Source(topic="esp-im1", presence="binary_sensor/zone_1_presence")) == "esp-im1"
    assert Esphome().source("esp-im1") == {"topic": "esp-im1"}


def test_a_prefix_with_slashes_is_listened_to_when_it_is_claimed() -> None:
    node = Esphome()
    assert not node.owns("hall/floor1/desk/status")
    node.follow([Entry("hall/floor1/desk"), Entry("")])
    filters = [one.topic_filter for one in node.subscriptions()]
    assert {f"hall/floor1/desk/{rest}" for rest in ("status", "sensor/+/state", "binary_sensor/+/state")} < set(filters)
    assert node.owns("hall/floor1/desk/status")
    (heard,) = node.decode(message("hall/floor1/desk/binary_sensor/presence/state", "ON"))
    assert heard.address == "hall/floor1/desk"


def test_its_usual_topics_are_of_quality_0_so_that_none_waits_in_the_broker() -> None:
    found = [(one.topic_filter, one.qos) for one in Esphome().subscriptions()]
    assert found == [
        ("+/binary_sensor/+/state", 0),
        ("+/sensor/+/state", 0),
        ("+/status", 0),
        ("homeassistant/+/+/+/config", 1),
    ]


@pytest.mark.parametrize(
    "topic",
    [
        *("homeassistant/status", "zigbee2mqtt/status", "shellies/x/status", "homeassistant/sensor/x/state"),
        *("tele/x/status", "hadir/1/s/sensor/x/status", "a/b/status", "a/debug", "a/switch/b/state", "/status"),
        *(
            "homeassistant/binary_sensor/x/config",
            "homeassistant/switch/n/x/config",
            "$SYS/sensor/x/state",
            "a/+/status",
        ),
    ],
)
def test_topics_of_others_are_not_its_own(topic: str) -> None:
    assert not Esphome().owns(topic)


def test_a_status_that_is_no_availability_is_anothers_unless_the_node_is_known() -> None:
    node = Esphome()
    assert node.decode(message("printer/status", '{"ink":3}')) == ()
    node.follow([Entry("printer")])
    with pytest.raises(DamagedFrame):
        node.decode(message("printer/status", '{"ink":3}'))


def test_a_state_that_is_no_word_of_a_node_is_anothers_unless_the_node_is_claimed() -> None:
    node = Esphome()
    object_says(node, "desk_presence", "ON")
    # Home Assistant's own states (mqtt_statestream) look so, too, and most of them are text.
    assert node.decode(message("n/sensor/next_dawn/state", "2026-11-30T05:00:00+00:00")) == ()
    assert node.decode(message("n/binary_sensor/desk_presence/state", "maybe")) == ()
    node.follow([Entry("n")])
    with pytest.raises(DamagedFrame):
        node.decode(message("n/binary_sensor/desk_presence/state", "maybe"))


# Which object is occupancy.


def test_without_discovery_the_name_says_which_object_is_occupancy() -> None:
    for name in ("presence", "zone_1_presence", "desk_occupancy", "has_target", "ld2410_has_target", "pir", "motion_1"):
        assert whole(object_says(Esphome(), name, "ON")) == 1.0, name
    for name in ("door", "has_moving_target", "has_still_target", "out_pin_presence_status", "button"):
        assert whole(object_says(Esphome(), name, "ON")) is None, name


def test_of_a_radars_three_verdicts_only_has_target_is_occupancy() -> None:
    node = announced(
        announcement("binary_sensor", "has_target", dev_cla="occupancy"),
        announcement("binary_sensor", "has_moving_target", dev_cla="motion"),
        announcement("binary_sensor", "has_still_target", dev_cla="occupancy"),
    )
    assert object_says(node, "has_target", "ON").values == {"presence": 1.0}
    assert object_says(node, "has_moving_target", "OFF").values == {"moving": 0.0}
    assert object_says(node, "has_still_target", "OFF").values == {"still": 0.0}
    assert object_says(node, "has_target", "OFF").values == {"presence": 0.0}


def test_the_device_class_stands_over_the_name() -> None:
    node = announced(
        announcement("binary_sensor", "presence_door", dev_cla="door"),
        announcement("binary_sensor", "a", dev_cla="presence"),
    )
    assert object_says(node, "presence_door", "ON").presences == {"binary_sensor/presence_door": 1.0}
    assert whole(object_says(node, "presence_door", "ON")) is None
    assert whole(object_says(node, "a", "ON")) == 1.0


def test_motion_is_occupancy_only_where_nothing_stronger_is() -> None:
    pir = announcement("binary_sensor", "hall", dev_cla="motion")
    assert whole(object_says(announced(pir), "hall", "ON")) == 1.0
    both = announced(pir, announcement("binary_sensor", "radar", dev_cla="occupancy"))
    assert whole(object_says(both, "hall", "ON")) is None


# Several occupancy objects.


def two_zones() -> Esphome:
    return announced(*(announcement("binary_sensor", f"zone_{n}", dev_cla="occupancy") for n in (1, 2)))


def test_one_object_that_is_off_does_not_make_a_device_vacant_while_another_is_on() -> None:
    node = two_zones()
    assert whole(object_says(node, "zone_1", "ON")) == 1.0
    assert whole(object_says(node, "zone_2", "OFF")) is None
    assert whole(object_says(node, "zone_1", "OFF")) == 0.0


def test_a_device_is_unknown_while_the_rest_is_off_and_one_is_not_known() -> None:
    node = two_zones()
    assert whole(object_says(node, "zone_1", "OFF")) == "unknown"
    assert whole(object_says(node, "zone_2", "OFF")) == 0.0
    assert whole(object_says(node, "zone_2", "unavailable")) == "unknown"
    assert whole(object_says(node, "zone_1", "OFF")) == "unknown"
    assert whole(object_says(node, "zone_1", "ON")) == 1.0
    assert object_says(node, "zone_2", "nan").unknown == {"binary_sensor/zone_2"}


def test_after_messages_were_missed_no_word_of_before_is_held_against_another() -> None:
    node = two_zones()
    object_says(node, "zone_1", "OFF")
    object_says(node, "zone_2", "ON")
    node.missed(NOW_MS)
    assert whole(object_says(node, "zone_1", "OFF")) == "unknown", "zone 2 may be empty by now"
    assert whole(object_says(node, "zone_2", "OFF")) == 0.0
    node.missed(NOW_MS)
    object_says(node, "zone_2", "OFF", retain=True)
    assert whole(object_says(node, "zone_1", "OFF")) == 0.0, "what is retained was told again"


def test_after_messages_were_missed_an_object_that_stays_silent_is_waited_for() -> None:
    node = two_zones()
    node.decode(message("n/status", "online"))
    node.missed(NOW_MS + SETTLED_AFTER_MS + 1)
    assert whole(object_says(node, "zone_1", "OFF", at_ms=NOW_MS + SETTLED_AFTER_MS + 2)) == "unknown"


def test_what_was_retained_is_what_another_objects_word_is_held_against() -> None:
    node = two_zones()
    object_says(node, "zone_2", "ON", retain=True)
    assert whole(object_says(node, "zone_1", "OFF")) is None


def test_a_node_that_went_and_came_has_to_say_everything_anew() -> None:
    node = two_zones()
    object_says(node, "zone_1", "ON")
    object_says(node, "zone_2", "OFF")
    assert node.decode(message("n/status", "offline"))[0].online is False
    assert node.decode(message("n/status", "online"))[0].online is True
    assert whole(object_says(node, "zone_2", "OFF")) == "unknown"
    assert whole(object_says(node, "zone_1", "OFF")) == 0.0


def test_what_stays_silent_after_a_nodes_birth_is_no_object_of_it_any_more() -> None:
    node = two_zones()
    object_says(node, "zone_2", "ON", retain=True)  # of an older firmware: its topics stay in the broker
    node.decode(message("n/status", "online"))
    assert whole(object_says(node, "zone_1", "OFF")) == "unknown"
    assert whole(object_says(node, "zone_1", "OFF", at_ms=NOW_MS + SETTLED_AFTER_MS + 1)) == 0.0


def test_a_retained_online_is_no_birth() -> None:
    node = two_zones()
    object_says(node, "zone_2", "ON")
    node.decode(message("n/status", "online", retain=True))
    assert whole(object_says(node, "zone_1", "OFF", at_ms=NOW_MS + SETTLED_AFTER_MS + 1)) is None


def test_an_entity_that_was_taken_back_is_not_waited_for() -> None:
    node = two_zones()
    node.decode(message("homeassistant/binary_sensor/n/zone_2/config", "", retain=True))
    assert whole(object_says(node, "zone_1", "OFF")) == 0.0


def test_a_state_topic_that_was_cleared_says_nothing() -> None:
    assert two_zones().decode(message("n/binary_sensor/zone_1/state", "")) == ()


# Numbers.


@pytest.mark.parametrize(("unit", "metres"), [("cm", 0.75), ("mm", 0.075), ("m", 75.0), ("ft", None), (None, None)])
def test_a_unit_is_taken_from_discovery_and_never_guessed(unit: str | None, metres: float | None) -> None:
    node = announced(announcement("sensor", "detection_distance", dev_cla="distance", unit_of_meas=unit))
    (heard,) = node.decode(message("n/sensor/detection_distance/state", "75"))
    assert heard.values.get("distance") == metres


def test_a_radars_parts_are_quantities_of_their_own() -> None:
    told = {
        "moving_distance": ("distance", "cm", "moving_distance", 0.75),
        "ld2410_still_distance": ("distance", "cm", "still_distance", 0.75),
        "still_energy": (None, "%", "still_energy", 75.0),
        "target_2_x": ("distance", "mm", "x2", 0.075),
        "target_1_speed": ("speed", "mm/s", "speed1", 0.075),
        "presence_target_count": (None, None, "target_count", 75.0),
        "light": ("illuminance", "lx", "illuminance", 75.0),
        "co2": ("carbon_dioxide", "ppm", "co2", 75.0),
        "target_3_distance": ("distance", "mm", None, None),
        "moving_target_count": (None, None, None, None),
    }
    for name, (kind, unit, quantity, value) in told.items():
        node = announced(announcement("sensor", name, dev_cla=kind, unit_of_meas=unit))
        (heard,) = node.decode(message(f"n/sensor/{name}/state", "75"))
        assert heard.values == ({} if quantity is None else {quantity: value}), name


@pytest.mark.parametrize("word", ["nan", "None", "inf", "-inf"])
def test_a_number_that_is_none_is_not_known(word: str) -> None:
    node = announced(announcement("sensor", "d", dev_cla="distance", unit_of_meas="cm"))
    (heard,) = node.decode(message("n/sensor/d/state", word))
    assert heard.values == {}


@pytest.mark.parametrize("word", ["-75", "1_0", "٣", "9" * 65, "0x10"])
def test_a_number_that_cannot_be_is_damaged(word: str) -> None:
    node = announced(announcement("sensor", "d", dev_cla="distance", unit_of_meas="cm"))
    with pytest.raises(DamagedFrame):
        node.decode(message("n/sensor/d/state", word))


# Topics and words that were chosen by hand.


def test_topics_chosen_by_hand_are_listened_to_for_claimed_nodes_only() -> None:
    chosen = announcement(
        "binary_sensor",
        "desk",
        dev_cla="occupancy",
        stat_t="halls/a/desk",
        avty_t="halls/a/there",
        pl_avail="yes",
        pl_not_avail="no",
    )
    node = announced(chosen)
    assert not node.owns("halls/a/desk")
    node.follow([Entry("n")])
    assert {"halls/a/desk", "halls/a/there"} < {one.topic_filter for one in node.subscriptions()}
    (heard,) = node.decode(message("halls/a/desk", "ON"))
    assert (heard.address, heard.presences, whole(heard)) == ("n", {"binary_sensor/desk": 1.0}, 1.0)
    (heard,) = node.decode(message("halls/a/there", "no"))
    assert (heard.address, heard.online) == ("n", False)
    node.follow([])
    assert not node.owns("halls/a/desk")


def test_a_topic_learnt_after_the_claim_is_listened_to_at_once() -> None:
    node = Esphome()
    node.follow([Entry("n")])
    before = node.subscriptions()
    node.decode(announcement("binary_sensor", "usual", dev_cla="occupancy"))
    assert node.subscriptions() is before
    node.decode(announcement("binary_sensor", "desk", dev_cla="occupancy", stat_t="x/y"))
    assert node.owns("x/y")
    node.decode(message("homeassistant/binary_sensor/n/desk/config", "", retain=True))
    assert not node.owns("x/y")


@pytest.mark.parametrize(
    "topic", ["#", "+/a", "a/#", "$SYS/x", "$share/g/a", "hadir/1/x", "", "x\0y", "x" * 600, None, 5]
)
def test_an_announcement_makes_it_listen_to_no_more_than_one_topic_of_the_device(topic: object) -> None:
    node = Esphome()
    node.follow([Entry("n")])
    before = node.subscriptions()
    node.decode(announcement("binary_sensor", "desk", dev_cla="occupancy", stat_t=topic, avty_t=topic))
    assert node.subscriptions() == before


def test_announcements_of_others_teach_it_nothing() -> None:
    node = Esphome()
    node.follow([Entry("0x00158d0002ae86bd"), Entry("zigbee2mqtt/Movement")])
    node.decode(message_of(BY_ID["had-001"]))
    assert not node.owns("zigbee2mqtt/Movement")
    assert node.decode(message("homeassistant/sensor/n/x/config", "{rubbish")) == ()


def test_a_node_is_named_for_people() -> None:
    assert object_says(two_zones(), "zone_1", "ON").seems == "ESPHome, esp32dev"


# Bounds and claims.


def test_its_memory_is_bounded_and_claimed_nodes_are_never_forgotten() -> None:
    node = Esphome()
    node.follow([Entry("n")])
    object_says(node, "zone_1_presence", "ON")
    for number in range(MOST_NODES + 10):
        node.decode(message(f"flood{number}/binary_sensor/presence/state", "ON"))
    for number in range(MOST_OBJECTS + 10):
        node.decode(message(f"flood/binary_sensor/presence_{number}/state", "ON"))
    assert len(node._nodes) == MOST_NODES + 1
    assert len(node._nodes.get("flood").objects) == MOST_OBJECTS  # type: ignore[union-attr]
    assert whole(object_says(node, "zone_2_presence", "OFF")) is None


def test_it_cannot_be_asked_and_has_no_gateway() -> None:
    node = Esphome()
    assert (node.ask("n", NOW_MS), node.questions(NOW_MS), node.gateway_of("n")) == ((), (), None)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (Source(), "needs topic"),
        (Source(device="x"), "needs topic"),
        (Source(topic="x", profile="y"), "write topic"),
        (Source(topic="x/+"), "no prefix"),
        (Source(topic="x/"), "no prefix"),
        (Source(topic="$SYS"), "no prefix"),
        (Source(topic="x/binary_sensor/presence/state"), "write its prefix"),
        (Source(topic="x", presence="zone_1_presence"), "write binary_sensor/"),
        (Source(topic="x", part="sensor/zone_1"), "write binary_sensor/"),
    ],
)
def test_a_source_that_is_wrong_is_told_what_to_write(source: Source, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Esphome().address(source)


@given(
    st.sampled_from(["n/status", "n/sensor/d/state", "n/binary_sensor/z/state", "homeassistant/sensor/n/d/config"]),
    st.binary(),
)
def test_no_bytes_end_it(topic: str, body: bytes) -> None:
    node = two_zones()
    node.follow([Entry("n")])
    with suppress(DamagedFrame):
        node.decode(Message(topic, body, None, None, False, NOW_MS))
