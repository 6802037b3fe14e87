"""Killed between any two steps of an alert's life, the engine loses nothing, fires once and notifies at least once."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import select

from presence.intervals import State
from storage.record.tables import audit
from tests.fixtures.alerting import Floor, at, floor_in, watched_site
from tests.fixtures.hadir_command import eventually
from tests.fixtures.killed_engine import EngineProcess
from tests.fixtures.webhook import WebhookReceiver, receiving

NOW_MS = at("09:30:01")
STEPS = 12  # two transitions and two deliveries, each a transaction of three steps


def test_killed_at_every_step_of_an_alerts_life(tmp_path: Path, empty_record: Path) -> None:
    deaths = 0
    for step in range(STEPS + 2):
        folder = tmp_path / str(step)
        folder.mkdir()
        with receiving() as webhook, floor_in(folder, empty_record) as floor:
            deaths += life_of_an_alert(floor, webhook, dies_at=step)
            assert told_and_written(floor, webhook) == (
                ["firing", "resolved"],
                ["firing", "resolved"],
                "firing",
            ), f"killed at step {step}"
    # What falls together in one run may be two transactions in another: the last steps are not always reached.
    assert deaths > STEPS - 3


def life_of_an_alert(floor: Floor, webhook: WebhookReceiver, dies_at: int) -> bool:
    """Fires, is told, resolves, is told, under an engine that dies once, if it comes to that step; whether it did."""
    floor.register(watched_site(webhook.url("/hook", "secret")))
    engine, died = EngineProcess(floor.url, floor.folder, NOW_MS, dies_at), False
    try:
        phases: list[tuple[dict[str, State], str]] = [
            ({"08:00": "occupied", "09:00": "vacant"}, "09:30"),
            ({"09:35": "occupied"}, "09:40"),
        ]
        for told, (states, until) in enumerate(phases, start=1):
            floor.staff("a-1", states, until=until)

            def done(wanted: int = told) -> bool:
                nonlocal engine, died
                if engine.died:
                    engine.end()
                    engine, died = EngineProcess(floor.url, floor.folder, NOW_MS), True
                return [message.sent_ms is not None for message in floor.queue()] == [True] * wanted

            eventually(done, every_s=0.01)
    finally:
        engine.end()
    return died


def told_and_written(floor: Floor, webhook: WebhookReceiver) -> tuple[list[str], list[str], str]:
    """Events by key as they reached the receiver, repeats left out; events in the audit log; which came first."""
    keys = [request.key for request in webhook.requests]
    (alert,) = floor.alerts()
    assert (alert.since_ms, alert.fired_ms, alert.resolved_ms) == (at("09:00"), at("09:10"), at("09:35"))
    assert [message.key for message in floor.queue()] == sorted(set(keys))
    floor.audit_rows()
    with floor.record.reading() as connection:
        written = [json.loads(body)["event"] for body in connection.scalars(select(audit.c.body).order_by(audit.c.id))]
    return sorted({key.split(".")[1] for key in keys}), written, keys[0].split(".")[1]
