"""Receivers fail for hours, clocks jump, registries and minds change: nothing is lost and nothing piles up."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from api.alerting.engine import Engine
from api.alerting.sender import Sender
from presence.alerts.life import Alert, alert_id
from presence.site import Agency, Contact, Duty, Rule, Site, Step
from storage.record import acknowledgements
from storage.record.intervals import set_progress
from storage.record.tables import notification
from tests.builders import outlet
from tests.fixtures.alerting import Floor, at, sending, watched_site
from tests.fixtures.hadir_command import eventually
from tests.fixtures.webhook import Answer, WebhookReceiver, receiving

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def laddered(webhook: WebhookReceiver, **fields: Any) -> Site:
    """Budi is told first and again every 5 min, Ani after 15 min; open day and night."""
    contacts = tuple(
        Contact(id=name, name=name.title(), level=level, channel=webhook.url(f"/{name}"))
        for name, level in (("budi", 1), ("ani", 2))
    )
    steps = (
        Step(after_ms=0, to="agency", level=1, repeat_ms=5 * MINUTE_MS),
        Step(after_ms=15 * MINUTE_MS, to="agency", level=2),
    )
    defaults: dict[str, Any] = {
        "agencies": (Agency(id="dinas", name="Dinas", contacts=contacts),),
        "escalation": {"people": steps},
        "service_hours": "24/7",
        "rules": {"vacancy": Rule(after_ms=10 * MINUTE_MS)},
    }
    return watched_site(**{**defaults, **fields})


class Passing:
    """Time that passes at the floor, in which the engine looks and the sender tries all that is due."""

    def __init__(self, floor: Floor, engine: Engine, sender: Sender) -> None:
        self._floor = floor
        self._engine = engine
        self._sender = sender
        self.frontier_ms = floor.now_ms + 5000  # a moment after the minutes at which something is due
        self.ahead_ms = 0

    def until(self, at_ms: int, step_ms: int = MINUTE_MS) -> None:
        while self.frontier_ms < at_ms:
            self.frontier_ms += step_ms
            self.look()

    def look(self) -> None:
        """The collector knows all up to its frontier; the engine's clock says 500 ms more, and `ahead_ms`."""
        self._floor.now_ms = self.frontier_ms + 500 + self.ahead_ms
        with self._floor.record.writing(durable=False) as connection:
            set_progress(connection, self._floor.site.id, self.frontier_ms, spool="s", spool_id=1)
        self._engine.tick()
        self._sender.wake()
        eventually(self._nothing_is_due, every_s=0.002)

    def _nothing_is_due(self) -> bool:
        first: dict[tuple[str, str], int | None] = {}
        for message in self._floor.queue():
            alert, _, recipient, _ = message.key.split(".")
            if message.next_try_ms is not None:
                first.setdefault((alert, recipient), message.next_try_ms)
        return all(at_ms is None or at_ms > self._floor.now_ms for at_ms in first.values())


def heard(webhook: WebhookReceiver) -> list[str]:
    """Event, recipient and number of what came in, repeats left out, in order."""
    return [key.partition(".")[2] for key in dict.fromkeys(request.key for request in webhook.requests)]


