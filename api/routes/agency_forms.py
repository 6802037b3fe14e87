"""What the forms of an agency's page do, without JavaScript too: answer, declare, contest, name, take back.

Each ends where it was sent from: with what was done, or beside what is to be mended, which `about` names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from api import agency
from api.agency_done import numbers
from api.agency_place import Place, place_of
from api.agency_view import hours_ahead
from api.asked import site_of
from api.contesting import NOT_BOOKED
from api.contesting import contest as contest_booked
from api.forms import form_of
from api.parts import Parts
from api.routes.substitutes import may_give_channels
from presence.alerts.answers import BACK_MS
from presence.declarations import ABSENCE_REASONS, ACKNOWLEDGED_MS, NotAccepted
from presence.instants import parse_instant
from presence.intervals import Span
from presence.site import Absence, Contact, Outlet, Site, Substitute
from presence.substitutes import is_away_too
from storage.record.acknowledgements import Answer, add, take_back
from storage.record.alert_list import AlertRow, by_ids
from storage.record.contests import VERDICTS, Contest, contested, decide
from storage.record.declarations import declaration, declare, end
from storage.record.refusals import NotNow, NotThere
from storage.record.substitutes import end_substitute, name_substitute

router = APIRouter(include_in_schema=False)

Fields = Mapping[str, str]

# What a form that was not done may say; each has its words.
SAID = (
    *("reason", "note", "outlet", "until", "over", "first", "twice", "contest", "booked", "decide"),
    *("away", "person", "unreached", "busy", "until_away", "channel", "taken"),
)
# Which words say what is wrong with a substitute, by the field that the record refuses.
_OF_SUBSTITUTE = {
    "contact": "away",
    "name": "person",
    "phone": "person",
    "channel": "unreached",
    "from": "until_away",
    "to": "until_away",
}


class _NotDone(Exception):
    """A form cannot be done; `said`: one of `SAID`; `about`: where it is shown, an alert or else the form's part."""

    def __init__(self, said: str, about: str = "") -> None:
        super().__init__(said)
        self.said, self.about = said, about


@router.post("/agency/acknowledge")
async def acknowledge(request: Request) -> Response:
    return await _do(request, _acknowledge, "asks")


@router.post("/agency/absence")
async def declare_absence(request: Request) -> Response:
    return await _do(request, _declare, "absences")


@router.post("/agency/substitute")
async def name_one(request: Request) -> Response:
    return await _do(request, _name, "substitutes")


@router.post("/agency/undo")
async def undo(request: Request) -> Response:
    return await _do(request, _undo, "")


@router.post("/agency/contest")
async def contest(request: Request) -> Response:
    return await _do(request, _contest, "contests")


@router.post("/agency/decide")
async def decide_contest(request: Request) -> Response:
    return await _do(request, _decide, "contests")


async def _do(request: Request, act: Callable[[Request, Place, Fields], str], part: str) -> Response:
    """Read the form, do it, and show the page again: what was done, or why it was not, at its `part` of the page."""
    fields = await form_of(request)
    site = site_of(request, fields.get("site", ""))
    place = place_of(request, site, fields.get("agency"))
    if place is None:
        raise HTTPException(404, f'no agency of site "{site.id}" is named')
    try:
        done = await run_in_threadpool(act, request, place, fields)
    except _NotDone as refused:
        about = refused.about or part
        return RedirectResponse(f"{place.address(said=refused.said, about=about)}#{about}", 303)
    except NotNow:
        return RedirectResponse(place.address(said="over"), 303)
    request.app.state.feed.look_soon()
    return RedirectResponse(place.address(done=done), 303)


