from __future__ import annotations

from typing import Any

import pytest

from api.timeline import Day, Flag, Lane, Told, axis, timeline
from api.words import Words
from presence.intervals import Span
from presence.ledger import Stretch
from tests.fixtures.books import at

WORDS = Words("id", "Asia/Jakarta")
WHOLE = Span(at("24T00:00"), at("25T00:00"))
MORNING = Span(at("24T08:00"), at("24T12:00"))


def day(**fields: Any) -> Day:
    defaults: dict[str, Any] = {
        "title": "Loket 1",
        "span": WHOLE,
        "recorded": Span(WHOLE.start_ms, at("24T10:00")),
        "open": [MORNING],
        "booked": [],
        "lanes": [],
        "alerts": [],
        "now_ms": at("24T10:00"),
        "at_ms": None,
    }
    return Day(**(defaults | fields))


def told(*steps: tuple[str, int], **fields: Any) -> Told:
    flags = [Flag(at(text), step) for text, step in steps]
    defaults = {"start_ms": at("24T09:00"), "end_ms": None, "disproved": False}
    return Told(**({"row": "vacant", "name": "Kosong", "flags": flags} | defaults | fields))  # type: ignore[arg-type]


def test_the_axis_reaches_half_an_hour_beyond_the_hours_and_stays_within_the_day():
    assert axis(day()) == Span(at("24T07:30"), at("24T12:30"))
    assert axis(day(open=[WHOLE])) == WHOLE
    assert axis(day(open=[])) == Span(at("24T07:00"), at("24T17:00"))


def test_an_alert_before_the_hours_widens_the_axis():
    early = told(start_ms=at("24T06:00"), end_ms=at("24T09:00"))
    assert axis(day(alerts=[early])).start_ms == at("24T05:55")
    silent = told(row="unknown", start_ms=at("20T06:00"))
    assert axis(day(alerts=[silent])).start_ms == at("24T07:30")


def test_the_first_day_of_a_record_is_drawn_from_its_hour_on_while_it_lasts():
    first = {"open": [WHOLE], "recorded": Span(at("24T09:58"), at("24T10:00"))}
    assert axis(day(**first)) == Span(at("24T09:00"), at("24T11:00"))
    assert len(timeline(day(**first), WORDS).ticks) == 9
    assert axis(day(**first, now_ms=at("24T23:58"))).end_ms == WHOLE.end_ms
    assert axis(day(**first, now_ms=at("25T08:00"))) == WHOLE
    assert axis(day(**first, now_ms=at("24T03:00"))) == Span(at("24T09:00"), at("24T11:00"))


@pytest.mark.parametrize(("open_", "ticks"), [([MORNING], 5), ([WHOLE], 9)])
def test_there_are_never_too_many_ticks(open_: list[Span], ticks: int):
    assert len(timeline(day(open=open_), WORDS).ticks) == ticks


def test_an_absence_sticks_out_and_all_stand_where_they_were():
    drawn = timeline(
        day(
            booked=[
                Stretch(at("24T08:00"), at("24T09:00"), "attended"),
                Stretch(at("24T09:00"), at("24T10:00"), "absent"),
            ]
        ),
        WORDS,
    )
    attended, absent = (one for one in drawn.rects if one.css in ("b-attended", "b-absent"))
    assert (attended.x, attended.width, absent.x, absent.width) == ("10.00%", "20.00%", "30.00%", "20.00%")
    assert (attended.height, absent.height) == (16, 28)
    assert [(row.span, row.what) for row in drawn.rows] == [
        ("08.00.00–12.00.00", "wajib buka"),
        ("08.00.00–09.00.00", "Hadir"),
        ("09.00.00–10.00.00", "Tidak hadir"),
    ]


def test_flags_carry_the_step_and_of_two_in_one_place_the_higher_stands():
    drawn = timeline(day(alerts=[told(("24T09:10", 1), ("24T09:12", 2), ("24T09:24", 3), ("24T11:00", 3))]), WORDS)
    assert [(flag.number, flag.near) for flag in drawn.flags] == [(2, False), (3, True), (3, False)]


def test_lanes_and_kinds_of_alerts_make_the_drawing_higher():
    plain = timeline(day(), WORDS)
    lane = Lane("Warga", "Ada warga", [Span(at("24T09:00"), at("24T09:10"))], [])
    more = timeline(day(lanes=[lane], alerts=[told(), told(row="unattended")]), WORDS)
    assert more.height == plain.height + 38 + 20
    assert any(one.css == "b-visitor" for one in more.rects)


def test_now_and_the_pin_are_drawn_only_where_they_are():
    drawn = timeline(day(at_ms=at("24T09:58")), WORDS)
    assert drawn.now is not None
    assert drawn.pin is not None
    assert (drawn.now.said, drawn.pin.said) == ("10.00 sekarang", "09.58")
    late = timeline(day(now_ms=at("26T10:00"), at_ms=at("24T03:00")), WORDS)
    assert (late.now, late.pin) == (None, None)


def test_many_stretches_are_told_in_the_table_not_in_the_sentence():
    minute = 60_000
    booked = [
        Stretch(MORNING.start_ms + n * minute, MORNING.start_ms + (n + 1) * minute, "attended" if n % 2 else "absent")
        for n in range(40)
    ]
    drawn = timeline(day(booked=booked), WORDS)
    assert "dan 28 lagi dalam tabel" in drawn.sentence
    assert len(drawn.rows) == 41
