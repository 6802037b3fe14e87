"""One site as an engine works on it: its alerts, what is said of them, and its books. Looks read, writes write."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection

from api.alerting.books import BooksLook, SiteBooks
from api.alerting.letters import Letters
from api.alerting.watch import Finding, SiteWatch
from presence.alerts.escalation import Recipient
from presence.alerts.life import Alert
from presence.errors import HadirError
from presence.instants import rfc3339, rfc3339_or_none
from presence.site import Site
from storage.record import Record, alerts, audit
from storage.record.hours import hours_history
from storage.record.intervals import IntervalChange
from storage.record.registry import EVER, load_site

_log = logging.getLogger("hadir.engine")


class OtherEngine(HadirError):
    """Another engine writes the alerts of a site whose lease is ours: it has its lease elsewhere."""


class Found(NamedTuple):
    """What a look found: what is new, up to when it looked, and what belongs into the books."""

    findings: list[Finding]
    until_ms: int
    books: BooksLook | None


class SiteEngine:
    """`acts`: whether somebody can be told."""

    def __init__(
        self, connection: Connection, site_id: str, version: int, acts: Callable[[Site, Recipient], bool]
    ) -> None:
        site = _loaded(connection, site_id)
        hours = hours_history(connection, site)
        self._watch = SiteWatch(connection, site, hours, version)
        self._letters = Letters(acts)
        self._books = SiteBooks(connection, site, hours, version)

    @property
    def site(self) -> Site:
        return self._watch.site

    @property
    def version(self) -> int:
        """Of the registry that is in use."""
        return self._watch.version

    def reload(self, connection: Connection, version: int) -> None:
        """Take another registry, before anything is judged by the one that is over."""
        site = _loaded(connection, self.site.id)
        hours = hours_history(connection, site)
        self._watch.reload(connection, site, hours, version)
        self._books.reload(site, hours)
        _log.info("%s: registry is at version %d", site.id, version)

    @property
    def position(self) -> int:
        """Up to which change of the record it knows of all that there are."""
        return self._watch.position

    def note(self, change: IntervalChange) -> None:
        """One of its lines changed: the next look takes it in. One up to `position` is known."""
        self._watch.note(change)

    def pass_by(self, newest: int) -> None:
        """All its changes up to the record's `newest` one are noted; others are none of its business."""
        self._watch.position = newest

    def answered(self) -> None:
        """Some alert was acknowledged."""
        self._watch.to_tell.update(stored.id for stored in self._watch.standing())

    def look(self, connection: Connection, frontier_ms: int, now_ms: int) -> Found | None:
        """What is different from what the record says; None when nothing can be. What it returns must be written."""
        watch, books = self._watch, self._books
        watching = watch.is_due(frontier_ms) or watch.to_tell or self._letters.due(frontier_ms)
        if not watching and not books.due(frontier_ms, {}):
            watch.pass_to(frontier_ms)
            return None
        findings = watch.look(connection, frontier_ms, now_ms)
        kept = books.look(connection, frontier_ms, watch.changed) if books.due(frontier_ms, watch.changed) else None
        assert watch.reached is not None, "it has just looked"
        return Found(findings, watch.reached.until_ms, kept)

    def write(self, record: Record, found: Found, now_ms: int) -> int:
        """Transitions with their audit rows and messages, books and cursor, in one transaction.

        Returns the revision of the newest transition; 0 when there is none.
        """
        findings, until_ms, kept = found
        if not (findings or kept or self._watch.to_tell or self._letters.due(until_ms)):
            return 0
        revision = 0
        with record.writing() as connection:
            self.save_cursor(connection)
            for finding in findings:
                revision = alerts.put(connection, self.site.id, finding.transition.now, now_ms)
                audit.append(connection, now_ms, _audit_body(self.site.id, finding))
            self._letters.write(connection, self._watch, findings, until_ms, now_ms)
            if kept is not None:
                self._books.write(connection, kept, now_ms)
        for finding in findings:
            alert = finding.transition.now.alert
            _log.info(
                "%s: %s of %s since %s: %s",
                self.site.id, alert.kind, alert.subject, rfc3339(alert.since_ms), finding.transition.what,
            )  # fmt: skip
        return revision

    @property
    def is_ahead(self) -> bool:
        """Of the cursor in the record: that costs a restart a little work. Pages see by it that somebody watches."""
        return self._watch.reached not in (None, self._watch.cursor)

    def save_cursor(self, connection: Connection) -> None:
        """Note how far it has come. Raises OtherEngine when that is not where it left the record."""
        site_id, reached = self.site.id, self._watch.reached
        assert reached is not None, "nothing is written before the first look"
        if alerts.cursor(connection, site_id) != self._watch.cursor:
            raise OtherEngine(f"{site_id}: another engine writes its alerts; run one, or give both one folder")
        alerts.set_cursor(connection, site_id, reached)
        self._watch.cursor = reached


def _loaded(connection: Connection, site_id: str) -> Site:
    site = load_site(connection, site_id, declared_from_ms=EVER)
    assert site is not None, "read in the same transaction as its version"
    return site


def _audit_body(site_id: str, finding: Finding) -> dict[str, Any]:
    what, now, was = finding.transition
    body: dict[str, Any] = {
        "event": what,
        "site": site_id,
        "alert": now.id,
        "kind": now.alert.kind,
        "subject_type": now.alert.subject_type,
        "subject": now.alert.subject,
        "late": now.late,
        **_dates(now.alert),
    }
    if was is not None and what not in ("resolved", "disproved"):
        body["was"] = {**_dates(was.alert), "disproved": rfc3339_or_none(was.disproved_ms)}
    return body


def _dates(alert: Alert) -> dict[str, str | None]:
    return {
        "since": rfc3339(alert.since_ms),
        "fired": rfc3339(alert.fired_ms),
        "resolved": rfc3339_or_none(alert.resolved_ms),
        "reason": alert.reason,
    }
