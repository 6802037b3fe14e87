"""What alerts speak of: for each kind the duties, outlets, sensors and gateways of a site, with the rule that holds.

Rules merge key by key: site, then agency, then duty or outlet (a named duty has its own, not its outlets'). Of a sensor
those of its outlet hold; of gateways and the site the site's alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from presence.alerts.rule import Reason, Rule
from presence.duties import DutyOf, duties
from presence.site import AlertKind, Group, Outlet, Rules, Sensor, Site
from presence.site import Rule as RuleOfLevel
from presence.zones import zones

SubjectType = Literal["outlet", "duty", "sensor", "gateway", "site"]

_MINUTE_MS = 60_000
DEFAULT_AFTER_MS: dict[AlertKind, int] = {
    "vacancy": 10 * _MINUTE_MS,
    "unattended": 3 * _MINUTE_MS,
    "late_opening": 15 * _MINUTE_MS,
    "equipment_down": 5 * _MINUTE_MS,
    "sensor_silent": 5 * _MINUTE_MS,
    "sensor_stuck": 0,
    "gateway_offline": 2 * _MINUTE_MS,
    "low_battery": 0,
    "site_outage": 0,
}
DEFAULT_MIN_PRESENCE_MS = 30_000
DEFAULT_UNKNOWN_AFTER_MS = 5 * _MINUTE_MS
_DEVICE_KINDS: tuple[AlertKind, ...] = ("sensor_silent", "sensor_stuck", "low_battery")
_PEOPLE: frozenset[AlertKind] = frozenset(("vacancy", "unattended", "late_opening", "equipment_down"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One thing of which one kind of alert can speak.

    `outlets`: those of the duty or the site, or the one at which it happens; of a gateway none. `rule` None: switched
    off. `late_rule`: that of `late_opening` for the kinds that share its phase; None: there is no late phase.
    """

    kind: AlertKind
    subject_type: SubjectType
    id: str
    agency: str = ""
    outlets: tuple[Outlet, ...] = ()
    at_least: int = 1
    rule: Rule | None = None
    late_rule: Rule | None = None

    @property
    def group(self) -> Group:
        """Whose ladder of escalation it goes by."""
        return group_of(self.kind)


def group_of(kind: AlertKind) -> Group:
    """Whose ladder of escalation alerts of a kind go by."""
    return "people" if kind in _PEOPLE else "site" if kind == "site_outage" else "technical"


def subjects(site: Site) -> list[Subject]:
    """Everything of the site that has an alert, those whose rule is off too."""
    return [*_duties(site), *_outlets(site), *_devices(site)]


def _duties(site: Site) -> Iterator[Subject]:
    for duty in duties(site):
        late = late_rule_of(site, duty)
        for kind, rule in (("vacancy", _rule(site, duty.agency, duty.rules, "vacancy")), ("late_opening", late)):
            yield Subject(
                kind=kind,  # type: ignore[arg-type]  # a literal of the pair
                subject_type=duty.subject_type,
                id=duty.id,
                agency=duty.agency,
                outlets=duty.outlets,
                at_least=duty.at_least,
                rule=rule,
                late_rule=late,
            )


def _outlets(site: Site) -> Iterator[Subject]:
    watched = zones(site)
    for outlet in site.outlets:
        sides = {key.zone for key in watched if key.outlet == outlet.id}
        for kind, needed in _SIDES.items():
            if needed <= sides:
                rule = _rule(site, outlet.agency, outlet.rules, kind)
                yield Subject(
                    kind=kind, subject_type="outlet", id=outlet.id, agency=outlet.agency, outlets=(outlet,), rule=rule
                )


_SIDES: dict[AlertKind, set[str]] = {"unattended": {"staff", "visitor"}, "equipment_down": {"equipment"}}


def _devices(site: Site) -> Iterator[Subject]:
    for outlet in site.outlets:
        for sensor in outlet.sensors:
            for kind in _DEVICE_KINDS:
                yield _of_sensor(site, outlet, sensor, kind)
    for gateway in site.gateways:
        rule = _rule(site, "", {}, "gateway_offline")
        yield Subject(kind="gateway_offline", subject_type="gateway", id=gateway.id, rule=rule)
    rule = _rule(site, "", {}, "site_outage")
    yield Subject(kind="site_outage", subject_type="site", id=site.id, outlets=site.outlets, rule=rule)


def _of_sensor(site: Site, outlet: Outlet, sensor: Sensor, kind: AlertKind) -> Subject:
    rule = _rule(site, outlet.agency, outlet.rules, kind)
    return Subject(kind=kind, subject_type="sensor", id=sensor.id, agency=outlet.agency, outlets=(outlet,), rule=rule)


def rule_of(site: Site, duty: DutyOf, kind: AlertKind) -> Rule | None:
    """The rule of `kind` for `duty`; None when it is off."""
    return _rule(site, duty.agency, duty.rules, kind)


def late_rule_of(site: Site, duty: DutyOf) -> Rule | None:
    """The rule of `late_opening`; None when nobody made one: then there is no late phase."""
    if not _levels(site, duty.agency, duty.rules, "late_opening"):
        return None
    return _rule(site, duty.agency, duty.rules, "late_opening")


def min_presence_ms(site: Site, agency: str, rules: Rules) -> int:
    """What counts as a presence in the ledger: `min_presence` of the vacancy rule, whether that is on or off."""
    return _last(_levels(site, agency, rules, "vacancy"), "min_presence_ms", DEFAULT_MIN_PRESENCE_MS)


def _rule(site: Site, agency: str, rules: Rules, kind: AlertKind) -> Rule | None:
    said = _levels(site, agency, rules, kind)
    if said and said[-1].off:
        return None
    return Rule(
        after_ms=_last(said, "after_ms", DEFAULT_AFTER_MS[kind]),
        min_presence_ms=_last(said, "min_presence_ms", DEFAULT_MIN_PRESENCE_MS),
        unknown_after_ms=_last(said, "unknown_after_ms", DEFAULT_UNKNOWN_AFTER_MS),
        false_reason=_false_reason(kind),
    )


def _false_reason(kind: AlertKind) -> Reason:
    if kind == "unattended":
        return "visitor_left"
    return "presence" if kind in _PEOPLE else "ended"


def _levels(site: Site, agency_id: str, rules: Rules, kind: AlertKind) -> list[RuleOfLevel]:
    agency = next((agency for agency in site.agencies if agency.id == agency_id), None)
    return [level[kind] for level in (site.rules, agency.rules if agency else {}, rules) if kind in level]


def _last(levels: Iterable[RuleOfLevel], key: str, default: int) -> int:
    value = default
    for level in levels:
        given = getattr(level, key)
        value = value if given is None else given
    return value
