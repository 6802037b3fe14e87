"""Answers to alerts: why an outlet is empty, who says so, and for how long that stands. Functions on a connection.

An answer holds until its own time-out, the newest one counts; then the alert is `firing` again, when it still stands.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, insert, select

from presence.declarations import ACKNOWLEDGED_MS, LONGEST_ACKNOWLEDGED_MS, NotAccepted, check_reason
from presence.instants import rfc3339
from presence.site_checks import Problem
from storage.record import alerts, audit
from storage.record.batches import in_batches
from storage.record.refusals import NotNow, NotThere
from storage.record.tables import acknowledgement, alert

_MINUTE_MS = 60_000

_columns = acknowledgement.c
_all = select(
    _columns.id,
    _columns.alert,
    _columns.at_ms,
    _columns.until_ms,
    _columns.reason,
    _columns.note,
    _columns.author,
).order_by(_columns.id)
_last_id = select(func.max(_columns.id))


class Acknowledgement(NamedTuple):
    """One answer to one alert; it holds in [at_ms, until_ms)."""

    id: int
    alert: str
    at_ms: int
    until_ms: int
    reason: str
    note: str | None
    author: str


class Answer(NamedTuple):
    """What somebody answers. `reason`: an AbsenceReason, `other` with a `note`; `lasting_ms`: for how long it holds."""

    reason: str
    note: str | None = None
    lasting_ms: int = ACKNOWLEDGED_MS


def add(
    connection: Connection, site: str, alert_id: str, answer: Answer, *, author: str, now_ms: int
) -> Acknowledgement:
    """Write an answer to an alert that stands, with its audit row; who follows revisions sees the alert anew.

    Raises NotAccepted for what is wrong with the answer, NotThere without such an alert, NotNow when it is over.
    """
    if problems := [*check_reason(answer), *_check_lasting(answer.lasting_ms)]:
        raise NotAccepted(problems)
    said = connection.execute(select(alert).where(alert.c.id == alert_id, alert.c.site == site)).one_or_none()
    if said is None:
        raise NotThere(f'no alert "{alert_id}" at site "{site}"')
    if said.disproved_ms is not None:
        raise NotNow(f"late data disproved the alert at {rfc3339(said.disproved_ms)}: nobody need acknowledge it")
    if said.resolved_ms is not None:
        raise NotNow(f"the alert is over since {rfc3339(said.resolved_ms)}: nobody need acknowledge it")
    made = Acknowledgement(0, alert_id, now_ms, now_ms + answer.lasting_ms, answer.reason, answer.note, author)
    return _write(connection, site, said, "acknowledged", made)


def take_back(
    connection: Connection, site: str, alert_id: str, number: int, *, author: str, now_ms: int
) -> Acknowledgement:
    """Take back answer `number`, with an audit row: a newer one that holds for no time, so that the alert fires again.

    Raises NotThere without such an alert or answer, NotNow when the alert or the answer is over, or another one counts.
    """
    given = of_alerts(connection, [alert_id]).get(alert_id, [])
    said = connection.execute(select(alert).where(alert.c.id == alert_id, alert.c.site == site)).one_or_none()
    if said is None or number not in {answer.id for answer in given}:
        raise NotThere(f'no answer {number} to an alert "{alert_id}" at site "{site}"')
    if said.disproved_ms is not None or said.resolved_ms is not None:
        raise NotNow("the alert is over: its answer stays as it was given")
    if given[-1].id != number or given[-1].until_ms <= now_ms:
        raise NotNow(f"answer {number} holds no more; there is nothing to take back")
    made = given[-1]._replace(id=0, at_ms=now_ms, until_ms=now_ms, author=author)
    return _write(connection, site, said, "acknowledgement_withdrawn", made)


def _write(connection: Connection, site: str, said: Row[Any], event: str, made: Acknowledgement) -> Acknowledgement:
    row = made._asdict() | {"site": site}
    del row["id"]
    number = connection.execute(insert(acknowledgement).values(row).returning(_columns.id)).scalar_one()
    alerts.raise_revision(connection, made.alert)
    audit.append(
        connection,
        made.at_ms,
        {
            "event": event,
            "site": site,
            "alert": made.alert,
            "kind": said.kind,
            "subject_type": said.subject_type,
            "subject": said.subject,
            "until": rfc3339(made.until_ms),
            "reason": made.reason,
            "note": made.note,
            "author": made.author,
        },
    )
    return made._replace(id=number)


def of_alerts(connection: Connection, ids: Collection[str]) -> dict[str, list[Acknowledgement]]:
    """The answers to each alert of `ids` that has any, oldest first."""
    found: dict[str, list[Acknowledgement]] = {}
    for some in in_batches(ids):
        for row in connection.execute(_all.where(_columns.alert.in_(some))):
            found.setdefault(row.alert, []).append(Acknowledgement(*row))
    return found


def last_id(connection: Connection) -> int:
    """The id of the newest answer to any alert; 0 when there is none."""
    found: int | None = connection.execute(_last_id).scalar()
    return found or 0


def _check_lasting(lasting_ms: int) -> list[Problem]:
    longest = LONGEST_ACKNOWLEDGED_MS // _MINUTE_MS
    if _MINUTE_MS <= lasting_ms <= LONGEST_ACKNOWLEDGED_MS:
        return []
    return [Problem("minutes", f"are not 1 to {longest}; for a longer absence declare one")]
