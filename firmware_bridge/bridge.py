"""The bridge of one gateway: its ports to its outbox, its outbox to the broker, until it is told to stop.

One thread waits for all ports, decodes, commits together what came in a few milliseconds, and hands it to the network's
own thread.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

import msgspec

from firmware_bridge.clock import ClockMode, HostClock, uptime_ms
from firmware_bridge.line import FIRST_PAUSE_MS, Line
from firmware_bridge.line_specs import Unserved, line_specs
from firmware_bridge.outbox import Outbox
from firmware_bridge.port import Port, PortGone, open_port
from firmware_bridge.publisher import Publisher
from firmware_bridge.remote_settings import RemoteSettings
from firmware_bridge.status import Status
from firmware_bridge.systemd import Systemd
from presence import topics
from presence.errors import BadInput
from presence.gateway_settings import GatewaySettings, parse_gateway_settings
from presence.site import SLUG
from transport.disk_queue import DiskQueue, QueueFull
from transport.session import BrokerAddress, Received, Session

log = logging.getLogger("hadir.bridge")

QUEUE_BYTES = 2 * 1024**3
TICK_S = 0.1
# Wake-ups cost more than readings do. News of presence is committed and sent at once; what repeats the last report
# waits a little for company, and in a crowd (reads within CROWD_S) so do the bytes.
REPEATS_WAIT_S = 0.05
CROWD_S = 0.02
GATHER_S = 0.004
COUNTERS_EVERY_MS = 10_000
_STATUSES_EVERY_MS = 500
_REFUSED_PAUSE_S = 1.0
_OPENERS = 4
_SETTINGS_PATIENCE_S = 5.0
_OTHER_SITES_S = 0.3
_WAKE_SIZE = 4096
_RETAINED: tuple[topics.SensorLeaf, ...] = ("status", "settings")
_QUIET_S = 0.02
_DRAIN_S = 0.2
# A radar takes up to 3 s to save what it was told.
_PARTING_S = 5.0


def queue_path(data: Path, gateway: str) -> Path:
    return data / f"bridge-{gateway}.db"


def run_bridge(
    *,
    gateway: str,
    address: BrokerAddress,
    data: Path,
    stop: threading.Event,
    settings: GatewaySettings | None = None,
    clock: ClockMode = "dated",
    queue_bytes: int = QUEUE_BYTES,
) -> None:
    """Serves the sensors of `gateway` until `stop` is set; then says offline and leaves in order.

    `settings`: fixed ones, as from a site file; None: those that the broker keeps for the gateway, which may change at
    any time, or while it is away those that it kept last. `clock`: see `firmware_bridge.clock.HostClock`.
    `queue_bytes`: what waits for the broker is at most so large.
    Raises BadInput for what cannot be used, QueueHeld when the gateway has a bridge already.
    """
    if not SLUG.fullmatch(gateway):
        raise BadInput("--gateway", f'"{gateway}" is no id', remedy="ids are a-z 0-9 _ -")
    data.mkdir(parents=True, exist_ok=True)
    queue = DiskQueue(queue_path(data, gateway), max_bytes=queue_bytes)
    systemd = Systemd()
    try:
        systemd.ready()
        first = settings or _kept_settings(queue) or _settings_of(gateway, address, stop, systemd)
        if first is None:
            return
        _claim(queue, first.site, queue_path(data, gateway))
        bridge = _Bridge(queue, first, address, HostClock(clock), systemd, fixed=settings is not None)
        bridge.run(stop)
    finally:
        queue.close()
        systemd.close()


def _claim(queue: DiskQueue, site: str, path: Path) -> None:
    """A queue's readings belong to one site: they must not be sent to another one of the same gateway name."""
    owner = queue.meta_get("site")
    if owner is None:
        queue.meta_put("site", site.encode())
    elif owner.decode() != site:
        remedy = f'move it away, or name another --data; it may hold readings of "{owner.decode()}"'
        raise BadInput(str(path), f'belongs to site "{owner.decode()}", not "{site}"', remedy=remedy)


def kept_settings(path: Path) -> GatewaySettings | None:
    """What the queue file `path` keeps of its gateway's settings. Raises QueueHeld while its bridge runs."""
    with contextlib.closing(DiskQueue(path, ballast_bytes=0)) as queue:
        return _kept_settings(queue)


