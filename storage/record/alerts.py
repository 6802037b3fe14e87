"""Alerts as the engine writes them, the queue of messages, and how far the engine has come. Functions on a connection.

What people read of alerts is in `storage.record.alert_list`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import BindParameter, Connection, Row, bindparam, func, insert, or_, select, update

from presence.alerts.escalation import Recipient
from presence.alerts.life import Alert
from presence.site import AlertKind
from storage.record.tables import alert, collector_progress, engine_cursor, notification
from storage.record.upsert import upsert

_next_revision = select(func.coalesce(func.max(alert.c.revision), 0) + 1).scalar_subquery()
_CHANGING = ("fired_ms", "resolved_ms", "reason", "disproved_ms", "judged_by")
_insert_alert = upsert(alert).values(revision=_next_revision.correlate(None))
_put = _insert_alert.on_conflict_do_update(
    index_elements=["id"],
    set_={
        **{name: _insert_alert.excluded[name] for name in _CHANGING},
        "revision": _next_revision,
    },
).returning(alert.c.revision)
_raise_revision = (
    update(alert).where(alert.c.id == bindparam("alert_id")).values(revision=_next_revision.correlate(None))
)
_set_cursor = upsert(engine_cursor)
_set_cursor = _set_cursor.on_conflict_do_update(
    index_elements=["site"],
    set_={name: _set_cursor.excluded[name] for name in ("interval_change", "registry_version", "until_ms")},
)
_queue = notification.c
_pending = (
    select(
        _queue.key,
        _queue.alert,
        _queue.site,
        _queue.agency,
        _queue.recipient,
        _queue.due_ms,
        _queue.next_try_ms,
        _queue.attempts,
    )
    .where(_queue.next_try_ms.is_not(None))
    .order_by(_queue.due_ms, _queue.key)
)

# Statements that are run for each subject at each look are made once: to make one takes longer than to run it.
_alerts = alert.c
_of_subject = (
    select(alert)
    .where(
        _alerts.site == bindparam("site"),
        _alerts.kind == bindparam("kind"),
        _alerts.subject == bindparam("subject"),
        _alerts.since_ms >= bindparam("from_ms"),
    )
    .order_by(_alerts.since_ms)
)
_cursor = select(engine_cursor.c.interval_change, engine_cursor.c.registry_version, engine_cursor.c.until_ms).where(
    engine_cursor.c.site == bindparam("site")
)

_SITE: BindParameter[str] = bindparam("site")
_AGENCY: BindParameter[str] = bindparam("agency")
_CONTACT: BindParameter[str] = bindparam("recipient")
_repeats = select(func.count()).where(
    _queue.alert == bindparam("alert"), _queue.event == bindparam("event"), _queue.recipient == _CONTACT
)
_last_queued = select(func.max(_queue.due_ms)).where(
    or_(_queue.next_try_ms.is_not(None), _queue.alert == bindparam("alert")),
    _queue.site == _SITE,
    _queue.agency == _AGENCY,
    _queue.recipient == _CONTACT,
)
_last_sent = select(func.max(_queue.sent_ms)).where(
    _queue.site == _SITE, _queue.agency == _AGENCY, _queue.recipient == _CONTACT
)
_newest_queued = select(func.max(_queue.due_ms)).where(_queue.site == _SITE)
# Messages that are queued in one look are dated a millisecond after each other.
_IN_ONE_LOOK_MS = 1000


class StoredAlert(NamedTuple):
    """An alert of the record. `late`: it was due while nobody watched.

    `judged_by`: names rule, hours and absences under which it fired; "": of nobody's who computes anew.
    """

    id: str
    alert: Alert
    late: bool
    disproved_ms: int | None
    judged_by: str = ""

    @property
    def stands(self) -> bool:
        return self.alert.resolved_ms is None and self.disproved_ms is None


class Cursor(NamedTuple):
    """What the engine has taken in of a site: interval changes, registry, and time up to `until_ms`."""

    interval_change: int
    registry_version: int
    until_ms: int


class Said(NamedTuple):
    """A message that was put into the queue at `at_ms`. `waits`: it is still to be delivered."""

    key: str
    event: str
    recipient: Recipient
    at_ms: int
    waits: bool


class Pending(NamedTuple):
    """A message that is still to be delivered. `due_ms`: when it was put into the queue, rising for each recipient."""

    key: str
    alert: str
    site: str
    recipient: Recipient
    due_ms: int
    next_try_ms: int
    attempts: int


def of_subject(connection: Connection, site: str, kind: AlertKind, subject: str, since_ms: int) -> list[StoredAlert]:
    """The alerts of one subject whose `since` is `since_ms` or later, in order, disproved ones too."""
    asked = {"site": site, "kind": kind, "subject": subject, "from_ms": since_ms}
    return [_stored(row) for row in connection.execute(_of_subject, asked)]


def standing(connection: Connection, site: str) -> list[StoredAlert]:
    """The alerts of a site that neither resolved nor were disproved."""
    rows = alert.c
    return [
        _stored(row)
        for row in connection.execute(
            select(alert)
            .where(rows.site == site, rows.resolved_ms.is_(None), rows.disproved_ms.is_(None))
            .order_by(rows.since_ms)
        )
    ]


def stood_since(connection: Connection, site: str, kinds: Sequence[AlertKind], after_ms: int) -> list[StoredAlert]:
    """The alerts of `kinds` that stand, or did so until later than `after_ms`; disproved ones are left out."""
    rows = alert.c
    return [
        _stored(row)
        for row in connection.execute(
            select(alert)
            .where(
                rows.site == site,
                rows.kind.in_(kinds),
                rows.disproved_ms.is_(None),
                or_(rows.resolved_ms.is_(None), rows.resolved_ms > after_ms),
            )
            .order_by(rows.since_ms)
        )
    ]


def fired_within(connection: Connection, site: str, from_ms: int, to_ms: int) -> list[StoredAlert]:
    """All alerts of a site that fired in [from, to), in order, disproved ones too."""
    rows = alert.c
    found = select(alert).where(rows.site == site, rows.fired_ms >= from_ms, rows.fired_ms < to_ms)
    return [_stored(row) for row in connection.execute(found.order_by(rows.fired_ms, rows.id))]


def put(connection: Connection, site: str, stored: StoredAlert, now_ms: int) -> int:
    """Write an alert that is new or has changed; `late` stays what it was at first. Returns its revision."""
    said = stored.alert
    revision: int = connection.execute(
        _put,
        {
            "id": stored.id,
            "site": site,
            "kind": said.kind,
            "subject_type": said.subject_type,
            "subject": said.subject,
            "since_ms": said.since_ms,
            "fired_ms": said.fired_ms,
            "resolved_ms": said.resolved_ms,
            "reason": said.reason,
            "disproved_ms": stored.disproved_ms,
            "late": int(stored.late),
            "judged_by": stored.judged_by,
            "made_ms": now_ms,
        },
    ).scalar_one()
    return revision


def raise_revision(connection: Connection, alert_id: str) -> None:
    """Let who follows revisions read an alert anew, of which something else than its own row has changed."""
    connection.execute(_raise_revision, {"alert_id": alert_id})


def enqueue(
    connection: Connection,
    site: str,
    alert_id: str,
    event: str,
    recipient: Recipient,
    body: str,
    now_ms: int,
    after_ms: int = 0,
    untold: str | None = None,
) -> str:
    """Put a message into the queue, to be tried at once. Returns its key, `{alert}.{event}.{recipient}.{n}`.

    n counts how often this was said before. What waits for one recipient, and all that is said of one alert, keeps its
    order, within one instant and where the clock is set back. `after_ms`: what it answers, and is dated after.
    `untold`: why it is not to be sent at all; that it was due is kept.
    """
    to = {"site": site, "agency": recipient.agency, "recipient": recipient.contact}
    n = connection.execute(_repeats, {"alert": alert_id, "event": event, **to}).scalar_one()
    last_ms: int | None = connection.execute(_last_queued, {"alert": alert_id, **to}).scalar_one()
    key = f"{alert_id}.{event}.{recipient.contact}.{n}"
    connection.execute(
        insert(notification),
        {
            "key": key,
            "alert": alert_id,
            "event": event,
            **to,
            "body": body,
            "due_ms": max(now_ms, after_ms + 1, 0 if last_ms is None else last_ms + 1),
            "next_try_ms": now_ms if untold is None else None,
            "attempts": 0,
            "error": untold,
        },
    )
    return key


def said(connection: Connection, alert_id: str) -> list[Said]:
    """What was queued of an alert since it stands: from its last end on, that left out, in order."""
    rows = _all_said(connection, alert_id)
    ends = [place for place, row in enumerate(rows) if row.event in ("resolved", "disproved")]
    return rows[ends[-1] + 1 :] if ends else rows


def to_be_told(connection: Connection, alert_id: str, event: str) -> list[Recipient]:
    """Who heard that an alert fired, or is about to, and not that it `resolved`, or was `disproved`."""
    heard: dict[Recipient, None] = {}
    for row in _all_said(connection, alert_id):
        if row.event == "firing":
            heard[row.recipient] = None
        elif row.event in (event, "disproved"):
            heard.pop(row.recipient, None)
    return list(heard)


def _all_said(connection: Connection, alert_id: str) -> list[Said]:
    columns = notification.c
    return [
        Said(key, event, Recipient(agency, contact), due_ms, next_try_ms is not None)
        for key, event, agency, contact, due_ms, next_try_ms in connection.execute(
            select(columns.key, columns.event, columns.agency, columns.recipient, columns.due_ms, columns.next_try_ms)
            .where(columns.alert == alert_id)
            .order_by(columns.due_ms, columns.key)
        )
    ]


def pending(connection: Connection) -> list[Pending]:
    """All messages that are still to be delivered, the oldest first."""
    return [
        Pending(key, alert_id, site, Recipient(agency, contact), due_ms, next_try_ms, attempts)
        for key, alert_id, site, agency, contact, due_ms, next_try_ms, attempts in connection.execute(_pending)
    ]


def body_of(connection: Connection, key: str) -> str:
    """The body of one message, as it was put into the queue."""
    body: str = connection.execute(select(notification.c.body).where(notification.c.key == key)).scalar_one()
    return body


def last_sent_ms(connection: Connection, site: str, recipient: Recipient) -> int | None:
    """When a message reached this recipient last; None: none ever did."""
    sent: int | None = connection.execute(
        _last_sent, {"site": site, "agency": recipient.agency, "recipient": recipient.contact}
    ).scalar_one()
    return sent


def mark_sent(connection: Connection, key: str, at_ms: int) -> None:
    """The message was delivered."""
    connection.execute(
        update(notification)
        .where(notification.c.key == key)
        .values(sent_ms=at_ms, next_try_ms=None, error=None, attempts=notification.c.attempts + 1)
    )


def mark_failed(connection: Connection, key: str, error: str, next_try_ms: int | None) -> None:
    """The message was not delivered: try again at `next_try_ms`, or None: never. Nothing, if another engine did it."""
    connection.execute(
        update(notification)
        .where(notification.c.key == key, notification.c.sent_ms.is_(None))
        .values(error=error, next_try_ms=next_try_ms, attempts=notification.c.attempts + 1)
    )


def was_ahead(connection: Connection, site: str, now_ms: int) -> bool:
    """Whether the queue of a site was written by a clock that was ahead of `now_ms`."""
    newest_ms: int | None = connection.execute(_newest_queued, {"site": site}).scalar_one()
    return newest_ms is not None and newest_ms > now_ms + _IN_ONE_LOOK_MS


def set_back(connection: Connection, site: str, now_ms: int, by_ms: int = 0) -> None:
    """Date the queue of a site anew, whose clock was ahead and is at `now_ms`: what was said stays as far apart.

    `by_ms`: how far the clock was set back, as far as that is known. What waits to be tried again is tried now: until
    when it was to wait is not known any more.
    """
    newest_ms: int | None = connection.execute(_newest_queued, {"site": site}).scalar_one()
    if newest_ms is not None and newest_ms > now_ms:
        ahead = update(notification).where(_queue.site == site, _queue.due_ms > now_ms)
        connection.execute(ahead.values(due_ms=_queue.due_ms - max(newest_ms - now_ms, by_ms)))
    waiting = update(notification).where(_queue.site == site, _queue.next_try_ms > now_ms)
    connection.execute(waiting.values(next_try_ms=now_ms))


def cursor(connection: Connection, site: str) -> Cursor | None:
    """How far the engine has come with a site; None when it never looked at it."""
    row = connection.execute(_cursor, {"site": site}).one_or_none()
    return None if row is None else Cursor(*row)


def left_behind(connection: Connection, by_ms: int) -> dict[str, int]:
    """The sites that an engine watched and is more than `by_ms` behind what is known of them: up to when it came."""
    known = collector_progress.c
    found = connection.execute(
        select(engine_cursor.c.site, engine_cursor.c.until_ms)
        .join(collector_progress, known.site == engine_cursor.c.site)
        .where(known.until_ms - engine_cursor.c.until_ms > by_ms)
    )
    return {row.site: row.until_ms for row in found}


def set_cursor(connection: Connection, site: str, reached: Cursor) -> None:
    """Note how far the engine has come with a site."""
    connection.execute(_set_cursor, {"site": site, **reached._asdict()})


def _stored(row: Row[tuple[object, ...]]) -> StoredAlert:
    said = Alert(row.kind, row.subject_type, row.subject, row.since_ms, row.fired_ms, row.resolved_ms, row.reason)
    return StoredAlert(row.id, said, bool(row.late), row.disproved_ms, row.judged_by)
