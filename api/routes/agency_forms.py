"""What the forms of an agency's page do, without JavaScript too: answer, declare, contest, name, take back.

Each ends where it was sent from: with what was done, or with all that was filled in and what is to be mended.
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from api import agency
from api.access import may_give_channels
from api.agency_done import numbers
from api.agency_given import Fields, NotDone, Wrong, absences, answered, contested, decision, substitute
from api.agency_page import show
from api.agency_place import Place, place_of
from api.agency_refused import Refused
from api.agency_view import hours_ahead
from api.asked import site_of
from api.contesting import NOT_BOOKED
from api.contesting import contest as contest_booked
from api.forms import form_of
from api.parts import Parts
from presence.alerts.answers import BACK_MS
from presence.declarations import ACKNOWLEDGED_MS, NotAccepted
from presence.people import LONGEST_NAME
from presence.site import Absence, Site, Substitute
from presence.site_checks import Problem
from presence.substitutes import is_away_too
from storage.record.acknowledgements import Answer, add, take_back
from storage.record.alert_list import AlertRow, by_ids
from storage.record.contests import Contest, decide
from storage.record.contests import contested as known_contest
from storage.record.declarations import declaration, declare, end
from storage.record.refusals import NotNow, NotThere
from storage.record.substitutes import end_substitute, name_substitute

router = APIRouter(include_in_schema=False)

# Beside what a substitute's form says of what the record refuses, by the field that it names.
_OF_SUBSTITUTE = {
    "contact": Wrong("contact", "away"),
    "name": Wrong("name", "name", {"most": LONGEST_NAME}),
    "phone": Wrong("phone", "phone"),
    "from": Wrong("from", "from_past"),
    "to": Wrong("to", "to_past"),
}


@router.post("/agency/acknowledge")
async def acknowledge(request: Request) -> Response:
    return await _do(request, _acknowledge, "alert-alert")


@router.post("/agency/absence")
async def declare_absence(request: Request) -> Response:
    return await _do(request, _declare, "absence")


@router.post("/agency/substitute")
async def name_one(request: Request) -> Response:
    return await _do(request, _name, "substitute")


@router.post("/agency/undo")
async def undo(request: Request) -> Response:
    return await _do(request, _undo, "")


@router.post("/agency/contest")
async def contest(request: Request) -> Response:
    return await _do(request, _contest, "contest")


@router.post("/agency/decide")
async def decide_contest(request: Request) -> Response:
    return await _do(request, _decide, "decide-number")


async def _do(request: Request, act: Callable[[Request, Place, Fields], str], form: str) -> Response:
    """Read the form, do it, and show the page again: with what was done, or with the form as it came and what to mend.

    `form`: by its name on the page, an alert's or a contest's with the field of that name: `alert-{alert}`.
    """
    fields = await form_of(request)
    site = site_of(request, fields.get("site", ""))
    place = place_of(request, site, fields.get("agency"))
    if place is None:
        raise HTTPException(404, f'no agency of site "{site.id}" is named')
    try:
        done = await run_in_threadpool(act, request, place, fields)
    except NotDone as refused:
        name, _, of = form.partition("-")
        return await show(request, place, Refused(f"{name}-{fields.get(of, '')}" if of else name, refused, fields))
    except NotNow:
        return RedirectResponse(place.address(said="over"), 303)
    request.app.state.feed.look_soon()
    return RedirectResponse(place.address(done=done), 303)


def _acknowledge(request: Request, place: Place, fields: Fields) -> str:
    parts: Parts = request.app.state.parts
    back = "back" in fields
    name = fields.get("alert", "")
    with parts.record.writing() as connection:
        row, now_ms = _own_alert(connection, place, name), parts.now()
        reason, note = ("break", None) if back else answered(fields)
        _check_first(row, request.state.account, now_ms)
        said = Answer(reason, note, BACK_MS if back else ACKNOWLEDGED_MS)
        add(connection, place.site.id, row.id, said, author=request.state.account, now_ms=now_ms)
    return f"answer-{row.id}"


def _check_first(row: AlertRow, author: str, now_ms: int) -> None:
    """Raise when somebody else's answer holds: whoever sent this saw the alert without it."""
    answer = row.acknowledged
    if row.state(now_ms) == "acknowledged" and answer is not None and answer.author != author:
        raise NotDone([Wrong("", "first")], 409)


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
        begin_ms = agency.begins(hours_ahead(connection, place, now_ms), now_ms)
        made = []
        for wanted in absences(place, fields, begin_ms, now_ms):
            try:
                made.append(declare(connection, place.site.id, wanted, request.state.account, now_ms))
            except NotNow:
                raise NotDone([Wrong("", "twice")], 409) from None
    return f"absence-{'.'.join(str(one.id) for one in made)}"


def _name(request: Request, place: Place, fields: Fields) -> str:
    parts: Parts = request.app.state.parts
    now_ms = parts.now()
    wanted = substitute(place, fields, now_ms)
    if wanted.person is not None and wanted.person.channel is not None and not may_give_channels(request):
        raise NotDone([Wrong("to_contact", "channel_manager")])
    try:
        with parts.record.writing() as connection:
            made = name_substitute(connection, place.site.id, wanted, request.state.account, now_ms)
    except NotAccepted as refused:
        raise NotDone(_of_substitute(place.site, wanted, one, fields) for one in refused.problems) from None
    except NotNow:
        raise NotDone([Wrong("", "taken")], 409) from None
    return f"substitute-{made.id}"


def _of_substitute(site: Site, wanted: Substitute, problem: Problem, fields: Fields) -> Wrong:
    """What the form says of a problem that the record has with who stands in."""
    if problem.path == "substitute":
        return Wrong("to_contact", "busy" if is_away_too(site, wanted) else "unreached")
    if problem.path == "channel":
        given = bool(fields.get("channel", "").strip())
        return Wrong("channel", "channel") if given else Wrong("to_contact", "unreached")
    return _OF_SUBSTITUTE[problem.path]


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
    now_ms = parts.now()
    outlet, span, text = contested(place, fields, now_ms)
    wanted = Contest(0, place.site.id, outlet, span.start_ms, span.end_ms, text, request.state.account, 0)
    which = "which" if fields.get("which") else ""
    try:
        with parts.record.writing() as connection:
            made = contest_booked(connection, place.site, wanted, now_ms)
    except NotAccepted as refused:
        raise NotDone([Wrong(which or "from", "booked" if NOT_BOOKED in refused.problems else "which")]) from None
    except NotNow:
        raise NotDone([Wrong("", "contested")], 409) from None
    return f"contested-{made.id}"


def _decide(request: Request, place: Place, fields: Fields) -> str:
    parts: Parts = request.app.state.parts
    found = numbers(fields.get("number", ""))
    if not found:
        raise NotThere("no contest is named")
    with parts.record.writing() as connection:
        made = known_contest(connection, place.site.id, found[0])
        if not place.sight.sees_outlet(place.site, made.outlet):
            raise NotThere(f'no contest {found[0]} at site "{place.site.id}"')
        verdict, text = decision(fields)
        decide(connection, place.site.id, made.id, verdict, text, author=request.state.account, now_ms=parts.now())
    return f"decided-{made.id}"