def _acknowledge(request: Request, place: Place, fields: Fields) -> str:
    parts: Parts = request.app.state.parts
    back = "back" in fields
    reason, note = ("break" if back else fields.get("reason", "")), fields.get("note", "").strip() or None
    card = f"alert-{fields.get('alert', '')}"
    if reason not in ABSENCE_REASONS:
        raise _NotDone("reason", card)
    if reason == "other" and note is None:
        raise _NotDone("note", card)
    said = Answer(reason, note if reason == "other" else None, BACK_MS if back else ACKNOWLEDGED_MS)
    with parts.record.writing() as connection:
        row = _own_alert(connection, place, fields.get("alert", ""))
        _check_first(row, request.state.account, parts.now(), card)
        try:
            add(connection, place.site.id, row.id, said, author=request.state.account, now_ms=parts.now())
        except NotAccepted:
            raise _NotDone("note", card) from None
    return f"answer-{row.id}"


def _check_first(row: AlertRow, author: str, now_ms: int, card: str) -> None:
    """Raise when somebody else's answer holds: whoever sent this saw the alert without it."""
    answer = row.acknowledged
    if row.state(now_ms) == "acknowledged" and answer is not None and answer.author != author:
        raise _NotDone("first", card)


def _own_alert(connection: Connection, place: Place, name: str) -> AlertRow:
    """The alert of that name which the agency answers for. Raises NotThere."""
    rows = by_ids(connection, [name])
    if not rows or rows[0].site != place.site.id or not place.speaks_of(rows[0]):
        raise NotThere(f'no alert "{name}" of this agency')
    return rows[0]


def _declare(request: Request, place: Place, fields: Fields) -> str:
    parts: Parts = request.app.state.parts
    now_ms = parts.now()
    with parts.record.writing() as connection:
        hours = hours_ahead(connection, place, now_ms)
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


def _named_outlets(place: Place, name: str) -> list[Outlet]:
    """The outlet of that name, or all of the agency's for `*`."""
    found = [outlet for outlet in place.outlets if name in ("*", outlet.id)]
    if not found:
        raise _NotDone("outlet")
    return found


def _span(site: Site, fields: Fields, begin_ms: int, now_ms: int) -> Span:
    """From when to when: up to the instant of a button, or by the fields for any other time."""
    try:
        if until := fields.get("until"):
            return Span(begin_ms, parse_instant(until))
        start_ms, end_ms = _dated(site, fields)
    except (KeyError, ValueError):
        raise _NotDone("until") from None
    # A minute that has begun is meant as from now on.
    return Span(now_ms if now_ms - 60_000 < start_ms < now_ms else start_ms, end_ms)


def _dated(site: Site, fields: Fields, last_date: str | None = None) -> Span:
    """By the fields `date`, `from` and `to`, on the site's clock. Raises KeyError or ValueError."""
    zone, date = ZoneInfo(site.timezone), fields["date"]
    first, last = (
        datetime.fromisoformat(f"{day}T{fields[name]}").replace(tzinfo=zone)
        for day, name in ((date, "from"), (last_date or date, "to"))
    )
    return Span(round(first.timestamp() * 1000), round(last.timestamp() * 1000))


def _name(request: Request, place: Place, fields: Fields) -> str:
    parts: Parts = request.app.state.parts
    now_ms = parts.now()
    wanted = _substitute(place, fields, now_ms)
    if wanted.person is not None and wanted.person.channel is not None and not may_give_channels(request):
        raise _NotDone("channel")
    try:
        with parts.record.writing() as connection:
            made = name_substitute(connection, place.site.id, wanted, request.state.account, now_ms)
    except NotAccepted as refused:
        raise _NotDone(_why_not(place.site, wanted, refused)) from None
    except NotNow:
        raise _NotDone("taken") from None
    return f"substitute-{made.id}"


