from __future__ import annotations

import json
from typing import Any

import pytest

from api.live import SILENT_MS, Change, Distrust, Live, NotUnderstood
from presence.instants import parse_instant, rfc3339
from tests.builders import outlet, site

NOW = parse_instant("2026-11-24T03:42:00Z")
MINUTE = 60_000


def message(status: str = "vacant", since_ms: int = NOW - MINUTE, **fields: Any) -> bytes:
    body = {
        "site": "balai",
        "outlet": "a-1",
        "status": status,
        "since": rfc3339(since_ms),
        "zones": {"staff": {"state": "vacant", "p": 0.02, "since": rfc3339(since_ms), "seen": rfc3339(NOW)}},
        "until": rfc3339(NOW + 60 * MINUTE),
        "reason": None,
        "at": rfc3339(NOW),
        "version": 1,
    }
    return json.dumps(body | fields).encode()


def online(at_ms: int = NOW) -> bytes:
    return json.dumps({"state": "online", "at": rfc3339(at_ms)}).encode()


def offline(at_ms: int = NOW) -> bytes:
    return json.dumps({"state": "offline", "at": rfc3339(at_ms)}).encode()


@pytest.fixture
def live() -> Live:
    """A site with the outlets a-1 and a-2, whose collector and broker are well."""
    live = Live()
    live.sites = {"balai": site(outlets=[outlet("a-1"), outlet("a-2")])}
    live.broker_met()
    live.hear_collector("balai", online(), retained=False, now_ms=NOW)
    return live


def statuses(live: Live, now_ms: int = NOW) -> list[str]:
    return [occupancy.status for occupancy in live.of_site("balai", now_ms)]


def test_an_outlet_without_a_message_is_unknown(live: Live):
    live.hear_occupancy("balai", "a-1", message(), NOW)
    assert statuses(live) == ["vacant", "unknown"]
    assert live.occupancy("balai", "a-2", NOW).since is None


def test_what_is_not_registered_is_kept_but_not_without_end(live: Live):
    for n in range(10_002):
        live.hear_occupancy("balai", f"x-{n}", message(outlet=f"x-{n}"), NOW)
    with pytest.raises(NotUnderstood, match="not registered"):
        live.hear_occupancy("balai", "one-more", message(outlet="one-more"), NOW)
    live.hear_occupancy("balai", "a-1", message(), NOW)
    assert statuses(live)[0] == "vacant"


def test_a_message_that_is_taken_back_leaves_the_outlet_unknown(live: Live):
    live.hear_occupancy("balai", "a-1", message(), NOW)
    live.hear_occupancy("balai", "a-1", b"", NOW)
    assert statuses(live) == ["unknown", "unknown"]


def test_what_the_registry_does_not_know_is_not_shown(live: Live):
    live.hear_occupancy("balai", "a-9", message(outlet="a-9"), NOW)
    assert statuses(live) == ["unknown", "unknown"]


def test_a_collector_that_is_silent_for_30_s_makes_its_site_unknown_until_it_speaks(live: Live):
    live.hear_occupancy("balai", "a-1", message(), NOW)
    assert live.distrust("balai", NOW + SILENT_MS) is None
    assert live.distrust("balai", NOW + SILENT_MS + 1) == Distrust("collector", NOW)
    assert statuses(live, NOW + SILENT_MS + 1)[0] == "unknown"
    shown = live.occupancy("balai", "a-1", NOW + SILENT_MS + 1)
    assert (shown.zones["staff"].state, shown.zones["staff"].seen, shown.until) == ("unknown", rfc3339(NOW), None)
    live.hear_collector("balai", online(), retained=False, now_ms=NOW + 40_000)
    assert statuses(live, NOW + 40_000)[0] == "vacant"


def test_an_offline_collector_is_not_believed_since_it_was_last_heard(live: Live):
    live.hear_collector("balai", offline(NOW - 3_600_000), retained=False, now_ms=NOW + 5_000)
    assert live.distrust("balai", NOW + 5_000) == Distrust("collector", NOW)


def test_a_will_names_no_instant_and_a_status_may_bear_what_is_not_for_us(live: Live):
    live.hear_collector("balai", b'{"state":"offline","at":null,"marker":"x"}', retained=False, now_ms=NOW + 5_000)
    assert live.distrust("balai", NOW + 5_000) == Distrust("collector", NOW)
    live.hear_collector("balai", b"", retained=False, now_ms=NOW)
    live.hear_collector("balai", b'{"state":"offline","at":null}', retained=True, now_ms=NOW)
    assert live.distrust("balai", NOW) == Distrust("collector", None)
    assert live.collector_age_ms("balai", NOW) is None


