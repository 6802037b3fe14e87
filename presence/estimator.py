"""Occupancy of a zone from the readings of its sensors: filter, hysteresis, staleness, lateness window.

A sensor of kind `direct` is taken at its word. Other kinds feed a two-state continuous-time Bayesian filter (Rabiner
1989 with the chain's exact transition over irregular steps): `p` drifts to the prior while nothing is said, each report
moves it by its tempered evidence, as the silence of a sensor does that would have spoken, and the state follows with
hysteresis. Where both are fresh the direct ones decide.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple, cast

import msgspec

from presence.evidence import Model, default_model
from presence.intervals import Interval, State
from presence.readings import Reading
from presence.site import Sensor

OCCUPIED_AT = 0.8
VACANT_AT = 0.2
CERTAIN = 0.98  # p of a direct verdict, and the bound of the filter: nothing is surer than the best sensor
LATENESS_MS = 30_000

_UNKNOWN_P = 0.5
_OFFLINE = {"online": 0.0}
_SAYS_NOTHING = frozenset(("online", "seq", "boot"))
_BOUND = math.log(CERTAIN / (1 - CERTAIN))
_OCCUPIED_LOGIT = math.log(OCCUPIED_AT / (1 - OCCUPIED_AT))
# An officer comes and goes every half hour, in the mean: what was seen is half forgotten after ten minutes of nothing.
_RELAXATION_MS = 900_000


class ZoneSensor(NamedTuple):
    """What the estimator needs of one sensor. `model` None: direct. `gateway`: whose `online` false silences it."""

    id: str
    stale_after_ms: int
    model: Model | None
    gateway: str | None


def zone_sensors(sensors: Iterable[Sensor]) -> tuple[ZoneSensor, ...]:
    """The sensors of a zone whose kind is understood, in a fixed order."""
    return tuple(
        ZoneSensor(
            sensor.id,
            sensor.stale_after_ms,
            default_model(sensor),
            sensor.source.gateway if sensor.source else None,
        )
        for sensor in sorted(sensors, key=lambda sensor: sensor.id)
        if sensor.kind == "direct" or default_model(sensor) is not None
    )


class Transition(NamedTuple):
    """From `at_ms` on the zone is `state`; `p` when that was decided."""

    at_ms: int
    state: State
    p: float


class _Heard:
    """What a zone has heard of one sensor. `said`: its verdict (direct), or 1.0 / 0.0 for evidence for / against."""

    __slots__ = ("last_ms", "said", "weighed_ms")

    def __init__(self, last_ms: int | None = None, said: float | None = None, weighed_ms: int = 0) -> None:
        self.last_ms = last_ms
        self.said = said
        self.weighed_ms = weighed_ms


class _Filter:
    """The state of a zone after everything up to `at_ms`; changed in place, copied by `dump` and `load`."""

    __slots__ = (
        "at_ms",
        "bereft",
        "counts_silence",
        "heard",
        "key",
        "logit",
        "next_due_ms",
        "seen_ms",
        "sensors",
        "start",
        "tail",
        "turn",
        "weighed_ms",
    )

    def __init__(self, sensors: Sequence[ZoneSensor], start: Transition) -> None:
        self.sensors = sensors
        self.counts_silence = any(one.model is not None and one.model.silence_repeats for one in sensors)
        self.heard = [_Heard() for _ in sensors]
        self.start = start  # the state in which this filter began; `tail`: what came after it
        self.tail: list[Transition] = []
        self.at_ms = start.at_ms
        self.key: tuple[int, int] = (start.at_ms, -1)  # the newest reading or expiry that is in here
        self.logit = 0.0
        self.weighed_ms = start.at_ms
        # When evidence began to speak against the state, and the logit before that; in `unknown`, what it spoke for.
        self.turn: tuple[int, float] | None = None
        self.seen_ms: int | None = None
        self.bereft = False  # a sensor that had spoken was there no more when this was loaded
        self.next_due_ms: int | None = None  # before this instant no sensor turns stale, and no silence counts

    @property
    def now(self) -> Transition:
        return self.tail[-1] if self.tail else self.start

    def observe(self, at_ms: int, slot: int, values: dict[str, float]) -> None:
        """One reading in `slot` (see `_slots`); (at_ms, slot) always greater than before."""
        if self.next_due_ms is not None and at_ms > self.next_due_ms:
            self.expire(at_ms)
        self.at_ms = at_ms
        self.key = (at_ms, slot)
        index = slot if slot < len(self.sensors) else slot - len(self.sensors)
        sensor, heard = self.sensors[index], self.heard[index]
        if values.get("online") == 0.0:
            self._silence(index, at_ms)
            return
        present = values.get("presence")
        if present is None:
            if heard.last_ms is None:
                return
        elif sensor.model is None:
            changed = heard.said != present
            heard.said = present
            if heard.last_ms is None or changed:
                heard.last_ms = at_ms
                self.decide(at_ms)
        else:
            self._weigh(sensor.model, heard, at_ms, values)
        heard.last_ms = at_ms
        self.seen_ms = at_ms
        if self.counts_silence:
            self._look_ahead()
            return
        due_ms = at_ms + sensor.stale_after_ms
        if self.next_due_ms is None or due_ms < self.next_due_ms:
            self.next_due_ms = due_ms

    def _due(self, index: int) -> list[tuple[int, int, bool]]:
        """When time itself does something to a sensor that was heard: instant, sensor, whether it turns stale then."""
        sensor, heard = self.sensors[index], self.heard[index]
        if heard.last_ms is None:
            return []
        due = [(heard.last_ms + sensor.stale_after_ms, index, True)]
        if sensor.model is not None and heard.said in sensor.model.silence_repeats:
            # When nothing can be surer already, silence says nothing new.
            sure = self.logit >= _BOUND if heard.said else self.logit <= -_BOUND
            if not sure:
                due.append((self._silence_counts_ms(heard, sensor.model.independent_after_ms), index, False))
        return due

    def _silence_counts_ms(self, heard: _Heard, every_ms: int) -> int:
        """When the silence of a sensor counts next: at its own pace, whatever others say meanwhile."""
        # The times that passed while nothing could be surer are over; those since the last evidence are not.
        times = max(1, -((heard.weighed_ms - self.weighed_ms) // every_ms))
        return heard.weighed_ms + times * every_ms

    def _look_ahead(self) -> tuple[int, int, bool] | None:
        """What time does next, as `_due` tells it; `next_due_ms` is when."""
        following = min((due for index in range(len(self.sensors)) for due in self._due(index)), default=None)
        self.next_due_ms = None if following is None else following[0]
        return following

    def expire(self, before_ms: int) -> None:
        """Let time pass until just before `before_ms`: sensors turn stale, silences count."""
        while self.next_due_ms is not None and self.next_due_ms < before_ms:
            following = self._look_ahead()
            if following is None or following[0] >= before_ms:
                return
            due_ms, index, stale = following
            self.key = max(self.key, (due_ms, 2 * len(self.sensors)))
            if stale:
                self._silence(index, due_ms)
            else:
                self._count_silence(index, due_ms)

    def _silence(self, index: int, at_ms: int) -> None:
        heard = self.heard[index]
        spoke = heard.last_ms is not None
        heard.last_ms = heard.said = None
        if spoke:
            self.decide(at_ms)

    def _weigh(self, model: Model, heard: _Heard, at_ms: int, values: dict[str, float]) -> None:
        llr = cast(float, model.llr(values))
        sign = 1.0 if llr > 0 else 0.0
        weight = 1.0
        if heard.said == sign:
            weight = min((at_ms - heard.weighed_ms) / model.independent_after_ms, model.longest_run)
        heard.said, heard.last_ms = sign, at_ms
        self._add(heard, at_ms, llr * weight, llr)

    def _count_silence(self, index: int, at_ms: int) -> None:
        """A sensor that would have told of a change has told of none for one report's time more."""
        model, heard = self.sensors[index].model, self.heard[index]
        assert model is not None  # only models count silence
        llr = model.llr_present if heard.said else model.llr_absent
        self._add(heard, at_ms, llr, llr)

    def _add(self, heard: _Heard, at_ms: int, evidence: float, llr: float) -> None:
        """`evidence`: what counts of `llr`, the ratio of one independent report."""
        heard.weighed_ms = at_ms
        before = self.logit
        if at_ms > self.weighed_ms:
            before = _drifted(before, at_ms - self.weighed_ms)
        self.weighed_ms = at_ms
        self.logit = max(-_BOUND, min(_BOUND, before + evidence))
        self._mark_turn(at_ms, before, llr)
        self.decide(at_ms)

    def _mark_turn(self, at_ms: int, before: float, llr: float) -> None:
        """Remember the observation that may turn out to have begun the next state; forget it when it did not."""
        state = self.now.state
        if state == "unknown":
            if self.turn is None or (self.turn[1] > 0) != (llr > 0):
                self.turn = (at_ms, llr)
            return
        side = 1 if state == "occupied" else -1
        if llr * side < 0:
            self.turn = self.turn or (at_ms, before)
        elif self.turn is not None and self.logit * side >= min(self.turn[1] * side, 0.75 * _BOUND):
            self.turn = None

    def decide(self, at_ms: int) -> None:
        """The state that what is fresh supports, from the observation on that began it."""
        verdict: float | None = None
        filtered = False
        for sensor, heard in zip(self.sensors, self.heard, strict=True):
            if heard.last_ms is None or heard.said is None:
                continue
            if sensor.model is not None:
                filtered = True
            elif verdict is None or heard.said > verdict:
                verdict = heard.said
        if verdict is not None:
            self._become("occupied" if verdict else "vacant", at_ms, CERTAIN if verdict else 1 - CERTAIN)
            self._begin_filter(at_ms, _BOUND if verdict else -_BOUND)
        elif not filtered:
            self._become("unknown", at_ms, _UNKNOWN_P)
            self._begin_filter(at_ms, 0.0)
        elif abs(self.logit) >= _OCCUPIED_LOGIT:
            state: State = "occupied" if self.logit > 0 else "vacant"
            if state != self.now.state:
                since_ms = self.turn[0] if self.turn else at_ms
                self._become(state, max(since_ms, self.now.at_ms), 1 / (1 + math.exp(-self.logit)))
                self.turn = None

    def _begin_filter(self, at_ms: int, logit: float) -> None:
        self.logit, self.weighed_ms, self.turn = logit, at_ms, None

    def _become(self, state: State, at_ms: int, p: float) -> None:
        now = self.now
        if state == now.state:
            return
        if self.tail and at_ms == now.at_ms:
            # Two things at one instant: a state of no length never was.
            self.tail.pop()
            if state == self.now.state:
                return
        self.tail.append(Transition(at_ms, state, p))

    def dump(self) -> bytes:
        """Everything but the sensors' settings and the tail before the state that lasts, for `load`."""
        heard = {
            sensor.id: (heard.last_ms, heard.said, heard.weighed_ms, sensor.model is None)
            for sensor, heard in zip(self.sensors, self.heard, strict=True)
            if heard.last_ms is not None or heard.weighed_ms
        }
        kept = (self.now, self.at_ms, self.key, self.logit, self.weighed_ms, self.turn, self.seen_ms, heard)
        return _ENCODER.encode(kept)

    @classmethod
    def load(cls, sensors: Sequence[ZoneSensor], dumped: bytes) -> _Filter:
        """The filter again; what a sensor had said that is gone, or of another kind now, is forgotten."""
        now, at_ms, key, logit, weighed_ms, turn, seen_ms, heard = _DECODER.decode(dumped)
        state = cls(sensors, Transition(now[0], now[1], now[2]))
        state.at_ms, state.key, state.logit, state.weighed_ms = at_ms, (key[0], key[1]), logit, weighed_ms
        state.turn = (turn[0], turn[1]) if turn else None
        state.seen_ms = seen_ms
        for index, sensor in enumerate(sensors):
            *said, direct = heard.get(sensor.id, (None, None, 0, None))
            if direct == (sensor.model is None):
                state.heard[index] = _Heard(*said)
                del heard[sensor.id]
        state.bereft = bool(heard)
        state._look_ahead()
        return state


