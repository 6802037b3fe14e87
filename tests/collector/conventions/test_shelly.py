"""Shelly: the vectors, and what a delta, a gateway, an answer and a repetition say."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from typing import Any

import pytest

from collector.conventions.convention import ANY, Entry, Heard, Message
from collector.conventions.shelly import Shelly
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

VECTORS = [vector for vector in PAYLOADS if vector["convention"] == "shelly"]
G4 = "shellypresenceg4-0cdc7ef7a1b4"
GATEWAY = "shellyblugwg3-aabbccddeeff"
BLU = "b0:c7:de:06:9f:81"
TS = 1_760_601_600
TS_MS = TS * 1000


def message(topic: str, payload: object, *, retain: bool = False) -> Message:
    body = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
    return Message(topic, body, None, None, retain, NOW_MS)


def heard(shelly: Shelly, topic: str, payload: object, *, retain: bool = False) -> Sequence[Heard]:
    return shelly.decode(message(topic, payload, retain=retain))


def notify(shelly: Shelly, prefix: str, method: str = "NotifyStatus", **components: Any) -> Heard:
    """The one thing heard of components, `presencezone_200` for `presencezone:200`."""
    params = {"ts": TS} | {key.replace("_", ":"): body for key, body in components.items()}
    [one] = heard(shelly, f"{prefix}/events/rpc", {"src": prefix, "method": method, "params": params})
    return one


def claiming(address: str, **config: Any) -> Shelly:
    shelly = Shelly()
    shelly.follow([Entry(address, None, None, {key.replace("_", ":"): value for key, value in config.items()})])
    return shelly


def answer(shelly: Shelly, prefix: str, result: object) -> Sequence[Heard]:
    topic = f"hadir-collector/{prefix}/rpc"
    return heard(shelly, topic, {"id": 2, "src": prefix, "dst": f"hadir-collector/{prefix}", "result": result})


def bthome(key: str, status: dict[str, Any], **config: Any) -> dict[str, Any]:
    return {"key": key, "status": {"id": 202} | status, "config": {"id": 202} | config}


def blu(pid: int, **service_data: Any) -> dict[str, Any]:
    return {"addr": BLU, "rssi": -61, "service_data": {"encryption": False, "pid": pid} | service_data}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["id"]))
def test_vector(vector: Vector) -> None:
    assert wrong(vector, said(convention_for(vector), message_of(vector))) == {}


def test_zones_can_be_claimed_one_by_one() -> None:
    one = notify(Shelly(), G4, presencezone_200={"value": True}, presencezone_201={"value": False})
    assert one.presences == {"presencezone:200": 1.0, "presencezone:201": 0.0}
    assert one.values == {"presence": 1.0}
    assert (one.at_ms, one.seems) == (TS_MS, "shellypresenceg4")


def test_one_zone_that_empties_does_not_empty_the_device_while_another_is_occupied() -> None:
    shelly = Shelly()
    notify(shelly, G4, presencezone_200={"value": True})
    one = notify(shelly, G4, presencezone_201={"value": False})
    assert one.presences == {"presencezone:201": 0.0}
    assert one.values == {}
    assert notify(shelly, G4, presencezone_200={"value": False}).values == {"presence": 0.0}


def test_a_component_that_is_absent_from_a_delta_is_as_it_was() -> None:
    shelly = Shelly()
    notify(shelly, G4, presencezone_200={"value": True})
    assert notify(shelly, G4, sys={"cfg_rev": 3}) == Heard(device=G4, address=G4, at_ms=TS_MS, seems="shellypresenceg4")
    assert notify(shelly, G4, presencezone_200={"num_objects": 2}).presences == {}


def test_a_null_makes_a_zone_unknown_and_the_device_with_it_unless_another_sees_somebody() -> None:
    shelly = Shelly()
    notify(shelly, G4, presencezone_200={"value": False}, presencezone_201={"value": False})
    assert notify(shelly, G4, presencezone_200={"value": None}).unknown == {"presencezone:200", "presence"}
    still = notify(shelly, G4, presencezone_201={"value": False})
    assert (still.values, still.unknown) == ({}, {"presence"})
    assert notify(shelly, G4, presencezone_201={"value": True}).values == {"presence": 1.0}
    assert notify(shelly, G4, presencezone_200={"value": None}).unknown == {"presencezone:200"}


def test_a_full_status_replaces_what_was_known() -> None:
    shelly = Shelly()
    notify(shelly, G4, presencezone_200={"value": True}, presencezone_201={"value": False})
    one = notify(shelly, G4, "NotifyFullStatus", presencezone_201={"value": False}, sys={})
    assert one.values == {"presence": 0.0}


def test_a_full_status_without_components_that_people_add_leaves_those_as_they_were() -> None:
    shelly = Shelly()
    notify(shelly, G4, presencezone_200={"value": True})
    notify(shelly, G4, "NotifyFullStatus", sys={}, wifi={})
    assert notify(shelly, G4, presencezone_201={"value": False}).values == {}


def test_what_was_known_ends_with_the_connection() -> None:
    shelly = Shelly()
    notify(shelly, G4, presencezone_200={"value": True})
    [gone] = heard(shelly, f"{G4}/online", "false", retain=True)
    assert (gone.online, gone.scope) == (False, "sensor")
    still = notify(shelly, G4, presencezone_201={"value": False})
    assert (still.values, still.unknown) == ({}, {"presence"}), "of zone 200 it is only known that it is there"
    assert notify(shelly, G4, presencezone_200={"value": False}).values == {"presence": 0.0}


def test_the_one_zone_that_was_ever_heard_of_is_the_device() -> None:
    shelly = Shelly()
    assert notify(shelly, G4, presencezone_200={"value": False}).values == {"presence": 0.0}
    heard(shelly, f"{G4}/online", "true")
    assert notify(shelly, G4, presencezone_200={"value": False}).values == {"presence": 0.0}


def test_after_a_full_status_and_a_new_connection_one_empty_zone_does_not_empty_the_device() -> None:
    shelly = Shelly()
    zones = {"presencezone_200": {"value": False}, "presencezone_201": {"value": False}}
    assert notify(shelly, G4, "NotifyFullStatus", **zones).values == {"presence": 0.0}
    heard(shelly, f"{G4}/online", "true")
    assert notify(shelly, G4, presencezone_200={"value": False}).unknown == {"presence"}
    assert notify(shelly, G4, presencezone_201={"value": False}).values == {"presence": 0.0}


def test_a_zone_that_was_taken_away_is_not_waited_for_once_the_device_told_which_it_has() -> None:
    shelly = Shelly()
    notify(shelly, G4, presencezone_200={"value": True}, presencezone_201={"value": False})
    heard(shelly, f"{G4}/online", "true")
    left = {"key": "presencezone:201", "status": {"value": False}}
    [one] = answer(shelly, G4, {"components": [left], "offset": 1, "total": 2})
    assert one.unknown == {"presence"}, "there is more"
    [one] = answer(shelly, G4, {"components": [left], "offset": 0, "total": 1})
    assert one.values == {"presence": 0.0}


def test_a_bthome_detector_without_a_value_is_one_whose_word_is_not_known() -> None:
    shelly = claiming(GATEWAY, bthomesensor_202="motion", bthomesensor_203="motion")
    notify(shelly, GATEWAY, bthomesensor_203={"last_updated_ts": TS})
    assert notify(shelly, GATEWAY, bthomesensor_202={"value": False, "last_updated_ts": TS}).unknown == {"presence"}


def test_a_sensor_with_two_detectors_is_empty_when_both_say_so() -> None:
    shelly = Shelly()
    both = [
        bthome("bthomesensor:202", {"value": None}, obj_id=33, addr=BLU),
        bthome("bthomesensor:203", {"value": None}, obj_id=37, addr=BLU),
    ]
    answer(shelly, GATEWAY, {"components": both, "offset": 0, "total": 2})

    def of_sensor(**components: Any) -> Heard:
        params = {key.replace("_", ":"): {"last_updated_ts": TS} | body for key, body in components.items()}
        told = {"src": GATEWAY, "method": "NotifyStatus", "params": params}
        [one] = [one for one in heard(shelly, f"{GATEWAY}/events/rpc", told) if one.address == BLU]
        return one

    still = of_sensor(bthomesensor_202={"value": False})
    assert (still.values, still.presences, still.unknown) == ({}, {"motion": 0.0}, {"presence"})
    here = of_sensor(bthomesensor_203={"value": True})
    assert (here.values, here.presences, here.unknown) == ({"presence": 1.0}, {"presence": 1.0}, frozenset())
    still = of_sensor(bthomesensor_202={"value": False})
    assert (still.values, still.unknown) == ({}, frozenset()), "the other sees somebody"
    lost = of_sensor(bthomesensor_203={"value": None})
    assert (lost.values, lost.presences, lost.unknown) == ({}, {}, {"presence"})
    of_sensor(bthomesensor_202={"value": True})
    lost = of_sensor(bthomesensor_203={"value": None})
    assert (lost.values, lost.unknown) == ({}, frozenset()), "the other sees somebody"
    of_sensor(bthomesensor_202={"value": False})
    assert of_sensor(bthomesensor_203={"value": False}).values == {"presence": 0.0}
    of_sensor(bthomesensor_202={"value": None})
    still = of_sensor(bthomesensor_203={"value": False})
    assert (still.values, still.presences, still.unknown) == ({}, {}, {"presence"}), "one name is not both"


def test_who_was_seen_first_was_there_though_another_detector_saw_nobody_later() -> None:
    shelly = claiming(GATEWAY, bthomesensor_202="motion", bthomesensor_203="motion")
    params = {
        "bthomesensor:203": {"value": False, "last_updated_ts": TS + 10},
        "bthomesensor:202": {"value": True, "last_updated_ts": TS},
    }
    told = heard(shelly, f"{GATEWAY}/events/rpc", {"src": GATEWAY, "method": "NotifyStatus", "params": params})
    assert [(one.at_ms, one.values) for one in told] == [(TS_MS, {"presence": 1.0}), (TS_MS + 10_000, {})]


def test_a_replayed_online_says_nothing_about_what_is_known() -> None:
    shelly = Shelly()
    notify(shelly, G4, presencezone_200={"value": True})
    heard(shelly, f"{G4}/online", "true", retain=True)
    assert notify(shelly, G4, presencezone_201={"value": False}).values == {}


def test_after_messages_were_missed_no_word_of_before_is_held_against_another() -> None:
    shelly = Shelly()
    notify(shelly, G4, presencezone_200={"value": True}, presencezone_201={"value": False})
    shelly.missed(NOW_MS)
    still = notify(shelly, G4, presencezone_201={"value": False})
    assert (still.values, still.unknown) == ({}, {"presence"}), "zone 200 may be empty by now"
    assert notify(shelly, G4, presencezone_200={"value": False}).values == {"presence": 0.0}


def test_after_messages_were_missed_a_bthome_sensor_heard_again_does_not_repeat_its_value() -> None:
    shelly = claiming(GATEWAY, bthomesensor_202="motion")
    notify(shelly, GATEWAY, bthomesensor_202={"value": True, "last_updated_ts": TS})
    shelly.missed(NOW_MS)
    again = notify(shelly, GATEWAY, bthomesensor_202={"last_updated_ts": TS + 60})
    assert (again.values, again.presences) == ({}, {})


def test_a_broadcast_that_comes_again_after_messages_were_missed_is_no_evidence() -> None:
    shelly = Shelly()
    heard(shelly, "b0c7de069f81", blu(2, motion=1))
    shelly.missed(NOW_MS)
    [again] = heard(shelly, "b0c7de069f81", blu(2, motion=1))
    assert (again.values, again.presences) == ({}, {})


def test_the_count_of_the_room_speaks_for_a_device_without_zones_only() -> None:
    shelly = Shelly()
    assert notify(shelly, G4, presence={"num_objects": 2}).values == {"presence": 1.0, "target_count": 2.0}
    assert notify(shelly, G4, presence={"num_objects": 0}).values == {"presence": 0.0, "target_count": 0.0}
    one = notify(shelly, G4, presence={"num_objects": 1}, presencezone_200={"value": False})
    assert one.values == {"presence": 0.0, "target_count": 1.0}


@pytest.mark.parametrize("ts", [None, 0, -1, "x", 1e30])
def test_a_device_without_a_clock_dates_nothing(ts: object) -> None:
    params = {"ts": ts, "presencezone:200": {"value": True}}
    [one] = heard(Shelly(), f"{G4}/events/rpc", {"method": "NotifyStatus", "params": params})
    assert (one.at_ms, one.values) == (None, {"presence": 1.0})


def test_an_input_speaks_for_the_whole_only_where_the_operator_says_so() -> None:
    by_name = notify(Shelly(), "shellyplus1-1", input_0={"state": True})
    assert (by_name.presences, by_name.values) == ({"input:0": 1.0}, {})
    one = notify(claiming("shellyplus1-1", input_0="occupancy"), "shellyplus1-1", input_0={"state": True})
    assert (one.presences, one.values) == ({"input:0": 1.0}, {"presence": 1.0})


def test_light_and_battery_are_told() -> None:
    one = notify(Shelly(), G4, illuminance_0={"lux": 312}, devicepower_0={"battery": {"V": 5.9, "percent": 88}})
    assert one.values == {"illuminance": 312.0, "battery": 88.0}


def test_a_status_topic_holds_one_component_whole() -> None:
    [one] = heard(Shelly(), f"{G4}/status/presencezone:200", {"id": 200, "value": False, "num_objects": 0})
    assert one.values == {"presence": 0.0, "target_count": 0.0}
    assert one.at_ms is None


def test_a_bthome_sensor_says_nothing_until_its_meaning_is_known_which_is_then_asked_for_once() -> None:
    shelly = claiming(GATEWAY)
    for _ in range(2):
        one = notify(shelly, GATEWAY, bthomesensor_202={"value": True, "last_updated_ts": TS})
        assert one.values == {} == one.presences
    [question] = shelly.questions(NOW_MS)
    assert question.topic == f"{GATEWAY}/rpc"
    assert json.loads(question.payload)["method"] == "Shelly.GetComponents"
    assert json.loads(question.payload)["src"] == f"hadir-collector/{GATEWAY}"
    assert shelly.questions(NOW_MS) == []


@pytest.mark.parametrize(("obj_id", "part"), [(33, "motion"), (35, "occupancy"), (37, "presence")])
def test_an_answer_tells_what_bthome_sensors_measure_and_whose_they_are(obj_id: int, part: str) -> None:
    shelly = claiming(GATEWAY)
    sensor = bthome("bthomesensor:202", {"value": True, "last_updated_ts": TS}, obj_id=obj_id, addr=BLU.upper())
    gateway, sensor_heard = answer(shelly, GATEWAY, {"components": [sensor], "offset": 0, "total": 1})
    assert (gateway.address, gateway.presences, gateway.at_ms) == (GATEWAY, {"bthomesensor:202": 1.0}, TS_MS)
    assert (sensor_heard.address, sensor_heard.presences, sensor_heard.at_ms) == (BLU, {part: 1.0}, TS_MS)
    assert sensor_heard.values == {"presence": 1.0}
    assert shelly.gateway_of(BLU) == GATEWAY


def test_the_next_page_of_an_answer_is_asked_for() -> None:
    shelly = claiming(GATEWAY)
    answer(shelly, GATEWAY, {"components": [bthome("bthomesensor:202", {}, obj_id=33)], "offset": 0, "total": 2})
    [question] = shelly.questions(NOW_MS)
    assert json.loads(question.payload)["params"]["offset"] == 1
    answer(shelly, GATEWAY, {"components": [], "offset": 1, "total": 2})
    assert shelly.questions(NOW_MS) == []


def paired(*addresses: str) -> Shelly:
    """A gateway with one BLU sensor, both known."""
    shelly = Shelly()
    shelly.follow([Entry(address) for address in addresses])
    components = [
        bthome("bthomesensor:202", {"value": False, "last_updated_ts": TS - 3600}, obj_id=33, addr=BLU),
        bthome("bthomedevice:200", {"battery": 90, "last_updated_ts": TS - 3600}, addr=BLU),
    ]
    answer(shelly, GATEWAY, {"components": components, "offset": 0, "total": 2})
    return shelly


def test_a_gateway_that_goes_says_so_for_the_sensors_behind_it() -> None:
    shelly = paired(GATEWAY, BLU)
    assert [(one.scope, one.online) for one in heard(shelly, f"{GATEWAY}/online", "false")] == [
        ("sensor", False),
        ("gateway", False),
    ]


def test_a_sensor_is_asked_through_its_gateway() -> None:
    shelly = paired(BLU)
    assert {question.topic for question in shelly.ask(BLU, NOW_MS)} == {f"{GATEWAY}/rpc", f"{GATEWAY}/command"}
    assert Shelly().ask(BLU, NOW_MS) == ()


def test_the_gateway_of_a_claimed_sensor_is_found_by_asking_whoever_has_bthome_sensors() -> None:
    shelly = claiming(BLU)
    notify(shelly, GATEWAY, bthomesensor_202={"value": True})
    assert [question.topic for question in shelly.questions(NOW_MS)] == [f"{GATEWAY}/rpc"]


def test_the_battery_of_a_known_sensor_is_not_that_of_its_gateway() -> None:
    shelly = paired(GATEWAY)
    params = {"ts": TS, "bthomedevice:200": {"battery": 80, "rssi": -70, "last_updated_ts": TS}}
    gateway, sensor = heard(shelly, f"{GATEWAY}/events/rpc", {"method": "NotifyStatus", "params": params})
    assert gateway.values == {}
    assert (sensor.address, sensor.values) == (BLU, {"battery": 80.0, "rssi": -70.0})


def test_a_status_repeats_a_bthome_value_which_is_evidence_only_at_its_own_time() -> None:
    shelly = claiming(GATEWAY, bthomesensor_202="motion")
    undated = notify(shelly, GATEWAY, "NotifyFullStatus", bthomesensor_202={"value": True})
    assert undated.values == {} == undated.presences
    dated = notify(shelly, GATEWAY, "NotifyFullStatus", bthomesensor_202={"value": True, "last_updated_ts": TS - 600})
    assert (dated.at_ms, dated.values) == (TS_MS - 600_000, {"presence": 1.0})


def test_a_bthome_sensor_heard_again_with_the_same_value_is_evidence_of_it() -> None:
    shelly = claiming(GATEWAY, bthomesensor_202="motion")
    notify(shelly, GATEWAY, bthomesensor_202={"value": False, "last_updated_ts": TS - 600})
    again = notify(shelly, GATEWAY, bthomesensor_202={"last_updated_ts": TS})
    assert (again.at_ms, again.presences) == (TS_MS, {"bthomesensor:202": 0.0})


def test_verdicts_of_different_times_are_told_apart_the_oldest_first() -> None:
    shelly = claiming(GATEWAY, bthomesensor_202="motion", input_0="occupancy")
    params = {"ts": TS, "input:0": {"state": False}, "bthomesensor:202": {"value": False, "last_updated_ts": TS - 60}}
    old, new = heard(shelly, f"{GATEWAY}/events/rpc", {"method": "NotifyFullStatus", "params": params})
    assert (old.at_ms, old.presences, old.values) == (TS_MS - 60_000, {"bthomesensor:202": 0.0}, {})
    assert (new.at_ms, new.presences, new.values) == (TS_MS, {"input:0": 0.0}, {"presence": 0.0})


def test_events_and_errors_say_only_that_the_device_lives() -> None:
    event = {"method": "NotifyEvent", "params": {"ts": TS, "events": [{"component": "input:0", "event": "toggle"}]}}
    [one] = heard(Shelly(), f"{G4}/events/rpc", event)
    assert one == Heard(device=G4, address=G4, at_ms=TS_MS, seems="shellypresenceg4")
    assert heard(Shelly(), f"hadir-collector/{G4}/rpc", {"id": 1, "error": {"code": 401}}) == ()


def test_gen1_motion_false_is_dated_by_the_devices_clock_and_never_by_the_last_motion() -> None:
    sensor = {"motion": False, "timestamp": TS - 3600, "active": True, "is_valid": True}
    [told] = heard(Shelly(), "shellies/shellymotion2-1/info", {"sensor": sensor, "unixtime": TS})
    assert (told.at_ms, told.values) == (TS_MS, {"presence": 0.0})
    [bare] = heard(Shelly(), "shellies/shellymotion2-1/status", {"motion": False, "timestamp": TS, "active": True})
    assert (bare.at_ms, bare.values) == (None, {"presence": 0.0})


@pytest.mark.parametrize("changes", [{"active": False}, {"motion": None}, {"motion": -1}, {"is_valid": False}])
def test_gen1_a_detector_that_is_off_or_invalid_is_unknown(changes: dict[str, Any]) -> None:
    body = {"motion": False, "timestamp": TS, "active": True} | changes
    [one] = heard(Shelly(), "shellies/shellymotion2-1/status", body)
    assert (one.unknown, one.values) == ({"motion", "presence"}, {})


def test_a_repeated_blu_broadcast_is_heard_once() -> None:
    shelly = Shelly()
    [first] = heard(shelly, BLU, blu(2, motion=1, battery=100, illuminance=132))
    assert first.values == {"presence": 1.0, "battery": 100.0, "illuminance": 132.0, "rssi": -61.0}
    assert first.presences == {"motion": 1.0}
    heard(shelly, BLU, blu(3, motion=0))
    for again in (blu(2, motion=1), blu(3, motion=0)):
        assert list(heard(shelly, BLU, again)) == [Heard(device=BLU, address=BLU, seems="Shelly BLU")]
    assert heard(shelly, BLU, blu(4, motion=1))[0].values["presence"] == 1.0


def test_a_retained_blu_broadcast_does_not_make_the_live_one_a_repetition() -> None:
    shelly = Shelly()
    heard(shelly, BLU, blu(2, motion=1), retain=True)
    assert heard(shelly, BLU, blu(2, motion=1))[0].values["presence"] == 1.0


@pytest.mark.parametrize("topic", [BLU, BLU.upper(), BLU.replace(":", ""), BLU.replace(":", "").upper()])
def test_a_mac_address_is_one_however_it_is_written(topic: str) -> None:
    shelly = Shelly()
    assert shelly.owns(topic)
    assert heard(shelly, topic, blu(1, motion=0))[0].address == BLU
    assert shelly.address(Source(device=topic)) == BLU


def test_a_blu_sensor_with_a_detector_that_is_unknown_is_so_unless_another_sees_somebody() -> None:
    [seen] = heard(Shelly(), BLU, blu(1, motion=1, presence=None))
    assert (seen.values["presence"], seen.unknown) == (1.0, frozenset())
    [unseen] = heard(Shelly(), BLU, blu(1, motion=0, occupancy=None))
    assert (unseen.presences, unseen.unknown) == ({"motion": 0.0}, {"occupancy", "presence"})
    assert "presence" not in unseen.values


def test_an_encrypted_or_foreign_broadcast_says_nothing() -> None:
    [one] = heard(Shelly(), BLU, blu(1, motion=1) | {"service_data": {"encryption": True, "motion": 1}})
    assert one.presences == {}
    with pytest.raises(DamagedFrame):
        heard(claiming(BLU), BLU, blu(1, motion=1) | {"addr": "00:00:00:00:00:01"})


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        *(("wled/online", "1"), ("plc/online", "yes"), ("fridge/status/wifi", "connected")),
        *(("123456789012", "5"), ("deadbeefcafe", '{"a":1}')),
    ],
)
def test_what_is_damaged_on_a_topic_that_others_have_too_is_anothers_unless_it_is_known(
    topic: str, payload: str
) -> None:
    body = Message(topic, payload.encode(), None, None, False, NOW_MS)
    assert Shelly().decode(body) == ()
    shelly = claiming(Shelly().address(Source(device=topic.partition("/")[0])))
    with pytest.raises(DamagedFrame):
        shelly.decode(body)


def test_a_device_is_not_vacant_while_a_detector_that_the_operator_named_has_not_spoken() -> None:
    shelly = claiming("i4", **{"input:0": "occupancy", "input:1": "motion", "input:2": "battery"})
    first = notify(shelly, "i4", **{"input:0": {"state": False}})
    assert (first.presences, first.unknown) == ({"input:0": 0.0}, {"presence"})
    assert "presence" not in first.values
    assert notify(shelly, "i4", **{"input:1": {"state": False}}).values == {"presence": 0.0}


def test_what_is_damaged_of_a_device_with_a_name_from_the_factory_is_damage() -> None:
    for topic in ("shellyplus1-a8032abe54dc/online", "shellies/shellymotion-1/online", "a/b/events/rpc"):
        with pytest.raises(DamagedFrame):
            Shelly().decode(Message(topic, b"7", None, None, False, NOW_MS))


def test_a_device_of_unknown_kind_is_asked_in_both_languages_and_a_known_one_in_its_own() -> None:
    shelly = claiming("shellymotion2-1")
    assert {question.topic for question in shelly.ask("shellymotion2-1", NOW_MS)} == {
        "shellies/shellymotion2-1/command",
        "shellymotion2-1/rpc",
        "shellymotion2-1/command",
        "shellies/shellymotion2-1/rpc",
    }
    heard(shelly, "shellies/shellymotion2-1/status", {"motion": False})
    [question] = shelly.ask("shellymotion2-1", NOW_MS)
    assert (question.topic, question.payload) == ("shellies/shellymotion2-1/command", b"update")


def test_a_gen2_device_is_asked_for_its_status_and_for_what_people_added() -> None:
    shelly = Shelly()
    notify(shelly, G4)
    first, second, third = shelly.ask(G4, NOW_MS)
    assert json.loads(first.payload) == {"id": 1, "src": f"hadir-collector/{G4}", "method": "Shelly.GetStatus"}
    assert json.loads(second.payload)["params"] == {
        "offset": 0,
        "include": ["status", "config"],
        "dynamic_only": True,
    }
    assert (third.topic, third.payload) == (f"{G4}/command", b"status_update")


def test_the_answer_with_the_status_is_a_fresh_reading() -> None:
    shelly = claiming("shellyplus1-1", input_0="occupancy")
    [one] = answer(shelly, "shellyplus1-1", {"input:0": {"id": 0, "state": False}, "sys": {"unixtime": TS}})
    assert one.values == {"presence": 0.0}


def test_a_prefix_with_slashes_is_listened_to_when_it_is_claimed() -> None:
    shelly = Shelly()
    assert not shelly.owns("kantor/hall/online")
    shelly.follow([Entry("kantor/hall")])
    assert shelly.owns("kantor/hall/online")
    assert notify(shelly, "kantor/hall", presencezone_200={"value": True}).address == "kantor/hall"
    added = [one.topic_filter for one in shelly.subscriptions() if one.topic_filter.startswith("kantor")]
    assert added == ["kantor/hall/events/rpc", "kantor/hall/online", "kantor/hall/status/+"]
    assert {one.qos for one in shelly.subscriptions()} == {0}


def test_a_prefix_below_shellies_is_one_with_the_id() -> None:
    shelly = Shelly()
    assert notify(shelly, f"shellies/{G4}", presencezone_200={"value": True}).address == G4
    assert shelly.address(Source(topic=f"shellies/{G4}")) == G4
    assert shelly.ask(G4, NOW_MS)[0].topic == f"shellies/{G4}/rpc"


@pytest.mark.parametrize(
    ("topic", "owned"),
    [
        (f"{G4}/events/rpc", True),
        (f"{G4}/online", True),
        (f"{G4}/status/presencezone:200", True),
        (f"{G4}/status/sys", True),
        ("shellies/shellymotion2-1/info", True),
        ("shellies/shellymotion2-1/online", True),
        (f"hadir-collector/{G4}/rpc", True),
        (BLU, True),
        ("node/status", False),
        ("node/status/whatever", False),
        ("homeassistant/status/x:1", False),
        ("zigbee2mqtt/online", False),
        ("tele/online", False),
        ("homie/online", False),
        ("shellies/announce", False),
        ("/events/rpc", False),
        ("/online", False),
        ("hadir-collector/rpc", False),
        ("a/+/events/rpc", False),
        ("kitchen", False),
    ],
)
def test_topics_are_owned_by_their_shape(topic: str, owned: bool) -> None:
    assert Shelly().owns(topic) is owned


@pytest.mark.parametrize(
    "payload",
    ["", "{", "[]", "null", "1", '{"method":1}', '{"method":"NotifyStatus"}', "[" * 9000, '{"a":' + "[" * 9000, "\x00"],
)
@pytest.mark.parametrize(
    "topic",
    [f"{G4}/events/rpc", f"{G4}/status/input:0", f"{G4}/online", f"hadir-collector/{G4}/rpc", BLU, "shellies/a/info"],
)
def test_bad_payloads_are_damage_or_nothing(topic: str, payload: str) -> None:
    with contextlib.suppress(DamagedFrame):
        assert not [one for one in heard(Shelly(), topic, payload) if one.values or one.presences]


@pytest.mark.parametrize(
    "components",
    [
        {"presencezone:200": [], "presence": None, "devicepower:0": {"battery": 7}},
        {"presencezone:200": {"num_objects": "many"}, "presence": {}},
        {"bthomesensor:200": {"value": [1], "last_updated_ts": {}}},
        {"illuminance:0": {"lux": -1}, "temperature:0": {"tC": None}},
    ],
)
def test_odd_components_are_no_evidence(components: dict[str, Any]) -> None:
    shelly = claiming(G4, bthomesensor_200="motion")
    body = {"method": "NotifyStatus", "params": {"ts": TS} | components}
    assert all(one.values == {} == one.presences for one in heard(shelly, f"{G4}/events/rpc", body))


def test_memory_is_bounded_and_keeps_the_claimed() -> None:
    shelly = claiming(G4)
    notify(shelly, G4, presencezone_200={"value": True})
    for n in range(5000):
        notify(shelly, f"shelly-{n}", presencezone_200={"value": True})
        heard(shelly, f"{n:012X}", {"service_data": {"pid": 1, "motion": 0}})
    assert len(shelly._devices) == 1025
    assert len(shelly._pids) == 1024
    assert len(shelly._routes) <= 4096
    assert notify(shelly, G4, presencezone_201={"value": False}).values == {}


def test_the_components_of_a_device_are_bounded() -> None:
    shelly = claiming(GATEWAY)
    many = {f"occupancy_{n}": {"value": False} for n in range(3000)}
    assert len(notify(shelly, GATEWAY, **many).presences) == 256
    unknown = {f"bthomesensor_{n}": {"value": False} for n in range(999)}
    notify(shelly, GATEWAY, **unknown)
    notify(shelly, GATEWAY, bthomesensor_202={"value": True})
    components = [bthome(f"bthomesensor:{n}", {}, obj_id=33, addr=f"{n:012x}") for n in range(999)]
    answer(shelly, GATEWAY, {"components": components, "offset": 0, "total": 999})
    known = shelly._devices.get(GATEWAY)
    assert known is not None
    assert max(map(len, (known.detectors, known.meanings, known.owners, known.batteries))) <= 256
    assert len(known.asked) <= 256
    assert notify(shelly, GATEWAY, **{"presencezone:" + "2" * 9999: {"value": True}}).presences == {}


def test_an_operators_meaning_can_hold_for_every_device() -> None:
    shelly = Shelly()
    shelly.follow([Entry(ANY, None, None, {"input:0": "occupancy"}), Entry(G4)])
    assert notify(shelly, G4, input_0={"state": True}).values == {"presence": 1.0}


def test_a_source_names_the_prefix_the_id_or_the_mac_address() -> None:
    shelly = Shelly()
    assert shelly.address(Source(topic="shellies/shellymotion2-1")) == "shellymotion2-1"
    assert shelly.address(Source(device="shellymotion2-1", config={"bthomesensor:202": 33})) == "shellymotion2-1"
    assert shelly.address(Source(**shelly.source("kantor/hall"))) == "kantor/hall"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "part"),
    [
        (Source(), "needs topic or device"),
        (Source(topic="a", device="b"), "needs topic or device"),
        (Source(topic="a/#"), "is no prefix"),
        (Source(topic=f"{G4}/events/rpc"), "what comes before"),
        (Source(topic=G4, profile="x"), "leave it out"),
        (Source(topic=G4, config={"zone 1": "motion"}), "is no component"),
        (Source(topic=G4, config={"input:0": "smoke"}), "write motion, occupancy"),
    ],
)
def test_a_source_that_cannot_be_says_what_to_write(source: Source, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        Shelly().address(source)


@pytest.mark.parametrize("ago_s", [10, 1, 0])
def test_motion_that_a_slow_clock_dates_before_the_stillness_told_before_it_counts_now(ago_s: int):
    convention = Shelly()
    topic = "shellies/shellymotionsensor-60A423976594/status"

    def told(motion: bool, after_s: float) -> Heard:
        at_ms = NOW_MS + round(after_s * 1000)
        body = {"motion": motion, "timestamp": (NOW_MS // 1000) + 3 - ago_s, "active": True}
        [one] = convention.decode(Message(topic, json.dumps(body).encode(), None, None, False, at_ms))
        return one

    assert told(True, -5).at_ms is not None
    assert told(False, 3.5).at_ms is None
    assert told(True, 4.1).at_ms is None


def test_of_a_gen2_with_a_slow_clock_the_later_verdict_is_the_later_one():
    convention = Shelly()

    def told(value: bool, after_s: float) -> int | None:
        params = {"ts": NOW_MS / 1000 + after_s - 300, "presencezone:200": {"id": 200, "value": value}}
        body = json.dumps({"src": G4, "method": "NotifyStatus", "params": params}).encode()
        received_ms = NOW_MS + round(after_s * 1000)
        [one] = convention.decode(Message(f"{G4}/events/rpc", body, None, None, False, received_ms))
        assert one.values["presence"] == float(value)
        return one.at_ms

    assert told(True, 0) == NOW_MS - 300_000
    assert told(True, 10) == NOW_MS - 290_000
    assert told(False, 60) is None
    assert told(True, 600) == NOW_MS + 300_000
