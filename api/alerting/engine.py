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

from api.alerting.heartbeat import Heartbeat
from api.alerting.lease import Lease, lease_of, new_holder
from api.alerting.sender import Sender
from api.alerting.site_engine import Found, SiteEngine
from api.channels import channels, scheme_of
from presence import topics
from presence.alerts.escalation import Recipient, contact_of
from presence.gateway_settings import gateway_settings
from presence.site import Site
from storage.record import Record, acknowledgements, alerts
from storage.record.intervals import changes_after, last_change, progress_of_sites
from storage.record.registry import site_ids, versions
from transport.session import BrokerAddress, Message, NotConnected, Received, Session

_log = logging.getLogger("hadir.engine")

_LOOK_EVERY_S = 0.5
_LEASE_EVERY_S = 1.0
_SAVE_CURSORS_EVERY_MS = 10_000
_CHANGES_AT_ONCE = 1000
# A collector that says nothing for so long is down, and no alert can be raised.
_WELL_WITHIN_MS = 60_000
# A clock that is corrected all the time goes back by less.
_SET_BACK_MS = 2000


class Engine:
    """Watches all sites of a record whose lease it gets. `address` None: without a broker, by looking alone.

    `lock_dir`: where the leases of a record in a file are, the same for all its engines. `clock`: epoch ms; it dates
    messages and says what is late. `holder`: names the engine in other leases; one that goes on for another after an
    outage of the record takes its name, and so its leases. `heartbeat`: beats while there is nothing that keeps alerts
    from being raised. `environ`: where channels find `{env:NAME}`. `jitter`: in
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
        heartbeat: Heartbeat | None = None,
        environ: Mapping[str, str] = os.environ,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._record = record
        self._lock_dir = lock_dir
        self._holder = holder or new_holder()
        self._clock = clock
        self._channels = channels(environ)
        self._wake = threading.Event()
        self._at: dict[str, SiteEngine] = {}
        self._answers_seen = 0
        self._cursors_saved_ms = 0
        self._last_ms = clock()
        self._leases: dict[str, Lease] = {}
        self._leases_tried_s = -_LEASE_EVERY_S
        self._settings_published: dict[str, int] = {}
        self._met_broker = threading.Event()
        self._said: set[object] = set()
        self._heartbeat = heartbeat
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
        self._mind_clock(now_ms)
        self._keep_leases(now_ms)
        looks: list[tuple[SiteEngine, Found]] = []
        with self._record.reading() as connection:
            registered = versions(connection)
            frontiers = progress_of_sites(connection)
            self._take_up(connection, registered)
            for site_id, site in self._at.items():
                if site.version != registered[site_id]:
                    site.reload(connection, registered[site_id])
            self._take_changes(connection)
            self._take_answers(connection)
            for site_id, site in self._at.items():
                frontier_ms = frontiers.get(site_id)
                if frontier_ms is not None and (found := site.look(connection, frontier_ms, now_ms)):
                    looks.append((site, found))
        if self._heartbeat is not None and self._is_well(frontiers, now_ms):
            self._heartbeat.beat()
        for site, found in looks:
            if not self._leases[site.site.id].held:
                # What was found is not written, and would not be looked for again.
                self._at.pop(site.site.id)
                continue
            if revision := site.write(self._record, found, now_ms):
                said = _json({"revision": revision}).encode()
                self._publish(Message(topics.alerts_changed(site.site.id), said))
            self._sender.wake()
        self._save_cursors(now_ms)
        self._publish_settings()

    def _is_well(self, frontiers: Mapping[str, int], now_ms: int) -> bool:
        """Whether the sites that are watched, at least one, are known up to a moment ago."""
        return bool(self._at) and all(now_ms - frontiers.get(site_id, 0) <= _WELL_WITHIN_MS for site_id in self._at)

    def _take_changes(self, connection: Connection) -> None:
        """Tell each site which of its lines changed. They are read once for all sites."""
        newest = last_change(connection)
        after = min((site.position for site in self._at.values()), default=newest)
        while after < newest and (found := changes_after(connection, after, _CHANGES_AT_ONCE)):
            after = found[-1].id
            for change in found:
                if (changed := self._at.get(change.site)) is not None:
                    changed.note(change)
        for site in self._at.values():
            site.pass_by(newest)

    def _save_cursors(self, now_ms: int) -> None:
        """Once in a while, of all sites in one transaction: one that lags costs a restart a little work."""
        if now_ms - self._cursors_saved_ms < _SAVE_CURSORS_EVERY_MS:
            return
        self._cursors_saved_ms = now_ms
        ahead = [site for site_id, site in self._at.items() if site.is_ahead and self._leases[site_id].held]
        if ahead:
            with self._record.writing(durable=False) as connection:
                for site in ahead:
                    site.save_cursor(connection)

    def _take_answers(self, connection: Connection) -> None:
        """Who acknowledged an alert stops its ladder, and others hear of it."""
        newest = acknowledgements.last_id(connection)
        if newest != self._answers_seen:
            self._answers_seen = newest
            for site in self._at.values():
                site.answered()

    def _mind_clock(self, now_ms: int) -> None:
        """What was said while the clock was ahead must not hold up what is to be said now that it is set back."""
        back_ms, self._last_ms = self._last_ms - now_ms, now_ms
        if back_ms < _SET_BACK_MS:
            return
        _log.warning("the clock was set back by %d s; what was said meanwhile is dated anew", back_ms // 1000)
        for site_id in self._at:
            if self._leases[site_id].held:
                self._set_back(site_id, now_ms, back_ms)

    def _set_back(self, site_id: str, now_ms: int, by_ms: int = 0) -> None:
        with self._record.writing() as connection:
            alerts.set_back(connection, site_id, now_ms, by_ms)
        self._sender.wake()

    def _keep_leases(self, now_ms: int) -> None:
        """Take the leases that can be had, before the record is read: what another engine wrote last is then seen."""
        for site_id in [site_id for site_id in self._at if not self._leases[site_id].held]:
            self._at.pop(site_id)
            _log.warning("%s: the lease ran out; it is watched anew when it can be had", site_id)
        with self._record.reading() as connection:
            waiting = [site_id for site_id in site_ids(connection) if site_id not in self._at]
        if not waiting or time.monotonic() - self._leases_tried_s < _LEASE_EVERY_S:
            return
        self._leases_tried_s = time.monotonic()
        for site_id in waiting:
            lease = self._leases.setdefault(
                site_id, lease_of(site_id, self._record, folder=self._lock_dir, holder=self._holder)
            )
            if lease.take():
                self._said.discard(("lease", site_id))
                with self._record.reading() as connection:
                    was_ahead = alerts.was_ahead(connection, site_id, now_ms)
                if was_ahead:
                    _log.warning("%s: was watched by a clock that was ahead; what was said is dated anew", site_id)
                    self._set_back(site_id, now_ms)
            else:
                self._say_once(("lease", site_id), f"{site_id}: another engine watches it; waiting for its end")

    def _take_up(self, connection: Connection, registered: Mapping[str, int]) -> None:
        """Watch the sites whose lease is ours, and let go of those that are not registered any more."""
        for site_id in [site_id for site_id in self._leases if site_id not in registered]:
            self._leases.pop(site_id).release()
            self._at.pop(site_id, None)
        for site_id, lease in self._leases.items():
            if site_id in self._at or not lease.held:
                continue
            self._at[site_id] = SiteEngine(connection, site_id, registered[site_id], self._acts)
            self._sender.wake()
            _log.info("%s: watching %d outlets", site_id, len(self._at[site_id].site.outlets))

    def _watched(self, site_id: str) -> Site | None:
        """The registry of a site while its lease is ours: for the sender, in its own threads."""
        lease, at = self._leases.get(site_id), self._at.get(site_id)
        return at.site if lease is not None and at is not None and lease.held else None

    def _acts(self, site: Site, recipient: Recipient) -> bool:
        contact = contact_of(site, recipient)
        channel = None if contact is None else contact.channel
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
        for site_id, at in self._at.items():
            if self._settings_published.get(site_id) == at.version:
                continue
            settings = [
                Message(
                    topics.gateway_topic(site_id, gateway.id, "settings"),
                    _json(gateway_settings(at.site, gateway.id)).encode(),
                    retain=True,
                )
                for gateway in at.site.gateways
            ]
            if all(self._publish(one) for one in settings) and self._session.connected:
                self._settings_published[site_id] = at.version

    def _publish(self, message: Message) -> bool:
        """Whether it was handed to the network; without a broker it is not worth keeping."""
        if self._session is None:
            return False
        try:
            self._session.publish(message)
        except NotConnected:
            return False
        return True


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
