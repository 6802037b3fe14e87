"""What must always hold of lines of JSON: any chunks, damage with its reason, counted gaps and the checksum."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.crc16 import crc16
from firmware_bridge.drivers import ndjson
from firmware_bridge.resync import Damage, Decoded, Gap, Result
from presence.errors import BadInput
from presence.quantities import _TABLE, quantity

LINE = b'{"presence":true,"distance":1.25}\n'
FRAGMENTS = st.sampled_from([b"{", b"}", b'"', b"\n", b"\r\n", b"\0", b'{"presence":', b"true", LINE, b"[" * 400])
STREAMS = st.lists(st.one_of(st.binary(max_size=40), FRAGMENTS), max_size=20)
KEYS = st.sampled_from(["presence", "distance", "target_count", "seq", "crc", "sensor", "note", "online"])
TEXTS = st.text(alphabet='a0"\\{é\ud800', max_size=4)
ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.lists(st.booleans(), max_size=2))


def results(*chunks: bytes) -> list[Result]:
    decoder = ndjson.driver({})
    return [result for chunk in chunks for result in decoder.feed(chunk)]


def line(**keys: Any) -> bytes:
    return json.dumps(keys).encode() + b"\n"


def sealed(**keys: Any) -> bytes:
    return ndjson.seal(json.dumps(keys).encode()) + b"\n"


@given(STREAMS)
def test_any_bytes_in_any_chunks_give_the_same_and_never_more_than_one_line_is_kept(chunks: list[bytes]) -> None:
    decoder, found = ndjson.driver({}), list[Result]()
    for chunk in chunks:
        found += decoder.feed(chunk)
        assert len(decoder._lines._unread) <= ndjson.LONGEST + 1
    assert found == results(b"".join(chunks))


@given(st.dictionaries(KEYS, ANYTHING))
def test_any_object_is_a_reading_or_damage_and_never_an_error(said: dict[str, Any]) -> None:
    assert len(results(json.dumps(said).encode() + b"\n")) <= 1


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (b'{"presence":tr\n', "no JSON object"),
        (b'{"distance":1}}\n', "no JSON object"),
        (b'{"distance":NaN}\n', "no JSON object"),
        (b'{"distance":1e999}\n', "no JSON object"),
        (b'{"distance":' + b"9" * 400 + b"}\n", "distance is no number"),
        (b'{"distance":' + b"[" * 990 + b"\n", "no JSON object"),
        (b'{"sensor":"\xff"}\n', "no JSON object"),
        (b'{"presence":"yes"}\n', "presence is neither true nor false"),
        (b'{"presence":2}\n', "presence is neither true nor false"),
        (b'{"distance":true}\n', "distance is no number"),
        (b'{"distance":"1.2"}\n', "distance is no number"),
        (b'{"sensor":7,"distance":1}\n', "sensor is no text"),
        (b'{"seq":1.5,"distance":1}\n', "seq is no whole number"),
        (b'{"distance":1\0', "broken by a byte 00"),
        (b'{"note":"' + b"x" * 1024 + b'"}\n', "longer than 1024 bytes"),
    ],
)
def test_damage_is_told_with_its_place_and_the_next_line_is_read(damaged: bytes, reason: str) -> None:
    assert results(b"boot\r\n" + damaged + LINE) == [Damage(6, reason), *results(LINE)]


def test_every_quantity_but_those_that_the_bridge_says_itself_is_taken() -> None:
    said = line(presence=False, x1=1, still_energy_g3=12, humidity=51.5, online=True, boot=1, seq=1, uptime=5)
    assert results(said) == [Decoded({"presence": 0.0, "x1": 1.0, "still_energy_g3": 12.0, "humidity": 51.5})]


@pytest.mark.parametrize(
    ("numbers", "lost"),
    [
        ([7, 8, 9], []),
        ([1, 2, 5, 6, 9], [2, 2]),
        ([5, 5, 6], []),  # a line that came twice
        ([900, 1, 2, 4], [1]),  # the board was reset
        ([0, 100_001, 1_000_000], [100_000]),
        ([None, 3, None, 5], [1]),
    ],
)
def test_lines_that_are_missing_are_counted_by_the_boards_number(numbers: list[int | None], lost: list[int]) -> None:
    found = results(*(line(distance=1, seq=number) for number in numbers))
    assert [result.lost for result in found if isinstance(result, Gap)] == lost
    assert [result for result in found if isinstance(result, Decoded)] == [Decoded({"distance": 1.0})] * len(numbers)


def test_a_gap_stands_before_the_line_that_showed_it_and_a_line_that_says_nothing_else_shows_it_too() -> None:
    assert results(line(seq=1), line(seq=4), line(seq=6, distance=1)) == [Gap(2), Gap(1), Decoded({"distance": 1.0})]


def test_a_line_with_its_checksum_is_read() -> None:
    assert results(sealed(presence=1, seq=3)) == [Decoded({"presence": 1.0})]
    body = b'{ "presence" : 1 '
    written = body + b', "crc" : "%04x" }\r\n' % crc16(body)
    assert results(written) == [Decoded({"presence": 1.0})]


@given(st.integers(0), st.integers(0, 7))
def test_one_wrong_bit_before_the_checksum_never_makes_a_reading(place: int, bit: int) -> None:
    whole = bytearray(sealed(presence=1, distance=1.25))
    place %= whole.index(b',"crc"')
    whole[place] ^= 1 << bit
    assert not any(isinstance(result, Decoded) for result in results(bytes(whole)))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (b'{"distance":1,"crc":"0000"}\n', "crc 0000 does not fit"),
        (b'{"crc":"0000","distance":1}\n', "crc is not the last key, or not four hexadecimal digits"),
        (b'{"distance":1,"crc":12}\n', "crc is not the last key, or not four hexadecimal digits"),
        (b'{"crc":"0000"}\n', "crc is not the last key, or not four hexadecimal digits"),
    ],
)
def test_a_wrong_checksum_is_damage(wrong: bytes, reason: str) -> None:
    assert results(wrong) == [Damage(0, reason)]


def test_it_has_no_settings() -> None:
    with pytest.raises(BadInput, match=r"ndjson: config\.baud: not known"):
        ndjson.driver({"baud": 9600})


DOCUMENT = (Path(__file__).parents[3] / "docs" / "ndjson.md").read_text()


def test_the_lines_in_the_document_are_read() -> None:
    lines = [written.strip() for written in DOCUMENT.splitlines() if written.startswith('    {"')]
    assert len(lines) == 3
    for written in lines:
        assert [type(result) for result in results(written.encode() + b"\n")] == [Decoded]


def test_the_document_names_every_quantity() -> None:
    keys = {key for row in DOCUMENT.splitlines() if row.startswith("| `") for key in re.findall(r"`(\w+)`", row)}
    assert all(quantity(key) for key in keys)
    known = {known.name.rstrip("23") for known in _TABLE}
    # Of what is numbered it shows the first, and `to 3`.
    assert known - {"online", "seq", "boot", "x", "y", "z", "resolution", "co"} <= keys
