"""The collector's loop: MQTT to spool, spool to store and estimator, estimator to record and retained occupancy."""

from __future__ import annotations

import json
import logging
import random
import secrets
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from collector.announce import Announcer
from collector.board import Board
from collector.claims import sources
from collector.conventions import native
from collector.conventions.convention import Message
from collector.devices import Device
from collector.ears import Ears
from collector.hearing import Outcome, letter_of
from collector.intake import Intake, Own, SpoolRow, read_row
from collector.live import Entry, Live, Zone
from collector.retries import try_again
from collector.rows import Rows, counting
from collector.voice import Voice, marker_of
from collector.writer import Row, Writer
from presence import topics
from presence.errors import DamagedFrame
from presence.readings import Reading
from presence.site import Source
from storage.record import Record, RecordUnavailable
from storage.record.aside import DeadLetter
from storage.timeseries import Point, Refused, Store, StoreUnavailable
from transport.disk_queue import DiskQueue
from transport.session import BrokerAddress, Received, Session

_log = logging.getLogger("hadir.collector")

CLIENT_ID = "hadir-collector"

_STEP_S = 0.25
_PROGRESS_MS = 500
_CHECKPOINT_MS = 5_000
_REGISTRY_MS = 2_000
_LATE_PAUSE_MS = 2_000
_RECORD_PAUSE_MS = 2_000
_MARK_AGAIN_MS = 1_000
_STORE_CATCHES_UP_S = 0.2
_ROWS_AT_ONCE = 2_000
_OWN_TOPICS = (*native.SUBSCRIPTIONS, topics.collector_status("+"))
_SESSION_EXPIRY_S = 7 * 24 * 3600
# For so long the broker's queue makes up for our absence: within it the order of arrival does not matter anyway.
_SHORT_ABSENCE_MS = 30_000


