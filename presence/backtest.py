"""Other rules or hours on stored history: what would have fired, for whom, beside what did.

Alerts are judged on the road of live and replay (`presence.pipeline`), over more than was asked for on both sides: a
clock may run when the stretch begins, and an end may be sure only after it. Those that fired within it count.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from statistics import median
from typing import Literal, NamedTuple

from presence.alerts.escalation import contact_of, held_until, ladder, speakers
from presence.alerts.evaluate import Known, changes, outcome
from presence.alerts.life import Alert, alerts
from presence.alerts.rule import Change
from presence.alerts.subjects import Subject, SubjectType, subjects
from presence.duties import duties
from presence.intervals import Span
from presence.ledger import LedgerDay
from presence.obligations import Obligations
from presence.pipeline import alerts_of
from presence.rule_changes import Sweep, with_rule
from presence.site import AlertKind, Site

_DAY_MS = 86_400_000


class Recorded(NamedTuple):
    """An alert as the record has it. `agency`: "" for one of the site itself."""

    alert: Alert
    agency: str
    disproved_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """One alert, as it would have been and as it was; None where it would not have been, or was not."""

    agency: str
    backtest: Alert | None
    record: Recorded | None

    @property
    def found(self) -> Literal["backtest", "record", "both"]:
        if self.record is None:
            return "backtest"
        return "record" if self.backtest is None else "both"

    @property
    def alert(self) -> Alert:
        """As it would have been, else as it was."""
        if self.backtest is not None:
            return self.backtest
        assert self.record is not None
        return self.record.alert

    @property
    def moved(self) -> bool:
        """Whether it is in both, with other times."""
        return self.backtest is not None and self.record is not None and self.backtest != self.record.alert


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """What alerts come to together. `standing_ms`: from firing to their end, or to that of the stretch."""

    alerts: int
    standing_ms: int
    median_ms: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """One agency, or all of them: what would have been beside what was. `told`: names of contacts, in order.

    `obliged_ms`, `unknown_ms`: of its duties; nothing fires for what is not known.
    """

    agency: str
    backtest: Figures
    record: Figures
    disproved: int
    new: int
    gone: int
    moved: int
    told: tuple[str, ...]
    obliged_ms: int
    unknown_ms: int


class SweepPoint(NamedTuple):
    value_ms: int
    alerts: int
    standing_ms: int


def around(site: Site, horizon: Span) -> Span:
    """The stretch to be judged so that what fires within `horizon` is right, as far as the rules of `site` reach."""
    rules = [subject.rule for subject in subjects(site) if subject.rule is not None]
    before_ms = max((rule.after_ms for rule in rules), default=0) + _DAY_MS
    after_ms = max((max(rule.min_presence_ms, rule.unknown_after_ms) for rule in rules), default=0) + 1
    return Span(horizon.start_ms - before_ms, horizon.end_ms + after_ms)


def around_sweep(site: Site, sweep: Sweep, horizon: Span) -> Span:
    """As `around`, for all values of `sweep`: the longest one reaches furthest."""
    return around(with_rule(site, sweep.change(sweep.values_ms[-1])), horizon)


def within(found: Iterable[Alert], horizon: Span) -> list[Alert]:
    """Those of `found` that fired in `horizon`, by the instant of firing; what ends later still stands."""
    inside = [_cut(alert, horizon.end_ms) for alert in found if horizon.start_ms <= alert.fired_ms < horizon.end_ms]
    return sorted(inside, key=lambda alert: (alert.fired_ms, alert.kind, alert.subject))


def recorded_within(found: Iterable[Recorded], horizon: Span) -> list[Recorded]:
    """As `within`, of what the record has."""
    return [
        one._replace(alert=_cut(one.alert, horizon.end_ms))
        for one in found
        if horizon.start_ms <= one.alert.fired_ms < horizon.end_ms
    ]


def _cut(alert: Alert, end_ms: int) -> Alert:
    if alert.resolved_ms is None or alert.resolved_ms < end_ms:
        return alert
    return dataclasses.replace(alert, resolved_ms=None, reason=None)


def would_have_been(
    site: Site,
    known: Known,
    obligations: Obligations,
    judged: Span,
    horizon: Span,
    of: Iterable[Subject] | None = None,
) -> list[Alert]:
    """The alerts that fire in `horizon`. `judged`: the part of `around` of which something is known."""
    return within(alerts_of(site, known, judged, obligations, of), horizon)


def compare(site: Site, backtest: Iterable[Alert], record: Iterable[Recorded]) -> list[Compared]:
    """Each alert once: one is the other when their clocks began together, or else when they overlap, the first first.

    By the instant of firing. A disproved alert is only its own twin: it never was what the backtest finds beside it.
    """
    agency_of = {(subject.kind, subject.id): subject.agency for subject in subjects(site)}
    left = {(_subject(one.alert), one.alert.since_ms): one for one in record}
    found: list[Compared] = []
    unmatched: list[Alert] = []
    for alert in backtest:
        twin = left.pop((_subject(alert), alert.since_ms), None)
        if twin is None:
            unmatched.append(alert)
        else:
            found.append(Compared(agency_of[alert.kind, alert.subject], alert, twin))
    beside: dict[_Subject, deque[Recorded]] = defaultdict(deque)
    for one in sorted(left.values(), key=lambda one: one.alert.since_ms):
        if one.disproved_ms is None:
            beside[_subject(one.alert)].append(one)
    for alert in unmatched:
        near = beside[_subject(alert)]
        while near and _ends_ms(near[0].alert) <= alert.since_ms:
            near.popleft()
        twin = near.popleft() if near and near[0].alert.since_ms < _ends_ms(alert) else None
        if twin is not None:
            del left[_subject(alert), twin.alert.since_ms]
        found.append(Compared(agency_of[alert.kind, alert.subject], alert, twin))
    found += [Compared(one.agency, None, one) for one in left.values()]
    return sorted(found, key=lambda one: (one.alert.fired_ms, one.alert.kind, one.alert.subject))


_Subject = tuple[AlertKind, SubjectType, str]


def _subject(alert: Alert) -> _Subject:
    return alert.kind, alert.subject_type, alert.subject


def _ends_ms(alert: Alert) -> float:
    return inf if alert.resolved_ms is None else alert.resolved_ms


def summaries(site: Site, compared: Sequence[Compared], ledger: Iterable[LedgerDay], end_ms: int) -> list[Summary]:
    """One for each agency with outlets or alerts, in the order of the site; last, as "", what is the site's own."""
    by_agency: dict[str, list[Compared]] = defaultdict(list)
    for one in compared:
        by_agency[one.agency].append(one)
    told = _told(site, [one.backtest for one in compared if one.backtest is not None], end_ms)
    booked = _booked(site, ledger)
    known = [agency.id for agency in site.agencies]
    gone = sorted(by_agency.keys() - {*known, ""})
    return [
        _summary(agency, by_agency[agency], told.get(agency, ()), booked.get(agency, (0, 0)), end_ms)
        for agency in (*known, *gone, "")
        if agency in by_agency or agency in booked
    ]