_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder()


def _drifted(logit: float, elapsed_ms: int) -> float:
    """`logit` after `elapsed_ms` in which nothing was said: p relaxes exponentially towards the prior, one half."""
    p = 0.5 + (1 / (1 + math.exp(-logit)) - 0.5) * math.exp(-elapsed_ms / _RELAXATION_MS)
    return math.log(p / (1 - p))


@dataclass(frozen=True, slots=True)
class Revision:
    """From `from_ms` on the intervals of the zone are `intervals`, the last one open, in place of what was there."""

    from_ms: int
    intervals: list[Interval]


class _Observation(NamedTuple):
    at_ms: int
    slot: int
    values: dict[str, float]


class ZoneEstimator:
    """A zone's occupancy as readings come in, in whatever order within 30 s; same readings, same intervals.

    `start_ms`: since when the zone is watched, unknown until it is first spoken of. Readings older than the window
    would have to be folded in behind what is settled: `take` gives them back, and their stretch is estimated again
    from stored readings, from a `checkpoint` before them.
    """

    def __init__(self, sensors: Sequence[ZoneSensor], start_ms: int, checkpoint: bytes | None = None) -> None:
        self._sensors = sensors
        self._slots = _slots(sensors)
        start = Transition(start_ms, "unknown", _UNKNOWN_P)
        self._head = _Filter(sensors, start) if checkpoint is None else _Filter.load(sensors, checkpoint)
        self.opening: Revision | None = None  # what a change of sensors since `checkpoint` made of the state
        if self._head.bereft:
            self._head.decide(max(start_ms, self._head.at_ms))
            self.opening = _difference(self._head.start, [], self._head.tail)
        self._base = self._head.dump()
        self._base_key = self._head.key
        self._base_start_ms = self._head.now.at_ms
        self._middle: tuple[bytes, tuple[int, int]] | None = None
        self._recent: list[_Observation] = []
        self._expired_ms = self._head.at_ms

    @property
    def now(self) -> Transition:
        """The state that lasts, and since when."""
        return self._head.now

    @property
    def seen_ms(self) -> int | None:
        """The newest report of any of the sensors."""
        return self._head.seen_ms

    @property
    def at_ms(self) -> int:
        """The newest reading that is in here."""
        return self._head.at_ms

    def next_due_ms(self) -> int | None:
        """Before this instant time alone changes nothing; None: it never will."""
        return self._head.next_due_ms

    def checkpoint(self) -> bytes:
        """The state after everything so far, for a new ZoneEstimator."""
        return self._head.dump()

    def settled(self) -> tuple[int, bytes]:
        """What is known of everything up to an instant at least 30 s old, and that instant."""
        return self._base_key[0], self._base

    def recent(self) -> list[Reading]:
        """The readings that came after what is settled, in order, as they would be taken again."""
        return [
            Reading(self._sensors[slot].id, at_ms, values)
            if slot < len(self._sensors)
            else Reading(self._sensors[slot - len(self._sensors)].gateway or "", at_ms, values)
            for at_ms, slot, values in self._recent
        ]

    def take(self, readings: Iterable[Reading]) -> tuple[Revision | None, list[Reading]]:
        """What `readings` (of any sensors, in any order) changed, and those that came too late."""
        late: list[Reading] = []
        head = self._head
        known, last = len(head.tail), head.now
        in_order = True
        for reading in readings:
            for slot in self._slots.get(reading.sensor, ()):
                values = reading.values
                if slot >= len(self._sensors):
                    if values.get("online") != 0.0:
                        continue
                    values = _OFFLINE
                elif _is_silent(values):
                    continue
                key = (reading.at_ms, slot)
                if in_order and key > head.key:
                    head.observe(reading.at_ms, slot, values)
                    self._recent.append(_Observation(reading.at_ms, slot, values))
                elif key > self._base_key:
                    in_order = False
                    self._insert(_Observation(reading.at_ms, slot, values))
                elif not late or late[-1] is not reading:
                    late.append(reading)
        published = head.tail[:known]
        if known:
            published[known - 1 :] = [last]
        if not in_order:
            self._rebuild()
        revision = _difference(head.start, published, self._head.tail)
        self._rotate()
        return revision, late

    def expire(self, now_ms: int) -> Revision | None:
        """What time alone has changed before `now_ms`."""
        head = self._head
        if head.next_due_ms is None or head.next_due_ms >= now_ms:
            return None
        published = list(head.tail)
        head.expire(now_ms)
        self._expired_ms = now_ms
        return _difference(head.start, published, head.tail)

    def _insert(self, observation: _Observation) -> None:
        place = bisect_left(self._recent, observation[:2], key=lambda one: one[:2])
        # The same again is a redelivery; the first one stands.
        if place == len(self._recent) or self._recent[place][:2] != observation[:2]:
            self._recent.insert(place, observation)

    def _rebuild(self) -> None:
        start, tail = self._head.start, self._head.tail
        head = _Filter.load(self._sensors, self._base)
        settled = [one for one in tail if one.at_ms < head.now.at_ms]
        self._middle = None
        in_window = bisect_right(self._recent, self._recent[-1].at_ms - LATENESS_MS, key=lambda one: one.at_ms)
        for observation in self._recent[:in_window]:
            head.observe(*observation)
        if in_window:
            self._settle((head.dump(), head.key), head.now.at_ms)
            self._recent = self._recent[in_window:]
        for observation in self._recent:
            head.observe(*observation)
        head.expire(self._expired_ms)
        begun = [] if head.start == start else [head.start]
        head.tail = settled + begun + head.tail
        head.start = start
        self._head = head

    def _rotate(self) -> None:
        """Settle what is older than the window, so that what is kept stays bounded."""
        at_ms = self._head.at_ms
        if self._middle is None:
            if self._recent and at_ms - self._recent[0].at_ms >= LATENESS_MS:
                self._middle = (self._head.dump(), self._head.key)
        elif at_ms - self._middle[1][0] > LATENESS_MS:
            self._settle(self._middle, _DECODER.decode(self._middle[0])[0][0])
            self._middle = (self._head.dump(), self._head.key)
            self._recent = [one for one in self._recent if one[:2] > self._base_key]
        tail = self._head.tail
        while tail and tail[0].at_ms <= self._base_start_ms:
            self._head.start = tail.pop(0)

    def _settle(self, state: tuple[bytes, tuple[int, int]], start_ms: int) -> None:
        """Nothing at or before the key of `state` will be asked again; `start_ms`: since when its state lasts."""
        self._base, self._base_key = state
        self._base_start_ms = start_ms


