"""What readings are stamped with: the date, or where the host does not know it, the time since it was started.

A host without a battery-backed clock and without NTP has a wrong date after every power cut. It stamps with its uptime
and sends ages, which the receiver turns into dates. Dated readings know their uptime too, so that what still waits when
the date is set can be dated anew.
"""

from __future__ import annotations

import logging
import time
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from firmware_bridge.synchronised import date_is_kept
from presence.readings import OLDEST_MS

log = logging.getLogger("hadir.bridge")

ClockMode = Literal["auto", "dated", "ages"]

CHECK_EVERY_MS = 5_000
# A date that moves by more against the clock that never steps was set.
JUMP_MS = 1_000
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Stamp(NamedTuple):
    """`at_ms`: epoch ms UTC when `host_boot` is empty, else ms since that start of the host.

    `up_ms`: since the host was started; 0: not known.
    """

    at_ms: int
    host_boot: str = ""
    up_ms: int = 0

    @property
    def date_ms(self) -> int | None:
        return None if self.host_boot else self.at_ms


class Host(Protocol):
    """The clocks of a machine. `boot` names this start of it: no other has the same."""

    @property
    def boot(self) -> str: ...
    def date_ms(self) -> int: ...
    def up_ms(self) -> int: ...
    def date_is_kept(self) -> bool:
        """Whether anybody keeps the date right."""


class ThisHost:
    @property
    def boot(self) -> str:
        return host_boot()

    def date_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def up_ms(self) -> int:
        return uptime_ms()

    def date_is_kept(self) -> bool:
        return date_is_kept()


class HostClock:
    """Stamps, and dates what was stamped before.

    `mode`: "dated", the date is right; "ages", it is not; "auto", that is found out every few seconds, and holds from
    the first time on that it is: a clock drifts by seconds a week. A date that cannot be (1970) is never believed.
    """

    def __init__(self, mode: ClockMode = "auto", host: Host | None = None) -> None:
        self._host = host or ThisHost()
        self._mode = mode
        self._kept = mode == "dated"
        self._checked_up_ms: int | None = None
        self._offset_ms: int | None = None

    @property
    def boot(self) -> str:
        return self._host.boot

    def now(self) -> Stamp:
        date_ms, up_ms = self._read()
        self._look(date_ms, up_ms)
        if self._kept and date_ms >= OLDEST_MS:
            return Stamp(date_ms, "", up_ms)
        return Stamp(up_ms, self._host.boot, up_ms)

    def dated(self, stamp: Stamp, now: Stamp) -> Stamp:
        """`stamp`, of this start of the host, as the date `now` has it; as it was where that is not known better."""
        offset_ms = now.at_ms - now.up_ms
        if now.host_boot or not stamp.up_ms:
            return stamp
        if stamp.host_boot or abs(stamp.at_ms - stamp.up_ms - offset_ms) > JUMP_MS:
            return Stamp(stamp.up_ms + offset_ms, "", stamp.up_ms)
        return stamp

    def _read(self) -> tuple[int, int]:
        """Date and uptime of one instant: a process may be held up between the two."""
        while True:
            before_ms, date_ms, up_ms = self._host.up_ms(), self._host.date_ms(), self._host.up_ms()
            if up_ms - before_ms < JUMP_MS // 10:
                return date_ms, up_ms

    def _look(self, date_ms: int, up_ms: int) -> None:
        offset_ms, before_ms = date_ms - up_ms, self._offset_ms
        self._offset_ms = offset_ms
        if before_ms is not None and abs(offset_ms - before_ms) > JUMP_MS and self._mode != "ages":
            seconds = (offset_ms - before_ms) / 1000
            log.warning("the date of this host was set by %+.1f s; what waits is dated anew", seconds)
        if self._mode == "auto" and not self._kept:
            first = self._checked_up_ms is None
            if first or up_ms - (self._checked_up_ms or 0) >= CHECK_EVERY_MS:
                self._checked_up_ms = up_ms
                self._kept = self._host.date_is_kept()
                self._tell(first)

    def _tell(self, first: bool) -> None:
        if self._kept and not first:
            log.warning("the date of this host is kept now; readings go with it, also those that wait")
        elif first and not self._kept:
            log.warning(
                "the date of this host is not kept by NTP or a clock chip: readings go with their ages until it is; "
                "where it is right all the same, say --clock dated"
            )


def uptime_ms() -> int:
    """Goes on over restarts of the process, and while the host sleeps."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


@cache
def host_boot() -> str:
    """Names this start of the host: no other has the same."""
    return _BOOT_ID.read_text().strip()
