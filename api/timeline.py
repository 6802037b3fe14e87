"""A day of an outlet against its obligation, drawn: lanes of rectangles in %, flags, and the same in words.

Values in, geometry and words out; the template puts them into an SVG that has no viewBox, so that type never stretches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from api.words import Words
from presence.intervals import Span, clip
from presence.ledger import Stretch

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_MARGIN_MS = 30 * _MINUTE_MS
_BESIDE_MS = 5 * _MINUTE_MS
_DEFAULT_HOURS = (7, 17)  # of a day without service hours
_MOST_TICKS = 10
_TOLD_STRETCHES = 12
# A flag is 16 px wide: so much of a desk's width, and of a phone's.
_FLAGS_APART, _FLAGS_APART_ON_PHONES = 2.0, 6.5
_THINNEST = 0.12
_LABEL, _TOP, _BELOW = 16, 22, 28
_ALERT_ROW = 20


class Flag(NamedTuple):
    """Somebody was told at `at_ms`, by step `step` of the ladder."""

    at_ms: int
    step: int


class Told(NamedTuple):
    """An alert as its lane shows it. `row`: what it is drawn as; `end_ms` None: it lasts."""

    row: str
    name: str
    start_ms: int
    end_ms: int | None
    disproved: bool
    flags: Sequence[Flag]


class Lane(NamedTuple):
    """What a zone beside the officer's was: `busy` stretches, and those of which nothing is known."""

    name: str
    word: str
    busy: Sequence[Span]
    unknown: Sequence[Span]


class Day(NamedTuple):
    """All that the timeline of a day is drawn of. `span`: midnight to midnight; `recorded`: what of it is known."""

    title: str
    span: Span
    recorded: Span
    open: Sequence[Span]
    booked: Sequence[Stretch]
    lanes: Sequence[Lane]
    alerts: Sequence[Told]
    now_ms: int
    at_ms: int | None


class Rect(NamedTuple):
    css: str
    x: str
    width: str
    y: int
    height: int
    said: str


class Text(NamedTuple):
    css: str
    x: str
    y: int
    anchor: str
    said: str


class Mark(NamedTuple):
    """A flag with its number. `near`: so near to one before it that a phone has no room for it."""

    number: int
    x: str
    y: int
    near: bool


class Wire(NamedTuple):
    """How long an alert stood."""

    css: str
    x1: str
    x2: str
    y: int
    said: str


class Row(NamedTuple):
    """A line of the table that says the same."""

    lane: str
    span: str
    state: str
    what: str
    lasted: str


class Timeline(NamedTuple):
    """`start_ms`, `end_ms`: at the left and the right edge; `bottom`: of the lanes."""

    start_ms: int
    end_ms: int
    height: int
    bottom: int
    ticks: list[Text]
    labels: list[Text]
    rects: list[Rect]
    wires: list[Wire]
    flags: list[Mark]
    now: Text | None
    pin: Text | None
    sentence: str
    rows: list[Row]


def timeline(day: Day, words: Words) -> Timeline:
    """The drawing of `day`."""
    return _Drawing(day, words).whole()


def axis(day: Day) -> Span:
    """From half an hour before the first opening to half an hour after the last closing, whole hours without one.

    While the first day of a record lasts, it reaches over the hours of that record: minutes in a whole day are a hair.
    """
    if day.recorded.start_ms > day.span.start_ms and day.now_ms < day.span.end_ms:
        # A clock that was set back is before what it dated.
        first, last = day.recorded.start_ms - _BESIDE_MS, max(day.now_ms, day.recorded.end_ms) + _BESIDE_MS
        return next(clip([Span(_hour(day, first), _hour(day, last) + _HOUR_MS)], *day.span))
    if day.open:
        start_ms, end_ms = day.open[0].start_ms - _MARGIN_MS, day.open[-1].end_ms + _MARGIN_MS
    else:
        start_ms, end_ms = (day.span.start_ms + hour * _HOUR_MS for hour in _DEFAULT_HOURS)
    # Those of devices may stand for days, and say nothing of these hours.
    for one in day.alerts:
        if one.row != "unknown" and one.start_ms >= day.span.start_ms:
            start_ms = min(start_ms, one.start_ms - 5 * _MINUTE_MS)
    return Span(max(start_ms, day.span.start_ms), min(end_ms, day.span.end_ms))