def _kept_settings(queue: DiskQueue) -> GatewaySettings | None:
    """Those that the broker gave last; None when there are none, or none that this version understands."""
    kept = queue.meta_get("settings")
    try:
        return parse_gateway_settings(kept, "the settings kept last") if kept else None
    except BadInput as problem:
        log.warning("%s; asking the broker for others", problem)
        return None


def _settings_in(topic: str, payload: bytes) -> GatewaySettings:
    """Raises BadInput, also for the settings of another gateway."""
    settings = parse_gateway_settings(payload, topic)
    if topic != topics.gateway_topic(settings.site, settings.gateway, "settings"):
        raise BadInput(topic, f'holds the settings of gateway "{settings.gateway}" at site "{settings.site}"')
    return settings


def _settings_of(
    gateway: str, address: BrokerAddress, stop: threading.Event, systemd: Systemd
) -> GatewaySettings | None:
    """The settings that the broker keeps for `gateway`, waited for; None when `stop` came first.

    Raises BadInput when several sites have a gateway of that name.
    """
    arrived: SimpleQueue[Received] = SimpleQueue()
    session = Session(
        address,
        client_id=f"{gateway}.settings",
        clean_start=True,
        session_expiry_s=0,
        subscriptions=(topics.gateway_topic("+", gateway, "settings"),),
        on_message=arrived.put,
    )
    session.start()
    found: dict[str, GatewaySettings] = {}
    complain_at_s = time.monotonic() + _SETTINGS_PATIENCE_S
    try:
        systemd.says("waiting for the gateway's settings from the broker")
        while not stop.is_set():
            systemd.alive(uptime_ms())
            with contextlib.suppress(Empty):
                received = arrived.get(timeout=_OTHER_SITES_S)
                session.ack(received)
                found.pop(received.topic, None)
                if received.payload:
                    try:
                        found[received.topic] = _settings_in(received.topic, received.payload)
                    except BadInput as problem:
                        log.error("%s; waiting for others", problem)
                continue
            if len(found) > 1:
                sites = ", ".join(sorted(settings.site for settings in found.values()))
                remedy = "name one by --site FILE"
                raise BadInput("--gateway", f'"{gateway}" is a gateway of several sites: {sites}', remedy=remedy)
            if found:
                return next(iter(found.values()))
            if time.monotonic() >= complain_at_s:
                complain_at_s = float("inf")
                log.warning(
                    '%s: no settings for gateway "%s" yet, waiting; is the id right, and its site applied and served?',
                    address.url,
                    gateway,
                )
        return None
    finally:
        session.stop()


