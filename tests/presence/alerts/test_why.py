"""Why-not: at telling minutes of the scenarios, and for every minute of random histories what the rules decided."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from presence.alerts import life
from presence.alerts.evaluate import evaluate
from presence.alerts.subjects import subjects
from presence.alerts.texts import Language
from presence.alerts.why import subjects_at, why
from presence.alerts.why_texts import WHY_TEXTS
from presence.alerts.why_value import At, Later, Reason, Why
from presence.alerts.why_words import as_json, check_text, span, verdict_text
from presence.devices import DeviceKey, device_conditions
from presence.instants import parse_instant
from presence.intervals import Interval, Span, State, TruthInterval
from presence.obligations import Obligations
from presence.pipeline import Lines, intervals
from presence.readings import Reading
from presence.readings_csv import read_csv
from presence.site import Absence, AlertKind, Duty, Gateway, Maintenance, Rule, Site, Source
from presence.site_file import parse_site
from presence.zones import ZoneKey, zones
from tests.builders import outlet, sensor, site

SCENARIOS = Path(__file__).parents[2] / "vectors" / "scenarios"
MINUTE = 60_000


@cache
def scenario(number: str) -> tuple[Site, Lines, int]:
    """Site, lines and end of the horizon."""
    folder = next(SCENARIOS.glob(f"{number}-*"))
    place = parse_site((folder / "site.yaml").read_text(), "site.yaml")
    with (folder / "readings.csv").open(newline="") as rows:
        found = read_csv(rows, "readings.csv")
    assert found.first_ms is not None
    assert found.last_ms is not None
    horizon = Span(found.first_ms, found.last_ms)
    heard: dict[str, list[Reading]] = {}
    for reading in found.readings:
        if reading.at_ms < horizon.end_ms:
            heard.setdefault(reading.sensor, []).append(reading)
    zone_lines = intervals(place, found.readings, horizon)
    lines = Lines(zone_lines, device_conditions(place, heard, horizon), horizon.start_ms)
    return place, lines, horizon.end_ms


def asked(number: str, outlet_id: str, clock: str, kind: AlertKind = "vacancy", date: str = "2026-11-24") -> Why:
    place, lines, end_ms = scenario(number)
    subject = next(one for one in subjects_at(place, outlet_id) if one.kind == kind)
    return why(place, subject, lines, Obligations(place), parse_instant(f"{date}T{clock}+07:00"), end_ms)


def verdict(found: Why, language: Language = "id") -> str:
    return verdict_text(found, "Asia/Jakarta", language)


def check(found: Why, name: str, language: Language = "id") -> tuple[str, str]:
    """Its result and its text."""
    one = next(one for one in found.checks if one.name == name)
    return one.result, check_text(found, one, "Asia/Jakarta", language)


@pytest.mark.parametrize(
    ("number", "outlet_id", "clock", "kind", "reason"),
    [
        ("02", "a-1", "08:30:00", "vacancy", "staffed"),
        ("02", "a-1", "09:03:00", "vacancy", "clock_running"),
        ("02", "a-1", "09:04:10", "vacancy", "interrupted"),
        ("02", "a-1", "09:10:00", "vacancy", "standing"),
        ("02", "a-1", "09:09:59", "vacancy", "clock_running"),
        ("02", "a-1", "12:30:00", "vacancy", "closed"),
        ("02", "a-1", "15:10:01", "vacancy", "not_known_yet"),
        ("03", "a-1", "09:04:30", "vacancy", "clock_running"),
        ("04", "a-1", "09:10:05", "vacancy", "interrupted"),
        ("04", "a-1", "09:10:12", "vacancy", "standing"),
        ("04", "b-1", "09:10:20", "vacancy", "staffed"),
        ("05", "a-1", "09:06:10", "vacancy", "interrupted"),
        ("05", "b-1", "09:06:45", "vacancy", "unknown"),
        ("06", "a-1", "09:06:20", "vacancy", "interrupted"),
        ("06", "b-1", "09:06:31", "vacancy", "staffed"),
        ("08", "a-1", "09:32:00", "vacancy", "ending"),
        ("08", "a-1", "09:50:10", "vacancy", "ending"),
        ("09", "a-1", "12:00:00", "vacancy", "closed"),
        ("10", "a-1", "11:58:00", "vacancy", "clock_running"),
        ("12", "a-1", "08:12:00", "vacancy", "late_phase"),
        ("12", "a-1", "08:12:00", "late_opening", "clock_running"),
        ("12", "a-1", "08:20:00", "late_opening", "standing"),
        ("12", "a-1", "09:05:00", "late_opening", "late_phase_over"),
        ("13", "b-1", "10:00:00", "vacancy", "late_phase"),
        ("14", "a-1", "08:05:00", "late_opening", "late_phase_over"),
        ("15", "a-1", "08:20:00", "late_opening", "declared"),
        ("16", "a-1", "10:30:00", "vacancy", "declared"),
        ("17", "a-1", "09:35:00", "vacancy", "clock_running"),
        ("18", "a-1", "09:10:00", "vacancy", "unknown"),
        ("18", "b-1", "09:10:00", "vacancy", "standing"),
        ("19", "a-2", "09:05:00", "vacancy", "clock_running"),
        ("19", "a-2", "11:00:00", "vacancy", "staffed"),
        ("20", "a-1", "09:00:30", "unattended", "no_visitor"),
        ("20", "a-1", "09:00:30", "vacancy", "off"),
        ("20", "a-1", "10:04:00", "unattended", "standing"),
        ("40", "b-1", "09:40:00", "vacancy", "maintenance"),
        ("40", "a-1", "09:20:00", "sensor_silent", "maintenance"),
        ("40", "a-1", "09:32:00", "sensor_silent", "clock_running"),
        ("40", "a-1", "09:40:00", "sensor_silent", "standing"),
        ("40", "a-1", "09:50:00", "sensor_silent", "in_order"),
    ],
)
def test_each_telling_minute_has_its_reason(
    number: str, outlet_id: str, clock: str, kind: AlertKind, reason: Reason
) -> None:
    assert asked(number, outlet_id, clock, kind).reason == reason


def test_a_clock_that_runs_tells_since_when_how_long_and_when_it_is_full() -> None:
    found = asked("02", "a-1", "09:06:40")
    assert verdict(found) == (
        "Belum ada peringatan kosong: jam berjalan sejak 09.00. Jatuh 09.10 bila tetap. Kemudian jatuh 09.10."
    )
    assert [(one.name, one.result) for one in found.checks] == [
        ("hours", "passed"),
        ("rule", "passed"),
        ("declared", "passed"),
        ("maintenance", "passed"),
        ("state", "passed"),
        ("bridge", "passed"),
        ("clock", "stopped"),
    ]
    assert check(found, "hours") == ("passed", "Wajib buka 08.00–12.00.")
    assert check(found, "state")[1] == "Petugas tidak ada sejak 09.04.20 (2 mnt 20 dtk). Yakin 98\u00a0%."
    assert check(found, "bridge")[1] == (
        "Terputus 09.04–09.04.20 (20 dtk): ada petugas. Kurang dari 30 dtk, jam tidak berhenti."
    )
    assert check(found, "clock")[1] == "Jam berjalan sejak 09.00: 6 mnt 40 dtk dari 10 mnt. Penuh 09.10."
    assert check(found, "clock", "en")[1] == "The clock runs since 09:00: 6 min 40 s of 10 min. Full 09:10."


def test_an_interruption_is_told_as_it_was_then_and_what_is_known_of_it_now() -> None:
    bridged, too_long = asked("02", "a-1", "09:04:10"), asked("03", "a-1", "09:04:10")
    assert (bridged.reason, too_long.reason) == ("interrupted", "interrupted")
    assert check(bridged, "bridge") == (
        "stopped",
        "Terputus sejak 09.04 (10 dtk): ada petugas. Jam berjalan terus bila pulih sebelum 09.04.30.",
    )
    assert bridged.later == Later("fired", parse_instant("2026-11-24T09:10:00+07:00"))
    assert too_long.later == Later("stopped", parse_instant("2026-11-24T09:04:00+07:00"), "interrupted")
    assert verdict(too_long, "en").endswith(
        "As known now the clock had stopped by then, at 09:04 (interrupted for long enough)."
    )


def test_unknown_and_presence_in_a_row_are_told_as_one_interruption() -> None:
    assert check(asked("06", "a-1", "09:07:00"), "bridge")[1] == (
        "Terputus 09.06–09.06.25 (25 dtk): sebagian tidak diketahui. Kurang dari 30 dtk, jam tidak berhenti."
    )


def test_an_alert_that_was_about_to_end_stood_then_and_is_over_by_what_is_known_now() -> None:
    found = asked("08", "a-1", "09:50:10")
    assert verdict(found, "en") == (
        "The vacancy alert stands: since 09:00, fired 09:10. It may be about to end."
        " As known now it was over by then, at 09:50 (an officer came)."
    )
    assert check(found, "end") == (
        "passed",
        "Tidak lagi begitu sejak 09.50 (10 dtk). Berakhir bila bertahan 30 dtk.",
    )
    assert check(asked("08", "a-1", "09:32:00"), "end")[1] == (
        "Tidak diketahui sejak 09.30 (2 mnt). Berakhir tanpa kepastian 09.35."
    )


def test_a_clock_that_the_closing_will_stop_promises_no_alert() -> None:
    assert verdict(asked("10", "a-1", "11:58:00"), "en") == (
        "No vacancy alert: the clock runs since 11:55, but stops at 12:00 (closing) before it is full."
    )


def test_outside_of_hours_the_next_opening_and_the_last_alert_are_told() -> None:
    found = asked("02", "a-1", "12:30:00")
    assert check(found, "hours") == ("stopped", "Di luar jam layanan. Buka lagi 13.00.")
    assert check(found, "ended") == (
        "passed",
        "Peringatan sebelumnya sejak 09.00, jatuh 09.10, berakhir 09.30: petugas datang.",
    )
    assert check(found, "clock")[0] == "not_reached"


def test_a_holiday_is_named_in_the_language_of_the_country() -> None:
    found = asked("25", "a-1", "10:00:00", date="2026-12-25")
    assert check(found, "hours")[1] == "Di luar jam layanan. Buka lagi Sen 28 Des 08.00. Hari libur: Hari Raya Natal."


def test_a_declared_absence_tells_its_end_and_its_reason() -> None:
    assert check(asked("16", "a-1", "10:30:00"), "declared", "en") == (
        "stopped",
        "Absence declared until 11:00. Reason: meeting.",
    )


def test_a_duty_tells_how_many_of_how_many() -> None:
    assert check(asked("18", "a-1", "09:10:00"), "state")[1] == (
        "Tidak diketahui cukup atau tidak: 0 dari 2 loket terisi, wajib 1. 1 loket tidak diketahui. Begitu sejak 09.00."
    )
    closed = asked("19", "a-2", "09:05:00")
    assert (closed.subject_type, closed.subject) == ("duty", "loket-a")
    assert check(closed, "hours", "en")[1] == "Must be open 08:00–15:00. 1 of 2 outlets are open."


def test_what_nobody_has_recorded_yet_is_not_decided() -> None:
    place, lines, _ = scenario("02")
    subject = subjects_at(place, "a-1")[0]
    found = why(place, subject, lines, Obligations(place), 0, None)
    assert (found.reason, check(found, "record", "en")[1]) == (
        "not_known_yet",
        "There is no record yet: no collector has worked for this site.",
    )
    assert check(asked("02", "a-1", "16:00:00"), "record")[1].startswith("Catatan lengkap sampai 15.10.")


def test_the_newest_evidence_is_told_where_it_is_known() -> None:
    place, lines, end_ms = scenario("02")
    at_ms = parse_instant("2026-11-24T09:06:40+07:00")
    evidence = {ZoneKey("a-1", "staff"): at_ms - 4000}
    found = why(place, subjects_at(place, "a-1")[0], lines, Obligations(place), at_ms, end_ms, evidence)
    assert check(found, "state")[1].endswith("Bukti 4 dtk sebelumnya.")


def test_programs_get_names_instants_and_seconds() -> None:
    told = as_json(asked("02", "a-1", "09:06:40"), "Asia/Jakarta")
    assert (told["kind"], told["outlet"], told["reason"], told["alert"]) == ("vacancy", "a-1", "clock_running", None)
    assert told["later"] == {"what": "fired", "at": "2026-11-24T02:10:00.000Z", "by": None}
    assert told["checks"][-1]["facts"] == {
        "since": "2026-11-24T02:00:00.000Z",
        "after_s": 600.0,
        "ran_s": 400.0,
        "full": "2026-11-24T02:10:00.000Z",
    }


def test_both_languages_say_the_same_things_with_the_same_values() -> None:
    def values(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert WHY_TEXTS["id"].keys() == WHY_TEXTS["en"].keys()
    for key, text in WHY_TEXTS["id"].items():
        assert values(text) == values(WHY_TEXTS["en"][key]), key


@pytest.mark.parametrize(
    ("ms", "text"),
    [(-1, "0 dtk"), (59_999, "59 dtk"), (60_000, "1 mnt"), (400_000, "6 mnt 40 dtk"), (7_500_000, "2 j 05 mnt")],
)
def test_spans_are_short(ms: int, text: str) -> None:
    assert span(ms, "id") == text
    assert span(100 * 3_600_000, "en") == "4 d 4 h"


# Random histories

START = parse_instant("2026-11-24T07:00:00+07:00")
END = START + 7 * 60 * MINUTE
PLACE = site(
    outlets=[
        outlet(
            "a-1",
            sensors=[
                sensor("s", source=Source(gateway="gw", driver="ld2410", port="p")),
                sensor("v", zone="visitor"),
                sensor("e", zone="equipment"),
            ],
        ),
        outlet("b-1", service_hours="Mo-Fr 09:00-11:30"),
        outlet("b-2"),
    ],
    duties=(Duty(id="b", outlets=("b-1", "b-2"), at_least=1),),
    gateways=(Gateway(id="gw"),),
    rules={
        "vacancy": Rule(after_ms=10 * MINUTE),
        "late_opening": Rule(after_ms=15 * MINUTE),
        "unattended": Rule(after_ms=3 * MINUTE, min_presence_ms=2 * MINUTE),
        "equipment_down": Rule(off=True),
    },
)
STATES: tuple[State, ...] = get_args(State)
LENGTHS = st.sampled_from([5_000, 20_000, 30_000, 45_000, 2 * MINUTE, 6 * MINUTE, 13 * MINUTE, 40 * MINUTE])


def stretches(values: st.SearchStrategy[object]) -> st.SearchStrategy[list[tuple[int, int | None, object]]]:
    """Ordered stretches from somewhere near the beginning on, neighbours different, the last one open."""

    def dated(made: list[tuple[int, object]]) -> list[tuple[int, int | None, object]]:
        found: list[tuple[int, int | None, object]] = []
        at_ms = START
        for length_ms, value in made:
            if not found or found[-1][2] != value:
                found.append((at_ms, None, value))
            at_ms += length_ms
        return [
            (start, found[place + 1][0] if place + 1 < len(found) else None, value)
            for place, (start, _, value) in enumerate(found)
        ]

    return st.lists(st.tuples(LENGTHS, values), min_size=1, max_size=30).map(dated)


zone_lines = stretches(st.sampled_from(STATES)).map(
    lambda made: [Interval(start, end, state, 0.5) for start, end, state in made]  # type: ignore[arg-type]
)
device_lines = stretches(st.sampled_from([True, False, None])).map(
    lambda made: [TruthInterval(start, end, truth) for start, end, truth in made]  # type: ignore[arg-type]
)
spans = st.tuples(st.integers(0, 400), st.integers(1, 120)).map(
    lambda drawn: Span(START + drawn[0] * MINUTE, START + (drawn[0] + drawn[1]) * MINUTE)
)
histories = st.tuples(
    st.fixed_dictionaries(dict.fromkeys(zones(PLACE), zone_lines)),
    st.fixed_dictionaries(
        {DeviceKey("sensor_silent", "s"): device_lines, DeviceKey("gateway_offline", "gw"): device_lines}
    ),
)
declared = st.lists(st.tuples(st.sampled_from(["a-1", "b-1", "b-2"]), spans), max_size=3)


@given(histories, declared, declared, st.lists(st.integers(0, 7 * 3600), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_the_why_of_every_instant_is_what_the_rules_decide_of_it(
    history: tuple[dict[ZoneKey, list[Interval]], dict[DeviceKey, list[TruthInterval]]],
    absences: list[tuple[str, Span]],
    maintenance: list[tuple[str, Span]],
    seconds: list[int],
) -> None:
    place = replace(
        PLACE,
        absences=tuple(Absence(outlet=at, from_ms=a, to_ms=b, reason="break") for at, (a, b) in absences),
        maintenance=tuple(Maintenance(outlet=at, from_ms=a, to_ms=b) for at, (a, b) in maintenance),
    )
    lines, obligations = Lines(*history, START), Obligations(place)
    for subject in subjects(place):
        for at_ms in [START + second * 1000 for second in seconds]:
            found = why(place, subject, lines, obligations, at_ms, END)
            standing = None
            if subject.rule is not None:
                made = life.alerts(subject, evaluate(subject, lines, obligations, START, min(at_ms + 1, END)).effects)
                standing = next(((one.since_ms, one.fired_ms) for one in made if one.resolved_ms is None), None)
            assert (found.alert and (found.alert.since_ms, found.alert.fired_ms)) == standing
            assert (found.reason in ("standing", "ending")) == (standing is not None)
            says_all(found)
            agrees_with_hindsight(found, place, lines, obligations)


def says_all(found: Why) -> None:
    """One check at most stopped it, none did where an alert stands, and everything is said."""
    stopped = [one for one in found.checks if one.result == "stopped"]
    assert len(stopped) == (0 if found.alert else 1)
    told = as_json(found, "Asia/Jakarta")
    for texts in [told["text"], *(one["text"] for one in told["checks"])]:
        assert all(texts[language] and "{" not in texts[language] for language in get_args(Language))


def agrees_with_hindsight(found: Why, place: Site, lines: Lines, obligations: Obligations) -> None:
    """What is told of afterwards is what the whole history came to."""
    subject = next(one for one in subjects(place) if (one.kind, one.id) == (found.kind, found.subject))
    if subject.rule is None or found.later is None:
        return
    whole = life.alerts(subject, evaluate(subject, lines, obligations, START, END).effects)
    if found.later.what == "resolved":
        assert any((one.resolved_ms, one.reason) == (found.later.at_ms, found.later.by) for one in whole)
    clock = next((one.facts["since"] for one in found.checks if one.name == "clock" and "since" in one.facts), None)
    if found.later.what == "fired":
        assert any(one.fired_ms == found.later.at_ms and At(one.since_ms) == clock for one in whole)
    if found.later.what == "stopped":
        assert not any(At(one.since_ms) == clock for one in whole)
