"""Modbus RTU: sensors on RS-485 that are asked for their registers, one or many units on a line.

    request   unit | function | address BE16 | count BE16 | CRC-16 LE
    reply     unit | function | byte count | registers BE16 … | CRC-16 LE
    refused   unit | function + 80 | exception code | CRC-16 LE

A reply does not say of which address its registers are: of what was configured, it is told by unit, function and count.
One unit is asked at a time, 0.3 s long and twice again, or once only when it was silent the last time: a unit that is
off must not hold up the others for ever. An exception is damage. Echoes of our own requests (half-duplex adapters) and
replies of others are noise to readings; whatever is a whole reply is an `Answer`, to whoever asked.

Source: Modbus over serial line V1.02; Modbus application protocol V1.1b3; DFRobot SEN0492 and SEN0358 wikis;
goosecrew/ld2410-modbus-slave@9a83e8b.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from firmware_bridge.commands import Arguments, Ask, Command, ReadBack, Session, Told
from firmware_bridge.modbus_config import Block, Config, parse_config
from firmware_bridge.modbus_rtu import (
    HIGHEST_EXCEPTION,
    MOST_REGISTERS,
    READ_HOLDING,
    READ_INPUT,
    REFUSED,
    REQUEST_LENGTH,
    WRITE_REGISTER,
    Answers,
    parse_reply,
    reply_length,
    request,
)
from firmware_bridge.resync import Answer, Damage, Decoded, Result, headers, next_header
from presence.errors import DamagedFrame

NAME: Final = "modbus"
TITLE: Final = "Modbus RTU sensors on RS-485 (SEN0492, SEN0358, LD2410 slaves)"
BAUD: Final = 9_600
SILENT_AFTER_MS: Final = 15_000
EXAMPLE: Final[Mapping[str, Any]] = {
    "unit": 1,
    "function": 4,
    "address": 0,
    "count": 7,
    "map": {"presence": {"register": 0}, "still_distance": {"register": 3, "scale": 0.01}},
}

TIMEOUT_MS: Final = 300
_GAP_MS = 5  # 3.5 characters at 9600 baud are 4 ms
_TRIES = 3
_HEADER_LENGTH = 3
_EXCEPTIONS = {1: "illegal function", 2: "illegal address", 3: "illegal value", 4: "device failure", 6: "busy"}


class Modbus:
    """The units of one line: what to ask them, and their replies to readings.

    Before anything was asked, as with recorded bytes, every reply of a configured shape is a reading; then only those
    to what was asked here: people may ask a unit for other registers, as many as these.
    """

    strayed = False

    def __init__(self, config: Config) -> None:
        self._by_mark = {block.mark: block for block in config.blocks}
        refusals = {
            bytes((block.unit, block.function | REFUSED, code))
            for block in config.blocks
            for code in range(1, HIGHEST_EXCEPTION + 1)
        }
        self._headers = headers(*self._by_mark, *refusals)
        self._answers = Answers()
        self._polling = _Polling(config)
        self._unread = b""
        self._offset = 0  # of `_unread` in all that was fed
        self._known = 0  # up to where bytes were needed to know the newest result

    def feed(self, data: bytes) -> list[Result]:
        """Readings, damages and answers in the order in which they are known; `data` in chunks of any size."""
        found: list[tuple[int, Result]] = []
        buffer, at = self._unread + data, 0
        while (at := next_header(self._headers, _HEADER_LENGTH, buffer, at)) + _HEADER_LENGTH <= len(buffer):
            length = reply_length(buffer, at)
            assert length is not None  # all headers are of replies
            block = self._by_mark.get(buffer[at : at + _HEADER_LENGTH])
            needed = length
            if block and block.request.startswith(buffer[at : at + min(length, REQUEST_LENGTH)]):
                needed = REQUEST_LENGTH  # it may be the echo of our request
            if at + needed > len(buffer):
                break
            self._known = max(self._known, self._offset + at + needed)
            if block and buffer[at : at + REQUEST_LENGTH] == block.request:
                at += REQUEST_LENGTH
                continue
            try:
                if result := self._understood(block, buffer[at : at + length], self._offset + at):
                    found.append((self._known, result))
                at += length
            except DamagedFrame as damage:
                found.append((self._known, Damage(self._offset + at, damage.reason)))
                at += 1
        self._unread = buffer[at:]
        self._offset += at
        found += [(end, Answer(whole)) for end, whole in self._answers.feed(data)]
        return [result for _, result in sorted(found, key=itemgetter(0))]

    def outgoing(self, at_ms: int) -> bytes:
        """The request for the next registers, one at a time."""
        return self._polling.due(at_ms)

    def _understood(self, block: Block | None, whole: bytes, offset: int) -> Result | None:
        """What a whole frame with a header of ours says; of one that somebody else asked for nothing."""
        reply = parse_reply(whole)
        if reply.exception is not None:
            if not self._polling.refused(reply.unit, reply.function):
                return None
            why = _EXCEPTIONS.get(reply.exception, "see its manual")
            return Damage(offset, f"unit {reply.unit} refused: exception {reply.exception}, {why}")
        if block is None or not self._polling.answered(block):
            return None
        values = block.values(reply.data)
        return Decoded(values, block.part) if values else None


class _Polling:
    """Whose turn it is to be asked, and whether a reply is to what was asked."""

    def __init__(self, config: Config) -> None:
        self._blocks = config.blocks
        self._interval_ms = config.interval_ms
        self._begun = False
        self._turn = self._tries = self._sent_ms = 0
        self._round_ms: int | None = None  # when the first was asked last
        self._quiet_until_ms: int | None = None
        self._over = False  # the present turn, by a reply
        self._unanswered: set[bytes] = set()
        self._silent: set[bytes] = set()

    def answered(self, block: Block) -> bool:
        """Takes a reply of the shape of `block`'s; whether it is one to a request of here."""
        if self._begun and block.mark not in self._unanswered:
            return False
        self._unanswered.discard(block.mark)
        self._silent.discard(block.mark)
        self._over = self._over or block is self._blocks[self._turn]
        return True

    def refused(self, unit: int, function: int) -> bool:
        """The same for a refusal, which tells neither count nor address: it is to the newest request, or to none."""
        block = self._blocks[self._turn]
        return not self._begun or ((unit, function) == (block.unit, block.function) and self.answered(block))

    def due(self, at_ms: int) -> bytes:
        """The request to send now, mostly none. `at_ms`: of a clock that never steps."""
        self._begun = True
        if self._over:
            self._next_turn()
            self._quiet_until_ms = at_ms + _GAP_MS
        if self._quiet_until_ms is not None and at_ms < self._quiet_until_ms:
            return b""
        block = self._blocks[self._turn]
        if self._tries:
            if at_ms - self._sent_ms < TIMEOUT_MS:
                return b""
            if self._tries == (1 if block.mark in self._silent else _TRIES):
                self._silent.add(block.mark)
                self._next_turn()
                block = self._blocks[self._turn]
        if self._turn == self._tries == 0:
            if self._round_ms is not None and at_ms - self._round_ms < self._interval_ms:
                return b""
            self._round_ms = at_ms
        self._tries += 1
        self._sent_ms = at_ms
        self._unanswered.add(block.mark)
        return block.request

    def _next_turn(self) -> None:
        self._turn = (self._turn + 1) % len(self._blocks)
        self._tries = 0
        self._over = False


