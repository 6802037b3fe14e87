"""What the modbus driver is told of its units: which registers to ask for, and what they mean.

    {"unit": 1, "function": 4, "address": 0, "count": 7, "map": {"distance": {"register": 5, "scale": 0.01}}}
    {"units": {"left": {"unit": 1, …}, "right": {"unit": 2, …}}, "interval_ms": 500}

In the second form each unit is a part of the line, under the name that it has there.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from firmware_bridge.modbus_rtu import MOST_REGISTERS, READ_HOLDING, READ_INPUT, request
from presence.errors import BadInput, BadInputs
from presence.quantities import quantity

T = TypeVar("T")

SOURCE = "modbus"
_INTERVAL_MS = 500
_UNIT_KEYS = ("unit", "function", "address", "count", "map")
_TRUTH_KEYS = ("register", "type", "absent")
_NUMBER_KEYS = (*_TRUTH_KEYS, "scale", "signed")
# The bridge says these of a reading itself.
_OURS = frozenset(("online", "seq", "boot"))


@dataclass(frozen=True, slots=True)
class Register:
    """`index`: among those that were asked for. `absent`: the raw value that means none; `truth`: 0 is false."""

    quantity: str
    index: int
    scale: float
    truth: bool
    signed: bool
    absent: int | None


@dataclass(frozen=True, slots=True)
class Block:
    """Registers of one unit that are asked for together. `part`: of the line, None when there is one unit only."""

    part: str | None
    unit: int
    function: int
    address: int
    count: int
    registers: tuple[Register, ...]

    @property
    def request(self) -> bytes:
        return request(self.unit, self.function, self.address, self.count)

    @property
    def mark(self) -> bytes:
        """How its replies begin."""
        return bytes((self.unit, self.function, 2 * self.count))

    def values(self, data: bytes) -> dict[str, float]:
        """What the registers in `data`, the body of a reply, say; absent ones left out."""
        raw = struct.unpack(f">{self.count}H", data)
        return {
            each.quantity: _value(each, raw[each.index]) for each in self.registers if raw[each.index] != each.absent
        }


class Config(NamedTuple):
    blocks: tuple[Block, ...]
    interval_ms: int


def parse_config(config: Mapping[str, Any]) -> Config:
    """Raises BadInput, which tells all that is wrong."""
    problems: list[BadInput] = []
    fields = _Fields("config", config, problems)
    if "units" in config:
        fields.refuse_others("units", "interval_ms")
        blocks = [_block(part, unit) for part, unit in fields.entries("units")]
    else:
        fields.refuse_others(*_UNIT_KEYS, "interval_ms")
        blocks = [_block(None, fields)]
    interval_ms = fields.number("interval_ms", 50, 5_000, default=_INTERVAL_MS)
    if not problems:
        problems += _alike(blocks)
    if problems:
        raise problems[0] if len(problems) == 1 else BadInputs(problems)
    return Config(tuple(blocks), interval_ms)


def _value(register: Register, raw: int) -> float:
    if register.truth:
        return float(raw != 0)
    if register.signed and raw >= 0x8000:
        raw -= 0x10000
    return round(raw * register.scale, 9)  # what floating point adds is not of the device


def _block(part: str | None, fields: _Fields) -> Block:
    if part is not None:
        fields.refuse_others(*_UNIT_KEYS)
    unit, function = fields.number("unit", 1, 247), fields.number("function", READ_HOLDING, READ_INPUT)
    address = fields.number("address", 0, 0xFFFF)
    count = fields.number("count", 1, min(MOST_REGISTERS, 0x10000 - address))
    entries = fields.entries("map")
    registers: dict[int, Register] = {}
    for name, entry in entries if fields.usable else ():
        register = _register(name, entry, address, count)
        if (other := registers.setdefault(register.index, register)) is not register and entry.usable:
            entry.wrong("register", f"{address + register.index} is {other.quantity}'s already", "name another one")
    return Block(part, unit, function, address, count, tuple(registers.values()))


def _register(name: str, fields: _Fields, address: int, count: int) -> Register:
    known = quantity(name)
    if known is None or name in _OURS:
        fields.wrong(None, "no quantity", "name one, such as presence or distance")
    truth = known is not None and known.truth
    fields.refuse_others(*(_TRUTH_KEYS if truth else _NUMBER_KEYS))
    fields.choice("type", ("bool",) if truth else ("number",))
    return Register(
        name,
        fields.number("register", address, address + count - 1) - address,
        fields.factor("scale"),
        truth,
        fields.choice("signed", (False, True)),
        fields.optional_number("absent", 0, 0xFFFF),
    )


def _alike(blocks: list[Block]) -> Iterator[BadInput]:
    """Units whose replies could not be told apart."""
    seen: dict[bytes, Block] = {}
    for block in blocks:
        if (other := seen.setdefault(block.mark, block)) is not block:
            problem = f"answers like {other.part}: same unit, function and count"
            yield BadInput(SOURCE, problem, field=f"config.units.{block.part}", remedy="ask for another count")


class _Fields:
    """The entries of one object of the configuration. What is wrong with them is added to `problems`, and something
    that can be gone on with is given in its place; then it is no longer `usable`."""

    def __init__(self, path: str, given: Any, problems: list[BadInput]) -> None:
        self.usable = True
        self._path, self._problems = path, problems
        self._given: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
        if not isinstance(given, Mapping):
            self.wrong(None, f"{given!r} cannot be used", "give an object")

    def wrong(self, name: str | None, problem: str, remedy: str) -> None:
        self.usable = False
        field = self._path if name is None else f"{self._path}.{name}"
        self._problems.append(BadInput(SOURCE, problem, field=field, remedy=remedy))

    def refuse_others(self, *known: str) -> None:
        for name in self._given:
            if name not in known:
                self.wrong(name, "not known", f"known: {', '.join(known)}")

    def number(self, name: str, low: int, high: int, *, default: int | None = None) -> int:
        """A whole number from `low` to `high`. Without a default it must be there."""
        number = self._given.get(name, default)
        if type(number) is int and low <= number <= high:
            return number
        self._cannot_use(name, f"give a whole number from {low} to {high}")
        return low

    def optional_number(self, name: str, low: int, high: int) -> int | None:
        return self.number(name, low, high) if name in self._given else None

    def factor(self, name: str) -> float:
        """A number that can be multiplied by; 1 when it is left out."""
        number = self._given.get(name, 1)
        if type(number) in (int, float) and number != 0 and math.isfinite(number):
            return float(number)
        self._cannot_use(name, "give a number other than 0")
        return 1.0

    def choice(self, name: str, choices: Sequence[T]) -> T:
        """One of `choices`, the first when it is left out."""
        found = self._given.get(name, choices[0])
        for each in choices:
            if each == found and type(each) is type(found):
                return each
        self._cannot_use(name, f"give {' or '.join(str(each).lower() for each in choices)}, or leave it out")
        return choices[0]

    def entries(self, name: str) -> list[tuple[str, _Fields]]:
        """The objects by name in an object that has one at least."""
        given = self._given.get(name)
        if not isinstance(given, Mapping) or not given:
            self._cannot_use(name, "give an object with one entry at least")
            return []
        return [(key, _Fields(f"{self._path}.{name}.{key}", entry, self._problems)) for key, entry in given.items()]

    def _cannot_use(self, name: str, remedy: str) -> None:
        found = f"{self._given[name]!r} cannot be used" if name in self._given else "is missing"
        self.wrong(name, found, remedy)
