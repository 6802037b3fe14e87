"""Where shells are built and joined: the one place that makes stores, records, clocks and clients.

Each part imports what it needs when it is asked for; `preload` does it beforehand for all of them.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import re
import shlex
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hadir.settings import Settings
from presence.site import Site
from presence.site_inactive import ACTING_CHANNELS

if TYPE_CHECKING:
    from api.oidc.relying_party import RelyingParty
    from storage.record import Record

log = logging.getLogger("hadir.engine")

_RECORD_PAUSE_S = 2.0

_REFERENCE = re.compile(r"\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_HEAVY = (
    "collector.collector",
    "api.alerting.engine",
    "api.app",
    "firmware_bridge.bridge",
    "storage.record.registry",
    "storage.record.users",
)


def now_ms() -> int:
    """Epoch ms UTC: the one clock of all shells."""
    return time.time_ns() // 1_000_000


def pace_ms() -> int:
    """Milliseconds of a clock that nobody sets, for what is done every so often."""
    return time.monotonic_ns() // 1_000_000


def preload() -> None:
    """Load what the parts need, so that processes forked from this one share it."""
    for module in _HEAVY:
        importlib.import_module(module)


def run_collector(settings: Settings, stop: threading.Event) -> None:
    """Take readings from the broker into store and record until `stop` is set."""
    from collector.collector import Collector
    from storage.record import Record
    from storage.timeseries import open_store

    with (
        Record.open(settings.record_url()) as record,
        contextlib.closing(open_store(settings.store_url())) as store,
    ):
        Collector(
            record=record,
            store=store,
            spool_path=settings.data / "spool.db",
            address=settings.broker_address(),
            clock=now_ms,
            pace=pace_ms,
        ).run(stop)


def run_engine(settings: Settings, stop: threading.Event) -> None:
    """Raise, send and resolve alerts until `stop` is set; while the server of the record is away, wait for it."""
    from api.alerting.engine import Engine
    from api.alerting.heartbeat import Heartbeat
    from api.alerting.lease import new_holder
    from storage.record import Record, RecordUnavailable

    with Record.open(settings.record_url()) as record:
        _tell_unset_secrets(record)
        holder = new_holder()
        heartbeat = None if settings.heartbeat is None else Heartbeat(settings.heartbeat, os.environ, pace_ms)
        while not stop.is_set():
            engine = Engine(
                record=record,
                address=settings.broker_address(),
                clock=now_ms,
                lock_dir=settings.data,
                holder=holder,
                heartbeat=heartbeat,
            )
            try:
                engine.run(stop)
            except RecordUnavailable as error:
                log.error("%s; nothing is decided or sent until it answers", error)
                if _answers(record, stop):
                    log.warning("%s: answers again", record.name)


def _answers(record: Record, stop: threading.Event) -> bool:
    """Returns when the server of the record does; False when `stop` is set before."""
    from storage.record import RecordUnavailable

    while not stop.wait(_RECORD_PAUSE_S):
        try:
            with record.reading():
                return True
        except RecordUnavailable:
            continue
    return False


def _tell_unset_secrets(record: Record) -> None:
    """Of all sites; none is kept in memory, for there may be hundreds."""
    from storage.record import registry

    with record.reading() as connection:
        for site_id in registry.site_ids(connection):
            site = registry.load_site(connection, site_id, declared_from_ms=None)
            for sentence in unset_secrets(site, os.environ) if site else ():
                log.warning("%s", sentence)


def unset_secrets(site: Site, environ: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each contact whose channel names variables that `environ` does not have, or has empty."""
    owners = [("the site", site.contacts), *((f"agency {agency.id}", agency.contacts) for agency in site.agencies)]
    for owner, contacts in owners:
        for contact in contacts:
            channel = contact.channel or ""
            # What goes by no channel of this version is said when the site file is applied.
            if channel.partition("://")[0] not in ACTING_CHANNELS:
                continue
            if unset := [name for name in dict.fromkeys(_REFERENCE.findall(channel)) if not environ.get(name)]:
                are = "is" if len(unset) == 1 else "are"
                yield (
                    f"contact {contact.id} of {owner} cannot be told of anything: "
                    f"{', '.join(unset)} {are} not set in the environment"
                )


