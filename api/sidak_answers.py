"""What sidak answers, worked out once for all who see the same: the whole of an inspection asks within one moment."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from fastapi.concurrency import run_in_threadpool
from markupsafe import Markup

from api import sidak, sidak_words
from api.feed import Feed
from api.floor_alerts import warning_of_distrust
from api.of_sites import OfSites
from api.pages import Pages
from api.shared_answers import SharedAnswers
from api.words import Lang, Words
from presence.site import Site

_GZIP_LEVEL = 5


class Asking(NamedTuple):
    """`agency`: whose duties alone are seen, None: everybody's; `phones`: whether telephones are; `registers`: whether
    whoever asks may add contacts.
    """

    agency: str | None
    phones: bool
    registers: bool = False


class Packed(NamedTuple):
    """A body ready to be sent either way."""

    plain: bytes
    zipped: bytes


class Shown(NamedTuple):
    """The answer in HTML, as of `at_ms`: what of a page is the same to all who see the same."""

    at_ms: int
    html: Markup


class SidakAnswers:
    """Belongs to the event loop of `feed`. `now`: epoch ms."""

    def __init__(self, feed: Feed, pages: Pages, now: Callable[[], int]) -> None:
        self._feed = feed
        self._pages = pages
        self._plans = OfSites(sidak.plan)
        self._bodies: SharedAnswers[Packed] = SharedAnswers(now)
        self._shown: SharedAnswers[Shown] = SharedAnswers(now)

    async def json(self, sites: Sequence[Site], asking: Asking) -> Packed:
        """The body of `/api/v1/sidak` of these sites."""

        async def make(now_ms: int) -> Packed:
            asked = [self._asked(site, asking, now_ms) for site in sites]
            return await run_in_threadpool(_packed, asked, asking, now_ms)

        return await self._bodies.of((*self._as_of(sites), asking), make)

    async def page(self, site: Site, asking: Asking, lang: Lang) -> Shown:
        """The answer on the page of `site`."""

        async def make(now_ms: int) -> Shown:
            return await run_in_threadpool(self._render, self._asked(site, asking, now_ms), asking, now_ms, lang)

        return await self._shown.of((*self._as_of([site]), asking, lang), make)

    def _as_of(self, sites: Sequence[Site]) -> tuple[object, ...]:
        """Of what an answer is: news of an outlet or alert, or another registry, make another one at once."""
        versions = self._feed.versions
        return self._feed.stream.last_id, tuple((site.id, versions[site.id]) for site in sites)

    def _asked(self, site: Site, asking: Asking, now_ms: int) -> sidak.Asked:
        live = self._feed.live
        return sidak.Asked(
            plan=self._plans.of(site, now_ms),
            occupancies=live.of_site(site.id, now_ms),
            alerts=self._feed.alerts(site.id, now_ms),
            distrust=live.distrust(site.id, now_ms),
            agency=asking.agency,
        )

    def _render(self, asked: sidak.Asked, asking: Asking, now_ms: int, lang: Lang) -> Shown:
        words = Words(lang, asked.plan.site.timezone)
        view = _view(asked, asking, now_ms, words)
        html = self._pages.render("sidak_answer.html", words, "auto", **view)
        return Shown(now_ms, Markup(html))  # noqa: S704  (our own template, which escapes)


def _packed(asked: Sequence[sidak.Asked], asking: Asking, now_ms: int) -> Packed:
    body = msgspec.json.encode(sidak.as_json(sidak.answer(asked, now_ms), phones=asking.phones))
    return Packed(body, gzip.compress(body, _GZIP_LEVEL, mtime=0))


def _view(asked: sidak.Asked, asking: Asking, now_ms: int, words: Words) -> dict[str, Any]:
    """Everything that the template shows."""
    found = sidak.answer([asked], now_ms)
    opens_ms = None if found.sums["obliged"] else sidak.next_opening(asked.plan, now_ms)
    return {
        "site_name": asked.plan.site.name,
        "now_ms": now_ms,
        "day": sidak_words.day(now_ms, words),
        "head": sidak_words.headline(found, words),
        "opens": "" if opens_ms is None else words("sidak.opens", at=words.coming(opens_ms, now_ms)),
        "sums": sidak_words.sum_line(found, words) if found.sums["obliged"] else "",
        "grouped": found.grouped,
        "warning": warning_of_distrust(asked.distrust, words),
        "entries": [
            sidak_words.entry(one, now_ms, words, phones=asking.phones, registers=asking.registers)
            for one in found.empty
        ],
        "declared": [sidak_words.declared(one, now_ms, words) for one in found.declared],
        "unknown": [sidak_words.unknown(one, now_ms, words) for one in found.unknown],
        "evidence": sidak_words.evidence(found, words) if found.watched else [],
    }
