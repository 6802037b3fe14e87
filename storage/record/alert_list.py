"""The alerts as people read them: by site, state, subject and time, and those that changed since a revision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from sqlalchemy import ColumnElement, Connection, Row, false, func, or_, select

from presence.alerts.life import Alert
from presence.alerts.subjects import SubjectType
from presence.instants import rfc3339, rfc3339_or_none
from storage.record.acknowledgements import Acknowledgement, of_alerts
from storage.record.batches import in_batches
from storage.record.tables import acknowledgement, alert, notification

AlertState = Literal["firing", "acknowledged", "resolved", "disproved"]
ALERT_STATES: tuple[AlertState, ...] = get_args(AlertState)

# Until when the newest answer to an alert holds; null without one.
_held_until_ms = (
    select(acknowledgement.c.until_ms)
    .where(acknowledgement.c.alert == alert.c.id)
    .order_by(acknowledgement.c.id.desc())
    .limit(1)
    .correlate(alert)
    .scalar_subquery()
)


# What alerts are about: for each site those subjects, by type, or None for everything of it.
Among = Mapping[str, Mapping[SubjectType, Collection[str]] | None]


class Place(NamedTuple):
    """Where a list of alerts goes on."""

    fired_ms: int
    id: str


class Told(NamedTuple):
    """A message that reached somebody. `agency`: "" for a contact of the site itself."""

    at_ms: int
    agency: str
    recipient: str


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert of the record. `late`: it was due while nobody watched. `told`: who heard that it fired, in order.

    `acknowledged`: the newest answer, whether it holds or not.
    """

    id: str
    site: str
    alert: Alert
    late: bool
    disproved_ms: int | None
    revision: int
    told: tuple[Told, ...] = ()

    acknowledged: Acknowledgement | None = None

    @property
    def stands(self) -> bool:
        """Whether it is neither over nor disproved."""
        return self.alert.resolved_ms is None and self.disproved_ms is None

    def state(self, now_ms: int) -> AlertState:
        """An alert that stands is `acknowledged` as long as its newest answer holds, and then `firing` again."""
        if self.disproved_ms is not None:
            return "disproved"
        if self.alert.resolved_ms is not None:
            return "resolved"
        return "acknowledged" if self.acknowledged is not None and now_ms < self.acknowledged.until_ms else "firing"

    def as_json(self, now_ms: int) -> dict[str, Any]:
        """The line of `hadir replay`, and what only the record knows."""
        return self.alert.as_json() | {
            "id": self.id,
            "site": self.site,
            "state": self.state(now_ms),
            "acknowledged": None if self.acknowledged is None else _answer_json(self.acknowledged),
            "late": self.late,
            "disproved": rfc3339_or_none(self.disproved_ms),
            "told": [{"at": rfc3339(told.at_ms), "to": told.recipient, "agency": told.agency} for told in self.told],
        }


def _answer_json(answer: Acknowledgement) -> dict[str, Any]:
    return {
        "at": rfc3339(answer.at_ms),
        "until": rfc3339(answer.until_ms),
        "by": answer.author,
        "reason": answer.reason,
        "note": answer.note,
    }


def alerts(
    connection: Connection,
    *,
    now_ms: int,
    site: str | None = None,
    among: Among | None = None,
    state: AlertState | None = None,
    outlet: str | None = None,
    before: Place | None = None,
    from_ms: int | None = None,
    to_ms: int | None = None,
    after_revision: int | None = None,
    limit: int | None = 1000,
) -> list[AlertRow]:
    """The newest `limit` alerts that match, None: all of them, ordered by when they fired.

    `among`: what they are about. `before`: those that are older than this one alone.
    `state`: in which they are at `now_ms`. `from_ms`, `to_ms`: those that stood at some time within [from, to).
    """
    chosen: list[ColumnElement[bool]] = []
    if site is not None:
        chosen.append(alert.c.site == site)
    if among is not None:
        chosen.append(or_(false(), *(_about(site, subjects) for site, subjects in among.items())))
    if state is not None:
        chosen.append(_in_state(state, now_ms))
    if outlet is not None:
        chosen += [alert.c.subject_type == "outlet", alert.c.subject == outlet]
    if before is not None:
        earlier = (alert.c.fired_ms == before.fired_ms) & (alert.c.id < before.id)
        chosen.append(or_(alert.c.fired_ms < before.fired_ms, earlier))
    if from_ms is not None:
        stands = alert.c.resolved_ms.is_(None) & alert.c.disproved_ms.is_(None)
        chosen.append(or_(stands, alert.c.resolved_ms > from_ms, alert.c.disproved_ms > from_ms))
    if to_ms is not None:
        chosen.append(alert.c.fired_ms < to_ms)
    if after_revision is not None:
        chosen.append(alert.c.revision > after_revision)
    rows = connection.execute(
        select(alert).where(*chosen).order_by(alert.c.fired_ms.desc(), alert.c.id.desc()).limit(limit)
    ).all()
    return _whole(connection, reversed(rows))


def by_ids(connection: Connection, ids: Collection[str]) -> list[AlertRow]:
    """The alerts of `ids`."""
    rows = [
        row
        for some in in_batches(ids)
        for row in connection.execute(select(alert).where(alert.c.id.in_(some)).order_by(alert.c.fired_ms))
    ]
    return _whole(connection, rows)


def newest_revision(connection: Connection) -> int:
    """Where a cursor begins that has seen everything; 0 when there is no alert."""
    found: int | None = connection.execute(select(func.max(alert.c.revision))).scalar()
    return found or 0


def _about(site: str, subjects: Mapping[SubjectType, Collection[str]] | None) -> ColumnElement[bool]:
    its = alert.c.site == site
    if subjects is None:
        return its
    named = ((alert.c.subject_type == kind) & alert.c.subject.in_(sorted(ids)) for kind, ids in subjects.items())
    return its & or_(false(), *named)


def _in_state(state: AlertState, now_ms: int) -> ColumnElement[bool]:
    if state == "disproved":
        return alert.c.disproved_ms.is_not(None)
    if state == "resolved":
        return alert.c.resolved_ms.is_not(None) & alert.c.disproved_ms.is_(None)
    holds = func.coalesce(_held_until_ms, 0) > now_ms
    stands = alert.c.resolved_ms.is_(None) & alert.c.disproved_ms.is_(None)
    return stands & (holds if state == "acknowledged" else ~holds)


def _whole(connection: Connection, rows: Iterable[Row[Any]]) -> list[AlertRow]:
    rows = list(rows)
    ids = [row.id for row in rows]
    answers = of_alerts(connection, ids)
    told: dict[str, list[Told]] = defaultdict(list)
    for some in in_batches(ids):
        for alert_id, sent_ms, agency, recipient in connection.execute(
            select(notification.c.alert, notification.c.sent_ms, notification.c.agency, notification.c.recipient)
            .where(
                notification.c.alert.in_(some),
                notification.c.event == "firing",
                notification.c.sent_ms.is_not(None),
            )
            .order_by(notification.c.sent_ms)
        ):
            told[alert_id].append(Told(sent_ms, agency, recipient))
    return [
        AlertRow(
            row.id,
            row.site,
            Alert(row.kind, row.subject_type, row.subject, row.since_ms, row.fired_ms, row.resolved_ms, row.reason),
            bool(row.late),
            row.disproved_ms,
            row.revision,
            tuple(told.get(row.id, ())),
            answers[row.id][-1] if row.id in answers else None,
        )
        for row in rows
    ]
