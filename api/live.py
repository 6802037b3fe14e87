"""What is known now of every outlet: the registry laid over the messages, and who may be believed.

Pure state: messages and instants in, occupancy out. An outlet without a message is unknown, and so is every outlet
of a site whose collector, or whose broker, has not been heard of for 30 s: retained messages outlive their sender.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import msgspec

from presence.instants import parse_instant, rfc3339
from presence.intervals import State
from presence.site import Site
from presence.status import FORM, Status

Cause = Literal["collector", "broker"]

SILENT_MS = 30_000
CHANGES_KEPT_MS = 3_600_000
# Of what was declared the pages of now need what ended since somebody last was there; of a day, the record has it.
DECLARED_KEPT_MS = 100 * 24 * 3_600_000
_CHANGES_KEPT = 500
# Of what the registry does not know, or not yet: a broker on which anybody may speak is not to fill the memory.
_MOST_UNREGISTERED = 10_000


class ZoneOccupancy(msgspec.Struct, frozen=True, kw_only=True):
    """A zone as the collector says it; `seen`: the newest evidence."""

    state: State
    p: float
    since: str | None = None
    seen: str | None = None


class Occupancy(msgspec.Struct, frozen=True, kw_only=True):
    """The occupancy message of an outlet, instants in RFC 3339. Before the first message `since` and `at` are None."""

    site: str
    outlet: str
    status: Status
    since: str | None
    zones: dict[str, ZoneOccupancy]
    until: str | None = None
    reason: str | None = None
    at: str | None = None
    version: int = FORM


class Change(NamedTuple):
    """An outlet took `status` at `at_ms`; before, it was `was` for `lasted_ms`, both None when that is not known."""

    outlet: str
    status: Status
    at_ms: int
    was: Status | None
    lasted_ms: int | None


class Distrust(NamedTuple):
    """Why nothing of a site is believed, and since when; `since_ms` None: it was never heard of."""

    cause: Cause
    since_ms: int | None


class NotUnderstood(Exception):
    """A message that breaks its contract, and how."""


class _CollectorStatus(msgspec.Struct, frozen=True):
    state: Literal["online", "offline"]
    at: str | None  # None in a will, which was written before the end that it tells of


class _Collector(NamedTuple):
    online: bool
    heard_ms: int | None  # when it last said that it is there; None: only its will was heard


_occupancy_decoder = msgspec.json.Decoder(Occupancy)
_status_decoder = msgspec.json.Decoder(_CollectorStatus)


class Live:
    """The present. Not thread-safe: one event loop owns it."""

    def __init__(self) -> None:
        self.sites: Mapping[str, Site] = {}
        self._heard: dict[tuple[str, str], Occupancy] = {}
        self._collectors: dict[str, _Collector] = {}
        self._changes: dict[str, deque[Change]] = {}
        self._broker_lost_ms: int | None = None
        self._broker_met = False

    def hear_occupancy(self, site: str, outlet: str, payload: bytes, now_ms: int) -> bool:
        """Take the message of an outlet; an empty one takes it back. False when only the evidence is newer.

        Raises NotUnderstood.
        """
        key = (site, outlet)
        if not payload:
            return self._heard.pop(key, None) is not None
        try:
            occupancy = _occupancy_decoder.decode(payload)
            _check_instants(occupancy)
        except ValueError as error:  # msgspec's own errors are ValueErrors
            raise NotUnderstood(str(error)) from None
        if occupancy.version != FORM:
            raise NotUnderstood(f"version {occupancy.version} of the form; this is Hadir of version {FORM}")
        if (occupancy.site, occupancy.outlet) != key:
            raise NotUnderstood(f"speaks of {occupancy.site}/{occupancy.outlet}")
        before = self._heard.get(key)
        if before is None and not self._has_room(site, outlet):
            raise NotUnderstood("speaks of an outlet that is not registered, as too many others do")
        self._note_change(before, occupancy, now_ms)
        self._heard[key] = occupancy
        return before is None or _told(before) != _told(occupancy)

    def hear_collector(self, site: str, payload: bytes, *, retained: bool, now_ms: int) -> None:
        """Take the status of a site's collector. Raises NotUnderstood.

        A retained message speaks of the past and counts from the time it names; one that arrives live counts from
        now, whatever the collector's clock says.
        """
        if not payload:
            self._collectors.pop(site, None)
            return
        try:
            status = _status_decoder.decode(payload)
            said_ms = None if status.at is None else min(parse_instant(status.at), now_ms)
        except ValueError as error:
            raise NotUnderstood(str(error)) from None
        before = self._collectors.get(site)
        if before is None and site not in self.sites and len(self._collectors) >= _MOST_UNREGISTERED:
            raise NotUnderstood("speaks of a site that is not registered, as too many others do")
        if status.state == "online":
            if said_ms is None:
                raise NotUnderstood("online, but since when is not said")
            self._collectors[site] = _Collector(True, said_ms if retained else now_ms)
        else:
            # A will carries the instant of connecting: the last sign of life is what was heard before it.
            self._collectors[site] = _Collector(False, before.heard_ms if before else said_ms)

    def broker_met(self) -> None:
        self._broker_lost_ms = None
        self._broker_met = True

    def broker_lost(self, now_ms: int) -> None:
        if self._broker_lost_ms is None:
            self._broker_lost_ms = now_ms

    @property
    def broker_connected(self) -> bool:
        return self._broker_met and self._broker_lost_ms is None

    def distrust(self, site: str, now_ms: int) -> Distrust | None:
        """Why nothing of `site` is believed at `now_ms`; None when all is well."""
        if self._broker_lost_ms is not None and now_ms - self._broker_lost_ms > SILENT_MS:
            return Distrust("broker", self._broker_lost_ms)
        if not self._broker_met:
            return Distrust("broker", None)
        collector = self._collectors.get(site)
        if collector is None:
            return Distrust("collector", None)
        if not collector.online:
            return Distrust("collector", collector.heard_ms)
        # While the broker is away nothing can be heard; that is told above, in its own time.
        until_ms = now_ms if self._broker_lost_ms is None else self._broker_lost_ms
        if collector.heard_ms is None or until_ms - collector.heard_ms > SILENT_MS:
            return Distrust("collector", collector.heard_ms)
        return None

    def collector_age_ms(self, site: str, now_ms: int) -> int | None:
        """How long ago the collector of `site` was last heard; None when never."""
        collector = self._collectors.get(site)
        return None if collector is None or collector.heard_ms is None else now_ms - collector.heard_ms

    def occupancy(self, site: str, outlet: str, now_ms: int) -> Occupancy:
        """What may be said of one outlet."""
        heard = self._heard.get((site, outlet))
        if heard is None:
            return Occupancy(site=site, outlet=outlet, status="unknown", since=None, zones={})
        distrust = self.distrust(site, now_ms)
        return heard if distrust is None else _unknown(heard, distrust)

    def of_site(self, site: str, now_ms: int) -> list[Occupancy]:
        """All outlets of the registry of one site, in its order."""
        registered = self.sites.get(site)
        return [] if registered is None else [self.occupancy(site, one.id, now_ms) for one in registered.outlets]

    def changes(self, site: str, now_ms: int) -> list[Change]:
        """What changed within the last hour, newest first."""
        kept = self._changes.get(site, deque())
        return sorted((one for one in kept if one.at_ms > now_ms - CHANGES_KEPT_MS), key=_at, reverse=True)

    def _has_room(self, site: str, outlet: str) -> bool:
        """Whether another outlet may be kept: every one of the registry, and so many others."""
        registered = self.sites.get(site)
        if registered is not None and any(one.id == outlet for one in registered.outlets):
            return True
        return len(self._heard) < sum(len(one.outlets) for one in self.sites.values()) + _MOST_UNREGISTERED

    def _note_change(self, before: Occupancy | None, after: Occupancy, now_ms: int) -> None:
        if after.since is None or (before is not None and before.status == after.status):
            return
        at_ms = parse_instant(after.since)
        if before is not None and before.since is not None:
            # Between serving and staffed the staff zone does not change: the visitor came or left just now.
            at_ms = at_ms if after.since != before.since else _instant_or(after.at, now_ms)
        if at_ms <= now_ms - CHANGES_KEPT_MS:
            return
        was, lasted_ms = None, None
        if before is not None and before.since is not None:
            was, lasted_ms = before.status, max(0, at_ms - parse_instant(before.since))
        kept = self._changes.setdefault(after.site, deque(maxlen=_CHANGES_KEPT))
        kept.append(Change(after.outlet, after.status, at_ms, was, lasted_ms))


def _told(occupancy: Occupancy) -> tuple[object, ...]:
    """What a message says of the outlet itself, not of the evidence for it."""
    states = {name: zone.state for name, zone in occupancy.zones.items()}
    return occupancy.status, occupancy.since, occupancy.until, occupancy.reason, states


def _at(change: Change) -> int:
    return change.at_ms


def _instant_or(text: str | None, otherwise_ms: int) -> int:
    return otherwise_ms if text is None else parse_instant(text)


def _check_instants(occupancy: Occupancy) -> None:
    instants: Iterable[str | None] = (occupancy.since, occupancy.until, occupancy.at)
    for zone in occupancy.zones.values():
        instants = (*instants, zone.since, zone.seen)
    for text in instants:
        if text is not None:
            parse_instant(text)


def _unknown(heard: Occupancy, distrust: Distrust) -> Occupancy:
    since = None if distrust.since_ms is None else rfc3339(distrust.since_ms)
    zones = {
        name: ZoneOccupancy(state="unknown", p=0.5, since=since, seen=zone.seen) for name, zone in heard.zones.items()
    }
    return msgspec.structs.replace(heard, status="unknown", since=since, zones=zones, until=None, reason=None)
