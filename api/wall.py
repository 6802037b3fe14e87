"""What a wall screen shows of one site, from across a hall and with nobody to scroll: values in, words out.

`static/rail.js` says the same in the browser; `tests/api/test_wall_page.py` compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from api import floor, floor_alerts, floor_figures, floor_tiles
from api.live import Occupancy
from api.words import Words
from presence.site import Outlet
from storage.record.alert_list import AlertRow

TILES = 42  # on one screen
SUMS = ("obliged", "staffed", "serving", "unattended", "vacant", "declared", "unknown")
RAIL_LENGTH = 8
LOG_LENGTH = 4
_BESIDE_LOG = 6  # items of the rail below which the log has its place

_PHASES = ("firing", "acknowledged", "pending")
# Tiles in a row and rows, for so many outlets: few outlets are large.
_GRIDS = ((12, "w-12"), (20, "w-20"), (30, "w-30"), (TILES, "w-42"))


class Screen(NamedTuple):
    """What is seen at once: the outlets of `level`, part `part` of `parts`, or of the `whole` site; `css`: the grid."""

    level: int | None
    part: int
    parts: int
    outlets: Sequence[Outlet]
    css: str
    whole: bool = False


def screens(plan: floor.Plan) -> list[Screen]:
    """All outlets on one screen, or where they are too many floor by floor."""
    outlets = [outlet for _, floor_outlets in plan.floors for outlet in floor_outlets]
    if len(outlets) <= TILES:
        return [Screen(None, 1, 1, outlets, _grid(len(outlets)), whole=True)]
    found = []
    for level, of_floor in plan.floors:
        parts = -(-len(of_floor) // TILES)
        for part in range(parts):
            shown = of_floor[part * TILES : (part + 1) * TILES]
            found.append(Screen(level, part + 1, parts, shown, _grid(len(of_floor))))
    return found


def _grid(outlets: int) -> str:
    return next((css for most, css in _GRIDS if outlets <= most), _GRIDS[-1][1])


def figures(found: Mapping[str, int], plan: floor.Plan, words: Words) -> dict[str, str]:
    """The sums as a wall says them: they close, for who serves is not counted as staffed again."""
    apart = dict(found) | {"staffed": found["staffed"] - found["serving"]}
    return {name: floor_figures.figure(name, apart, plan, words) for name in SUMS}


def age(occupancy: Occupancy, now_ms: int, words: Words) -> str:
    """Of the newest evidence; a dash where there is none."""
    seen_ms = floor_tiles.seen(occupancy)
    return "–" if seen_ms is None else words.span(now_ms - seen_ms)


class Item(NamedTuple):
    """One line of the rail. `css`: filled, when nobody has answered yet."""

    key: str
    state: str
    css: str
    number: str
    who: str
    what: str
    duration: str
    icon: str
    told: str


class Rail(NamedTuple):
    """The empty outlets, then the other alerts that stand; `more`: that there is no room for all."""

    title: str
    items: Sequence[Item]
    more: str
    lines: int  # of the log, for which there is room


def rail(
    alerts: Sequence[AlertRow], occupancies: Mapping[str, Occupancy], plan: floor.Plan, now_ms: int, words: Words
) -> Rail:
    """The outlets without an officer, the unanswered ones and the longest empty first; then the other alerts."""
    concerned = floor_alerts.standing(alerts, plan.subjects)
    empty = [one for one in occupancies.values() if one.status in floor_tiles.EMPTY]
    shown = [
        (one, floor_tiles.tile(plan.outlets[one.outlet], one, concerned.get(one.outlet, []), now_ms, words))
        for one in empty
    ]
    shown.sort(key=lambda pair: _rank(pair[0], pair[1], concerned.get(pair[0].outlet, [])))
    items = [_outlet_item(plan.outlets[one.outlet], one.outlet, tile, words) for one, tile in shown]
    items += _other_items(alerts, occupancies, plan, now_ms, words)
    room = RAIL_LENGTH if len(items) <= RAIL_LENGTH else RAIL_LENGTH - 1
    return Rail(
        _title(len(empty), occupancies.values(), words),
        items[:room],
        words("wall.more", n=len(items) - room) if len(items) > room else "",
        LOG_LENGTH if len(items) <= _BESIDE_LOG else 0,
    )


def _title(empty: int, occupancies: Iterable[Occupancy], words: Words) -> str:
    if empty:
        return words("wall.empty", n=empty)
    unknown = any(one.status == "unknown" for one in occupancies)
    return words("wall.empty.unknown") if unknown else words("wall.empty.none")


def _rank(occupancy: Occupancy, tile: floor_tiles.Tile, alerts: Sequence[AlertRow]) -> tuple[int, int, int, str]:
    phase = _PHASES.index(tile.phase) if tile.phase in _PHASES else len(_PHASES)
    return (
        phase,
        floor_tiles.EMPTY.index(occupancy.status),
        floor_tiles.word_since_ms(occupancy, alerts) or 0,
        occupancy.outlet,
    )


def _outlet_item(fixed: floor.Fixed, outlet: str, tile: floor_tiles.Tile, words: Words) -> Item:
    fires = tile.phase == "firing"
    return Item(
        key=outlet,
        state=tile.status,
        css="w-item fire" if fires else "w-item",
        number=fixed.number,
        who=fixed.agency,
        what=tile.word,
        duration=tile.duration,
        icon=tile.note_icon,
        told=words("wall.unanswered", note=tile.note) if fires else tile.note,
    )


def _other_items(
    alerts: Iterable[AlertRow],
    occupancies: Mapping[str, Occupancy],
    plan: floor.Plan,
    now_ms: int,
    words: Words,
) -> list[Item]:
    """Alerts of which no empty outlet tells already. A site outage stands across the whole screen."""
    told = {plan.outlets[one.outlet].href for one in occupancies.values() if one.status in floor_tiles.EMPTY}
    others = [row for row in alerts if row.alert.kind != "site_outage"]
    return [
        Item(
            key=card.id,
            state=card.state,
            css="w-item fire" if card.life == "firing" and card.state in floor_tiles.EMPTY else "w-item",
            number="",
            who=card.where,
            what=card.what,
            duration=card.duration,
            icon=card.icon,
            told=card.told,
        )
        for card in floor_alerts.cards(others, occupancies, plan, now_ms, words)
        if card.href not in told
    ]
