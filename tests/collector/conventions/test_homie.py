from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.conventions.convention import Entry, Heard, Message
from collector.conventions.homie import MOST_DEVICES, MOST_PROPERTIES, Homie
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

BOOLEAN = {"datatype": "boolean"}
COUNTER = "homie/5/counter-7"


def hear(homie: Homie, topic: str, payload: str, *, retain: bool = False) -> list[Heard]:
    return list(homie.decode(Message(topic, payload.encode(), None, None, retain, NOW_MS)))


def description(more: dict[str, Any] | None = None, **nodes: dict[str, Any]) -> str:
    described = {node: {"properties": properties} for node, properties in nodes.items()}
    return json.dumps({"homie": "5.0", "version": 1, "nodes": described, **(more or {})})


def counter(more: dict[str, Any] | None = None, **nodes: dict[str, Any]) -> Homie:
    homie = Homie()
    hear(homie, f"{COUNTER}/$description", description(more, **nodes), retain=True)
    return homie


@pytest.mark.parametrize("vector", [v for v in PAYLOADS if v["convention"] == "homie"], ids=lambda v: v["id"])
def test_every_vector(vector: Vector):
    assert wrong(vector, said(convention_for(vector), message_of(vector))) == {}


def test_a_verdict_has_the_name_of_node_and_property():
    (one,) = hear(counter(radar={"presence": BOOLEAN}), f"{COUNTER}/radar/presence", "true")
    assert one == Heard(
        device="counter-7", address=COUNTER, values={"presence": 1.0}, presences={"radar/presence": 1.0}
    )


def test_after_messages_were_missed_no_word_of_before_is_held_against_another():
    homie = counter(left={"presence": BOOLEAN}, right={"presence": BOOLEAN})
    for side in ("left", "right"):
        hear(homie, f"{COUNTER}/{side}/presence", "false")
    homie.missed(NOW_MS)
    (one,) = hear(homie, f"{COUNTER}/left/presence", "false")
    assert (one.values, one.unknown) == ({}, {"presence"}), "somebody may be at the right by now"
    hear(homie, f"{COUNTER}/right/presence", "false", retain=True)
    (one,) = hear(homie, f"{COUNTER}/left/presence", "false")
    assert one.values == {"presence": 0.0}, "what is retained was told again"


def test_after_messages_were_missed_a_root_is_not_gone_that_was_so_before():
    homie = counter({"root": "gw-1"}, radar={"presence": BOOLEAN})
    hear(homie, "homie/5/gw-1/$state", "lost", retain=True)
    homie.missed(NOW_MS)
    (there,) = hear(homie, f"{COUNTER}/$state", "ready", retain=True)
    assert (there.address, there.online) == (COUNTER, True)
    assert homie.gateway_of(COUNTER) == "homie/5/gw-1", "what it is stays known"


def test_nothing_is_heard_of_a_property_that_was_not_described():
    homie = Homie()
    assert hear(homie, f"{COUNTER}/radar/presence", "true") == []
    hear(homie, f"{COUNTER}/$description", description(radar={"distance": {"datatype": "float"}}))
    assert hear(homie, f"{COUNTER}/radar/distance", "1.5") == [], "no unit, no distance"


@pytest.mark.parametrize(
    ("name", "unit", "written", "values"),
    [
        ("distance", "cm", "125", {"distance": 1.25}),
        ("target-distance", "mm", "40", {"distance": 0.04}),
        ("lux", "lx", "120", {"illuminance": 120.0}),
        ("battery", "%", "88", {"battery": 88.0}),
        ("battery", "%", "888", {}),
        ("temperature", "°F", "212", {"temperature": 100.0}),
        ("people", "#", "3", {"target_count": 3.0}),
    ],
)
def test_a_quantity_is_told_in_our_unit(name: str, unit: str, written: str, values: dict[str, float]):
    homie = counter(radar={name: {"datatype": "float", "unit": unit}})
    assert hear(homie, f"{COUNTER}/radar/{name}", written)[0].values == pytest.approx(values)


def test_a_quantity_that_two_properties_measure_is_nobodys():
    metres = {"datatype": "float", "unit": "m"}
    homie = counter(left={"distance": metres}, right={"distance": metres})
    assert hear(homie, f"{COUNTER}/left/distance", "1") == []


@pytest.mark.parametrize("written", ["TRUE", "1", "on", "", " true"])
def test_a_boolean_is_true_or_false_and_nothing_else(written: str):
    homie = counter(radar={"presence": BOOLEAN})
    if written:
        with pytest.raises(DamagedFrame):
            hear(homie, f"{COUNTER}/radar/presence", written)
    else:
        (deleted,) = hear(homie, f"{COUNTER}/radar/presence", written)
        assert deleted.unknown == {"radar/presence", "presence"}


