"""What must always hold of sentences and answers of the C4001, and how it is kept in the configured mode."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.commands import Ask, decode_reply, encode_command
from firmware_bridge.drivers import c4001
from firmware_bridge.emulators.c4001 import C4001Emulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Answer, Damage, Decoded, Result
from presence.errors import BadInput
from tests.firmware_bridge.talk import Talk

COMMANDS = json.loads((Path(__file__).parents[2] / "vectors" / "serial" / "c4001_commands.json").read_text())
SOMEBODY, NOBODY = b"$DFHPD,1, , , *\r\n", b"$DFDMD,0, , , , , , *\r\n"
SPEED, PRESENCE = {"mode": "speed"}, {"mode": "presence"}
STREAMS = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [SOMEBODY, NOBODY, b"$DFDMD,1,1,1.817,0.129,15304, , *", b"$DFD", b"*", b"DFRobot:/>", b"Done\r\n"]
        ),
    ),
    max_size=20,
)


def results(*chunks: bytes) -> list[Result]:
    decoder = c4001.driver({})
    return [result for chunk in chunks for result in decoder.feed(chunk)]


@given(STREAMS)
def test_any_bytes_in_any_chunks_give_the_same(chunks: list[bytes]) -> None:
    stream = b"".join(chunks)
    assert results(*chunks) == results(stream)
    assert results(*(stream[at : at + 1] for at in range(len(stream)))) == results(stream)


@given(st.lists(st.tuples(st.binary(max_size=60), st.sampled_from([SOMEBODY, NOBODY])), max_size=8))
def test_sentences_in_noise_are_all_found(pieces: list[tuple[bytes, bytes]]) -> None:
    stream = [noise.replace(b"$", b"") + sentence for noise, sentence in pieces]
    found = [result for result in results(*stream) if not isinstance(result, Answer)]
    assert found == [result for _, sentence in pieces for result in results(sentence)]
    assert len(found) == len(pieces)


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (b"$DFHPD,2, , , *", "'2,,,' is no presence"),
        (b"$DFHPD,1, , ", "cut off"),
        (b"$DFDMD,2,1,1.0,0,1, , *", "'2' is no number from 0 to 1"),
        (b"$DFDMD,0.5,1,1.0,0,1, , *", "'0.5' is no whole number"),
        (b"$DFDMD,1,1,30.1,0,1, , *", "'30.1' is no number from 0 to 30"),
        (b"$DFDMD,1,1,-1,0,1, , *", "'-1' is no number from 0 to 30"),
        (b"$DFDMD,1,1,1.0,nan,1, , *", "'nan' is no number from -100 to 100"),
        (b"$DFDMD,1,1,1.0,0, , , *", "'' is no number from 0 to 1e+07"),
        (b"$DFDMD,1,1,1.0,0,99999999, , *", "'99999999' is no number from 0 to 1e+07"),
        (b"$DFDMD*", "'' is no number from 0 to 1"),
    ],
)
def test_damage_is_told_with_its_place_and_the_next_sentence_is_read(damaged: bytes, reason: str) -> None:
    damage, reading = results(b"\0" * 10 + damaged + SOMEBODY)
    assert damage == Damage(10, reason)
    assert reading == Decoded({"presence": 1.0})


@pytest.mark.parametrize("vector", COMMANDS, ids=lambda vector: vector["id"])
@pytest.mark.parametrize("before", [b"", b"DFRobot:/>", SOMEBODY])
@pytest.mark.parametrize("prompt", [True, False])
def test_an_answer_in_the_stream_is_one_and_is_read(vector: dict[str, Any], before: bytes, prompt: bool) -> None:
    reply = bytes.fromhex(vector["reply_hex"])
    stream = before + (reply if prompt else reply.removesuffix(b"DFRobot:/>"))
    (answer,) = (result for result in results(stream) if isinstance(result, Answer))
    assert decode_reply(c4001, vector["command"], vector["args"], answer.whole) == vector["expect"]


def test_every_setting_is_written_read_back_and_told() -> None:
    talk = Talk("c4001")
    outcome = talk.ask(
        Ask("set_range", {"min": 0.6, "max": 4}),
        Ask("set_trigger_range", {"trigger_max": 3.5}),
        Ask("set_latency", {"on": 0.2, "off": 20}),
        Ask("set_sensitivity", {"hold": 6, "trigger": 4}),
        *c4001.SETTINGS,
    )
    assert outcome.problem is None
    assert len(outcome.read_back) == 4
    told = {name: value for _, reply in outcome.replies for name, value in reply.items() if name != "ok"}
    assert told == {"min": 0.6, "max": 4, "trigger_max": 3.5, "on": 0.2, "off": 20, "hold": 6, "trigger": 4}
    assert talk.said[-2].startswith(b"saveConfig 0x45670123 ")
    assert talk.device.console.saves == 1
    assert talk.go_on(2_000)


class Stubborn(C4001Emulator):
    """Acknowledges a range and keeps its own."""

    def receive(self, data: bytes) -> bytes:
        kept = self.console.settings["Range"]
        answer = super().receive(data)
        self.console.settings["Range"] = kept
        return answer


def test_a_setting_that_is_read_back_otherwise_is_said_and_the_radar_started() -> None:
    talk = Talk("c4001", device=Stubborn(1))
    outcome = talk.ask(Ask("set_range", {"min": 0.6, "max": 4}))
    assert outcome.problem == "set_range was acknowledged, but read back max is 12, not 4"
    assert talk.go_on(2_000)


@pytest.mark.parametrize("config", [{}, PRESENCE])
def test_a_radar_that_is_as_configured_or_not_configured_is_never_written_to(config: dict[str, Any]) -> None:
    talk = Talk("c4001", config)
    assert len(talk.go_on(60_000)) == 60
    assert talk.said == []


def test_the_configured_mode_is_set_and_saved_once_the_other_one_is_heard() -> None:
    talk = Talk("c4001", SPEED)
    talk.device.target = Target("moving", 2.0, 60)
    readings = talk.go_on(60_000)
    assert set(readings[0].values) == {"presence"}
    assert "distance" in readings[-1].values or readings[-1].values["target_count"] == 0
    assert [sent.partition(b" ")[0].strip() for sent in talk.said] == [
        b"sensorStop",
        b"setRunApp",
        b"saveConfig",
        b"sensorStart",
    ]
    assert (talk.device.console.saves, talk.dialogue.trouble) == (1, None)


def test_a_mode_that_cannot_be_set_is_tried_ever_more_seldom_and_the_radar_goes_on() -> None:
    talk = Talk("c4001", SPEED, lost=b"setRunApp")
    readings = talk.go_on(10 * 60_000)
    assert talk.dialogue.trouble == "set_mode was not answered"
    # After 0, 30, 90, 210, 450 s, three times each.
    assert sum(sent.startswith(b"setRunApp") for sent in talk.said) == 15
    assert len(readings) > 500
    assert talk.device.console.saves == 0


@pytest.mark.parametrize(
    ("command", "args", "message"),
    [
        ("set_mode", {"mode": "both"}, "c4001: set_mode.mode: 'both' cannot be used; give one of presence, speed"),
        ("set_range", {"min": 0, "max": 3}, "c4001: set_range.min: 0 cannot be used; give a number from 0.3 to 25"),
        (
            "set_latency",
            {"on": 0, "off": 0},
            "c4001: set_latency.off: 0 cannot be used; give a number from 0.5 to 1500",
        ),
        ("set_trigger_range", {}, "c4001: set_trigger_range.trigger_max: is missing; "),
        ("set_sensitivity", {"hold": 7}, "c4001: set_sensitivity.trigger: is missing; give a whole number from 0 to 9"),
    ],
)
def test_a_command_that_cannot_be_written_says_why(command: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as wrong:
        encode_command(c4001, command, args)
    assert str(wrong.value).startswith(message)


@pytest.mark.parametrize("config", [{"mode": "both"}, {"mode": 1}, {"mode": []}, {"mod": "speed"}])
def test_a_configuration_that_is_not_understood_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        c4001.driver(config)
