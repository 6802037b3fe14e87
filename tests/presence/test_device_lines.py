"""The lines of devices as readings come in: the same as from all readings at once, whatever the batches and order."""

from __future__ import annotations

import random
from collections import defaultdict

from hypothesis import example, given, settings
from hypothesis import strategies as st

from presence.device_lines import DeviceLines, Settled
from presence.devices import DeviceKey, device_conditions
from presence.intervals import Span, Truth, TruthInterval
from presence.readings import Reading
from presence.site import Gateway, Rule, Site
from tests.builders import outlet, sensor, site

S = 1000
START = 1_795_000_000_000
Line = list[TruthInterval]


def hall(stale_after_s: float = 60, unchanged_s: float = 600, flaps_per_hour: int = 5, at_most: float = 15) -> Site:
    return site(
        outlets=[
            outlet(one, sensors=[sensor(one, stale_after_given_ms=round(stale_after_s * S))]) for one in ("a", "b", "c")
        ],
        rules={
            "sensor_stuck": Rule(unchanged_ms=round(unchanged_s * S), flaps_per_hour=flaps_per_hour),
            "low_battery": Rule(at_most=at_most),
        },
        gateways=(Gateway(id="g"),),
    )


class Told:
    """What a record would hold of the revisions, and a store of all that came."""

    def __init__(self, wanted: Site, start_ms: int = START) -> None:
        self.site = wanted
        self.lines = DeviceLines(wanted, start_ms)
        self.told: dict[DeviceKey, Line] = {}
        self.stored: dict[str, list[Reading]] = defaultdict(list)
        self.snapshots: dict[str, list[Settled]] = defaultdict(list)
        self.now_ms = start_ms

    def take(self, *readings: Reading) -> None:
        by_device: dict[str, list[Reading]] = defaultdict(list)
        for reading in readings:
            by_device[reading.sensor].append(reading)
            self.stored[reading.sensor].append(reading)
        for device, batch in by_device.items():
            if late := self.lines.take(device, batch):
                self.again(device, min(reading.at_ms for reading in late))
        self.write()

    def again(self, device: str, late_ms: int) -> None:
        kept = [snapshot for snapshot in self.snapshots[device] if snapshot.at_ms < late_ms]
        before = kept[-1] if kept else None
        self.snapshots[device] = kept + self.lines.again(device, before, self.stored[device])

    def snapshot(self) -> None:
        for device in "abcg":
            self.snapshots[device].append(self.lines.settled(device))

    def expire(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.lines.expire(now_ms)
        self.write()

    def write(self) -> None:
        for key, from_ms, intervals in self.lines.pending:
            before = [one for one in self.told.get(key, []) if one.start_ms < from_ms]
            if before:
                assert intervals[0].start_ms == from_ms
                before[-1] = before[-1]._replace(end_ms=from_ms)
                if before[-1].truth == intervals[0].truth:
                    before[-1] = before[-1]._replace(end_ms=intervals[0].end_ms)
                    intervals = intervals[1:]
            self.told[key] = [*before, *intervals]
        self.lines.pending.clear()

    def restart(self) -> None:
        states = {device: self.lines.dump(device) for device in "abcg"}
        self.lines = DeviceLines(self.site, self.now_ms + 5 * S, states)
        self.write()

    def replayed(self) -> dict[DeviceKey, Line]:
        return device_conditions(self.site, self.stored, Span(START, self.now_ms))


def turns(line: Line) -> list[tuple[float, Truth]]:
    return [((one.start_ms - START) / S, one.truth) for one in line]


def says(device: str, at_s: float, **values: float) -> Reading:
    return Reading(device, START + round(at_s * S), {name: float(value) for name, value in values.items()})


def history(rnd: random.Random, unit_s: float, units: int) -> list[Reading]:
    made = []
    for device in "abcg":
        density, unrest, present = rnd.choice((0.2, 0.7, 1.0)), rnd.choice((0.02, 0.2, 0.6)), False
        resting = rnd.random() < 0.3
        for unit in range(units):
            resting ^= rnd.random() < 0.03
            if resting or rnd.random() > density:
                continue
            at_s = (unit + rnd.random()) * unit_s
            present ^= rnd.random() < unrest
            values = {"presence": float(present)} if rnd.random() < 0.95 else {"moving": 1.0}
            if device == "g" or rnd.random() < 0.03:
                values = {"online": float(rnd.random() < 0.6)}
            if rnd.random() < 0.02:
                values["battery"] = rnd.choice((14.0, 15.0, 16.0))
            made.append(says(device, at_s, **values))
            if rnd.random() < 0.05:
                made.append(says(device, at_s, **{**values, "presence": 1.0}))
    return made


cases = st.tuples(st.integers(0, 2**32), st.sampled_from([2.0, 10.0, 100.0, 600.0]), st.integers(1, 150))


@settings(max_examples=120, deadline=None)
@given(case=cases)
def test_any_batches_and_any_order_within_thirty_seconds_give_the_same_lines(case: tuple[int, float, int]):
    seed, unit_s, units = case
    rnd = random.Random(seed)
    told = Told(hall(stale_after_s=unit_s * 3.5, unchanged_s=unit_s * rnd.choice((5, 20))))
    readings = [(one.at_ms + rnd.random() * 29_900, one) for one in history(rnd, unit_s, units)]
    readings.sort(key=lambda one: one[0])
    place = 0
    while place < len(readings):
        size = rnd.choice((1, 1, 3, 30))
        told.take(*(one for _, one in readings[place : place + size]))
        place += size
        if rnd.random() < 0.3:
            told.expire(max(told.now_ms, round(readings[min(place, len(readings)) - 1][0])))
    told.expire(max(told.now_ms, START + round(units * unit_s * S)) + rnd.randrange(60_000))
    assert told.told == told.replayed()


@settings(max_examples=120, deadline=None)
@given(case=cases)
@example(case=(684941396710, 2.0, 32))  # killed between a change and its judgement
@example(case=(679, 600.0, 117))  # told again from a state that had forgotten what was still within reach
@example(case=(756955001384, 600.0, 80))  # a change right after a stretch was told again
def test_neither_restarts_nor_what_comes_late_change_the_lines(case: tuple[int, float, int]):
    seed, unit_s, units = case
    rnd = random.Random(seed)
    told = Told(hall(stale_after_s=unit_s * 3.5, unchanged_s=unit_s * 10))
    readings = [
        (one.at_ms + rnd.random() * rnd.choice((0, 29_900, 1_800_000)), one) for one in history(rnd, unit_s, units)
    ]
    readings.sort(key=lambda one: one[0])
    for arrived, one in readings:
        told.take(one)
        if rnd.random() < 0.3:
            told.expire(max(told.now_ms, round(arrived)))
        if rnd.random() < 0.05:
            told.snapshot()
        if rnd.random() < 0.05:
            told.restart()
    told.expire(max(told.now_ms, START + round(units * unit_s * S)) + rnd.randrange(60_000))
    assert told.told == told.replayed()


def test_a_sensor_turns_silent_when_time_passes_and_no_sooner():
    told = Told(hall(stale_after_s=60))
    told.take(says("a", 5, presence=1), says("b", 5, presence=1), says("c", 5, presence=1))
    told.expire(START + 65 * S)
    assert turns(told.told[DeviceKey("sensor_silent", "a")]) == [(0, False)]
    told.expire(START + 65 * S + 1)
    assert turns(told.told[DeviceKey("sensor_silent", "a")]) == [(0, False), (65, True)]


def test_a_new_device_is_watched_from_now_on_and_the_line_of_one_that_is_gone_ends_unknown():
    told = Told(hall())
    told.take(says("a", 5, presence=1, battery=10), says("g", 5, online=0))
    told.expire(START + 20 * S)
    told.lines.follow(site(outlets=[outlet("n", sensors=[sensor("n", stale_after_given_ms=60 * S)])]), START + 30 * S)
    told.expire(START + 100 * S)
    assert {(kind, device): turns(line)[-1] for (kind, device), line in told.told.items() if device in "agn"} == {
        ("sensor_silent", "a"): (30, None),
        ("low_battery", "a"): (30, None),
        ("sensor_stuck", "a"): (30, None),
        ("gateway_offline", "g"): (30, None),
        ("sensor_silent", "n"): (90, True),
    }


def test_other_settings_count_from_now_on():
    told = Told(hall(stale_after_s=60, at_most=15))
    told.take(says("a", 5, presence=1, battery=20), says("b", 40, presence=1))
    told.expire(START + 50 * S)
    told.lines.follow(hall(stale_after_s=20, at_most=25), START + 50 * S)
    told.expire(START + 80 * S)
    assert turns(told.told[DeviceKey("sensor_silent", "a")]) == [(0, False), (50, True)]
    assert turns(told.told[DeviceKey("sensor_silent", "b")]) == [(0, False), (60, True)]
    assert turns(told.told[DeviceKey("low_battery", "a")]) == [(0, None), (5, False), (50, True)]
    told.lines.follow(hall(stale_after_s=300, at_most=25), START + 80 * S)
    told.expire(START + 90 * S)
    assert turns(told.told[DeviceKey("sensor_silent", "b")]) == [(0, False), (60, True), (80, False)]
    assert told.lines.take("b", [says("b", 70, presence=1)]) == []  # of before: not told again


def test_a_sensor_that_flaps_is_stuck_at_once_and_stops_by_itself():
    told = Told(hall(flaps_per_hour=3))
    told.take(*(says("a", at_s, presence=at_s % 2) for at_s in range(10)))
    told.expire(START + 10 * S)
    assert told.lines.stuck_since("a") == START + 4 * S
    told.expire(START + 2 * 3_600_000)
    assert turns(told.told[DeviceKey("sensor_stuck", "a")]) == [(0, False), (4, True), (3606, False)]
