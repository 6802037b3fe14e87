"""A rule set from the command line, `vacancy.after=5m`, and a sweep over its values, `vacancy.after=1m..30m`.

Keys and values are read as in a site file. What is set holds everywhere: what agencies, outlets and duties say of that
key counts for nothing; a kind that one of them switched off stays off there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

from presence.errors import BadInput
from presence.site import Agency, AlertKind, Duty, Outlet, Rule, Rules, Site
from presence.site_form import RULES, Form, Key, OffOr
from presence.site_values import DURATION, Scalar, did_you_mean

_EXAMPLE = "write for example vacancy.after=5m, or vacancy=off"
_SWEEP_EXAMPLE = "write for example vacancy.after=1m..30m, or vacancy.after=1m..30m:5m"
_SWEPT = ("after", "min_presence", "unknown_after")
_STEPS_MS = [n * 1000 for n in (1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400)]
_USUAL_VALUES = 30
_MOST_VALUES = 1000


class RuleChange(NamedTuple):
    """What is said of one kind of alert; `field`: of `presence.site.Rule`, "off" with the value True."""

    kind: AlertKind
    field: str
    value: Any


class Sweep(NamedTuple):
    """One duration of a rule, in ms, at several values in order. `name`: as it was written, `vacancy.after`."""

    name: str
    kind: AlertKind
    field: str
    values_ms: tuple[int, ...]

    def change(self, value_ms: int) -> RuleChange:
        return RuleChange(self.kind, self.field, value_ms)


def parse_rule(text: str, source: str = "--rule") -> RuleChange:
    """`KIND.KEY=VALUE` or `KIND=off`. Raises BadInput with `source`."""
    name, equals, value = text.partition("=")
    if not equals:
        raise BadInput(source, f'"{text}" sets nothing', remedy=_EXAMPLE)
    if "." not in name:
        kind = _kind(name, source)
        if value != "off":
            raise BadInput(source, f'"{value}" is no value of {name}', remedy=f"write {name}=off, or name a key of it")
        return RuleChange(kind, "off", True)
    kind, key = _key(name, source)
    return RuleChange(kind, key.field, _value(key, value, name, source))


def parse_sweep(text: str, source: str = "--sweep") -> Sweep:
    """`KIND.KEY=FROM..TO[:STEP]`, for keys that are durations; the last value is at most TO. Raises BadInput."""
    name, _, values = text.partition("=")
    limits, colon, step = values.partition(":")
    low, dots, high = limits.partition("..")
    if not dots or (colon and not step) or "." not in name:
        raise BadInput(source, f'"{text}" is no range of a rule', remedy=_SWEEP_EXAMPLE)
    kind, key = _key(name, source)
    if key.name not in _SWEPT:
        raise BadInput(source, f"{name} is no duration of a rule", remedy=f"sweep over one of {', '.join(_SWEPT)}")
    low_ms, high_ms = (_value(key, end, name, source) for end in (low, high))
    if high_ms < low_ms:
        raise BadInput(source, f'"{limits}" ends before it begins', remedy=f"write {name}={high}..{low}")
    step_ms = _read(DURATION, step, name, source) if colon else _usual_step(high_ms - low_ms)
    if step_ms <= 0:
        raise BadInput(source, f'a step of "{step}" leads nowhere', remedy=_SWEEP_EXAMPLE)
    found = range(low_ms, high_ms + 1, step_ms)
    if len(found) > _MOST_VALUES:
        raise BadInput(source, f"{len(found):,} values are too many", remedy=f"take a longer step than {step}")
    return Sweep(name, kind, key.field, tuple(found))


def with_rule(site: Site, change: RuleChange) -> Site:
    """`site` with that rule at all its levels."""
    kind, field, value = change
    own = Rule(off=True) if field == "off" else dataclasses.replace(site.rules.get(kind, Rule()), off=False)
    if field != "off":
        own = dataclasses.replace(own, **{field: value})

    as_above: dict[str, Any] = {field: None}

    def below(rules: Rules) -> Rules:
        if kind not in rules:
            return rules
        if field == "off":
            return {name: rule for name, rule in rules.items() if name != kind}
        return {**rules, kind: dataclasses.replace(rules[kind], **as_above)}

    return dataclasses.replace(
        site,
        rules={**site.rules, kind: own},
        agencies=_each(site.agencies, below),
        outlets=_each(site.outlets, below),
        duties=_each(site.duties, below),
    )


_Level = TypeVar("_Level", Agency, Outlet, Duty)


def _each(levels: tuple[_Level, ...], below: Callable[[Rules], Rules]) -> tuple[_Level, ...]:
    return tuple(dataclasses.replace(level, rules=below(level.rules)) for level in levels)


def _kind(name: str, source: str) -> AlertKind:
    kinds = [key.name for key in RULES.keys]
    if name not in kinds:
        raise BadInput(source, f'no kind of alert "{name}"', remedy=did_you_mean(name, kinds))
    return cast(AlertKind, name)


def _key(name: str, source: str) -> tuple[AlertKind, Key]:
    kind_name, _, key_name = name.partition(".")
    kind = _kind(kind_name, source)
    keys = {key.name: key for key in _keys_of(kind)}
    if key_name not in keys:
        raise BadInput(source, f'no key "{key_name}" in {kind}', remedy=did_you_mean(key_name, keys))
    if key_name not in _SWEPT:
        raise BadInput(
            source,
            f"{name} decides when readings come in, and the record keeps what it decided",
            remedy="see what another value makes of the readings with `hadir replay`",
        )
    return kind, keys[key_name]


def _keys_of(kind: AlertKind) -> tuple[Key, ...]:
    shape = next(key.shape for key in RULES.keys if key.name == kind)
    assert isinstance(shape, OffOr)
    assert isinstance(shape.form, Form)
    return shape.form.keys


def _value(key: Key, text: str, name: str, source: str) -> Any:
    assert isinstance(key.shape, Scalar)
    return _read(key.shape, text, name, source)


def _read(shape: Scalar, text: str, name: str, source: str) -> Any:
    try:
        return shape.read(text)
    except ValueError as error:
        problem, _, remedy = str(error).partition("; ")
        raise BadInput(source, problem, field=name, remedy=remedy or None) from None


def _usual_step(span_ms: int) -> int:
    """A round step that makes about thirty values at most."""
    return next((step for step in _STEPS_MS if span_ms <= _USUAL_VALUES * step), _STEPS_MS[-1])
