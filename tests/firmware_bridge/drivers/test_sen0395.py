"""What must always hold of sentences and answers of the SEN0395, and of what it is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.commands import Ask, decode_reply, encode_command
from firmware_bridge.dfrobot import LONGEST_ANSWER, LONGEST_LINE, LONGEST_SENTENCE
from firmware_bridge.drivers import sen0395
from firmware_bridge.resync import Answer, Damage, Decoded, Result
from presence.errors import BadInput, DamagedFrame
from tests.firmware_bridge.talk import Talk

COMMANDS = json.loads((Path(__file__).parents[2] / "vectors" / "serial" / "sen0395_commands.json").read_text())
SOMEBODY, NOBODY = b"$JYBSS,1, , , *\r\n", b"$JYBSS,0, , , *\r\n"
SETTING = Ask("set_latency", {"on": 1, "off": 10})
STREAMS = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [SOMEBODY, b"$JYRPO,1,1,2.5, ,3.5, , *", b"$JYB", b"*", b"\r\n", b"leapMMW:/>", b"sensorStop\r\n"]
        ),
        st.sampled_from([b"Done\r\n", b"Error\r\n", b"Response 0 6\r\n", b"x" * 200, b"$" + b"y" * 100]),
    ),
    max_size=20,
)


def results(*chunks: bytes) -> list[Result]:
    decoder = sen0395.driver({})
    return [result for chunk in chunks for result in decoder.feed(chunk)]


@given(STREAMS)
def test_any_bytes_in_any_chunks_give_the_same_and_what_is_kept_is_bounded(chunks: list[bytes]) -> None:
    decoder = sen0395.driver({})
    found = []
    for chunk in chunks:
        found += decoder.feed(chunk)
        assert len(decoder._unread) < LONGEST_SENTENCE
        assert len(decoder._line) <= LONGEST_LINE
        assert sum(map(len, decoder._lines)) <= LONGEST_ANSWER
    stream = b"".join(chunks)
    assert found == results(stream)
    assert found == results(*(stream[at : at + 1] for at in range(len(stream))))


@given(st.lists(st.tuples(st.binary(max_size=60), st.sampled_from([SOMEBODY, NOBODY])), max_size=8))
def test_sentences_in_noise_are_all_found(pieces: list[tuple[bytes, bytes]]) -> None:
    stream = [noise.replace(b"$", b"") + sentence for noise, sentence in pieces]
    found = [result for result in results(*stream) if not isinstance(result, Answer)]
    assert found == [Decoded({"presence": float(sentence == SOMEBODY)}) for _, sentence in pieces]


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (b"$JYBSS,7, , , *", "'7,,,' is no presence"),
        (b"$JYBSS*", "'' is no presence"),
        (b"$JYBSS,1, ,7, *", "'1,,7,' is no presence"),
        (b"$JYBSS,1", "cut off"),
        (b"$JYBSS,1\r\n", "cut off"),
        (b"$JYBSS,1\xff", "cut off"),
        (b"$" + b"x" * 79, "no end in 80 characters"),
        (b"$JYRPO,9,1,1.0, ,1, , *", "'9' is no number from 0 to 8"),
        (b"$JYRPO,2,3,1.0, ,1, , *", "'3' is no number from 0 to 2"),
        (b"$JYRPO,1.5,1,1.0, ,1, , *", "'1.5' is no whole number"),
        (b"$JYRPO,1,1, , ,1, , *", "'' is no number from 0 to 100"),
        (b"$JYRPO,1,1,1e5, ,1, , *", "'1e5' is no number from 0 to 100"),
        (b"$JYRPO,1,1,1.0*", "'' is no number from -1e+06 to 1e+06"),
    ],
)
def test_damage_is_told_with_its_place_and_the_next_sentence_is_read(damaged: bytes, reason: str) -> None:
    damage, reading = results(b"\0" * 10 + damaged + SOMEBODY)
    assert damage == Damage(10, reason)
    assert reading == Decoded({"presence": 1.0})


@pytest.mark.parametrize("vector", COMMANDS, ids=lambda vector: vector["id"])
@pytest.mark.parametrize("before", [b"", b"leapMMW:/>", SOMEBODY, b"boot 1.2\r\nsensorStart\r\n", b"\x08#\xc2"])
@pytest.mark.parametrize("prompt", [True, False])
def test_an_answer_in_the_stream_is_one_and_is_read(vector: dict[str, Any], before: bytes, prompt: bool) -> None:
    reply = bytes.fromhex(vector["reply_hex"])
    stream = before + (reply if prompt else reply.removesuffix(b"leapMMW:/>"))
    (answer,) = (result for result in results(stream) if isinstance(result, Answer))
    assert decode_reply(sen0395, vector["command"], vector["args"], answer.whole) == vector["expect"]


def test_sentences_between_and_inside_the_lines_of_an_answer_are_taken_out() -> None:
    stream = b"leapMMW:/>" + SOMEBODY + b"getR" + SOMEBODY + b"ange\r\nResponse 0.600 6.000\r\n" + NOBODY + b"Done\r\n"
    *readings, answer = results(stream)
    assert answer == Answer(b"getRange\r\nResponse 0.600 6.000\r\nDone\r\n")
    assert [reading.values["presence"] for reading in readings if isinstance(reading, Decoded)] == [1, 1, 0]


@pytest.mark.parametrize(
    ("command", "answer", "ok"),
    [
        ("stop", b"sensor stopped already", True),
        ("start", b"sensor started already", True),
        ("start", b"new parameter isn't save, can't startSensor", False),
        ("save", b"no parameter has changed", True),
        ("factory_reset", b"sensor is not stopped", False),
        ("stop", b"Error", False),
    ],
)
def test_what_the_device_says_in_other_words_is_understood(command: str, answer: bytes, ok: bool) -> None:
    whole = encode_command(sen0395, command, {}) + answer + b"\r\nleapMMW:/>"
    assert decode_reply(sen0395, command, {}, whole) == {"ok": ok}


def test_an_answer_belongs_to_the_command_that_it_echoes() -> None:
    late = b"setSensitivity 3\r\nDone\r\n"
    assert decode_reply(sen0395, "set_sensitivity", {"level": 3}, late) == {"ok": True}
    for command, args in [("set_sensitivity", {"level": 4}), ("stop", {})]:
        with pytest.raises(DamagedFrame, match="no answer to"):
            decode_reply(sen0395, command, args, late)
    with pytest.raises(DamagedFrame, match="no end of an answer"):
        decode_reply(sen0395, "stop", {}, b"Done\r\nsensorStop\r\n")
    with pytest.raises(DamagedFrame, match="no number"):
        decode_reply(sen0395, "read_range", {}, b"getRange\r\nResponse 0.6\r\nDone\r\n")


def test_what_the_device_says_to_a_line_of_ones_own_is_told() -> None:
    assert Talk("sen0395").ask(Ask("raw", {"line": "getLatency"})).replies[0][1] == {
        "ok": True,
        "response": "2.500 5.000",
    }


def test_what_a_line_of_ones_own_sets_is_saved_for_else_the_radar_would_not_start() -> None:
    talk = Talk("sen0395")
    assert talk.ask(Ask("raw", {"line": "setSensitivity 2"})).problem is None
    assert talk.device.console.saves == 1
    assert talk.go_on(2_000)


def test_a_radar_that_does_not_start_again_is_said() -> None:
    talk = Talk("sen0395")
    talk.device.receive(b"sensorStop\r\nsetSensitivity 2\r\n")
    assert talk.ask(Ask("read_range")).problem == "start was refused"


def test_every_setting_is_written_between_stop_and_save_read_back_and_the_radar_started() -> None:
    talk = Talk("sen0395")
    outcome = talk.ask(
        Ask("set_range", {"min": 0.5, "max": 4}),
        SETTING,
        Ask("set_sensitivity", {"level": 4}),
        Ask("set_led", {"on": False}),
        *sen0395.SETTINGS,
    )
    assert outcome.problem is None
    assert outcome.read_back == [(Ask("read_range"), {"ok": True, "min": 0.45, "max": 4.05})]
    assert outcome.replies[-1][1] == {"ok": True, "min": 0.45, "max": 4.05}
    assert talk.said == [
        b"sensorStop\r\n",
        b"detRangeCfg -1 3 27\r\n",
        b"getRange\r\n",
        b"setLatency 1.000 10.000\r\n",
        b"setSensitivity 4\r\n",
        b"setLedMode 1 1\r\n",
        b"getRange\r\n",
        b"saveCfg 0x45670123 0xCDEF89AB 0x956128C6 0xDF54AC89\r\n",
        b"sensorStart\r\n",
    ]
    assert talk.device.console.saves == 1
    assert talk.go_on(2_000)


def test_questions_alone_save_nothing() -> None:
    talk = Talk("sen0395")
    assert talk.ask(*sen0395.SETTINGS).problem is None
    assert talk.device.console.saves == 0


@pytest.mark.parametrize(
    ("lost", "asks", "problem"),
    [
        (b"setLatency", [SETTING], "set_latency was not answered"),
        (b"getRange", [Ask("read_range")], "read_range was not answered"),
        (b"getRange", [SETTING, Ask("read_range")], "read_range was not answered"),
        (b"none", [Ask("raw", {"line": "fly"})], "raw was refused"),
        (b"none", [SETTING, Ask("raw", {"line": "fly"}), Ask("restart")], "raw was refused"),
    ],
)
def test_the_radar_is_started_again_whatever_went_wrong(lost: bytes, asks: list[Ask], problem: str) -> None:
    talk = Talk("sen0395", lost=lost)
    assert talk.ask(*asks).problem == problem
    assert talk.said[-1] == b"sensorStart\r\n"
    assert talk.device.console.running
    assert talk.go_on(2_000)


def test_a_save_that_is_not_answered_is_not_written_twice() -> None:
    talk = Talk("sen0395", lost=b"saveCfg")
    assert talk.ask(SETTING).problem == "save was not answered"
    assert sum(sent.startswith(b"saveCfg") for sent in talk.said) == 1


def test_a_restart_comes_after_what_was_set_is_saved() -> None:
    talk = Talk("sen0395")
    assert talk.ask(SETTING, Ask("restart")).problem is None
    assert talk.said[-1] == b"resetSystem\r\n"
    assert talk.device.console.settings["Latency"] == ("1.000", "10.000")
    assert talk.go_on(2_000)


def test_a_radar_that_was_left_stopped_is_started_after_ten_seconds_of_silence_and_no_other_is_written_to() -> None:
    talk = Talk("sen0395")
    talk.go_on(60_000)
    assert talk.said == []
    talk.device.receive(b"sensorStop\r\n")
    assert not talk.go_on(9_000)
    assert talk.go_on(4_000)
    assert talk.said == [b"sensorStart\r\n"]


@pytest.mark.parametrize(
    ("command", "args", "message"),
    [
        ("set_range", {"min": 4, "max": 3}, "sen0395: set_range.max: 3 cannot be used; give a number from 4 to 9"),
        ("set_sensitivity", {"level": 10}, "sen0395: set_sensitivity.level: 10 cannot be used; "),
        ("set_latency", {"on": 1}, "sen0395: set_latency.off: is missing; give a number from 0 to 1638.38"),
        ("set_led", {"on": "yes"}, "sen0395: set_led.on: 'yes' cannot be used; give one of true, false"),
        ("raw", {"line": "a\r\nb"}, "sen0395: raw.line: not 1 to 100 printable"),
        ("stop", {"now": True}, "sen0395: stop.now: not known; give no arguments"),
        ("set_mode", {"mode": "speed"}, 'sen0395: no command "set_mode"; known: '),
    ],
)
def test_a_command_that_cannot_be_written_says_why(command: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as wrong:
        encode_command(sen0395, command, args)
    assert str(wrong.value).startswith(message)


def test_a_configuration_is_refused_and_the_device_left_alone() -> None:
    assert sen0395.setup({}) == ()
    with pytest.raises(BadInput, match=r"config\.mode"):
        sen0395.driver({"mode": "presence"})