def _substitute(place: Place, fields: Fields, now_ms: int) -> Substitute:
    """Who is to stand in: a contact, or, for `~`, somebody by name; up to a button's instant, or by the fields."""
    to = fields.get("to_contact", "")
    person = None
    if to == "~":
        name, phone, channel = (fields.get(key, "").strip() for key in ("name", "phone", "channel"))
        person = Contact(id="", name=name, phone=phone or None, channel=channel or None)
    contact = fields.get("contact", "")
    if not contact or not to:
        raise _NotDone("away")
    try:
        if until := fields.get("until"):
            span = Span(now_ms, parse_instant(until))
        else:
            span = _dated(place.site, fields, fields.get("last") or fields["date"])
    except (KeyError, ValueError):
        raise _NotDone("until_away") from None
    return Substitute(
        agency=place.agency, contact=contact, from_ms=span.start_ms, to_ms=span.end_ms, to=to, person=person
    )


def _why_not(site: Site, wanted: Substitute, refused: NotAccepted) -> str:
    path = refused.problems[0].path
    if path != "substitute":
        return _OF_SUBSTITUTE[path]
    if wanted.to == wanted.contact:
        return "away"
    return "busy" if is_away_too(site, wanted) else "unreached"


def _undo(request: Request, place: Place, fields: Fields) -> str:
    parts: Parts = request.app.state.parts
    author, now_ms = request.state.account, parts.now()
    found = numbers(fields.get("number", ""))
    if not found:
        raise NotThere("nothing is named that could be taken back")
    with parts.record.writing() as connection:
        if fields.get("kind") == "answer":
            row = _own_alert(connection, place, fields.get("alert", ""))
            take_back(connection, place.site.id, row.id, found[0], author=author, now_ms=now_ms)
        elif fields.get("kind") == "substitute":
            end_substitute(connection, place.site.id, place.agency, found[0], author=author, now_ms=now_ms)
        else:
            for number in found:
                made = declaration(connection, place.site.id, Absence, number)
                if not place.sight.sees_outlet(place.site, made.what.outlet):
                    raise NotThere(f'no absence {number} at site "{place.site.id}"')
                end(connection, place.site.id, Absence, number, author, now_ms)
    return "undone"


def _contest(request: Request, place: Place, fields: Fields) -> str:
    parts: Parts = request.app.state.parts
    outlet, span = _contested_stretch(place, fields)
    if not place.sight.sees_outlet(place.site, outlet):
        raise _NotDone("outlet")
    text, author = fields.get("text", "").strip(), request.state.account
    wanted = Contest(0, place.site.id, outlet, span.start_ms, span.end_ms, text, author, 0)
    try:
        with parts.record.writing() as connection:
            contest_booked(connection, place.site, wanted, parts.now())
    except NotAccepted as refused:
        raise _NotDone("booked" if NOT_BOOKED in refused.problems else "contest") from None
    except NotNow:
        raise _NotDone("twice") from None
    return "contested"


def _contested_stretch(place: Place, fields: Fields) -> tuple[str, Span]:
    """What is contested: one of the stretches that were alerted, or any other by its fields."""
    try:
        if which := fields.get("which"):
            outlet, first, last = which.split(" ")
            return outlet, Span(parse_instant(first), parse_instant(last))
        return fields.get("outlet", ""), _dated(place.site, fields)
    except (KeyError, ValueError):
        raise _NotDone("contest") from None


def _decide(request: Request, place: Place, fields: Fields) -> str:
    parts: Parts = request.app.state.parts
    verdict = next((known for known in VERDICTS if known == fields.get("verdict")), None)
    found = numbers(fields.get("number", ""))
    if verdict is None or not found:
        raise _NotDone("decide")
    try:
        with parts.record.writing() as connection:
            made = contested(connection, place.site.id, found[0])
            if not place.sight.sees_outlet(place.site, made.outlet):
                raise NotThere(f'no contest {found[0]} at site "{place.site.id}"')
            text, author = fields.get("text", "").strip(), request.state.account
            decide(connection, place.site.id, found[0], verdict, text, author=author, now_ms=parts.now())
    except NotAccepted:
        raise _NotDone("decide") from None
    return "decided"
