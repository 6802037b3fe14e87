"""What readings are stamped with: the date, or where the host does not know it, the time since it was started.

A host without a battery-backed clock and without NTP has a wrong date after every power cut. It stamps with its uptime
and sends ages, which the receiver turns into dates.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from presence.readings import OLDEST_MS

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Stamp(NamedTuple):
    """`at_ms`: epoch ms UTC when `host_boot` is empty, else ms since that start of the host."""

    at_ms: int
    host_boot: str = ""

    @property
    def date_ms(self) -> int | None:
        return None if self.host_boot else self.at_ms


@dataclass(frozen=True)
class HostClock:
    """`dated`: the host's date is kept right. A date that cannot be (1970) is not believed even so."""

    dated: bool = True

    def now(self) -> Stamp:
        at_ms = time.time_ns() // 1_000_000
        return Stamp(at_ms) if self.dated and at_ms >= OLDEST_MS else Stamp(uptime_ms(), host_boot())


def uptime_ms() -> int:
    """Goes on over restarts of the process, and while the host sleeps."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


@cache
def host_boot() -> str:
    """Names this start of the host: no other has the same."""
    return _BOOT_ID.read_text().strip()
