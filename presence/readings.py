"""A reading: the quantities that one sensor reported at one instant."""

from __future__ import annotations

import msgspec

AHEAD_LIMIT_MS = 5 * 60 * 1000
OLDEST_MS = 1_262_304_000_000  # 2010-01-01T00:00:00Z
LATE_LIMIT_MS = 30 * 24 * 3600 * 1000


class Reading(msgspec.Struct, frozen=True, gc=False):
    """`sensor`: id in its site (a gateway's id for the gateway's own `online`). `at_ms`: when observed, epoch ms UTC.

    `values`: quantity name -> finite number in the unit of `presence.quantities`; truth values are 1.0 and 0.0.
    `clock`: the device's own time was unusable and `at_ms` is the time of receipt.
    """

    sensor: str
    at_ms: int
    values: dict[str, float]
    clock: bool = False


def observed_at(device_ms: int, received_ms: int) -> tuple[int, bool] | None:
    """When a reading counts as observed, and whether the device's clock was set aside; None when it is too old to take.

    A device time more than 5 min ahead of receipt, or before 2010, is replaced by the receipt time; one older than
    30 days is refused (it becomes a dead letter).
    """
    if device_ms > received_ms + AHEAD_LIMIT_MS or device_ms < OLDEST_MS:
        return received_ms, True
    if device_ms < received_ms - LATE_LIMIT_MS:
        return None
    return device_ms, False
