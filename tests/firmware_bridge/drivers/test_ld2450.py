"""What must always hold of the LD2450 decoder, and how it keeps its device tracking as configured."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import hilink
from firmware_bridge.commands import Ask, decode_reply, encode_command
from firmware_bridge.drivers import ld2450
from firmware_bridge.emulators.ld2450 import Ld2450Emulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Damage, Result
from presence.errors import BadInput, DamagedFrame
from tests.firmware_bridge.talk import Talk, settings

ONE = bytes.fromhex("aaff03000e03b186100040010000000000000000000000000000000055cc")
TWO = bytes.fromhex("aaff03000e03b1861000400178806089080068010000000000000000" + "55cc")
ANSWER = hilink.reply_frame(0x91, b"\x02\x00")
WHOLE = st.sampled_from([ONE, TWO, ANSWER])
FRAGMENTS = st.sampled_from([b"\xaa", b"\xaa\xff", ld2450.HEADER, ld2450.TAIL, hilink.HEADER, b"\x02\x00"])
STREAMS = st.lists(st.one_of(st.binary(max_size=40), FRAGMENTS, WHOLE), max_size=20)


def results(*chunks: bytes) -> list[Result]:
    decoder = ld2450.driver({})
    return [result for chunk in chunks for result in decoder.feed(chunk)]


@given(STREAMS)
def test_any_bytes_in_any_chunks_give_the_same_and_never_more_than_one_frame_is_kept(chunks: list[bytes]) -> None:
    decoder, found = ld2450.driver({}), list[Result]()
    for chunk in chunks:
        found += decoder.feed(chunk)
        assert len(decoder._stream._unread) <= hilink.LONGEST + hilink.OVERHEAD
    assert found == results(b"".join(chunks))


@given(st.lists(st.tuples(st.binary(max_size=60), WHOLE), max_size=8))
def test_frames_in_noise_are_all_found(pieces: list[tuple[bytes, bytes]]) -> None:
    # Noise without the first byte of a header cannot claim what follows it.
    noisy = b"".join(noise.translate(None, b"\xaa\xfd") + whole for noise, whole in pieces)
    assert results(noisy) == results(b"".join(whole for _, whole in pieces))
    assert len(results(noisy)) == len(pieces)


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (ONE[:-1] + b"\xcd", "wrong tail"),
        (b"\xfd\xfc\xfb\xfa\x01\x00", "impossible length 1"),
        (ANSWER[:-1] + b"\x00", "length 6 and tail do not fit"),
    ],
)
def test_damage_is_told_with_its_place_and_the_next_frame_is_read(damaged: bytes, reason: str) -> None:
    assert results(b"\0" * 10 + damaged + ONE) == [Damage(10, reason), *results(ONE)]


@given(st.integers(-32_767, 32_767))
def test_numbers_are_written_as_they_are_read(number: int) -> None:
    assert ld2450.signed(ld2450.as_reported(number)) == number


def radar_of(talk: Talk) -> Ld2450Emulator:
    assert isinstance(talk.device, Ld2450Emulator)
    return talk.device


def test_a_device_without_a_configured_tracking_is_left_alone() -> None:
    talk = Talk("ld2450", {})
    radar_of(talk).target = radar_of(talk).companion = Target("moving", 2.0, 60)
    assert {reading.values["target_count"] for reading in talk.go_on(60_000)} == {2}
    assert (talk.sent, talk.driver.strayed) == ([], False)


def test_tracking_is_set_at_the_start_and_again_when_the_device_has_lost_it() -> None:
    talk = Talk("ld2450", {"tracking": "single"})
    radar = radar_of(talk)
    radar.target, radar.companion = Target("moving", 2.0, 60), Target("still", 1.0, 60)
    assert talk.go_on(1_000)[-1].values["target_count"] == 1
    assert (talk.dialogue.firmware, talk.dialogue.trouble) == ("2.04.23090617", None)

    for command in ("enable_config", "factory_reset", "end_config"):  # by a telephone
        radar.receive(encode_command(ld2450, command, {}))
    assert talk.go_on(28_000)[-1].values["target_count"] == 2
    assert talk.driver.strayed
    assert talk.go_on(4_000)[-1].values["target_count"] == 1
    assert not talk.driver.strayed


def test_an_answer_shows_that_one_is_tracked_where_several_should_be() -> None:
    decoder = ld2450.driver({"tracking": "multi"})
    decoder.feed(hilink.reply_frame(0x91, b"\x01\x00"))
    assert decoder.strayed
    decoder.feed(hilink.reply_frame(0x91, b"\x01\x00", ok=False) + hilink.reply_frame(0x91, b"\x02\x00"))
    assert not decoder.strayed


def test_every_setting_is_written_read_back_and_told() -> None:
    talk, zones = Talk("ld2450", {}), [[-1.5, 0.0, 1.5, 2.0], [0.0, 0.0, 0.0, 0.0], [-0.25, 3.0, 0.25, 3.5]]
    outcome = talk.ask(
        Ask("set_tracking", {"tracking": "single"}),
        Ask("set_zones", {"mode": "exclude", "zones": zones}),
        *ld2450.SETTINGS,
    )
    assert outcome.problem is None
    assert len(outcome.read_back) == 2
    told = settings(outcome)
    assert (told["tracking"], told["mode"], told["zones"]) == ("single", "exclude", zones)


def test_zones_are_compared_in_whole_millimetres() -> None:
    read_back = ld2450.COMMANDS["set_zones"].read_back
    assert read_back is not None
    assert read_back.differs is not None
    written = {"mode": "include", "zones": [[0.00049, 0, 1, 1.0004], [0, 0, 0, 0], [0, 0, 0, 0]]}
    told = {"mode": "include", "zones": [[0.0, 0.0, 1.0, 1.0], [0.0] * 4, [0.0] * 4]}
    assert read_back.differs(written, told) is None
    assert read_back.differs(written, told | {"mode": "off"}) == "mode is off, not include"


@pytest.mark.parametrize(
    ("command", "args", "message"),
    [
        (
            "set_tracking",
            {"tracking": "two"},
            "ld2450: set_tracking.tracking: 'two' cannot be used; give one of single",
        ),
        ("set_zones", {"mode": "off"}, "ld2450: set_zones.zones: is missing; give 3 lists of 4 numbers"),
        ("set_zones", {"mode": "off", "zones": [[0] * 4] * 2}, "ld2450: set_zones.zones: [[0, 0, 0, 0], [0, 0, 0, 0]]"),
        ("set_zones", {"mode": "off", "zones": [[0] * 4, [0] * 3, [0] * 4]}, "ld2450: set_zones.zones: "),
        ("set_zones", {"mode": "off", "zones": [[0] * 4, [40] * 4, [0] * 4]}, "ld2450: set_zones.zones: "),
        ("set_zones", {"mode": "on", "zones": [[0] * 4] * 3}, "ld2450: set_zones.mode: 'on' cannot be used; give one"),
        ("restart", {"now": True}, "ld2450: restart.now: not known; give no arguments"),
    ],
)
def test_a_command_that_cannot_be_written_says_why(command: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as wrong:
        encode_command(ld2450, command, args)
    assert str(wrong.value).startswith(message)


def test_tracking_of_one_is_not_acknowledged_by_the_answer_to_tracking_of_several() -> None:
    with pytest.raises(DamagedFrame):
        decode_reply(ld2450, "set_tracking", {"tracking": "single"}, hilink.reply_frame(0x90))
    with pytest.raises(DamagedFrame):
        decode_reply(ld2450, "read_tracking", {}, hilink.reply_frame(0x91, b"\x03\x00"))
    with pytest.raises(DamagedFrame):
        decode_reply(ld2450, "read_zones", {}, hilink.reply_frame(0xC1, bytes(20)))


@pytest.mark.parametrize("config", [{"tracking": "one"}, {"tracking": True}, {"engineering": True}])
def test_a_configuration_that_is_not_understood_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        ld2450.driver(config)
