"""The agency's page: what it answers, declares and takes back, as forms that work without JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from api import agency, floor
from api.access import ROLES_OF, RULES, Sight, sight_of
from api.answers import LangChoice, ThemeChoice, address, choices, page, preferences, remember
from api.asked import site_of, today_of
from api.feed import Feed
from api.forms import form_of
from api.ledger_view import view
from api.parts import Parts
from api.words import Words
from presence.declarations import ABSENCE_REASONS, ACKNOWLEDGED_MS, LONGEST_TEXT, NotAccepted
from presence.instants import parse_instant
from presence.intervals import Span, clip
from presence.ledger_sums import LedgerSum, sums
from presence.site import Absence, Outlet, Site
from storage.record import acknowledgements
from storage.record.acknowledgements import Answer, add, take_back
from storage.record.alert_list import AlertRow, alerts, by_ids
from storage.record.contests import VERDICTS, Contest, contested, contests, decide, submit
from storage.record.declarations import declaration, declarations, declare, end
from storage.record.hours import hours_history
from storage.record.refusals import NotNow, NotThere

router = APIRouter(include_in_schema=False)

_DAYS_AHEAD_MS = 8 * 24 * 3_600_000
_ALERTS_OF_A_MONTH = 10_000
_LONGEST_NUMBER = 16
_CONTESTS_SHOWN_MS = 92 * 24 * 3_600_000
# What a form that was not done may say; each has its words.
_SAID = ("reason", "note", "outlet", "until", "over", "twice", "contest", "decide")


class _NotDone(Exception):
    """A form cannot be done; `said`: one of `_SAID`."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


class _Place(NamedTuple):
    """Of which agency at which site a page or form speaks."""

    site: Site
    agency: str

    @property
    def sight(self) -> Sight:
        return Sight(self.agency, self.site.id)

    @property
    def outlets(self) -> list[Outlet]:
        return [outlet for outlet in self.site.outlets if outlet.agency == self.agency]

    def address(self, **query: str | None) -> str:
        return address("/agency", site=self.site.id, agency=self.agency, **query)


@router.get("/agency")
async def agency_page(
    request: Request,
    site: str | None = None,
    agency: str | None = None,
    said: str | None = None,
    done: str | None = None,
    lang: LangChoice = None,
    theme: ThemeChoice = None,
) -> Response:
    if lang is not None or theme is not None:
        return remember(request, lang, theme, address("/agency", site=site, agency=agency))
    feed: Feed = request.app.state.feed
    links = choices(request, "/agency", site=site, agency=agency)
    sites = [one for one in feed.live.sites.values() if sight_of(request).sees_site(one)]
    chosen = site_of(request, site) if site is not None else next(iter(sites), None)
    if chosen is None:
        return await page(request, "welcome.html", **links)
    if not sight_of(request).sees_site(chosen):
        raise HTTPException(404, f'no site "{chosen.id}"')
    place = _place(request, chosen, agency)
    now_ms = request.app.state.parts.now()
    common = {
        "zone": chosen.timezone,
        "site": chosen,
        "site_name": chosen.name,
        "sites": sites,
        "now_ms": now_ms,
        "zone_name": _zone_name(request, chosen, now_ms),
        **links,
    }
    if place is None:
        return await page(request, "agencies.html", **common, agencies=_agencies(request, chosen, now_ms))
    occupancies = {one.outlet: one for one in feed.live.of_site(chosen.id, now_ms)}
    shown = await run_in_threadpool(_view, request, place, occupancies, now_ms)
    told: dict[str, Any] = {
        "said": said if said in _SAID else "",
        "done": await run_in_threadpool(_done, request, place, done),
    }
    return await page(request, "agency.html", **common, **shown, **told)


@router.post("/agency/acknowledge")
async def acknowledge(request: Request) -> Response:
    return await _do(request, _acknowledge)


@router.post("/agency/absence")
async def declare_absence(request: Request) -> Response:
    return await _do(request, _declare)


@router.post("/agency/undo")
async def undo(request: Request) -> Response:
    return await _do(request, _undo)


