"""A command that comes again is answered from memory, which forgets."""

from __future__ import annotations

from firmware_bridge.answers import KEPT_MS, Answers, Caller
from transport.session import Message

ME = Caller("a", "hadir/1/mpp/reply/me", b"1")
ANSWER = Message("hadir/1/mpp/reply/me", b"{}")


def test_a_repeated_command_gets_its_answer_again_once_there_is_one() -> None:
    answers = Answers()
    assert answers.seen(ME, 0) == "new"
    assert answers.seen(ME, 10) is None
    answers.keep(ME, ANSWER)
    assert answers.seen(ME, KEPT_MS - 1) == ANSWER
    assert answers.seen(ME, KEPT_MS) == "new"


def test_another_sensor_sender_correlation_or_question_is_another_command() -> None:
    answers = Answers()
    answers.seen(ME, 0)
    others = ME._replace(sensor="b"), ME._replace(response_topic=None), ME._replace(correlation=b"2")
    assert [answers.seen(other, 0) for other in (*others, ME._replace(asked=b"else"))] == ["new"] * 4


def test_without_correlation_every_command_is_new() -> None:
    answers, nobody = Answers(), ME._replace(correlation=None)
    assert [answers.seen(nobody, 0), answers.seen(nobody, 0)] == ["new", "new"]


def test_the_memory_is_bounded_and_loses_the_oldest() -> None:
    answers = Answers()
    for number in range(1_000):
        caller = ME._replace(correlation=str(number).encode())
        answers.seen(caller, 0)
        answers.keep(caller, ANSWER)
    assert answers.seen(ME._replace(correlation=b"999"), 0) == ANSWER
    assert answers.seen(ME._replace(correlation=b"0"), 0) == "new"
