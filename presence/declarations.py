"""What people may say of outlets and alerts: why, from when, and for how long. Pure: values and `now` in.

A site file is not held to the rules of this module: who writes one may set down what was agreed long ago.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, Protocol, TypeVar, get_args

from presence.errors import BadInput
from presence.site import Absence, AbsenceReason, Maintenance, Site
from presence.site_checks import Problem, problems_of_declared
from presence.site_values import did_you_mean

Declared = TypeVar("Declared", bound=Absence | Maintenance)

ABSENCE_REASONS: tuple[AbsenceReason, ...] = get_args(AbsenceReason)
LONGEST_TEXT = 500
LONGEST_DECLARED_MS = 31 * 24 * 3_600_000
# Who fills in a form, or whose clock is a little behind, says "now" and means it.
BEGUN_BEFORE_MS = 5 * 60_000

ACKNOWLEDGED_MS = 60 * 60_000
LONGEST_ACKNOWLEDGED_MS = 8 * 3_600_000


class NotAccepted(BadInput):
    """All that is wrong with what somebody says, by field."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("said", self.problems[0].says, field=self.problems[0].path or None)

    def __str__(self) -> str:
        return "; ".join(f"{path}: {says}" if path else says for path, says, *_ in self.problems)


class _Spoken(Protocol):
    """Anything with a reason and words of its own."""

    @property
    def reason(self) -> str: ...

    @property
    def note(self) -> str | None: ...


def check_reason(spoken: _Spoken) -> Iterator[Problem]:
    """What is wrong with why an outlet is empty: one of the known reasons, with words of one's own for `other`."""
    if spoken.reason not in ABSENCE_REASONS:
        yield Problem("reason", f'"{spoken.reason}" is not known here; {did_you_mean(spoken.reason, ABSENCE_REASONS)}')
    if spoken.note is not None:
        yield from check_text("note", spoken.note)
    elif spoken.reason == "other":
        yield Problem("note", "is missing; say in a few words what the other reason is")


def beginning_now(wanted: Declared, now_ms: int) -> Declared:
    """`wanted`, but what began up to 5 min ago begins now: what is past has been judged already."""
    if now_ms - BEGUN_BEFORE_MS <= wanted.from_ms < now_ms:
        return dataclasses.replace(wanted, from_ms=now_ms)
    return wanted


def check_declared(site: Site, wanted: Absence | Maintenance, now_ms: int) -> Iterator[Problem]:
    """What is wrong with declaring `wanted` at `now_ms`; paths are its keys in a site file."""
    if isinstance(wanted, Absence):
        alone = dataclasses.replace(site, absences=(wanted,), maintenance=())
        yield from check_reason(wanted)
    else:
        alone = dataclasses.replace(site, absences=(), maintenance=(wanted,))
        yield from check_text("reason", wanted.reason or "")
    for path, says, *_ in problems_of_declared(alone):
        yield Problem(path.partition("]")[2].removeprefix("."), says)
    if wanted.from_ms < now_ms:
        yield Problem("from", "is past; what was not said beforehand stays as it was, so begin now or later")
    if wanted.to_ms - wanted.from_ms > LONGEST_DECLARED_MS:
        days = LONGEST_DECLARED_MS // (24 * 3_600_000)
        yield Problem("to", f"is more than {days} days after `from`; declare {days} days, and more when they end")


Fault = Literal["empty", "long", "plain"]
_FAULTS: Mapping[Fault, str] = {
    "empty": "is empty; say why in a few words",
    "long": "has {n:,} characters; write {most} at most",
    "plain": "holds characters that cannot be shown; write plain text",
}


def text_fault(text: str) -> Fault | None:
    """What is wrong with what somebody wrote in words of his own: lines of it are kept."""
    if not text.strip():
        return "empty"
    if len(text) > LONGEST_TEXT:
        return "long"
    return "plain" if any(not one.isprintable() and one not in "\n\r\t" for one in text) else None


def check_text(path: str, text: str) -> Iterator[Problem]:
    """The same, and what to do."""
    if (fault := text_fault(text)) is not None:
        yield Problem(path, _FAULTS[fault].format(n=len(text), most=LONGEST_TEXT))
