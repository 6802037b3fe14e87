"""What people declare while an engine watches: it takes it up by itself."""

from __future__ import annotations

from presence.site import Absence, Maintenance
from storage.record.declarations import declare, end
from tests.fixtures.alerting import Floor, at, watched_site


def emptied(floor: Floor) -> None:
    floor.register(watched_site())
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"}, until="09:05")


def test_an_absence_that_somebody_declares_ends_an_alert_and_its_withdrawal_brings_a_new_one(floor: Floor) -> None:
    emptied(floor)
    engine = floor.engine()
    floor.pass_until("09:15")
    engine.tick()
    (fired,) = floor.alerts()
    assert (fired.since_ms, fired.resolved_ms) == (at("09:00"), None)
    wanted = Absence(outlet="a-1", from_ms=floor.now_ms, to_ms=at("11:00"), reason="meeting")
    with floor.record.writing(durable=False) as connection:
        made = declare(connection, "balai", wanted, "ani", floor.now_ms)
    floor.pass_until("09:20")
    engine.tick()
    (ended,) = floor.alerts()
    assert (ended.resolved_ms, ended.reason) == (made.what.from_ms, "declared")
    floor.pass_until("09:30")
    with floor.record.writing(durable=False) as connection:
        over = end(connection, "balai", Absence, made.id, "ani", floor.now_ms)
    floor.pass_until("09:50")
    engine.tick()
    assert [(one.since_ms, one.resolved_ms) for one in floor.alerts()] == [
        (at("09:00"), made.what.from_ms),
        (over.what.to_ms, None),
    ]
    assert floor.audit_rows() == 5  # fired, declared, resolved, ended, fired


def test_what_was_withdrawn_before_it_began_mutes_nothing(floor: Floor) -> None:
    emptied(floor)
    engine = floor.engine()
    wanted = Maintenance(outlet="a-1", from_ms=at("09:08"), to_ms=at("11:00"), reason="ganti kabel")
    with floor.record.writing(durable=False) as connection:
        made = declare(connection, "balai", wanted, "ani", floor.now_ms)
        end(connection, "balai", Maintenance, made.id, "ani", floor.now_ms)
    floor.pass_until("09:15")
    engine.tick()
    assert [(one.since_ms, one.resolved_ms) for one in floor.alerts()] == [(at("09:00"), None)]