def _difference(start: Transition, old: list[Transition], new: list[Transition]) -> Revision | None:
    """From the first instant on at which `new` differs from `old`."""
    same = 0
    while same < len(old) and same < len(new) and old[same] == new[same]:
        same += 1
    if same == len(old) == len(new):
        return None
    from_ms = min(line[same].at_ms for line in (old, new) if same < len(line))
    if same < len(new) and new[same].at_ms == from_ms:
        return Revision(from_ms, closed(new[same:]))
    going_on = new[same - 1] if same else start
    return Revision(from_ms, closed([Transition(from_ms, going_on.state, going_on.p), *new[same:]]))


def closed(transitions: Sequence[Transition]) -> list[Interval]:
    """The intervals that `transitions` begin, the last one open; what was replaced at its own instant never was."""
    ends = [*(one.at_ms for one in transitions[1:]), None]
    return [
        Interval(one.at_ms, end, one.state, one.p)
        for one, end in zip(transitions, ends, strict=True)
        if end is None or end > one.at_ms
    ]


def spliced(line: list[Interval], revision: Revision | None) -> list[Interval]:
    """`line`, the last of which is open, with `revision` in place of what it replaces."""
    if revision is None:
        return line
    kept = [interval for interval in line if interval.start_ms < revision.from_ms]
    if kept:
        kept[-1] = kept[-1]._replace(end_ms=revision.from_ms)
        if kept[-1].state == revision.intervals[0].state:
            return [*kept[:-1], kept[-1]._replace(end_ms=revision.intervals[0].end_ms), *revision.intervals[1:]]
    return [*kept, *revision.intervals]


