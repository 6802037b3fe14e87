"""The drivers: wire formats of serial sensors to readings, and commands to bytes, without I/O.

A driver is one module of this folder with the names of `DriverModule`, its vectors in tests/vectors/serial, an emulator
of the same name, and one line in the list below. docs/drivers.md shows how.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from firmware_bridge.commands import Ask, Command, Session
from firmware_bridge.drivers import (
    a02yyuw,
    c4001,
    ld2402,
    ld2410,
    ld2410s,
    ld2412,
    ld2420,
    ld2450,
    modbus,
    mr24hpc1,
    mr60bha,
    mysensors,
    ndjson,
    sen0395,
    tfmini,
)
from firmware_bridge.resync import Result
from presence.errors import BadInput


class Driver(Protocol):
    """The stream of one device on one port. What it gives depends on the bytes alone, not on how they are split."""

    @property
    def strayed(self) -> bool:
        """Whether the stream shows that the device is not as it was configured, and must be set up again."""

    def feed(self, data: bytes) -> Sequence[Result]:
        """Readings, damages and answers in the order of their frames; `data` in chunks of any size."""

    def outgoing(self, at_ms: int) -> bytes:
        """What a device that speaks only when asked is asked now; empty for others. Asked for every 0.1 s or so, and
        not while a conversation is going on. `at_ms`: of a clock that never steps."""


class DriverModule(Protocol):
    """What a module of this folder offers.

    `TITLE`: which devices these are, for people. `BAUD`: as delivered. `SILENT_AFTER_MS`: one that says nothing for so
    long is out of order. `EXAMPLE`: a configuration that works. `COMMANDS` and `SESSION`: see
    `firmware_bridge.commands`. `SETTINGS`: what is asked to know all that the device keeps.
    """

    @property
    def NAME(self) -> str: ...  # noqa: N802
    @property
    def TITLE(self) -> str: ...  # noqa: N802
    @property
    def BAUD(self) -> int: ...  # noqa: N802
    @property
    def SILENT_AFTER_MS(self) -> int: ...  # noqa: N802
    @property
    def EXAMPLE(self) -> Mapping[str, Any]: ...  # noqa: N802
    @property
    def COMMANDS(self) -> Mapping[str, Command]: ...  # noqa: N802
    @property
    def SESSION(self) -> Session: ...  # noqa: N802
    @property
    def SETTINGS(self) -> Sequence[Ask]: ...  # noqa: N802

    def driver(self, config: Mapping[str, Any]) -> Driver:
        """A decoder at the beginning of a stream. Raises BadInput for a `config` that it cannot use."""

    def setup(self, config: Mapping[str, Any]) -> Sequence[Ask]:
        """What brings a device into the state that `config` asks for; nothing when it is to be left alone."""


_MODULES: tuple[DriverModule, ...] = (
    ld2410,
    ld2410s,
    ld2412,
    ld2420,
    ld2402,
    ld2450,
    sen0395,
    c4001,
    mr24hpc1,
    mr60bha,
    tfmini,
    a02yyuw,
    modbus,
    ndjson,
    mysensors,
)
DRIVERS: dict[str, DriverModule] = {module.NAME: module for module in _MODULES}


def driver_named(name: str, source: str, field: str | None = None) -> DriverModule:
    """The driver called `name`. Raises BadInput, told as found in `source`."""
    if name not in DRIVERS:
        raise BadInput(source, f'no driver "{name}"', field=field, remedy=f"known: {', '.join(DRIVERS)}")
    return DRIVERS[name]
