"""Conditions of sensors and gateways: the scenarios' arithmetic, the edges, and the definitions asked unit by unit."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from presence.devices import DeviceKey, Thresholds, device_conditions, thresholds
from presence.intervals import Span, Truth
from presence.readings import Reading
from presence.site import Agency, AlertKind, Gateway, Rule, Sensor, Site
from tests.builders import outlet, sensor, site

MIN = 60_000
HOUR = 60 * MIN
START = 1_795_000_000_000


def says(device: str, at_min: float, **values: float | bool) -> Reading:
    return Reading(device, START + round(at_min * MIN), {name: float(value) for name, value in values.items()})


def line(
    wanted: Site, kind: AlertKind, device: str, *readings: Reading, until_min: float = 120
) -> list[tuple[float, Truth]] | None:
    """Since which minute the condition is what."""
    by_device: dict[str, list[Reading]] = {}
    for reading in readings:
        by_device.setdefault(reading.sensor, []).append(reading)
    found = device_conditions(wanted, by_device, Span(START, START + round(until_min * MIN)))
    intervals = found.get(DeviceKey(kind, device))
    if intervals is None:
        return None
    assert [one.end_ms for one in intervals] == [*(one.start_ms for one in intervals[1:]), None]
    return [((one.start_ms - START) / MIN, one.truth) for one in intervals]


def watched(**fields: object) -> Site:
    return site(outlets=[outlet("a-1", sensors=[sensor("s", **fields)])], gateways=(Gateway(id="gw-1"),))  # type: ignore[arg-type]


def test_a_sensor_is_silent_from_its_last_report_and_stale_after_until_it_reports():
    readings = [says("s", 0, presence=True), says("s", 5, presence=True), says("s", 30, presence=False)]
    wanted = watched(stale_after_given_ms=10 * MIN)
    assert line(wanted, "sensor_silent", "s", *readings, until_min=40) == [(0, False), (15, True), (30, False)]


def test_a_report_at_the_very_instant_of_staleness_leaves_no_gap():
    wanted = watched(heartbeat_ms=30_000, stale_after_given_ms=None)
    on_time = [says("s", 1.5 * n, presence=True) for n in range(20)]
    assert line(wanted, "sensor_silent", "s", *on_time, until_min=30) == [(0, False)]
    assert line(wanted, "sensor_silent", "s", on_time[0], until_min=1.5) == [(0, False)]


def test_a_sensor_that_never_reported_is_stale_from_the_start_of_watching():
    wanted = watched(stale_after_given_ms=10 * MIN)
    assert line(wanted, "sensor_silent", "s") == [(0, False), (10, True)]
    assert line(wanted, "sensor_silent", "s", says("s", 3, online=True)) == [(0, False), (10, True)]


def test_its_own_online_false_silences_a_sensor_until_it_says_that_it_is_back_or_reports():
    offline = [says("s", 0, presence=True), says("s", 2, online=False)]
    assert line(watched(), "sensor_silent", "s", *offline, says("s", 10, online=True)) == [
        (0, False), (2, True), (10, False),
    ]  # fmt: skip
    assert line(watched(), "sensor_silent", "s", *offline, says("s", 11, illuminance=30)) == [
        (0, False), (2, True), (11, False),
    ]  # fmt: skip


def test_online_true_does_not_make_a_stale_sensor_fresh():
    wanted = watched(stale_after_given_ms=5 * MIN)
    readings = [says("s", 0, presence=True), says("s", 2, online=False), says("s", 10, online=True)]
    assert line(wanted, "sensor_silent", "s", *readings, says("s", 12, presence=True), until_min=13) == [
        (0, False), (2, True), (12, False),
    ]  # fmt: skip


def test_at_one_instant_the_false_wins():
    readings = [says("s", 2, online=False), says("s", 2, presence=True), says("s", 2, online=True)]
    assert line(watched(), "sensor_silent", "s", *readings) == [(0, False), (2, True)]
    assert line(watched(), "sensor_silent", "s", says("s", 2, online=False, presence=True)) == [(0, False), (2, True)]


def test_what_bears_only_a_running_number_is_no_report():
    wanted = watched(stale_after_given_ms=10 * MIN)
    assert line(wanted, "sensor_silent", "s", says("s", 5, online=True, seq=3, boot=1)) == [(0, False), (10, True)]
    assert line(wanted, "sensor_silent", "s", says("s", 5, battery=50), until_min=12) == [(0, False)]


def test_a_gateway_is_offline_by_its_own_word_and_unknown_before_it():
    words = [says("gw-1", at, online=on) for at, on in ((10, True), (20, False), (35, True), (60, True))]
    assert line(watched(), "gateway_offline", "gw-1", *words) == [(0, None), (10, False), (20, True), (35, False)]
    assert line(watched(), "gateway_offline", "gw-1") == [(0, None)]
    both = [says("gw-1", 5, online=False), says("gw-1", 5, online=True)]
    assert line(watched(), "gateway_offline", "gw-1", *both) == [(0, None), (5, True)]


def test_its_gateway_has_no_part_in_the_silence_of_a_sensor():
    readings = [says("s", 0, presence=True), says("gw-1", 5, online=False)]
    assert line(watched(), "sensor_silent", "s", *readings) == [(0, False)]


def test_a_battery_is_low_at_and_below_the_limit_and_silence_does_not_charge_it():
    wanted = watched(stale_after_given_ms=5 * MIN)
    told = [says("s", at, battery=value) for at, value in ((10, 16), (20, 15), (30, 14), (40, 80))]
    assert line(wanted, "low_battery", "s", *told) == [(0, None), (10, False), (20, True), (40, False)]
    assert line(wanted, "low_battery", "s", told[2]) == [(0, None), (30, True)]
    assert line(wanted, "low_battery", "s", says("s", 10, presence=True)) is None


def test_thresholds_merge_key_by_key_from_site_to_outlet():
    wanted = site(
        outlets=[outlet("a-1", rules={"sensor_stuck": Rule(unchanged_ms=3), "low_battery": Rule(at_most=30)})],
        agencies=(Agency(id="dinas", name="Dinas", rules={"sensor_stuck": Rule(flaps_per_hour=20)}),),
        rules={"sensor_stuck": Rule(unchanged_ms=1, flaps_per_hour=10), "low_battery": Rule(off=True)},
    )
    assert thresholds(wanted, wanted.outlets[0]) == Thresholds(unchanged_ms=3, flaps_per_hour=20, at_most=30)
    assert thresholds(site(), site().outlets[0]) == Thresholds(24 * HOUR, 60, 15)


def staff_of(*ids: str, **rule: int) -> Site:
    return site(
        outlets=[outlet(f"o-{one}", sensors=[sensor(one)]) for one in ids],
        rules={"sensor_stuck": Rule(**rule)} if rule else {},  # type: ignore[arg-type]
    )


def comes_and_goes(device: str, *at_hours: float, until_h: int, begins: bool = False) -> list[Reading]:
    """A report each half hour; `at_hours`: when presence changes."""
    hours = sorted({*(n / 2 for n in range(2 * until_h)), *at_hours})
    return [says(device, at * 60, presence=(sum(at >= change for change in at_hours) % 2) ^ begins) for at in hours]


def test_a_sensor_that_does_not_change_for_a_day_while_half_of_the_others_do_is_stuck():
    readings = [
        *comes_and_goes("s", 1, 30, until_h=40),
        *comes_and_goes("b", 2, 3, until_h=40),
        *comes_and_goes("c", 4, until_h=40),
    ]
    wanted = staff_of("s", "b", "c")
    assert line(wanted, "sensor_stuck", "s", *readings, until_min=2400) == [(0, False), (1500, True), (1800, False)]
    # b stands still from 3 h on; of the two others none changes twice in a day after that.
    assert line(wanted, "sensor_stuck", "b", *readings, until_min=2400) == [(0, False)]


def test_a_quiet_day_shows_no_sensor_stuck_and_a_weekend_ends_nothing():
    busy = comes_and_goes("b", 1, 2, 50, 51, 52, until_h=120)
    stuck = comes_and_goes("s", until_h=120)
    wanted = staff_of("s", "b")
    assert line(wanted, "sensor_stuck", "s", *stuck, *busy, until_min=7200) == [(0, False), (1440, True)]
    late = comes_and_goes("s", 40, until_h=120)
    # Unchanged from 40 h: in the day up to 64 h the other changed thrice.
    assert line(wanted, "sensor_stuck", "s", *late, *busy, until_min=7200) == [(0, False), (1440, True), (2400, False), (3840, True)]  # fmt: skip  # noqa: E501
    assert line(staff_of("s"), "sensor_stuck", "s", *stuck, until_min=7200) == [(0, False)]


def test_silence_begins_the_count_anew():
    busy = comes_and_goes("b", *range(1, 100), until_h=100)
    stuck = [*comes_and_goes("s", until_h=40), says("s", 2400, online=False), says("s", 2460, online=True)]
    stuck += [says("s", at * 60, presence=False) for at in range(42, 100)]
    assert line(staff_of("s", "b"), "sensor_stuck", "s", *stuck, *busy, until_min=6000) == [
        (0, False), (1440, True), (2400, False), (66 * 60, True),
    ]  # fmt: skip


def test_a_sensor_that_changes_too_often_is_stuck_until_it_no_longer_has_in_the_past_hour():
    flaps = [says("s", n / 2, presence=n % 2) for n in range(62)]
    # The first report is no change: the 61st change is the last one, at 30.5 min, and one by one they grow old.
    assert line(staff_of("s"), "sensor_stuck", "s", *flaps, until_min=200) == [(0, False), (30.5, True), (60.5, False)]
    assert line(staff_of("s"), "sensor_stuck", "s", *flaps[:-1], until_min=200) == [(0, False)]
    assert line(staff_of("s"), "sensor_stuck", "s", says("s", 1, battery=3)) is None


# What the words say, asked anew at every unit of ten minutes: thresholds and readings fall on units only.

UNIT = 10 * MIN
ENDS = 48
LIMITS = Thresholds(unchanged_ms=9 * UNIT, flaps_per_hour=2, at_most=15)
STALE = 4


def small_site() -> Site:
    def watching(one: str, zone: str = "staff") -> Sensor:
        return sensor(one, zone=zone, stale_after_given_ms=STALE * UNIT)

    return site(
        outlets=[outlet("o-1", sensors=[watching("a"), watching("v", "visitor")])]
        + [outlet(f"o-{one}", sensors=[watching(one)]) for one in "bc"],
        rules={"sensor_stuck": Rule(unchanged_ms=LIMITS.unchanged_ms, flaps_per_hour=LIMITS.flaps_per_hour)},
        gateways=(Gateway(id="g"),),
    )


def by_definition(by_device: Mapping[str, Sequence[Reading]]) -> dict[DeviceKey, list[Truth]]:
    """Each line as one truth a unit."""
    said: dict[str, list[dict[str, float] | None]] = {}
    for device in "abcvg":
        said[device] = [None] * ENDS
        for reading in by_device.get(device, ()):
            unit = (reading.at_ms - START) // UNIT
            before = said[device][unit] or {}
            now = {**before, **reading.values}
            for name, wins in (("online", min), ("presence", max), ("battery", min)):
                if name in before and name in reading.values:
                    now[name] = wins(before[name], reading.values[name])
            said[device][unit] = now
    found: dict[DeviceKey, list[Truth]] = {}
    words: list[Truth] = [None if word is None or "online" not in word else word["online"] == 0 for word in said["g"]]
    found[DeviceKey("gateway_offline", "g")] = [
        next((word for word in reversed(words[: unit + 1]) if word is not None), None) for unit in range(ENDS)
    ]
    silent: dict[str, list[bool]] = {}
    told: dict[str, list[float | None]] = {}
    changed: dict[str, list[bool]] = {}
    for device in "abcv":
        silent[device], told[device], changed[device] = [], [], []
        reported, offline, present = 0, False, None
        battery: list[Truth] = []
        for unit in range(ENDS):
            now = said[device][unit] or {}
            reports = bool(now.keys() - {"online"})
            reported = unit if reports else reported
            if now.get("online") == 0:
                offline = True
            elif now.get("online") == 1 or reports:
                offline = False
            silent[device].append(offline or unit >= reported + STALE)
            before = present
            present = None if silent[device][-1] else now.get("presence", present)
            told[device].append(present)
            changed[device].append(None not in (before, present) and before != present)
            battery.append(now["battery"] <= 15 if "battery" in now else battery[-1] if battery else None)
        found[DeviceKey("sensor_silent", device)] = list(silent[device])
        if any(truth is not None for truth in battery):
            found[DeviceKey("low_battery", device)] = battery
    for device in "abcv":
        if all(present is None for present in told[device]):
            continue
        since: int | None = None
        seen = False
        stuck: list[Truth] = []
        for unit in range(ENDS):
            if told[device][unit] is None or changed[device][unit]:
                since, seen = None, False
            if since is None and told[device][unit] is not None:
                since = unit
            window = range(max(0, unit - 9 + 1), unit + 1)
            lively = sum(sum(changed[other][one] for one in window) >= 2 for other in "abc" if other != device)
            if device != "v" and since is not None and unit - since >= 9 and 2 * lively >= 2:
                seen = True
            stuck.append(seen or sum(changed[device][max(0, unit - 5) : unit + 1]) > LIMITS.flaps_per_hour)
        found[DeviceKey("sensor_stuck", device)] = stuck
    return found


@st.composite
def histories(draw: st.DrawFn) -> dict[str, list[Reading]]:
    rnd = random.Random(draw(st.integers(0, 2**32)))
    density = {device: rnd.choice((0.1, 0.4, 0.9)) for device in "abcvg"}
    steady = {device: rnd.choice((0.05, 0.3, 0.6)) for device in "abcvg"}
    made: dict[str, list[Reading]] = {}
    for device in "abcvg":
        present = False
        for _ in range(2):
            for unit in range(ENDS):
                if rnd.random() > density[device]:
                    continue
                present ^= rnd.random() < steady[device]
                values: dict[str, float] = {"presence": float(present)} if rnd.random() < 0.9 else {}
                if device == "g" or rnd.random() < 0.06:
                    values["online"] = float(rnd.random() < 0.6)
                if rnd.random() < 0.02:
                    values["battery"] = rnd.choice((10.0, 15.0, 16.0))
                if values:
                    made.setdefault(device, []).append(Reading(device, START + unit * UNIT, values))
            if rnd.random() < 0.7:
                break
        rnd.shuffle(made.get(device, []))
    return made


def sampled(wanted: Site, by_device: Mapping[str, Sequence[Reading]]) -> dict[DeviceKey, list[Truth]]:
    found = device_conditions(wanted, by_device, Span(START, START + ENDS * UNIT))
    return {
        key: [next(one.truth for one in reversed(line) if one.start_ms <= START + n * UNIT) for n in range(ENDS)]
        for key, line in found.items()
    }


@settings(max_examples=200, deadline=None)
@given(by_device=histories())
def test_every_line_is_what_the_words_say_at_each_instant(by_device: dict[str, list[Reading]]):
    assert sampled(small_site(), by_device) == by_definition(by_device)