class Collector:
    """One process that takes the readings of all sites of its registry.

    `clock`: epoch ms; `pace`: ms of a clock that nobody sets, for what is done every so often.
    Everything but the sessions' callbacks and the store's writer runs in the thread of `run`.
    """

    def __init__(
        self,
        *,
        record: Record,
        store: Store,
        spool_path: Path,
        address: BrokerAddress,
        clock: Callable[[], int],
        pace: Callable[[], int],
    ) -> None:
        self._record = record
        self._store = store
        self._address = address
        self._clock = clock
        self._pace = pace
        self._spool = DiskQueue(spool_path)
        self._live = Live(record, self._spool.identity, clock())
        self._board = Board()
        self._board.follow(self._live)
        self._voices: dict[str, Voice] = {}
        self._announcer = Announcer(version("hadir"), random.random)
        self._intake = Intake(self._spool, self._acknowledge, self._prepare, self._let_go)
        self._ears = Ears(
            address,
            self._receive,
            self._intake.note,
            clock,
            self._live.until_ms,
            self._heard,
            random.Random(),  # noqa: S311 - who is asked first
        )
        self._rows = Rows(self._live, self._note_own)
        self._refused: deque[Refused] = deque()
        self._stored: deque[Counter[tuple[str, str]]] = deque()
        last_id = self._spool.last_id()
        oldest_id = self._spool.oldest_id()
        self._writer = Writer(
            store,
            self._rows_for_writer,
            self._refused.extend,
            self._count_stored,
            clock,
            done_id=last_id if oldest_id is None else oldest_id - 1,
            last_id=last_id,
        )
        self._session = Session(
            address,
            client_id=CLIENT_ID,
            clean_start=False,
            session_expiry_s=_SESSION_EXPIRY_S,
            subscriptions=_OWN_TOPICS,
            on_message=self._receive,
            on_connected=self._connected,
            on_lost=self._lost,
        )
        # Connections that began and are not served yet: was the session kept, and how many had been lost before.
        self._connections: deque[tuple[bool, int]] = deque()
        self._losses = 0
        self._served: int | None = None  # the losses before the connection that is served now
        # What our own status must bear to tell, by coming back, that all that waited at the broker has come.
        self._marker: str | None = None
        self._marked_ms = 0
        self._sources: dict[tuple[str, str], Source | None] = {}
        self._own: list[Own] = []
        self._committed_ms = self._settled_ms = self._registry_ms = self._late_tried_ms = self._record_due_ms = 0
        self._record_lost = False

    @property
    def spooled(self) -> int:
        """The newest row of the spool: what came up to there is on disk and acknowledged."""
        return self._live.last_id

    @property
    def stored(self) -> int:
        """The newest row of the spool that the store has, with all before it."""
        return self._writer.done_id

    def run(self, stop: threading.Event) -> None:
        """Collect until `stop` is set, then leave everything on disk and say so to the broker."""
        try:
            self._recover()
            self._writer.start()
            self._follow_sites()
            self._session.start()
            self._ears.start()
            while not stop.is_set():
                self._intake.wait(_STEP_S)
                self.step(self._clock())
        finally:
            self._end()

    def step(self, now_ms: int) -> None:
        """One turn: what has arrived, what time has done, what is due to be written and said."""
        pace_ms = self._pace()
        self._writer.check()
        self._process(self._intake.spool(), offer=True)
        while self._connections:
            self._begin_connection(*self._connections.popleft(), now_ms)
        if self._write_down(self._own):
            self._own = []
        if self._marker is not None and pace_ms - self._marked_ms >= _MARK_AGAIN_MS:
            self._marked_ms = pace_ms
            for voice in self._voices.values():
                voice.status(now_ms, self._marker)
        until_ms = self._until_ms(now_ms)
        if until_ms is not None:
            self._live.expire(until_ms)
        if pace_ms >= self._record_due_ms:
            self._with_record(now_ms, pace_ms, until_ms)
        self._ears.ask(now_ms)
        if self._ears.due(pace_ms):
            self._listen(self._ears.listen())
        if self._record_lost:
            return
        for site, voice in self._voices.items():
            if voice.renew(now_ms, pace_ms):
                voice.say(self._board.all(site, now_ms))
                voice.say(self._health_messages(site, all_of_them=True))
                self._announcer.connected(site, pace_ms)
        self._announce(now_ms, pace_ms)

    def _with_record(self, now_ms: int, pace_ms: int, until_ms: int | None) -> None:
        """What needs the record. While its server is away all else goes on, and what was said last is taken back."""
        try:
            self._commit(now_ms, pace_ms, until_ms)
            self._say(self._board.due(now_ms, pace_ms))
            self._estimate_late(now_ms, pace_ms)
            if pace_ms - self._registry_ms >= _REGISTRY_MS:
                self._registry_ms = pace_ms
                try_again(self._record, self._hear_again, self._write_down, self._pace)
                if self._live.follow_registry(now_ms):
                    self._follow_sites()
        except RecordUnavailable as error:
            self._record_due_ms = self._pace() + _RECORD_PAUSE_MS
            if not self._record_lost:
                self._record_lost = True
                _log.error("%s; readings are stored, and nothing is told until it answers", error)
                for voice in self._voices.values():
                    voice.fall_silent(now_ms)
            return
        if self._record_lost:
            self._record_lost = False
            _log.warning("the record answers again; all that was heard meanwhile is in it")

    # From the network to the spool

    def _connected(self, session_present: bool) -> None:
        self._connections.append((session_present, self._losses))
        self._intake.wake()

    def _lost(self, reason: str) -> None:
        self._losses += 1
        self._intake.wake()

    def _acknowledge(self, messages: Sequence[Received]) -> None:
        self._session.ack_all(messages)

    def _receive(self, received: Received) -> None:
        self._intake.receive(received, self._clock())

    def _prepare(self, message: Message) -> Sequence[Message | Own]:
        """What of a message goes to the spool: native ones as they are, of others what they say of our sensors."""
        topic = topics.parse(message.topic)
        if topic is not None and topic.thing in ("sensor", "gateway"):
            return (message,)
        if topic is not None and topic.thing == "collector":
            # Our own status, come back: everything that waited at the broker has been received before it.
            if self._marker is not None and not message.retain and marker_of(message.payload) == self._marker:
                self._marker = None
            return ()
        outcome = self._ears.hear(message)
        if outcome.letter is not None:
            self._live.bury(outcome.letter)
        for device in outcome.unclaimed:
            self._live.put_aside(device)
        return outcome.own

    def _let_go(self, from_ms: int, to_ms: int) -> Sequence[Own]:
        return self._ears.let_go(from_ms, to_ms)

    def _hear_again(self, message: Message) -> Outcome:
        """As `Ears.hear_again`, of native messages too, of which the readings alone count."""
        if topics.parse(message.topic) is None:
            return self._ears.hear_again(message)
        try:
            decoded = native.decode(message)
        except DamagedFrame as error:
            return Outcome([], [], letter_of(message, error.reason))
        if decoded is None or not decoded.readings:
            return self._ears.hear_again(message)
        readings = counting(decoded.readings, message)
        if not readings:
            why = (
                "it was retained, and its readings have no time that can be"
                if message.retain
                else "its readings are older than 30 days"
            )
            return Outcome([], [], letter_of(message, why))
        return Outcome([Own(decoded.site, readings)], [], None)

    def _note_own(self, own: Own) -> None:
        self._own.append(own)

    def _write_down(self, own: Sequence[Own]) -> bool:
        """Take in readings that no row of the spool holds yet; whether they are on disk now."""
        rows = self._intake.write_down(own)
        self._process(rows, offer=True)
        return len(rows) == len(own)

    def _heard(self) -> dict[tuple[str, str], int]:
        """When the sensors were last heard of that ever were."""
        return {place: watch.seen_ms for place, watch in self._live.watches.items() if watch.seen_ms}

    def _begin_connection(self, session_present: bool, losses: int, now_ms: int) -> None:
        first = self._served is None
        self._served = losses
        silent: dict[str, list[str]] = {}
        others = self._ears.hears()
        for site, sensor in self._heard():
            if (site, sensor) not in others:
                silent.setdefault(site, []).append(sensor)
        for site_id in self._live.sites.keys() & silent.keys():
            until_ms = self._live.until_ms(site_id)
            if until_ms is None or (session_present and not (first and now_ms - until_ms > _SHORT_ABSENCE_MS)):
                continue
            self._write_down_absence(site_id, silent[site_id], until_ms, now_ms)
        self._marker = secrets.token_hex(8) if self._voices else None
        self._marked_ms = 0

    def _write_down_absence(self, site_id: str, silent: Sequence[str], from_ms: int, to_ms: int) -> None:
        """Nobody listened in [from_ms, to_ms): the sensors `silent`, that had been heard, are unknown for it."""
        if to_ms <= from_ms:
            return
        _log.warning(
            "site %s was not listened to for %.1f s: its %d sensors are unknown for that time",
            site_id,
            (to_ms - from_ms) / 1000,
            len(silent),
        )
        readings = [
            Reading(sensor, at_ms, {"online": online})
            for sensor in silent
            for at_ms, online in ((from_ms, 0.0), (to_ms, 1.0))
        ]
        self._own.append(Own(site_id, readings))

    # From the spool to the store and the estimators

    def _recover(self) -> None:
        """Let the estimators see what the spool holds beyond their checkpoints."""
        while rows := self._spool.read(self._live.last_id, _ROWS_AT_ONCE):
            self._process([read_row(row_id, data) for row_id, data in rows], offer=False)
            self._live.last_id = max(self._live.last_id, rows[-1][0])

    def _process(self, rows: Sequence[SpoolRow], *, offer: bool) -> None:
        if not rows:
            return
        entries: list[Entry] = []
        for_writer: list[Row] = []
        for row in rows:
            site, readings, points = self._rows.read(row)
            if readings:
                entries.append(Entry(row.id, site, readings))
            for_writer.append(Row(row.id, points))
        if offer:
            self._writer.offer(for_writer)
        self._live.last_id = max(self._live.last_id, rows[-1].id)
        self._live.take(entries)

    def _rows_for_writer(self, after_id: int) -> list[Row]:
        """Rows of the spool once more, for a store that was away. Runs in the writer's thread."""
        rows = (read_row(row_id, data) for row_id, data in self._spool.read(after_id, _ROWS_AT_ONCE))
        return [Row(row.id, self._rows.points(row)) for row in rows]

    def _count_stored(self, points: Sequence[Point]) -> None:
        self._stored.append(Counter((point.series.site, point.series.sensor) for point in points))

    # From the estimators to the record and to who listens

    def _until_ms(self, now_ms: int) -> int | None:
        """Up to when everything that was said has been heard; None when that cannot be told to have moved."""
        if self._served != self._losses or self._marker is not None or self._own:
            return None
        oldest_ms = self._intake.oldest_ms
        return now_ms if oldest_ms is None else min(now_ms, oldest_ms)

    def _commit(self, now_ms: int, pace_ms: int, until_ms: int | None) -> None:
        everything = pace_ms - self._settled_ms >= _CHECKPOINT_MS
        if not (self._live.pressing or everything or pace_ms - self._committed_ms >= _PROGRESS_MS):
            return
        self._take_notes_of_writer()
        if everything:
            self._live.judge(now_ms if until_ms is None else until_ms)
        revised = self._live.commit(now_ms, until_ms, everything=everything)
        self._committed_ms = pace_ms
        self._say(self._board.changed(revised, now_ms))
        if everything:
            self._settled_ms = pace_ms
            self._spool.drop_through(min(self._writer.done_id, self._live.settled_id))
            for site in self._voices:
                self._voices[site].say(self._health_messages(site, all_of_them=False))

    def _take_notes_of_writer(self) -> None:
        while self._refused:
            point, reason = self._refused.popleft()
            payload = json.dumps({"series": point.series, "at_ms": point.at_ms, "values": point.values}).encode()
            self._live.bury(DeadLetter("store", payload, reason, point.at_ms))
        while self._stored:
            for place, count in self._stored.popleft().items():
                if (watch := self._live.watches.get(place)) is not None:
                    watch.stored += count
                    watch.counted = watch.unsaved = True

    def _estimate_late(self, now_ms: int, pace_ms: int) -> None:
        if pace_ms - self._late_tried_ms < _LATE_PAUSE_MS:
            return
        self._late_tried_ms = pace_ms
        behind: list[Zone | Device] = [*self._live.late_zones(), *self._live.devices.late()]
        for late in behind:
            if self._writer.trouble or not self._writer.reached(late.late_id, _STORE_CATCHES_UP_S):
                continue
            try:
                if isinstance(late, Zone):
                    self._live.estimate_again(late, self._store, now_ms)
                else:
                    self._live.tell_again(late, self._store)
            except StoreUnavailable as error:
                _log.warning("%s; a stretch with late readings is estimated again later", error)
                return

    def _follow_sites(self) -> None:
        """One voice a site; the board shows the outlets that there are now."""
        self._silence_replaced()
        for site in self._live.sites.keys() - self._voices.keys():
            self._voices[site] = Voice(site, self._address, self._intake.wake)
            self._voices[site].start()
        for site in self._voices.keys() - self._live.sites.keys():
            self._voices.pop(site).stop(self._clock())
        self._board.follow(self._live)
        self._listen(self._ears.follow(self._live.sites.values()))
        self._announcer.follow(self._live.sites.values())
        for site, voice in self._voices.items():
            voice.listen(self._announcer.subscriptions(self._live.sites[site]))
            voice.say(self._board.all(site, self._clock()))

    def _silence_replaced(self) -> None:
        """What another device said before is not what the sensor's device of now would say."""
        before, self._sources = self._sources, sources(self._live.sites.values())
        now_ms = self._clock()
        for place, seen_ms in self._heard().items():
            if place in before and before[place] != self._sources.get(place):
                site, sensor = place
                self._own.append(Own(site, [Reading(sensor, max(now_ms, seen_ms + 1), {"online": 0.0})]))

    def _listen(self, kept: list[str] | None) -> None:
        """Let the broker keep `kept` for us, too; None: as before."""
        if kept is not None:
            self._session.subscribe([*_OWN_TOPICS, *kept])

    def _announce(self, now_ms: int, pace_ms: int) -> None:
        """To Home Assistant, and the states of what was announced."""
        for voice in self._voices.values():
            for received in voice.heard():
                self._announcer.hear(received.topic, received.payload, received.retain, pace_ms)
        for site, topic, payload in self._announcer.due(pace_ms):
            said = (site, topic, payload) if payload is not None else self._state_on(topic, now_ms)
            if said is not None:
                self._say([said])

    def _state_on(self, topic: str, now_ms: int) -> tuple[str, str, bytes] | None:
        """The occupancy or health whose topic it is, as it is now; None when it is of something that is gone."""
        place = topics.parse(topic)
        if place is None:
            return None
        if place.thing == "outlet":
            return self._board.again(place.site, place.id, now_ms)
        watch = self._live.watches.get((place.site, place.id))
        return None if watch is None else (place.site, topic, watch.payload())

    def _health_messages(self, site: str, *, all_of_them: bool) -> list[tuple[str, str, bytes]]:
        return [
            (site, topics.sensor_topic(site, watch.sensor, "health"), watch.payload())
            for watch in self._live.watches.values()
            if watch.site == site and (all_of_them or watch.due(self._settled_ms))
        ]

    def _say(self, messages: Iterable[tuple[str, str, bytes]]) -> None:
        for message in messages:
            if (voice := self._voices.get(message[0])) is not None:
                voice.say([message])

    def _end(self) -> None:
        self._ears.stop()
        self._session.stop()
        self._process(self._intake.spool(), offer=True)
        self._writer.stop()
        now_ms = self._clock()
        self._take_notes_of_writer()
        try:
            self._say(self._board.changed(self._live.commit(now_ms, None, everything=True), now_ms))
            self._spool.drop_through(min(self._writer.done_id, self._live.settled_id))
        except RecordUnavailable as error:
            _log.error("%s; what it misses stays in the spool and is taken in at the next start", error)
        for voice in self._voices.values():
            voice.stop(now_ms)
        self._spool.close()
