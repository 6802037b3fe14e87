"""Every driver under bytes that no device should send: it goes on, keeps little, and is back at the next frame."""

from __future__ import annotations

import json
import math
import os
import random
import re
import struct
from collections.abc import Mapping, Sequence, Set
from functools import cache
from itertools import islice
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.commands import decode_reply, encode_command
from firmware_bridge.drivers import DRIVERS, Driver
from firmware_bridge.emulators import EMULATORS
from firmware_bridge.resync import Answer, Damage, Decoded, Result
from presence.errors import BadInput, DamagedFrame
from presence.quantities import TRUTHS, quantity
from tests.firmware_bridge.emulated import good_frames, spoken

SERIAL = Path(__file__).parents[2] / "vectors" / "serial"
ROUNDS = 300
# The longest of all frames is an LD2420's of debug mode, of lines a JSON object; the rest is for counts and marks.
MAY_BE_KEPT = 1_288 + 250
LONG_ENOUGH = 2 * MAY_BE_KEPT
# Marks and lengths of all wires, whole or in part.
TELLING = (
    b"\xf4\xf3\xf2\xf1", b"\xfd\xfc\xfb\xfa", b"\xf8\xf7\xf6\xf5", b"\x04\x03\x02\x01", b"\xaa\xff\x03\x00",
    b"\x55\xcc", b"\x59\x59", b"\x53\x59", b"\x54\x43", b"\x6e", b"\x62", b"\xff", b"\xff\xff", b"\x80\x00",
    b"\x23\x00", b"\x00", b"$JYBSS,", b"$DFDMD,", b"*", b"{", b"}", b'"', b";", b"\r\n", b"\n", b"ON", b"OFF",
    b"Range ", b"distance:", b"0;255;3;0;",
)  # fmt: skip

drivers = pytest.mark.parametrize("name", DRIVERS)


@cache
def streams(name: str) -> list[tuple[Mapping[str, Any], bytes]]:
    """Configuration and bytes of each of its vectors, of the answers to commands among them, and of its emulator."""
    example = DRIVERS[name].EXAMPLE
    found = [(vector.get("config", {}), bytes.fromhex(vector["hex"])) for vector in vectors(f"{name}.json")]
    found += [(example, bytes.fromhex(vector["reply_hex"] or "")) for vector in vectors(f"{name}_commands.json")]
    return [*found, (example, b"".join(islice(spoken(name, 1), 12)))]


def vectors(file: str) -> list[dict[str, Any]]:
    path = SERIAL / file
    return json.loads(path.read_text()) if path.exists() else []


def mutated(stream: bytes, dice: random.Random) -> bytes:
    """`stream` after up to four accidents."""
    for _ in range(dice.randint(1, 4)):
        at, to = sorted((dice.randint(0, len(stream)), dice.randint(0, len(stream))))
        match dice.randrange(9):
            case 0 if stream:  # a bit flips
                where = dice.randrange(len(stream))
                stream = stream[:where] + bytes((stream[where] ^ 1 << dice.randrange(8),)) + stream[where + 1 :]
            case 1:  # bytes are lost
                stream = stream[:at] + stream[to:]
            case 2:  # others come in
                stream = stream[:at] + dice.randbytes(dice.randint(1, 30)) + stream[at:]
            case 3:  # some come twice
                stream = stream[:to] + stream[at:]
            case 4:  # two devices on one wire
                _, other = dice.choice(streams(dice.choice(list(DRIVERS))))
                stream = stream[:at] + other[dice.randint(0, len(other)) :] + stream[at:]
            case 5:  # giant lengths and numbers
                count = dice.randint(1, 4)
                stream = (
                    stream[:at] + bytes((dice.choice((0x00, 0x7F, 0x80, 0xFF, 0x39)),)) * count + stream[at + count :]
                )
            case 6:  # a line that hangs
                stream = stream[:at] + bytes((dice.randrange(256),)) * dice.randint(1, 1500) + stream[at:]
            case 7:
                stream = stream[:at] + dice.choice(TELLING) + stream[at:]
            case 8:
                stream = stream[:at] + b"".join(dice.choices(TELLING, k=8)) + stream[to:]
    return stream


