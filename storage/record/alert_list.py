"""The alerts as people read them: by site, state, subject and time, and those that changed since a revision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select

from presence.alerts.life import Alert
from presence.instants import rfc3339, rfc3339_or_none
from storage.record.tables import alert, notification

AlertState = Literal["firing", "acknowledged", "resolved", "disproved"]
ALERT_STATES: tuple[AlertState, ...] = get_args(AlertState)


class Told(NamedTuple):
    """A message that reached somebody. `agency`: "" for a contact of the site itself."""

    at_ms: int
    agency: str
    recipient: str


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert of the record. `late`: it was due while nobody watched. `told`: who heard that it fired, in order."""

    id: str
    site: str
    alert: Alert
    late: bool
    disproved_ms: int | None
    revision: int
    told: tuple[Told, ...] = ()

    @property
    def state(self) -> AlertState:
        if self.disproved_ms is not None:
            return "disproved"
        return "firing" if self.alert.resolved_ms is None else "resolved"

    def as_json(self) -> dict[str, Any]:
        """The line of `hadir replay`, and what only the record knows."""
        return self.alert.as_json() | {
            "id": self.id,
            "site": self.site,
            "state": self.state,
            "acknowledged": None,
            "late": self.late,
            "disproved": rfc3339_or_none(self.disproved_ms),
            "told": [{"at": rfc3339(told.at_ms), "to": told.recipient, "agency": told.agency} for told in self.told],
        }


def alerts(
    connection: Connection,
    *,
    site: str | None = None,
    state: AlertState | None = None,
    outlet: str | None = None,
    from_ms: int | None = None,
    to_ms: int | None = None,
    after_revision: int | None = None,
    limit: int = 1000,
) -> list[AlertRow]:
    """The newest `limit` alerts that match, ordered by when they fired.

    `from_ms`, `to_ms`: those that stood at some time within [from, to).
    """
    chosen: list[ColumnElement[bool]] = []
    if site is not None:
        chosen.append(alert.c.site == site)
    if state is not None:
        chosen.append(_in_state(state))
    if outlet is not None:
        chosen += [alert.c.subject_type == "outlet", alert.c.subject == outlet]
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
    return _with_told(connection, reversed(rows))


def by_ids(connection: Connection, ids: Collection[str]) -> list[AlertRow]:
    """The alerts of `ids`."""
    rows = [
        row
        for some in _in_batches(ids)
        for row in connection.execute(select(alert).where(alert.c.id.in_(some)).order_by(alert.c.fired_ms))
    ]
    return _with_told(connection, rows)


def newest_revision(connection: Connection) -> int:
    """Where a cursor begins that has seen everything; 0 when there is no alert."""
    found: int | None = connection.execute(select(func.max(alert.c.revision))).scalar()
    return found or 0


def _in_state(state: AlertState) -> ColumnElement[bool]:
    if state == "disproved":
        return alert.c.disproved_ms.is_not(None)
    if state == "acknowledged":
        return alert.c.id.is_(None)  # nothing is acknowledged before acknowledgements exist
    standing = alert.c.resolved_ms.is_(None) if state == "firing" else alert.c.resolved_ms.is_not(None)
    return standing & alert.c.disproved_ms.is_(None)


def _with_told(connection: Connection, rows: Iterable[Row[Any]]) -> list[AlertRow]:
    rows = list(rows)
    told: dict[str, list[Told]] = defaultdict(list)
    for some in _in_batches([row.id for row in rows]):
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
        )
        for row in rows
    ]


def _in_batches(ids: Collection[str]) -> Iterator[list[str]]:
    """SQLite before 3.32 takes 999 values in one statement."""
    left = list(ids)
    for at in range(0, len(left), 500):
        yield left[at : at + 500]
