from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.conventions import lorawan
from collector.conventions.lorawan import PROFILES
from collector.conventions.lorawan.uplink import Past, Uplink
from presence.errors import DamagedFrame
from presence.quantities import quantity
from presence.site import Source


def read(profile: str, frame: str, f_port: int = 85) -> Uplink:
    return PROFILES[profile].decode(f_port, bytes.fromhex(frame))


def whole(profile: str, frame: str, f_port: int = 85) -> float | str | None:
    """1.0, 0.0, "unknown", or None when the frame does not speak of presence."""
    uplink = read(profile, frame, f_port)
    return "unknown" if "presence" in uplink.unknown else uplink.values.get("presence")


def regions(*occupied: int, of: int) -> Mapping[str, float]:
    return {f"region_{n}": float(n in occupied) for n in range(1, of + 1)}


@pytest.mark.parametrize(
    ("profile", "frame", "presence"),
    [
        ("milesight-vs330", "038e01", 1.0),
        ("milesight-vs330", "038e02", "unknown"),
        ("milesight-vs330", "038e03", "unknown"),
        ("milesight-vs330", "02a5b80b800cb80b800c 04a801 06a690800000 08a801 038e00", 0.0),
        ("milesight-vs340", "017564 030001", 1.0),
        ("milesight-vs341", "030000", 0.0),
        ("milesight-vs370", "030000 0400fe", 0.0),
        ("milesight-vs370", "0400fe 017510", None),
        ("milesight-ws202", "017510 030001 040000", 1.0),
        ("milesight-ws203", "8367220101", None),
        ("milesight-vs373", "03f8 00 00 0000 0000", 1.0),
        ("milesight-vs373", "03f8 01 00 0000 0000", 0.0),
        ("milesight-vs373", "03f8 03 00 0000 0000", "unknown"),
        ("milesight-vs373", "07b0 04 00 000000 000000", 1.0),
        ("milesight-vs373", "06fb ffff 04 01 ff", 1.0),
        ("milesight-vs373", "06fb ffff 05 04 ff", 0.0),
        ("milesight-vs373", "06fb 0100 05 02 ff", None),
        ("milesight-vs373", "06fb 0100 00 01 ff", None),
        ("elsys", "1102", 1.0),
        ("elsys", "1100", 0.0),
        ("elsys", "0e0bb8 07 0e24", None),
    ],
)
def test_the_whole_is_what_the_maker_says_of_it(profile: str, frame: str, presence: float | str | None) -> None:
    assert whole(profile, frame) == presence


@pytest.mark.parametrize("profile", [profile for profile in PROFILES if profile.startswith("milesight-v")])
def test_what_a_device_says_of_itself_when_it_joins_is_no_presence(profile: str) -> None:
    uplink = read(profile, "ff0bff ff0101 ff166787d18008970013 ff090100 ff0a0101 ff0f00 ffff0100 fffeff")
    assert (uplink.values, uplink.presences, uplink.unknown) == ({}, {}, set())


def test_units_are_those_of_hadir() -> None:
    assert read("milesight-vs330", "017562 02820f00").values == {"battery": 98.0, "distance": 0.015}
    ws203 = read("milesight-ws203", "017564 03673401 046865 050000").values
    assert ws203 == {"battery": 100.0, "temperature": 30.8, "humidity": 50.5, "presence": 0.0}
    assert read("milesight-ws203", "0367d8ff").values == {"temperature": -4.0}
    ers = read("elsys", "0100e2 0229 040027 0506 060308 070d62", 5).values
    assert ers == {"temperature": 22.6, "humidity": 41.0, "illuminance": 39.0, "co2": 776.0, "presence": 1.0}
    assert read("elsys", "01ffd8", 5).values == {"temperature": -4.0}


def test_what_cannot_be_a_measurement_is_not_one() -> None:
    assert read("milesight-vs330", "0175ff 0282ffff").values == {}
    assert read("milesight-ws203", "0468ff").values == {}
    assert read("elsys", "02ff").values == {}


def test_people_and_regions_of_a_vs121() -> None:
    uplink = read("milesight-vs121", "04c9030800a1 06cd05")
    assert uplink.values == {"target_count": 3.0, "presence": 1.0}
    assert uplink.presences == regions(1, 6, 8, of=8)
    nobody = read("milesight-vs121", "04c900020000 05cc02000100 0dcc01000100")
    assert (nobody.values["presence"], nobody.presences) == (0.0, regions(of=2))


def test_people_counted_in_regions_say_that_somebody_is_there_but_not_that_nobody_is() -> None:
    uplink = read("milesight-vs121", "07d50001000000000003 08d50100000000000000")
    assert (uplink.values, uplink.presences) == ({"presence": 1.0}, regions(2, 8, 9, of=16))
    assert read("milesight-vs121", "07d50000000000000000").values == {}


