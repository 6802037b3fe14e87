"""Backtests on histories that are built: what is found beside what, for whom, and what a sweep shows."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from presence.alerts.life import Alert
from presence.backtest import (
    Compared,
    Figures,
    Recorded,
    around,
    around_sweep,
    compare,
    summaries,
    swept,
    would_have_been,
)
from presence.instants import parse_instant
from presence.intervals import Interval, Span, State
from presence.obligations import Obligations
from presence.pipeline import Lines, alerts_of, ledger_of
from presence.rule_changes import Sweep, parse_sweep
from presence.site import Agency, Contact, Rule, Site, Step
from presence.zones import ZoneKey
from tests.builders import HOUR_MS, site

MINUTE = 60_000
TUESDAY = Span(parse_instant("2026-11-24T00:00:00+07:00"), parse_instant("2026-11-25T00:00:00+07:00"))
EIGHT = parse_instant("2026-11-24T08:00:00+07:00")
STAFF = ZoneKey("a-1", "staff")


def at(hours: float) -> int:
    """An instant of Tuesday, in hours of the site's clock."""
    return TUESDAY.start_ms + round(hours * HOUR_MS)


def vacancy(since: float, fired: float, resolved: float | None, subject: str = "a-1") -> Alert:
    end_ms, reason = (None, None) if resolved is None else (at(resolved), "presence")
    return Alert("vacancy", "outlet", subject, at(since), at(fired), end_ms, reason)  # type: ignore[arg-type]


def day(*turns: tuple[float, State], first: State = "unknown") -> list[Interval]:
    """The staff zone from midnight on, `first` until the first turn."""
    starts = [(TUESDAY.start_ms, first), *((at(hours), state) for hours, state in turns)]
    ends = [*(start_ms for start_ms, _ in starts[1:]), TUESDAY.end_ms]
    return [Interval(start_ms, end_ms, state, 0.5) for (start_ms, state), end_ms in zip(starts, ends, strict=True)]


def backtest(of: Site, staff: list[Interval], horizon: Span = TUESDAY) -> list[Alert]:
    lines = Lines({STAFF: staff}, {}, staff[0].start_ms)
    reach = around(of, horizon)
    judged = Span(max(reach.start_ms, TUESDAY.start_ms), min(reach.end_ms, TUESDAY.end_ms))
    return would_have_been(of, lines, Obligations(of), judged, horizon)


def test_a_clock_that_runs_when_the_stretch_begins_is_not_started_anew() -> None:
    empty = day((7.5, "occupied"), (9, "vacant"), (10, "occupied"))
    assert backtest(site(), empty, Span(at(9.1), at(9.5))) == [vacancy(9, 9 + 1 / 6, None)]
    assert backtest(site(), empty, Span(at(9.2), at(9.5))) == []


@st.composite
def histories(draw: st.DrawFn) -> list[Interval]:
    turns = draw(st.lists(st.tuples(st.integers(1, 1439), st.sampled_from(["occupied", "vacant", "unknown"]))))
    by_minute: dict[int, State] = dict(turns)  # type: ignore[arg-type]
    return day(*((minute / 60, by_minute[minute]) for minute in sorted(by_minute)))


ALL_KINDS = site(rules={"vacancy": Rule(after_ms=5 * MINUTE), "late_opening": Rule(after_ms=15 * MINUTE)})


@given(histories())
def test_with_unchanged_rules_it_is_what_replay_gives(staff: list[Interval]) -> None:
    replayed = alerts_of(ALL_KINDS, Lines({STAFF: staff}, {}, TUESDAY.start_ms), TUESDAY)
    found = backtest(ALL_KINDS, staff)
    assert found == sorted(replayed, key=lambda alert: (alert.fired_ms, alert.kind))
    compared = compare(ALL_KINDS, found, [Recorded(alert, "dinas") for alert in replayed])
    assert all(one.found == "both" and not one.moved for one in compared)


def points(of: Site, staff: list[Interval], sweep: Sweep) -> list[tuple[int, int]]:
    lines = Lines({STAFF: staff}, {}, TUESDAY.start_ms)
    reach = around_sweep(of, sweep, TUESDAY)
    judged = Span(TUESDAY.start_ms, min(reach.end_ms, TUESDAY.end_ms))
    return [(one.alerts, one.standing_ms) for one in swept(of, sweep, lines, Obligations(of), judged, TUESDAY)]


