from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from collector.conventions.convention import Entry, Heard, Message
from collector.conventions.ttn_v3 import TtnV3
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

AT = "2026-11-24T02:59:00.787Z"
AT_MS = parse_instant(AT)
OUTLETS, LIBRARY = "v3/outlets@ttn/devices/counter-11", "v3/library@ttn/devices/counter-11"
OCCUPIED, FREE = "01bb340400dc7801", "00bb340500dc7801"


def message(topic: str, body: dict[str, Any]) -> Message:
    levels = topic.split("/")
    ids = {"device_id": levels[3], "application_ids": {"application_id": levels[1].partition("@")[0]}}
    return Message(topic, json.dumps({"end_device_ids": ids} | body).encode(), None, None, False, NOW_MS)


def up(base: str = OUTLETS, frame: str = OCCUPIED, **uplink: Any) -> Message:
    told = {"f_port": 102, "frm_payload": base64.b64encode(bytes.fromhex(frame)).decode(), "received_at": AT}
    return message(f"{base}/up", {"uplink_message": told | uplink})


def following(*addresses: str) -> TtnV3:
    convention = TtnV3()
    convention.follow([Entry(address, None, "browan-tbms100") for address in addresses])
    return convention


def now(convention: TtnV3, message: Message) -> Heard:
    (heard,) = convention.decode(message)
    return heard


@pytest.mark.parametrize("vector", [v for v in PAYLOADS if v["convention"] == "ttn_v3"], ids=lambda v: v["id"])
def test_a_vector_says_what_its_source_says(vector: Vector) -> None:
    assert wrong(vector, said(convention_for(vector), message_of(vector))) == {}


def test_a_device_is_claimed_by_its_id() -> None:
    heard = now(following("counter-11"), up())
    assert heard == Heard(device="counter-11", address="counter-11", values={"presence": 1.0}, at_ms=AT_MS)


def test_a_device_that_nobody_claims_is_known_by_its_topic() -> None:
    heard = now(TtnV3(), up())
    assert (heard.device, heard.address, heard.values) == ("counter-11", OUTLETS, {})
    assert TtnV3().source(heard.address) == {"topic": OUTLETS}


def test_devices_of_two_applications_are_told_apart_by_topic() -> None:
    convention = following(OUTLETS, "counter-11")
    assert now(convention, up(OUTLETS, OCCUPIED)).address == OUTLETS
    assert now(convention, up(LIBRARY, FREE)).address == "counter-11"
    assert now(convention, up(OUTLETS, OCCUPIED)).address == OUTLETS


def test_a_bare_id_is_never_two_devices() -> None:
    convention = following("counter-11")
    assert now(convention, up(OUTLETS, OCCUPIED)).address == "counter-11"
    stranger = now(convention, up(LIBRARY, FREE))
    assert (stranger.address, stranger.values) == (LIBRARY, {}), "it is another, and has no profile"
    convention.follow([Entry("counter-11", None, "browan-tbms100")])
    assert now(convention, up(LIBRARY, FREE)).address == LIBRARY
    convention.follow([])
    convention.follow([Entry("counter-11", None, "browan-tbms100")])
    assert now(convention, up(LIBRARY, FREE)).address == "counter-11", "given up and claimed anew"


def test_a_damaged_uplink_does_not_settle_whose_id_it_is() -> None:
    convention = following("counter-11")
    with pytest.raises(DamagedFrame):
        convention.decode(up(LIBRARY, "00"))
    assert now(convention, up(OUTLETS)).address == "counter-11"


def test_the_time_is_the_networks_then_a_gateways() -> None:
    convention = following("counter-11")
    later, gateway = "2026-11-24T02:59:01Z", [{"timestamp": 1283325000}, {"time": "2026-11-24T02:58:59Z"}]
    outer = message(f"{OUTLETS}/up", {"received_at": later, "uplink_message": {"rx_metadata": gateway}})
    assert now(convention, up(rx_metadata=gateway)).at_ms == AT_MS
    assert now(convention, outer).at_ms == parse_instant(later)
    assert now(convention, up(received_at=None, rx_metadata=gateway)).at_ms == AT_MS - 1787
    assert now(convention, up(received_at=None, rx_metadata=[])).at_ms is None
    assert now(convention, up(received_at=None)).at_ms is None
    odd = now(convention, up(received_at=None, rx_metadata={"time": 5}))
    assert (odd.at_ms, odd.values) == (None, {"presence": 1.0})


def test_a_join_makes_all_that_is_claimed_unknown() -> None:
    joined = message(f"{OUTLETS}/join", {"received_at": AT, "join_accept": {"received_at": AT}})
    convention = TtnV3()
    convention.follow([Entry("counter-11", None, "elsys"), Entry("counter-11", "motion")])
    heard = now(convention, joined)
    assert (heard.address, heard.unknown, heard.at_ms) == ("counter-11", {"presence", "motion"}, AT_MS)


