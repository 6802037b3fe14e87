"""The form of a site itself: name, zone, country, hours. Values in, words out; what may be says `presence.registry`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from api.admin import Choice, Field, moved_to, wrong_at
from api.hours_words import Meaning, meaning, syntax_of
from api.words import Words
from presence.registry import SITE, written
from presence.schedule import Schedule
from presence.service_hours import countries, timezones
from presence.site import Site
from presence.site_checks import Problem
from presence.site_values import slug_of

FIELDS = ("name", "id", "timezone", "country", "service_hours", "cuti_bersama")
# What service hours hang on: looked at before anything is saved.
OF_HOURS = ("timezone", "country", "service_hours")
_HERE = {"Asia/Jakarta": "WIB", "Asia/Makassar": "WITA", "Asia/Jayapura": "WIT"}
_START = {"timezone": "Asia/Jakarta", "country": "ID", "cuti_bersama": "false"}


def typed(form: Mapping[str, str]) -> dict[str, str]:
    """What somebody filled in; an id that he left to us is made of the name."""
    texts = {name: form.get(name, "").strip() for name in FIELDS}
    return texts | {"id": texts["id"] or slug_of(texts["name"])}


def blank() -> dict[str, str]:
    """The form of a site that is not there yet."""
    return {name: _START.get(name, "") for name in FIELDS}


def of_site(site: Site) -> dict[str, str]:
    """The form of a site as it stands."""
    keys = written(site, SITE.form, site)
    return {name: str(keys.get(name, "")) for name in FIELDS} | {"cuti_bersama": str(site.cuti_bersama).lower()}


def wanted(texts: Mapping[str, str]) -> dict[str, str | None]:
    """What a filled-in form says, for `presence.registry`."""
    return {name: text or None for name, text in texts.items()}


def fields(
    texts: Mapping[str, str],
    words: Words,
    found: Sequence[Problem] = (),
    now: Mapping[str, str] | None = None,
    *,
    new: bool,
) -> list[Field]:
    """The fields of the form. `now`: what is there meanwhile, where somebody else was faster."""
    told = {problem.path: problem for problem in found}
    return [
        Field(
            name=name,
            label=words(f"admin.site.{name}"),
            hint=words.get(f"admin.site.{name}.hint", ""),
            value=texts[name],
            required=name in ("name", "service_hours"),
            choices=_choices(name, texts[name], words),
            wrong=wrong_at(name, texts[name], told[name], words) if name in told else None,
            now=moved_to(texts[name], now[name], words) if now is not None else "",
            syntax=syntax_of(name, words),
        )
        for name in FIELDS
        if new or name != "id"
    ]


def _choices(name: str, chosen: str, words: Words) -> tuple[Choice, ...]:
    if name == "timezone":
        here = [Choice(zone, f"{short} ({zone})") for zone, short in _HERE.items()]
        others = [zone for zone in timezones() if zone not in _HERE]
        known = {*others, *_HERE}
        return (*here, *(Choice(zone, zone) for zone in ([] if chosen in known else [chosen]) + others))
    if name == "country":
        return tuple(sorted((Choice(code, words.country(code)) for code in countries()), key=lambda one: one.label))
    if name == "cuti_bersama":
        return tuple(Choice(value, words(f"admin.site.cuti_bersama.{value}")) for value in ("false", "true"))
    return ()


def meaning_of(texts: Mapping[str, str], site: Site | None, today: date, words: Words) -> Meaning | None:
    """What the hours of a form mean, with the special days of `site`; None when they cannot be read."""
    schedule = Schedule(
        timezone=texts["timezone"],
        country=texts["country"],
        service_hours=texts["service_hours"],
        cuti_bersama=texts["cuti_bersama"] == "true",
        exceptions=() if site is None else site.exceptions,
    )
    return meaning(schedule, today, words)
