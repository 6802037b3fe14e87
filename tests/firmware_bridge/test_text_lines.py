"""Lines are found in any bytes and any chunks, and no more than one of them is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.text_lines import TextLine, TextLines

PIECES = st.sampled_from([b"\n", b"\r\n", b"abc", b"{}", b"\0", b"\xff", b"\t", b" ", b"0123456789"])
STREAMS = st.lists(st.one_of(PIECES, st.binary(max_size=20)), max_size=30)


def lines(*chunks: bytes, longest: int = 8) -> list[TextLine]:
    cut = TextLines(longest)
    return [line for chunk in chunks for line in cut.feed(chunk)]


@given(STREAMS)
def test_any_bytes_in_any_chunks_give_the_same_and_never_more_than_one_line_is_kept(chunks: list[bytes]) -> None:
    cut, found = TextLines(8), list[TextLine]()
    for chunk in chunks:
        found += cut.feed(chunk)
        assert len(cut._unread) <= 9
    assert found == lines(b"".join(chunks))


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"a\nb\r\n", [(0, b"a", None), (2, b"b", None)]),
        (b"\n\r\n\n", []),
        (b"\0\xff\xfea b\n", [(3, b"a b", None)]),
        (b"a\xc3\xa9\n", [(0, b"a\xc3\xa9", None)]),
        (b"ab\0cd\n", [(0, b"ab", "broken by a byte 00"), (3, b"cd", None)]),
        (b"12345678\r\n", [(0, b"12345678", None)]),
        (b"123456789\nab\n", [(0, b"12345678", "longer than 8 bytes"), (10, b"ab", None)]),
        (b"1234567890abcdefgh", [(0, b"12345678", "longer than 8 bytes")]),
        (b"not ended", []),
    ],
)
def test_a_line_has_its_place_and_what_is_wrong_with_it(
    stream: bytes, expected: list[tuple[int, bytes, str | None]]
) -> None:
    assert lines(stream) == expected