@pytest.mark.parametrize("kind", ["down/sent", "down/ack", "service/data", "location/solved", "up/x"])
def test_other_topics_of_a_device_say_nothing(kind: str) -> None:
    assert TtnV3().owns(f"{OUTLETS}/{kind}")
    assert following("counter-11").decode(message(f"{OUTLETS}/{kind}", {})) == ()


def test_a_simulated_uplink_is_no_evidence() -> None:
    told = {"f_port": 102, "frm_payload": "Abs0BADceAE=", "received_at": AT}
    assert following("counter-11").decode(message(f"{OUTLETS}/up", {"simulated": True, "uplink_message": told})) == ()


def test_without_a_profile_a_codec_is_believed_in_plain_words_only() -> None:
    assert now(TtnV3(), up(decoded_payload={"occupancy": "occupied", "battery": 3.6})).values == {"presence": 1.0}
    assert now(TtnV3(), up(decoded_payload={"status": 1, "battery": 3.6, "count": 96476})).values == {}
    assert now(following("counter-11"), up(frame=FREE, decoded_payload={"presence": True})).values == {"presence": 0.0}


@pytest.mark.parametrize(
    "ids",
    [
        {"device_id": "counter-12", "application_ids": {"application_id": "outlets"}},
        {"device_id": "counter-11", "application_ids": {"application_id": "library"}},
        {"device_id": "counter-11"},
        {},
        None,
    ],
)
def test_the_ids_of_the_body_are_those_of_the_topic(ids: object) -> None:
    with pytest.raises(DamagedFrame):
        TtnV3().decode(message(f"{OUTLETS}/up", {"end_device_ids": ids, "uplink_message": {}}))


@pytest.mark.parametrize("uplink", [None, [], {"frm_payload": "A"}, {"f_port": "102"}, {"received_at": 5}])
def test_an_uplink_that_cannot_be_understood_is_damaged(uplink: object) -> None:
    with pytest.raises(DamagedFrame):
        following("counter-11").decode(message(f"{OUTLETS}/up", {"uplink_message": uplink}))


def test_a_message_cut_off_anywhere_is_damaged_and_nothing_else() -> None:
    whole = up()
    for length in range(len(whole.payload)):
        with pytest.raises(DamagedFrame):
            following("counter-11").decode(whole._replace(payload=whole.payload[:length]))


@pytest.mark.parametrize(
    "topic",
    [
        "v3/outlets@ttn/devices/counter-11",
        "v3/outlets@ttn/gateways/counter-11/up",
        "v3/Outlets/devices/counter-11/up",
        "v3/outlets@ttn/devices/Counter_11/up",
        "v3/+/devices/counter-11/up",
        "application/a/device/24e124fffe123456/event/up",
        OUTLETS + "/" + "u" * 600,
        "",
    ],
)
def test_other_topics_are_others(topic: str) -> None:
    assert not TtnV3().owns(topic)
    assert TtnV3().decode(Message(topic, b"{}", None, None, False, NOW_MS)) == ()


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ({"device": "counter-11"}, "counter-11"),
        ({"topic": OUTLETS}, OUTLETS),
        ({"topic": f"{OUTLETS}/up", "device": "counter-11"}, OUTLETS),
        ({"topic": "v3/outlets/devices/counter-11/#"}, "v3/outlets/devices/counter-11"),
    ],
)
def test_a_source_names_a_device_or_its_topic(source: dict[str, str], address: str) -> None:
    convention = TtnV3()
    assert convention.address(Source(convention="ttn_v3", **source)) == address
    assert convention.address(Source(convention="ttn_v3", **convention.source(address))) == address


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"device": "Counter 11"}, "no device id"),
        ({"topic": "v3/outlets@ttn/devices/+/up"}, "topic of no device"),
        ({"topic": f"{OUTLETS}/down/sent"}, "topic of no device"),
        ({"topic": OUTLETS, "device": "counter-12"}, "a topic of another"),
        ({"device": "counter-11", "profile": "tbms100"}, "browan-tbms100"),
    ],
)
def test_a_source_that_cannot_be_is_told_what_to_write(source: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        TtnV3().address(Source(convention="ttn_v3", **source))


def test_nobody_can_be_asked_and_no_gateway_is_alone() -> None:
    convention = following("counter-11")
    assert [(one.topic_filter, one.qos) for one in convention.subscriptions()] == [
        ("v3/+/devices/+/up", 0),
        ("v3/+/devices/+/join", 0),
    ]
    assert convention.gateway_of("counter-11") is None
    assert (convention.ask("counter-11", NOW_MS), convention.questions(NOW_MS)) == ((), ())