def estimate(sensors: Sequence[ZoneSensor], readings: Sequence[Reading], start_ms: int, end_ms: int) -> list[Interval]:
    """The intervals of a zone within [start_ms, end_ms) from all `readings` of that time, in order of time.

    Unknown before the first evidence; the last interval is open.
    """
    slots = _slots(sensors)
    head = _Filter(sensors, Transition(start_ms, "unknown", _UNKNOWN_P))
    observations = [
        (reading.at_ms, slot, reading.values if slot < len(sensors) else _OFFLINE)
        for reading in readings
        for slot in slots.get(reading.sensor, ())
        if (not _is_silent(reading.values) if slot < len(sensors) else reading.values.get("online") == 0.0)
    ]
    observations.sort(key=itemgetter(0, 1))
    for observation in observations:
        head.observe(*observation)
    head.expire(end_ms)
    return closed([head.start, *head.tail])


def _is_silent(values: dict[str, float]) -> bool:
    """Whether a report is a bare `online` true: it says nothing of presence, and does not keep a sensor fresh."""
    return "presence" not in values and values.keys() <= _SAYS_NOTHING and values.get("online") != 0.0


def _slots(sensors: Sequence[ZoneSensor]) -> dict[str, tuple[int, ...]]:
    """In which slots a reading counts, by the id that it bears: a sensor's own, or for a gateway those of its sensors.

    Slots are the sensors' indexes, then once more the same for what their gateways say of them: at one instant a
    gateway's `online` false comes after the sensor's own report, for it drops what was said up to and including then.
    """
    slots: dict[str, tuple[int, ...]] = {sensor.id: (index,) for index, sensor in enumerate(sensors)}
    for index, sensor in enumerate(sensors):
        if sensor.gateway:
            slots[sensor.gateway] = (*slots.get(sensor.gateway, ()), len(sensors) + index)
    return slots
