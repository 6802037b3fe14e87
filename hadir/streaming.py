"""Full-rate readings of sensors for one person who looks: from a port opened by hand, or from a running bridge."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import PurePath
from types import TracebackType
from typing import Any

from firmware_bridge.commands import Ask
from firmware_bridge.direct import DirectLine, Heard, open_by_hand
from firmware_bridge.drivers import DriverModule
from firmware_bridge.remote import Remote, Unanswered
from firmware_bridge.requests import settings_asks, settings_in
from presence.errors import HadirError
from presence.gateway_settings import GatewaySettings
from presence.instants import rfc3339
from presence.quantities import TRUTHS
from presence.readings import Reading
from transport.session import BrokerAddress

# Thinning comes back by itself when we are gone.
_STREAM_S = 60
_ANSWER_S = 5.0
_LOOK_S = 2.0
_SHORTEST_MS = 1_000
_UNKNOWN = "sensor"
# What makes a radar report its energies by gate.
_WITH_ENERGIES = {
    "ld2410": '{"engineering": true}',
    "ld2412": '{"engineering": true}',
    "ld2420": '{"mode": "energy"}',
    "ld2402": '{"mode": "engineering"}',
    "ld2410s": '{"output": "standard"}',
}
_ON, _OFF = Ask("engineering_on"), Ask("engineering_off")


class DirectStream:
    """One port. `energies`: a radar that reports no energies by gate is made to while we look. A context."""

    def __init__(
        self, port: str, module: DriverModule, baud: int, config: Mapping[str, Any], *, energies: bool
    ) -> None:
        self.notices: list[str] = []
        self._port = port
        self._opened = open_by_hand(port, baud)
        self._line = DirectLine(self._opened, port, module, config)
        self._energies = energies
        self._switched = False

    def __enter__(self) -> DirectStream:
        with ExitStack() as undone:
            undone.callback(self._opened.close)
            if self._energies and _ON.command in self._line.module.COMMANDS and not self._has_energies():
                self._switched = True
                undone.callback(self._switch_back)
                if problem := self._line.ask([_ON]).problem:
                    self.notices.append(f"{self._port}: its engineering mode could not be switched on: {problem}")
            undone.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            self._line.settle()
            self._switch_back()
        except HadirError:
            if error is None:
                raise
        finally:
            self._opened.close()

    @property
    def driver(self) -> str:
        return self._line.module.NAME

    @property
    def damaged(self) -> Mapping[str, int]:
        return {self._name(None): self._line.damaged}

    def readings(self, wait_s: float) -> list[Reading]:
        """Those that came as soon as some have; none after `wait_s`. Raises PortLost."""
        heard = self._line.listen(wait_s)
        if trouble := self._line.trouble:
            self.notices = [f"{self._port}: could not be set up: {trouble}"]
        return [self._reading(each) for each in heard]

    def settings(self) -> Mapping[str, Any]:
        """All that the device keeps; none when it does not tell."""
        asks = settings_asks(self._line.module)
        return settings_in(self._line.ask(asks).replies) if asks else {}

    def _has_energies(self) -> bool:
        until_s = time.monotonic() + _LOOK_S
        while time.monotonic() < until_s:
            if heard := self._line.listen(_LOOK_S):
                return any("_g0" in name for name in heard[-1].result.values)
        return False

    def _switch_back(self) -> None:
        if self._switched:
            self._switched = False
            self._line.ask([_OFF])

    def _reading(self, heard: Heard) -> Reading:
        return Reading(self._name(heard.result.part), heard.at_ms, heard.result.values)

    def _name(self, part: str | None) -> str:
        name = PurePath(self._port).name
        return name if part is None else f"{name}:{part}"


class RemoteStream:
    """`sensors` of a gateway, thinned no longer while we look. A context."""

    def __init__(self, address: BrokerAddress, gateway: GatewaySettings, sensors: Sequence[str]) -> None:
        self.notices: list[str] = []
        self._remote = Remote(address)
        self._gateway = gateway
        self._sensors = tuple(sensors)
        self._renew_s = 0.0

    def __enter__(self) -> RemoteStream:
        self._remote.__enter__()
        site = self._gateway.site
        self._remote.watch(site, self._gateway.gateway, self._sensors)
        try:
            reply = self._remote.ask(site, self._sensors[0], "stream", {"seconds": _STREAM_S}, _ANSWER_S)
            if not reply.get("ok"):
                self.notices.append(f"{self._sensors[0]}: {reply.get('error')}")
        except Unanswered as unanswered:
            self.notices.append(f"{unanswered}; what it sends is shown, thinned as it is set")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            self._stream(1)
        except HadirError:
            pass  # it ends by itself
        finally:
            self._remote.__exit__(kind, error, where)

    @property
    def driver(self) -> str:
        return next((each.driver for each in self._gateway.sensors if each.id in self._sensors), _UNKNOWN)

    @property
    def damaged(self) -> Mapping[str, int]:
        return self._remote.damaged

    def readings(self, wait_s: float) -> list[Reading]:
        """Those of our sensors that came as soon as some have; none after `wait_s`. Raises Unreachable."""
        if time.monotonic() >= self._renew_s:
            self._renew_s = time.monotonic() + _STREAM_S / 2
            self._stream(_STREAM_S)
        return [reading for reading in self._remote.readings(wait_s) if reading.sensor in self._sensors]

    def settings(self) -> Mapping[str, Any]:
        """Those read back from the device last, or now when none were; none when it does not tell."""
        site, sensor = self._gateway.site, self._sensors[0]
        if kept := self._remote.device_settings(site, sensor):
            return kept
        try:
            reply = self._remote.ask(site, sensor, "read_settings", {}, _ANSWER_S)
        except Unanswered:
            return {}
        told = reply.get("settings")
        return told if isinstance(told, dict) else {}

    def _stream(self, seconds: int) -> None:
        for sensor in self._sensors:
            self._remote.tell(self._gateway.site, sensor, "stream", {"seconds": seconds})


class Rate:
    """Reports a second, over the last seconds; 0 until one second is known: what lay in a line came at once."""

    def __init__(self, over_ms: int = 3_000) -> None:
        self._over_ms = over_ms
        self._instants: deque[int] = deque()

    def add(self, at_ms: int) -> float:
        self._instants.append(at_ms)
        while self._instants[0] < at_ms - self._over_ms:
            self._instants.popleft()
        span_ms = at_ms - self._instants[0]
        return (len(self._instants) - 1) * 1000 / span_ms if span_ms >= _SHORTEST_MS else 0.0


def no_energies(driver: str) -> str:
    """Why there is nothing to see gate by gate, and what to do."""
    if config := _WITH_ENERGIES.get(driver):
        return f"no energies by gate come; a {driver} reports them by config {config}"
    return f"no energies by gate come: a {driver} has none; of those that have: {', '.join(_WITH_ENERGIES)}"


def csv_rows(readings: Iterable[Reading]) -> list[str]:
    """The rows of a readings CSV."""
    return [
        f"{rfc3339(reading.at_ms)},{reading.sensor},{name},{_text(value, truth=name in TRUTHS)}"
        for reading in readings
        for name, value in reading.values.items()
    ]


def _text(value: float, *, truth: bool) -> str:
    if truth:
        return "true" if value else "false"
    return f"{value:.0f}" if value == int(value) else repr(float(value))


def words(reading: Reading) -> str:
    """A reading in one line: `2026-… radar presence=true distance=1.23`."""
    return " ".join([rfc3339(reading.at_ms), reading.sensor, *_values(reading)])


def live_words(reading: Reading, rate_hz: float) -> str:
    """For a line that may be cut at its end: the values first, `presence=true distance=1.23  10.0/s  03:12:07Z`."""
    return f"{' '.join(_values(reading))}  {rate_hz:.1f}/s  {rfc3339(reading.at_ms)[11:19]}Z"


def _values(reading: Reading) -> list[str]:
    return [f"{name}={_text(value, truth=name in TRUTHS)}" for name, value in reading.values.items()]
