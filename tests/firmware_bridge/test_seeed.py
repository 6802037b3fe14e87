"""Frames of Seeed's radars: what is whole, what is damage, what always holds, and when a silent device is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.commands import decode_reply, encode_command
from firmware_bridge.drivers import DriverModule, mr24hpc1, mr60bha
from firmware_bridge.resync import Answer, Damage, Decoded, Result
from firmware_bridge.seeed import LONGEST, OVERHEAD, PRESENCE, QUERY, REPORTS, SYSTEM, Radar, frame, parse_frame
from presence.errors import DamagedFrame

SOMEBODY = frame(PRESENCE, 0x01, b"\x01")
PRESENCE_QUERY = frame(PRESENCE, 0x81, QUERY)
HEARTBEAT = frame(SYSTEM, 0x01, QUERY)
WHOLE = st.sampled_from([SOMEBODY, frame(PRESENCE, 0x82, b"\x02"), HEARTBEAT, frame(0x02, 0xA4, b"SYTC SYTC")])
STREAMS = st.lists(
    st.one_of(st.binary(max_size=40), WHOLE, st.sampled_from([b"S", b"SY", b"SY\x80\x01\x00", b"TC"])), max_size=20
)


def results(*chunks: bytes) -> list[Result]:
    radar = Radar(REPORTS)
    return [result for chunk in chunks for result in radar.feed(chunk)]


@given(STREAMS)
def test_any_bytes_in_any_chunks_give_the_same_and_never_more_than_one_frame_is_kept(chunks: list[bytes]) -> None:
    radar, found = Radar(REPORTS), list[Result]()
    for chunk in chunks:
        found += radar.feed(chunk)
        assert len(radar._stream._unread) <= LONGEST + OVERHEAD
    assert found == results(b"".join(chunks))


@given(st.lists(st.tuples(st.binary(max_size=60), WHOLE), max_size=8))
def test_frames_in_noise_are_all_found(pieces: list[tuple[bytes, bytes]]) -> None:
    # Noise without the first byte of a header cannot claim what follows it.
    noisy = b"".join(noise.translate(None, b"S") + whole for noise, whole in pieces)
    assert results(noisy) == results(b"".join(whole for _, whole in pieces))


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (b"SY\x80\x01\x00\x00", "impossible length 0"),
        (b"SY\x80\x01\x00\x41", "impossible length 65"),
        (SOMEBODY[:-3] + b"\x30TC", "checksum 30, not 2f"),
        (SOMEBODY[:-1] + b"D", "wrong tail"),
        (frame(PRESENCE, 0x01, b"\x01\x00"), "length 2 does not fit 80 01"),
        (frame(PRESENCE, 0x03, b"\x65"), "body movement 101 is more than 100"),
    ],
)
def test_damage_is_told_with_its_place_and_the_next_frame_is_read(damaged: bytes, reason: str) -> None:
    assert results(b"\0" * 7 + damaged + SOMEBODY) == [Damage(7, reason), Decoded({"presence": 1.0})]


def test_the_answer_to_a_query_is_a_reading_too_and_the_repeated_query_is_nothing() -> None:
    answer = frame(PRESENCE, 0x81, b"\x00")
    assert results(PRESENCE_QUERY + answer) == [Decoded({"presence": 0.0}), Answer(answer)]
    movement = frame(PRESENCE, 0x03, QUERY)
    assert results(frame(PRESENCE, 0x83, QUERY) + movement) == [Decoded({"moving_energy": 15})]


@pytest.mark.parametrize("broken", [b"", SOMEBODY[:-1], SOMEBODY + b"\0", b"\0" + SOMEBODY[1:]])
def test_what_is_no_whole_frame_is_damaged(broken: bytes) -> None:
    with pytest.raises(DamagedFrame):
        parse_frame(broken)


@pytest.mark.parametrize("driver", [mr24hpc1, mr60bha])
@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("read_presence", PRESENCE_QUERY),
        ("read_presence", frame(PRESENCE, 0x81, b"\x02")),
        ("read_presence", frame(PRESENCE, 0x82, b"\x01")),
        ("read_firmware", frame(0x02, 0xA4, b"\xff\xfe")),
    ],
)
def test_what_does_not_answer_a_query_is_damage(driver: DriverModule, command: str, reply: bytes) -> None:
    with pytest.raises(DamagedFrame):
        decode_reply(driver, command, {}, reply)


@pytest.mark.parametrize("driver", [mr24hpc1, mr60bha])
def test_identity_is_read_as_text_without_padding(driver: DriverModule) -> None:
    assert encode_command(driver, "read_product", {}) == frame(0x02, 0xA1, QUERY)
    for name, command in (("product", 0xA1), ("id", 0xA2), ("hardware", 0xA3), ("firmware", 0xA4)):
        told = decode_reply(driver, f"read_{name}", {}, frame(0x02, command, b"STYC-1\0\0"))
        assert told == {"ok": True, name: "STYC-1"}


def asked(radar: Radar, until_ms: int) -> list[tuple[int, bytes]]:
    found = [(at, radar.outgoing(at)) for at in range(0, until_ms, 1_000)]
    return [(at, sent) for at, sent in found if sent]


def test_a_silent_device_is_asked_for_a_heartbeat_once_a_minute_and_never_faster() -> None:
    assert asked(Radar(REPORTS), 190_000) == [(at, HEARTBEAT) for at in (60_000, 120_000, 180_000)]


def test_a_device_whose_room_does_not_change_is_asked_for_presence_once_a_minute() -> None:
    radar, sent = Radar(REPORTS), list[tuple[int, bytes]]()
    for at in range(0, 190_000, 1_000):
        if at % 30_000 == 0:
            radar.feed(HEARTBEAT)
        if asking := radar.outgoing(at):
            sent.append((at, asking))
    assert sent == [(at, PRESENCE_QUERY) for at in (60_000, 120_000, 180_000)]


def test_a_device_that_reports_is_not_asked() -> None:
    radar = Radar(REPORTS)
    for at in range(0, 190_000, 1_000):
        if at % 30_000 == 0:
            radar.feed(SOMEBODY)
        assert radar.outgoing(at) == b""