@pytest.mark.parametrize("written", ["NaN", "1_0", "1,5", "inf", "٣", "9" * 300])
def test_a_number_is_one(written: str):
    homie = counter(radar={"distance": {"datatype": "float", "unit": "m"}})
    with pytest.raises(DamagedFrame):
        hear(homie, f"{COUNTER}/radar/distance", written)


def test_words_are_verdicts_when_all_of_them_are_truth_values():
    seat = {"datatype": "enum", "format": "vacant,occupied"}
    homie = counter(seat={"occupancy": seat, "mode": {"datatype": "enum", "format": "auto,on,off"}})
    assert hear(homie, f"{COUNTER}/seat/occupancy", "occupied")[0].values == {"presence": 1.0}
    assert hear(homie, f"{COUNTER}/seat/mode", "on") == []


def test_motion_is_not_the_whole_where_there_is_presence():
    homie = counter(radar={"presence": BOOLEAN, "motion": BOOLEAN, "door": BOOLEAN})
    (still,) = hear(homie, f"{COUNTER}/radar/motion", "false")
    assert still.values == {}
    assert still.presences == {"radar/motion": 0.0}
    assert hear(homie, f"{COUNTER}/radar/door", "true")[0].presences == {"radar/door": 1.0}


def test_two_zones_are_vacant_together_and_occupied_by_one():
    homie = counter(left={"presence": BOOLEAN}, right={"presence": BOOLEAN})

    def whole(node: str, word: str) -> float | None:
        return hear(homie, f"{COUNTER}/{node}/presence", word)[0].values.get("presence")

    assert [whole("left", "false"), whole("right", "true"), whole("left", "false"), whole("right", "false")] == [
        None,
        1.0,
        None,
        0.0,
    ]
    hear(homie, f"{COUNTER}/$state", "init")
    assert whole("left", "false") is None, "what was before the restart holds no more"


@pytest.mark.parametrize(
    ("state", "online", "void"),
    [
        ("ready", True, False),
        ("sleeping", True, False),
        ("init", None, True),
        ("alert", True, True),
        ("disconnected", False, False),
        ("lost", False, False),
        ("", False, False),
    ],
)
def test_states(state: str, online: bool | None, void: bool):
    (one,) = hear(counter(radar={"presence": BOOLEAN}), f"{COUNTER}/$state", state, retain=True)
    assert one.online is online
    assert one.unknown == ({"presence", "radar/presence"} if void else frozenset())


@pytest.mark.parametrize("state", ["init", "alert"])
def test_what_has_no_verdict_has_none_that_could_be_unknown(state: str):
    lamp = counter(lamp={"brightness": {"datatype": "integer"}})
    for homie, topic in ((lamp, COUNTER), (Homie(), "homie/5/gw-1")):
        (one,) = hear(homie, f"{topic}/$state", state)
        assert one.unknown == frozenset()


def test_an_unknown_state_is_damaged():
    with pytest.raises(DamagedFrame):
        hear(Homie(), f"{COUNTER}/$state", "dancing")


ROOT = "homie/5/gw-1"
GONE = Heard(device="gw-1", address=ROOT, online=False, scope="gateway")
BACK = Heard(device="gw-1", address=ROOT, online=True, scope="gateway")


def test_children_are_lost_with_their_root():
    homie = counter({"root": "gw-1", "parent": "gw-1"}, radar={"presence": BOOLEAN})
    assert homie.gateway_of(COUNTER) == ROOT
    assert hear(homie, f"{ROOT}/$state", "lost")[1] == GONE
    assert hear(homie, f"{ROOT}/$state", "ready")[1] == BACK


def test_a_child_that_says_ready_behind_a_lost_root_is_not_there():
    homie = Homie()
    hear(homie, f"{ROOT}/$state", "lost", retain=True)
    child = Heard(device="counter-7", address=COUNTER)
    assert hear(homie, f"{COUNTER}/$description", description({"root": "gw-1"}), retain=True) == [child, GONE]
    assert hear(homie, f"{COUNTER}/$state", "ready", retain=True) == [child, GONE]
    hear(homie, f"{ROOT}/$state", "ready")
    assert hear(homie, f"{COUNTER}/$state", "ready")[0].online is True


def test_a_verdict_that_is_described_no_more_is_unknown():
    homie = counter(radar={"presence": BOOLEAN, "motion": BOOLEAN})
    (one,) = hear(homie, f"{COUNTER}/$description", description(pir={"motion": BOOLEAN}))
    assert one.unknown == {"presence", "radar/presence", "radar/motion"}
    (gone,) = hear(homie, f"{COUNTER}/$description", "")
    assert gone.unknown == {"presence", "pir/motion"}