def driver(config: Mapping[str, Any]) -> Modbus:
    """`config`: see `firmware_bridge.modbus_config`. Raises BadInput."""
    return Modbus(parse_config(config))


def setup(config: Mapping[str, Any]) -> Sequence[Ask]:
    """Nothing: registers keep what was written into them."""
    return ()


# Commands: of any unit, configured or not.


def _unit(args: Arguments) -> int:
    return args.number("unit", 1, 247)


def _address(args: Arguments) -> int:
    return args.number("address", 0, 0xFFFF)


def _read_registers(args: Arguments) -> bytes:
    unit, function = _unit(args), args.number("function", READ_HOLDING, READ_INPUT)
    address = _address(args)
    return request(unit, function, address, args.number("count", 1, min(MOST_REGISTERS, 0x10000 - address)))


def _read_register(args: Arguments) -> bytes:
    return request(_unit(args), READ_HOLDING, _address(args), 1)


def _write_register(args: Arguments) -> bytes:
    return request(_unit(args), WRITE_REGISTER, _address(args), args.number("value", 0, 0xFFFF))


def _data(whole: bytes, unit: int, function: int) -> bytes | Told:
    """What follows the header of a reply; `ok` false and why, when it was refused."""
    reply = parse_reply(whole)
    if (reply.unit, reply.function) != (unit, function):
        raise DamagedFrame(0, f"no reply of unit {unit} to function {function}")
    return reply.data if reply.exception is None else {"ok": False, "exception": reply.exception}


def _registers(whole: bytes, args: Mapping[str, Any]) -> Told:
    data = _data(whole, args["unit"], args["function"])
    if not isinstance(data, bytes):
        return data
    if len(data) != 2 * args["count"]:
        raise DamagedFrame(2, f"{len(data) // 2} registers, not {args['count']}")
    return {"ok": True, "registers": [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]}


def _register(whole: bytes, args: Mapping[str, Any]) -> Told:
    told = _registers(whole, {**args, "function": READ_HOLDING, "count": 1})
    return {"ok": True, "value": told["registers"][0]} if told["ok"] else told


def _written(whole: bytes, args: Mapping[str, Any]) -> Told:
    data = _data(whole, args["unit"], WRITE_REGISTER)
    if not isinstance(data, bytes):
        return data
    if data != args["address"].to_bytes(2, "big") + args["value"].to_bytes(2, "big"):
        raise DamagedFrame(2, "another register or value was written")
    return {"ok": True}


COMMANDS: Final[Mapping[str, Command]] = {
    "read_registers": Command(_read_registers, _registers),
    "read_register": Command(_read_register, _register),
    # Half-duplex adapters echo the request, which is what a done reply looks like: only reading it again tells.
    "write_register": Command(
        _write_register, _written, writes=True, read_back=ReadBack("read_register", ("unit", "address"))
    ),
}
# The first reply after power-on may take a second.
SESSION: Final = Session(resend_ms=TIMEOUT_MS, limit_ms=1_200, pause_ms=_GAP_MS)
SETTINGS: Final[Sequence[Ask]] = ()
