"""The alert engine: the record's intervals in, alerts, audit rows and messages out, each transition in one transaction.

Its only clock for deciding is how far the collector says that intervals are complete; MQTT wakes it, and without a
broker it looks twice a second. It remembers nothing that the record does not hold, and may be killed anywhere.
"""

from __future__ import annotations

import json
import logging
import os
import random
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from api.alerting.lease import Lease, lease_of, new_holder
from api.alerting.recipients import recipients
from api.alerting.sender import Sender
from api.alerting.watch import Finding, SiteWatch
from api.channels import channels, scheme_of
from presence import topics
from presence.alerts import message
from presence.alerts.life import Alert
from presence.alerts.message import News
from presence.errors import HadirError
from presence.gateway_settings import gateway_settings
from presence.instants import rfc3339, rfc3339_or_none
from presence.site import Site
from storage.record import Record, alerts, audit
from storage.record.alerts import Cursor, Recipient
from storage.record.intervals import last_change, progress_of_sites
from storage.record.registry import load_site, site_ids, versions
from transport.session import BrokerAddress, Message, NotConnected, Received, Session

_log = logging.getLogger("hadir.engine")

_LOOK_EVERY_S = 0.5
_LEASE_EVERY_S = 1.0
# A cursor that lags costs a restart a little work and nothing else.
_SAVE_CURSOR_EVERY_MS = 10_000


class OtherEngine(HadirError):
    """Another engine writes the alerts of a site whose lease is ours: it has its lease elsewhere."""


