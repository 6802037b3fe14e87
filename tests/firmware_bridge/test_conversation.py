"""Each command awaited, what was written read back, and the session always closed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from firmware_bridge.commands import Ask, encode_command
from firmware_bridge.conversation import Conversation
from firmware_bridge.drivers import ld2402, ld2410
from firmware_bridge.hilink import reply_frame
from presence.errors import BadInput

ENABLE, END = encode_command(ld2410, "enable_config", {}), encode_command(ld2410, "end_config", {})
ON, READ = encode_command(ld2410, "engineering_on", {}), encode_command(ld2410, "read_parameters", {})
OPEN = reply_frame(0xFF, b"\1\0\x40\0")
GATE_3 = {"gate": 3, "moving": 40, "still": 41}


def conversation(*asks: Ask) -> Conversation:
    return Conversation(ld2410, asks or (Ask("engineering_on"),))


def parameters(moving: int, still: int) -> bytes:
    gates = bytes(3) + bytes((moving,)) + bytes(5), bytes(3) + bytes((still,)) + bytes(5)
    return reply_frame(0x61, bytes((0xAA, 8, 8, 8)) + gates[0] + gates[1] + b"\5\0")


def play(talk: Conversation, answers: Sequence[bytes]) -> list[bytes]:
    """What is sent, each answered at once by the next of `answers`."""
    sent = []
    for at, answer in enumerate(answers):
        sent.append(talk.due(at))
        talk.answered(answer)
    assert talk.due(len(answers)) == b""
    return sent


def test_commands_go_one_at_a_time_each_after_the_answer_to_the_one_before() -> None:
    talk = conversation()
    assert talk.due(0) == ENABLE
    assert talk.due(100) == b""
    talk.answered(OPEN)
    assert talk.due(101) == ON
    talk.answered(OPEN)  # the echo of an enable that was sent twice
    assert talk.due(102) == b""
    talk.answered(reply_frame(0x62))
    assert talk.due(103) == END
    talk.answered(reply_frame(0xFE))
    assert talk.over
    assert talk.due(104) == b""
    assert talk.problem is None


def test_an_unanswered_command_is_sent_again_for_two_seconds_then_the_session_is_closed_three_times() -> None:
    talk = conversation()
    sent = {at: sending for at in range(0, 4000, 50) if (sending := talk.due(at))}
    assert [at for at, sending in sent.items() if sending == ENABLE] == list(range(0, 2000, 250))
    assert [at for at, sending in sent.items() if sending == END] == [2000, 2250, 2500]
    assert talk.over
    assert talk.problem == "enable_config was not answered"


def test_a_refused_command_closes_the_session_and_says_so() -> None:
    talk = conversation()
    assert play(talk, [OPEN, reply_frame(0x62, ok=False), reply_frame(0xFE)]) == [ENABLE, ON, END]
    assert (talk.over, talk.problem) == (True, "engineering_on was refused")


def test_what_is_optional_may_be_refused() -> None:
    talk = conversation(Ask("read_mac", optional=True), Ask("engineering_on"))
    play(talk, [OPEN, reply_frame(0xA5, ok=False), reply_frame(0x62), reply_frame(0xFE)])
    assert (talk.over, talk.problem) == (True, None)
    assert [told["ok"] for _, told in talk.replies] == [False, True]


@pytest.mark.parametrize(
    ("moving", "still", "problem"),
    [
        (40, 41, None),
        (39, 41, "set_gate_sensitivity was acknowledged, but read back of gate 3 moving is 39, not 40"),
        (40, 0, "set_gate_sensitivity was acknowledged, but read back of gate 3 still is 0, not 41"),
    ],
)
def test_what_was_written_is_read_back_and_compared(moving: int, still: int, problem: str | None) -> None:
    talk = conversation(Ask("set_gate_sensitivity", GATE_3))
    sent = play(talk, [OPEN, reply_frame(0x64), parameters(moving, still), reply_frame(0xFE)])
    assert sent[2:] == [READ, END]
    assert (talk.over, talk.problem) == (True, problem)
    assert [ask.command for ask, _ in talk.read_back] == ["read_parameters"]


def test_after_an_answer_to_a_request_that_was_repeated_the_late_ones_are_let_pass() -> None:
    talk = conversation(Ask("read_parameters"), Ask("read_parameters"))
    talk.due(0)
    talk.answered(OPEN)
    assert [talk.due(at) for at in (10, 260, 510)] == [READ, READ, READ]
    talk.answered(parameters(1, 1))  # to the first one: it takes half a second
    assert [talk.due(at) for at in (520, 770)] == [b"", b""]
    talk.answered(parameters(1, 1))  # to the second one
    assert talk.due(1_020) == b""
    talk.answered(parameters(1, 1))  # to the third one
    assert talk.due(1_270) == READ
    talk.answered(parameters(2, 2))
    assert [told["moving_sensitivity"][3] for _, told in talk.replies] == [1, 2]


def test_a_conversation_that_is_broken_off_closes_the_session_that_it_opened() -> None:
    unsaid = conversation()
    unsaid.break_off("stopped")
    assert (unsaid.due(0), unsaid.over, unsaid.problem) == (b"", True, "stopped")

    opening = conversation()
    opening.due(0)
    opening.break_off("stopped")
    assert (opening.due(1), opening.over) == (END, False)

    closing = conversation()
    for at, answer in enumerate((OPEN, reply_frame(0x62))):
        closing.due(at)
        closing.answered(answer)
    assert closing.due(2) == END
    closing.break_off("too late to matter")
    closing.answered(reply_frame(0xFE))
    assert (closing.over, closing.problem) == (True, None)


def test_a_restart_ends_the_session_and_is_followed_by_silence() -> None:
    talk = conversation(Ask("restart"))
    assert play(talk, [OPEN, reply_frame(0xA3)]) == [ENABLE, encode_command(ld2410, "restart", {})]
    assert not talk.over
    assert talk.due(2_000) == b""
    assert talk.over


def test_a_command_that_takes_its_time_is_neither_repeated_nor_followed_before_it_is_over() -> None:
    save, end = encode_command(ld2402, "save", {}), encode_command(ld2402, "end_config", {})
    talk = Conversation(ld2402, [Ask("save")])
    talk.due(0)
    talk.answered(reply_frame(0xFF, b"\2\0\x20\0"))
    assert [talk.due(at) for at in (1, 300, 500, 501)] == [save, b"", b"", save]
    talk.answered(reply_frame(0xFD))
    assert [talk.due(at) for at in (510, 1_509, 1_510)] == [b"", b"", end]


def test_what_cannot_be_written_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(BadInput, match=r"set_gate_sensitivity\.gate"):
        conversation(Ask("engineering_on"), Ask("set_gate_sensitivity", {"gate": 9, "moving": 1, "still": 1}))
