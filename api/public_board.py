"""The rows of the public page and of the lobby's board, in words. Values in, words out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from api.finding import findable, wanted
from api.public import BEST_FIRST, STAFFED, PublicAgency, PublicOutlet, PublicService, PublicSite, State, in_words
from api.words import Words
from presence.instants import parse_instant

# A screen takes so many outlets as one picture; beyond it shows one floor at a time.
OUTLETS_ON_A_PAGE = 42
ROWS_ON_A_PAGE = 22
# Up to so many rows stand in one column, large; more in two.
_ROWS_IN_A_COLUMN = 5
# A name of more letters than this asks for narrower type, one of many more for two lines.
_SHORT_NAME = 18
_LONG_NAME = 32

_ICONS: dict[State, str] = {"open": "staffed", "absent": "vacant", "back": "declared", "break": "closed"}
_SUMS: tuple[tuple[str, tuple[State, ...]], ...] = (
    ("staffed", STAFFED),
    ("back", ("back",)),
    ("absent", ("absent",)),
    ("unknown", ("unknown",)),
    ("closed", ("break", "closed")),
)


class Badge(NamedTuple):
    """A state as it is drawn: `drawn` names its silhouette and colour, `more` stands beside the word."""

    drawn: str
    word: str
    more: str


class ServiceLine(NamedTuple):
    """One service of an agency on the public page."""

    name: str
    where: str
    badge: Badge
    hidden: bool
    find: str


class Row(NamedTuple):
    """An agency. `note`: what is to be said beside its badge; `but`: whether that is an exception from it.

    `services`: empty where the row says it all; `staffed`: whether somebody serves now.
    """

    name: str
    full_name: str
    where: str
    badge: Badge
    note: str
    but: bool
    staffed: bool
    hidden: bool
    find: str
    services: Sequence[ServiceLine]


class BoardPage(NamedTuple):
    """What the board shows at one time. `name`: of the floor, empty when all of them are shown."""

    name: str
    rows: Sequence[Row]

    @property
    def columns(self) -> int:
        return 1 if len(self.rows) <= _ROWS_IN_A_COLUMN else 2

    @property
    def depth(self) -> int:
        """Rows in a column: with it the style sheet makes the type as large as the screen lets it be."""
        return max(1, -(-len(self.rows) // self.columns))

    @property
    def names(self) -> str:
        """How long the longest name is, as the style sheet tells them apart: `short`, `wide` or `long`."""
        longest = max((len(row.name) for row in self.rows), default=0)
        return "short" if longest <= _SHORT_NAME else "wide" if longest <= _LONG_NAME else "long"


def badge(one: PublicAgency | PublicService, now_ms: int, words: Words) -> Badge:
    """The badge of an agency or of a service."""
    until_ms = None if one.until is None else parse_instant(one.until)
    return Badge(_ICONS.get(one.state, one.state), *in_words(one.state, until_ms, now_ms, words))


def rows(site: PublicSite, now_ms: int, words: Words, q: str = "", only_open: bool = False) -> list[Row]:
    """One row for each agency. Hidden is what `q` does not find, and with `only_open` what serves nobody."""
    return [_row(agency, now_ms, words, wanted(q), only_open) for agency in site.agencies]


def _row(agency: PublicAgency, now_ms: int, words: Words, asked: Sequence[str], only_open: bool) -> Row:
    own = f"{agency.name} {agency.short or ''}"
    lines = []
    for one in agency.services:
        find = findable(" ".join((own, *one.services, *(outlet.name for outlet in one.outlets))))
        hidden = not all(word in find for word in asked) or (only_open and one.state not in STAFFED)
        name = words.listed(one.services)
        lines.append(ServiceLine(name, where(one.outlets, words), badge(one, now_ms, words), hidden, find))
    note, but = _note(agency, now_ms, words)
    return Row(
        name=agency.short or agency.name,
        full_name=agency.name if agency.short and agency.short != agency.name else "",
        where=where([outlet for one in agency.services for outlet in one.outlets], words),
        badge=badge(agency, now_ms, words),
        note=note,
        but=but,
        staffed=agency.state in STAFFED,
        hidden=all(line.hidden for line in lines),
        find=findable(own),
        services=lines,
    )


def _note(agency: PublicAgency, now_ms: int, words: Words) -> tuple[str, bool]:
    """What differs from the agency's badge (`Loket 37 tidak diketahui`), else how many outlets serve."""
    whole = badge(agency, now_ms, words)
    differing: dict[str, list[PublicOutlet]] = {}
    for one in agency.services:
        shown = badge(one, now_ms, words)
        alike = one.state == agency.state and shown == whole
        if not alike and not (one.state in STAFFED and agency.state in STAFFED):
            differing.setdefault(_spoken(shown), []).extend(one.outlets)
    if differing:
        return "; ".join(f"{_numbers(outlets, words)} {said}" for said, outlets in differing.items()), True
    staffed = sum(len(one.outlets) for one in agency.services if one.state in STAFFED and len(one.outlets) == 1)
    if whole.more:
        return whole.more, True
    return (words("pub.count", n=staffed) if staffed > 1 and staffed == len(agency.services) else ""), False


