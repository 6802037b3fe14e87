"""Frames of several kinds in one stream: what is found, kept, dropped; split-independence is proved by each driver."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import hilink
from firmware_bridge.frames import FrameStream, lines
from firmware_bridge.resync import Damage
from presence.errors import DamagedFrame

REPORT = hilink.REPORT_HEADER + b"\x03\x00\x0a\x0d\x0a" + hilink.REPORT_TAIL
COMMAND = hilink.frame(0xA0, b"ON\r\n")
PIECES = st.sampled_from(
    [REPORT, COMMAND, b"ON\r\n", b"ON", b"Off\n", b"\r\n", b"\xf4", b"\xfd\xfc\xfb\xfa", b"\xf4\xf3"]
)


def words(line: bytes) -> str:
    if line not in (b"ON", b"Off"):
        raise DamagedFrame(0, "not known")
    return line.decode()


def stream() -> FrameStream[str]:
    return FrameStream(
        hilink.reports((3,), lambda body: body.hex()),
        hilink.commands(lambda frame: f"command {frame.word:x}"),
        lines((b"ON", b"Off"), 12, words),
    )


def test_reports_commands_and_lines_are_told_apart() -> None:
    sent = b"boot\r\n" + REPORT + b"ON\r\n" + COMMAND + b"Off\n" + b"\x80ON\r\n"
    assert stream().feed(sent) == ["0a0d0a", "ON", "command a0", "Off", "ON"]


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (b"ONON\r\n", "not known"),
        (b"ON\x80", "byte 80 in a line of text"),
        (b"ON but not for long", "no line end in 12 bytes"),
        (hilink.REPORT_HEADER + b"\x04\x00", "impossible length 4"),
        (REPORT[:-1] + b"\x01", "wrong tail"),
        (hilink.frame(0xA0)[:-1] + b"\xff", "length 2 and tail do not fit"),
    ],
)
def test_damage_is_told_with_its_place_and_the_next_frame_is_read(damaged: bytes, reason: str) -> None:
    assert stream().feed(b"\0" * 7 + damaged + REPORT) == [Damage(7, reason), "0a0d0a"]


def test_a_frame_inside_a_bad_one_is_found_and_a_bad_line_is_dropped_whole() -> None:
    assert stream().feed(REPORT[:6] + REPORT) == [Damage(0, "wrong tail"), "0a0d0a"]
    assert stream().feed(b"ON ON\r\nOff\n") == [Damage(0, "not known"), "Off"]


def test_a_word_inside_other_text_is_no_line_even_when_it_comes_in_pieces() -> None:
    cut = stream()
    assert [cut.feed(bytes((each,))) for each in b"SON\r\nOFFON\r\n"] == [[]] * 12


@given(st.lists(st.one_of(st.binary(max_size=20), PIECES), max_size=20))
def test_any_bytes_in_any_chunks_give_the_same_and_little_is_kept(chunks: list[bytes]) -> None:
    cut, found = stream(), list[str | Damage]()
    for chunk in chunks:
        found += cut.feed(chunk)
        assert len(cut._unread) <= hilink.LONGEST + hilink.OVERHEAD
    assert found == stream().feed(b"".join(chunks))
