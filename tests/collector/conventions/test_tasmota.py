"""Tasmota: the vectors, and what a device's discovery, its silence and its rules change."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from collector.conventions.convention import ANY, Entry, Heard, Message, Question
from collector.conventions.tasmota import Tasmota
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

VECTORS = [vector for vector in PAYLOADS if vector["convention"] == "tasmota"]
MAC = "00000049A3BC"
CONFIG: dict[str, Any] = {
    "t": "hall",
    "ft": "kantor/%prefix%/%topic%/",
    "tp": ["cmnd", "stat", "tele"],
    "onln": "Nyala",
    "ofln": "Mati",
    "state": ["MATI", "NYALA", "TOGGLE", "HOLD"],
    "swc": [1, -1],
    "swn": ["PIR", None],
    "so": {"114": 0},
    "md": "ESP32-DevKit",
    "sw": "14.3.0",
    "mac": MAC,
    "hn": "tasmota-hall-1",
}


def message(topic: str, payload: object, *, retain: bool = False) -> Message:
    body = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
    return Message(topic, body, None, None, retain, NOW_MS)


def heard(tasmota: Tasmota, topic: str, payload: object) -> Heard:
    [one] = tasmota.decode(message(topic, payload))
    return one


def claiming(*addresses: str, config: dict[str, Any] | None = None) -> Tasmota:
    tasmota = Tasmota()
    tasmota.follow([Entry(address, None, None, config) for address in addresses])
    return tasmota


def discover(tasmota: Tasmota, **changes: Any) -> list[Heard]:
    topic = f"tasmota/discovery/{MAC}/config"
    return list(tasmota.decode(message(topic, CONFIG | changes, retain=True)))


def filters(tasmota: Tasmota) -> list[str]:
    return [subscription.topic_filter for subscription in tasmota.subscriptions()]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["id"]))
def test_vector(vector: Vector) -> None:
    assert wrong(vector, said(convention_for(vector), message_of(vector))) == {}


def test_an_ld2410_that_sees_nobody_says_vacant_and_no_distance() -> None:
    one = heard(Tasmota(), "tele/a/SENSOR", {"LD2410": {"Distance": [0.0, 0.0, 0.0], "Energy": [0, 0]}})
    assert one.values == {"presence": 0.0, "moving_energy": 0.0, "still_energy": 0.0}
    assert one.presences == {"LD2410": 0.0}


def test_an_ld2410_gives_metres_in_the_order_moving_still_detection() -> None:
    one = heard(Tasmota(), "tele/a/SENSOR", {"LD2410": {"Distance": [75.0, 73.0, 72.0], "Energy": [94, 100]}})
    assert one.values == {
        "presence": 1.0,
        "moving_distance": 0.75,
        "still_distance": 0.73,
        "distance": 0.72,
        "moving_energy": 94.0,
        "still_energy": 100.0,
    }


def test_people_of_an_ld2410s_is_no_head_count() -> None:
    one = heard(Tasmota(), "tele/a/SENSOR", {"LD2410S": {"Distance": 196.0, "People": 3}})
    assert one.values == {"presence": 1.0, "distance": 1.96}
    assert heard(Tasmota(), "tele/a/SENSOR", {"LD2410S": {"Distance": 90.0, "People": 1}}).values == {"presence": 0.0}


@pytest.mark.parametrize("people", [4, -1, True, "2", None, 1.5, [2]])
def test_another_number_of_people_is_damage(people: object) -> None:
    with pytest.raises(DamagedFrame):
        heard(Tasmota(), "tele/a/SENSOR", {"LD2410S": {"Distance": 90.0, "People": people}})


def test_where_a_radar_is_a_switch_does_not_speak_for_the_whole() -> None:
    tasmota = Tasmota()
    both = heard(tasmota, "tele/a/SENSOR", {"Switch1": "OFF", "LD2410": {"Distance": [9, 0, 9], "Energy": [50, 0]}})
    assert both.values["presence"] == 1.0
    assert both.presences == {"Switch1": 0.0, "LD2410": 1.0}
    event = heard(tasmota, "stat/a/RESULT", {"Switch1": {"Action": "OFF"}})
    assert event.presences == {"Switch1": 0.0}
    assert "presence" not in event.values


def test_every_switch_can_be_claimed_by_its_number() -> None:
    one = heard(Tasmota(), "tele/a/SENSOR", {"Switch1": "OFF", "Switch3": "ON"})
    assert one.presences == {"Switch1": 0.0, "Switch3": 1.0}
    assert one.values == {"presence": 0.0}


def test_a_switch_with_a_text_of_its_own_can_be_claimed_by_it_before_discovery() -> None:
    one = heard(Tasmota(), "tele/a/SENSOR", {"Time": "2024-09-20T22:40:31", "PIR": "ON", "TempUnit": "C"})
    assert one.presences == {"PIR": 1.0}
    assert one.values == {}


def test_discovery_tells_words_and_names_of_switches() -> None:
    tasmota = claiming("hall")
    discover(tasmota)
    one = heard(tasmota, "kantor/tele/hall/SENSOR", {"PIR": "NYALA"})
    assert one.presences == {"PIR": 1.0, "Switch1": 1.0}
    assert one.values == {"presence": 1.0}
    assert heard(tasmota, "kantor/tele/hall/LWT", "Mati").online is False
    with pytest.raises(DamagedFrame):
        heard(tasmota, "kantor/tele/hall/LWT", "Offline")


def test_a_word_that_is_no_state_of_a_switch_is_unknown() -> None:
    one = heard(Tasmota(), "tele/a/SENSOR", {"Switch1": "HOLD", "Switch2": "ON"})
    assert one.unknown == {"Switch1", "presence"}
    assert one.presences == {"Switch2": 1.0}


def test_a_toggle_says_only_that_the_switch_is_no_longer_what_it_was() -> None:
    one = heard(Tasmota(), "stat/a/RESULT", {"Switch1": {"Action": "TOGGLE"}})
    assert one.unknown == {"Switch1", "presence"}
    assert one.values == {} == one.presences


@pytest.mark.parametrize(
    "result",
    [
        {"POWER": "ON"},
        {"POWER1": {"Action": "ON"}},
        {"LedState": "ON"},
        {"SetOption114": "ON"},
        {"Button1": {"Action": "ON"}},
        {"SwitchMode1": 1},
        {"SwitchText1": "PIR"},
        {"Rule1": {"State": "ON", "Once": "OFF"}},
    ],
)
def test_relays_buttons_and_answers_to_commands_are_no_presence(result: object) -> None:
    assert heard(Tasmota(), "stat/a/RESULT", result) == Heard(device="a", address="a")


@pytest.mark.parametrize("leaf", ["POWER", "POWER1", "LOGGING", "STATUS5"])
def test_other_topics_only_show_that_the_device_lives(leaf: str) -> None:
    assert heard(Tasmota(), f"stat/a/{leaf}", "ON" if leaf.startswith("POWER") else "x") == Heard(
        device="a", address="a"
    )


def test_the_pir_of_a_rule_speaks_for_the_device() -> None:
    assert heard(Tasmota(), "stat/hallpir/PIR1", "OFF").values == {"presence": 0.0}
    assert heard(Tasmota(), "stat/hallpir/PIR1", "1").presences == {"PIR1": 1.0}
    assert heard(Tasmota(), "stat/hallpir/PIR1", "maybe").unknown == {"PIR1", "presence"}


def test_another_topic_of_a_rule_can_be_claimed_by_its_name() -> None:
    one = heard(Tasmota(), "stat/hall/OCCUPANCY", "ON")
    assert one.presences == {"OCCUPANCY": 1.0}
    assert one.values == {}


def test_the_first_switch_that_there_is_speaks_for_the_whole() -> None:
    tasmota = claiming("hall")
    discover(tasmota, swc=[-1, 15, 1], swn=[None, None, "PIR"])
    one = heard(tasmota, "kantor/tele/hall/SENSOR", {"Switch2": "NYALA", "PIR": "MATI"})
    assert one.presences == {"Switch2": 1.0, "PIR": 0.0, "Switch3": 0.0}
    assert one.values == {"presence": 1.0}
    event = heard(tasmota, "kantor/stat/hall/RESULT", {"Switch2": {"Action": "MATI"}})
    assert event.values == {"presence": 0.0}


def test_local_time_is_no_instant_and_time_with_an_offset_is() -> None:
    tasmota = Tasmota()
    assert heard(tasmota, "tele/a/SENSOR", {"Time": "2026-11-24T10:00:00", "Switch1": "ON"}).at_ms is None
    assert heard(tasmota, "tele/a/SENSOR", {"Time": "2018.02.15 01:00:50", "Switch1": "ON"}).at_ms is None
    dated = heard(tasmota, "tele/a/SENSOR", {"Time": "2026-11-24T10:00:00+07:00", "Switch1": "ON"})
    assert dated.at_ms == parse_instant("2026-11-24T03:00:00Z")


def test_light_and_air_are_told_but_not_the_temperature_of_the_chip() -> None:
    body = {
        "Switch1": "ON",
        "ESP32": {"Temperature": 53.3},
        "BH1750": {"Illuminance": 120},
        "AM2301": {"Temperature": 86.0, "Humidity": 60.0},
        "TempUnit": "F",
    }
    assert heard(Tasmota(), "tele/a/SENSOR", body).values == pytest.approx(
        {"presence": 1.0, "illuminance": 120.0, "temperature": 30.0, "humidity": 60.0}
    )


def test_a_switch_of_mode_13_never_says_off_and_nothing_is_made_of_its_silence() -> None:
    tasmota = claiming("hall")
    [announced] = discover(tasmota, swc=[13], so={"114": 1})
    assert announced.onboard is not None
    assert announced.onboard.off_delay_s == 1.0
    assert announced.onboard.payload_off is None
    assert announced.seems == "ESP32-DevKit, Tasmota 14.3.0"
    on = heard(tasmota, "kantor/stat/hall/RESULT", {"PIR": {"Action": "NYALA"}})
    assert on.values == {"presence": 1.0}
    assert heard(tasmota, "kantor/tele/hall/STATE", {}) == Heard(device="hall", address="hall")


def test_values_of_the_discovery_of_sensors_are_no_evidence() -> None:
    tasmota = Tasmota()
    sensors = {"sn": {"Switch1": "ON", "LD2410": {"Distance": [1, 1, 1], "Energy": [9, 9]}}, "ver": 1}
    topic = f"tasmota/discovery/{MAC}/sensors"
    assert tasmota.decode(message(topic, sensors)) == ()
    discover(tasmota)
    [one] = tasmota.decode(message(topic, sensors))
    assert one.values == {} == one.presences
    assert one.onboard is not None
    assert (one.onboard.state_topic, one.onboard.json_key) == ("kantor/tele/hall/SENSOR", "LD2410")


def test_a_renamed_device_takes_its_old_announcement_back() -> None:
    tasmota = Tasmota()
    discover(tasmota)
    [old, new] = discover(tasmota, t="foyer")
    assert (old.address, old.announced, old.onboard) == ("hall", True, None)
    assert (new.address, new.announced) == ("foyer", True)


def test_an_emptied_discovery_takes_the_announcement_back() -> None:
    tasmota = Tasmota()
    discover(tasmota)
    assert tasmota.decode(message(f"tasmota/discovery/{MAC}/config", "")) == (
        Heard(device="hall", address="hall", announced=True),
    )


def test_what_has_been_learnt_or_configured_is_listened_to() -> None:
    usual = ["tele/+/#", "stat/+/#", "+/tele/#", "+/stat/#", "tasmota/discovery/#"]
    tasmota = claiming("hall", "desk")
    assert filters(tasmota) == usual
    discover(tasmota)
    assert filters(tasmota) == [*usual, "kantor/stat/hall/#", "kantor/tele/hall/#"]
    assert tasmota.owns("kantor/tele/hall/SENSOR")
    configured = claiming("hall", config={"full_topic": "kantor/%prefix%/%topic%/"})
    assert filters(configured) == filters(tasmota)
    assert {subscription.qos for subscription in tasmota.subscriptions()} == {0}


def test_a_full_topic_can_be_configured_for_every_device() -> None:
    tasmota = Tasmota()
    tasmota.follow([Entry(ANY, None, None, {"full_topic": "a/b/%topic%/%prefix%/"}), Entry("desk")])
    assert heard(tasmota, "a/b/desk/tele/SENSOR", {"Switch1": "ON"}).address == "desk"


def test_other_claims_forget_nothing_that_was_learnt() -> None:
    tasmota = claiming("hall")
    discover(tasmota)
    tasmota.follow([Entry("hall"), Entry("desk")])
    assert heard(tasmota, "kantor/tele/hall/LWT", "Nyala").online is True


def test_a_device_is_asked_by_its_full_topic_or_by_both_usual_ones() -> None:
    tasmota = claiming("hall")
    assert tasmota.ask("hall", NOW_MS) == [Question("cmnd/hall/STATUS", b"10"), Question("hall/cmnd/STATUS", b"10")]
    discover(tasmota, ft="%hostname%/%id%/%prefix%/%topic%/")
    assert tasmota.ask("hall", NOW_MS) == [Question(f"tasmota-hall-1/{MAC}/cmnd/hall/STATUS", b"10")]


def test_the_answer_to_a_question_is_a_fresh_reading() -> None:
    tasmota = claiming("hall")
    one = heard(tasmota, "stat/hall/STATUS10", {"StatusSNS": {"Time": "2026-11-24T10:00:00", "Switch1": "OFF"}})
    assert one.values == {"presence": 0.0}
    with pytest.raises(DamagedFrame):
        heard(tasmota, "stat/hall/STATUS10", {"Status": {}})


@pytest.mark.parametrize(
    ("topic", "owned"),
    [
        ("tele/a/SENSOR", True),
        ("tele/room/a/SENSOR", True),
        ("a/stat/RESULT", True),
        ("cmnd/a/POWER", True),
        ("tasmota/discovery/00/config", True),
        ("tele/SENSOR", False),
        ("zigbee2mqtt/a", False),
        ("a/b/tele/SENSOR", False),
        ("a/status", False),
    ],
)
def test_topics_are_owned_by_their_shape(topic: str, owned: bool) -> None:
    assert Tasmota().owns(topic) is owned


@pytest.mark.parametrize(
    "payload", ["", "{", "[]", "null", '"ON"', '{"LD2410":{}}', '{"Switch1":' + "[" * 5000, "\x00", '{"Time":9e999}']
)
@pytest.mark.parametrize("topic", ["tele/a/SENSOR", "stat/a/STATUS10", "stat/a/RESULT", "tasmota/discovery/1/config"])
def test_bad_payloads_are_damage_or_nothing(topic: str, payload: str) -> None:
    with contextlib.suppress(DamagedFrame):
        assert not [one for one in Tasmota().decode(message(topic, payload)) if one.values or one.presences]


@pytest.mark.parametrize(
    "changes",
    [{"ft": "%topic%/"}, {"ft": "%prefix%/%topic%/%what%"}, {"t": "a/+"}, {"t": ""}, {"swn": ["x"] * 40}, {"tp": []}],
)
def test_a_discovery_that_cannot_be_is_damage_and_changes_nothing(changes: dict[str, Any]) -> None:
    tasmota = claiming("hall")
    discover(tasmota)
    with pytest.raises(DamagedFrame):
        discover(tasmota, **changes)
    assert heard(tasmota, "kantor/tele/hall/LWT", "Nyala").online is True


def test_memory_is_bounded_and_keeps_the_claimed() -> None:
    tasmota = claiming("hall")
    discover(tasmota)
    for n in range(3000):
        tasmota.decode(message(f"tasmota/discovery/{n:012X}/config", CONFIG | {"t": f"t{n}"}))
    assert len(tasmota._devices) == 1025
    assert len(tasmota._macs) == 1024
    assert len(tasmota._bases) <= 6 * 1026
    assert heard(tasmota, "kantor/tele/hall/LWT", "Nyala").online is True


def test_a_source_names_the_topic_of_the_device() -> None:
    tasmota = Tasmota()
    source = Source(convention="tasmota", topic="kantor/hall", config={"full_topic": "%topic%/%prefix%/"})
    assert tasmota.address(source) == "kantor/hall"
    assert tasmota.source("hall") == {"topic": "hall"}


@pytest.mark.parametrize(
    ("source", "part"),
    [
        (Source(), "topic: tasmota_26A908"),
        (Source(topic="tele/a/SENSOR"), "without tele, stat, cmnd"),
        (Source(topic="a/#"), "none of a device"),
        (Source(topic="a", device="b"), "leave them out"),
        (Source(topic="a", config={"ft": "x"}), "config.ft is not known"),
        (Source(topic="a", config={"full_topic": "%topic%/"}), "needs %topic% and %prefix%"),
    ],
)
def test_a_source_that_cannot_be_says_what_to_write(source: Source, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        Tasmota().address(source)


def test_the_discovery_of_more_devices_than_are_kept_unclaimed_costs_each_the_same() -> None:
    names = [f"d{n}" for n in range(1200)]
    tasmota = claiming(*names)
    times = []
    for n, name in enumerate(names):
        before = tasmota._bases
        discover(tasmota, t=name, mac=f"{n:012X}")
        times.append(tasmota._bases is not before)
    for n in range(3000):
        before = tasmota._bases
        discover(tasmota, t=f"stranger{n}", mac=f"F{n:011X}")
        times.append(tasmota._bases is not before)
    assert sum(times) < 6  # how often all topics were found anew
