"""What `hadir backtest` prints: a table for each agency, the first differences, the curve of a sweep, JSON lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hadir.output import table
from presence.backtest import Compared, Recorded, Summary, SweepPoint, total
from presence.instants import rfc3339, rfc3339_or_none
from presence.intervals import Span
from presence.rule_changes import Sweep
from presence.site import Site
from presence.site_values import written_duration

_FIRST = 10
_BAR = 40
_EIGHTHS = " ▏▎▍▌▋▊▉"
_COLUMNS = (
    "agency", "alerts", "recorded", "new", "gone", "moved",
    "hours", "recorded", "median", "recorded", "unknown", "would have been told",
)  # fmt: skip


def comparison(site: Site, horizon: Span, compared: Sequence[Compared], by_agency: Sequence[Summary]) -> str:
    """What would have been beside what was, for people."""
    zone = ZoneInfo(site.timezone)
    every = total(by_agency, compared, horizon.end_ms)
    names = {agency.id: agency.short or agency.name for agency in site.agencies} | {"": site.name}
    rows = [_row(names.get(one.agency, one.agency), one) for one in by_agency]
    if len(rows) > 1:
        rows.append((*_row("all", every)[:-1], None))
    lines = [_heading(site, horizon), _unknown(every), ""]
    if rows:
        lines += [table(_COLUMNS, rows), ""]
    lines.append(_kinds(compared))
    if every.disproved:
        were = "was" if every.disproved == 1 else "were"
        lines.append(f"Of the recorded ones {every.disproved:,} {were} disproved by late data.")
    differences = [one for one in compared if one.found != "both" or one.moved]
    if differences:
        count = len(differences)
        first = f", the first {_FIRST}" if count > _FIRST else ""
        lines += ["", f"{count:,} difference{'' if count == 1 else 's'}{first}:"]
        lines.append(table(("in", "kind", "of", "times"), (_difference(one, zone) for one in differences[:_FIRST])))
    elif compared:
        lines += ["", "No difference: every alert is in the record, with these times."]
    return "\n".join(lines)


def _heading(site: Site, horizon: Span) -> str:
    zone = ZoneInfo(site.timezone)
    start, end = (_clock(at_ms, zone) for at_ms in horizon)
    return f"{site.id}, {start} to {end} ({site.timezone}), by {_outlets(site)}"


def _outlets(site: Site) -> str:
    return f"{len(site.outlets):,} outlet{'' if len(site.outlets) == 1 else 's'}"


def _unknown(every: Summary) -> str:
    if not every.obliged_ms:
        return "Nobody had to be there in this time."
    obliged, unknown = every.obliged_ms / 3_600_000, every.unknown_ms / 3_600_000
    told = f"Of {obliged:,.1f} obliged hours {unknown:,.1f} are unknown ({_share(every)})"
    return f"{told}: no alert of people fires in them." if every.unknown_ms else f"{told}."


def _share(one: Summary) -> str:
    return f"{100 * one.unknown_ms / one.obliged_ms:.1f} %" if one.obliged_ms else ""


def _row(name: str, one: Summary) -> tuple[object, ...]:
    record = one.record
    return (
        name, one.backtest.alerts, record.alerts, one.new, one.gone, one.moved,
        _hours(one.backtest.standing_ms), _hours(record.standing_ms),
        _lasted(one.backtest.median_ms), _lasted(record.median_ms), _share(one), ", ".join(one.told),
    )  # fmt: skip


def _hours(ms: int) -> float:
    return round(ms / 3_600_000, 1)


def _lasted(ms: int | None) -> str:
    if ms is None:
        return "–"
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes // 60} h {minutes % 60:02}" if minutes >= 60 else f"{minutes} m {seconds:02}"


def _kinds(compared: Iterable[Compared]) -> str:
    """How many of each kind, and how many were recorded."""
    backtest: Counter[str] = Counter()
    record: Counter[str] = Counter()
    for one in compared:
        backtest[one.alert.kind] += one.backtest is not None
        record[one.alert.kind] += one.record is not None
    kinds = [f"{kind} {backtest[kind]:,} (recorded {record[kind]:,})" for kind in sorted(backtest)]
    return f"By kind: {', '.join(kinds)}." if kinds else "No alert, neither in the backtest nor in the record."


def _difference(one: Compared, zone: ZoneInfo) -> tuple[object, ...]:
    alert = one.alert
    words = {"backtest": "new", "record": "gone", "both": "moved"}[one.found]
    if one.record is not None and one.record.disproved_ms is not None:
        words += " (disproved)"
    span = f"since {_clock(alert.since_ms, zone)}, fired {_clock(alert.fired_ms, zone)}, {_end(one, zone)}"
    if one.moved:
        assert one.record is not None
        was = one.record.alert
        until = "stands" if was.resolved_ms is None else f"{was.reason} {_clock(was.resolved_ms, zone)}"
        span += f"; was since {_clock(was.since_ms, zone)}, fired {_clock(was.fired_ms, zone)}, {until}"
    return words, alert.kind, alert.subject, span


def _end(one: Compared, zone: ZoneInfo) -> str:
    alert = one.alert
    return "stands" if alert.resolved_ms is None else f"{alert.reason} {_clock(alert.resolved_ms, zone)}"


def _clock(at_ms: int, zone: ZoneInfo) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, zone)
    return f"{at:%Y-%m-%d %H:%M:%S}" if at.second else f"{at:%Y-%m-%d %H:%M}"


def json_lines(
    site: Site, horizon: Span, compared: Iterable[Compared], by_agency: Iterable[Summary]
) -> Iterator[dict[str, Any]]:
    """First what was looked at, and how much of it is unknown; then the alerts.

    Each as `hadir replay` prints it, and where it is found; one that moved has its recorded times beside.
    """
    booked = list(by_agency)
    yield {
        "type": "backtest",
        "site": site.id,
        "from": rfc3339(horizon.start_ms),
        "to": rfc3339(horizon.end_ms),
        "obliged_s": sum(one.obliged_ms for one in booked) / 1000,
        "unknown_s": sum(one.unknown_ms for one in booked) / 1000,
    }
    for one in compared:
        line = {**one.alert.as_json(), "in": one.found, "agency": one.agency or None}
        if one.record is not None:
            line["disproved"] = rfc3339_or_none(one.record.disproved_ms)
        if one.moved and one.record is not None:
            was = one.record.alert.as_json()
            line["recorded"] = {key: was[key] for key in ("since", "fired", "resolved", "reason")}
        yield line


def curve(site: Site, horizon: Span, sweep: Sweep, points: Sequence[SweepPoint], record: Iterable[Recorded]) -> str:
    """How many alerts each value makes, as bars of one scale."""
    most = max((point.alerts for point in points), default=0)
    rows = [
        (written_duration(point.value_ms), point.alerts, _hours(point.standing_ms), _bar(point.alerts, most))
        for point in points
    ]
    recorded = sum(one.alert.kind == sweep.kind for one in record)
    return "\n".join(
        [
            _heading(site, horizon),
            f"In the record: {recorded:,} of kind {sweep.kind}.",
            "",
            table((sweep.name, "alerts", "hours", ""), rows),
        ]
    )


def _bar(count: int, most: int) -> str:
    eighths = round(8 * _BAR * count / most) if most else 0
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def sweep_json(sweep: Sweep, point: SweepPoint) -> dict[str, Any]:
    """One value of a sweep."""
    return {
        "type": "sweep",
        "rule": sweep.name,
        "value_s": point.value_ms / 1000,
        "alerts": point.alerts,
        "alert_minutes": round(point.standing_ms / 60_000, 3),
    }