def _hour(day: Day, at_ms: int) -> int:
    """The full hour at or before `at_ms`."""
    return at_ms - (at_ms - day.span.start_ms) % _HOUR_MS


def spans_in_words(spans: Iterable[Span], words: Words) -> str:
    """`08.00–12.00 dan 13.00–15.00`."""
    return words.listed([f"{words.clock(span.start_ms)}–{words.clock(span.end_ms)}" for span in spans])


class _Drawing:
    def __init__(self, day: Day, words: Words) -> None:
        self.day = day
        self.words = words
        self.axis = axis(day)
        self.labels: list[Text] = []
        self.rects: list[Rect] = []
        self.wires: list[Wire] = []
        self.flags: list[Mark] = []
        self.rows: list[Row] = []
        self.y = _TOP

    def whole(self) -> Timeline:
        self._duty()
        self._officer()
        for lane in self.day.lanes:
            self._zone(lane)
        self._alerts()
        bottom = self.y
        return Timeline(
            start_ms=self.axis.start_ms,
            end_ms=self.axis.end_ms,
            height=bottom + _BELOW,
            bottom=bottom,
            ticks=self._ticks(),
            labels=self.labels,
            rects=self.rects,
            wires=self.wires,
            flags=self.flags,
            now=self._line(self.day.now_ms, "now", self.words("outlet.tl.now", at=self.words.clock(self.day.now_ms))),
            pin=None if self.day.at_ms is None else self._line(self.day.at_ms, "pin", self.words.clock(self.day.at_ms)),
            sentence=self._sentence(),
            rows=self.rows,
        )

    def _share(self, at_ms: int) -> float:
        return 100 * (at_ms - self.axis.start_ms) / (self.axis.end_ms - self.axis.start_ms)

    def _x(self, at_ms: int) -> str:
        return f"{self._share(at_ms):.2f}%"

    def _rect(self, css: str, span: Span, y: int, height: int, said: str) -> None:
        for part in clip([span], *self.axis):
            width = max(_THINNEST, self._share(part.end_ms) - self._share(part.start_ms))
            self.rects.append(Rect(css, self._x(part.start_ms), f"{width:.2f}%", y, height, said))

    def _label(self, name: str) -> None:
        self.labels.append(Text("lab", "0", self.y + _LABEL, "start", name))

    def _row(self, lane: str, span: Span, state: str, what: str) -> str:
        """Write a line of the table; returns what the drawing says of the same."""
        said = f"{self.words.clock_s(span.start_ms)}–{self.words.clock_s(span.end_ms)}"
        lasted = self.words.span(span.end_ms - span.start_ms)
        self.rows.append(Row(lane, said, state, what, lasted))
        return f"{what} {said}, {lasted}"

    def _duty(self) -> None:
        name = self.words("outlet.tl.duty")
        self._label(name)
        for span in self.day.open:
            self._rect("b-duty", span, self.y + 22, 6, self._row(name, span, "", self.words("outlet.tl.open")))
        self.y += 32

    def _officer(self) -> None:
        name = self.words("outlet.tl.staff")
        self._label(name)
        self.rects.append(Rect("b-ghost", "0%", "100%", self.y + 28, 16, ""))
        for stretch in self.day.booked:
            span, booking = Span(stretch.start_ms, stretch.end_ms), stretch.booking
            said = self._row(name, span, _STATES[booking], self.words(f"outlet.booked.{booking}"))
            y, height = (22, 28) if booking == "absent" else (28, 16)
            self._rect(f"b-{booking}", span, self.y + y, height, said)
        self.y += 56

    def _zone(self, lane: Lane) -> None:
        self._label(lane.name)
        self.rects.append(Rect("b-ghost", "0%", "100%", self.y + 22, 8, ""))
        unknown = self.words("outlet.booked.unknown")
        both = [(span, "b-visitor", "", lane.word) for span in lane.busy]
        both += [(span, "b-unknown", "unknown", unknown) for span in lane.unknown]
        for span, css, state, word in sorted(both):
            for part in clip([span], *self.axis):
                self._rect(css, part, self.y + 20, 12, self._row(lane.name, part, state, word))
        self.y += 38

    def _alerts(self) -> None:
        name = self.words("outlet.tl.alerts")
        self._label(name)
        first = self.y + 28
        rows = [row for row in ("vacant", "unattended", "unknown") if any(one.row == row for one in self.day.alerts)]
        for one in self.day.alerts:
            self._alert(one, first + _ALERT_ROW * rows.index(one.row), name)
        self.y = first + _ALERT_ROW * max(0, len(rows) - 1) + 16

    def _alert(self, one: Told, y: int, lane: str) -> None:
        end_ms = min(self.day.now_ms, self.day.span.end_ms) if one.end_ms is None else one.end_ms
        span = next(clip([Span(one.start_ms, end_ms)], *self.day.span), Span(one.start_ms, one.start_ms + 1))
        said = self._row(lane, span, one.row, one.name)
        shown = next(clip([span], *self.axis), None)
        if shown is not None:
            css = f"span s-{one.row}{' disproved' if one.disproved else ''}"
            self.wires.append(Wire(css, self._x(shown.start_ms), self._x(shown.end_ms), y, said))
        kept: dict[float, Flag] = {}
        for flag in one.flags:
            place = self._share(flag.at_ms)
            if not 0 <= place <= 100:
                continue
            near = next((other for other in kept if abs(other - place) < _FLAGS_APART), None)
            if near is None:
                kept[place] = flag
            elif kept[near].step < flag.step:
                kept[near] = flag
        on_phones: list[float] = []
        for place, flag in sorted(kept.items()):
            crowded = bool(on_phones) and place - on_phones[-1] < _FLAGS_APART_ON_PHONES
            self.flags.append(Mark(flag.step, f"{place:.2f}%", y, crowded))
            if not crowded:
                on_phones.append(place)

    def _ticks(self) -> list[Text]:
        hours = (self.axis.end_ms - self.axis.start_ms) / _HOUR_MS
        every = 0.25 if hours <= 2 else next((n for n in (1, 2, 3, 4, 6) if hours / n <= _MOST_TICKS), 12)
        found: list[Text] = []
        # From midnight on, so that they stand at full hours also where the zone is half an hour off.
        for at_ms in range(self.day.span.start_ms, self.axis.end_ms + 1, int(every * _HOUR_MS)):
            if at_ms >= self.axis.start_ms:
                css = "num odd" if len(found) % 2 else "num"
                share = self._share(at_ms)
                anchor = "start" if share < 2 else "end" if share > 98 else "middle"
                found.append(Text(css, self._x(at_ms), 14, anchor, self.words.clock(at_ms)))
        return found

    def _line(self, at_ms: int, css: str, said: str) -> Text | None:
        if not self.axis.start_ms <= at_ms < self.axis.end_ms:
            return None
        before = css == "pin"
        share = self._share(at_ms)
        anchor = "end" if share > 85 or (before and share > 15) else "start"
        return Text(css, self._x(at_ms), self.y + 26, anchor, said)

    def _sentence(self) -> str:
        words, day = self.words, self.day
        opened = spans_in_words(day.open, words)
        said = [words("outlet.tl.title", what=day.title)]
        said.append(words("outlet.tl.title.open", spans=opened) if opened else words("outlet.tl.title.closed"))
        stretches = [
            f"{words(f'outlet.booked.{one.booking}').lower()} {words.clock(one.start_ms)}–{words.clock(one.end_ms)}"
            for one in day.booked
        ]
        if len(stretches) > _TOLD_STRETCHES:
            more = words("outlet.tl.title.more", n=len(stretches) - _TOLD_STRETCHES)
            stretches = [*stretches[:_TOLD_STRETCHES], more]
        if stretches:
            said.append(words("outlet.tl.title.staff", stretches=", ".join(stretches)))
        sent = sorted({words.clock(flag.at_ms) for one in day.alerts for flag in one.flags})
        if sent:
            said.append(words("outlet.tl.title.sent", at=", ".join(sent)))
        elif not day.alerts:
            said.append(words("outlet.tl.title.no_alerts"))
        return " ".join(said)


_STATES = {"attended": "staffed", "absent": "vacant", "declared": "declared", "unknown": "unknown"}