@settings(deadline=None)
@given(histories())
def test_who_waits_longer_hears_of_fewer_alerts_that_stand_shorter(staff: list[Interval]) -> None:
    found = points(site(), staff, parse_sweep("vacancy.after=1m..61m:5m"))
    assert found == sorted(found, key=lambda point: point[0], reverse=True)
    assert found == sorted(found, key=lambda point: point[1], reverse=True)


@settings(deadline=None)
@given(histories())
def test_a_value_of_a_sweep_is_the_backtest_of_that_value(staff: list[Interval]) -> None:
    for text in ("vacancy.after=4m..12m:8m", "late_opening.after=4m..12m:8m", "vacancy.min_presence=1m..9m:8m"):
        sweep = parse_sweep(text)
        for value_ms, (count, _) in zip(sweep.values_ms, points(ALL_KINDS, staff, sweep), strict=True):
            rule = replace(ALL_KINDS.rules[sweep.kind], **{sweep.field: value_ms})  # type: ignore[arg-type]
            other = replace(ALL_KINDS, rules={**ALL_KINDS.rules, sweep.kind: rule})
            assert count == sum(alert.kind == sweep.kind for alert in backtest(other, staff))


def test_an_alert_is_the_same_when_its_clock_began_together_or_it_overlaps() -> None:
    same, earlier, new = vacancy(8, 8.1, 9), vacancy(9.5, 9.6, 10), vacancy(11, 11.1, None)
    was_same, was_later, gone = vacancy(8, 8.5, 9), vacancy(9.7, 9.9, 10), vacancy(10.2, 10.4, 10.6)
    wrong = Recorded(vacancy(11.2, 11.4, 11.5), "dinas", at(12))
    record = [Recorded(was_same, "dinas"), Recorded(was_later, "dinas"), Recorded(gone, "dinas"), wrong]
    compared = compare(site(), [same, earlier, new], record)
    assert compared == [
        Compared("dinas", same, record[0]),
        Compared("dinas", earlier, record[1]),
        Compared("dinas", None, record[2]),
        Compared("dinas", new, None),
        Compared("dinas", None, wrong),
    ]
    assert [(one.found, one.moved) for one in compared] == [
        ("both", True), ("both", True), ("record", False), ("backtest", False), ("record", False),
    ]  # fmt: skip


def test_the_summary_says_for_whom_and_how_much_is_unknown() -> None:
    told = site(
        agencies=(
            Agency(
                id="dinas",
                name="Dinas",
                contacts=(
                    Contact(id="one", name="Satu"),
                    Contact(id="two", name="Dua", level=2),
                    Contact(id="three", name="Tiga", level=3),
                ),
            ),
        ),
        escalation={
            "people": (
                Step(after_ms=0, to="agency", level=1),
                Step(after_ms=20 * MINUTE, to="agency", level=2),
                Step(after_ms=60 * MINUTE, to="agency", level=3),
            )
        },
    )
    staff = day((7.5, "occupied"), (9, "vacant"), (9.5, "unknown"), (10, "occupied"))
    found = backtest(replace(told, rules={"vacancy": Rule(after_ms=5 * MINUTE)}), staff)
    gone = Recorded(vacancy(13, 13.5, 14), "dinas", disproved_ms=at(15))
    ledger = ledger_of(told, {STAFF: staff}, TUESDAY)
    (dinas,) = summaries(told, compare(told, found, [gone]), ledger, TUESDAY.end_ms)
    assert dinas.told == ("Satu", "Dua")
    assert dinas.backtest == Figures(alerts=1, standing_ms=30 * MINUTE, median_ms=30 * MINUTE)
    assert dinas.record == Figures(alerts=1, standing_ms=HOUR_MS // 2, median_ms=HOUR_MS // 2)
    assert (dinas.new, dinas.gone, dinas.moved, dinas.disproved) == (1, 1, 0, 1)
    assert (dinas.obliged_ms, dinas.unknown_ms) == (6 * HOUR_MS, HOUR_MS // 2)
