"""Occupancy of a zone: direct verdicts, radar evidence, staleness, and that neither order nor batches matter."""

from __future__ import annotations

import dataclasses
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from presence.estimator import ZoneEstimator, ZoneSensor, closed, estimate, spliced, zone_sensors
from presence.evidence import DEFAULT_MODELS
from presence.intervals import Interval
from presence.readings import Reading
from presence.site import Sensor, Source

S = 1000
RADAR, PIR = DEFAULT_MODELS["mmwave"], DEFAULT_MODELS["pir"]
START = 1_795_000_000_000


def direct(sensor_id: str, stale_after_s: int = 60, gateway: str | None = None) -> ZoneSensor:
    return ZoneSensor(sensor_id, stale_after_s * S, None, gateway)


def radar(sensor_id: str, stale_after_s: int = 15) -> ZoneSensor:
    return ZoneSensor(sensor_id, stale_after_s * S, RADAR, None)


def pir(sensor_id: str, stale_after_s: int = 26 * 3600) -> ZoneSensor:
    return ZoneSensor(sensor_id, stale_after_s * S, PIR, None)


def says(sensor_id: str, at_s: float, present: bool | None = None, **values: float) -> Reading:
    if present is not None:
        values["presence"] = float(present)
    return Reading(sensor_id, START + round(at_s * S), values)


def line(*sensors: ZoneSensor, readings: list[Reading], until_s: int) -> list[tuple[str, float]]:
    return states(estimate(sensors, readings, START, START + until_s * S))


def states(intervals: list[Interval]) -> list[tuple[str, float]]:
    return [(interval.state, (interval.start_ms - START) / S) for interval in intervals]


def test_a_direct_sensor_is_taken_at_its_word_at_once():
    readings = [says("a", 10, True), says("a", 20, False)]
    assert line(direct("a"), readings=readings, until_s=60) == [("unknown", 0), ("occupied", 10), ("vacant", 20)]


def test_silence_ends_in_unknown_and_a_report_at_that_very_instant_leaves_no_gap():
    assert line(direct("a"), readings=[says("a", 0, True), says("a", 61, True)], until_s=70) == [
        ("occupied", 0), ("unknown", 60), ("occupied", 61),
    ]  # fmt: skip
    assert line(direct("a"), readings=[says("a", 0, True), says("a", 60, True)], until_s=70) == [("occupied", 0)]


def test_online_false_drops_what_was_said_and_online_true_alone_brings_nothing_back():
    readings = [says("a", 0, True), says("a", 10, online=0.0), says("a", 20, online=1.0), says("a", 30, False)]
    assert line(direct("a"), readings=readings, until_s=40) == [("occupied", 0), ("unknown", 10), ("vacant", 30)]


def test_at_one_instant_online_false_wins():
    readings = [says("a", 0, True), says("gw", 10, online=0.0), says("a", 10, True)]
    assert line(direct("a", gateway="gw"), readings=readings, until_s=20) == [("occupied", 0), ("unknown", 10)]


def test_any_report_keeps_a_sensor_fresh():
    readings = [says("a", 0, True), says("a", 50, illuminance=3.0)]
    assert line(direct("a"), readings=readings, until_s=200) == [("occupied", 0), ("unknown", 110)]


def test_several_direct_sensors_are_occupied_when_one_says_so_and_vacant_when_all_do():
    readings = [says("a", 0, True), says("b", 0, True), says("a", 10, False), says("b", 20, False), says("b", 30, True)]
    assert line(direct("a", 600), direct("b", 600), readings=readings, until_s=40) == [
        ("occupied", 0), ("vacant", 20), ("occupied", 30),
    ]  # fmt: skip


def radar_reports(until_s: int, present: list[tuple[int, int]], step_s: float = 1.0) -> list[Reading]:
    times = [step_s * n for n in range(int(until_s / step_s))]
    return [says("r", at, any(a <= at < b for a, b in present), moving=0.0) for at in times]


@pytest.mark.parametrize("step_s", [0.1, 1.0, 5.0])
def test_a_radar_is_believed_at_its_rate_or_another(step_s: float):
    found = line(radar("r"), readings=radar_reports(300, [(0, 100), (200, 300)], step_s), until_s=300)
    assert found == [("occupied", 0), ("vacant", 100), ("occupied", 200)]


