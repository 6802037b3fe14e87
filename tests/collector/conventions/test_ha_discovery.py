"""Devices that announce themselves to Home Assistant: the vectors, and what their states mean over time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.conventions import discovery_config
from collector.conventions.convention import Entry, Heard, Message
from collector.conventions.ha_discovery import MOST_DEVICES, MOST_ENTITIES, MOST_TOPICS, HaDiscovery
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

VECTORS = [vector for vector in PAYLOADS if vector["convention"] == "ha_discovery"]
Z2M = "zigbee2mqtt_0x00158d0002ae86bd"


def message(topic: str, body: object, *, retain: bool = False) -> Message:
    text = body if isinstance(body, str) else json.dumps(body)
    return Message(topic, text.encode(), None, None, retain, NOW_MS)


def one_entity(name: str = "desk", platform: str = "binary_sensor", whose: str = "d1", **more: Any) -> Message:
    config = {"dev_cla": "occupancy", "stat_t": "d1/state", "uniq_id": f"d1.{name}", "dev": {"ids": [whose]}, **more}
    return message(f"homeassistant/{platform}/d1/{name}/config", config, retain=True)


def whole_device(components: dict[str, Any], **more: Any) -> Message:
    config = {"dev": {"ids": "d1"}, "o": {"name": "x"}, "stat_t": "d1/state", "cmps": components, **more}
    return message("homeassistant/device/d1/config", config, retain=True)


def claimed(*announcements: Message, address: str = "d1") -> HaDiscovery:
    found = HaDiscovery()
    found.follow([Entry(address), Entry("")])
    for one in announcements:
        assert found.owns(one.topic)
        found.decode(one)
    return found


def says(found: HaDiscovery, body: object, topic: str = "d1/state", **more: Any) -> Heard | None:
    assert found.owns(topic)
    heard = found.decode(message(topic, body, **more))
    assert len(heard) < 2
    return heard[0] if heard else None


def whole(heard: Heard | None) -> float | str | None:
    """What is heard of the device as a whole: a verdict, "unknown", or nothing."""
    if heard is None:
        return None
    return "unknown" if "presence" in heard.unknown else heard.values.get("presence")


def filters(found: HaDiscovery) -> list[str]:
    return [one.topic_filter for one in found.subscriptions()]


def kinds(heard: Sequence[Heard]) -> list[str | None]:
    return [one.onboard and one.onboard.kind for one in heard]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["id"]))
def test_a_vector_is_understood(vector: Vector) -> None:
    assert wrong(vector, said(convention_for(vector), message_of(vector))) == {}


# Announcements.


def test_an_announcement_tells_what_it_is_and_whose_topics_it_uses() -> None:
    (heard,) = HaDiscovery().decode(message_of(BY_ID["had-001"]))
    assert heard.announced
    assert heard.seems == "Perenio Motion sensor (PECMS01) (Movement), which speaks zigbee2mqtt"
    (heard,) = HaDiscovery().decode(message_of(BY_ID["esp-disc-1"]))
    assert heard.seems == "Espressif esp32dev (counter-7), which speaks esphome"


def test_all_entities_of_a_device_are_announced_the_verdict_last() -> None:
    heard = HaDiscovery().decode(
        whole_device(
            {
                "desk": {
                    "p": "binary_sensor",
                    "dev_cla": "occupancy",
                    "uniq_id": "a",
                    "val_tpl": "{{ value_json.desk }}",
                },
                "far": {"p": "sensor", "dev_cla": "distance", "unit_of_meas": "cm", "uniq_id": "b"},
                "wet": {"p": "binary_sensor", "dev_cla": "moisture", "uniq_id": "c"},
                "low": {"p": "binary_sensor", "dev_cla": "battery", "uniq_id": "d"},
                "led": {"p": "light", "uniq_id": "e"},
            }
        )
    )
    assert kinds(heard) == ["distance", "occupancy"]
    assert {(one.address, one.onboard and one.onboard.state_topic) for one in heard} == {("d1", "d1/state")}


def test_a_device_without_an_entity_for_us_is_announced_as_none() -> None:
    (heard,) = HaDiscovery().decode(one_entity(dev_cla="moisture"))
    assert (heard.device, heard.announced, heard.onboard) == ("d1", True, None)


def test_an_entity_not_for_us_takes_nothing_back() -> None:
    found = claimed(one_entity())
    assert found.decode(one_entity("link", "sensor", dev_cla=None)) == ()
    assert whole(says(found, "ON")) == 1.0


def test_an_empty_announcement_takes_back_what_its_topic_announced() -> None:
    found = claimed(one_entity(), one_entity("far", "sensor", dev_cla="distance", unit_of_meas="m", stat_t="d1/far"))
    gone = message("homeassistant/binary_sensor/d1/desk/config", "", retain=True)
    assert kinds(found.decode(gone)) == ["distance"]
    assert not found.owns("d1/state")
    assert found.owns("d1/far")
    (heard,) = found.decode(message("homeassistant/sensor/d1/far/config", "", retain=True))
    assert (heard.address, heard.announced, heard.onboard, heard.values) == ("d1", True, None, {})
    assert filters(found) == ["homeassistant/+/+/config", "homeassistant/+/+/+/config"]


def test_a_component_goes_when_it_is_taken_back_and_stays_when_it_is_left_out() -> None:
    desk = {"p": "binary_sensor", "dev_cla": "occupancy", "uniq_id": "a", "stat_t": "d1/desk"}
    door = {"p": "binary_sensor", "dev_cla": "motion", "uniq_id": "b", "stat_t": "d1/door"}
    found = claimed(whole_device({"desk": desk, "door": door}))
    found.decode(whole_device({"desk": desk}))
    assert found.owns("d1/door")
    assert kinds(found.decode(whole_device({"desk": desk, "door": {"p": "binary_sensor"}}))) == ["occupancy"]
    assert not found.owns("d1/door")
    found.decode(message("homeassistant/device/d1/config", "", retain=True))
    assert not found.owns("d1/desk")


def test_an_entity_that_became_something_else_is_no_verdict_any_more() -> None:
    found = claimed(one_entity())
    (heard,) = found.decode(one_entity(dev_cla="door"))
    assert (heard.announced, heard.onboard) == (True, None)
    assert not found.owns("d1/state")


def test_a_config_topic_that_announces_another_device_leaves_the_first_without_it() -> None:
    found = claimed(one_entity())
    assert found.decode(one_entity(whose="d2"))[0].address == "d2"
    assert not found.owns("d1/state")


def test_the_same_announcement_again_changes_nothing() -> None:
    found = claimed(one_entity(val_tpl="{{ value_json.desk }}"))
    before = found.subscriptions()
    assert whole(says(found, {"desk": "ON", "x": 1})) == 1.0
    assert kinds(found.decode(one_entity(val_tpl="{{ value_json.desk }}"))) == ["occupancy"]
    assert found.subscriptions() is before
    assert says(found, {"desk": "ON", "x": 2}) is None


def test_after_messages_were_missed_no_word_of_before_is_held_against_another() -> None:
    found = claimed(
        one_entity("left", val_tpl="{{ value_json.left }}"), one_entity("right", val_tpl="{{ value_json.right }}")
    )
    says(found, {"left": "ON", "right": "ON"})
    found.missed(NOW_MS)
    heard = says(found, {"left": "ON", "right": "OFF"})
    assert heard is not None
    assert heard.presences == {"binary_sensor/right": 0.0}, "the other value may be an old one"
    assert whole(heard) == "unknown"
    assert whole(says(found, {"left": "OFF", "right": "OFF"})) == 0.0


def test_after_messages_were_missed_who_was_gone_before_does_not_make_a_device_gone() -> None:
    topics = [{"t": "bridge/there"}, {"t": "d1/there"}]
    found = claimed(one_entity(avty=topics, avty_mode="all"))
    says(found, "offline", "bridge/there")
    found.missed(NOW_MS)
    assert says(found, "online", "d1/there") is None, "of the bridge nothing is known"
    heard = says(found, "online", "bridge/there")
    assert heard is not None
    assert heard.online is True


def test_our_own_announcements_are_nobodys_device() -> None:
    found = HaDiscovery()
    ours = whole_device({"staff": {"p": "binary_sensor", "dev_cla": "occupancy", "uniq_id": "hadir.s.o.staff"}})
    assert found.decode(ours) == ()
    topic = "homeassistant/device/hadir-mpp/o-1/config"
    assert found.owns(topic)
    assert found.decode(message(topic, "", retain=True)) == ()
    assert found.decode(message(topic, {"dev": {"ids": ["x"]}, "cmps": {"a": {"p": "sensor", "x": 1}}})) == ()
    assert found.decode(one_entity(dev={"ids": ["hadir.mpp.o-1"]})) == ()


@pytest.mark.parametrize(
    ("config", "address"),
    [
        ({"dev": {"ids": ["a", "b"]}}, "a"),
        ({"dev": None, "device": {"identifiers": "a"}}, "a"),
        ({"dev": {"cns": [["mac", "aa:bb"]]}}, "aa:bb"),
        ({"dev": {"ids": [], "cns": [["mac", "aa:bb"]]}}, "aa:bb"),
        ({"dev": {"ids": [["x"]], "cns": "mac"}}, "d1"),
        ({"dev": None}, "d1"),
    ],
)
def test_a_device_is_its_first_identifier_else_its_connection_else_its_topic(config: Any, address: str) -> None:
    assert HaDiscovery().decode(one_entity(**config))[0].address == address
    assert HaDiscovery().source(address) == {"device": address}


@pytest.mark.parametrize(
    "topic",
    [
        *("homeassistant/status", "homeassistant/a/b/c/d/config", "homeassistant/config", "x/binary_sensor/a/config"),
        *("homeassistant/binary_sensor/a b/config", "homeassistant/binary_sensor/+/config", "d1/state"),
    ],
)
def test_other_topics_are_not_its_own(topic: str) -> None:
    assert not HaDiscovery().owns(topic)


# Which topics it listens to, and what it never does.


def test_only_claimed_devices_are_listened_to_on_their_exact_topics() -> None:
    found = HaDiscovery()
    found.decode(message_of(BY_ID["had-001"]))
    assert not found.owns("zigbee2mqtt/Movement")
    found.follow([Entry(Z2M, "binary_sensor/occupancy")])
    assert [(one.topic_filter, one.qos) for one in found.subscriptions()[2:]] == [
        ("zigbee2mqtt/Movement", 0),
        ("zigbee2mqtt/bridge/state", 0),
        ("zigbee2mqtt/Movement/availability", 0),
    ]
    found.follow([])
    assert found.subscriptions() == discovery_config.SUBSCRIPTIONS
    assert not found.owns("zigbee2mqtt/Movement")


BAD_TOPICS = ["#", "+/a", "a/#", "$SYS/x", "$share/g/a", "hadir/1/x", "", "x\0y", "x" * 600, None, 5]


@pytest.mark.parametrize("topic", [*BAD_TOPICS, "homeassistant/sensor/a/config"])
def test_an_announcement_makes_it_listen_to_no_more_than_one_topic_of_the_device(topic: object) -> None:
    found = claimed(one_entity())
    before = found.subscriptions()
    with pytest.raises(DamagedFrame):
        found.decode(one_entity(stat_t=topic))
    found.decode(one_entity(avty_t=topic))
    assert found.subscriptions() == before


def test_a_number_whose_template_is_not_understood_is_left_out_without_a_word() -> None:
    template = "{{ float(value) * 99 + 1 }}"
    (one,) = HaDiscovery().decode(one_entity("batt", "sensor", dev_cla="battery", val_tpl=template))
    assert one.onboard is None


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("{{ value_json.a }}", ("a",)),
        ("{{value_json.a.b_2}}", ("a", "b_2")),
        ("{{ value_json['a b'].c }}", ("a b", "c")),
        ('{{ value_json["a"] }}', ("a",)),
        ("{{ value_json.motion | is_defined }}", ("motion",)),
        ("{{ value_json.a|is_defined|int }}", None),
        ("{{ value }}", ()),
        ("{{ value_json.a|default(1) }}", None),
        ("{{ value_json.a if 1 else 2 }}", None),
        ("{{ value_json[value_json.b] }}", None),
        ("{{ value_json }}", None),
        ("{{ value_json.a }}{{ value_json.b }}", None),
        ("{{ value_json" + ".a" * 9 + " }}", None),
        (["{{ value }}"], None),
        ("", None),
    ],
)
def test_a_template_is_the_place_of_a_value_or_not_understood(template: object, path: tuple[str, ...] | None) -> None:
    if path is None:
        with pytest.raises(DamagedFrame):
            claimed(one_entity(val_tpl=template))
        return
    found = claimed(one_entity(val_tpl=template))
    body: object = "ON"
    for step in reversed(path):
        body = {step: body}
    assert whole(says(found, body)) == 1.0


def test_a_component_that_cannot_be_understood_does_not_hide_the_others() -> None:
    found = claimed(
        whole_device(
            {
                "desk": {"p": "binary_sensor", "dev_cla": "occupancy", "uniq_id": "a"},
                "odd": {
                    "p": "binary_sensor",
                    "dev_cla": "occupancy",
                    "uniq_id": "b",
                    "val_tpl": "{% if x %}ON{% endif %}",
                },
            }
        )
    )
    assert whole(says(found, "ON")) == 1.0


def test_the_tilde_stands_for_the_base_at_both_ends() -> None:
    found = claimed(one_entity(**{"~": "hall/d1", "stat_t": "~/s", "avty": [{"t": "lwt/~"}]}))
    assert filters(found)[2:] == ["hall/d1/s", "lwt/hall/d1"]


# States.


def test_a_bare_word_is_evidence_each_time() -> None:
    found = claimed(one_entity())
    heard = [says(found, word) for word in ("ON", "ON", "OFF", "OFF")]
    assert [whole(one) for one in heard] == [1.0, 1.0, 0.0, 0.0]
    assert heard[0] is not None
    assert heard[0].presences == {"binary_sensor/desk": 1.0}


def test_json_of_many_keys_is_evidence_for_the_keys_that_changed() -> None:
    far = one_entity("far", "sensor", dev_cla="distance", unit_of_meas="cm", val_tpl="{{ value_json.far }}")
    found = claimed(one_entity(val_tpl="{{ value_json.desk }}"), far)
    first = says(found, {"desk": "ON", "far": 75})
    assert first is not None
    assert first.values == {"presence": 1.0, "distance": 0.75}
    second = says(found, {"desk": "ON", "far": 80, "battery": 5})
    assert second is not None
    assert (second.values, second.presences) == ({"distance": 0.8}, {})
    assert says(found, {"desk": "ON", "far": 80, "battery": 6}) is None
    assert whole(says(found, {"desk": "OFF", "far": 80})) == 0.0


def test_json_of_one_key_is_evidence_each_time() -> None:
    found = claimed(one_entity(val_tpl="{{ value_json.desk }}"))
    assert [whole(says(found, {"desk": "ON"})) for _ in range(2)] == [1.0, 1.0]


def test_what_was_retained_is_what_json_is_held_against() -> None:
    found = claimed(one_entity(val_tpl="{{ value_json.desk }}"))
    says(found, {"desk": "ON", "x": 1}, retain=True)
    assert says(found, {"desk": "ON", "x": 2}) is None
    assert whole(says(found, {"desk": "OFF", "x": 2})) == 0.0


def test_a_value_that_is_null_is_not_known() -> None:
    found = claimed(one_entity(val_tpl="{{ value_json.desk }}"))
    says(found, {"desk": "ON", "x": 1})
    heard = says(found, {"desk": None, "x": 1})
    assert heard is not None
    assert heard.unknown == {"presence", "binary_sensor/desk"}
    assert says(found, {"x": 2}) is None


def test_words_are_compared_as_they_were_announced() -> None:
    booleans = claimed(one_entity(pl_on=True, pl_off=False, val_tpl="{{ value_json.a }}"))
    assert whole(says(booleans, {"a": True})) == 1.0
    turned = claimed(one_entity(pl_on="clear", pl_off="busy"))
    assert whole(says(turned, "busy")) == 0.0
    numbers = claimed(one_entity(pl_on=1, pl_off=0, val_tpl="{{ value_json.a }}"))
    assert whole(says(numbers, {"a": 1})) == 1.0
    for found, body in ((booleans, {"a": "busy"}), (turned, "ON"), (numbers, {"a": 2}), (numbers, {"a": [1]})):
        with pytest.raises(DamagedFrame):
            says(found, body)


@pytest.mark.parametrize("body", ["{", "[]", '"x"', "NaN", '{"a":' * 5000, ""])
def test_json_that_is_none_says_nothing(body: str) -> None:
    found = claimed(one_entity(val_tpl="{{ value_json.desk }}"))
    says(found, {"desk": "ON", "x": 1})
    with suppress(DamagedFrame):
        assert says(found, body) is None
    assert says(found, {"desk": "ON", "x": 1}) is None


def test_a_key_that_is_rubbish_does_not_hide_the_others() -> None:
    far = one_entity("far", "sensor", dev_cla="distance", unit_of_meas="cm", val_tpl="{{ value_json.far }}")
    found = claimed(one_entity(val_tpl="{{ value_json.desk }}"), far)
    assert whole(says(found, {"desk": "ON", "far": "1_0"})) == 1.0


@pytest.mark.parametrize(
    ("kind", "unit", "word", "value"),
    [
        ("distance", "cm", "75", 0.75),
        ("distance", "m", "0.75", 0.75),
        ("distance", "ft", "75", None),
        ("distance", None, "75", None),
        ("illuminance", "lx", "41.5", 41.5),
        ("battery", "%", "87", 87.0),
        ("distance", "cm", "nan", None),
        ("distance", "cm", "inf", None),
    ],
)
def test_numbers_are_understood_in_units_that_are_told(
    kind: str, unit: str | None, word: str, value: float | None
) -> None:
    found = claimed(one_entity("x", "sensor", dev_cla=kind, unit_of_meas=unit))
    heard = says(found, word)
    assert heard is not None
    assert heard.values == ({} if value is None else {kind: value})


@pytest.mark.parametrize(
    ("kind", "unit", "word"), [("battery", "%", "150"), ("distance", "cm", "-1"), ("distance", "m", "1_0")]
)
def test_a_number_that_cannot_be_is_damaged(kind: str, unit: str, word: str) -> None:
    found = claimed(one_entity("x", "sensor", dev_cla=kind, unit_of_meas=unit))
    with pytest.raises(DamagedFrame):
        says(found, word)


def test_one_entity_that_is_off_does_not_make_a_device_vacant_while_another_is_on() -> None:
    found = claimed(one_entity("a", stat_t="d1/a"), one_entity("b", stat_t="d1/b"), one_entity("pir", dev_cla="motion"))
    assert whole(says(found, "OFF", "d1/a")) == "unknown"
    assert whole(says(found, "ON", "d1/b")) == 1.0
    assert whole(says(found, "OFF", "d1/a")) is None
    assert whole(says(found, "ON")) is None  # motion, where there is something stronger
    assert whole(says(found, "OFF", "d1/b")) == 0.0


def test_two_devices_of_one_topic_are_heard_each() -> None:
    found = HaDiscovery()
    found.follow([Entry("d1"), Entry("d2")])
    found.decode(one_entity("a", val_tpl="{{ value_json.a }}"))
    found.decode(one_entity("b", whose="d2", val_tpl="{{ value_json.b }}"))
    heard = found.decode(message("d1/state", {"a": "ON", "b": "OFF"}))
    assert [(one.address, whole(one)) for one in heard] == [("d1", 1.0), ("d2", 0.0)]
    found.follow([Entry("d2")])
    assert [one.address for one in found.decode(message("d1/state", {"a": "OFF", "b": "ON"}))] == ["d2"]


# There or gone.


def gone_or_there(mode: str | None) -> HaDiscovery:
    listed = [{"t": "bridge"}, {"t": "d1/lwt", "val_tpl": "{{ value_json.state }}"}]
    return claimed(one_entity(avty=listed, avty_mode=mode))


def availability(found: HaDiscovery, topic: str, word: str) -> bool | None:
    heard = says(found, word if topic == "bridge" else {"state": word}, topic)
    return None if heard is None else heard.online


def test_all_availability_topics_must_say_so_when_it_is_all() -> None:
    found = gone_or_there("all")
    assert availability(found, "bridge", "online") is None
    assert availability(found, "d1/lwt", "online") is True
    assert availability(found, "bridge", "offline") is False
    assert availability(found, "d1/lwt", "online") is False
    assert availability(found, "bridge", "online") is True


def test_any_availability_topic_suffices_when_it_is_any() -> None:
    found = gone_or_there("any")
    assert availability(found, "bridge", "offline") is None
    assert availability(found, "d1/lwt", "online") is True
    assert availability(found, "d1/lwt", "offline") is False


@pytest.mark.parametrize("mode", ["latest", None, "sometimes"])
def test_the_latest_availability_counts_else(mode: str | None) -> None:
    found = gone_or_there(mode)
    assert availability(found, "bridge", "online") is True
    assert availability(found, "d1/lwt", "offline") is False
    assert availability(found, "bridge", "online") is True
    assert availability(found, "bridge", "maybe") is None


def test_the_words_of_availability_are_those_announced() -> None:
    found = claimed(one_entity(avty_t="d1/lwt", pl_avail="Online", pl_not_avail="Offline"))
    assert [says(found, word, "d1/lwt") is None for word in ("online", "Online")] == [True, False]
    assert says(found, "Offline", "d1/lwt") == Heard(device="d1", address="d1", online=False, seems="device")


def test_an_entity_that_is_gone_is_unknown_while_its_device_is_there() -> None:
    shared, own = {"t": "d1/lwt"}, {"t": "d1/a/lwt"}
    found = claimed(
        one_entity("a", stat_t="d1/a", avty=[shared, own], avty_mode="all"),
        one_entity("b", stat_t="d1/b", avty=[shared], avty_mode="all"),
    )
    says(found, "offline", "d1/a/lwt")
    heard = says(found, "online", "d1/lwt")
    assert heard is not None
    assert (heard.online, heard.unknown) == (True, {"binary_sensor/a", "presence"})
    says(found, "ON", "d1/b")
    heard = says(found, "online", "d1/lwt")
    assert heard is not None
    assert heard.unknown == {"binary_sensor/a"}


def test_who_comes_back_and_repeats_an_old_value_has_said_nothing() -> None:
    found = claimed(one_entity(val_tpl="{{ value_json.desk }}", avty_t="d1/lwt"))
    assert whole(says(found, {"desk": "OFF", "x": 1})) == 0.0
    says(found, "offline", "d1/lwt")
    says(found, "online", "d1/lwt")
    assert says(found, {"desk": "OFF", "x": 1}) is None
    assert whole(says(found, {"desk": "ON", "x": 1})) == 1.0


def test_an_unknown_of_one_entity_after_the_device_was_gone_keeps_the_whole_unknown() -> None:
    found = claimed(*(one_entity(name, stat_t=f"d1/{name}", avty_t="d1/lwt") for name in ("a", "b")))
    says(found, "ON", "d1/b")
    says(found, "offline", "d1/lwt")
    assert whole(says(found, "OFF", "d1/a")) == "unknown"
    assert whole(says(found, "OFF", "d1/b")) == 0.0


def test_off_delay_and_the_topics_of_availability_are_told() -> None:
    (heard,) = HaDiscovery().decode(one_entity(off_dly=30, avty=[{"t": "bridge"}, {"t": "d1/lwt"}], pl_avail="up"))
    assert heard.onboard is not None
    assert (heard.onboard.off_delay_s, heard.onboard.availability_topic) == (30.0, "d1/lwt")
    assert heard.onboard.payload_online == "up"


# Bounds and claims.


def test_its_memory_is_bounded_and_claimed_devices_are_never_forgotten() -> None:
    found = claimed(one_entity())
    for number in range(MOST_DEVICES + 10):
        config = {"dev_cla": "occupancy", "stat_t": "x", "dev": {"ids": f"x{number}"}}
        found.decode(message(f"homeassistant/binary_sensor/x{number}/config", config))
    assert len(found._devices) == MOST_DEVICES + 1
    for number in range(MOST_ENTITIES + 10):
        found.decode(one_entity(f"e{number}", stat_t=f"d1/{number}", avty=[{"t": f"a/{number}"}, {"t": f"b/{number}"}]))
    assert len(found._devices.get("d1").entities) == MOST_ENTITIES  # type: ignore[union-attr]
    assert len(found.subscriptions()) == 2 + MOST_TOPICS
    assert whole(says(found, "ON")) == 1.0


def test_too_many_components_are_damaged() -> None:
    with pytest.raises(DamagedFrame):
        HaDiscovery().decode(whole_device({str(number): {"p": "sensor"} for number in range(257)}))


def test_it_cannot_be_asked_and_has_no_gateway() -> None:
    found = claimed(one_entity())
    assert (found.ask("d1", NOW_MS), found.questions(NOW_MS), found.gateway_of("d1")) == ((), (), None)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (Source(), "needs device"),
        (Source(topic="x"), "needs device"),
        (Source(device="x", topic="y"), "write device and presence"),
        (Source(device="x", presence="occupancy"), "write binary_sensor/"),
    ],
)
def test_a_source_that_is_wrong_is_told_what_to_write(source: Source, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        HaDiscovery().address(source)


KEYS = st.sampled_from(
    [
        *("dev", "ids", "cns", "o", "cmps", "p", "avty", "avty_t", "avty_mode"),
        *("stat_t", "val_tpl", "pl_on", "pl_off", "dev_cla", "~", "t"),
    ]
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | KEYS, inner),
    max_leaves=20,
)


@given(
    st.sampled_from(["homeassistant/device/d1/config", "homeassistant/sensor/d1/x/config", "d1/state", "d1/lwt"]),
    st.binary() | ANY_JSON.map(lambda value: json.dumps(value).encode()),
)
def test_no_bytes_end_it(topic: str, body: bytes) -> None:
    found = claimed(one_entity(val_tpl="{{ value_json.dev.t }}", avty_t="d1/lwt"))
    with suppress(DamagedFrame):
        found.decode(Message(topic, body, None, None, False, NOW_MS))


@given(st.dictionaries(KEYS, ANY_JSON))
def test_no_announcement_ends_it(config: dict[str, Any]) -> None:
    found = HaDiscovery()
    with suppress(DamagedFrame):
        found.decode(
            message("homeassistant/binary_sensor/d1/desk/config", {"dev_cla": "occupancy", "stat_t": "a", **config})
        )
    with suppress(DamagedFrame):
        found.decode(message("homeassistant/device/d1/config", {"cmps": {"a": config, "b": config}, **config}))
