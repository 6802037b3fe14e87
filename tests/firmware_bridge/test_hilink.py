"""The conversation in which Hi-Link radars are configured: each command awaited, and the session always closed."""

from __future__ import annotations

import pytest

from firmware_bridge.hilink import END_CONFIG, Command, Conversation, Reply, frame, parse_frame, reply_frame, reply_in
from presence.errors import DamagedFrame

ENABLE, ON = 0xFF, 0x62


def conversation() -> Conversation:
    return Conversation(b"\x01\x00", [Command(ON)])


def test_commands_go_one_at_a_time_each_after_the_answer_to_the_one_before() -> None:
    talk = conversation()
    assert talk.due(0) == frame(ENABLE, b"\x01\x00")
    assert talk.due(100) == b""
    talk.answered(Reply(ENABLE, True, b""))
    assert talk.due(101) == frame(ON)
    talk.answered(Reply(ENABLE, True, b""))  # the echo of an enable that was sent twice
    assert talk.due(102) == b""
    talk.answered(Reply(ON, True, b""))
    assert talk.due(103) == frame(END_CONFIG)
    talk.answered(Reply(END_CONFIG, True, b""))
    assert talk.over
    assert talk.due(104) == b""
    assert talk.problem is None


def test_an_unanswered_command_is_sent_again_for_two_seconds_then_the_session_is_closed_three_times() -> None:
    talk = conversation()
    sent = [at for at in range(0, 4000, 50) if talk.due(at) == frame(ENABLE, b"\x01\x00")]
    assert sent == list(range(0, 2000, 250))
    assert talk.over
    assert talk.problem == "command ff was not answered"

    talk = conversation()
    assert [at for at in range(0, 4000, 50) if talk.due(at) == frame(END_CONFIG)] == [2000, 2250, 2500]


def test_a_refused_command_closes_the_session_and_says_so() -> None:
    talk = conversation()
    talk.due(0)
    talk.answered(Reply(ENABLE, True, b""))
    talk.due(1)
    talk.answered(Reply(ON, False, b""))
    assert talk.due(2) == frame(END_CONFIG)
    talk.answered(Reply(END_CONFIG, True, b""))
    assert (talk.over, talk.problem) == (True, "command 62 was refused")


def test_a_reply_is_known_from_a_command() -> None:
    assert reply_in(*parse_frame(reply_frame(0xA0, b"\x07", ok=False))) == Reply(0xA0, False, b"\x07")
    assert reply_in(*parse_frame(frame(0xFF, b"\x01\x00"))) is None


@pytest.mark.parametrize("broken", [b"", frame(1)[:-1], frame(1) + b"\0", frame(1)[:-1] + b"\0", b"\0" + frame(1)[1:]])
def test_what_is_no_whole_frame_is_damaged(broken: bytes) -> None:
    with pytest.raises(DamagedFrame):
        parse_frame(broken)