def _spoken(shown: Badge) -> str:
    return " · ".join(filter(None, (shown.word[:1].lower() + shown.word[1:], shown.more)))


def where(outlets: Iterable[PublicOutlet], words: Words) -> str:
    """`Lantai 1 · Loket 4–5; Lantai 3 · Loket 37`."""
    by_floor = groupby(sorted(outlets, key=_floor), key=lambda one: one.floor)
    return "; ".join(
        (f"{words('floor', n=floor)} · " if floor is not None else "") + _numbers(list(there), words)
        for floor, there in by_floor
    )


def _floor(outlet: PublicOutlet) -> tuple[bool, int, int]:
    return outlet.floor is None, outlet.floor or 0, outlet.number or 0


def _numbers(outlets: Iterable[PublicOutlet], words: Words) -> str:
    """`Loket 1–3, 7`; outlets without a number by their names."""
    listed = list(outlets)
    runs: list[list[int]] = []
    for number in sorted(one.number for one in listed if one.number is not None):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    spoken = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)
    numbered = [words("tile.outlet") + spoken] if spoken else []
    return ", ".join(numbered + [one.name for one in listed if one.number is None])


def pages(site: PublicSite, now_ms: int, words: Words) -> list[BoardPage]:
    """The pages of the board: one, or one a floor where there are many outlets; none with too many rows."""
    outlets = [outlet for agency in site.agencies for one in agency.services for outlet in one.outlets]
    floors = sorted({outlet.floor for outlet in outlets}, key=lambda floor: (floor is None, floor or 0))
    if len(outlets) <= OUTLETS_ON_A_PAGE or len(floors) == 1:
        return _cut("", rows(site, now_ms, words))
    shown: list[BoardPage] = []
    for floor in floors:
        name = words("floor.none") if floor is None else words("floor", n=floor)
        shown += _cut(name, rows(_on_floor(site, floor), now_ms, words))
    return shown


def _on_floor(site: PublicSite, floor: int | None) -> PublicSite:
    """The site with what is served on one floor, which the page names and its rows need not.

    A service of two floors stands on both, each with the outlets there.
    """
    agencies = []
    for agency in site.agencies:
        there = [
            one.model_copy(update={"outlets": outlets})
            for one in agency.services
            if (outlets := [o.model_copy(update={"floor": None}) for o in one.outlets if o.floor == floor])
        ]
        if there:
            top = min(there, key=lambda one: (BEST_FIRST.index(one.state), one.until or "~"))
            said = {"state": top.state, "until": top.until, "says": top.says, "services": there}
            agencies.append(agency.model_copy(update=said))
    return site.model_copy(update={"agencies": agencies})


def _cut(name: str, shown: Sequence[Row]) -> list[BoardPage]:
    count = max(1, -(-len(shown) // ROWS_ON_A_PAGE))
    length = max(1, -(-len(shown) // count))
    return [BoardPage(name, shown[first : first + length]) for first in range(0, max(1, len(shown)), length)]


def summary(site: PublicSite, words: Words) -> str:
    """`22 instansi: 18 melayani, 2 petugas tidak ada, 2 tutup`. The parts add up."""
    counts = [(name, sum(one.state in states for one in site.agencies)) for name, states in _SUMS]
    parts = ", ".join(words(f"pub.sum.{name}", n=n) for name, n in counts if n)
    return words("pub.sum", n=len(site.agencies), parts=parts) if parts else words("pub.empty")


def hours_today(site: PublicSite, words: Words) -> str:
    """`hari ini 08.00–12.00 dan 13.00–15.00`."""
    spans = [(parse_instant(span.start), parse_instant(span.end)) for span in site.hours]
    if not spans:
        return words("pub.hours.none")
    if len(spans) == 1 and words.clock(spans[0][0]) == words.clock(spans[0][1]):
        return words("pub.hours.always")
    said = [f"{words.clock(start)}–{words.clock(end)}" for start, end in spans]
    return words("pub.hours", spans=words.listed(said))


def opens(site: PublicSite, now_ms: int, words: Words) -> str:
    """When the building opens next; empty while that is not known."""
    if site.opens is None:
        return ""
    return words("pub.opens", at=words.coming(parse_instant(site.opens), now_ms))


def day(site: PublicSite, words: Words) -> str:
    """`Selasa, 24 November 2026`."""
    return words.full_date(site.date)
