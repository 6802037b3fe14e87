from __future__ import annotations

from dataclasses import replace

from api.alerting.transitions import LATE_AFTER_MS, Transition, ends, from_intervals, from_registry
from presence.alerts.life import Alert, alert_id
from storage.record.alerts import StoredAlert

NOW_MS = 2_000_000
FIRED_MS = NOW_MS - 1000
STANDS = Alert("vacancy", "outlet", "a-1", FIRED_MS - 600_000, FIRED_MS)
OVER = replace(STANDS, resolved_ms=FIRED_MS + 500, reason="presence")


def stored(alert: Alert, *, late: bool = False, disproved_ms: int | None = None) -> StoredAlert:
    return StoredAlert(alert_id("mpp", alert.kind, alert.subject, alert.since_ms), alert, late, disproved_ms)


def by_intervals(was: list[StoredAlert], computed: list[Alert]) -> list[Transition]:
    return list(from_intervals("mpp", was, computed, NOW_MS))


def by_registry(was: list[StoredAlert], computed: list[Alert]) -> list[Transition]:
    return list(from_registry("mpp", was, computed, None, NOW_MS, NOW_MS))


def test_a_new_alert_fires_and_is_told() -> None:
    assert by_intervals([], [STANDS]) == [Transition("firing", stored(STANDS), None, "firing")]


def test_it_is_late_when_it_was_due_longer_ago_than_an_engine_takes() -> None:
    due = replace(STANDS, fired_ms=NOW_MS - LATE_AFTER_MS)
    assert by_intervals([], [due])[0].now.late is False
    assert by_intervals([], [replace(due, fired_ms=due.fired_ms - 1)])[0].now.late is True


def test_an_alert_that_is_over_already_fires_and_resolves_and_nobody_is_told() -> None:
    assert by_intervals([], [OVER]) == [
        Transition("firing", stored(STANDS), None, None),
        Transition("resolved", stored(OVER), stored(STANDS), None),
    ]


def test_what_is_as_it_was_is_no_transition() -> None:
    assert by_intervals([stored(STANDS, late=True)], [STANDS]) == []
    assert by_intervals([stored(OVER)], [OVER]) == []
    assert by_intervals([stored(OVER, disproved_ms=5)], []) == []


def test_what_stood_and_is_over_resolves() -> None:
    assert by_intervals([stored(STANDS)], [OVER]) == [Transition("resolved", stored(OVER), stored(STANDS), "resolved")]


def test_what_the_intervals_do_not_say_is_disproved_before_anything_is_said_anew() -> None:
    moved = replace(STANDS, since_ms=STANDS.since_ms + 1)
    assert by_intervals([stored(STANDS)], [moved]) == [
        Transition("disproved", stored(STANDS, disproved_ms=NOW_MS), stored(STANDS), "disproved"),
        Transition("firing", stored(moved), None, "firing"),
    ]


def test_what_was_over_or_disproved_and_stands_is_told_again() -> None:
    for was in (stored(OVER), stored(STANDS, disproved_ms=5)):
        assert by_intervals([was], [STANDS]) == [Transition("reopened", stored(STANDS), was, "firing")]


def test_what_was_disproved_and_is_true_but_over_is_put_right_in_silence() -> None:
    was = stored(STANDS, disproved_ms=5)
    assert by_intervals([was], [OVER]) == [Transition("reopened", stored(OVER), was, None)]


def test_other_dates_are_corrected_in_silence() -> None:
    later = replace(OVER, resolved_ms=FIRED_MS + 900)
    bridged = replace(STANDS, fired_ms=FIRED_MS + 10)
    assert by_intervals([stored(OVER)], [later]) == [Transition("corrected", stored(later), stored(OVER), None)]
    assert by_intervals([stored(STANDS)], [bridged]) == [Transition("corrected", stored(bridged), stored(STANDS), None)]


def test_what_a_registry_ended_no_interval_changes() -> None:
    ended = stored(replace(OVER, reason="ended"))
    assert by_intervals([ended], [STANDS]) == by_intervals([ended], []) == []


def test_another_registry_ends_what_it_would_not_have_fired_and_leaves_the_past_alone() -> None:
    over = replace(STANDS, resolved_ms=NOW_MS, reason="ended")
    assert by_registry([stored(STANDS)], []) == [Transition("resolved", stored(over), stored(STANDS), "resolved")]
    assert by_registry([stored(OVER)], []) == by_registry([stored(OVER)], [STANDS]) == []
    assert by_registry([stored(STANDS, disproved_ms=5)], [STANDS]) == []


def test_another_registry_fires_and_resolves_too() -> None:
    assert by_registry([], [STANDS]) == [Transition("firing", stored(STANDS), None, "firing")]
    sooner = replace(OVER, fired_ms=FIRED_MS - 300)
    assert by_registry([stored(STANDS)], [sooner]) == [Transition("resolved", stored(OVER), stored(STANDS), "resolved")]


def test_an_end_is_never_before_the_firing() -> None:
    (transition,) = ends([stored(STANDS)], "declared", FIRED_MS - 5)
    assert (transition.now.alert.resolved_ms, transition.now.alert.reason) == (FIRED_MS, "declared")
