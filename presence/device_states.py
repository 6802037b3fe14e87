"""The state of a sensor and of a gateway: readings in order of time in, turns of its conditions out.

A state is dumped and loaded whole (msgpack), and copied to go on from it twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import NamedTuple

import msgspec

from presence.intervals import Truth, TruthInterval
from presence.readings import Reading
from presence.site import AlertKind
from presence.stuck import Mark, recent

_SAYS_NOTHING = frozenset(("online", "seq", "boot"))


class Turn(NamedTuple):
    """From `at_ms` on the truth is `truth`."""

    at_ms: int
    truth: Truth


class SensorState(msgspec.Struct, array_like=True, kw_only=True, tag="sensor"):
    """What is known of a sensor after its readings up to `at_ms`: what has turned, and what its presence did.

    `stale_ms`: from when on it is stale if nothing comes; a report at that very instant leaves no gap. `said`: its
    presence, None while not told since it was silent. `start_ms`: since when it is watched, which counts as a report;
    `since_ms`: since when with these settings; `where`: at which zone, for whoever keeps its readings by that.
    """

    start_ms: int
    since_ms: int
    stale_after_ms: int
    at_most: float
    at_ms: int
    stale_ms: int
    silence: list[Turn]
    low: list[Turn]
    marks: list[Mark] = []
    offline: bool = False
    said: float | None = None
    battery: float | None = None
    where: str = ""

    @classmethod
    def begin(cls, start_ms: int, stale_after_ms: int, at_most: float, where: str = "") -> SensorState:
        """A sensor of which nothing is heard yet."""
        return cls(
            start_ms=start_ms,
            since_ms=start_ms,
            stale_after_ms=stale_after_ms,
            at_most=at_most,
            at_ms=start_ms - 1,
            stale_ms=start_ms + stale_after_ms,
            silence=[Turn(start_ms, False)],
            low=[Turn(start_ms, None)],
            where=where,
        )

    @property
    def silent(self) -> bool:
        return self.silence[-1].truth is True

    def take(self, readings: Iterable[Reading]) -> bool:
        """Fold in `readings`; False, and all is left half done, when one is not newer than all before."""
        newest_ms, stale_ms, stale_after_ms = self.at_ms, self.stale_ms, self.stale_after_ms
        said = math.nan if self.said is None else self.said  # NaN: equal to nothing
        for reading in readings:
            at_ms = reading.at_ms
            values = reading.values
            # Nearly all say the same again, in time.
            if (
                newest_ms < at_ms <= stale_ms
                and values.get("presence") == said
                and (len(values) == 1 or ("online" not in values and "battery" not in values))
            ):
                newest_ms = at_ms
                stale_ms = at_ms + stale_after_ms
                continue
            if at_ms <= newest_ms:
                return False
            newest_ms = at_ms
            self.stale_ms = stale_ms
            self._observe(at_ms, values)
            stale_ms = self.stale_ms
            said = math.nan if self.said is None else self.said
        self.at_ms, self.stale_ms = newest_ms, stale_ms
        return True

    def expire(self, before_ms: int) -> None:
        """Let it turn stale, if that is before `before_ms`."""
        if not self.silent and self.stale_ms < before_ms:
            self.at_ms = max(self.at_ms, self.stale_ms)
            self._fall_silent(self.stale_ms)

    def adjust(self, wanted: SensorState, now_ms: int) -> None:
        """The settings of `wanted`, from `now_ms` on."""
        self.expire(now_ms)
        self.at_ms = max(self.at_ms, now_ms)
        self.since_ms = now_ms
        self.stale_ms += wanted.stale_after_ms - self.stale_after_ms
        self.stale_after_ms, self.at_most, self.where = wanted.stale_after_ms, wanted.at_most, wanted.where
        if not self.silent and self.stale_ms < now_ms:
            self._fall_silent(now_ms)
        elif self.silent and not self.offline and now_ms < self.stale_ms:
            self.silence.append(Turn(now_ms, False))
        if self.battery is not None:
            self._judge_battery(now_ms)

    def lines(self) -> dict[AlertKind, list[Turn]]:
        """The turns of those conditions that need nobody else's word; a battery that was never told has no line."""
        told: dict[AlertKind, list[Turn]] = {"sensor_silent": self.silence}
        if self.battery is not None:
            told["low_battery"] = self.low
        return told

    def marks_now(self) -> list[Mark]:
        """What its presence did."""
        return self.marks

    def anew(self) -> SensorState:
        """A sensor with these settings, and nothing heard of it."""
        return SensorState.begin(self.since_ms, self.stale_after_ms, self.at_most, self.where)

    def forget(self, before_ms: int, marks_before_ms: int) -> None:
        """Keep no turns and marks of before but those that still count."""
        self.silence, self.low = since(self.silence, before_ms), since(self.low, before_ms)
        self.marks = recent(self.marks, marks_before_ms)

    def copy(self) -> SensorState:
        """The same, to go on from by itself."""
        other: SensorState = msgspec.structs.replace(
            self, silence=self.silence.copy(), low=self.low.copy(), marks=self.marks.copy()
        )
        return other

    def _observe(self, at_ms: int, values: Mapping[str, float]) -> None:
        if not self.silent and at_ms > self.stale_ms:
            self._fall_silent(self.stale_ms)
        online = values.get("online")
        reports = not values.keys() <= _SAYS_NOTHING
        if reports:
            self.stale_ms = at_ms + self.stale_after_ms
        if (battery := values.get("battery")) is not None:
            self.battery = battery
            self._judge_battery(at_ms)
        if online == 0.0:
            self.offline = True
            if not self.silent:
                self._fall_silent(at_ms)
            return
        self.offline = self.offline and online is None and not reports
        if self.silent and not self.offline and at_ms < self.stale_ms:
            self.silence.append(Turn(at_ms, False))
        present = values.get("presence")
        if present is not None and present != self.said:
            self.marks.append(Mark(at_ms, present, changed=self.said is not None))
            self.said = present

    def _fall_silent(self, at_ms: int) -> None:
        self.silence.append(Turn(at_ms, True))
        if self.said is not None:
            self.marks.append(Mark(at_ms, None, changed=False))
            self.said = None

    def _judge_battery(self, at_ms: int) -> None:
        low = self.battery is not None and self.battery <= self.at_most
        if low != self.low[-1].truth:
            self.low.append(Turn(at_ms, low))


