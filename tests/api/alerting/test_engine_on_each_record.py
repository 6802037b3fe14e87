"""The engine does on PostgreSQL what it does on SQLite; what exactly that is, is in test_engine.py."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from api.alerting.engine import Engine
from presence.alerts.life import Alert
from storage.record.tables import engine_lease
from tests.fixtures.alerting import Floor, at, floor_at, watched_site
from tests.fixtures.hadir_command import eventually

HOOK = "hadir+http://127.0.0.1:1/hook"


@pytest.fixture
def floor(record_url: str, tmp_path: Path) -> Iterator[Floor]:
    with floor_at(record_url, tmp_path) as floor:
        yield floor


@pytest.fixture
def shared_floor(postgresql_record: str, tmp_path: Path) -> Iterator[Floor]:
    with floor_at(postgresql_record, tmp_path) as floor:
        yield floor


def vacancy(since: str, fired: str, resolved: str | None = None, reason: str | None = None) -> Alert:
    return Alert("vacancy", "outlet", "a-1", at(since), at(fired), at(resolved) if resolved else None, reason)  # type: ignore[arg-type]


def events(floor: Floor) -> list[str]:
    return [message.key.split(".")[1] for message in floor.queue()]


def test_an_alert_fires_resolves_and_is_disproved_by_late_data(floor: Floor) -> None:
    floor.register(watched_site(HOOK))
    engine = floor.engine()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:20")
    engine.tick()
    floor.staff("a-1", {"09:25": "occupied"}, until="09:30")
    engine.tick()
    assert floor.alerts() == [vacancy("09:00", "09:10", "09:25", "presence")]
    floor.staff("a-1", {"09:04": "occupied"}, until="09:31")
    engine.tick()
    assert (floor.alerts(), floor.alerts(disproved=True)) == ([], [vacancy("09:00", "09:10", "09:25", "presence")])
    assert (events(floor), floor.audit_rows()) == (["firing", "resolved", "disproved"], 3)


def test_a_restarted_engine_goes_on_and_tells_nothing_again(floor: Floor) -> None:
    floor.register(watched_site(HOOK))
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:20")
    floor.engine().tick()
    floor.pass_until("12:00:00.001")
    floor.restarted().tick()
    assert floor.alerts() == [vacancy("09:00", "09:10", "12:00", "closed")]
    assert (events(floor), floor.audit_rows()) == (["firing", "resolved"], 2)


def test_a_second_engine_waits_for_the_end_of_the_first(floor: Floor, caplog: pytest.LogCaptureFixture) -> None:
    floor.register(watched_site(HOOK))
    first, second = floor.engine(), floor.engine()
    first.tick()
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:20")
    with caplog.at_level(logging.WARNING, "hadir.engine"):
        second.tick()
    assert [record.message for record in caplog.records] == ["balai: another engine watches it; waiting for its end"]
    first.close()
    eventually(lambda: _alerts_after_look(floor, second))
    assert (floor.alerts(), floor.audit_rows()) == ([vacancy("09:00", "09:10")], 1)


def _alerts_after_look(floor: Floor, engine: Engine) -> list[Alert]:
    engine.tick()
    return floor.alerts()


def test_an_engine_whose_lease_ran_out_writes_nothing_more(
    shared_floor: Floor, caplog: pytest.LogCaptureFixture
) -> None:
    shared_floor.register(watched_site(HOOK))
    first, second = shared_floor.engine(), shared_floor.engine()
    first.tick()
    with shared_floor.record.writing() as connection:
        connection.execute(update(engine_lease).values(until_ms=0))
    second.tick()
    with caplog.at_level(logging.WARNING, "hadir.engine"):
        eventually(lambda: _said_after_look(caplog, first))
    shared_floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:20")
    first.tick()
    assert shared_floor.alerts() == []
    second.tick()
    assert shared_floor.alerts() == [vacancy("09:00", "09:10")]
    assert [record.message for record in caplog.records] == [
        "balai: the lease ran out; it is watched anew when it can be had",
        "balai: another engine watches it; waiting for its end",
    ]


def _said_after_look(caplog: pytest.LogCaptureFixture, engine: Engine) -> bool:
    engine.tick()
    return len(caplog.records) >= 2
