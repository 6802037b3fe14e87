"""The state of every sensor as the collector sees it: fresh, stale, offline or stuck, and what came of it."""

from __future__ import annotations

import json
from typing import Literal

from presence.instants import rfc3339, rfc3339_or_none
from presence.readings import Reading
from presence.sequence import Sequence
from presence.site import Sensor
from storage.record.health import SensorHealth

_COUNTERS_MS = 60_000

HealthState = Literal["fresh", "stale", "offline", "stuck"]


class SensorWatch:
    """One sensor. `offline`: its own last word, or its gateway's, and no report of presence since."""

    __slots__ = (
        "_battery", "_offline_ms", "_said_ms", "_seen_ms", "_sequence", "_since_ms", "_stale_after_ms", "_state",
        "_watched_ms", "changed", "counted", "received", "sensor", "site", "stored", "unsaved",
    )  # fmt: skip

    def __init__(self, site: str, sensor: Sensor, watched_ms: int) -> None:
        self.site = site
        self.sensor = sensor.id
        self._stale_after_ms = sensor.stale_after_ms
        self._watched_ms = watched_ms
        self._state: HealthState = "stale"
        self._since_ms = watched_ms
        self._seen_ms: int | None = None
        self._offline_ms: int | None = None
        self._battery: float | None = None
        self._sequence = Sequence()
        self._said_ms = 0
        self.received = 0
        self.stored = 0
        self.changed = True  # the state is not what was last published
        self.counted = True  # nor are the counters
        self.unsaved = True  # the record does not know all of it

    def restore(self, row: SensorHealth) -> None:
        """Go on from what the record holds."""
        self._state = row.state  # type: ignore[assignment]  # the table's CHECK allows no other
        self._since_ms, self._seen_ms, self._battery = row.since_ms, row.seen_ms, row.battery
        self._offline_ms = row.since_ms if row.state == "offline" else None
        self.received, self.stored = row.received, row.stored
        if row.sequence:
            self._sequence = Sequence.load(row.sequence)

    def take(self, reading: Reading) -> bool:
        """Note one reading; False when it was here before."""
        values = reading.values
        seq = values.get("seq")
        if seq is not None and not self._sequence.take(int(values.get("boot", 0)), int(seq)):
            return False
        self.counted = self.unsaved = True
        if values.get("online") == 0.0:
            self.silence(reading.at_ms)
            return True
        if "presence" in values or len(values) > ("online" in values):
            self.received += 1
            self._seen_ms = max(self._seen_ms or 0, reading.at_ms)
            if "presence" in values and self._offline_ms is not None and reading.at_ms > self._offline_ms:
                self._offline_ms = None
        if "battery" in values:
            self._battery = values["battery"]
        return True

    def silence(self, at_ms: int) -> None:
        """It, or its gateway, says that it is gone."""
        if self._seen_ms is None or at_ms >= self._seen_ms:
            self._offline_ms = at_ms

    @property
    def seen_ms(self) -> int | None:
        return self._seen_ms

    def judge(self, now_ms: int, stuck_since_ms: int | None = None) -> None:
        """Let time pass: what has not reported for `stale_after` is stale, what reports may be stuck."""
        if self._offline_ms is not None:
            state: HealthState = "offline"
            since_ms = self._offline_ms
        else:
            stale_ms = (self._watched_ms if self._seen_ms is None else self._seen_ms) + self._stale_after_ms
            state, since_ms = ("stale", stale_ms) if now_ms > stale_ms else ("fresh", self._seen_ms or self._watched_ms)
            if self._seen_ms is None:
                state, since_ms = "stale", self._watched_ms
            if state == "fresh" and stuck_since_ms is not None:
                state, since_ms = "stuck", stuck_since_ms
        if state != self._state:
            self._state, self._since_ms = state, since_ms
            self.changed = self.unsaved = True

    def due(self, now_ms: int) -> bool:
        """Whether its health is to be published: at once when the state changed, once a minute for the counters."""
        if self.changed or (self.counted and now_ms - self._said_ms >= _COUNTERS_MS):
            self.changed = self.counted = False
            self._said_ms = now_ms
            return True
        return False

    def row(self) -> SensorHealth:
        """As the record keeps it."""
        return SensorHealth(
            self.site, self.sensor, self._state, self._since_ms, self._seen_ms, self._battery,
            self.received, self.stored, self._sequence.missing, self._sequence.dump(),
        )  # fmt: skip

    def payload(self) -> bytes:
        """The retained health message."""
        return json.dumps(
            {
                "state": self._state,
                "since": rfc3339(self._since_ms),
                "seen": rfc3339_or_none(self._seen_ms),
                "battery": self._battery,
                "received": self.received,
                "stored": self.stored,
                "missing": self._sequence.missing,
            },
            separators=(",", ":"),
        ).encode()