@router.post("/agency/contest")
async def contest(request: Request) -> Response:
    return await _do(request, _contest)


@router.post("/agency/decide")
async def decide_contest(request: Request) -> Response:
    return await _do(request, _decide)


# Which agency


def _place(request: Request, site: Site, wanted: str | None) -> _Place | None:
    """The agency that is asked for, the own one, or the only one; None: there is a choice. Raises 404."""
    own = sight_of(request).agency
    known = [one.id for one in site.agencies if any(outlet.agency == one.id for outlet in site.outlets)]
    if (own is not None and wanted not in (None, own)) or (wanted is not None and wanted not in known):
        raise HTTPException(404, f'no agency "{wanted}" at site "{site.id}"')
    chosen = own or wanted or (known[0] if len(known) == 1 else None)
    return None if chosen is None else _Place(site, chosen)


def _agencies(request: Request, site: Site, now_ms: int) -> list[tuple[str, str, int, int]]:
    """Address, name, outlets and unanswered alerts of each agency of the site, those with most alerts first."""
    rows = [row for row in request.app.state.feed.alerts(site.id, now_ms) if _is_asked(row, now_ms)]
    found = []
    for one in site.agencies:
        place = _Place(site, one.id)
        if place.outlets:
            waiting = sum(_speaks_of(place, row) for row in rows)
            found.append((place.address(), one.name, len(place.outlets), waiting))
    return sorted(found, key=lambda line: (-line[3], line[1]))


def _is_asked(row: AlertRow, now_ms: int) -> bool:
    return row.stands and row.alert.kind in agency.ANSWERED and row.state(now_ms) == "firing"


def _speaks_of(place: _Place, row: AlertRow) -> bool:
    return place.sight.sees_subject(place.site, row.alert.subject_type, row.alert.subject)


def _may(request: Request, operation: str) -> bool:
    who = request.state.who
    return who is not None and who.role in ROLES_OF[RULES[operation]]


def _words(request: Request, site: Site) -> Words:
    return Words(preferences(request).lang, site.timezone)


def _zone_name(request: Request, site: Site, now_ms: int) -> str:
    return f"{_words(request, site).zone(now_ms)} ({site.timezone})"


# What the page shows


def _view(request: Request, place: _Place, occupancies: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    """Everything that the template shows; runs in a thread. What was just done must show: the record is asked."""
    parts: Parts = request.app.state.parts
    site, words = place.site, _words(request, place.site)
    plan = request.app.state.plans.of(site, now_ms, sight_of(request).agency)
    outlets = place.outlets
    month_ms = _month_start_ms(site, now_ms)
    with parts.record.reading() as connection:
        rows = [
            row
            for row in alerts(connection, now_ms=now_ms, site=site.id, from_ms=month_ms, limit=_ALERTS_OF_A_MONTH)
            if _speaks_of(place, row)
        ]
        given = acknowledgements.of_alerts(connection, [row.id for row in rows])
        absences = declarations(connection, site.id, Absence, from_ms=now_ms)
        record = _record(connection, place, now_ms, words)
        hours = _hours(connection, place, now_ms)
        disputed = contests(connection, site.id, from_ms=now_ms - _CONTESTS_SHOWN_MS)
    names = {outlet.id: outlet.name for outlet in outlets}
    concerned = floor.standing(rows, plan.subjects)
    tiles = [
        (
            outlet,
            plan.outlets[outlet.id],
            floor.tile(plan.outlets[outlet.id], occupancies[outlet.id], concerned.get(outlet.id, []), now_ms, words),
            False,
        )
        for outlet in outlets
    ]
    asked = agency.asks(rows, occupancies, plan, now_ms, words)
    begin_ms = agency.begins(hours, now_ms)
    return {
        "here": place.address(),
        "agency": next(one for one in site.agencies if one.id == place.agency),
        "choose": sight_of(request).agency is None and len(site.agencies) > 1,
        "may_answer": _may(request, "POST /agency/acknowledge"),
        "asks": asked,
        "waiting": sum(one.card.life == "firing" for one in asked),
        "calm": floor.calm(
            floor.sums([occupancies[outlet.id] for outlet in outlets], concerned, now_ms),
            [occupancies[outlet.id] for outlet in outlets],
            now_ms,
            words,
        ),
        "reasons": ABSENCE_REASONS,
        "tiles": tiles,
        "outlets": outlets,
        "declared_reasons": agency.DECLARED,
        "begin": words.coming(begin_ms, now_ms) if begin_ms > now_ms else "",
        "begin_date": words.iso(begin_ms)[:10],
        "begin_clock": words.iso(begin_ms)[11:16],
        "untils": agency.untils(hours, now_ms, words),
        "declared": agency.declared(absences, names, now_ms, words),
        "contests": agency.contest_lines(disputed, names, now_ms, words),
        "contestable": agency.contestable(rows, names, now_ms, words),
        "may_decide": _may(request, "POST /agency/decide"),
        "today": words.iso(now_ms)[:10],
        "record": record,
        "answers": agency.answers(rows, given),
        "seen": agency.seen_by_others(outlets, occupancies, now_ms, words),
        "longest_text": LONGEST_TEXT,
    }


def _month_start_ms(site: Site, now_ms: int) -> int:
    first = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(site.timezone)).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    return round(first.timestamp() * 1000)


