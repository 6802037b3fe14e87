"""What rows of the spool say: readings of sensors that the registry has, at the times at which they count.

A device that is gone says nothing more, from then on: that is a reading of its own, to be written down too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from collector.conventions import native
from collector.conventions.convention import Message
from collector.conventions.native import Status
from collector.hearing import letter_of
from collector.intake import Own, SpoolRow
from collector.live import Live
from presence.errors import DamagedFrame
from presence.readings import Reading, observed_at
from storage.record.aside import Unclaimed
from storage.timeseries import Point


class Said(NamedTuple):
    """What a row says that was not here before, for the estimators, and the same for the store."""

    site: str
    readings: Sequence[Reading]
    points: list[Point]


class Rows:
    """`live`: whose sensors they are; what is wrong or nobody's is put aside there. `write_down`: what comes of it."""

    def __init__(self, live: Live, write_down: Callable[[Own], None]) -> None:
        self._live = live
        self._write_down = write_down
        self._gone: set[tuple[str, str]] = set()
        self._met: set[tuple[str, str]] = set()  # what has said that it is online since this process began
        self._turned_ms: dict[tuple[str, str], int] = {}  # when what is written down of each was, at the latest

    def read(self, row: SpoolRow) -> Said:
        """What `row` says, each row once and in their order."""
        site, readings = self._read(row)
        points = self._points(site, readings)
        if len(points) < len(readings):
            readings = self._claimed(row, site, readings)
        if len(new := self._live.fresh(site, readings)) < len(readings):
            readings, points = new, self._points(site, new)
        return Said(site, readings, points)

    def points(self, row: SpoolRow) -> list[Point]:
        """What `row` says for the store, as often as it is asked. Any thread may ask."""
        content = row.content
        if isinstance(content, Own):
            return self._points(content.site, content.readings)
        try:
            decoded = native.decode(content)
        except DamagedFrame:
            decoded = None  # `read` puts it aside
        return [] if decoded is None else self._points(decoded.site, counting(decoded.readings, content))

    def _read(self, row: SpoolRow) -> tuple[str, Sequence[Reading]]:
        """The readings of a row, with the times at which they count; what is wrong with it is put aside."""
        content = row.content
        if isinstance(content, Own):
            return content.site, content.readings
        try:
            decoded = native.decode(content)
        except DamagedFrame as error:
            self._live.bury(letter_of(content, error.reason))
            return "", ()
        if decoded is None:
            return "", ()
        for status in decoded.statuses:
            self._hear_status(decoded.site, status, content)
        readings = counting(decoded.readings, content)
        if not content.retain and (too_old := len(decoded.readings) - len(readings)):
            why = f"{too_old} of {len(decoded.readings)} readings are older than 30 days"
            self._live.bury(letter_of(content, why))
        return decoded.site, readings

    def _points(self, site: str, readings: Iterable[Reading]) -> list[Point]:
        series = self._live.claims.series
        return [
            Point(found, reading.at_ms, reading.values)
            for reading in readings
            if (found := series(site, reading.sensor)) is not None
        ]

    def _claimed(self, row: SpoolRow, site: str, readings: Iterable[Reading]) -> list[Reading]:
        """Those of known sensors; the others' devices go to the inbox."""
        known = []
        for reading in readings:
            if self._live.claims.series(site, reading.sensor) is not None:
                known.append(reading)
            elif isinstance(row.content, Message):
                message = row.content
                self._live.put_aside(
                    Unclaimed(site, reading.sensor, message.topic, message.received_ms, 1, message.payload[:4096],
                              values=reading.values)
                )  # fmt: skip
        return known

    def _hear_status(self, site: str, status: Status, message: Message) -> None:
        """A device that is gone says nothing more, from then on; one that is back is heard when it speaks."""
        device = (site, status.device)
        if self._live.claims.series(*device) is None:
            return
        if status.online:
            # A gateway says nothing else of itself; and whether it was gone is not remembered over a restart.
            first = device not in self._met and self._is_gateway(device)
            self._met.add(device)
            if first or device in self._gone:
                self._gone.discard(device)
                self._turn(device, message.received_ms, online=True)
            return
        newest_ms = self._live.newest_ms(*device)
        if status.since_ms is not None and (newest_ms is None or newest_ms <= status.since_ms <= message.received_ms):
            at_ms = status.since_ms
        elif message.retain:
            return  # of the past, and the device has spoken since
        else:
            # A will knows only when it was made; and a device whose clock is ahead said nothing after its last word.
            at_ms = max(message.received_ms, newest_ms or 0)
        if device not in self._gone:
            self._gone.add(device)
            self._turn(device, at_ms, online=False)

    def _turn(self, device: tuple[str, str], at_ms: int, *, online: bool) -> None:
        """Write down that a device is there, or gone: after all that is written down of it, for a will and the word of
        who takes its place come within a millisecond, and of two readings of one instant that it is gone would win."""
        at_ms = max(at_ms, self._turned_ms.get(device, 0) + 1)
        self._turned_ms[device] = at_ms
        self._write_down(Own(device[0], [Reading(device[1], at_ms, {"online": float(online)})]))

    def _is_gateway(self, device: tuple[str, str]) -> bool:
        site = self._live.sites.get(device[0])
        return site is not None and any(gateway.id == device[1] for gateway in site.gateways)


def counting(readings: Sequence[Reading], message: Message) -> Sequence[Reading]:
    """Those of `readings` that are evidence, at the times at which they count; what is too old is left out."""
    counted = _timed(readings, message.received_ms)
    # Retained, it speaks of the past: evidence at its own time, and without one no evidence at all.
    return [reading for reading in counted if not reading.clock] if message.retain else counted


def _timed(readings: Sequence[Reading], received_ms: int) -> Sequence[Reading]:
    """`readings` at the times at which they count; those that are too old to take are left out."""
    timed = []
    changed = False
    for reading in readings:
        observed = observed_at(reading.at_ms, received_ms)
        if observed == (reading.at_ms, False):
            timed.append(reading)
            continue
        changed = True
        if observed is not None:
            timed.append(Reading(reading.sensor, observed[0], reading.values, clock=observed[1]))
    return timed if changed else readings
