"""What is said of a site's alerts, put into the queue: of their ends to all who heard of them, of those that stand up
the ladder.

Whether something was said is read from the queue itself, so that an engine that begins anew says nothing twice.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterable, Sequence

from sqlalchemy import Connection

from api.alerting.facts import facts
from api.alerting.transitions import LATE_AFTER_MS
from api.alerting.watch import Finding, SiteWatch
from presence.alerts import escalation, message
from presence.alerts.escalation import Recipient, Rung, Told, contact_of
from presence.alerts.life import Alert
from presence.alerts.message import Event
from presence.alerts.subjects import Subject
from presence.alerts.substitution import next_change_ms, rungs_at
from presence.intervals import Span
from presence.site import AlertKind, Site
from storage.record import acknowledgements
from storage.record.acknowledgements import Acknowledgement
from storage.record.alerts import Said, StoredAlert, enqueue, said, stood_since, to_be_told

_log = logging.getLogger("hadir.engine")


class Letters:
    """Of one site. `acts`: whether somebody can be told, asked for every recipient of a ladder.

    `next_ms`: of each alert that stands, when there is more to say though nothing happens.
    """

    def __init__(self, acts: Callable[[Site, Recipient], bool]) -> None:
        self._acts = acts
        self._next_ms: dict[str, int] = {}

    def due(self, until_ms: int) -> list[str]:
        """The alerts of which there is something to say by now."""
        return [alert_id for alert_id, at_ms in self._next_ms.items() if at_ms <= until_ms]

    def write(
        self, connection: Connection, watch: SiteWatch, findings: Iterable[Finding], until_ms: int, now_ms: int
    ) -> None:
        """Queue what is to be said: of the ends in `findings`, and of all that `watch` names or is due."""
        for finding in findings:
            if finding.transition.what in ("resolved", "disproved"):
                self._next_ms.pop(finding.transition.now.id, None)
                self._of_end(connection, watch, finding, until_ms, now_ms)
        asked = watch.to_tell | set(self.due(until_ms))
        stand = [stored for stored in watch.standing() if stored.id in asked]
        answers = acknowledgements.of_alerts(connection, [stored.id for stored in stand])
        speaking = _speaking(connection, watch, stand, until_ms)
        for stored in stand:
            subject = watch.subject_of(stored)
            if subject is not None and subject.rule is not None:
                letter = _Letter(connection, watch, subject, stored, answers.get(stored.id, []), until_ms, now_ms)
                self._of_standing(letter, speaking)
        watch.to_tell.clear()

    def _of_end(self, connection: Connection, watch: SiteWatch, finding: Finding, until_ms: int, now_ms: int) -> None:
        stored, subject = finding.transition.now, finding.subject
        event: Event = "resolved" if finding.transition.what == "resolved" else "disproved"
        heard = to_be_told(connection, stored.id, event)
        if not heard:
            return
        if subject is None:
            why = f"{stored.alert.subject} is not registered any more"
            _log.warning("%s: %s; nobody is told of its end", watch.site.id, why)
            for recipient in heard:
                enqueue(connection, watch.site.id, stored.id, event, recipient, "{}", now_ms, untold=why)
            return
        letter = _Letter(connection, watch, subject, stored, [], until_ms, now_ms)
        for recipient in heard:
            letter.say(event, recipient)

    def _of_standing(self, letter: _Letter, speaking: Sequence[Alert]) -> None:
        stored, until_ms = letter.stored, letter.until_ms
        self._next_ms.pop(stored.id, None)
        letter.acknowledge()
        held_ms = escalation.held_until(letter.subject, speaking, until_ms)
        if held_ms is not None:
            self._next_ms[stored.id] = held_ms
            return
        base_ms = letter.base_ms()
        if base_ms is None:
            return
        rungs = self._rungs(letter.watch, letter.subject, letter.now_ms)
        paused = _paused(letter.answers)
        now, next_ms = escalation.due(rungs, base_ms, paused, letter.told(), until_ms)
        for due in now:
            letter.say("firing" if due.first else "reminder", due.recipient)
        ends = [span.end_ms for span in paused if span.end_ms > until_ms]
        # Whoever begins to answer for somebody then is told what stands.
        other_ms = next_change_ms(letter.watch.site, letter.subject.agency, until_ms)
        upcoming = [at_ms for at_ms in (next_ms, other_ms, *ends) if at_ms is not None]
        if upcoming:
            self._next_ms[stored.id] = min(upcoming)

    def _rungs(self, watch: SiteWatch, subject: Subject, at_ms: int) -> list[Rung]:
        """The ladder as it is at `at_ms`, without those whom no channel reaches."""
        return [
            rung._replace(recipients=tuple(one for one in rung.recipients if self._acts(watch.site, one)))
            for rung in rungs_at(watch.site, escalation.ladder(watch.site, subject), at_ms, self._acts)
        ]


class _Letter:
    """All that is said of one alert in one look."""

    def __init__(
        self,
        connection: Connection,
        watch: SiteWatch,
        subject: Subject,
        stored: StoredAlert,
        answers: Sequence[Acknowledgement],
        until_ms: int,
        now_ms: int,
    ) -> None:
        self.watch, self.subject, self.stored, self.answers = watch, subject, stored, answers
        self.until_ms = until_ms
        self._connection = connection
        self.now_ms = now_ms
        self._said = said(connection, stored.id)
        self._bodies: dict[Event, str] = {}

    def base_ms(self) -> int | None:
        """Since when the ladder is climbed; None while what was due in the past is not seen to be true.

        That is since it fired, or since it was first said when that was later. Half of a gateway's backlog ends in the
        past: what stands by it, only because nothing later is known yet, is mostly over by the other half.
        """
        fired_ms = self.stored.alert.fired_ms
        first_ms = min((row.at_ms for row in self._said if row.event == "firing"), default=None)
        if first_ms is not None:
            return fired_ms if first_ms - fired_ms <= LATE_AFTER_MS else first_ms
        if self.now_ms - fired_ms <= LATE_AFTER_MS:
            return fired_ms
        return self.until_ms if self.watch.is_true(self.stored) else None

    def told(self) -> list[Told]:
        """Who was told that it stands, and when. Who cannot be reached is being told all the time: nothing piles up."""
        return [
            Told(row.recipient, max(row.at_ms, self.until_ms) if row.waits else row.at_ms) for row in self._standing()
        ]

    def acknowledge(self) -> None:
        """Tell those who heard of the alert, and were not told after it, of the newest answer while it holds."""
        if not self.answers or self.answers[-1].until_ms <= self.until_ms:
            return
        answer = self.answers[-1]
        for recipient, fired_ms in self._newest("firing").items():
            if fired_ms <= answer.at_ms and self._newest("acknowledged").get(recipient, -1) <= answer.at_ms:
                # Dated after the answer, though that was given on a machine whose clock is ahead.
                self.say("acknowledged", recipient, after_ms=answer.at_ms)

    def _newest(self, event: Event) -> dict[Recipient, int]:
        """When `event` was queued last, to each who was told of it."""
        return {row.recipient: row.at_ms for row in self._said if row.event == event}

    def say(self, event: Event, recipient: Recipient, after_ms: int = 0) -> None:
        """Queue one message, dated after `after_ms`."""
        if event not in self._bodies:
            known = facts(self._connection, self.watch, self.subject, self.stored, event, self.until_ms, self.now_ms)
            news = message.News(
                event=event,
                alert=self.stored.alert,
                late=self.stored.late,
                now_ms=self.now_ms,
                answer=None if not self.answers else _answer(self.answers[-1]),
                told=self._heard(),
                **known,
            )
            body = message.body(self.watch.site, self.subject, news)
            self._bodies[event] = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        site, rendered = self.watch.site.id, self._bodies[event]
        enqueue(self._connection, site, self.stored.id, event, recipient, rendered, self.now_ms, after_ms)

    def _standing(self) -> list[Said]:
        """What was said of it while it stands."""
        return [row for row in self._said if row.event in ("firing", "reminder")]

    def _heard(self) -> list[message.Heard]:
        heard = []
        for one in self._standing():
            contact = contact_of(self.watch.site, one.recipient)
            if contact is not None:
                heard.append(message.Heard(contact.name, one.at_ms))
        return heard


def _paused(answers: Sequence[Acknowledgement]) -> list[Span]:
    """When somebody's answer holds: each until its time is over, or until the next one takes its place."""
    ends = [answer.until_ms for answer in answers]
    nexts = [answer.at_ms for answer in answers[1:]]
    return [
        Span(answer.at_ms, min(end_ms, next_ms))
        for answer, end_ms, next_ms in zip(answers, ends, [*nexts, *ends[-1:]], strict=True)
    ]


def _answer(given: Acknowledgement) -> message.Answer:
    return message.Answer(given.reason, given.note, given.author, given.at_ms, given.until_ms)


def _speaking(connection: Connection, watch: SiteWatch, stand: Collection[StoredAlert], until_ms: int) -> list[Alert]:
    """The alerts that may speak for some of `stand`, and those that did until a moment ago."""
    afters = [
        subject.rule.after_ms
        for stored in stand
        if stored.alert.kind in ("sensor_silent", "gateway_offline")
        and (subject := watch.subject_of(stored)) is not None
        and subject.rule is not None
    ]
    if not afters:
        return []
    kinds: tuple[AlertKind, ...] = ("site_outage", "gateway_offline")
    return [one.alert for one in stood_since(connection, watch.site.id, kinds, until_ms - max(afters))]
