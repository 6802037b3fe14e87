"""Whether the date of this host can be believed: kept by NTP, or by a clock chip with a battery.

Source: adjtimex(2); Documentation/ABI/testing/rtc-cdev and drivers/rtc/sysfs.c of Linux; systemd-timesyncd.service(8).
"""

from __future__ import annotations

import ctypes
import time
from pathlib import Path

_STA_UNSYNC = 0x0040
# Written by systemd-timesyncd at the first answer of a server in this start of the host.
_TIMESYNC = Path("/run/systemd/timesync/synchronized")
_RTC = Path("/sys/class/rtc/rtc0")
# A chip that lost its power began anew in 1970 or so, whatever date the host has made up since.
_RTC_OFF_S = 60


class _Timex(ctypes.Structure):
    """The head of `struct timex`; `modes` 0 changes nothing. It is 208 bytes long where `long` has 64 bits."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("largest_error", ctypes.c_long),
        ("estimated_error", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def date_is_kept() -> bool:
    return _by_ntp() or _TIMESYNC.exists() or chip_agrees(_RTC, time.time())


def _by_ntp() -> bool:
    kernel = _Timex()
    state: int = ctypes.CDLL(None).adjtimex(ctypes.byref(kernel))
    return state >= 0 and not kernel.status & _STA_UNSYNC


def chip_agrees(chip: Path, now_s: float) -> bool:
    """Whether the clock chip in the folder `chip` of sysfs is there and has the date `now_s`."""
    try:
        chip_s = int((chip / "since_epoch").read_text())
    except (OSError, ValueError):
        return False
    return abs(chip_s - now_s) <= _RTC_OFF_S
