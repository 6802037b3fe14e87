"""What a form of an agency's page says, as values, or all that is wrong with it, field by field. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from api.agency import DECLARED
from api.agency_place import Place
from presence.declarations import ABSENCE_REASONS, BEGUN_BEFORE_MS, LONGEST_DECLARED_MS, LONGEST_TEXT, text_fault
from presence.instants import parse_instant
from presence.intervals import Span
from presence.site import Absence, AbsenceReason, Contact, Substitute
from presence.substitutes import LONGEST_MS
from storage.record.contests import VERDICTS, Verdict

Fields = Mapping[str, str]
Read = TypeVar("Read")

SOMEBODY_ELSE = "~"  # who stands in and is no contact
_DAY_MS = 24 * 3_600_000
_YEARS = range(1970, 2999)  # of the instants that the record keeps


class Wrong(NamedTuple):
    """What is wrong with a field, "" for the form as a whole. `key`: of what to do, among the texts `agency.wrong.…`.

    `values`: what that text names.
    """

    field: str
    key: str
    values: Mapping[str, int] = {}


class NotDone(Exception):
    """A form cannot be done. `status`: 400 for what is wrong with its fields, 409 for what stands against it."""

    def __init__(self, wrong: Iterable[Wrong], status: int = 400) -> None:
        self.wrong, self.status = list(wrong), status
        super().__init__(", ".join(f"{one.field} {one.key}".strip() for one in self.wrong))


class _Form:
    """The fields of one form, and what is found to be wrong with them."""

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.wrong: list[Wrong] = []

    def refuse(self, field: str, key: str, **values: int) -> None:
        self.wrong.append(Wrong(field, key, values))

    def check(self) -> None:
        """Raises NotDone when anything was wrong."""
        if self.wrong:
            raise NotDone(self.wrong)

    def text(self, name: str, *, empty: str) -> str:
        """Words of one's own, lines as the record parts them. `empty`: what to say when there are none."""
        said = self.fields.get(name, "").replace("\r\n", "\n").strip()
        fault = text_fault(said)
        if fault == "long":
            self.refuse(name, fault, n=len(said), most=LONGEST_TEXT)
        elif fault is not None:
            self.refuse(name, empty if fault == "empty" else fault)
        return said

    def read(self, name: str, reader: Callable[[str], Read], missing: str) -> Read | None:
        """A field as `reader` reads it; None, and `missing` as what is wrong, when it cannot."""
        try:
            return reader(self.fields.get(name, ""))
        except ValueError:
            self.refuse(name, missing)
            return None


def answered(fields: Fields) -> tuple[AbsenceReason, str | None]:
    """The reason of an answer, and the words with it. Raises NotDone."""
    form = _Form(fields)
    reason, note = _reason(form, ABSENCE_REASONS)
    form.check()
    assert reason is not None
    return reason, note


def absences(place: Place, fields: Fields, begin_ms: int, now_ms: int) -> list[Absence]:
    """What is declared, of each outlet. `begin_ms`: when what a button ends begins. Raises NotDone."""
    form = _Form(fields)
    named = [outlet for outlet in place.outlets if fields.get("outlet") in ("*", outlet.id)]
    if not named:
        form.refuse("outlet", "outlet")
    reason, note = _reason(form, DECLARED)
    span = _until(form, begin_ms) if fields.get("until") else _ahead(form, place, now_ms)
    if span is not None and span.end_ms - span.start_ms > LONGEST_DECLARED_MS:
        form.refuse("until", "until")
    form.check()
    assert span is not None
    assert reason is not None
    return [
        Absence(outlet=outlet.id, from_ms=span.start_ms, to_ms=span.end_ms, reason=reason, note=note)
        for outlet in named
    ]


