from __future__ import annotations

from dataclasses import replace

from api.alerting.transitions import LATE_AFTER_MS, Look, Transition, ends, from_intervals, from_registry
from presence.alerts.life import Alert, alert_id
from storage.record.alerts import StoredAlert

NOW_MS = 2_000_000
FIRED_MS = NOW_MS - 1000
STANDS = Alert("vacancy", "outlet", "a-1", FIRED_MS - 600_000, FIRED_MS)
OVER = replace(STANDS, resolved_ms=FIRED_MS + 500, reason="presence")


TODAYS = "today's"
LOOK = Look(NOW_MS, judged_by=lambda _: TODAYS)


def stored(
    alert: Alert, *, late: bool = False, disproved_ms: int | None = None, judged_by: str = TODAYS
) -> StoredAlert:
    return StoredAlert(alert_id("mpp", alert.kind, alert.subject, alert.since_ms), alert, late, disproved_ms, judged_by)


def by_intervals(was: list[StoredAlert], computed: list[Alert], look: Look = LOOK) -> list[Transition]:
    return list(from_intervals("mpp", was, computed, look))


def by_registry(was: list[StoredAlert], computed: list[Alert], look: Look = LOOK) -> list[Transition]:
    return list(from_registry("mpp", was, computed, look, None, NOW_MS))


def test_a_new_alert_fires_and_is_told() -> None:
    assert by_intervals([], [STANDS]) == [Transition("firing", stored(STANDS), None)]


def test_it_is_late_when_it_was_due_longer_ago_than_an_engine_takes() -> None:
    due = replace(STANDS, fired_ms=NOW_MS - LATE_AFTER_MS)
    assert by_intervals([], [due])[0].now.late is False
    assert by_intervals([], [replace(due, fired_ms=due.fired_ms - 1)])[0].now.late is True


def test_an_alert_that_is_over_already_fires_and_resolves_and_nobody_is_told() -> None:
    assert by_intervals([], [OVER]) == [
        Transition("firing", stored(STANDS), None),
        Transition("resolved", stored(OVER), stored(STANDS)),
    ]


def test_what_is_as_it_was_is_no_transition() -> None:
    assert by_intervals([stored(STANDS, late=True)], [STANDS]) == []
    assert by_intervals([stored(OVER)], [OVER]) == []
    assert by_intervals([stored(OVER, disproved_ms=5)], []) == []


def test_what_stood_and_is_over_resolves() -> None:
    assert by_intervals([stored(STANDS)], [OVER]) == [Transition("resolved", stored(OVER), stored(STANDS))]


def test_what_the_intervals_do_not_say_is_disproved_before_anything_is_said_anew() -> None:
    moved = replace(STANDS, since_ms=STANDS.since_ms + 1)
    assert by_intervals([stored(STANDS)], [moved]) == [
        Transition("disproved", stored(STANDS, disproved_ms=NOW_MS), stored(STANDS)),
        Transition("firing", stored(moved), None),
    ]


def test_what_was_over_or_disproved_and_stands_is_told_again() -> None:
    for was in (stored(OVER), stored(STANDS, disproved_ms=5)):
        assert by_intervals([was], [STANDS]) == [Transition("reopened", stored(STANDS), was)]


def test_what_was_disproved_and_is_true_but_over_is_put_right_in_silence() -> None:
    was = stored(STANDS, disproved_ms=5)
    assert by_intervals([was], [OVER]) == [Transition("reopened", stored(OVER), was)]


def test_other_dates_are_corrected_in_silence() -> None:
    later = replace(OVER, resolved_ms=FIRED_MS + 900)
    bridged = replace(STANDS, fired_ms=FIRED_MS + 10)
    assert by_intervals([stored(OVER)], [later]) == [Transition("corrected", stored(later), stored(OVER))]
    assert by_intervals([stored(STANDS)], [bridged]) == [Transition("corrected", stored(bridged), stored(STANDS))]


def test_what_a_registry_ended_no_interval_dates_anew() -> None:
    ended = stored(replace(OVER, reason="ended"))
    assert by_intervals([ended], [OVER]) == by_intervals([ended], []) == []


def test_what_a_registry_ended_and_stands_again_is_told_again() -> None:
    ended = stored(replace(OVER, reason="ended"), judged_by="yesterday's")
    later = replace(STANDS, fired_ms=FIRED_MS + 900)
    for compare in (by_intervals, by_registry):
        assert compare([ended], [later]) == [Transition("reopened", stored(later), ended)]


def test_what_fired_under_other_rules_and_is_over_stays_as_it_is_unless_it_stands_again() -> None:
    was = stored(OVER, judged_by="yesterday's")
    later = replace(OVER, resolved_ms=FIRED_MS + 900)
    for compare in (by_intervals, by_registry):
        assert compare([was], []) == compare([was], [later]) == []
        assert compare([was._replace(disproved_ms=5)], [OVER]) == []
        assert compare([was], [STANDS]) == [Transition("reopened", stored(STANDS), was)]


def test_what_stands_under_another_registry_too_is_disproved_by_intervals() -> None:
    was = stored(STANDS, judged_by="yesterday's")
    assert by_registry([was], [STANDS]) == []
    assert by_intervals([was], []) == [Transition("disproved", was._replace(disproved_ms=NOW_MS), was)]


def test_another_registry_ends_what_it_would_not_have_fired() -> None:
    was = stored(STANDS, judged_by="yesterday's")
    over = was._replace(alert=replace(STANDS, resolved_ms=NOW_MS, reason="ended"))
    assert by_registry([was], []) == [Transition("resolved", over, was)]


def test_another_registry_fires_and_resolves_too_and_leaves_the_firing_where_it_was() -> None:
    assert by_registry([], [STANDS]) == [Transition("firing", stored(STANDS), None)]
    was, over = stored(STANDS, judged_by="yesterday's"), stored(OVER, judged_by="yesterday's")
    sooner = replace(OVER, fired_ms=FIRED_MS - 300)
    for compare in (by_intervals, by_registry):
        assert compare([was], [sooner]) == [Transition("resolved", over, was)]


def test_what_fired_under_other_rules_does_not_end_before_it_fired() -> None:
    was = stored(STANDS, judged_by="yesterday's")
    before = replace(STANDS, fired_ms=FIRED_MS - 300, resolved_ms=FIRED_MS, reason="presence")
    assert [one.what for one in by_intervals([was], [before])] == ["disproved"]
    assert [(one.what, one.now.alert.reason) for one in by_registry([was], [before])] == [("resolved", "ended")]


def test_a_change_of_the_registry_that_decides_nothing_hides_no_correction() -> None:
    was = stored(STANDS)
    assert by_registry([was], []) == [Transition("disproved", was._replace(disproved_ms=NOW_MS), was)]


def test_an_end_is_never_before_the_firing() -> None:
    (transition,) = ends([stored(STANDS)], "declared", FIRED_MS - 5)
    assert (transition.now.alert.resolved_ms, transition.now.alert.reason) == (FIRED_MS, "declared")