def run_bridge(settings: Settings, gateway: str, stop: threading.Event) -> None:
    """Read the ports of `gateway`, as its retained settings name them, until `stop` is set.

    Whoever receives its readings is taken to go by this machine's date as well.
    """
    from firmware_bridge import bridge

    bridge.run_bridge(gateway=gateway, address=settings.broker_address(), data=settings.data, stop=stop, clock="dated")


def run_web(settings: Settings, pages: socket.socket, stop: threading.Event, *, demo: bool = False) -> None:
    """Serve the pages at `pages`, a listening socket, until `stop` is set. `demo`: no log-in is needed here to read."""
    from api.app import create_app, serve
    from api.parts import Parts
    from hadir.claiming import claimed
    from hadir.site_sources import source_problems
    from storage.record import Record
    from storage.timeseries import Store, StoreUnavailable, open_store

    def check_of(store: Store) -> Callable[[], str | None]:
        def check() -> str | None:
            try:
                store.check()
            except StoreUnavailable as error:
                return str(error)
            return None

        return check

    with (
        Record.open(settings.record_url()) as record,
        contextlib.closing(open_store(settings.store_url())) as store,
    ):
        _tell_idle_webhook_secrets(record)
        parts = Parts(
            record=record,
            broker=settings.broker_address(),
            now=now_ms,
            store=store,
            demo=demo,
            data_flag=_data_flag(settings.data) if demo else "",
            plans=settings.data / "plans",
            checks={"store": check_of(store)},
            webhook_secrets=os.environ,
            claim=claimed,
            source_problems=source_problems,
            oidc=relying_party(settings, os.environ),
        )
        serve(create_app(parts), pages, stop)


def _data_flag(data: Path) -> str:
    """` --data hadir-data/demo`: as it is written where Hadir was started."""
    here = Path.cwd()
    return f" --data {shlex.quote(str(data.relative_to(here) if data.is_relative_to(here) else data))}"


def _tell_idle_webhook_secrets(record: Record) -> None:
    from storage.record import registry

    with record.reading() as connection:
        for sentence in idle_webhook_secrets(registry.site_ids(connection), os.environ):
            logging.getLogger("hadir.api").warning("%s", sentence)


def idle_webhook_secrets(site_ids: Iterable[str], environ: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each variable of `environ` that is called like the webhook secret of a site, and is of none."""
    from api.webhooks import NAMED_SO, secret_name

    of_sites = {secret_name(site) for site in site_ids}
    for name in sorted(environ):
        if name.startswith(NAMED_SO) and name not in of_sites:
            yield f"{name} belongs to no registered site; docs/configuration.md says how it is named"


def relying_party(settings: Settings, environ: Mapping[str, str]) -> RelyingParty | None:
    """Hadir as a client of the issuer that is set, which is asked for nothing yet; None when none is."""
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    from api.oidc.relying_party import Registration, RelyingParty
    from storage.secret import secret

    kept = settings.oidc_client_secret
    registration = Registration(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        secret=None if kept is None else secret(kept, environ, source="HADIR_OIDC_CLIENT_SECRET"),
        name=settings.oidc_name or urlsplit(settings.oidc_issuer).hostname or settings.oidc_issuer,
        scopes=settings.oidc_scopes,
    )
    return RelyingParty(registration, pace_ms)


def run_web_and_engine(settings: Settings, pages: socket.socket, stop: threading.Event) -> None:
    """Both in one process; when one of them fails both end, and its error is raised."""
    with ThreadPoolExecutor(1, "engine") as threads:
        engine = threads.submit(run_engine, settings, stop)
        engine.add_done_callback(lambda _: stop.set())
        try:
            run_web(settings, pages, stop)
        finally:
            stop.set()
        engine.result()