def test_homie_4_describes_itself_topic_by_topic():
    homie = Homie()
    at = "homie/counter-7"
    assert hear(homie, f"{at}/radar/$properties", "presence,distance", retain=True) == []
    for name, value in {
        "presence/$datatype": "boolean",
        "distance/$unit": "cm",
        "distance/$datatype": "float",
        "distance/$name": "Distance",
    }.items():
        assert hear(homie, f"{at}/radar/{name}", value, retain=True) == []
    assert hear(homie, f"{at}/radar/presence", "true") == [
        Heard(device="counter-7", address=at, values={"presence": 1.0}, presences={"radar/presence": 1.0})
    ]
    assert hear(homie, f"{at}/radar/distance", "80")[0].values == {"distance": 0.8}
    assert hear(homie, f"{at}/$state", "alert")[0].online is True
    assert hear(homie, f"{at}/radar/presence/$datatype", "string")[0].unknown == {"presence", "radar/presence"}


@pytest.mark.parametrize(
    "below",
    ["$log/warn", "radar/presence/set", "radar/presence/$target", "$alert/x", "radar/$name", "radar", "a/b/c/d"],
)
def test_what_is_no_value_state_or_description_says_nothing(below: str):
    assert hear(counter(radar={"presence": BOOLEAN}), f"{COUNTER}/{below}", "true") == []


@pytest.mark.parametrize(
    "topic", ["homie/$broadcast/alert", "homie/5", "homie/5/$broadcast/x", "homie/x", "homie//a/b"]
)
def test_what_names_no_device_says_nothing(topic: str):
    assert hear(Homie(), topic, "true") == []


@pytest.mark.parametrize("body", ["[]", "{", '{"nodes":[]}', '{"nodes":{"a":{"properties":{"b":7}}}}', "[" * 9000])
def test_a_description_that_is_none_is_damaged_and_the_former_stands(body: str):
    homie = counter(radar={"presence": BOOLEAN})
    with pytest.raises(DamagedFrame):
        hear(homie, f"{COUNTER}/$description", body)
    assert hear(homie, f"{COUNTER}/radar/presence", "true")


@given(st.sampled_from(["$state", "$description", "radar/presence", "radar/d/$unit"]), st.binary(max_size=120))
def test_no_bytes_break_it(below: str, payload: bytes):
    homie = counter(radar={"presence": BOOLEAN})
    for device in (COUNTER, "homie/counter-7"):
        with suppress(DamagedFrame):
            homie.decode(Message(f"{device}/{below}", payload, None, None, False, NOW_MS))


def test_other_roots_come_from_the_entries():
    homie = Homie()
    assert not homie.owns("mpp/lantai1/5/counter-7/$state")
    homie.follow([Entry("mpp/lantai1/5/counter-7"), Entry("mpp/counter-8"), Entry("homie/5/x")])
    assert [one.topic_filter for one in homie.subscriptions()] == ["homie/#", "mpp/#"]
    (one,) = hear(homie, "mpp/lantai1/5/counter-7/$state", "ready")
    assert (one.device, one.address) == ("counter-7", "mpp/lantai1/5/counter-7")
    assert hear(homie, "mpp/counter-8/$state", "ready")[0].address == "mpp/counter-8"


@pytest.mark.parametrize("topic", [None, "homie", "homie/5", "homie/5/", "homie/+/x", "homie/5/$state", "5/x"])
def test_a_source_that_cannot_be_is_refused(topic: str | None):
    with pytest.raises(ValueError, match="homie/5/counter-7"):
        Homie().address(Source(topic=topic))


def test_a_source_is_the_topic_of_the_device():
    homie = Homie()
    assert homie.address(Source(topic=COUNTER)) == COUNTER
    assert homie.source(COUNTER) == {"topic": COUNTER}
    with pytest.raises(ValueError):
        homie.address(Source(topic=COUNTER, device="counter-7"))


def test_a_flood_of_devices_pushes_out_no_claimed_one_nor_its_root():
    homie = counter({"root": "gw-1"}, radar={"presence": BOOLEAN})
    homie.follow([Entry(COUNTER, "radar/presence")])
    for n in range(2 * MOST_DEVICES):
        hear(homie, f"homie/5/x{n}/$state", "ready")
    assert hear(homie, f"{COUNTER}/radar/presence", "true")
    assert hear(homie, f"{ROOT}/$state", "lost")[1] == GONE
    assert len(homie._devices) <= MOST_DEVICES + 2


def test_a_device_has_bounded_many_properties():
    many = {f"p{n}": BOOLEAN for n in range(MOST_PROPERTIES + 1)}
    with pytest.raises(DamagedFrame):
        hear(Homie(), f"{COUNTER}/$description", description(node=many))
    homie = Homie()
    for n in range(MOST_PROPERTIES):
        hear(homie, f"homie/x/node/p{n}/$datatype", "boolean")
    with pytest.raises(DamagedFrame):
        hear(homie, "homie/x/node/another/$datatype", "boolean")
