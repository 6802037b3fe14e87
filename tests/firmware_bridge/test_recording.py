"""A recording gives back the bytes with their times, and says which line is wrong."""

from __future__ import annotations

import pytest

from firmware_bridge.recording import Chunk, Recording, chunk_line, header_line, read_recording
from presence.errors import BadInput
from presence.instants import parse_instant

HEADER = header_line(
    port="/dev/ttyUSB0", driver="ld2410", baud=256_000, began_ms=parse_instant("2026-11-24T03:12:07.250Z")
)
CHUNKS = [Chunk(0.0, b"\xf4\xf3"), Chunk(0.104, b""), Chunk(12.5, bytes(range(256)))]


def test_what_is_written_is_read_again() -> None:
    recording, chunks = read_recording([HEADER, *map(chunk_line, CHUNKS)], "a.jsonl")
    assert recording == Recording("/dev/ttyUSB0", 256_000, "2026-11-24T03:12:07.250Z", "ld2410")
    assert list(chunks) == CHUNKS


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "a.jsonl:1: no recording: Input data was truncated; name a file that `hadir bridge record` wrote"),
        (["time,sensor"], "a.jsonl:1: no recording: JSON is malformed"),
        (['{"t":0,"hex":""}'], "a.jsonl:1: no recording: Object missing required field `port`"),
        ([HEADER.replace('"recording":1', '"recording":2')], "a.jsonl:1: form 2 is not known here"),
        ([HEADER.replace("2026", "26")], "a.jsonl:1: began:"),
        ([HEADER, '{"t":0,"hex":"f4"}', '{"t":1,"he'], "a.jsonl:3: no recording: Input data was truncated"),
        ([HEADER, '{"t":0,"hex":"f"}'], "a.jsonl:2: hex: no hexadecimal bytes"),
        ([HEADER, '{"t":2,"hex":""}', '{"t":1,"hex":""}'], "a.jsonl:3: t: 1.0 s comes after 2.0 s"),
    ],
)
def test_a_bad_file_is_told_in_one_line_with_its_place(lines: list[str], said: str) -> None:
    with pytest.raises(BadInput) as bad:
        list(read_recording(lines, "a.jsonl")[1])
    assert str(bad.value).startswith(said)
