"""Everything that an agency's page shows, out of the record and what is heard now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from api import agency, agency_substitutes, floor, floor_alerts, floor_figures, floor_tiles
from api.agency_place import Place
from api.asked import today_of
from api.ledger_view import view
from api.live import Occupancy
from api.words import Words
from presence.declarations import ABSENCE_REASONS, LONGEST_TEXT
from presence.intervals import Span, clip
from presence.ledger_sums import LedgerSum, sums
from presence.people import LONGEST_NAME, LONGEST_PHONE
from presence.site import Absence, Site
from presence.substitutes import LONGEST_CHANNEL
from storage.record import Record, acknowledgements
from storage.record.alert_list import alerts
from storage.record.contests import contests
from storage.record.declarations import declarations
from storage.record.hours import hours_history
from storage.record.substitutes import substitutes

_DAYS_AHEAD_MS = 8 * 24 * 3_600_000
_ALERTS_OF_A_MONTH = 10_000
_CONTESTS_SHOWN_MS = 92 * 24 * 3_600_000


class Asked(NamedTuple):
    """Of whom the page speaks, and to whom. `plan`: of the whole site; `occupancies`: by outlet.

    `choose`: there are other agencies to choose; `may_answer`, `may_decide`, `may_phone`, `may_give_channels`.
    """

    place: Place
    plan: floor.Plan
    occupancies: Mapping[str, Occupancy]
    now_ms: int
    words: Words
    choose: bool
    may_answer: bool
    may_decide: bool
    may_phone: bool
    may_give_channels: bool


def agency_view(record: Record, asked: Asked) -> dict[str, Any]:
    """What the template shows; runs in a thread. What was just done must show: the record is asked."""
    place, plan, now_ms, words = asked.place, asked.plan, asked.now_ms, asked.words
    site, outlets, occupancies = place.site, place.outlets, asked.occupancies
    with record.reading() as connection:
        rows = [
            row
            for row in alerts(
                connection,
                now_ms=now_ms,
                site=site.id,
                from_ms=_month_start_ms(site, now_ms),
                limit=_ALERTS_OF_A_MONTH,
            )
            if place.speaks_of(row)
        ]
        given = acknowledgements.of_alerts(connection, [row.id for row in rows])
        absences = declarations(connection, site.id, Absence, from_ms=now_ms)
        record_shown = _record(connection, place, now_ms, words)
        hours = hours_ahead(connection, place, now_ms)
        disputed = contests(connection, site.id, from_ms=now_ms - _CONTESTS_SHOWN_MS)
        named = substitutes(connection, site.id, place.agency)
    names = {outlet.id: outlet.name for outlet in outlets}
    concerned = floor_alerts.standing(rows, plan.subjects)
    asks = agency.asks(rows, occupancies, plan, now_ms, words)
    begin_ms = agency.begins(hours, now_ms)
    shown = floor_figures.counted([occupancies[outlet.id] for outlet in outlets], plan, now_ms)
    return {
        "here": place.address(),
        "agency": place.registered,
        "choose": asked.choose,
        "may_answer": asked.may_answer,
        "may_decide": asked.may_decide,
        "may_give_channels": asked.may_give_channels,
        "asks": asks,
        "waiting": sum(one.card.life == "firing" for one in asks),
        "calm": floor_figures.calm(floor_figures.sums(shown, concerned, now_ms), shown, now_ms, words),
        "all_known": all(occupancies[outlet.id].status != "unknown" for outlet in outlets),
        "reasons": ABSENCE_REASONS,
        "tiles": [
            (
                outlet,
                plan.outlets[outlet.id],
                floor_tiles.tile(
                    plan.outlets[outlet.id], occupancies[outlet.id], concerned.get(outlet.id, []), now_ms, words
                ),
                False,
            )
            for outlet in outlets
        ],
        "outlets": outlets,
        "declared_reasons": agency.DECLARED,
        "begin": words.coming(begin_ms, now_ms) if begin_ms > now_ms else "",
        "begin_date": words.iso(begin_ms)[:10],
        "begin_clock": words.iso(begin_ms)[11:16],
        "untils": agency.untils(hours, now_ms, words),
        "declared": agency.declared(absences, names, now_ms, words),
        "contacts": agency_substitutes.lines(site, place.registered, now_ms, words, phones=asked.may_phone),
        "substitutes": agency_substitutes.coming(named, site, now_ms, words),
        "substitutes_past": agency_substitutes.past(named, site, now_ms, words),
        "substitute_untils": agency_substitutes.untils(hours, now_ms, words),
        "longest_name": LONGEST_NAME,
        "longest_phone": LONGEST_PHONE,
        "longest_channel": LONGEST_CHANNEL,
        "contests": agency.contest_lines(disputed, names, now_ms, words),
        "contestable": agency.contestable(rows, names, now_ms, words),
        "today": words.iso(now_ms)[:10],
        "record": record_shown,
        "answers": agency.answers(rows, given),
        "seen": agency.seen_by_others(outlets, occupancies, now_ms, words),
        "longest_text": LONGEST_TEXT,
    }


def _month_start_ms(site: Site, now_ms: int) -> int:
    first = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(site.timezone)).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    return round(first.timestamp() * 1000)


def hours_ahead(connection: Connection, place: Place, now_ms: int) -> list[Span]:
    """When the first outlet of the agency is open, from now on: an agency's outlets keep the same hours as a rule."""
    history = hours_history(connection, place.site)[place.outlets[0].id]
    return list(clip(history.open_spans(now_ms, now_ms + _DAYS_AHEAD_MS), now_ms, now_ms + _DAYS_AHEAD_MS))


def _record(connection: Connection, place: Place, now_ms: int, words: Words) -> dict[str, Any]:
    """Its books of this month and week, together by duty: where one of two is enough, nobody is absent."""
    today = today_of([place.site], now_ms)
    first = f"{today[:7]}-01"
    monday = (date.fromisoformat(today) - timedelta(days=date.fromisoformat(today).weekday())).isoformat()
    dates = (min(first, monday), today)
    part = place.sight.part_of(place.site)  # of others' outlets nothing is read
    hours = hours_history(connection, part)
    of_outlets = view(connection, part, hours, dates, "outlet")
    by_duty = [day.entry for day in view(connection, part, hours, dates, "duty").days]
    mine = [entry for entry in by_duty if entry.agency == place.agency]
    of_month = [one for one in mine if one.day.date >= first]
    month = sums(of_month, "agency") or [LedgerSum(by="agency", site=place.site.id, id=place.agency, period="")]
    own = {outlet.id for outlet in place.outlets}
    entries = [day.entry for day in of_outlets.days if day.entry.day.id in own and day.entry.day.date >= first]
    return {
        "until": "" if of_outlets.until_ms is None else agency.moment(of_outlets.until_ms, now_ms, words),
        "month": words.month(now_ms),
        "bars": agency.bars(month[0], words) if month[0].obliged_ms else [],
        "coverage": agency.covered(month, words),
        "week": agency.covered(sums([one for one in mine if one.day.date >= monday], "agency"), words),
        "today": agency.covered(sums([one for one in mine if one.day.date == today], "agency"), words),
        "opened": agency.opened(entries, words),
        "lines": agency.record_lines(entries, place.outlets, place.site, today, words),
    }