def test_a_radar_that_loses_somebody_for_a_moment_changes_nothing():
    readings = radar_reports(300, [(0, 100), (103, 300)])
    assert line(radar("r"), readings=readings, until_s=300) == [("occupied", 0)]


def test_one_single_report_of_absence_is_not_yet_vacant():
    assert line(radar("r"), readings=[says("r", 0, False)], until_s=10) == [("unknown", 0)]


def test_a_radar_that_falls_silent_ends_in_unknown_never_in_vacant():
    assert line(radar("r"), readings=radar_reports(30, [(0, 30)]), until_s=300) == [("occupied", 0), ("unknown", 44)]


def test_a_pir_is_believed_at_the_first_motion_and_its_silence_only_by_and_by():
    readings = [says("p", 0, True), says("p", 90, False), says("p", 5000, True)]
    assert line(pir("p"), readings=readings, until_s=5100) == [("occupied", 0), ("vacant", 90), ("occupied", 5000)]
    assert line(pir("p"), readings=readings[:2], until_s=90 + 300) == [("occupied", 0)]
    assert line(pir("p"), readings=[*readings[:2], says("p", 390, True)], until_s=600) == [("occupied", 0)]


def test_a_pir_that_says_there_is_motion_and_no_more_does_not_turn_vacant():
    assert line(pir("p", 3600), readings=[says("p", 0, True)], until_s=4000) == [("occupied", 0), ("unknown", 3600)]


def test_the_silence_of_a_pir_that_is_offline_says_nothing():
    readings = [says("p", 0, True), says("p", 90, False), says("p", 100, online=0.0)]
    assert line(pir("p"), readings=readings, until_s=5000) == [("occupied", 0), ("unknown", 100)]


def test_a_radar_that_speaks_on_change_only_is_believed_by_and_by_as_one_that_repeats_itself():
    source = Source(convention="esphome", topic="esp-1")
    desk = zone_sensors([Sensor(id="r", kind="mmwave", zone="staff", stale_after_given_ms=3600 * S, source=source)])
    readings = [says("r", 0, True), says("r", 600, False), says("r", 603, True), says("r", 1200, False)]
    found = line(*desk, readings=readings, until_s=1800)
    assert found == [("occupied", 0), ("vacant", 1200)]
    assert line(*desk, readings=[*readings, says("r", 1700, True)], until_s=1800)[-1] == ("occupied", 1700)


def test_of_two_radars_that_speak_on_change_only_neither_silences_the_silence_of_the_other():
    quiet = [ZoneSensor(name, 3600 * S, QUIET_RADAR, None) for name in ("a", "b")]
    for present, absent in (("a", "b"), ("b", "a")):
        readings = [says(present, 1, True), says(absent, 2, False)]
        assert line(*quiet, readings=readings, until_s=600) == [("unknown", 0), ("occupied", 1)]


def test_a_seat_mat_is_believed_either_way_at_once():
    mat = ZoneSensor("m", 3600 * S, DEFAULT_MODELS["contact"], None)
    readings = [says("m", 0, True), says("m", 60, False), says("m", 90, True)]
    assert line(mat, readings=readings, until_s=100) == [("occupied", 0), ("vacant", 60), ("occupied", 90)]


SENSORS = (direct("a", 20), direct("b", 45, "gw"), radar("r", 25))
ALL_RADARS = (radar("r", 25), radar("q", 40))
# In these histories a minute is long: their PIRs count silence every few seconds.
QUICK_PIR = dataclasses.replace(PIR, independent_after_ms=7_000)
QUIET_RADAR = dataclasses.replace(RADAR, silence_repeats=(0.0, 1.0))
WITH_QUIET_RADARS = (ZoneSensor("r", 90 * S, QUIET_RADAR, None), ZoneSensor("a", 70 * S, QUIET_RADAR, "gw"), radar("b"))
WITH_PIRS = (ZoneSensor("a", 200 * S, QUICK_PIR, None), ZoneSensor("b", 90 * S, QUICK_PIR, "gw"), radar("r", 25))


