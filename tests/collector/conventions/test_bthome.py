from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.conventions.bthome import MOST_DEVICES, SAME_BROADCAST_MS, Bthome
from collector.conventions.convention import Entry, Heard, Message
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
MOTION = "4400020164059033002101"


def message(frame: str, *, at_ms: int = NOW_MS, retain: bool = False, device: str = MAC) -> Message:
    return Message(f"ble/{device}/fcd2", bytes.fromhex(frame), None, None, retain, at_ms)


def heard(frame: str) -> Heard:
    (one,) = Bthome().decode(message(frame))
    return one


@pytest.mark.parametrize("vector", [v for v in PAYLOADS if v["convention"] == "bthome"], ids=lambda v: v["id"])
def test_every_vector(vector: Vector):
    assert wrong(vector, said(convention_for(vector), message_of(vector))) == {}


def test_a_frame_says_its_quantities_in_our_units_and_its_verdicts_by_name():
    assert heard(MOTION) == Heard(
        device=MAC,
        address=MAC,
        values={"battery": 100.0, "illuminance": 132.0, "presence": 1.0},
        presences={"motion": 1.0},
    )
    measured = heard("40" + "02ca09" + "03bf13" + "12e204" + "40fa00")
    assert measured.values == {"temperature": 25.06, "humidity": 50.55, "co2": 1250.0, "distance": 0.25}
    assert heard("40" + "414e00").values == {"distance": 7.8}
    assert heard("40" + "0200ff").values == {"temperature": -2.56}


@pytest.mark.parametrize(
    ("objects", "presence"),
    [("21002301", 1.0), ("21012300", 0.0), ("23002501", 1.0), ("2100", 0.0), ("1a01", None), ("2201", None)],
)
def test_the_widest_verdict_of_a_frame_is_that_of_the_whole(objects: str, presence: float | None):
    assert heard("40" + objects).values.get("presence") == presence


def test_several_verdicts_of_one_kind_have_names_and_one_is_enough_for_the_whole():
    one = heard("40" + "2300" + "2301")
    assert one.presences == {"occupancy": 0.0, "occupancy_2": 1.0}
    assert one.values == {"presence": 1.0}


def test_what_stands_behind_an_unknown_object_is_not_heard():
    assert heard("40" + "0164" + "e701" + "2101").values == {"battery": 100.0}


def test_objects_without_meaning_for_us_are_skipped_by_their_lengths():
    skipped = "0a138a14" + "53024869" + "545002aa" + "50" + "5d396164"
    with pytest.raises(DamagedFrame, match="cut off"):
        heard("40" + skipped)
    assert heard("40" + "0a138a14" + "2101" + "53024869" + "505d396164" + "f00100").presences == {"motion": 1.0}


def test_one_broadcast_is_said_once():
    bthome = Bthome()
    assert bthome.decode(message(MOTION))
    assert not bthome.decode(message(MOTION, at_ms=NOW_MS + 200))
    assert bthome.decode(message(MOTION.replace("0002", "0003"), at_ms=NOW_MS + 300))
    assert bthome.decode(message("440003" + "2100", at_ms=NOW_MS + 400)), "other bytes are another broadcast"


def test_a_device_whose_number_stands_still_is_heard_again_after_a_while():
    bthome = Bthome()
    times = [at for at in range(0, 4 * SAME_BROADCAST_MS, 10_000) if bthome.decode(message(MOTION, at_ms=NOW_MS + at))]
    assert times == [0, 60_000, 120_000, 180_000]


def test_a_broadcast_that_is_repeated_after_messages_were_missed_says_nothing_new():
    bthome = Bthome()
    bthome.decode(message(MOTION))
    bthome.missed(NOW_MS + 500)
    assert bthome.decode(message(MOTION, at_ms=NOW_MS + 1000)) == ()