class _Bridge:
    def __init__(
        self,
        queue: DiskQueue,
        settings: GatewaySettings,
        address: BrokerAddress,
        clock: HostClock,
        systemd: Systemd,
        *,
        fixed: bool,
    ) -> None:
        self._queue = queue
        self._clock = clock
        self._settings = settings
        self._outbox = Outbox(queue, epoch=int(time.time()), host_boot=clock.boot)
        self._publisher = Publisher(
            self._outbox,
            address=address,
            site=settings.site,
            gateway=settings.gateway,
            clock=clock,
            on_settings=None if fixed else self._take_settings,
            on_command=self._take_command,
            wake=self._wake,
        )
        self._remote = RemoteSettings(settings.site, self._publisher, clock)
        self._lines: list[Line] = []
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._waker, False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._openers = ThreadPoolExecutor(_OPENERS, thread_name_prefix="port")
        self._openings: SimpleQueue[tuple[Line, Future[Port]]] = SimpleQueue()
        self._systemd = systemd
        self._told: dict[str, Status] = {}
        self._served = 0
        self._counted = (0, 0, 0)
        self._read_s = self._commit_due_s = 0.0
        self._parting = False
        self._tick_due_up_ms = self._statuses_due_up_ms = self._counters_due_up_ms = 0

    def run(self, stop: threading.Event) -> None:
        self._serve(self._settings)
        self._publisher.start()
        try:
            while not stop.is_set():
                self._cycle()
        finally:
            self._systemd.stopping()
            self._close()

    def _cycle(self) -> None:
        waiting = self._outbox.waiting
        ready = self._selector.select(max(0.0, self._commit_due_s - time.monotonic()) if waiting else TICK_S)
        if ready and time.monotonic() - self._read_s < CROWD_S:
            time.sleep(GATHER_S)
            ready = self._selector.select(0)
        news = self._read(ready)
        now_s = time.monotonic()
        if ready:
            self._read_s = now_s
        if not waiting:
            self._commit_due_s = now_s + REPEATS_WAIT_S
        if (news or now_s >= self._commit_due_s) and not self._outbox.commit():
            self._commit_due_s = now_s + _REFUSED_PAUSE_S
        self._publisher.pump()
        self._take_opened()
        if (up_ms := uptime_ms()) >= self._tick_due_up_ms:
            self._tick_due_up_ms = up_ms + round(TICK_S * 1000)
            self._tick(up_ms)

    def _read(self, ready: Sequence[tuple[selectors.SelectorKey, int]]) -> bool:
        """Takes what the ports have; whether any of it says something new about presence."""
        news = False
        now, up_ms = self._clock.now(), uptime_ms()
        for key, _ in ready:
            if key.data is None:
                os.read(self._woken, _WAKE_SIZE)
                continue
            line, port = key.data
            try:
                if data := port.read():
                    news = line.received(data, now, up_ms) or news
                    self._write(line, port, up_ms)
            except PortGone as gone:
                self._lose(line, gone)
        return news

    def _write(self, line: Line, port: Port, up_ms: int) -> None:
        if (line.busy or not self._parting) and (sending := line.outgoing(up_ms)):
            port.write(sending)

    def _tick(self, up_ms: int) -> None:
        self._systemd.alive(up_ms)
        now = self._clock.now()
        for line in self._lines:
            if line.port is not None:
                line.tick(now, up_ms)
            elif not line.opening and up_ms >= line.open_at_up_ms:
                line.opening = True
                future = self._openers.submit(open_port, line.spec.port, line.spec.baud)
                future.add_done_callback(partial(self._hand_over, line))
        self._speak(up_ms)
        self._remote.tick()
        if up_ms >= self._statuses_due_up_ms:
            self._statuses_due_up_ms = up_ms + _STATUSES_EVERY_MS
            counters_too = up_ms >= self._counters_due_up_ms
            if counters_too:
                self._counters_due_up_ms = up_ms + COUNTERS_EVERY_MS
            self._tell(counters_too)

    def _speak(self, up_ms: int) -> None:
        for line in self._lines:
            if line.port is not None:
                try:
                    self._write(line, line.port, up_ms)
                except PortGone as gone:
                    self._lose(line, gone)

    def _tell(self, counters_too: bool) -> None:
        sent = 0
        for line in self._lines:
            for sensor, status in line.statuses():
                sent += status.sent
                before = self._told.get(sensor)
                if status.differs(before) or (counters_too and status != before):
                    self._told[sensor] = status
                    topic = topics.sensor_topic(self._settings.site, sensor, "status")
                    self._publisher.retain(topic, status.encode())
        online = sum(status.state == "online" for status in self._told.values())
        broker = "connected" if self._publisher.online else "no connection"
        self._systemd.says(f"{online} of {self._served} sensors speak; broker: {broker}")
        counted = sent, sum(line.damaged for line in self._lines), self._outbox.lost.total()
        if counters_too and counted != self._counted:
            self._counted = counted
            self._publisher.count(sent=counted[0], damaged=counted[1], lost=counted[2])

    def _hand_over(self, line: Line, future: Future[Port]) -> None:
        """In an opener's thread."""
        self._openings.put((line, future))
        self._wake()

    def _take_opened(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                self._opened(*self._openings.get_nowait())

    def _opened(self, line: Line, future: Future[Port]) -> None:
        if future.cancelled():
            return
        up_ms = uptime_ms()
        try:
            port = future.result()
        except PortGone as gone:
            line.gone(self._whose(line, gone), self._clock.now(), up_ms)
            return
        if line not in self._lines:
            port.close()
            return
        line.opened(port, up_ms)
        self._selector.register(port.fd, selectors.EVENT_READ, (line, port))

    def _whose(self, line: Line, gone: PortGone) -> PortGone:
        """`gone`, or when the port is open here under another name, that."""
        node = os.path.realpath(line.spec.port)
        for other in self._lines:
            held = other.port.node if other.port else other.opening and os.path.realpath(other.spec.port)
            if gone.kind == "held" and other is not line and held == node:
                sensors = ", ".join(sensor for sensor, _ in other.spec.sensors.values())
                says = f"is the same port as {other.spec.port}, which is sensor {sensors}'s already"
                return PortGone(f"{says}; name each port once", "held")
        return gone

    def _lose(self, line: Line, reason: PortGone) -> None:
        self._let_go(line)
        line.gone(reason, self._clock.now(), uptime_ms())

    def _let_go(self, line: Line) -> None:
        if line.port is not None:
            self._selector.unregister(line.port.fd)
            self._openers.submit(line.port.close)
            line.port = None

    def _take_command(self, received: Received) -> None:
        self._remote.take(received, uptime_ms())

    def _take_settings(self, payload: bytes) -> None:
        """New settings from the broker; none when the gateway was taken out of its site."""
        topic = topics.gateway_topic(self._settings.site, self._settings.gateway, "settings")
        if not payload:
            log.warning("%s: the gateway has no settings any more; nothing is served until it has", topic)
            settings = msgspec.structs.replace(self._settings, sensors=())
        else:
            try:
                settings = _settings_in(topic, payload)
            except BadInput as problem:
                log.error("%s; going on with the ones before", problem)
                return
        try:
            self._queue.meta_put("settings", msgspec.json.encode(settings))
        except QueueFull as full:
            log.error("%s; the new settings are forgotten at the next start", full)
        if settings != self._settings:
            self._serve(settings)

    def _serve(self, settings: GatewaySettings) -> None:
        """Makes the lines those of `settings`; unchanged ones go on undisturbed."""
        specs, unserved = line_specs(settings, f"settings of {settings.gateway}")
        by_wiring = {spec.wiring: spec for spec in specs}
        stay = []
        for line in self._lines:
            if (spec := by_wiring.pop(line.spec.wiring, None)) is None:
                self._let_go(line)
            else:
                line.follow(spec)
                stay.append(line)
        new = [Line(spec, self._outbox) for spec in by_wiring.values()]
        for line in new:
            # A port that another line held must be let go first.
            line.open_at_up_ms = uptime_ms() + FIRST_PAUSE_MS if self._lines else 0
        self._lines = stay + new
        self._settings = settings
        self._remote.serve(self._lines)
        served = {sensor for line in self._lines for sensor, _ in line.spec.sensors.values()}
        self._served = len(served)
        self._take_back(served | {each.sensor.id for each in unserved})
        self._tell_unserved(unserved, served)

    def _tell_unserved(self, unserved: Sequence[Unserved], served: set[str]) -> None:
        """Whoever looks at the status of a sensor that cannot be served finds why."""
        for sensor, problem in unserved:
            log.warning("%s", problem)
            if sensor.id not in served:
                self._told.pop(sensor.id, None)
                status = Status(
                    state="offline",
                    since_ms=self._clock.now().date_ms,
                    driver=sensor.driver,
                    sent=self._outbox.number(sensor.id),
                    lost=self._outbox.lost[sensor.id],
                    problem="wrong",
                    hint=str(problem),
                )
                topic = topics.sensor_topic(self._settings.site, sensor.id, "status")
                self._publisher.retain(topic, status.encode())

    def _take_back(self, served: set[str]) -> None:
        """Clears what is retained of sensors that are served no longer, also since a start before this one."""
        kept = self._queue.meta_get("served")
        before = set(msgspec.json.decode(kept, type=list[str])) if kept else set()
        for sensor in before - served:
            self._told.pop(sensor, None)
            for leaf in _RETAINED:
                self._publisher.retain(topics.sensor_topic(self._settings.site, sensor, leaf), b"")
        if before != served:
            with contextlib.suppress(QueueFull):  # then it is done again at the next start
                self._queue.meta_put("served", msgspec.json.encode(sorted(served)))

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # full: the loop wakes anyway
            os.write(self._waker, b"\0")

    def _drain(self) -> None:
        """Reads what has come already, for a closed port forgets it; not what goes on coming for ever."""
        until_s = time.monotonic() + _DRAIN_S
        while time.monotonic() < until_s and (ready := self._selector.select(_QUIET_S)):
            self._read(ready)

    def _part(self) -> None:
        """Lets what is being said to the devices end: one whose session is left open looks dead."""
        self._parting = True
        self._remote.stop()
        until_s = time.monotonic() + _PARTING_S
        while any(line.busy for line in self._lines) and time.monotonic() < until_s:
            self._read(self._selector.select(_QUIET_S))
            self._speak(uptime_ms())

    def _close(self) -> None:
        self._drain()
        self._part()
        ports = [line.port for line in self._lines if line.port is not None]
        self._lines = []
        self._openers.shutdown(cancel_futures=True)
        with ThreadPoolExecutor(_OPENERS) as closers:
            closers.map(Port.close, ports)
        self._take_opened()
        self._outbox.commit()
        self._publisher.stop()
        self._selector.close()
        os.close(self._woken)
        os.close(self._waker)
