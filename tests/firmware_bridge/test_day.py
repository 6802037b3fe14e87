"""A day of a radar on a virtual clock: what was sent whole is stored once, in order, with its time."""

from __future__ import annotations

import random
import struct
from array import array
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path

import pytest

from firmware_bridge.clock import HostClock, Stamp
from firmware_bridge.drivers import DRIVERS, ld2410
from firmware_bridge.line import Line
from firmware_bridge.line_specs import LineSpec
from firmware_bridge.outbox import Outbox
from firmware_bridge.port import PortGone
from firmware_bridge.publisher import Publisher
from firmware_bridge.resync import Decoded
from presence.readings import Reading
from tests.firmware_bridge.emulated import spoken
from tests.firmware_bridge.receiver import receiving
from tests.fixtures.broker import RunningBroker
from tests.fixtures.hadir_command import eventually
from transport.disk_queue import DiskQueue
from transport.session import parse_broker

T = 1_790_000_000_000
EVERY_MS = 100
DAY = 24 * 3_600_000 // EVERY_MS
HOUR_MS = 3_600_000
UNPLUGS = 20
WITHOUT_BROKER = range(9, 13)
# Each commit waits for the disk; when it is done does not matter here.
COMMIT_EVERY_MS = 60_000
# Bytes without which a report is no report: length, type, mark, and tail.
MARKS = (4, 5, 6, 7, 17, 18, 19, 20, 21, 22)
_REPORT = struct.Struct("<4sHBBBHBHBH6s")


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with closing(DiskQueue(tmp_path / "q.db", ballast_bytes=0)) as queue:
        yield Outbox(queue, epoch=1)


def report(number: int) -> bytes:
    """A basic report with `number` in its two distances; presence changes each 13.7 s."""
    high, low = divmod(number, 65_536)
    state = 1 if number // 137 % 2 else 0
    return _REPORT.pack(ld2410.REPORT_HEADER, 0x0D, ld2410.BASIC, 0xAA, state, high, 50, low, 50, 0, ld2410.REPORT_TAIL)


def number_in(values: dict[str, float]) -> int:
    return round(values["moving_distance"] * 100) * 65_536 + round(values["still_distance"] * 100)


def damaged(whole: bytes, dice: random.Random) -> bytes:
    """`whole` with a bit wrong in its marks, or a byte missing behind its header: one damage."""
    where = dice.choice(MARKS)
    wrong = bytes((whole[where] ^ 1 << dice.randrange(8),)) if dice.random() < 0.5 else b""
    return whole[:where] + wrong + whole[where + 1 :]


class Day:
    """What a radar sends from midnight to midnight, as a bridge reads it.

    `whole`: the numbers of the undamaged reports whose last byte was read; `instants`: what they are to be stamped
    with; `calm`: whether that is exact. `damages`, `unplugged`: how many were damaged, or not read whole.
    """

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        slots = self._dice.sample(range(1, 100), UNPLUGS)
        # First report that is cut off, and how many are until another is whole.
        self._unplugs = {
            slot * DAY // 100 + self._dice.randrange(2_000): self._dice.randint(2, 6_000) for slot in slots
        }
        self._unquiet_until = 0
        self.whole, self.instants, self.calm = array("q"), array("q"), bytearray()
        self.damages = self.unplugged = 0

    def reads(self) -> Iterator[tuple[int, bytes | None]]:
        """Instants and what is read then; None when the port is lost, which is there again at the next read."""
        number = 0
        while number < DAY:
            if number not in self._unplugs:
                number = yield from self._together(number)
                continue
            first, last = report(number), number + self._unplugs[number] - 1
            yield T + number * EVERY_MS, first[: self._dice.randint(0, 22)]
            yield T + number * EVERY_MS, None
            yield T + last * EVERY_MS, report(last)[self._dice.randint(1, 22) :]
            self.unplugged += last + 1 - number
            number = last + 1

    def _together(self, number: int) -> Generator[tuple[int, bytes], None, int]:
        """One report in one read or in two, or several at once; the number of the next."""
        chance, following = self._dice.random(), number + 1
        while chance < 0.01 and following < DAY and following not in self._unplugs and following < number + 5:
            following += 1
        at_ms, wholes = T + (following - 1) * EVERY_MS, len(self.whole)
        data = b"".join([self._sent(each) for each in range(number, following)])
        if chance > 0.97 and (cut := self._dice.randrange(23)):
            yield at_ms, data[:cut]
            at_ms, data = at_ms + 3, data[cut:]
        yield at_ms, data
        wholes = len(self.whole) - wholes
        self.instants.extend(range(at_ms - wholes + 1, at_ms + 1))
        return following

    def _sent(self, number: int) -> bytes:
        # What is damaged is judged with the bytes that follow: they shall come.
        if self._dice.random() < 0.01 and not any(each in self._unplugs for each in range(number, number + 4)):
            self.damages += 1
            self._unquiet_until = number + 3
            return damaged(report(number), self._dice)
        self.whole.append(number)
        self.calm.append(number >= self._unquiet_until)
        return report(number)


