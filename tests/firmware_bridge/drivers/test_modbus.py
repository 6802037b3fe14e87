"""What must always hold of the Modbus decoder; whom it asks and when; what a wrong configuration is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.commands import Ask, decode_reply, encode_command
from firmware_bridge.dialogue import Dialogue, Outcome
from firmware_bridge.drivers import modbus
from firmware_bridge.modbus_rtu import LONGEST, request, sealed
from firmware_bridge.resync import Answer, Damage, Decoded, Result
from presence.errors import BadInput, DamagedFrame

LASER = {"unit": 80, "function": 3, "address": 52, "count": 1, "map": {"distance": {"register": 52, "scale": 0.001}}}
RADAR = {"unit": 1, "function": 4, "address": 0, "count": 2, "map": {"presence": {"register": 0}}}
# Its request begins as its reply does: address 02.. , two bytes.
ALIKE = {"unit": 7, "function": 3, "address": 0x200, "count": 1, "map": {"temperature": {"register": 0x200}}}
ALL = {"units": {"laser": LASER, "radar": RADAR, "alike": ALIKE}, "interval_ms": 500}

ASK_LASER, ASK_RADAR, ASK_ALIKE = request(80, 3, 52, 1), request(1, 4, 0, 2), request(7, 3, 0x200, 1)
FAR = bytes.fromhex("500302070b067f")
SOMEBODY, BUSY = sealed(b"\x01\x04\x04\0\1\0\0"), sealed(b"\x01\x84\x06")
WARM = sealed(b"\x07\x03\x02\0\x15")
FRAGMENTS = st.sampled_from(
    [ASK_LASER, ASK_ALIKE, FAR, SOMEBODY, BUSY, WARM, SOMEBODY[:5], ASK_ALIKE[:7], b"\x01\x04", b"\x01\x03\xfa"]
)
STREAMS = st.lists(st.one_of(st.binary(max_size=20), FRAGMENTS), max_size=20)


def results(*chunks: bytes, config: Mapping[str, Any] = ALL) -> list[Result]:
    decoder = modbus.driver(config)
    return [result for chunk in chunks for result in decoder.feed(chunk)]


def told(*chunks: bytes, config: Mapping[str, Any] = ALL) -> list[Result]:
    """Readings and damages."""
    return [result for result in results(*chunks, config=config) if not isinstance(result, Answer)]


@given(STREAMS)
def test_any_bytes_in_any_chunks_give_the_same_and_never_more_than_one_frame_is_kept(chunks: list[bytes]) -> None:
    decoder, found = modbus.driver(ALL), list[Result]()
    for chunk in chunks:
        found += decoder.feed(chunk)
        assert len(decoder._unread) < 9
        assert len(decoder._answers._recent) < LONGEST
    whole = b"".join(chunks)
    assert found == results(whole) == results(*(whole[at : at + 1] for at in range(len(whole))))


@given(st.binary(max_size=60), st.integers(0, 8 * len(SOMEBODY) - 1))
def test_a_wrong_bit_never_makes_a_reading_and_the_next_reply_is_read(noise: bytes, bit: int) -> None:
    wrong = bytearray(SOMEBODY)
    wrong[bit // 8] ^= 1 << bit % 8
    found = told(bytes(wrong) + SOMEBODY)
    assert found[-1] == Decoded({"presence": 1.0}, "radar")
    assert [result for result in found if isinstance(result, Decoded)] == found[-1:]


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (SOMEBODY[:-1] + b"\0", "wrong checksum"),
        (BUSY[:-1] + b"\0", "wrong checksum"),
        (BUSY, "unit 1 refused: exception 6, busy"),
        (sealed(b"\x50\x83\x0b"), "unit 80 refused: exception 11, see its manual"),
    ],
)
def test_damage_is_told_with_its_place_and_the_next_reply_is_read(damaged: bytes, reason: str) -> None:
    assert told(b"\0" * 10 + damaged + FAR) == [Damage(10, reason), Decoded({"distance": 1.803}, "laser")]


def test_the_echo_of_a_request_is_noise_even_when_it_begins_as_the_reply_does() -> None:
    assert told(ASK_ALIKE + WARM) == [Decoded({"temperature": 21.0}, "alike")]
    assert told(ASK_LASER + FAR) == [Decoded({"distance": 1.803}, "laser")]


def test_noise_that_claims_a_long_reply_does_not_hold_up_the_true_one() -> None:
    long = b"\x09\x03\xfa"
    assert told(long + FAR) == [Decoded({"distance": 1.803}, "laser")]
    assert Answer(FAR) in results(long + FAR)


def test_replies_to_others_are_answers_and_no_readings() -> None:
    written, other = sealed(b"\x01\x06\0\x69\0\x1e"), sealed(b"\x21\x04\x02\0\1")
    assert results(written + other) == [Answer(written), Answer(other)]


def test_what_a_register_means() -> None:
    registers = {
        "distance": {"register": 5, "scale": 0.0001, "absent": 0xFFFF},
        "temperature": {"register": 6, "scale": 0.1, "signed": True},
        "presence": {"register": 8, "type": "bool"},
    }
    config = {"unit": 12, "function": 4, "address": 5, "count": 4, "map": registers}
    said = {"temperature": -0.3, "presence": 1.0}
    assert told(sealed(b"\x0c\x04\x08\xff\xff\xff\xfd\0\0\0\2"), config=config) == [Decoded(said)]


def test_a_reply_in_which_all_is_absent_is_no_reading() -> None:
    config = {**LASER, "map": {"distance": {"register": 52, "absent": 0}}}
    silent = sealed(b"\x50\x03\x02\0\0")
    assert results(silent, config=config) == [Answer(silent)]


class Bus:
    """The driver over a perfect line, on which some units answer at once."""

    def __init__(self, config: Mapping[str, Any], answers: Mapping[bytes, bytes]) -> None:
        self.answers = dict(answers)
        self.driver = modbus.driver(config)
        self.dialogue = Dialogue(modbus, self.driver, config)
        self.asked: list[tuple[int, bytes]] = []
        self.found: list[Result] = []

    def go_on(self, from_ms: int, to_ms: int) -> list[tuple[int, bytes]]:
        """What was asked in that time, and when."""
        self.asked = []
        for at in range(from_ms, to_ms, 20):
            if sent := self.dialogue.outgoing(at):
                self.asked.append((at, sent))
                for result in self.driver.feed(self.answers.get(sent, b"")):
                    if isinstance(result, Answer):
                        self.dialogue.answered(result.whole)
                    else:
                        self.found.append(result)
        return self.asked


def test_units_are_asked_one_after_the_other_every_interval() -> None:
    bus = Bus(ALL, {ASK_LASER: FAR, ASK_RADAR: SOMEBODY, ASK_ALIKE: WARM})
    asked = bus.go_on(0, 1_000)
    assert [sent for _, sent in asked] == [ASK_LASER, ASK_RADAR, ASK_ALIKE] * 2
    assert [at for at, sent in asked if sent == ASK_LASER] == [0, 500]
    assert [result.part for result in bus.found if isinstance(result, Decoded)] == ["laser", "radar", "alike"] * 2


def test_a_silent_unit_is_asked_three_times_then_once_a_round_and_holds_up_nobody_for_long() -> None:
    bus = Bus(ALL, {ASK_RADAR: SOMEBODY, ASK_ALIKE: WARM})
    first = bus.go_on(0, 960)
    assert [at for at, sent in first if sent == ASK_LASER] == [0, 300, 600]
    assert [at for at, sent in first if sent == ASK_RADAR] == [900]
    later = bus.go_on(960, 2_900)
    asked_laser = [at for at, sent in later if sent == ASK_LASER]
    assert len(asked_laser) == len([at for at, sent in later if sent == ASK_RADAR]) == 4
    bus.answers[ASK_LASER] = FAR
    assert [sent for _, sent in bus.go_on(2_900, 3_400)].count(ASK_LASER) == 1
    assert Decoded({"distance": 1.803}, "laser") in bus.found


def test_a_damaged_reply_is_asked_for_again() -> None:
    bus = Bus(LASER, {ASK_LASER: FAR[:-1] + b"\0"})
    assert [at for at, _ in bus.go_on(0, 900)] == [0, 300, 600]


def test_a_busy_unit_is_asked_again_at_the_next_interval() -> None:
    bus = Bus({**RADAR, "interval_ms": 1_000}, {ASK_RADAR: BUSY})
    assert [at for at, _ in bus.go_on(0, 2_000)] == [0, 1_000]
    assert bus.found == [Damage(0, "unit 1 refused: exception 6, busy"), Damage(5, "unit 1 refused: exception 6, busy")]


def test_what_people_read_of_the_same_shape_is_no_reading() -> None:
    other = {"unit": 80, "function": 3, "address": 60, "count": 1}
    reply, outcomes = sealed(b"\x50\x03\x02\0\7"), list[Outcome]()
    bus = Bus(LASER, {ASK_LASER: FAR, request(80, 3, 60, 1): reply})
    bus.go_on(0, 100)
    bus.dialogue.ask([Ask("read_registers", other)], outcomes.append)
    bus.go_on(100, 1_000)
    assert [told for _, told in outcomes[0].replies] == [{"ok": True, "registers": [7]}]
    assert set(map(repr, bus.found)) == {repr(Decoded({"distance": 1.803}))}


def test_people_wait_until_the_units_turn_is_over_and_no_unit_is_asked_meanwhile() -> None:
    bus, outcomes = Bus(LASER, {}), list[Outcome]()
    bus.go_on(0, 100)
    bus.dialogue.ask([Ask("read_register", {"unit": 1, "address": 105})], outcomes.append)
    asked = bus.go_on(100, 2_000)
    assert asked[0] == (300, request(1, 3, 105, 1))
    assert outcomes[0].problem == "read_register was not answered"
    assert asked[-1][1] == ASK_LASER


def test_what_was_written_is_read_back() -> None:
    written, ask, outcomes = request(1, 6, 105, 30), request(1, 3, 105, 1), list[Outcome]()
    bus = Bus(LASER, {ASK_LASER: FAR, written: written, ask: sealed(b"\x01\x03\x02\0\x1d")})
    bus.dialogue.ask([Ask("write_register", {"unit": 1, "address": 105, "value": 30})], outcomes.append)
    bus.go_on(0, 1_000)
    assert outcomes[0].problem == "write_register was acknowledged, but read back value is 29, not 30"


@pytest.mark.parametrize(
    ("command", "args", "message"),
    [
        ("read_registers", {"unit": 0}, "read_registers.unit: 0 cannot be used; give a whole number from 1 to 247"),
        ("read_registers", {"unit": 1, "function": 1}, "read_registers.function: 1 cannot be used; "),
        ("read_registers", {"unit": 1, "function": 3, "address": 65535, "count": 2}, "read_registers.count: 2 cannot"),
        ("write_register", {"unit": 1, "address": 1, "value": 65536}, "write_register.value: 65536 cannot be used; "),
    ],
)
def test_a_command_that_cannot_be_written_says_why(command: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as wrong:
        encode_command(modbus, command, args)
    assert str(wrong.value).startswith(f"modbus: {message}")


@pytest.mark.parametrize(
    ("command", "args", "other"),
    [
        ("read_registers", {"unit": 80, "function": 3, "address": 52, "count": 2}, FAR),
        ("read_registers", {"unit": 81, "function": 3, "address": 52, "count": 1}, FAR),
        ("read_registers", {"unit": 80, "function": 4, "address": 52, "count": 1}, FAR),
        ("read_registers", {"unit": 80, "function": 3, "address": 52, "count": 1}, FAR[:-1] + b"\0"),
        ("write_register", {"unit": 1, "address": 105, "value": 31}, request(1, 6, 105, 30)),
    ],
)
def test_a_reply_to_something_else_answers_nothing(command: str, args: dict[str, Any], other: bytes) -> None:
    with pytest.raises(DamagedFrame):
        decode_reply(modbus, command, args, other)


DISTANCE = {"register": 52}


@pytest.mark.parametrize(
    ("config", "problems"),
    [
        (
            {},
            [
                "config.unit: is missing; give a whole number from 1 to 247",
                "config.function: is missing; give a whole number from 3 to 4",
                "config.address: is missing; give a whole number from 0 to 65535",
                "config.count: is missing; give a whole number from 1 to 125",
                "config.map: is missing; give an object with one entry at least",
            ],
        ),
        ({**LASER, "unit": 248}, ["config.unit: 248 cannot be used; give a whole number from 1 to 247"]),
        ({**LASER, "unti": 1}, ["config.unti: not known; known: unit, function, address, count, map, interval_ms"]),
        ({**LASER, "count": 126}, ["config.count: 126 cannot be used; give a whole number from 1 to 125"]),
        (
            {**LASER, "address": 65535, "count": 2},
            ["config.count: 2 cannot be used; give a whole number from 1 to 1"],
        ),
        ({**LASER, "interval_ms": 10}, ["config.interval_ms: 10 cannot be used; give a whole number from 50 to 5000"]),
        ({**LASER, "map": {}}, ["config.map: {} cannot be used; give an object with one entry at least"]),
        ({**LASER, "map": {"distance": 52}}, None),
        (
            {**LASER, "map": {"distance": {"register": 53}}},
            ["config.map.distance.register: 53 cannot be used; give a whole number from 52 to 52"],
        ),
        (
            {**LASER, "map": {"range": DISTANCE}},
            ["config.map.range: no quantity; name one, such as presence or distance"],
        ),
        ({**LASER, "map": {"seq": DISTANCE}}, ["config.map.seq: no quantity; name one, such as presence or distance"]),
        (
            {**LASER, "map": {"distance": DISTANCE, "speed": DISTANCE}},
            ["config.map.speed.register: 52 is distance's already; name another one"],
        ),
        (
            {**LASER, "map": {"distance": {"register": 52, "type": "bool"}}},
            ["config.map.distance.type: 'bool' cannot be used; give number, or leave it out"],
        ),
        (
            {**LASER, "map": {"presence": {"register": 52, "scale": 2}}},
            ["config.map.presence.scale: not known; known: register, type, absent"],
        ),
        (
            {**LASER, "map": {"distance": {"register": 52, "scale": 0, "signed": 1, "absent": -1}}},
            [
                "config.map.distance.scale: 0 cannot be used; give a number other than 0",
                "config.map.distance.signed: 1 cannot be used; give false or true, or leave it out",
                "config.map.distance.absent: -1 cannot be used; give a whole number from 0 to 65535",
            ],
        ),
        (
            {"units": {"a": LASER, "b": {**LASER, "address": 60, "map": {"distance": {"register": 60}}}}},
            ["config.units.b: answers like a: same unit, function and count; ask for another count"],
        ),
        (
            {"units": {"a": {**LASER, "unit": 0}}, "unit": 1},
            [
                "config.unit: not known; known: units, interval_ms",
                "config.units.a.unit: 0 cannot be used; give a whole number from 1 to 247",
            ],
        ),
    ],
)
def test_a_configuration_that_cannot_be_used_is_told_all_that_is_wrong(
    config: dict[str, Any], problems: list[str] | None
) -> None:
    with pytest.raises(BadInput) as wrong:
        modbus.driver(config)
    if problems is not None:
        assert str(wrong.value).splitlines() == [f"modbus: {problem}" for problem in problems]


def test_the_example_can_be_used() -> None:
    modbus.driver(modbus.EXAMPLE)