def _hours(connection: Connection, place: _Place, now_ms: int) -> list[Span]:
    """When the first outlet of the agency is open, from now on: an agency's outlets keep the same hours as a rule."""
    history = hours_history(connection, place.site)[place.outlets[0].id]
    return list(clip(history.open_spans(now_ms, now_ms + _DAYS_AHEAD_MS), now_ms, now_ms + _DAYS_AHEAD_MS))


def _record(connection: Connection, place: _Place, now_ms: int, words: Words) -> dict[str, Any]:
    """Its books of this month. Together they are summed by duty: where one of two is enough, nobody is absent."""
    today = today_of([place.site], now_ms)
    dates = (f"{today[:7]}-01", today)
    part = place.sight.part_of(place.site)  # of others' outlets nothing is read
    hours = hours_history(connection, part)
    of_outlets = view(connection, part, hours, dates, "outlet")
    by_duty = [day.entry for day in view(connection, part, hours, dates, "duty").days]
    mine = [entry for entry in by_duty if entry.agency == place.agency]
    month = sums(mine, "agency") or [LedgerSum(by="agency", site=place.site.id, id=place.agency, period="")]
    own = {outlet.id for outlet in place.outlets}
    entries = [day.entry for day in of_outlets.days if day.entry.day.id in own]
    return {
        "until": "" if of_outlets.until_ms is None else agency.moment(of_outlets.until_ms, now_ms, words),
        "month": words.month(now_ms),
        "bars": agency.bars(month[0], words) if month[0].obliged_ms else [],
        "coverage": agency.bound(month, words),
        "today": agency.bound(sums([one for one in mine if one.day.date == today], "agency"), words),
        "opened": agency.opened(entries, words),
        "lines": agency.record_lines(entries, place.outlets, place.site, today, words),
    }


def _done(request: Request, place: _Place, done: str | None) -> dict[str, Any] | None:
    """What was just done, as the record has it, for a toast that can take it back; None when there is nothing."""
    kind, _, name = (done or "").partition("-")
    parts: Parts = request.app.state.parts
    now_ms, words = parts.now(), _words(request, place.site)
    if kind in ("undone", "contested", "decided"):
        return {"text": words(f"agency.done.{kind}"), "kind": "", "name": "", "number": ""}
    with parts.record.reading() as connection:
        if kind == "answer":
            rows = [row for row in by_ids(connection, [name]) if row.site == place.site.id and _speaks_of(place, row)]
            if rows and rows[0].stands and rows[0].state(now_ms) == "acknowledged":
                given = rows[0].acknowledged
                assert given is not None
                said = agency.reason_in_words(given.reason, given.note, words)
                text = words("agency.done.answer", reason=said, at=words.clock(given.until_ms))
                return {"text": text, "kind": "answer", "name": name, "number": given.id}
        if kind == "absence":
            return _done_absences(connection, place, name, now_ms, words)
    return None