def pieces(stream: bytes, dice: random.Random) -> list[bytes]:
    cuts = sorted(dice.randint(0, len(stream)) for _ in range(dice.randint(1, 8)))
    return [stream[at:to] for at, to in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def fed(driver: Driver, chunks: Sequence[bytes]) -> list[Result]:
    """What comes of `chunks`, the driver being looked at after each."""
    at_first = weight(driver)
    results: list[Result] = []
    for chunk in chunks:
        results += driver.feed(chunk)
        assert weight(driver) - at_first <= MAY_BE_KEPT
    return results


def weight(thing: object) -> int:
    """The bytes, characters and numbers that are kept in it, at any depth."""
    match thing:
        case bytes() | bytearray() | str():
            return len(thing)
        case Mapping():
            return sum(weight(key) + weight(value) for key, value in thing.items())
        case Sequence() | Set():
            return sum(weight(each) for each in thing)
        case None | bool() | int() | float():
            return 1
        case ModuleType() | type() | FunctionType() | MethodType() | re.Pattern() | struct.Struct() | random.Random():
            return 0
    names = [*getattr(thing, "__dict__", ()), *(slot for kind in type(thing).__mro__ for slot in _slots(kind))]
    return sum(weight(getattr(thing, name, None)) for name in names)


def _slots(kind: type) -> Sequence[str]:
    slots = getattr(kind, "__slots__", ())
    return (slots,) if isinstance(slots, str) else slots


def check_kinds(results: Sequence[Result], stream: bytes) -> None:
    """Nothing comes out that is of a wrong kind, or not from `stream`."""
    for result in results:
        match result:
            case Decoded(values, part):
                assert values
                assert part is None or part.isprintable()
                for name, value in values.items():
                    assert quantity(name), name
                    assert type(value) in (int, float), (name, value)
                    assert math.isfinite(value), (name, value)
                    assert name not in TRUTHS or value in (0, 1), (name, value)
            case Damage(offset, reason):
                assert 0 <= offset < len(stream)
                assert reason
            case Answer(whole):
                # Those in text are put together from lines that need not have stood together.
                assert whole in stream or whole.isascii()
    offsets = [result.offset for result in results if isinstance(result, Damage)]
    assert offsets == sorted(offsets)


def check(name: str, config: Mapping[str, Any], chunks: Sequence[bytes]) -> None:
    """In `chunks`, whole, and byte by byte the same comes out, and all of it is sound."""
    stream = b"".join(chunks)
    results = fed(DRIVERS[name].driver(config), chunks)
    check_kinds(results, stream)
    assert results == DRIVERS[name].driver(config).feed(stream)
    one_by_one = DRIVERS[name].driver(config)
    assert results == [result for at in range(len(stream)) for result in one_by_one.feed(stream[at : at + 1])]


def decoded(name: str, *chunks: bytes) -> list[Decoded]:
    driver = DRIVERS[name].driver(DRIVERS[name].EXAMPLE)
    return [result for chunk in chunks for result in driver.feed(chunk) if isinstance(result, Decoded)]


def damage_streams(name: str, seed: int, rounds: int) -> None:
    print(f"seed {seed}")
    dice = random.Random(seed)
    for _ in range(rounds):
        config, stream = dice.choice(streams(name))
        check(name, config, pieces(mutated(stream, dice), dice))


def come_back(name: str, seed: int, rounds: int) -> None:
    """After any noise all frames are decoded but the first, which may be part of what the noise has claimed."""
    print(f"seed {seed}")
    dice = random.Random(seed)
    frames = good_frames(name, seed, least_bytes=LONG_ENOUGH)
    wanted = decoded(name, *frames[1:])
    for _ in range(rounds):
        _, stream = dice.choice(streams(name))
        claim = stream[: dice.randint(1, 4)] + dice.randrange(200).to_bytes(2, dice.choice(("little", "big")))
        cut = stream[: dice.randint(1, 80)]
        noise = dice.choice((claim, cut, cut + claim, mutated(stream, dice), dice.randbytes(dice.randint(1, 300))))
        found = decoded(name, *pieces(noise + b"".join(frames), dice))
        assert found[-len(wanted) :] == wanted, noise.hex()


@drivers
def test_damaged_streams_give_the_same_sound_results_in_every_split(name: str) -> None:
    damage_streams(name, 1, ROUNDS)


@drivers
def test_after_noise_all_frames_are_decoded_but_perhaps_the_first(name: str) -> None:
    come_back(name, 2, ROUNDS)


@drivers
def test_noise_that_claims_nothing_costs_no_frame(name: str) -> None:
    dice = random.Random(3)
    frames = good_frames(name, 3, least_bytes=200)
    for _ in range(ROUNDS):
        # No header and no line begins with one of these; the line of noise ends.
        noise = bytes(dice.choices((*range(0x80, 0x90), *range(0xB0, 0xC0), 0), k=dice.randint(1, 500))) + b"\r\n"
        assert decoded(name, *pieces(noise + b"".join(frames), dice)) == decoded(name, *frames), noise.hex()


@drivers
def test_endless_frames_and_lines_are_not_kept(name: str) -> None:
    frames = good_frames(name, 4, least_bytes=LONG_ENOUGH)
    after = decoded(name, *frames[1:])
    dice = random.Random(4)
    for begun in {stream[:length] for _, stream in streams(name) for length in (1, 4, 6, 8, 12)}:
        for going_on in (bytes((dice.randrange(256),)) * 64, dice.randbytes(64), b"1" * 64, begun):
            driver = DRIVERS[name].driver(DRIVERS[name].EXAMPLE)
            fed(driver, [begun, *[going_on] * 100])
            found = [result for frame in frames for result in driver.feed(frame) if isinstance(result, Decoded)]
            assert found[-len(after) :] == after


@drivers
def test_a_wire_stuck_at_any_byte_is_borne(name: str) -> None:
    for byte in range(256):
        driver = DRIVERS[name].driver(DRIVERS[name].EXAMPLE)
        results = fed(driver, [bytes((byte,)) * 97] * 40)
        check_kinds(results, bytes((byte,)) * 97 * 40)


@drivers
def test_what_is_kept_does_not_grow_with_what_came(name: str) -> None:
    for config, stream in streams(name):
        driver = DRIVERS[name].driver(config)
        for _ in range(2 + LONG_ENOUGH // max(1, len(stream))):  # till what is kept at most is there
            driver.feed(stream)
        kept = weight(driver)
        for _ in range(200):
            driver.feed(stream)
        assert weight(driver) <= kept + 16


@drivers
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_any_bytes_are_borne(name: str, data: st.DataObject) -> None:
    config, stream = data.draw(st.sampled_from(streams(name)))
    cut = st.builds(lambda at, to: stream[min(at, to) : max(at, to)], *[st.integers(0, len(stream))] * 2)
    chunks = data.draw(st.lists(st.one_of(st.binary(max_size=60), cut, st.sampled_from(TELLING)), max_size=12))
    check(name, config, chunks)


@drivers
def test_a_damaged_answer_is_no_answer(name: str) -> None:
    dice = random.Random(5)
    asked = {vector["command"]: vector["args"] for vector in vectors(f"{name}_commands.json")}
    answers = [vector["reply_hex"] for vector in vectors(f"{name}_commands.json") if vector["reply_hex"]]
    for command, declared in DRIVERS[name].COMMANDS.items():
        for answer in [bytes.fromhex(answer) for answer in answers] * 10 if declared.reply else []:
            given = dice.choice((answer, mutated(answer, dice)))
            try:
                encode_command(DRIVERS[name], command, asked.get(command, {}))
                told = decode_reply(DRIVERS[name], command, asked.get(command, {}), given)
            except (BadInput, DamagedFrame):
                continue  # no vector has the arguments that it needs, or the answer is none to it
            assert type(told["ok"]) is bool
            json.dumps(told, allow_nan=False)


@drivers
def test_an_emulator_takes_any_bytes(name: str) -> None:
    dice = random.Random(6)
    device = EMULATORS[name].make(6)
    asked = [bytes.fromhex(vector["hex"]) for vector in vectors(f"{name}_commands.json")] or [b"\0"]
    at_first = weight(device)
    for at_ms in range(0, 300_000, 1_000):
        assert isinstance(device.receive(mutated(dice.choice(asked), dice)), bytes)
        assert isinstance(device.report(at_ms), bytes)
        assert weight(device) - at_first <= LONG_ENOUGH


@drivers
@pytest.mark.soak
def test_damaged_streams_for_hours(name: str) -> None:
    rounds = int(os.environ.get("N", "1000"))
    damage_streams(name, random.randrange(2**32), rounds)
    come_back(name, random.randrange(2**32), rounds)
