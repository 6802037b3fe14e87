"""What the public asks for, worked out once a second for each site and shared by all who ask."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from typing import NamedTuple

from api import public
from api.feed import Feed
from api.of_sites import OfSites
from presence.instants import rfc3339

_HELD_MS = 1000
_GZIP_LEVEL = 5
_TAG_LENGTH = 16
_PAGES_KEPT = 50


class Present(NamedTuple):
    """A site now. `tag`: of everything but the instant; who has seen it knows this."""

    at_ms: int
    version: int
    site: public.PublicSite
    body: bytes
    tag: str


class Packed(NamedTuple):
    """A body ready to be sent either way."""

    tag: str
    plain: bytes
    zipped: bytes


class PublicAnswers:
    """Belongs to the event loop of `feed`. `now`: epoch ms."""

    def __init__(self, feed: Feed, now: Callable[[], int]) -> None:
        self._feed = feed
        self._now = now
        self._plans = OfSites(lambda site, _now_ms: public.plan(site))
        self._presents: dict[str, Present] = {}
        self._packed: dict[str | None, tuple[list[Present], Packed]] = {}
        self._pages: dict[str, tuple[Present, dict[str, bytes]]] = {}

    def present(self, site: str) -> Present:
        """A site of the registry, at most a second old."""
        now_ms, version = self._now(), self._feed.versions[site]
        held = self._presents.get(site)
        if held is not None and held.version == version and 0 <= now_ms - held.at_ms < _HELD_MS:
            return held
        live = self._feed.live
        shown = public.public_site(
            self._plans.of(live.sites[site], now_ms),
            live.of_site(site, now_ms),
            live.distrust(site, now_ms) is None,
            now_ms,
        )
        body = shown.model_dump_json(by_alias=True).encode()
        made = self._presents[site] = Present(now_ms, version, shown, body, tag_of(body))
        return made

    def json(self, site: str | None) -> Packed:
        """The body of `/api/v1/public`, of one site or of all."""
        presents = [self.present(one) for one in ([site] if site is not None else self._feed.live.sites)]
        held = self._packed.get(site)
        if held is not None and held[0] == presents:
            return held[1]
        at = rfc3339(min((one.at_ms for one in presents), default=self._now()))
        body = b'{"at":"%s","version":1,"sites":[%s]}' % (at.encode(), b",".join(one.body for one in presents))
        tag = tag_of(*(one.tag.encode() for one in presents))
        packed = Packed(tag, body, gzip.compress(body, _GZIP_LEVEL, mtime=0))
        self._packed[site] = (presents, packed)
        return packed

    def page(self, present: Present, tag: str) -> bytes | None:
        """A page of a site that was kept within the same second."""
        held = self._pages.get(present.site.id)
        return held[1].get(tag) if held is not None and held[0] is present else None

    def keep_page(self, present: Present, tag: str, body: bytes) -> bytes:
        """Keep a page for as long as `present` is the present: so that what is kept stays little, `_PAGES_KEPT`."""
        held = self._pages.get(present.site.id)
        if held is None or held[0] is not present:
            held = self._pages[present.site.id] = (present, {})
        if len(held[1]) < _PAGES_KEPT:
            held[1][tag] = body
        return body


def tag_of(*parts: bytes) -> str:
    """An ETag; weak, for the instant of an answer is no part of it."""
    whole = hashlib.sha256(b"\0".join(parts)).hexdigest()
    return f'W/"{whole[:_TAG_LENGTH]}"'
