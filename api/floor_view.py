"""Everything that the templates of the live floor show: the page, its plan view, and the wall screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from api import floor, floor_alerts, floor_figures, floor_hours, floor_log, floor_tiles, wall
from api.answers import address
from api.floor_plan import Picture, Pictures, drawing
from api.live import Change, Distrust, Occupancy
from api.of_sites import OfSites
from api.open_pages import answering
from api.words import Words, texts
from presence.site import Outlet, Site
from storage.record.alert_list import AlertRow

_BLANK_CARD = floor_alerts.Card("", "", "firing", "", "", "", "", "", "", "")
_BLANK_LINE = floor_log.Line(0, "", "", "", "", "", "", "")
_BLANK_ITEM = wall.Item("", "", "w-item", "", "", "", "", "", "")
_Shown = tuple[Outlet, floor.Fixed, floor_tiles.Tile, bool]  # hidden by the filter


class Present(NamedTuple):
    """What is known of a site at `now_ms`. `agency`: whose outlets alone are seen; `phones`: whether these are, too.

    `answers`: whether whoever asks may answer alerts. `unwatched_ms`: since when nobody raises any, or None.
    """

    site: Site
    layout: str
    agency: str | None
    phones: bool
    answers: bool
    occupancies: Sequence[Occupancy]
    alerts: Sequence[AlertRow]
    changes: Sequence[Change]
    distrust: Distrust | None
    unwatched_ms: int | None
    now_ms: int
    words: Words


def live_view(plans: OfSites[floor.Plan], pictures: Pictures | None, now: Present, show: str, q: str) -> dict[str, Any]:
    """What `live.html` shows. `pictures`: of floors, when these are to be drawn; it may read files."""
    plan = plans.of(now.site, now.now_ms, now.agency)
    words, now_ms = now.words, now.now_ms
    by_outlet = {occupancy.outlet: occupancy for occupancy in now.occupancies}
    concerned = floor_alerts.standing(now.alerts, plan.subjects)
    shown = floor_figures.counted(now.occupancies, plan, now_ms)
    found = floor_figures.sums(shown, concerned, now_ms)
    lines = floor_log.log_lines(now.changes, now.alerts, plan, now_ms, words)
    cards = floor_alerts.cards(now.alerts, by_outlet, plan, now_ms, words)
    floors = _floors(plan, pictures, now, concerned, show, q)
    return _of_site(plan, now, found) | {
        "view": "tiles" if pictures is None else "plan",
        "views": [("tiles", address("/", site=now.site.id)), ("plan", address("/", site=now.site.id, view="plan"))],
        "wall_url": address("/", site=now.site.id, wall="1"),
        "here": address("/", site=now.site.id, view=None if pictures is None else "plan"),
        "show": show,
        "q": q,
        "hours": floor_hours.hours_sentence(plan.spans(words.day_start_ms(now_ms)), now_ms, words),
        "figures": {name: floor_figures.figure(name, found, plan, words) for name in found},
        "uncounted": () if plan.visitors else floor_figures.OF_VISITORS,
        "seats": floor_figures.seats(shown),
        "seats_in_words": floor_figures.seats_in_words(found, words),
        "phones": now.phones,
        "unanswered": sum(card.life == "firing" for card in cards),
        "cards": [_offered(card, now) for card in cards],
        "calm": floor_figures.calm(found, shown, now_ms, words),
        "floors": floors,
        "anything": any(one["shown"] for one in floors),
        "lines": lines[: floor_log.LOG_LENGTH],
        "more": words("log.more", n=len(lines) - floor_log.LOG_LENGTH) if len(lines) > floor_log.LOG_LENGTH else "",
        "blank_card": _BLANK_CARD,
        "blank_line": _BLANK_LINE,
    }


def _offered(card: floor_alerts.Card, now: Present) -> floor_alerts.Card:
    """With what whoever asks may do alone."""
    if not now.phones:
        card = card._replace(tel="", call="")
    return card if now.answers else card._replace(answer="")


def wall_view(plans: OfSites[floor.Plan], now: Present) -> dict[str, Any]:
    """What `wall.html` shows: all screens, of which one is seen at a time."""
    plan = plans.of(now.site, now.now_ms, now.agency)
    words, now_ms = now.words, now.now_ms
    by_outlet = {occupancy.outlet: occupancy for occupancy in now.occupancies}
    concerned = floor_alerts.standing(now.alerts, plan.subjects)
    found = floor_figures.sums(floor_figures.counted(now.occupancies, plan, now_ms), concerned, now_ms)
    rail = wall.rail(now.alerts, by_outlet, plan, now_ms, words)
    screens = wall.screens(plan)
    return _of_site(plan, now, found) | {
        "here": address("/", site=now.site.id),
        "figures": wall.figures(found, plan, words),
        "screens": [
            {
                "css": screen.css,
                "name": _screen_name(screen, words),
                "tiles": [
                    (
                        outlet,
                        plan.outlets[outlet.id],
                        floor_tiles.tile(
                            plan.outlets[outlet.id], by_outlet[outlet.id], concerned.get(outlet.id, []), now_ms, words
                        ),
                        wall.age(by_outlet[outlet.id], now_ms, words),
                    )
                    for outlet in screen.outlets
                ],
            }
            for screen in screens
        ],
        "rail": rail,
        "lines": floor_log.log_lines(now.changes, now.alerts, plan, now_ms, words)[: rail.lines],
        "blank_item": _BLANK_ITEM,
        "blank_line": _BLANK_LINE,
    }


def _of_site(plan: floor.Plan, now: Present, found: dict[str, int]) -> dict[str, Any]:
    """What both show."""
    words = now.words
    return {
        "site": now.site,
        "site_name": now.site.name,
        "now_ms": now.now_ms,
        "zone_name": f"{words.zone(now.now_ms)} ({now.site.timezone})",
        "warning": floor_alerts.warning(now.alerts, now.distrust, now.unwatched_ms, now.occupancies, words),
        "data": plan.as_json(now.now_ms, phones=now.phones, answers=now.answers)
        | {
            "site": now.site.id,
            "layout": now.layout,
            "answering": answering(now.site, now.now_ms),
            "lang": words.lang,
            "zone": now.site.timezone,
            "now_ms": now.now_ms,
            "spans": plan.spans(words.day_start_ms(now.now_ms)),
            "changes": [change._asdict() for change in now.changes],
            "texts": texts(words.lang),
        },
    }


def _floors(
    plan: floor.Plan,
    pictures: Pictures | None,
    now: Present,
    concerned: dict[str, list[AlertRow]],
    show: str,
    q: str,
) -> list[dict[str, Any]]:
    by_outlet = {occupancy.outlet: occupancy for occupancy in now.occupancies}
    counts = {one.outlet: one.status for one in floor_figures.counted(now.occupancies, plan, now.now_ms)}
    drawn_by: dict[int | None, str | None] = {one.floor: one.plan for one in now.site.floors}
    floors = []
    for level, outlets in plan.floors:
        tiles: list[_Shown] = []
        for outlet in outlets:
            occupancy, alerts, fixed = by_outlet[outlet.id], concerned.get(outlet.id, []), plan.outlets[outlet.id]
            hidden = not (
                floor_figures.shows(show, counts[outlet.id], alerts, now.now_ms) and q.casefold() in fixed.find
            )
            tiles.append((outlet, fixed, floor_tiles.tile(fixed, occupancy, alerts, now.now_ms, now.words), hidden))
        floors.append(
            {
                "name": _floor_name(level, len(plan.floors), now.words),
                "staffed": floor_figures.staffed_in_words([counts[outlet.id] for outlet in outlets], now.words),
                "tiles": tiles,
                "drawing": pictures and _drawing(tiles, pictures.of(drawn_by.get(level)), plan),
                "shown": not all(hidden for *_, hidden in tiles),
            }
        )
    return floors


def _drawing(tiles: list[_Shown], picture: Picture | None, plan: floor.Plan) -> dict[str, Any]:
    """Of a floor, each mark with what its tile says."""
    drawn = drawing([outlet for outlet, *_ in tiles], picture)
    shown = {outlet.id: (fixed, tile, hidden) for outlet, fixed, tile, hidden in tiles}
    marks = [(mark, plan.subjects[f"outlet/{mark.outlet}"].label, *shown[mark.outlet]) for mark in drawn.marks]
    return drawn._asdict() | {"marks": marks}


def _floor_name(level: int | None, levels: int, words: Words) -> str:
    if level is not None:
        return words("floor", n=level)
    return words("floor.all") if levels == 1 else words("floor.none")


def _screen_name(screen: wall.Screen, words: Words) -> str:
    """Which part of the site is seen; "" when it is all of it."""
    if screen.whole:
        return ""
    name = words("floor", n=screen.level) if screen.level is not None else words("floor.none")
    return name if screen.parts == 1 else words("wall.part", floor=name, n=screen.part, all=screen.parts)
