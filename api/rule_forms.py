"""The rules of a site on the page: what holds for each kind of alert, where that was said, the form of a few."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from api.admin import Choice, Field, moved_to, wrong_at
from api.words import Words
from presence.alerts.subjects import DEFAULT_AFTER_MS
from presence.registry import rules_of
from presence.site import AlertKind, Rule, Rules, Site
from presence.site_checks import Problem
from presence.site_values import parse_duration, written_duration

# Those that a facility manager tunes; each by its `after`.
KINDS: tuple[AlertKind, ...] = ("vacancy", "late_opening", "unattended")
OFF = "off"
_MINUTE_MS = 60_000
_OFFERED_MIN = (1, 2, 3, 5, 10, 15, 20, 30, 45, 60)
# Of which there is no alert until somebody makes a rule.
_ON_DEMAND: tuple[AlertKind, ...] = ("late_opening",)


class RuleRow(NamedTuple):
    """`said`: where it was said: as it comes, the site, or whose it is."""

    kind: str
    whose: str
    after: str
    said: str


def typed(form: Mapping[str, str]) -> dict[str, str]:
    """What somebody chose: a duration, `off`, or "" for what holds by itself."""
    return {kind: form.get(kind, "").strip() for kind in KINDS}


def of_site(site: Site) -> dict[str, str]:
    """The form as it stands."""
    return {kind: _chosen(kind, site.rules.get(kind)) for kind in KINDS}


def _chosen(kind: AlertKind, rule: Rule | None) -> str:
    if rule is None:
        return ""
    if rule.off:
        return OFF
    if rule.after_ms is None:
        return written_duration(DEFAULT_AFTER_MS[kind]) if kind in _ON_DEMAND else ""
    return written_duration(rule.after_ms)


def wanted(site: Site, texts: Mapping[str, str]) -> dict[str, Any]:
    """What the form says, for `presence.registry`; what else a rule says stays."""
    kept = rules_of(site)["rules"]
    return {"rules": {kind: _rule(kept.get(kind), texts[kind]) for kind in KINDS if texts[kind] != of_site(site)[kind]}}


def _rule(kept: object, chosen: str) -> object:
    if chosen == OFF:
        return OFF
    rest = {name: value for name, value in kept.items() if name != "after"} if isinstance(kept, dict) else {}
    return (rest | {"after": chosen}) if chosen else rest or None


def fields(
    texts: Mapping[str, str], words: Words, found: Sequence[Problem] = (), now: Mapping[str, str] | None = None
) -> list[Field]:
    """The fields of the form. `now`: what is there meanwhile, where somebody else was faster."""
    wrong = {kind: one for one in found for kind in KINDS if one.path.startswith(f"rules.{kind}")}
    return [
        Field(
            name=kind,
            label=words(f"admin.rule.{kind}"),
            hint=words(f"admin.rule.{kind}.hint"),
            value=texts[kind],
            required=False,
            choices=_choices(kind, texts[kind], words),
            wrong=wrong_at(kind, texts[kind], wrong[kind]._replace(path=kind), words) if kind in wrong else None,
            now="" if now is None else _moved(kind, texts[kind], now[kind], words),
        )
        for kind in KINDS
    ]


def _moved(kind: AlertKind, chosen: str, now: str, words: Words) -> str:
    return moved_to(_called(kind, chosen, words), _called(kind, now, words), words)


def _choices(kind: AlertKind, chosen: str, words: Words) -> tuple[Choice, ...]:
    offered = [written_duration(minutes * _MINUTE_MS) for minutes in _OFFERED_MIN]
    if chosen not in ("", OFF, *offered):
        offered.insert(0, chosen)
    # What is not there by itself is off already.
    others = ("",) if kind in _ON_DEMAND and chosen != OFF else ("", OFF)
    return tuple(Choice(value, _called(kind, value, words)) for value in (*others[:1], *offered, *others[1:]))


def _called(kind: AlertKind, chosen: str, words: Words) -> str:
    if chosen == OFF or (not chosen and kind in _ON_DEMAND):
        return words("admin.rule.off")
    if not chosen:
        return words("admin.rule.usual", after=words.span(DEFAULT_AFTER_MS[kind]))
    try:
        return words("admin.rule.after", after=words.span(parse_duration(chosen, 0)))
    except ValueError:
        return chosen


def rows(site: Site, words: Words) -> list[RuleRow]:
    """Each kind as it holds for the site; after it what agencies, duties and outlets say otherwise."""
    return [row for kind in get_args(AlertKind) for row in _rows(site, kind, words)]


def _rows(site: Site, kind: AlertKind, words: Words) -> Iterator[RuleRow]:
    name, own = words(f"kind.{kind}"), site.rules.get(kind)
    said = words("admin.rule.said.usual" if own is None else "admin.rule.said.site")
    yield RuleRow(name, words("admin.day.everybody"), _holds(kind, _chosen(kind, own), words), said)
    for whose, said_by, rules in _levels(site):
        if (rule := rules.get(kind)) is not None:
            above = _chosen(kind, own) if rule.after_ms is None and not rule.off else _chosen(kind, rule)
            yield RuleRow(name, whose, _holds(kind, above, words), words(f"admin.rule.said.{said_by}"))


def _levels(site: Site) -> Iterator[tuple[str, str, Rules]]:
    yield from ((one.name, "agency", one.rules) for one in site.agencies)
    yield from ((one.id, "duty", one.rules) for one in site.duties)
    yield from ((one.name, "outlet", one.rules) for one in site.outlets)


def _holds(kind: AlertKind, chosen: str, words: Words) -> str:
    if chosen or kind in _ON_DEMAND or DEFAULT_AFTER_MS[kind]:
        return _called(kind, chosen, words)
    return words("admin.rule.at_once")