@dataclass
class Told:
    """What was stored, in short: numbers and instants of all reports, in the order of the queue."""

    numbers: array[int] = field(default_factory=lambda: array("q"))
    instants: array[int] = field(default_factory=lambda: array("q"))
    most_at_once: int = 0

    def take(self, outbox: Outbox) -> None:
        """As a broker that acknowledges all that waits."""
        before, cursor = len(self.numbers), 0
        while rows := outbox.read(cursor, 1_000):
            for _, row in rows:
                self.numbers.append(number_in(row.values))
                self.instants.append(row.at_ms)
                assert row.values["seq"] == len(self.numbers), "numbering has no gap"
            cursor = rows[-1][0]
        if cursor:
            outbox.drop_through(cursor)
        self.most_at_once = max(self.most_at_once, len(self.numbers) - before)


def plugged_in(line: Line, reads: Iterable[tuple[int, bytes | None]]) -> Iterator[int]:
    """Gives `reads` to the line; the instants of those that it has taken."""
    there = False
    for at_ms, data in reads:
        if data is None:
            line.gone(PortGone("was unplugged"), Stamp(at_ms), at_ms - T)
            there = False
            continue
        if not there:
            line.opened(None, at_ms - T)  # type: ignore[arg-type]  # no bytes go to it here
            there = True
        line.received(data, Stamp(at_ms), at_ms - T)
        yield at_ms


def test_lost_and_stored_are_what_was_sent_in_a_day_of_damage_and_unplugs(outbox: Outbox) -> None:
    line = Line(LineSpec("/dev/radar", "ld2410", 256_000, {}, {None: ("a", None)}), outbox)
    day, told = Day(1), Told()
    committed_ms = taken_ms = T
    for at_ms in plugged_in(line, day.reads()):
        if at_ms - committed_ms >= COMMIT_EVERY_MS:
            outbox.commit()
            committed_ms = at_ms
        hour = (at_ms - T) // HOUR_MS
        if at_ms - taken_ms >= HOUR_MS and hour not in WITHOUT_BROKER:
            told.take(outbox)
            taken_ms = at_ms
    outbox.commit()
    told.take(outbox)
    assert told.numbers == day.whole
    assert len(told.numbers) + day.damages + day.unplugged == DAY
    assert line.damaged == day.damages > DAY // 200
    assert told.most_at_once > len(WITHOUT_BROKER) * HOUR_MS // EVERY_MS * 0.9
    late = [found - wanted for found, wanted in zip(told.instants, day.instants, strict=True)]
    assert {after for after, exact in zip(late, day.calm, strict=True) if exact} == {0}
    # Behind a damaged report the next ones wait until its claim has failed.
    assert -10 < min(late) <= max(late) <= 5 * EVERY_MS
    assert all(one < other for one, other in pairwise(told.instants))


@pytest.mark.parametrize("name", DRIVERS)
def test_what_any_device_says_while_it_is_plugged_in_is_stored_once_and_in_order(name: str, outbox: Outbox) -> None:
    dice = random.Random(2)
    sessions: list[list[bytes]] = [[]]
    for piece in islice(spoken(name, 2), 600):
        cut = dice.randint(0, len(piece))
        sessions[-1].append(piece[:cut])
        if dice.random() < 0.03:  # what comes until the port is there again is lost
            sessions.append([])
        sessions[-1].append(piece[cut:])
    wanted = [result for session in sessions for result in decoded(name, session)]
    parts = {result.part: f"sensor-{n}" for n, result in enumerate(wanted)}
    sensors = {part: (sensor, None) for part, sensor in parts.items()}
    line = Line(LineSpec("/dev/port", name, DRIVERS[name].BAUD, dict(DRIVERS[name].EXAMPLE), sensors), outbox)
    reads = [read for session in sessions for read in [*session, None]]
    for _ in plugged_in(line, [(T + number * EVERY_MS, data) for number, data in enumerate(reads)]):
        outbox.commit()
    rows = [row for _, row in outbox.read(0, 100_000)]
    assert [(row.sensor, without_numbers(row.values)) for row in rows] == [
        (parts[result.part], result.values) for result in wanted
    ]
    for sensor in parts.values():
        ours = [row for row in rows if row.sensor == sensor]
        assert [row.values["seq"] for row in ours] == list(range(1, len(ours) + 1))
        assert all(one.at_ms < other.at_ms for one, other in pairwise(ours))


def decoded(name: str, session: list[bytes]) -> list[Decoded]:
    driver = DRIVERS[name].driver(DRIVERS[name].EXAMPLE)
    return [result for data in session for result in driver.feed(data) if isinstance(result, Decoded)]


def without_numbers(values: dict[str, float]) -> dict[str, float]:
    return {quantity: value for quantity, value in values.items() if quantity not in ("seq", "boot")}


def test_after_hours_without_a_broker_all_arrive_in_order_with_their_own_time(
    outbox: Outbox, mosquitto: RunningBroker
) -> None:
    line = Line(LineSpec("/dev/radar", "ld2410", 256_000, {}, {None: ("a", 2_000)}), outbox)
    for _ in plugged_in(line, ((T + number * EVERY_MS, report(number)) for number in range(0, 4 * DAY // 24, 5))):
        pass
    outbox.commit()
    wanted = [(row.at_ms, row.values) for _, row in outbox.read(0, 100_000)]
    assert len(wanted) > 7_200
    found: list[Reading] = []
    with receiving(mosquitto.url, found):
        publisher = Publisher(
            outbox, address=parse_broker(mosquitto.url), site="mpp", gateway="gw", clock=HostClock(True)
        )
        publisher.start()
        eventually(lambda: publisher.pump() or len(found) >= len(wanted), every_s=0.01)
        publisher.stop()
    assert [(reading.at_ms, reading.values) for reading in found] == wanted