def total(every: Sequence[Summary], compared: Sequence[Compared], end_ms: int) -> Summary:
    """All of `every` together."""
    told = dict.fromkeys(name for one in every for name in one.told)
    booked = sum(one.obliged_ms for one in every), sum(one.unknown_ms for one in every)
    return _summary("", compared, tuple(told), booked, end_ms)


def _summary(
    agency: str, compared: Iterable[Compared], told: Iterable[str], booked: tuple[int, int], end_ms: int
) -> Summary:
    every = list(compared)
    recorded = [one.record for one in every if one.record is not None]
    return Summary(
        agency=agency,
        backtest=figures([one.backtest for one in every if one.backtest is not None], end_ms),
        record=figures([one.alert for one in recorded], end_ms),
        disproved=sum(one.disproved_ms is not None for one in recorded),
        new=sum(one.found == "backtest" for one in every),
        gone=sum(one.found == "record" for one in every),
        moved=sum(one.moved for one in every),
        told=tuple(told),
        obliged_ms=booked[0],
        unknown_ms=booked[1],
    )


def figures(found: Sequence[Alert], end_ms: int) -> Figures:
    """`end_ms`: until when what has no end stood."""
    stood = [_stood_ms(alert, end_ms) for alert in found]
    return Figures(alerts=len(found), standing_ms=sum(stood), median_ms=round(median(stood)) if stood else None)


def _stood_ms(alert: Alert, end_ms: int) -> int:
    return (end_ms if alert.resolved_ms is None else alert.resolved_ms) - alert.fired_ms


def _told(site: Site, backtest: Iterable[Alert], end_ms: int) -> dict[str, tuple[str, ...]]:
    """Whom the ladders would have reached, by the agency of the alert, had nobody answered."""
    by_subject = {(subject.kind, subject.id): (subject, ladder(site, subject)) for subject in subjects(site)}
    every = list(backtest)
    speaking = [alert for alert in every if alert.kind in ("site_outage", "gateway_offline")]
    reached: dict[str, dict[str, None]] = defaultdict(dict)
    for alert in every:
        subject, rungs = by_subject[alert.kind, alert.subject]
        ends_ms = end_ms if alert.resolved_ms is None else alert.resolved_ms
        before = [one for one in speakers(subject, speaking) if one.fired_ms <= alert.fired_ms]
        if before and (held_until(subject, before, alert.fired_ms) or 0) >= ends_ms:
            continue
        for rung in rungs:
            if alert.fired_ms + rung.after_ms < ends_ms:
                contacts = (contact_of(site, recipient) for recipient in rung.recipients)
                reached[subject.agency].update((contact.name, None) for contact in contacts if contact is not None)
    return {agency: tuple(names) for agency, names in reached.items()}


def _booked(site: Site, ledger: Iterable[LedgerDay]) -> Mapping[str, tuple[int, int]]:
    """Obliged and unknown ms of the duties of each agency."""
    agency_of = {(duty.subject_type, duty.id): duty.agency for duty in duties(site)}
    found: dict[str, tuple[int, int]] = {}
    for day in ledger:
        agency = agency_of.get((day.subject, day.id))
        if agency is not None:
            obliged_ms, unknown_ms = found.get(agency, (0, 0))
            found[agency] = (obliged_ms + day.obliged_ms, unknown_ms + day.unknown_ms)
    return found


def swept(
    site: Site, sweep: Sweep, known: Known, obligations: Obligations, judged: Span, horizon: Span
) -> Iterator[SweepPoint]:
    """How many alerts of the swept kind fire in `horizon` at each value, and how long they stand in all.

    What is true when is worked out once. Not so for `late_opening`: its own rule decides how long its phase lasts.
    """
    kept: dict[str, list[Change]] = {}
    for value_ms in sweep.values_ms:
        found: list[Alert] = []
        for subject in subjects(with_rule(site, sweep.change(value_ms))):
            if subject.kind != sweep.kind or subject.rule is None:
                continue
            if subject.id not in kept or subject.kind == "late_opening":
                kept[subject.id] = changes(subject, known, obligations, *judged)
            found += alerts(subject, outcome(subject, known, kept[subject.id], judged.end_ms).effects)
        inside = within(found, horizon)
        yield SweepPoint(value_ms, len(inside), figures(inside, horizon.end_ms).standing_ms)
