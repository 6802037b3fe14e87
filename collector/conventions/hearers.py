"""Which gateways hear a device: where several do, the death of one says nothing about it.

Bounded: 4,096 devices besides the pinned ones, 4 gateways each; 1,024 gateways.
"""

from __future__ import annotations

from collections.abc import Collection

from collector.conventions.memory import Memory

MOST_DEVICES = 4096
MOST_GATEWAYS = 1024
MOST_HEARERS = 4
# Who heard the device within so long of its last broadcast still hears it.
HEARS_FOR_MS = 120_000


class Hearers:
    """What was heard of devices through which gateways, and whether those are there."""

    def __init__(self) -> None:
        self._hearers: Memory[dict[str, int]] = Memory(MOST_DEVICES)  # gateway -> when, the last at the end
        self._gone: Memory[int] = Memory(MOST_GATEWAYS)  # the how manieth death it was
        self._deaths = 0

    def pin(self, devices: Collection[str]) -> None:
        """Never forget who hears `devices`."""
        self._hearers.pin(devices)

    def heard(self, device: str, gateway: str, at_ms: int) -> None:
        """`gateway` heard `device`, so it is there."""
        hearers = self._hearers.get(device)
        if hearers is None:
            self._hearers.put(device, {gateway: at_ms})
        else:
            hearers.pop(gateway, None)
            hearers[gateway] = at_ms
            if len(hearers) > MOST_HEARERS:
                del hearers[next(iter(hearers))]
        self._gone.forget(gateway)

    def said(self, gateway: str, online: bool) -> None:
        """`gateway`, or its will, says that it is there or gone."""
        if online:
            self._gone.forget(gateway)
        elif self._gone.get(gateway) is None:
            self._deaths += 1
            self._gone.put(gateway, self._deaths)

    def gateway_of(self, device: str) -> str | None:
        """The one gateway on which `device` depends; None where none or several hear it.

        When all are gone: the one that went last, since it was the only one left.
        """
        hearers = self._hearers.get(device)
        if not hearers:
            return None
        since_ms = max(hearers.values()) - HEARS_FOR_MS
        recent = [gateway for gateway, at_ms in hearers.items() if at_ms >= since_ms]
        gone = {gateway: death for gateway in recent if (death := self._gone.get(gateway)) is not None}
        there = [gateway for gateway in recent if gateway not in gone]
        if there:
            return there[0] if len(there) == 1 else None
        return max(gone, key=gone.__getitem__)