def test_a_retained_status_counts_from_the_time_it_names(live: Live):
    live.hear_collector("balai", online(NOW - 2 * SILENT_MS), retained=True, now_ms=NOW)
    assert live.distrust("balai", NOW) == Distrust("collector", NOW - 2 * SILENT_MS)


def test_a_live_status_counts_from_now_whatever_the_collectors_clock_says(live: Live):
    live.hear_collector("balai", online(NOW - 3_600_000), retained=False, now_ms=NOW)
    assert live.distrust("balai", NOW) is None


def test_a_broker_that_is_away_for_30_s_makes_everything_unknown(live: Live):
    live.hear_occupancy("balai", "a-1", message(), NOW)
    live.broker_lost(NOW + 9_000)
    assert live.distrust("balai", NOW + 9_000 + SILENT_MS) is None
    assert live.distrust("balai", NOW + 9_001 + SILENT_MS) == Distrust("broker", NOW + 9_000)
    live.broker_met()
    live.hear_collector("balai", online(NOW + 45_000), retained=True, now_ms=NOW + 45_100)
    assert statuses(live, NOW + 45_100) == ["vacant", "unknown"]


def test_before_anything_was_heard_nothing_is_believed():
    live = Live()
    assert live.distrust("balai", NOW) == Distrust("broker", None)
    live.broker_met()
    assert live.distrust("balai", NOW) == Distrust("collector", None)


@pytest.mark.parametrize(
    "payload",
    [
        b"{",
        b"[]",
        message(status="asleep"),
        message(since="yesterday"),
        message(zones={"staff": {"state": "vacant", "p": 0.1, "since": None, "seen": "now"}}),
        message(outlet="a-2"),
        message(site="elsewhere"),
        message(version=2),
        b"\xff\xfe",
    ],
)
def test_a_message_that_breaks_its_contract_changes_nothing(live: Live, payload: bytes):
    live.hear_occupancy("balai", "a-1", message(), NOW)
    with pytest.raises(NotUnderstood):
        live.hear_occupancy("balai", "a-1", payload, NOW)
    assert statuses(live)[0] == "vacant"


@pytest.mark.parametrize(
    "payload",
    [
        b"?",
        b'{"state":"gone","at":"2026-11-24T03:42:00Z"}',
        b'{"state":"online","at":""}',
        b'{"state":"online","at":null}',
    ],
)
def test_a_collector_status_that_breaks_its_contract_changes_nothing(live: Live, payload: bytes):
    with pytest.raises(NotUnderstood):
        live.hear_collector("balai", payload, retained=False, now_ms=NOW)
    assert live.distrust("balai", NOW) is None


def test_newer_evidence_for_the_same_is_no_news(live: Live):
    assert live.hear_occupancy("balai", "a-1", message(), NOW)
    later = {"staff": {"state": "vacant", "p": 0.01, "since": None, "seen": rfc3339(NOW + 10_000)}}
    assert not live.hear_occupancy("balai", "a-1", message(zones=later, at=rfc3339(NOW + 10_000)), NOW)
    assert live.occupancy("balai", "a-1", NOW).zones["staff"].seen == rfc3339(NOW + 10_000)
    assert live.hear_occupancy("balai", "a-1", message(reason="meeting"), NOW)


def test_changes_of_the_last_hour_are_kept_newest_first(live: Live):
    live.hear_occupancy("balai", "a-1", message("staffed", NOW - 30 * MINUTE), NOW)
    live.hear_occupancy("balai", "a-2", message("staffed", NOW - 90 * MINUTE, outlet="a-2"), NOW)
    live.hear_occupancy("balai", "a-1", message("vacant", NOW - 5 * MINUTE), NOW)
    live.hear_occupancy("balai", "a-1", message("vacant", NOW - 5 * MINUTE, at=rfc3339(NOW)), NOW)
    assert live.changes("balai", NOW) == [
        Change("a-1", "vacant", NOW - 5 * MINUTE, "staffed", 25 * MINUTE),
        Change("a-1", "staffed", NOW - 30 * MINUTE, None, None),
    ]
    assert live.changes("balai", NOW + 56 * MINUTE) == []


def test_a_visitor_changes_the_status_at_the_time_of_the_message(live: Live):
    live.hear_occupancy("balai", "a-1", message("staffed", NOW - 50 * MINUTE), NOW)
    live.hear_occupancy("balai", "a-1", message("serving", NOW - 50 * MINUTE, at=rfc3339(NOW)), NOW)
    assert live.changes("balai", NOW)[0] == Change("a-1", "serving", NOW, "staffed", 50 * MINUTE)
