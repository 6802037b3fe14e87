"""Retained occupancy and the record -> the present, and from there to every open page.

The shell around `live` and `stream`: messages arrive by MQTT, sites and alerts are looked up in the record every 2 s
(and at once when the engine says that alerts changed).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from api import open_pages
from api.access import Sight
from api.live import CHANGES_KEPT_MS, DECLARED_KEPT_MS, Cause, Distrust, Live, NotUnderstood, Occupancy
from api.publishing import Publishing
from api.stream import Stream
from presence import topics
from presence.alerts.subjects import SubjectType
from presence.instants import rfc3339, rfc3339_or_none
from presence.site import Site
from storage.record import Record, RecordUnavailable
from storage.record.alert_list import AlertRow, Told, alerts, by_ids, newest_revision
from storage.record.alerts import left_behind
from storage.record.registry import load_site, versions
from transport.session import BrokerAddress, Received, Session

log = logging.getLogger("hadir.api")

HEARTBEAT_S = 5
_LOOK_EVERY_S = 2.0
_RECORD_SILENT_MS = 10_000
_UNWATCHED_MS = 60_000  # an engine notes every ten seconds how far it is
_MOST_COMPLAINTS = 1000  # that the log has at a time; all are counted


class _Seen(NamedTuple):
    """What one look into the record found: what changed since the last one."""

    versions: dict[str, int]
    sites: dict[str, Site]
    alerts: list[AlertRow]
    revision: int
    unwatched: dict[str, int]


class Feed:
    """The present of all sites. `now`: epoch ms. Belongs to the event loop in which it is opened.

    `ended` is set when it has stopped listening; by itself it does so only when something is wrong beyond repair, which
    is then the `failure`: who serves ends the process with it.
    """

    def __init__(self, record: Record, broker: BrokerAddress, now: Callable[[], int]) -> None:
        self.live = Live()
        self.stream = Stream(started_ms=now())
        self.publishing = Publishing()
        self.versions: dict[str, int] = {}
        self.not_understood = 0
        self.ended = asyncio.Event()
        self.failure: BaseException | None = None
        self._record = record
        self._now = now
        self._alerts: dict[str, AlertRow] = {}
        self._revision: int | None = None
        self._distrusted: dict[str, Cause | None] = {}
        self.unwatched: dict[str, int] = {}  # sites of which no alert is raised, since when
        self._looked_ms: int | None = None
        self._record_problem: str | None = "not looked into yet"
        self._complained: set[str] = set()
        self._layouts: dict[str, tuple[Site, str]] = {}
        self._snapshots: dict[Sight, tuple[tuple[int, int], bytes]] = {}
        self._look_now = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._broker = broker

    async def open(self) -> None:
        """Look into the record once, so that the first page shows the sites, and begin to listen."""
        self._loop = asyncio.get_running_loop()
        await self._look()
        self._task = asyncio.create_task(self._run(), name="feed")
        self._task.add_done_callback(self._end)

    async def close(self) -> None:
        """Listen no longer."""
        self.stream.end()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def _end(self, task: asyncio.Task[None]) -> None:
        self.failure = None if task.cancelled() else task.exception()
        self.ended.set()

    async def _run(self) -> None:
        session = Session(
            self._broker,
            client_id=f"hadir-web-{secrets.token_hex(4)}",
            clean_start=True,
            session_expiry_s=0,
            subscriptions=(
                topics.outlet_occupancy("+", "+"),
                topics.collector_status("+"),
                topics.alerts_changed("+"),
            ),
            on_message=lambda received: self._receive(session, received),
            on_connected=lambda _present: self._soon(self._broker_met),
            on_lost=lambda why: self._soon(lambda: self._broker_lost(why)),
            on_published=lambda mid: self._soon(lambda: self.publishing.published(mid)),
            on_refused=lambda mid, why: self._soon(lambda: self.publishing.refused(mid, why)),
        )
        session.start()
        self.publishing.open(session)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._tick())
                tasks.create_task(self._watch_record())
        finally:
            self.publishing.open(None)
            self._loop = None
            await asyncio.to_thread(session.stop)

    def look_soon(self) -> None:
        """Look into the record at once, for something was changed there; from any thread."""
        self._soon(self._look_now.set)

    def problems(self) -> dict[str, str | None]:
        """What is wrong with broker, record and feeds, in words; None where nothing is."""
        now_ms = self._now()
        record = self._record_problem
        if record is None and (self._looked_ms is None or now_ms - self._looked_ms > _RECORD_SILENT_MS):
            record = "no answer"
        silent = [site for site in self.live.sites if self.live.distrust(site, now_ms)]
        return {
            "broker": None if self.live.broker_connected else f"{self._broker.url}: not connected",
            "record": record,
            "feeds": f"no collector is heard for {', '.join(silent)}" if silent else None,
        }

    def alerts(self, site: str, now_ms: int, agency: str | None = None) -> list[AlertRow]:
        """The alerts of a site that stand, and those that ended within the last hour, ordered by when they fired.

        `agency`: of its outlets and duties alone.
        """
        found = [row for row in self._alerts.values() if row.site == site and not _is_past(row, now_ms)]
        if agency is not None:
            found = [row for row in found if self._agency_of(site, row.alert.subject_type, row.alert.subject) == agency]
        return sorted(found, key=lambda row: (row.alert.fired_ms, row.id))

    def live_json(self, sight: Sight) -> bytes:
        """The body of `/api/v1/live`."""
        now_ms = self._now()
        return _encode({"at": rfc3339(now_ms), "outlets": self._outlets(sight, now_ms)})

    def snapshot(self, sight: Sight) -> bytes:
        """The event with everything that a page needs, made once a second at most while nothing happens."""
        now_ms = self._now()
        state = (self.stream.last_id, now_ms // 1000)
        if sight not in self._snapshots or self._snapshots[sight][0] != state:
            event = self.stream.snapshot_event(_encode(self._snapshot(sight, now_ms)))
            self._snapshots[sight] = (state, event)
        return self._snapshots[sight][1]

    def layout(self, site: str) -> str:
        """What a page of the site is made of: a page made of another one loads itself anew."""
        registered = self.live.sites[site]
        held = self._layouts.get(site)
        if held is None or held[0] is not registered:
            held = self._layouts[site] = (registered, open_pages.layout(registered))
        return held[1]

    def _snapshot(self, sight: Sight, now_ms: int) -> dict[str, Any]:
        seen = sight.of_sites(self.live.sites)
        sites = list(seen)
        distrusts = {one: self.live.distrust(one, now_ms) for one in sites}
        return {
            "at": rfc3339(now_ms),
            "outlets": self._outlets(sight, now_ms),
            "alerts": [row.as_json(now_ms) for one in sites for row in self.alerts(one, now_ms, sight.agency)],
            "sites": {one: self.versions.get(one, 0) for one in sites},
            "layouts": {one: self.layout(one) for one in sites},
            "answering": {one: open_pages.answering(site, now_ms) for one, site in seen.items()},
            "muted": {one: open_pages.muted(site, now_ms) for one, site in seen.items()},
            "untrusted": {one: _distrust_json(distrust) for one, distrust in distrusts.items() if distrust},
            "unwatched": {one: rfc3339(self.unwatched[one]) for one in sites if one in self.unwatched},
        }

    def _outlets(self, sight: Sight, now_ms: int) -> list[Occupancy]:
        return [
            self.live.occupancy(site.id, outlet.id, now_ms)
            for site in sight.of_sites(self.live.sites).values()
            for outlet in site.outlets
        ]

    def _agency_of(self, site_id: str, subject_type: SubjectType, subject: str) -> str | None:
        """The agency whose outlet or duty it is; None for what is no agency's."""
        site = self.live.sites.get(site_id)
        if site is None or subject_type not in ("outlet", "duty"):
            return None
        outlets = [subject]
        if subject_type == "duty":
            outlets = [outlet for one in site.duties if one.id == subject for outlet in one.outlets]
        agencies = {one.agency for one in site.outlets if one.id in outlets}
        return agencies.pop() if len(agencies) == 1 else None

    # Messages: the first three run in the session's thread and only hand over

    def _receive(self, session: Session, received: Received) -> None:
        self._soon(lambda: self._hear(received))
        session.ack(received)

    def _soon(self, act: Callable[[], None]) -> None:
        if (loop := self._loop) is not None:
            with suppress(RuntimeError):  # the loop was closed a moment ago
                loop.call_soon_threadsafe(act)

    def _hear(self, received: Received) -> None:
        topic = topics.parse(received.topic)
        if topic is None:
            return
        now_ms = self._now()
        try:
            if topic.thing == "outlet":
                is_news = self.live.hear_occupancy(topic.site, topic.id, received.payload, now_ms)
                self._publish_outlet(topic.site, topic.id, now_ms, is_news=is_news)
            elif topic.thing == "collector":
                self.live.hear_collector(topic.site, received.payload, retained=received.retain, now_ms=now_ms)
                self._watch_trust(now_ms)
            elif topic.thing == "alerts":
                self._look_now.set()
        except NotUnderstood as error:
            self.not_understood += 1
            if received.topic not in self._complained and len(self._complained) < _MOST_COMPLAINTS:
                self._complained.add(received.topic)
                log.warning("a message is not understood: %s", error, extra={"topic": received.topic})
        else:
            self._complained.discard(received.topic)

    def _publish_outlet(self, site: str, outlet: str, now_ms: int, *, is_news: bool) -> None:
        registered = self.live.sites.get(site)
        known = None if registered is None else next((one for one in registered.outlets if one.id == outlet), None)
        if known is not None:
            shown = _encode(self.live.occupancy(site, outlet, now_ms))
            self.stream.put("occupancy", site, outlet, shown, agency=known.agency, can_wait=not is_news)

    def _publish_alert(self, row: AlertRow, now_ms: int) -> None:
        agency = self._agency_of(row.site, row.alert.subject_type, row.alert.subject)
        self.stream.put("alert", row.site, row.id, _encode(row.as_json(now_ms)), agency=agency)

    def _broker_met(self) -> None:
        self.live.broker_met()

    def _broker_lost(self, why: str) -> None:
        self.publishing.lost(why)
        self.live.broker_lost(self._now())

    # Time

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        ticks = 0
        now_ms = self._now()
        while True:
            before_ms, now_ms = now_ms, self._now()
            self._watch_trust(now_ms)
            self._watch_answers(before_ms, now_ms)
            self._watch_substitutes(before_ms, now_ms)
            if ticks % HEARTBEAT_S == 0:
                self.stream.beat(_encode({"at": rfc3339(now_ms)}))
                self._forget_past_alerts(now_ms)
            ticks += 1
            await asyncio.sleep(1.0 - loop.time() % 1.0)

    def _watch_trust(self, now_ms: int) -> None:
        """Send everybody a snapshot when a site as a whole is, or is no longer, believed."""
        found = {site: self.live.distrust(site, now_ms) for site in self.live.sites}
        causes = {site: None if distrust is None else distrust.cause for site, distrust in found.items()}
        if causes == self._distrusted:
            return
        for site, cause in causes.items():
            if cause != self._distrusted.get(site):
                log.info("all outlets are %s", "known again" if cause is None else "unknown", extra={"site": site})
        self._distrusted = causes
        self._renew()

    def _watch_answers(self, before_ms: int, now_ms: int) -> None:
        """Send the alerts whose answer ran out since `before_ms`: that they fire again is no change of the record."""
        for row in self._alerts.values():
            if row.state(before_ms) == "acknowledged" and row.state(now_ms) == "firing":
                self._publish_alert(row, now_ms)

    def _watch_substitutes(self, before_ms: int, now_ms: int) -> None:
        """Send everybody a snapshot when somebody began or ended to stand in: the record is silent about it."""
        if any(open_pages.answers_otherwise(site, before_ms, now_ms) for site in self.live.sites.values()):
            self._renew()

    def _renew(self) -> None:
        self._snapshots.clear()
        self.stream.renew()

    # The record

    async def _watch_record(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._look_now.wait()
            self._look_now.clear()
            await self._look()

    async def _look(self) -> None:
        try:
            told = {row.id: row.told for row in self._alerts.values() if row.stands}
            seen = await asyncio.to_thread(self._look_into_record, self._revision, self.versions, told)
        except (RecordUnavailable, SQLAlchemyError, OSError) as error:
            problem = str(getattr(error, "orig", None) or error)
            if problem != self._record_problem:
                self._record_problem = problem
                log.error("the record cannot be read: %s", problem)
            return
        if self._record_problem is not None and self._looked_ms is not None:
            log.info("the record can be read again")
        self._record_problem = None
        self._looked_ms = self._now()
        self._take(seen)

    def _look_into_record(
        self, revision: int | None, known: dict[str, int], told: dict[str, tuple[Told, ...]]
    ) -> _Seen:
        """`told`: of the alerts that stand, who is known to have heard: a message that went out raises no revision."""
        now_ms = self._now()
        with self._record.reading() as connection:
            found = versions(connection)
            changed = [site for site, version in found.items() if known.get(site) != version]
            from_ms = now_ms - DECLARED_KEPT_MS
            loaded = {site: load_site(connection, site, declared_from_ms=from_ms) for site in changed}
            newest = newest_revision(connection)
            if revision is None:
                rows = alerts(connection, now_ms=now_ms, from_ms=now_ms - CHANGES_KEPT_MS, limit=None)
            else:
                rows = []
                if newest > revision:
                    rows = alerts(connection, now_ms=now_ms, after_revision=revision, limit=None)
                others = told.keys() - {row.id for row in rows}
                rows += [row for row in by_ids(connection, others) if row.told != told[row.id]]
            unwatched = left_behind(connection, _UNWATCHED_MS)
        kept = {site: value for site, value in loaded.items() if value is not None}
        return _Seen(found, kept, rows, newest, unwatched)

    def _take(self, seen: _Seen) -> None:
        for row in seen.alerts:
            self._alerts[row.id] = row
            self._publish_alert(row, self._now())
        self._revision = seen.revision
        self._take_unwatched(seen.unwatched)
        if seen.versions != self.versions:
            kept = {site: value for site, value in self.live.sites.items() if site in seen.versions}
            self.live.sites = dict(sorted((kept | seen.sites).items()))
            self.versions = {site: seen.versions[site] for site in self.live.sites}
            self._watch_trust(self._now())
            self._renew()

    def _take_unwatched(self, found: dict[str, int]) -> None:
        """Send everybody a snapshot when alerts of a site are raised no longer, or again."""
        changed = found.keys() != self.unwatched.keys()
        for site in found.keys() - self.unwatched.keys():
            log.error("no engine raises alerts since %s", rfc3339(found[site]), extra={"site": site})
        self.unwatched = found
        if changed:
            self._renew()

    def _forget_past_alerts(self, now_ms: int) -> None:
        self._alerts = {row_id: row for row_id, row in self._alerts.items() if not _is_past(row, now_ms)}


def _is_past(row: AlertRow, now_ms: int) -> bool:
    ended_ms = row.alert.resolved_ms if row.disproved_ms is None else row.disproved_ms
    return ended_ms is not None and ended_ms <= now_ms - CHANGES_KEPT_MS


def _distrust_json(distrust: Distrust) -> dict[str, str | None]:
    return {"cause": distrust.cause, "since": rfc3339_or_none(distrust.since_ms)}


def _encode(value: object) -> bytes:
    return msgspec.json.encode(value)
