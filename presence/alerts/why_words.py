"""A `Why` in words and as JSON: short sentences by the site's clock, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, get_args
from zoneinfo import ZoneInfo

from presence.alerts.texts import MONTHS, Language
from presence.alerts.why_texts import WHY_TEXTS
from presence.alerts.why_value import At, Check, Fact, Lasting, Later, Why
from presence.alerts.wording import Wording
from presence.instants import rfc3339
from presence.site import AlertKind


class _Day(NamedTuple):
    """How facts are told: in which language, by which clock, and of which day only the time is said."""

    language: Language
    timezone: str
    at_ms: int


def as_json(why: Why, timezone: str) -> dict[str, Any]:
    """Everything that programs get. Instants are RFC 3339, durations seconds in a key that ends in `_s`."""
    return {
        "kind": why.kind,
        why.subject_type: why.subject,
        "reason": why.reason,
        "alert": None if why.alert is None else why.alert.as_json(),
        "later": None
        if why.later is None
        else {"what": why.later.what, "at": rfc3339(why.later.at_ms), "by": why.later.by},
        "checks": [
            {
                "name": check.name,
                "result": check.result,
                "facts": _facts_json(check.facts),
                "text": {language: check_text(why, check, timezone, language) for language in get_args(Language)},
            }
            for check in why.checks
        ],
        "text": {language: verdict_text(why, timezone, language) for language in get_args(Language)},
    }


def verdict_text(why: Why, timezone: str, language: Language) -> str:
    """Why an alert stood, or why there was none, and what came of it."""
    day = _Day(language, timezone, why.at_ms)
    facts: dict[str, Fact] = {}
    for check in why.checks:
        if check.name == "clock" or check.result == "stopped":
            facts |= {name: check.facts[name] for name in _VERDICT_FACTS if name in check.facts}
    if why.reason == "interrupted":
        facts |= next(check.facts for check in why.checks if check.name == "bridge")
    key: str = why.reason
    if key == "clock_running" and "cut_off" in facts:
        key = "cut_off"
    if key == "staffed" and why.subject_type == "duty":
        key = "staffed_duty"
    sentences = [_say(day, f"reason.{key}", facts, kind=WHY_TEXTS[language][f"kind.{why.kind}"])]
    if why.later is not None and At(why.later.at_ms) != facts.get("cut_off"):
        sentences.append(_later(why, why.later, day))
    return " ".join(sentences)


def check_text(why: Why, check: Check, timezone: str, language: Language) -> str:
    """The sentences of one check."""
    day = _Day(language, timezone, why.at_ms)
    return " ".join(_say(day, key, _of_kind(why.kind, check.facts)) for key in check.said)


def note_text(note: str, language: Language, kind: AlertKind | None = None) -> str:
    """A remark about what the record has of that minute. `kind`: of the alert that the remark names."""
    return WHY_TEXTS[language][f"note.{note}"].format(kind="" if kind is None else WHY_TEXTS[language][f"kind.{kind}"])


def instant_text(at_ms: int, timezone: str, language: Language) -> str:
    """The instant that is asked for, with its day and the name of its clock: `Sel 24 Nov 09.58 WIB`."""
    at = datetime.fromtimestamp(at_ms // 1000, ZoneInfo(timezone))
    return f"{_date(at, language)} {_clock(_Day(language, timezone, at_ms), at_ms)} {at.tzname() or timezone}"


_VERDICT_FACTS = ("since", "fired", "full", "cut_off", "cut_off_by", "until")


# What has been at the instant itself, though only seen afterwards.
_BEFORE = {"resolved": "over", "stopped": "stopped_before"}


def _later(why: Why, later: Later, day: _Day) -> str:
    what = _BEFORE[later.what] if later.at_ms <= why.at_ms else later.what
    facts: dict[str, Fact] = {"later": At(later.at_ms)}
    if later.by is not None:
        facts["by"] = later.by
    return _say(day, f"later.{what}", _of_kind(why.kind, facts))


def _of_kind(kind: AlertKind, facts: Mapping[str, Fact]) -> Mapping[str, Fact]:
    """`facts`, where the reason by which a kind resolves means something else for it."""
    if kind != "equipment_down":
        return facts
    return {name: "works" if value == "presence" else value for name, value in facts.items()}


def _say(day: _Day, key: str, facts: Mapping[str, Fact], **more: str) -> str:
    told = {name: _told(day, name, value) for name, value in facts.items()}
    return WHY_TEXTS[day.language][key].format(**(told | more))


_SAID_AS_BY = ("by", "cut_off_by", "ended")


def _told(day: _Day, name: str, value: Fact) -> str:
    texts, wording = WHY_TEXTS[day.language], Wording(*day)
    if isinstance(value, At):
        return _clock(day, value.ms)
    if isinstance(value, Lasting):
        return span(value.ms, day.language)
    if isinstance(value, float):
        return wording.percent(round(100 * max(value, 1 - value)))
    if name == "absence":
        return wording.first_of(f"reason.{value}", "reason.other")
    if isinstance(value, str):
        return texts.get(f"word.{'by' if name in _SAID_AS_BY else name}.{value}", value)
    return str(value)


def _clock(day: _Day, at_ms: int) -> str:
    """`09.51`, `09.51.20` where seconds matter, with the day where it is another one than that of the question."""
    texts, zone = WHY_TEXTS[day.language], ZoneInfo(day.timezone)
    at = datetime.fromtimestamp(at_ms // 1000, zone)
    clock = at.strftime(texts["clock_s" if at.second else "clock"])
    if at.date() == datetime.fromtimestamp(day.at_ms // 1000, zone).date():
        return clock
    return f"{_date(at, day.language)} {clock}"


def _date(at: datetime, language: Language) -> str:
    return f"{WHY_TEXTS[language]['days'].split()[at.weekday()]} {at.day} {MONTHS[language].split()[at.month - 1]}"


def span(length_ms: int, language: Language) -> str:
    """`10 dtk`, `6 mnt 40 dtk`, `2 j 05 mnt`, `3 hari 4 j`; less than nothing is `0 dtk`."""
    minutes, seconds = divmod(max(0, length_ms) // 1000, 60)
    hours, days = minutes // 60, minutes // 1440
    if days:
        key = "days"
    elif hours:
        key = "hours"
    elif minutes:
        key = "minutes_seconds" if seconds else "minutes"
    else:
        key = "seconds"
    values = {"seconds": seconds, "minutes": minutes % 60, "hours": hours % 24, "days": days}
    return WHY_TEXTS[language][f"span.{key}"].format(**values)


def _facts_json(facts: Mapping[str, Fact]) -> dict[str, str | int | float]:
    told: dict[str, str | int | float] = {}
    for name, value in facts.items():
        if isinstance(value, At):
            told[name] = rfc3339(value.ms)
        elif isinstance(value, Lasting):
            told[f"{name}_s"] = value.ms / 1000
        else:
            told[name] = value
    return told