def _done_absences(
    connection: Connection, place: _Place, name: str, now_ms: int, words: Words
) -> dict[str, Any] | None:
    names = {outlet.id: outlet.name for outlet in place.outlets}
    numbers = _numbers(name)
    found = [
        one
        for one in declarations(connection, place.site.id, Absence, from_ms=now_ms)
        if one.id in numbers and one.what.outlet in names
    ]
    if not found:
        return None
    text = words(
        "agency.done.absence",
        where=", ".join(names[one.what.outlet] for one in found),
        when=agency.stretch(found[0].what.from_ms, found[0].what.to_ms, now_ms, words),
        reason=agency.reason_in_words(found[0].what.reason, found[0].what.note, words),
    )
    return {"text": text, "kind": "absence", "name": ".".join(str(one.id) for one in found), "number": ""}


def _numbers(text: str) -> list[int]:
    """`7.8` as the record counts; what is no such number is left out."""
    return [int(part) for part in text.split(".") if part.isascii() and part.isdigit() and len(part) < _LONGEST_NUMBER]


# What forms do


async def _do(request: Request, act: Any) -> Response:
    """Read the form, do it, and show the page again: what was done, or why it was not."""
    fields = await form_of(request)
    site = site_of(request, fields.get("site", ""))
    place = _place(request, site, fields.get("agency"))
    if place is None:
        raise HTTPException(404, f'no agency of site "{site.id}" is named')
    if not sight_of(request).sees_site(site):
        raise HTTPException(404, f'no site "{site.id}"')
    try:
        done = await run_in_threadpool(act, request, place, fields)
    except _NotDone as refused:
        return RedirectResponse(place.address(said=refused.said), 303)
    except NotNow:
        return RedirectResponse(place.address(said="over"), 303)
    request.app.state.feed.look_soon()
    return RedirectResponse(place.address(done=done), 303)


def _acknowledge(request: Request, place: _Place, fields: Mapping[str, str]) -> str:
    parts: Parts = request.app.state.parts
    back = "back" in fields
    reason, note = ("break" if back else fields.get("reason", "")), fields.get("note", "").strip() or None
    if reason not in ABSENCE_REASONS:
        raise _NotDone("reason")
    if reason == "other" and note is None:
        raise _NotDone("note")
    said = Answer(reason, note if reason == "other" else None, agency.BACK_MS if back else ACKNOWLEDGED_MS)
    with parts.record.writing() as connection:
        row = _own_alert(connection, place, fields.get("alert", ""))
        try:
            add(connection, place.site.id, row.id, said, author=request.state.account, now_ms=parts.now())
        except NotAccepted:
            raise _NotDone("note") from None
    return f"answer-{row.id}"


def _own_alert(connection: Connection, place: _Place, name: str) -> AlertRow:
    """The alert of that name which the agency answers for. Raises NotThere."""
    rows = by_ids(connection, [name])
    if not rows or rows[0].site != place.site.id or not _speaks_of(place, rows[0]):
        raise NotThere(f'no alert "{name}" of this agency')
    return rows[0]


def _declare(request: Request, place: _Place, fields: Mapping[str, str]) -> str:
    parts: Parts = request.app.state.parts
    now_ms = parts.now()
    with parts.record.writing() as connection:
        hours = _hours(connection, place, now_ms)
        span = _span(place.site, fields, agency.begins(hours, now_ms), now_ms)
        reason, note = fields.get("reason", ""), fields.get("note", "").strip() or None
        if reason not in agency.DECLARED:
            raise _NotDone("reason")
        if reason == "other" and note is None:
            raise _NotDone("note")
        made = []
        for outlet in _named_outlets(place, fields.get("outlet", "")):
            wanted = Absence(outlet=outlet.id, from_ms=span.start_ms, to_ms=span.end_ms, reason=reason, note=note)
            try:
                made.append(declare(connection, place.site.id, wanted, request.state.account, now_ms))
            except NotAccepted as refused:
                raise _NotDone("note" if refused.problems[0].path == "note" else "until") from None
            except NotNow:
                raise _NotDone("twice") from None
    return f"absence-{'.'.join(str(one.id) for one in made)}"


