"""What must always hold of a MySensors gateway: any chunks, damage, ids for new nodes, the sign of life."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.commands import decode_reply, encode_command
from firmware_bridge.drivers import mysensors
from firmware_bridge.drivers.mysensors import ASK_VERSION
from firmware_bridge.resync import Answer, Damage, Decoded, Result
from presence.errors import BadInput, DamagedFrame

TRIPPED = b"12;1;1;0;16;1\n"
FRAGMENTS = st.sampled_from([b"12;", b";", b"0;255;3;0;", b"255;255;3;0;3;\n", b"\n", b"\r\n", b"\0", TRIPPED])
FIELDS = st.integers(0, 260).map(lambda number: b"%d;" % number)
STREAMS = st.lists(st.one_of(st.binary(max_size=20), FIELDS, FRAGMENTS), max_size=30)


def results(*chunks: bytes) -> list[Result]:
    decoder = mysensors.driver({})
    return [result for chunk in chunks for result in decoder.feed(chunk)]


@given(STREAMS)
def test_any_bytes_in_any_chunks_give_the_same_and_never_more_than_one_line_is_kept(chunks: list[bytes]) -> None:
    decoder, found = mysensors.driver({"controller": True}), list[Result]()
    for chunk in chunks:
        found += decoder.feed(chunk)
        assert len(decoder._lines._unread) <= 257
        assert len(decoder._answers) <= 16
    assert found == results(b"".join(chunks))


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (b"12;1;1\n", "not node;child;command;ack;type;payload"),
        (b"12;1;1;2;16;1\n", "not node;child;command;ack;type;payload"),
        (b"300;1;1;0;16;1\n", "node, child, command or type out of range"),
        (b"12;256;1;0;16;1\n", "node, child, command or type out of range"),
        (b"12;1;5;0;16;1\n", "node, child, command or type out of range"),
        (b"12;1;1;0;16;yes\n", "tripped is neither 0 nor 1"),
        (b"12;1;1;0;13;far\n", "no number for type 13"),
        (b"12;1;1;0;13;nan\n", "no number for type 13"),
        (b"12;255;3;0;0;\n", "no number for type 0"),
        (b"12;1;1;0;16;1\0", "broken by a byte 00"),
        (b"12;1;1;0;47;" + b"x" * 256 + b"\n", "longer than 256 bytes"),
    ],
)
def test_damage_is_told_with_its_place_and_the_next_line_is_read(damaged: bytes, reason: str) -> None:
    assert results(b"boot\r\n" + damaged + TRIPPED) == [Damage(6, reason), Decoded({"presence": 1.0}, "12/1")]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"4;1;1;0;0;-3.5\n", [Decoded({"temperature": -3.5}, "4/1")]),
        (b"4;2;0;0;16;\n4;2;1;0;37;320\n", [Decoded({"illuminance": 320.0}, "4/2")]),
        (b"4;2;1;0;37;320\n", []),  # a level of anything
        (b"4;2;0;0;0;door\n4;2;1;0;16;ajar\n", []),
        (b"4;255;0;0;17;2.3.2\n4;255;3;0;11;Sketch\n0;255;3;0;9;log\n", []),
        (b"4;1;1;1;16;1\n", [Answer(b"4;1;1;1;16;1\n")]),
        (b"0;255;3;0;2;2.3.2\n", [Answer(b"0;255;3;0;2;2.3.2\n")]),
    ],
)
def test_only_what_speaks_of_presence_and_its_conditions_is_read(said: bytes, expected: list[Result]) -> None:
    assert results(said) == expected


def test_the_version_is_asked_for_at_once_and_every_minute() -> None:
    decoder = mysensors.driver({})
    asked = [at for at in range(0, 130_000, 100) if decoder.outgoing(at) == ASK_VERSION]
    assert asked == [0, 60_000, 120_000]


def test_a_controller_gives_each_new_node_an_id_that_is_not_in_use() -> None:
    decoder = mysensors.driver({"controller": True, "taken": [1, 3]})
    decoder.outgoing(0)
    decoder.feed(b"2;255;3;0;0;91\n255;255;3;0;3;\n255;255;3;0;3;\n2;255;3;0;6;0\n")
    assert decoder.outgoing(1) == b"255;255;3;0;4;4\n255;255;3;0;4;5\n2;255;3;0;6;M\n"
    assert decoder.outgoing(2) == b""


def test_when_all_ids_are_in_use_none_is_given() -> None:
    decoder = mysensors.driver({"controller": True, "taken": list(range(1, 255))})
    decoder.outgoing(0)
    decoder.feed(b"255;255;3;0;3;\n")
    assert decoder.outgoing(1) == b""


def test_without_being_the_controller_nothing_is_answered() -> None:
    decoder = mysensors.driver({})
    decoder.outgoing(0)
    decoder.feed(b"255;255;3;0;3;\n2;255;3;0;6;0\n")
    assert decoder.outgoing(1) == b""


@pytest.mark.parametrize(
    ("command", "args", "message"),
    [
        ("set", {"node": 0, "child": 1, "type": 2, "value": "1"}, "set.node: 0 cannot be used; give a whole number"),
        ("set", {"node": 1, "child": 1, "type": 2, "value": "x" * 26}, "set.value: not 0 to 25 printable ASCII"),
        ("set", {"node": 1, "child": 1, "type": 2}, "set.value: is missing"),
        ("reboot", {}, "reboot.node: is missing"),
    ],
)
def test_a_command_that_cannot_be_written_says_why(command: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as wrong:
        encode_command(mysensors, command, args)
    assert str(wrong.value).startswith(f"mysensors: {message}")


def test_only_the_message_itself_answers_it() -> None:
    args = {"node": 12, "child": 3, "type": 2, "value": "1"}
    for other in (b"12;3;1;1;2;0\n", b"12;4;1;1;2;1\n", b"0;255;3;0;2;2.3.2\n"):
        with pytest.raises(DamagedFrame):
            decode_reply(mysensors, "set", args, other)
    with pytest.raises(DamagedFrame):
        decode_reply(mysensors, "read_version", {}, b"12;3;1;1;2;1\n")


@pytest.mark.parametrize("config", [{"controler": True}, {"controller": 1}, {"taken": [0]}, {"taken": 12}])
def test_a_configuration_that_is_not_understood_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"mysensors: config\."):
        mysensors.driver(config)