def test_while_a_receiver_fails_for_hours_reminders_do_not_pile_up_and_nothing_is_lost(
    floor: Floor, webhook: WebhookReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    floor.register(laddered(webhook))
    webhook.usual = Answer(500)
    floor.staff("a-1", {"08:00": "occupied", "08:10": "vacant"})
    with caplog.at_level(logging.INFO, "hadir.engine"), sending(floor) as sender:
        passing = Passing(floor, floor.engine(), sender)
        passing.until(at("14:00"))
        assert [message.key.partition(".")[2] for message in floor.queue()] == ["firing.budi.0", "firing.ani.0"]
        webhook.usual = Answer(204)
        passing.until(at("14:12"))
        floor.staff("a-1", {"14:12": "occupied"})
        passing.until(at("14:14"))
    came = heard(webhook)
    assert [one for one in came if "budi" in one] == [
        "firing.budi.0", "reminder.budi.0", "reminder.budi.1", "resolved.budi.0",
    ]  # fmt: skip
    assert [one for one in came if "ani" in one] == ["firing.ani.0", "resolved.ani.0"]
    said = [record.message for record in caplog.records if "contact budi" in record.message]
    assert said == [
        "balai: contact budi of dinas: answered 500; trying again",
        "balai: contact budi of dinas: delivered again",
    ]


def test_what_is_given_up_after_a_day_is_said_once_and_who_is_there_again_hears_that_it_stands(
    floor: Floor, webhook: WebhookReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    only_budi = {"people": (Step(after_ms=0, to="agency", level=1, repeat_ms=10 * MINUTE_MS),)}
    floor.register(laddered(webhook, escalation=only_budi))
    webhook.usual = Answer(503)
    floor.staff("a-1", {"08:00": "occupied", "08:10": "vacant"})
    with caplog.at_level(logging.ERROR, "hadir.engine"), sending(floor) as sender:
        passing = Passing(floor, floor.engine(), sender)
        passing.until(at("08:20") + 25 * HOUR_MS, 10 * MINUTE_MS)
        webhook.usual = Answer(204)
        passing.until(at("08:20") + 25 * HOUR_MS + 20 * MINUTE_MS, 10 * MINUTE_MS)
    first, *reminders = floor.queue()
    assert (first.sent_ms, first.error) == (None, "answered 503; given up after 24 h")
    assert [record.message for record in caplog.records] == [
        f"balai: contact budi of dinas: {first.key}: answered 503; given up after 24 h; not tried again"
    ]
    assert [one.key.partition(".")[2] for one in reminders] == ["reminder.budi.0", "reminder.budi.1"]
    assert all(one.sent_ms is not None for one in reminders)


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
def test_an_engine_whose_clock_was_two_hours_ahead_says_what_it_would_have_said(
    floor: Floor, webhook: WebhookReceiver, caplog: pytest.LogCaptureFixture, restarted: bool
) -> None:
    floor.register(laddered(webhook))
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"})
    with caplog.at_level(logging.WARNING, "hadir.engine"), sending(floor) as sender:
        passing = Passing(floor, floor.engine(), sender)
        passing.until(at("09:08"))
        passing.ahead_ms = 2 * HOUR_MS
        webhook.answers = [Answer(503)]
        passing.until(at("09:12"))
        passing.ahead_ms = 0
        if not restarted:
            passing.look()
        else:
            floor.close()
            floor.now_ms = at("09:12:06")
            passing = Passing(floor, floor.engine(), sender)
            passing.frontier_ms = at("09:12:05")
        passing.until(at("09:31"))
        floor.staff("a-1", {"09:31": "occupied"})
        passing.until(at("09:33"))
    assert floor.alerts() == [Alert("vacancy", "outlet", "a-1", at("09:00"), at("09:10"), at("09:31"), "presence")]
    came = heard(webhook)
    assert [one for one in came if "ani" in one] == ["firing.ani.0", "resolved.ani.0"]
    of_budi = [one for one in came if "budi" in one]
    assert (of_budi[0], of_budi[-1]) == ("firing.budi.0", "resolved.budi.0")
    # 09:15, 09:20, 09:25, 09:30; who was not there when it was set back counts from when it is.
    assert of_budi[1:-1] == [f"reminder.budi.{n}" for n in range(3 if restarted else 4)]
    assert len([record for record in caplog.records if "dated anew" in record.message]) == 1
    with floor.record.reading() as connection:
        assert max(connection.scalars(select(notification.c.due_ms))) <= floor.now_ms


def test_a_frontier_that_goes_back_says_nothing_again(floor: Floor, webhook: WebhookReceiver) -> None:
    floor.register(laddered(webhook))
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"})
    with sending(floor) as sender:
        passing = Passing(floor, floor.engine(), sender)
        passing.until(at("09:16"))
        passing.frontier_ms, passing.ahead_ms = at("08:50:05"), 26 * MINUTE_MS
        passing.look()
        before = heard(webhook)
        passing.frontier_ms, passing.ahead_ms = at("09:16:05"), 0
        passing.until(at("09:26"))
    assert before == ["firing.budi.0", "reminder.budi.0"]
    assert sorted(heard(webhook)) == ["firing.ani.0", "firing.budi.0", *(f"reminder.budi.{n}" for n in range(3))]


def test_a_contact_removed_while_an_alert_stands_is_left_out_and_the_others_hear_of_it(
    floor: Floor, webhook: WebhookReceiver
) -> None:
    wanted = laddered(webhook)
    floor.register(wanted)
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"})
    with sending(floor) as sender:
        passing = Passing(floor, floor.engine(), sender)
        passing.until(at("09:11"))
        (dinas,) = wanted.agencies
        floor.register(replace(wanted, agencies=(replace(dinas, contacts=dinas.contacts[1:]),)))
        passing.until(at("09:31"))
        floor.staff("a-1", {"09:31": "occupied"})
        passing.until(at("09:33"))
    assert heard(webhook) == ["firing.budi.0", "firing.ani.0", "resolved.ani.0"]
    (untold,) = (one for one in floor.queue() if one.sent_ms is None)
    assert untold.key.endswith(".resolved.budi.0")
    assert untold.error == "is not in the site's registry any more, or has no channel"


def test_what_waits_for_a_receiver_that_fails_goes_over_the_channel_that_takes_its_place(
    floor: Floor, webhook: WebhookReceiver
) -> None:
    wanted = laddered(webhook)
    floor.register(wanted)
    webhook.usual = Answer(500)
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"})
    with receiving() as other, sending(floor) as sender:
        passing = Passing(floor, floor.engine(), sender)
        passing.until(at("09:13"))
        floor.register(laddered(other))
        passing.until(at("09:21"))
        assert {request.key for request in webhook.requests} == {floor.queue()[0].key}
        assert heard(other) == ["firing.budi.0", "reminder.budi.0", "reminder.budi.1"]
        assert other.requests[0].body == webhook.requests[0].body


def test_an_outlet_that_joins_a_duty_ends_its_alert_and_the_duty_has_its_own(
    floor: Floor, webhook: WebhookReceiver
) -> None:
    wanted = laddered(webhook, outlets=(outlet("a-1"), outlet("a-2")))
    floor.register(wanted)
    for name in ("a-1", "a-2"):
        floor.staff(name, {"08:00": "occupied", "09:00": "vacant"})
    floor.staff("a-2", {"09:01": "occupied"})
    with sending(floor) as sender:
        passing = Passing(floor, floor.engine(), sender)
        passing.until(at("09:11"))
        floor.register(replace(wanted, duties=(Duty(id="both", outlets=("a-1", "a-2"), at_least=2),)))
        passing.until(at("09:12"))
    events = {
        (one.json["event"], one.json["alert"].get("outlet") or one.json["alert"].get("duty"))
        for one in webhook.requests
    }
    assert events == {("firing", "a-1"), ("resolved", "a-1"), ("firing", "both")}
    (was,) = floor.alerts()
    assert (was.resolved_ms, was.reason) == (at("09:12:05"), "ended")
    assert [one.fired_ms for one in floor.alerts("both")] == [at("09:10")]


def test_a_later_answer_takes_the_place_of_an_earlier_one_that_would_hold_longer(
    floor: Floor, webhook: WebhookReceiver
) -> None:
    floor.register(laddered(webhook))
    floor.staff("a-1", {"08:00": "occupied", "09:00": "vacant"})
    with sending(floor) as sender:
        passing = Passing(floor, floor.engine(), sender)
        passing.until(at("09:11"))
        for minutes in (480, 10):
            answered(floor, minutes)
            passing.until(passing.frontier_ms + MINUTE_MS)
        passing.until(at("09:22"))
        before = heard(webhook)
        passing.until(at("09:23"))
    assert before == ["firing.budi.0", "acknowledged.budi.0", "acknowledged.budi.1"]
    assert heard(webhook) == [*before, "reminder.budi.0"]


def answered(floor: Floor, minutes: int) -> None:
    named = alert_id(floor.site.id, "vacancy", "a-1", at("09:00"))
    answer = acknowledgements.Answer("meeting", lasting_ms=minutes * MINUTE_MS)
    with floor.record.writing(durable=False) as connection:
        acknowledgements.add(connection, floor.site.id, named, answer, author="siti", now_ms=floor.now_ms)