def substitute(place: Place, fields: Fields, now_ms: int) -> Substitute:
    """Who is to stand in, for whom and from when to when. Raises NotDone."""
    form = _Form(fields)
    contact, to = fields.get("contact", ""), fields.get("to_contact", "")
    if all(one.id != contact for one in place.registered.contacts):
        form.refuse("contact", "away")
    if not to:
        form.refuse("to_contact", "instead")
    elif to == contact:
        form.refuse("to_contact", "himself")
    person = None
    if to == SOMEBODY_ELSE:
        name, phone, channel = (fields.get(key, "").strip() for key in ("name", "phone", "channel"))
        person = Contact(id="", name=name, phone=phone or None, channel=channel or None)
    span = _until(form, now_ms) if fields.get("until") else _ahead(form, place, now_ms, last="last")
    if span is not None and span.end_ms - span.start_ms > LONGEST_MS:
        form.refuse("last", "longest", n=LONGEST_MS // _DAY_MS)
    form.check()
    assert span is not None
    return Substitute(
        agency=place.agency, contact=contact, from_ms=span.start_ms, to_ms=span.end_ms, to=to, person=person
    )


def contested(place: Place, fields: Fields, now_ms: int) -> tuple[str, Span, str]:
    """Which stretch of which outlet is contested, and why. Raises NotDone."""
    form = _Form(fields)
    outlet, span = fields.get("outlet", ""), None
    if which := fields.get("which"):
        try:
            outlet, first, last = which.split(" ")
            span = Span(parse_instant(first), parse_instant(last))
        except ValueError:
            form.refuse("which", "which")
    else:
        span = _over(form, place, now_ms)
    if not place.sight.sees_outlet(place.site, outlet):
        form.refuse("which" if which else "outlet", "outlet")
    text = form.text("text", empty="text")
    form.check()
    assert span is not None
    return outlet, span, text


def decision(fields: Fields) -> tuple[Verdict, str]:
    """What a manager decides, and why. Raises NotDone."""
    form = _Form(fields)
    verdict = next((known for known in VERDICTS if known == fields.get("verdict")), None)
    if verdict is None:
        form.refuse("verdict", "verdict")
    text = form.text("text", empty="text_decision")
    form.check()
    assert verdict is not None
    return verdict, text


def _reason(form: _Form, known: Iterable[AbsenceReason]) -> tuple[AbsenceReason | None, str | None]:
    """Why nobody is there; words of one's own belong to `other` alone."""
    reason = next((one for one in known if one == form.fields.get("reason")), None)
    if reason is None:
        form.refuse("reason", "reason")
    return reason, form.text("note", empty="note") if reason == "other" else None


def _until(form: _Form, begin_ms: int) -> Span | None:
    """From `begin_ms` to the instant of a button, which may have passed since the page was made."""
    end_ms = form.read("until", parse_instant, "until")
    if end_ms is None or end_ms > begin_ms:
        return None if end_ms is None else Span(begin_ms, end_ms)
    form.refuse("until", "until")
    return None


def _ahead(form: _Form, place: Place, now_ms: int, *, last: str | None = None) -> Span | None:
    """By the fields `date`, `from` and `to`, and the date `last`: time that begins now or later.

    A minute that has begun is meant as from now on.
    """
    zone = ZoneInfo(place.site.timezone)
    day, begin = form.read("date", _date, "date"), form.read("from", _clock, "from")
    end_day = form.read(last, _date, "last") if last is not None and form.fields.get(last) else day
    end = form.read("to", _clock, "to")
    if day is not None and day < datetime.fromtimestamp(now_ms / 1000, zone).date():
        form.refuse("date", "date_past")
    elif day is not None and begin is not None and _ms(day, begin, zone) < now_ms - BEGUN_BEFORE_MS:
        form.refuse("from", "from_past")
    return _ordered(form, (day, begin), (end_day, end), zone, last or "date", now_ms)


def _over(form: _Form, place: Place, now_ms: int) -> Span | None:
    """By the fields `date`, `from` and `to`: time that is over."""
    zone = ZoneInfo(place.site.timezone)
    day = form.read("date", _date, "date")
    begin, end = form.read("from", _clock, "from"), form.read("to", _clock, "to")
    if day is not None and day > datetime.fromtimestamp(now_ms / 1000, zone).date():
        form.refuse("date", "date_ahead")
    elif day is not None and end is not None and _ms(day, end, zone) > now_ms:
        form.refuse("to", "to_ahead")
    return _ordered(form, (day, begin), (day, end), zone, "date", None)


Moment = tuple[date | None, time | None]


def _ordered(
    form: _Form, first: Moment, last: Moment, zone: ZoneInfo, last_date: str, now_ms: int | None
) -> Span | None:
    """From the first to the last moment; `now_ms`: nothing begins before it. What ends too early is refused."""
    (day, begin), (end_day, end) = first, last
    if day is not None and end_day is not None and end_day < day:
        form.refuse(last_date, "last_order")
        return None
    if begin is not None and end is not None and day == end_day and end <= begin:
        form.refuse("to", "to_order")
        return None
    if day is None or end_day is None or begin is None or end is None:
        return None
    start_ms, end_ms = _ms(day, begin, zone), _ms(end_day, end, zone)
    if now_ms is not None and end_ms <= now_ms and all(one.field != "date" for one in form.wrong):
        form.refuse("to", "to_past")
    elif end_ms <= start_ms:  # a clock was set back between the two
        form.refuse("to", "to_order")
    return Span(start_ms if now_ms is None else max(start_ms, now_ms), end_ms)


def _date(text: str) -> date:
    found = date.fromisoformat(text)
    if found.year not in _YEARS:
        raise ValueError(f"{text} is out of reach")
    return found


def _clock(text: str) -> time:
    return time.fromisoformat(text).replace(tzinfo=None)


def _ms(day: date, clock: time, zone: ZoneInfo) -> int:
    return round(datetime.combine(day, clock, zone).timestamp() * 1000)