def test_a_retained_copy_does_not_stand_in_the_way_of_the_live_broadcast():
    bthome = Bthome()
    bthome.decode(message(MOTION, retain=True))
    assert bthome.decode(message(MOTION, at_ms=NOW_MS + 1000))


def test_without_a_packet_number_every_broadcast_is_heard():
    bthome = Bthome()
    assert all(bthome.decode(message("402101", at_ms=NOW_MS + at)) for at in range(3))


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("2002ca09", "version 1"),
        ("40" + "2102", "neither true nor false"),
        ("40" + "02ca", "cut off"),
        ("40" + "53", "cut off"),
        ("42" + "ffbbaaabef60" + "2101", "another address"),
    ],
)
def test_what_cannot_be_read_is_damaged_and_says_why(frame: str, reason: str):
    with pytest.raises(DamagedFrame, match=reason):
        heard(frame)


def test_an_encrypted_frame_is_damage_of_a_claimed_device_only():
    encrypted = message("45aabbccddeeff001122334455")
    bthome = Bthome()
    assert bthome.decode(encrypted) == (Heard(device=MAC, address=MAC, seems="BTHome, encrypted"),)
    bthome.follow([Entry(MAC)])
    with pytest.raises(DamagedFrame, match="encrypted: its bind key"):
        bthome.decode(encrypted)


def test_a_frame_that_brings_its_address_is_read_behind_it():
    assert heard("42" + "ccbbaaabef60" + "2101").presences == {"motion": 1.0}


@given(st.binary(max_size=300))
def test_no_bytes_break_it(payload: bytes):
    with suppress(DamagedFrame):
        Bthome().decode(Message(f"ble/{MAC}/fcd2", payload, None, None, False, NOW_MS))


@pytest.mark.parametrize("written", [MAC, MAC.lower(), "60:ef:ab:aa:bb:cc", "60-EF-AB-AA-BB-CC"])
def test_an_address_is_understood_however_it_is_written(written: str):
    bthome = Bthome()
    assert bthome.address(Source(convention="bthome", device=written)) == MAC
    assert bthome.address(Source(convention="bthome", topic=f"lantai1/ble/{written}/fcd2")) == MAC
    assert bthome.decode(message(MOTION, device=written))[0].address == MAC


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (Source(), "names no device"),
        (Source(device="60EFAB"), "no Bluetooth address"),
        (Source(device="60EFABAABB_C"), "no Bluetooth address"),
        (Source(device=MAC, config={"bindkey": "00" * 16}), "cryptography"),
        (Source(device=MAC, config={"key": 1}), "config.key"),
        (Source(device=MAC, profile="x"), "profile"),
        (Source(topic="ble/x"), "is not as"),
    ],
)
def test_a_source_that_cannot_be_says_what_to_write(source: Source, reason: str):
    with pytest.raises(ValueError, match=reason):
        Bthome().address(source)


def test_it_listens_below_the_bases_of_its_entries_too():
    bthome = Bthome()
    assert not bthome.owns(f"lantai1/ble/{MAC}/fcd2")
    bthome.follow([Entry(MAC, topic=f"lantai1/ble/{MAC}/fcd2")])
    assert [one.topic_filter for one in bthome.subscriptions()] == ["ble/+/fcd2", "lantai1/ble/+/fcd2"]
    assert bthome.owns(f"lantai1/ble/{MAC}/fcd2")
    assert not bthome.owns(f"ble/{MAC}/fcd3")


def test_a_flood_of_devices_is_forgotten_but_a_claimed_one_is_not():
    bthome = Bthome()
    bthome.follow([Entry(MAC)])
    bthome.decode(message(MOTION))
    for n in range(2 * MOST_DEVICES):
        bthome.decode(message(MOTION, device=f"{n:012X}"))
    assert not bthome.decode(message(MOTION, at_ms=NOW_MS + 1000)), "still known to be the same broadcast"
    assert len(bthome._broadcasts) == MOST_DEVICES + 1