def _named_outlets(place: _Place, name: str) -> list[Outlet]:
    """The outlet of that name, or all of the agency's for `*`."""
    found = [outlet for outlet in place.outlets if name in ("*", outlet.id)]
    if not found:
        raise _NotDone("outlet")
    return found


def _span(site: Site, fields: Mapping[str, str], begin_ms: int, now_ms: int) -> Span:
    """From when to when: up to the instant of a button, or by the fields for any other time."""
    try:
        if until := fields.get("until"):
            return Span(begin_ms, parse_instant(until))
        start_ms, end_ms = _dated(site, fields)
    except (KeyError, ValueError):
        raise _NotDone("until") from None
    # A minute that has begun is meant as from now on.
    return Span(now_ms if now_ms - 60_000 < start_ms < now_ms else start_ms, end_ms)


def _dated(site: Site, fields: Mapping[str, str]) -> Span:
    """By the fields `date`, `from` and `to`, on the site's clock. Raises KeyError or ValueError."""
    zone = ZoneInfo(site.timezone)
    first, last = (
        datetime.fromisoformat(f"{fields['date']}T{fields[name]}").replace(tzinfo=zone) for name in ("from", "to")
    )
    return Span(round(first.timestamp() * 1000), round(last.timestamp() * 1000))


def _undo(request: Request, place: _Place, fields: Mapping[str, str]) -> str:
    parts: Parts = request.app.state.parts
    author, now_ms = request.state.account, parts.now()
    numbers = _numbers(fields.get("number", ""))
    if not numbers:
        raise NotThere("nothing is named that could be taken back")
    with parts.record.writing() as connection:
        if fields.get("kind") == "answer":
            row = _own_alert(connection, place, fields.get("alert", ""))
            take_back(connection, place.site.id, row.id, numbers[0], author=author, now_ms=now_ms)
        else:
            for number in numbers:
                made = declaration(connection, place.site.id, Absence, number)
                if not place.sight.sees_outlet(place.site, made.what.outlet):
                    raise NotThere(f'no absence {number} at site "{place.site.id}"')
                end(connection, place.site.id, Absence, number, author, now_ms)
    return "undone"


def _contest(request: Request, place: _Place, fields: Mapping[str, str]) -> str:
    parts: Parts = request.app.state.parts
    outlet, span = _contested_stretch(place, fields)
    if not place.sight.sees_outlet(place.site, outlet):
        raise _NotDone("outlet")
    text, author = fields.get("text", "").strip(), request.state.account
    wanted = Contest(0, place.site.id, outlet, span.start_ms, span.end_ms, text, author, 0)
    try:
        with parts.record.writing() as connection:
            submit(connection, wanted, parts.now())
    except NotAccepted:
        raise _NotDone("contest") from None
    except NotNow:
        raise _NotDone("twice") from None
    return "contested"


def _contested_stretch(place: _Place, fields: Mapping[str, str]) -> tuple[str, Span]:
    """What is contested: one of the stretches that were alerted, or any other by its fields."""
    try:
        if which := fields.get("which"):
            outlet, first, last = which.split(" ")
            return outlet, Span(parse_instant(first), parse_instant(last))
        return fields.get("outlet", ""), _dated(place.site, fields)
    except (KeyError, ValueError):
        raise _NotDone("contest") from None


def _decide(request: Request, place: _Place, fields: Mapping[str, str]) -> str:
    parts: Parts = request.app.state.parts
    verdict = next((known for known in VERDICTS if known == fields.get("verdict")), None)
    numbers = _numbers(fields.get("number", ""))
    if verdict is None or not numbers:
        raise _NotDone("decide")
    try:
        with parts.record.writing() as connection:
            made = contested(connection, place.site.id, numbers[0])
            if not place.sight.sees_outlet(place.site, made.outlet):
                raise NotThere(f'no contest {numbers[0]} at site "{place.site.id}"')
            text, author = fields.get("text", "").strip(), request.state.account
            decide(connection, place.site.id, numbers[0], verdict, text, author=author, now_ms=parts.now())
    except NotAccepted:
        raise _NotDone("decide") from None
    return "decided"
