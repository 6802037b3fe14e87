"""The drivers: wire formats of serial sensors to readings, without I/O.

A driver is one module of this folder with the names of `DriverModule`, its vectors in tests/vectors/serial, and one
line in the list below.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from firmware_bridge.drivers import ld2410
from firmware_bridge.resync import Damage, Decoded
from presence.errors import BadInput


class Driver(Protocol):
    """One device on one port. What it does depends on the bytes alone, not on how they are split."""

    @property
    def firmware(self) -> str | None:
        """As read from the device; None before that, and for devices that do not tell."""

    @property
    def trouble(self) -> str | None:
        """Why the device could not be set up as configured, in words; None when it could."""

    def feed(self, data: bytes) -> list[Decoded | Damage]:
        """Readings and damages in the order of their frames; `data` in chunks of any size."""

    def outgoing(self, at_ms: int) -> bytes:
        """What to write to the device now, mostly nothing. `at_ms`: of a clock that never steps."""


class DriverModule(Protocol):
    """What a module of this folder offers.

    `BAUD`: as delivered. `SILENT_AFTER_MS`: a device that says nothing for so long is out of order.
    """

    @property
    def NAME(self) -> str: ...  # noqa: N802
    @property
    def BAUD(self) -> int: ...  # noqa: N802
    @property
    def SILENT_AFTER_MS(self) -> int: ...  # noqa: N802

    def driver(self, config: Mapping[str, Any]) -> Driver:
        """A decoder at the beginning of a stream. Raises BadInput for a `config` that it cannot use."""

    def encode_command(self, command: str, args: Mapping[str, Any]) -> bytes:
        """The bytes for `command`. Raises BadInput."""

    def decode_reply(self, command: str, whole: bytes) -> dict[str, Any]:
        """What one whole reply frame says. Raises DamagedFrame."""


_MODULES: tuple[DriverModule, ...] = (ld2410,)
DRIVERS: dict[str, DriverModule] = {module.NAME: module for module in _MODULES}


def driver_named(name: str, source: str, field: str | None = None) -> DriverModule:
    """The driver called `name`. Raises BadInput, told as found in `source`."""
    if name not in DRIVERS:
        raise BadInput(source, f'no driver "{name}"', field=field, remedy=f"known: {', '.join(DRIVERS)}")
    return DRIVERS[name]