def test_regions_of_a_vs373_are_inverted_in_its_first_firmware() -> None:
    first = read("milesight-vs373", "03f8 00 00 0000 0000 04f9 00 01 01 ff")
    assert first.presences == {"region_1": 1.0, "region_2": 0.0, "region_3": 0.0}
    assert first.unknown == {"region_4"}
    later = read("milesight-vs373", "07b0 00 00 000000 000000 0ab3 06 21 000000")
    assert (later.values, later.presences) == ({"presence": 1.0}, regions(1, 6, of=6))


def test_empty_regions_do_not_make_a_room_vacant() -> None:
    assert whole("milesight-vs373", "04f9 01 01 01 01") is None
    assert whole("milesight-vs373", "04f9 01 00 01 01") == 1.0
    assert whole("milesight-vs373", "03f8 01 00 0000 0000 04f9 01 01 01 01") == 0.0
    assert whole("milesight-vs373", "03f8 03 00 0000 0000 04f9 00 01 01 01") == 1.0


def test_records_of_the_past_have_times_of_their_own() -> None:
    uplink = read("milesight-ws203", "20ceae5ba6640400240165 20ce5c5ca6640301340165")
    assert uplink.values == {}
    assert uplink.past == [
        Past(1_688_624_046_000, {"presence": 0.0, "temperature": 29.2, "humidity": 50.5}),
        Past(1_688_624_220_000, {"presence": 1.0, "temperature": 30.8, "humidity": 50.5}),
    ]
    assert read("milesight-vs373", "20ce ae5ba664 ffff 04 01 ff").past == [Past(1_688_624_046_000, {"presence": 1.0})]


def test_what_follows_an_unknown_channel_is_not_read() -> None:
    assert read("milesight-vs330", "017562 99ff00 038e01").values == {"battery": 98.0}
    assert read("elsys", "0229 ee 1102", 5).values == {"humidity": 41.0}


def test_a_frame_that_ends_within_a_value_is_damaged() -> None:
    for profile, frame in (
        ("milesight-vs330", "0175"),
        ("milesight-vs330", "038e01 01"),
        ("milesight-ws203", "20ceae5ba664"),
        ("elsys", "1102 01 00"),
        ("browan-tbms100", "01bb340400dc78"),
    ):
        with pytest.raises(DamagedFrame, match=r"the frame ends within|a status of 7 bytes"):
            read(profile, frame, 102)


def test_pending_of_elsys_is_neither_occupied_nor_vacant() -> None:
    assert whole("elsys", "1101") == "unknown"
    assert whole("elsys", "0503 1101") == "unknown"


def test_motion_of_elsys_speaks_where_no_occupancy_does_and_its_lack_is_not_vacancy() -> None:
    moved, still, seated = read("elsys", "0502"), read("elsys", "0500"), read("elsys", "0500 1102")
    assert (moved.values, moved.presences) == ({"presence": 1.0}, {"motion": 1.0})
    assert (still.values, still.presences) == ({}, {"motion": 0.0})
    assert (seated.values, seated.presences) == ({"presence": 1.0}, {"motion": 0.0})


def test_a_tbms100_speaks_on_its_port_and_not_in_zeros() -> None:
    assert read("browan-tbms100", "01bb340400dc7801", 102).values == {"presence": 1.0}
    assert read("browan-tbms100", "00bb340500dc7801", 102).values == {"presence": 0.0}
    assert read("browan-tbms100", "01bb340400dc7801", 204).values == {}
    assert read("browan-tbms100", "0000000000000000", 102).values == {}


@given(st.sampled_from(sorted(PROFILES)), st.integers(0, 255), st.binary(max_size=60))
def test_any_bytes_are_read_or_damaged(profile: str, f_port: int, data: bytes) -> None:
    try:
        uplink = PROFILES[profile].decode(f_port, data)
    except DamagedFrame:
        return
    assert all(quantity(name) is not None for name in uplink.values)
    assert uplink.presences.keys() | uplink.unknown - {"presence"} <= PROFILES[profile].parts
    assert {*uplink.presences.values()} <= {0.0, 1.0}
    assert not uplink.unknown & (uplink.presences.keys() | uplink.values.keys())


SOURCE = Source(convention="chirpstack", device="24e124fffe123456")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"profile": "browan-tbhv110"}, "measures air quality and has no motion sensor"),
        ({"profile": "milesight-vs33"}, "write one of browan-tbms100, elsys, milesight-vs121"),
        ({"profile": "milesight-vs340", "part": "region_1"}, "speaks of nothing but the whole"),
        ({"profile": "milesight-vs373", "presence": "region_7"}, "speaks of region_1, region_2"),
        ({"part": "region_1"}, "speaks of motion, occupancy, occupied, pir"),
        ({"config": {"port": 85}}, "leave `config` out"),
    ],
)
def test_a_source_that_cannot_be_is_told_what_to_write(source: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        lorawan.check(dataclasses.replace(SOURCE, **source))


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"profile": "milesight-vs373", "part": "region_4"},
        {"profile": "elsys", "presence": "motion"},
        {"profile": "milesight-vs330", "presence": "presence"},
        {"presence": "occupancy"},
    ],
)
def test_a_source_that_can_be_is_taken(source: dict[str, str]) -> None:
    lorawan.check(dataclasses.replace(SOURCE, **source))
