"""The conditions of a site's devices as readings come in: the lines of `presence.devices`, one revision after another.

A device has a settled state, the readings of the last half minute or more, and a state after those. What comes out of
order within 30 s is folded in from the settled state; what is older is given back, and its stretch is told again from
stored readings, from a state before them. Being stuck is a matter of all sensors: it is judged when time passes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from presence.device_states import GatewayState, SensorState, Turn, in_order, joined, since, truths
from presence.devices import DeviceKey, Thresholds, thresholds
from presence.estimator import LATENESS_MS
from presence.intervals import Span, TruthInterval, union
from presence.readings import Reading
from presence.site import AlertKind, Site
from presence.stuck import FOREVER_MS, HOUR_MS, Mark, changes, flapping, lively, long_stretch, recent, unmoved

# How far back it is corrected which sensors are stuck; for so long and one window of flaps all marks are kept.
REACH_MS = HOUR_MS
_MARKS_KEPT_MS = REACH_MS + HOUR_MS
_SNAPSHOT_EVERY_MS = HOUR_MS
_SEEN_KEPT = 8


class Revision(NamedTuple):
    """From `from_ms` on the line is `intervals`, the last one open, in place of what was there."""

    key: DeviceKey
    from_ms: int
    intervals: list[TruthInterval]


class Settled(NamedTuple):
    """What is known of a device from everything up to `at_ms`, and nothing after."""

    at_ms: int
    state: bytes


class _Dumped(msgspec.Struct, array_like=True):
    """`stuck`, `seen`: as of `_Device`; `judged_ms`, `dirty_ms`: as of `DeviceLines`, when this was dumped."""

    state: SensorState | GatewayState
    stuck: list[Turn] | None = None
    seen: list[int] = []
    judged_ms: int = 0
    dirty_ms: int = FOREVER_MS


class _Device:
    """One device: `settled`, the `recent` readings after it in order, and `head`, which is after those.

    `middle`: after some of the recent ones; it is what is settled next, unless one comes out of order. `told`:
    what the record knows of the last while; `marks`: of what is judged; `seen`: the instants from which on it stood
    unmoved, and the others did not.
    """

    __slots__ = ("head", "id", "marks", "middle", "recent", "seen", "settled", "told")

    def __init__(self, id_: str, state: SensorState | GatewayState) -> None:
        self.id = id_
        self.settled = state
        self.middle: SensorState | GatewayState | None = None
        self.head = state.copy()
        self.recent: list[Reading] = []
        self.told: dict[AlertKind, list[Turn]] = {}
        self.marks: list[Mark] = []
        self.seen: list[int] = []

    def shown(self, expired_ms: int) -> SensorState | GatewayState:
        """The head, stale if it is by `expired_ms`. The head itself is not: the next reading may be of before that."""
        head = self.head
        if not isinstance(head, SensorState) or head.silent or head.stale_ms >= expired_ms:
            return head
        stale = head.copy()
        stale.expire(expired_ms)
        return stale

    def take(self, readings: Sequence[Reading]) -> list[Reading]:
        """Those of `readings` that are too old to fold in."""
        if self.head.take(readings):
            self.recent += readings
            return []
        late = [one for one in readings if self.settled.since_ms < one.at_ms <= self.settled.at_ms]
        self._rebuild(in_order([*self.recent, *(one for one in readings if one.at_ms > self.settled.at_ms)]))
        return late

    def _rebuild(self, recent: list[Reading]) -> None:
        place = bisect_right(recent, recent[-1].at_ms - 2 * LATENESS_MS, key=_observed) if recent else 0
        self.settled.take(recent[:place])
        self.recent, self.middle = recent[place:], None
        self.head = self.settled.copy()
        self.head.take(self.recent)

    def settle(self, judged_ms: int) -> None:
        """Now and then settle what is older than the window, and forget what is told of before."""
        newest_ms = self.recent[-1].at_ms if self.recent else 0
        if self.middle is None:
            if self.recent and newest_ms - self.recent[0].at_ms > LATENESS_MS:
                self.middle = self.head.copy()
        elif newest_ms - self.middle.at_ms > LATENESS_MS:
            self.settled, self.middle = self.middle, self.head.copy()
            del self.recent[: bisect_right(self.recent, self.settled.at_ms, key=_observed)]
            self.forget(judged_ms)

    def forget(self, judged_ms: int) -> None:
        """Forget what is settled, and what is judged and out of reach."""
        at_ms = self.settled.at_ms
        judged_ms = min(judged_ms, at_ms)
        for state in (self.settled, self.head):
            state.forget(at_ms, judged_ms - _MARKS_KEPT_MS)
        for kind, turns in self.told.items():
            self.told[kind] = since(turns, judged_ms - REACH_MS if kind == "sensor_stuck" else at_ms)
        self.marks = recent(self.marks, judged_ms - _MARKS_KEPT_MS)

    def restore(self, known: _Dumped) -> None:
        """Take over what was told of `known.state`."""
        self.told = {kind: turns.copy() for kind, turns in known.state.lines().items()}
        if known.stuck is not None:
            self.told["sensor_stuck"] = known.stuck
        if isinstance(known.state, SensorState):
            self.marks = known.state.marks.copy()
        self.seen = known.seen


class DeviceLines:
    """The lines of all sensors and gateways of one site; `pending`: what the record does not know yet.

    `states`: as dumped when all that was pending was written; other devices are watched from `now_ms` on. Same
    readings, same lines, whatever the batches and, within 30 s, the order.
    """

    def __init__(self, site: Site, now_ms: int, states: Mapping[str, bytes] | None = None) -> None:
        self.pending: list[Revision] = []
        self.adjusted: list[str] = []  # sensors whose settings changed: nothing of before is told again
        self._devices: dict[str, _Device] = {}
        self._sensors: dict[str, _Device] = {}
        self._limits: dict[str, Thresholds] = {}
        self._staff: list[str] = []
        self._expired_ms = 0
        self._judged_ms = 0  # up to when it is told who was stuck
        self._dirty_ms = FOREVER_MS  # since when marks are not what they were when it was judged
        self._due_ms = now_ms  # when time alone may make a sensor stuck, or end that
        for device, dumped in (states or {}).items():
            known = _DECODER.decode(dumped)
            self._devices[device] = _Device(device, known.state)
            self._devices[device].restore(known)
            self._judged_ms = max(self._judged_ms, known.judged_ms)
            self._dirty_ms = min(self._dirty_ms, known.dirty_ms)
        self._expired_ms = self._judged_ms
        self._judged_ms = self._judged_ms or now_ms
        self.follow(site, now_ms)

    def follow(self, site: Site, now_ms: int) -> None:
        """Take over the registry: new devices are watched from now on, other settings count from now on."""
        wanted: dict[str, SensorState | GatewayState] = {one.id: GatewayState.begin(now_ms) for one in site.gateways}
        limits_before, self._limits, self._staff = self._limits, {}, []
        for outlet in site.outlets:
            limits = thresholds(site, outlet)
            for sensor in outlet.sensors:
                where = f"{outlet.id}/{sensor.zone}"
                wanted[sensor.id] = SensorState.begin(now_ms, sensor.stale_after_ms, limits.at_most, where)
                self._limits[sensor.id] = limits
                if sensor.zone == "staff":
                    self._staff.append(sensor.id)
        for gone in self._devices.keys() - wanted.keys():
            self._end(self._devices.pop(gone), now_ms)
        for device, state in wanted.items():
            known = self._devices.get(device)
            if known is not None and type(known.head) is not type(state):
                self._end(known, now_ms)
                known = None
            if known is None:
                known = self._devices[device] = _Device(device, state)
            elif isinstance(state, SensorState) and isinstance(known.head, SensorState):
                self._adjust(known, known.head, state, now_ms)
            self._note(known)
        self._sensors = {one.id: one for one in self._devices.values() if isinstance(one.head, SensorState)}
        if self._limits != limits_before:
            self._dirty_ms = min(self._dirty_ms, now_ms)

    def take(self, device: str, readings: Sequence[Reading]) -> list[Reading]:
        """Let a device's `readings` count, in any order; those that came too late for the window."""
        one = self._devices[device]
        late = one.take(readings)
        self._note(one)
        one.settle(self._judged_ms)
        return late

    def expire(self, now_ms: int) -> None:
        """Let time pass: what becomes true or false before `now_ms`."""
        self._expired_ms = now_ms
        for one in self._sensors.values():
            head = one.head
            if isinstance(head, SensorState) and head.stale_ms < now_ms and not one.told["sensor_silent"][-1].truth:
                self._note(one)
        if self._dirty_ms < FOREVER_MS or self._due_ms < now_ms:
            self._judge(max(now_ms, self._judged_ms))

    def again(self, device: str, before: Settled | None, readings: Iterable[Reading]) -> list[Settled]:
        """Tell a stretch again, from `before` (None: from the start) with all stored `readings` after it.

        Returns states on the way, one an hour.
        """
        one = self._devices[device]
        if before is None or before.at_ms < one.settled.since_ms:
            state, from_ms = one.settled.anew(), one.settled.since_ms
        else:
            state, from_ms = _DECODER.decode(before.state).state, before.at_ms
        if isinstance(state, SensorState):
            # What was forgotten of before may be within reach still, when nothing has been judged for long.
            state.marks = sorted({*state.marks, *(mark for mark in one.marks if mark.at_ms <= from_ms)}, key=_at)
        lines_before = state.lines().keys()
        # A point is stored whole and once, so what the store has stands over what memory has.
        known = {reading.at_ms: reading for reading in (*one.recent, *in_order(readings))}
        ordered = [known[at_ms] for at_ms in sorted(known) if at_ms > state.at_ms]
        newest_ms = ordered[-1].at_ms if ordered else state.at_ms
        place = bisect_right(ordered, newest_ms - LATENESS_MS, key=_observed)
        kept: list[Settled] = []
        kept_ms = from_ms
        for reading in ordered[:place]:
            state.take((reading,))
            if state.at_ms - kept_ms >= _SNAPSHOT_EVERY_MS:
                kept_ms = state.at_ms
                kept.append(_settled(state))
        one.settled, one.middle, one.recent, one.head = state, None, ordered[place:], state.copy()
        one.head.take(one.recent)
        for kind, turns in one.shown(self._expired_ms).lines().items():
            first_ms = from_ms if kind in lines_before else turns[0].at_ms
            self.pending.append(Revision(DeviceKey(kind, device), first_ms, truths(_from(turns, first_ms))))
            one.told[kind] = turns.copy()
        one.marks = one.shown(self._expired_ms).marks_now().copy()
        self._dirty_ms = min(self._dirty_ms, from_ms)
        one.forget(self._judged_ms)
        return kept

    def settled(self, device: str) -> Settled:
        """What is known of a device up to an instant at least 30 s before its newest reading."""
        return _settled(self._devices[device].settled)

    def newest_ms(self, device: str) -> int:
        """When the newest that counts of a device was observed."""
        return self._devices[device].head.at_ms

    def since_ms(self, device: str) -> int:
        """Since when it is watched with these settings: nothing before is told again."""
        return self._devices[device].settled.since_ms

    def dump(self, device: str) -> bytes:
        """Everything of a device, to go on from."""
        one = self._devices[device]
        stuck = one.told.get("sensor_stuck")
        shown = one.shown(self._expired_ms)
        return _ENCODER.encode(_Dumped(shown, stuck, one.seen, self._judged_ms, self._dirty_ms))

    def stuck_since(self, device: str) -> int | None:
        """Since when a sensor is stuck; None when it is not."""
        turns = self._devices[device].told.get("sensor_stuck")
        return turns[-1].at_ms if turns and turns[-1].truth else None

    def _end(self, gone: _Device, now_ms: int) -> None:
        for kind in gone.told:
            unknown = [TruthInterval(now_ms, None, None)]
            self.pending.append(Revision(DeviceKey(kind, gone.id), now_ms, unknown))

    def _adjust(self, one: _Device, head: SensorState, wanted: SensorState, now_ms: int) -> None:
        if (head.stale_after_ms, head.at_most, head.where) != (wanted.stale_after_ms, wanted.at_most, wanted.where):
            head.adjust(wanted, now_ms)
            one.settled, one.middle, one.recent = head.copy(), None, []
            self.adjusted.append(one.id)

    def _note(self, one: _Device) -> None:
        """What has turned since it was told last."""
        shown = one.shown(self._expired_ms)
        for kind, turns in shown.lines().items():
            told = one.told.get(kind, [])
            if turns != told:
                self._tell(DeviceKey(kind, one.id), told, turns)
                one.told[kind] = turns.copy()
        marks = shown.marks_now()
        if marks != one.marks:
            same = _same(one.marks, marks)
            first_ms = min(line[same].at_ms for line in (one.marks, marks) if same < len(line))
            self._dirty_ms = min(self._dirty_ms, first_ms)
            one.marks = marks.copy()

    def _tell(self, key: DeviceKey, told: Sequence[Turn], turns: Sequence[Turn]) -> None:
        same = _same(told, turns)
        if same == len(told) == len(turns):
            return
        from_ms = min(line[same].at_ms for line in (told, turns) if same < len(line)) if same else turns[0].at_ms
        self.pending.append(Revision(key, from_ms, truths(_from(turns, from_ms))))

    def _judge(self, now_ms: int) -> None:
        """Who is stuck, from where it may be otherwise than told up to `now_ms`."""
        newest_ms = max((one.settled.at_ms for one in self._sensors.values()), default=0)
        from_ms = max(min(self._judged_ms, self._dirty_ms), min(self._judged_ms, newest_ms) - REACH_MS)
        self._judged_ms, self._dirty_ms, self._due_ms = now_ms, FOREVER_MS, FOREVER_MS
        staff = frozenset(self._staff)
        at_least = len(staff) // 2
        others: dict[int, list[Span]] = {}
        for one in self._sensors.values():
            if not one.marks:
                continue
            limits, last = self._limits[one.id], one.marks[-1]
            told = one.told.get("sensor_stuck")
            if told is None:
                told = one.told["sensor_stuck"] = [Turn(one.head.start_ms, False)]
                self._tell(DeviceKey("sensor_stuck", one.id), (), told)
            unchanged_ms = limits.unchanged_ms if one.id in staff and at_least else FOREVER_MS
            full_ms = FOREVER_MS if last.present is None else last.at_ms + unchanged_ms
            if full_ms >= now_ms:
                self._due_ms = min(self._due_ms, full_ms)
                if last.at_ms < from_ms and not told[-1].truth and told[-1].at_ms < from_ms:
                    continue
            few = len(one.marks) <= limits.flaps_per_hour and now_ms - one.marks[0].at_ms <= unchanged_ms
            if few and len(told) == 1 and not told[0].truth:
                continue
            begin_ms = max(from_ms, told[0].at_ms)
            spans = flapping(changes(one.marks), limits.flaps_per_hour, begin_ms)
            if long_stretch(one.marks, unchanged_ms, now_ms):
                if unchanged_ms not in others:
                    theirs = [changes(self._sensors[device].marks) for device in self._staff]
                    others[unchanged_ms] = lively(theirs, unchanged_ms, at_least, from_ms)
                still = unmoved(one.marks, unchanged_ms, others[unchanged_ms], begin_ms, one.seen)
                seen = [*one.seen, *(span.start_ms for span in still)]
                one.seen = sorted({at_ms for at_ms in seen if at_ms < begin_ms} | {s.start_ms for s in still})
                one.seen = [at_ms for at_ms in one.seen if at_ms < now_ms][-_SEEN_KEPT:]
                spans += still
            before = [turn for turn in told if turn.at_ms < begin_ms]
            turns = self._turns(before, union(spans), begin_ms, now_ms)
            self._tell(DeviceKey("sensor_stuck", one.id), told, turns)
            one.told["sensor_stuck"] = turns

    def _turns(self, before: list[Turn], spans: Iterable[Span], begin_ms: int, now_ms: int) -> list[Turn]:
        """`before`, and from `begin_ms` on what `spans` say, as far as it turns before `now_ms`; the rest is due."""
        turns = [*before, Turn(begin_ms, False)]
        for span in spans:
            if span.start_ms >= now_ms:
                self._due_ms = min(self._due_ms, span.start_ms)
                break
            turns.append(Turn(max(span.start_ms, begin_ms), True))
            if span.end_ms >= now_ms:
                self._due_ms = min(self._due_ms, span.end_ms)
                break
            turns.append(Turn(span.end_ms, False))
        return joined(turns)


def _settled(state: SensorState | GatewayState) -> Settled:
    kept = state.copy()
    kept.forget(kept.at_ms, kept.at_ms - _MARKS_KEPT_MS)
    return Settled(kept.at_ms, _ENCODER.encode(_Dumped(kept)))


def _from(turns: Sequence[Turn], from_ms: int) -> list[Turn]:
    """`turns` from `from_ms` on, begun by what lasts then."""
    place = bisect_right(turns, from_ms, key=lambda turn: turn.at_ms)
    return [Turn(from_ms, turns[place - 1].truth), *turns[place:]] if place else list(turns)


def _same(one: Sequence[object], other: Sequence[object]) -> int:
    """How many items both begin with."""
    shorter = min(len(one), len(other))
    return next((place for place in range(shorter) if one[place] != other[place]), shorter)


def _observed(reading: Reading) -> int:
    return reading.at_ms


def _at(mark: Mark) -> int:
    return mark.at_ms


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Dumped)
