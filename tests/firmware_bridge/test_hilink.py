"""Command frames of the Hi-Link radars: what is whole, what answers what."""

from __future__ import annotations

import pytest

from firmware_bridge.hilink import Reply, frame, parse_frame, reply_frame, reply_in
from presence.errors import DamagedFrame


def test_a_reply_is_known_from_a_command() -> None:
    assert reply_in(*parse_frame(reply_frame(0xA0, b"\x07", ok=False))) == Reply(0xA0, False, b"\x07")
    assert reply_in(*parse_frame(frame(0xFF, b"\x01\x00"))) is None


@pytest.mark.parametrize("broken", [b"", frame(1)[:-1], frame(1) + b"\0", frame(1)[:-1] + b"\0", b"\0" + frame(1)[1:]])
def test_what_is_no_whole_frame_is_damaged(broken: bytes) -> None:
    with pytest.raises(DamagedFrame):
        parse_frame(broken)