class Engine:
    """Watches all sites of a record whose lease it gets. `address` None: without a broker, by looking alone.

    `lock_dir`: where the leases of a record in a file are, the same for all its engines. `clock`: epoch ms; it dates
    messages and says what is late. `holder`: names the engine in other leases; one that goes on for another after an
    outage of the record takes its name, and so its leases. `environ`: where channels find `{env:NAME}`. `jitter`: in
    [0, 1).
    """

    def __init__(
        self,
        *,
        record: Record,
        address: BrokerAddress | None,
        lock_dir: Path,
        clock: Callable[[], int],
        holder: str | None = None,
        environ: Mapping[str, str] = os.environ,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._record = record
        self._lock_dir = lock_dir
        self._holder = holder or new_holder()
        self._clock = clock
        self._channels = channels(environ)
        self._wake = threading.Event()
        self._sites: dict[str, Site] = {}
        self._watches: dict[str, SiteWatch] = {}
        self._leases: dict[str, Lease] = {}
        self._leases_tried_s = -_LEASE_EVERY_S
        self._saved_ms: dict[str, int] = {}
        self._settings_published: dict[str, int] = {}
        self._met_broker = threading.Event()
        self._said: set[object] = set()
        self._sender = Sender(record, self._watched, self._channels, clock, jitter)
        self._session = None if address is None else self._new_session(address)

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. Raises what cannot be repaired here; a restart goes on where this one ended."""
        self._sender.start()
        if self._session is not None:
            self._session.start()
        try:
            while not stop.is_set():
                self._wake.clear()
                self.tick()
                self._sender.check()
                self._wake.wait(_LOOK_EVERY_S)
        finally:
            self._sender.stop()
            if self._session is not None:
                self._session.stop()
            self.close()

    def close(self) -> None:
        """Let another engine have the sites."""
        for lease in self._leases.values():
            lease.release()

    def tick(self) -> None:
        """Take in everything that the record holds now."""
        now_ms = self._clock()
        self._keep_leases()
        looks: list[tuple[SiteWatch, list[Finding], Cursor]] = []
        with self._record.reading() as connection:
            registered = versions(connection)
            frontiers = progress_of_sites(connection)
            newest = last_change(connection)
            self._take_up(connection, registered)
            for site_id, watch in self._watches.items():
                if watch.version != registered[site_id]:
                    self._reload(connection, watch, registered[site_id])
            for site_id, watch in self._watches.items():
                frontier_ms = frontiers.get(site_id)
                if frontier_ms is not None and watch.is_due(frontier_ms, newest):
                    looks.append((watch, *watch.look(connection, frontier_ms, now_ms)))
        for watch, findings, cursor in looks:
            if self._leases[watch.site.id].held:
                self._write(watch, findings, cursor, now_ms)
        self._publish_settings()

    def _keep_leases(self) -> None:
        """Take the leases that can be had, before the record is read: what another engine wrote last is then seen."""
        for site_id in [site_id for site_id in self._watches if not self._leases[site_id].held]:
            self._let_go(site_id)
            _log.warning("%s: the lease ran out; it is watched anew when it can be had", site_id)
        with self._record.reading() as connection:
            waiting = [site_id for site_id in site_ids(connection) if site_id not in self._watches]
        if not waiting or time.monotonic() - self._leases_tried_s < _LEASE_EVERY_S:
            return
        self._leases_tried_s = time.monotonic()
        for site_id in waiting:
            lease = self._leases.setdefault(
                site_id, lease_of(site_id, self._record, folder=self._lock_dir, holder=self._holder)
            )
            if lease.take():
                self._said.discard(("lease", site_id))
            else:
                self._say_once(("lease", site_id), f"{site_id}: another engine watches it; waiting for its end")

    def _take_up(self, connection: Connection, registered: Mapping[str, int]) -> None:
        """Watch the sites whose lease is ours, and let go of those that are not registered any more."""
        for site_id in [site_id for site_id in self._leases if site_id not in registered]:
            self._leases.pop(site_id).release()
            self._let_go(site_id)
        for site_id, lease in self._leases.items():
            if site_id in self._watches or not lease.held:
                continue
            site = load_site(connection, site_id)
            assert site is not None, "read in the same transaction"
            self._watches[site_id] = SiteWatch(connection, site, registered[site_id])
            self._sites[site_id] = site
            self._sender.wake()
            _log.info("%s: watching %d outlets", site_id, len(site.outlets))

    def _let_go(self, site_id: str) -> None:
        self._watches.pop(site_id, None)
        self._sites.pop(site_id, None)

    def _watched(self, site_id: str) -> Site | None:
        """The registry of a site while its lease is ours: for the sender, in its own threads."""
        lease = self._leases.get(site_id)
        return self._sites.get(site_id) if lease is not None and lease.held else None

    def _reload(self, connection: Connection, watch: SiteWatch, version: int) -> None:
        """Take another registry of the site, before anything is judged by the one that is over."""
        site = load_site(connection, watch.site.id)
        assert site is not None, "read in the same transaction"
        watch.reload(connection, site, version)
        self._sites[site.id] = site
        _log.info("%s: registry is at version %d", site.id, version)

    def _write(self, watch: SiteWatch, findings: list[Finding], cursor: Cursor, now_ms: int) -> None:
        """Transitions with their audit rows and messages, and the cursor, in one transaction; then wake who waits."""
        site_id = watch.site.id
        if not findings:
            if now_ms - self._saved_ms.get(site_id, 0) >= _SAVE_CURSOR_EVERY_MS and cursor != watch.cursor:
                with self._record.writing(durable=False) as connection:
                    self._advance(connection, watch, cursor)
                self._saved_ms[site_id] = now_ms
            return
        revision = 0
        with self._record.writing() as connection:
            self._advance(connection, watch, cursor)
            for finding in findings:
                if finding.transition.what != "told":
                    revision = alerts.put(connection, site_id, finding.transition.now, now_ms)
                    audit.append(connection, now_ms, _audit_body(site_id, finding))
                self._enqueue(connection, watch.site, finding, now_ms)
        self._saved_ms[site_id] = now_ms
        for finding in findings:
            if finding.transition.what == "told":
                continue
            alert = finding.transition.now.alert
            _log.info(
                "%s: %s of %s since %s: %s",
                site_id, alert.kind, alert.subject, rfc3339(alert.since_ms), finding.transition.what,
            )  # fmt: skip
        self._sender.wake()
        if revision:
            self._publish(Message(topics.alerts_changed(site_id), _json({"revision": revision}).encode()))

    def _advance(self, connection: Connection, watch: SiteWatch, cursor: Cursor) -> None:
        if alerts.cursor(connection, watch.site.id) != watch.cursor:
            raise OtherEngine(f"{watch.site.id}: another engine writes its alerts; run one, or give both one folder")
        alerts.set_cursor(connection, watch.site.id, cursor)
        watch.cursor = cursor

    def _enqueue(self, connection: Connection, site: Site, finding: Finding, now_ms: int) -> None:
        transition = finding.transition
        if transition.tells is None:
            return
        stored, duty = transition.now, finding.duty
        if duty is None:
            _log.warning("%s: %s is not registered any more; nobody is told of its end", site.id, stored.alert.subject)
            return
        if transition.tells == "firing":
            told = [to for to, contact in recipients(site, duty).items() if self._acts(site, to, contact.channel)]
        else:
            told = alerts.reached(connection, stored.id)
        news = News(
            event=transition.tells,
            alert=stored.alert,
            late=stored.late,
            now_ms=now_ms,
            seen_ms=finding.seen_ms,
            unknown_since_ms=finding.unknown_since_ms,
            staffed=finding.staffed,
        )
        body = _json(message.body(site, duty, news))
        for recipient in told:
            alerts.enqueue(connection, site.id, stored.id, transition.tells, recipient, body, now_ms)

    def _acts(self, site: Site, recipient: Recipient, channel: str | None) -> bool:
        if channel is not None and scheme_of(channel) in self._channels:
            return True
        why = "has no channel" if channel is None else f"is told by {scheme_of(channel)}, which does not act yet"
        owner = f" of {recipient.agency}" if recipient.agency else ""
        self._say_once((site.id, recipient, why), f"{site.id}: contact {recipient.contact}{owner} {why}; left out")
        return False

    def _say_once(self, about: object, line: str) -> None:
        if about not in self._said:
            self._said.add(about)
            _log.warning(line)

    # MQTT

    def _new_session(self, address: BrokerAddress) -> Session:
        return Session(
            address,
            client_id=f"hadir-engine-{secrets.token_hex(4)}",
            clean_start=True,
            session_expiry_s=0,
            subscriptions=(topics.outlet_occupancy("+", "+"), topics.collector_status("+")),
            on_message=self._woken,
            on_connected=self._connected,
        )

    def _woken(self, received: Received) -> None:
        assert self._session is not None
        self._session.ack(received)
        self._wake.set()

    def _connected(self, session_present: bool) -> None:
        # Every session of ours is a new one: the broker may be a new one too, without what was retained.
        self._met_broker.set()
        self._wake.set()

    def _publish_settings(self) -> None:
        """What gateways must know: once after each connect, and again when the registry has changed."""
        if self._session is None:
            return
        if self._met_broker.is_set():
            self._met_broker.clear()
            self._settings_published.clear()
        for site_id, watch in self._watches.items():
            if self._settings_published.get(site_id) == watch.version:
                continue
            settings = [
                Message(
                    topics.gateway_topic(site_id, gateway.id, "settings"),
                    _json(gateway_settings(watch.site, gateway.id)).encode(),
                    retain=True,
                )
                for gateway in watch.site.gateways
            ]
            if all(self._publish(one) for one in settings) and self._session.connected:
                self._settings_published[site_id] = watch.version

    def _publish(self, message: Message) -> bool:
        """Whether it was handed to the network; without a broker it is not worth keeping."""
        if self._session is None:
            return False
        try:
            self._session.publish(message)
        except NotConnected:
            return False
        return True


def _audit_body(site_id: str, finding: Finding) -> dict[str, Any]:
    what, now, was, _ = finding.transition
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


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
