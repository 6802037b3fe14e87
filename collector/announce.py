"""When outlets are announced to Home Assistant, and taken away again: what was heard and time in, messages out.

    registry        an outlet whose announcement changed is announced; one that is gone, or whose site no longer wants
                    it, is taken away: an empty announcement, then, where the outlet itself is gone, an empty occupancy
    connection      all outlets of the site: the broker may have lost what it retained
    birth           all outlets: Home Assistant has begun, and says so on `homeassistant/status`
    own, retained   what an earlier process announced and the registry no longer has is taken away

A component that is gone is named once more with its platform alone, which removes it, and left out the next time.
States follow their announcements: the shell says again what stands on their topics.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from presence import announcement, topics
from presence.alerts.texts import Language
from presence.announcement import Platform
from presence.site import Outlet, Site

BIRTHS = f"{announcement.PREFIX}/status"
MESSAGES_PER_S = 50

_LANGUAGE: Language = "id"
_BORN = b"online"
# By then the broker has sent what it retains, and the registry was looked at again: another collector of the site may
# have announced what we do not know of yet.
_READ_BACK_MS = 3_000
_SHORTEST_WAIT_MS = 10_000
_LONGEST_WAIT_MS = 60_000

Place = tuple[str, str]  # site, outlet


class Say(NamedTuple):
    """To be published, retained. `payload` None: what is said on `topic` as it is now."""

    site: str
    topic: str
    payload: bytes | None


@dataclass(slots=True)
class _Announced:
    """One outlet that is announced, or was. `wanted` None: it is to be taken away, or has been."""

    wanted: tuple[Site, Outlet] | None = None
    payload: bytes = b""
    components: dict[str, Platform] = field(default_factory=dict)
    gone: dict[str, Platform] = field(default_factory=dict)  # to be removed by the next announcement


class Announcer:
    """The outlets of all sites at one Home Assistant.

    `version`: ours. `random`: a number in [0, 1) at each call. `base_url`: as `announcement` takes it. Times are ms of
    a clock that nobody sets.
    """

    def __init__(self, version: str, random: Callable[[], float], base_url: str | None = None) -> None:
        self._version = version
        self._random = random
        self._base_url = base_url
        self._outlets: dict[Place, _Announced] = {}
        self._registered: set[Place] = set()  # with those that are not announced
        self._ready_ms: dict[str, int] = {}  # from when on a site's announcements may go out
        self._due: dict[Place, None] = {}
        self._states: dict[str, Place] = {}  # by topic: what is to be said after the announcements
        self._round_ms: int | None = None  # when all is announced, after a birth …
        self._settled_ms = 0  # … and until when another birth is taken for the same
        self._said_ms: deque[int] = deque()

    def subscriptions(self, site: Site) -> list[str]:
        """What the voice of `site` has to hear."""
        own = announcement.config_topic(site.id, "+")
        return [own, BIRTHS] if site.homeassistant else [own]

    def follow(self, sites: Iterable[Site]) -> None:
        """Take over all sites as the registry has them now."""
        places = {(site.id, outlet.id): (site, outlet) for site in sites for outlet in site.outlets}
        self._registered = set(places)
        wanted = {place: both for place, both in places.items() if both[0].homeassistant}
        for place, announced in self._outlets.items():
            if place not in wanted and announced.wanted is not None:
                announced.gone |= announced.components
                announced.wanted, announced.payload, announced.components = None, b"", {}
                self._due[place] = None
        for place, both in wanted.items():
            announced = self._outlets.setdefault(place, _Announced())
            _, payload = announcement.announcement(*both, _LANGUAGE, self._base_url, self._version)
            announced.wanted = both
            if payload != announced.payload:
                announced.gone |= announced.components
                announced.payload, announced.components = payload, announcement.announced(payload)
                self._due[place] = None

    def connected(self, site: str, now_ms: int) -> None:
        """The voice of `site` has a new session: the broker may know nothing, or what an earlier process said."""
        self._ready_ms[site] = now_ms + _READ_BACK_MS
        self._due.update(dict.fromkeys(place for place in self._outlets if place[0] == site))

    def hear(self, topic: str, payload: bytes, retain: bool, now_ms: int) -> None:
        """Take what came on a subscription. `retain`: it is of the past."""
        if topic == BIRTHS:
            if payload == _BORN and not retain:
                self._hear_birth(now_ms)
        elif retain and payload and (place := announcement.parse_config_topic(topic)) is not None:
            self._hear_own(place, payload)

    def _hear_birth(self, now_ms: int) -> None:
        outlets = sum(announced.wanted is not None for announced in self._outlets.values())
        if now_ms < self._settled_ms or not outlets:
            return
        longest_ms = max(_SHORTEST_WAIT_MS, min(_LONGEST_WAIT_MS, outlets * 1000 // MESSAGES_PER_S))
        self._round_ms = now_ms + int(self._random() * longest_ms)
        self._settled_ms = now_ms + longest_ms

    def _hear_own(self, place: Place, payload: bytes) -> None:
        """What the broker retained of an outlet when we subscribed."""
        announced = self._outlets.setdefault(place, _Announced())
        lost = announcement.announced(payload)
        for name in announced.components:
            lost.pop(name, None)
        if announced.wanted is None or lost:
            announced.gone |= lost
            self._due[place] = None

    def due(self, now_ms: int) -> list[Say]:
        """What is to be published now, in this order; at most 50 messages in any second."""
        if self._round_ms is not None and now_ms >= self._round_ms:
            self._round_ms = None
            self._due.update(dict.fromkeys(place for place, one in self._outlets.items() if one.wanted is not None))
        if not (self._due or self._states):
            return []
        while self._said_ms and now_ms - self._said_ms[0] >= 1000:
            self._said_ms.popleft()
        ready = {site for site, ready_ms in self._ready_ms.items() if now_ms >= ready_ms}
        said = list(itertools.islice(self._next(ready), MESSAGES_PER_S - len(self._said_ms)))
        self._said_ms.extend(now_ms for _ in said)
        return said

    def _next(self, ready: set[str]) -> Iterable[Say]:
        """All that waits for a place in the pace, gone from what waits as it is taken."""
        for place in [place for place in self._due if place[0] in ready]:
            del self._due[place]
            yield self._announce(place)
        for topic, place in [(topic, place) for topic, place in self._states.items() if place[0] in ready]:
            del self._states[topic]
            yield Say(place[0], topic, None if place in self._registered else b"")

    def _announce(self, place: Place) -> Say:
        announced = self._outlets[place]
        gone, announced.gone = announced.gone, {}
        if announced.wanted is None:
            if place not in self._registered:
                self._states[topics.outlet_occupancy(*place)] = place
            return Say(place[0], announcement.config_topic(*place), b"")
        self._states.update(dict.fromkeys(announcement.state_topics(place[0], announced.wanted[1]), place))
        topic, payload = announcement.announcement(*announced.wanted, _LANGUAGE, self._base_url, self._version, gone)
        return Say(place[0], topic, payload)