class GatewayState(msgspec.Struct, array_like=True, kw_only=True, tag="gateway"):
    """What is known of a gateway after its words up to `at_ms`: whether the last one was that it is offline."""

    start_ms: int
    at_ms: int
    offline: list[Turn]

    @classmethod
    def begin(cls, start_ms: int) -> GatewayState:
        """A gateway that has not said a word yet."""
        return cls(start_ms=start_ms, at_ms=start_ms - 1, offline=[Turn(start_ms, None)])

    def take(self, readings: Iterable[Reading]) -> bool:
        """Fold in `readings`; False, and all is left half done, when a word is not newer than all before."""
        for reading in readings:
            if (online := reading.values.get("online")) is None:
                continue
            if reading.at_ms <= self.at_ms:
                return False
            self.at_ms = reading.at_ms
            if (online == 0.0) != self.offline[-1].truth:
                self.offline.append(Turn(reading.at_ms, online == 0.0))
        return True

    @property
    def since_ms(self) -> int:
        return self.start_ms

    def expire(self, before_ms: int) -> None:
        """Time alone does nothing to a gateway."""

    def marks_now(self) -> list[Mark]:
        """A gateway has no presence."""
        return []

    def anew(self) -> GatewayState:
        """A gateway of which nothing is heard."""
        return GatewayState.begin(self.start_ms)

    def forget(self, before_ms: int, marks_before_ms: int) -> None:
        """Keep no turns of before but the one that still counts."""
        self.offline = since(self.offline, before_ms)

    def lines(self) -> dict[AlertKind, list[Turn]]:
        return {"gateway_offline": self.offline}

    def copy(self) -> GatewayState:
        """The same, to go on from by itself."""
        other: GatewayState = msgspec.structs.replace(self, offline=self.offline.copy())
        return other


def in_order(readings: Iterable[Reading]) -> list[Reading]:
    """`readings` of one device in order of time, those of one instant as one."""
    ordered: list[Reading] = []
    for reading in sorted(readings, key=attrgetter("at_ms")):
        if ordered and ordered[-1].at_ms == reading.at_ms:
            ordered[-1] = _merged(ordered[-1], reading)
        else:
            ordered.append(reading)
    return ordered


def joined(turns: Iterable[Turn]) -> list[Turn]:
    """Only those that change something: at one instant the last one counts."""
    kept: list[Turn] = []
    for turn in turns:
        if kept and kept[-1].at_ms == turn.at_ms:
            kept.pop()
        if not kept or kept[-1].truth != turn.truth:
            kept.append(turn)
    return kept


def since(turns: list[Turn], from_ms: int) -> list[Turn]:
    """Those from `from_ms` on, and the one that lasts until then."""
    first = 0
    while first + 1 < len(turns) and turns[first + 1].at_ms <= from_ms:
        first += 1
    return turns[first:]


def truths(turns: Iterable[Turn]) -> list[TruthInterval]:
    """The intervals that `turns` begin, the last one open, adjacent ones of one truth joined."""
    kept = joined(turns)
    ends = [*(turn.at_ms for turn in kept[1:]), None]
    return [TruthInterval(turn.at_ms, end_ms, turn.truth) for turn, end_ms in zip(kept, ends, strict=True)]


def _merged(one: Reading, other: Reading) -> Reading:
    values = {**one.values, **other.values}
    for quantity, wins in (("online", min), ("presence", max), ("battery", min)):
        if quantity in one.values and quantity in other.values:
            values[quantity] = wins(one.values[quantity], other.values[quantity])
    return Reading(one.sensor, one.at_ms, values)
