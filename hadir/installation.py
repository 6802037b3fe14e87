"""What `hadir up` runs: broker, collector, engine, web, and the bridges of the gateways whose ports are there."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

from hadir import broker, composition
from hadir.data_directory import DataDirectory
from hadir.settings import MQTT_PORT, Settings
from hadir.simulation import mall
from hadir.site_sources import read_served_site
from hadir.supervisor import Forked, Process, Supervisor, settle_for_forks
from presence.errors import BadInput, HadirError
from presence.hours_lint import hours_warnings
from presence.site import Site
from presence.site_file import inactive

if TYPE_CHECKING:
    from storage.record import Record

log = logging.getLogger("hadir.up")

PORTS = "ports"
_ADMINISTRATOR = "administrator"
_BROKER_HOST = "127.0.0.1"
_LOOK_EVERY_S = 5.0
_PAGE_WITHIN_S = 30.0
_PORTS_WITHIN_S = 5.0
_ANSWER_WITHIN_S = 1.0


class SiteFile(NamedTuple):
    """`source`: what to call it in errors."""

    source: str
    text: str


class Applied(NamedTuple):
    """What became of a site file: how many changes it made, and what of it does not act yet."""

    site: str
    changes: int
    inactive: list[str]


class Installation:
    """All processes of `hadir up`, from the beginning of a `with` to its end.

    `pages`: the socket at which they are served. `simulated`: with the sensors of the demonstration.
    """

    def __init__(self, settings: Settings, data: DataDirectory, pages: socket.socket, *, simulated: bool) -> None:
        self._settings = settings
        self._data = data
        self._pages = pages
        self._simulated = simulated
        self._ports = data.path / PORTS
        self._complaint: str | None = None
        self._mqtt_port: int | None = None
        self.broker: broker.Broker | None = None
        self._supervisor = Supervisor(self._tell, traces=data.path)

    def __enter__(self) -> Installation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._supervisor.stop()

    def _tell(self, pids: Mapping[str, int]) -> None:
        if self._mqtt_port is not None:
            parts = {name: pid for name, pid in pids.items() if name != "demo"}
            self._data.tell(web=self._settings.port, mqtt=self._mqtt_port, pids=parts, demo=pids.get("demo"))

    @property
    def broker_url(self) -> str:
        return self._settings.broker_address().url

    def start(self, site_file: SiteFile | None) -> Applied | None:
        """Start everything; returns when the pages answer, or when a signal asks to stop.

        Gives what became of `site_file` when it had to be applied. Raises BadInput, or GaveUp when a part has said
        itself what it cannot use.
        """
        wanted = None if site_file is None else read_served_site(site_file.text, site_file.source).site
        if self._simulated:
            # Names that a killed run left behind may lead to somebody else's terminal by now.
            mall.forget_ports(self._ports)
            self._supervisor.fork("demo", partial(mall.run, self._ports))
        self._start_broker()
        composition.preload()
        settle_for_forks()
        self._upgrade_record()
        applied = self._apply(site_file.text, wanted) if site_file is not None and wanted is not None else None
        for name, work in (
            ("collector", partial(composition.run_collector, self._settings)),
            ("engine", partial(composition.run_engine, self._settings)),
            ("web", partial(composition.run_web, self._settings, self._pages, demo=self._simulated)),
        ):
            self._supervisor.fork(name, work, vital=True)
        if self._simulated:
            self._supervisor.watch_until((self._ports / "loket-1").exists, _PORTS_WITHIN_S)
        self._start_bridges()
        if not self._supervisor.watch_until(self._page_answers, _PAGE_WITHIN_S) and not self.stopping:
            log.warning("the pages do not answer yet")
        return applied

    def run(self) -> None:
        """Keep everything running until a signal asks to stop; ports that appear get their bridge."""
        while not self._supervisor.stopping:
            self._supervisor.watch(for_s=_LOOK_EVERY_S)
            self._start_bridges()

    @property
    def stopping(self) -> bool:
        return self._supervisor.stopping

    def log_in_link(self) -> str | None:
        """The path of a one-time link for the administrator; None when somebody has been let in already."""
        from storage.record import accounts, users

        with self._open_record() as record, record.writing() as connection:
            now_ms = composition.now_ms()
            known = users.accounts(connection, now_ms)
            if any(account.sessions or account.tokens or account.has_password for account in known):
                return None
            name = known[0].name if known else _ADMINISTRATOR
            accounts.make_sure(connection, name, by=accounts.CONSOLE, now_ms=now_ms)
            return f"login?code={accounts.link(connection, name, by=accounts.CONSOLE, now_ms=now_ms)}"

    def has_site(self) -> bool:
        from storage.record import registry

        with self._open_record() as record, record.reading() as connection:
            return bool(registry.site_ids(connection))

    def hours_warnings(self) -> list[str]:
        """What is hardly meant in the service hours of the sites that are served, a sentence each."""
        return [
            f"{site.id}, {warning.where}: {warning.says}"
            for site in self._sites()
            for warning in hours_warnings(site, composition.now_ms())
        ]

    def _open_record(self) -> Record:
        from storage.record import Record

        return Record.open(self._settings.record_url())

    def _start_broker(self) -> None:
        if self._settings.broker is not None and not self._simulated:
            self._mqtt_port = self._settings.broker_address().port
            return
        port = self._settings.mqtt_port
        if port is None:
            port = 0 if self._simulated else MQTT_PORT

        def start() -> Process:
            # Started again it keeps its port: everybody else knows it by that.
            running = broker.start(host=_BROKER_HOST, port=self._mqtt_port or port, folder=self._data.path)
            if self.broker is None:
                self.broker = running
                self._mqtt_port = running.port
                self._settings = replace(self._settings, broker=running.url)
            return _BrokerProcess(running)

        self._supervisor.add("broker", start)

    def _upgrade_record(self) -> None:
        """Make the record, or bring it to this version, in a child: Alembic is large and not needed afterwards."""

        def upgrade(stop: threading.Event) -> None:
            # What cannot be used is said when we open it ourselves.
            with contextlib.suppress(HadirError):
                self._open_record().close()

        Forked("upgrade", upgrade).wait()

    def _apply(self, text: str, wanted: Site) -> Applied | None:
        """Take `wanted`, which `text` describes, over into the registry, unless that was done and is still there."""
        from storage.record import registry

        with self._open_record() as record:
            with record.reading() as connection:
                known = registry.site_ids(connection)
            if self._data.is_applied(text) and wanted.id in known:
                return None
            if self._simulated and (others := set(known) - {wanted.id}):
                problem = f"holds the site {min(others)}, which is not the simulated one"
                raise BadInput(str(self._data.path), problem, remedy="name another folder with --data")
            with record.writing() as connection:
                changes = registry.apply(connection, wanted, prune=False, now_ms=composition.now_ms())
        self._data.applied(text)
        return Applied(wanted.id, len(changes), inactive(wanted) if changes else [])

    def _start_bridges(self) -> None:
        """Start the bridge of each gateway of which a port is there and that has none yet.

        A bridge that runs follows the registry by itself, through its retained settings.
        """
        from sqlalchemy.exc import SQLAlchemyError

        try:
            ports = self._ports_of_gateways()
        except (HadirError, SQLAlchemyError) as error:
            if str(error) != self._complaint:
                self._complaint = str(error)
                log.warning("the gateways cannot be read from the record: %s", error)
            return
        self._complaint = None
        for gateway, port in ports:
            if f"bridge-{gateway}" not in self._supervisor.names() and _is_there(port):
                self._supervisor.fork(f"bridge-{gateway}", partial(composition.run_bridge, self._settings, gateway))

    def _sites(self) -> list[Site]:
        from storage.record import registry

        with self._open_record() as record, record.reading() as connection:
            sites = [
                registry.load_site(connection, site, declared_from_ms=None) for site in registry.site_ids(connection)
            ]
        return [site for site in sites if site is not None]

    def _ports_of_gateways(self) -> list[tuple[str, str]]:
        return [
            (source.gateway, source.port)
            for site in self._sites()
            for outlet in site.outlets
            for sensor in outlet.sensors
            if (source := sensor.source) and source.gateway and source.port
        ]

    def _page_answers(self) -> bool:
        address = self._pages.getsockname()
        try:
            with socket.create_connection(address[:2], timeout=_ANSWER_WITHIN_S) as asking:
                asking.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
                return b" 200 " in asking.recv(64)
        except OSError:
            return False


class _BrokerProcess:
    """The broker as the supervisor sees its processes."""

    def __init__(self, running: broker.Broker) -> None:
        self._running = running

    @property
    def pid(self) -> int:
        return self._running.pid

    def poll(self) -> int | None:
        return self._running.poll()

    def stop(self, within_s: float) -> None:
        self._running.stop()  # has its own bound


def _is_there(port: str) -> bool:
    # socket://host:port and the like are tried by the bridge itself.
    return "://" in port or os.path.exists(port)