def histories(sensors: tuple[str, ...]) -> st.SearchStrategy[list[Reading]]:
    value = st.sampled_from([{"presence": 1.0}, {"presence": 0.0}, {"online": 0.0}, {"online": 1.0}, {"battery": 50.0}])
    moment = st.tuples(st.integers(0, 300_000), st.sampled_from(sensors), value)
    return st.lists(moment, max_size=80, unique_by=lambda one: one[:2]).map(
        lambda moments: [Reading(sensor, START + at, dict(values)) for at, sensor, values in sorted(moments, key=str)]
    )


def lived(sensors: tuple[ZoneSensor, ...], batches: list[list[Reading]], until_ms: int, looks: bool) -> list[Interval]:
    estimator = ZoneEstimator(sensors, START)
    kept = closed([estimator.now])
    newest = START
    for batch in batches:
        revision, late = estimator.take(batch)
        assert late == []
        kept = spliced(kept, revision)
        newest = max([newest, *(reading.at_ms for reading in batch)])
        if looks:
            kept = spliced(kept, estimator.expire(newest))
    return spliced(kept, estimator.expire(until_ms))


@settings(max_examples=200, deadline=None)
@given(
    histories(("a", "b", "gw", "r")),
    st.sampled_from([SENSORS, ALL_RADARS, WITH_PIRS, WITH_QUIET_RADARS]),
    st.integers(1, 20),
    st.integers(0, 2**32),
    st.booleans(),
)
def test_neither_batches_nor_the_order_within_the_window_matter(
    readings: list[Reading], sensors: tuple[ZoneSensor, ...], size: int, seed: int, looks: bool
):
    until_ms = START + 400 * S
    shuffled = sorted(readings, key=lambda one: one.at_ms + random.Random(f"{seed}{one}").uniform(0, 29_999))
    batches = [shuffled[at : at + size] for at in range(0, len(shuffled), size)]
    assert lived(sensors, batches, until_ms, looks) == estimate(sensors, readings, START, until_ms)


@settings(max_examples=100, deadline=None)
@given(histories(("a", "b", "gw", "r")), st.sampled_from([SENSORS, WITH_PIRS, WITH_QUIET_RADARS]), st.integers(0, 80))
def test_a_checkpoint_goes_on_as_if_nothing_had_been(
    readings: list[Reading], sensors: tuple[ZoneSensor, ...], cut: int
):
    ordered = sorted(readings, key=lambda one: one.at_ms)
    first, second = ordered[:cut], ordered[cut:]
    if first and second and first[-1].at_ms == second[0].at_ms:
        return
    whole = ZoneEstimator(sensors, START)
    whole.take(ordered)
    before = ZoneEstimator(sensors, START)
    before.take(first)
    after = ZoneEstimator(sensors, START, before.checkpoint())
    after.take(second)
    assert after.checkpoint() == whole.checkpoint()


def test_what_is_older_than_the_window_is_given_back():
    estimator = ZoneEstimator((direct("a", 600),), START)
    for at in range(100, 300):
        estimator.take([says("a", at, True)])
    _, late = estimator.take([says("a", 50.5, False), says("a", 290.5, False)])
    assert late == [says("a", 50.5, False)]


def test_what_a_sensor_said_goes_with_it():
    before = ZoneEstimator((direct("a", 600), direct("b", 600)), START)
    before.take([says("a", 1, True), says("b", 2, False)])
    one_left = ZoneEstimator((direct("b", 600), direct("new", 600)), START + 10 * S, before.checkpoint())
    assert one_left.opening is not None
    assert states(one_left.opening.intervals) == [("vacant", 10)]
    none_left = ZoneEstimator((direct("new", 600),), START + 10 * S, before.checkpoint())
    assert none_left.opening is not None
    assert states(none_left.opening.intervals) == [("unknown", 10)]
    assert ZoneEstimator((direct("a", 600), direct("b", 600)), START + 10 * S, before.checkpoint()).opening is None


def test_a_backlog_after_a_silence_does_not_pile_up():
    estimator = ZoneEstimator((direct("a"),), START)
    estimator.take([says("a", 1, True)])
    estimator.expire(START + 4_000 * S)
    backlog = [says("a", at, True) for at in range(2, 4_000)]
    for first in range(0, len(backlog), 100):
        estimator.take(backlog[first : first + 100])
        assert len(estimator.recent()) <= 131
