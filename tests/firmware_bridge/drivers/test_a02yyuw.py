"""What must always hold of the A02YYUW decoder, and how a JSN-SR04T in mode 2 is asked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.commands import encode_command
from firmware_bridge.drivers import a02yyuw
from firmware_bridge.drivers.a02yyuw import LENGTH
from firmware_bridge.emulators.a02yyuw import A02yyuwEmulator
from firmware_bridge.resync import Answer, Damage, Decoded, Result
from presence.errors import BadInput
from tests.firmware_bridge.talk import Talk

NEAR, FAR = bytes.fromhex("ff01a4a4"), bytes.fromhex("ff07a1a7")
NO_ECHO = bytes.fromhex("ff0000ff")
STREAMS = st.lists(
    st.one_of(st.binary(max_size=40), st.sampled_from([NEAR, FAR, NO_ECHO, b"\xff", b"\xff\xff\xff\xfd"])), max_size=20
)


def results(*chunks: bytes) -> list[Result]:
    decoder = a02yyuw.driver({})
    return [result for chunk in chunks for result in decoder.feed(chunk)]


@given(STREAMS)
def test_any_bytes_in_any_chunks_give_the_same_and_never_more_than_one_frame_is_kept(chunks: list[bytes]) -> None:
    decoder = a02yyuw.driver({})
    found = []
    for chunk in chunks:
        found += decoder.feed(chunk)
        assert len(decoder._unread) < LENGTH
    stream = b"".join(chunks)
    assert found == results(stream)
    assert found == results(*(stream[at : at + 1] for at in range(len(stream))))


@given(st.lists(st.tuples(st.binary(max_size=60), st.sampled_from([NEAR, FAR, NO_ECHO])), max_size=8))
def test_frames_in_noise_are_all_found(pieces: list[tuple[bytes, bytes]]) -> None:
    # Noise without the first byte of a header cannot claim what follows it.
    stream = [noise.replace(b"\xff", b"") + whole for noise, whole in pieces]
    assert results(*stream) == results(*(whole for _, whole in pieces))
    assert len(results(*stream)) == len(pieces)


def test_damage_is_told_with_its_place_and_the_next_report_is_read() -> None:
    assert results(bytes(10) + NEAR[:-1] + b"\0" + FAR) == [Damage(10, "wrong sum"), Decoded({"distance": 1.953})]


@pytest.mark.parametrize(("mm", "read"), [(0, False), (29, False), (30, True), (7_500, True), (65_535, True)])
def test_without_an_echo_a_report_says_only_that_the_sensor_lives(mm: int, read: bool) -> None:
    frame = b"\xff" + mm.to_bytes(2, "big")
    whole = frame + bytes((sum(frame) & 0xFF,))
    assert results(whole) == [Decoded({"distance": mm / 1000}) if read else Answer(whole)]


def test_a_sensor_that_speaks_by_itself_is_never_written_to() -> None:
    talk = Talk("a02yyuw")
    assert len(talk.go_on(30_000)) == 100
    assert talk.said == []


@pytest.mark.parametrize(("every_ms", "count"), [(100, 100), (200, 50), (2_000, 5)])
def test_in_mode_2_it_is_asked_as_often_as_configured_and_answers_each(every_ms: int, count: int) -> None:
    talk = Talk("a02yyuw", {"trigger_ms": every_ms}, A02yyuwEmulator(1, on_request=True))
    assert len(talk.go_on(10_000)) == count
    assert talk.said == [b"\x55"] * count


@pytest.mark.parametrize("config", [{"trigger_ms": 99}, {"trigger_ms": 2_001}, {"trigger_ms": True}, {"trigger": 200}])
def test_a_configuration_that_is_not_understood_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        a02yyuw.driver(config)


def test_it_takes_no_commands() -> None:
    with pytest.raises(BadInput, match="this device takes no commands"):
        encode_command(a02yyuw, "restart", {})
    assert a02yyuw.setup({"trigger_ms": 200}) == a02yyuw.SETTINGS == ()
