"""What could not be used and is kept aside: devices that nobody claimed, messages that nobody could decode.

Both are bounded, in number and in size, whatever strangers send: what was silent longest goes first.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, select, update

from presence.quantities import quantity
from storage.record import tables
from storage.record.batches import in_batches
from storage.record.upsert import upsert

MOST_UNCLAIMED = 500
MOST_LETTERS = 1000
LARGEST_PAYLOAD = 64 * 1024
_LARGEST_SAMPLE = 4096
_MOST_HEARD = 64  # quantities and keys of one device
_LONGEST_TEXT = 512
_RETRIED_AT_ONCE = 200

_NATIVE = "native"

_devices = tables.inbox.c
_letters = tables.dead_letter.c

_note = upsert(tables.inbox)
_note = _note.on_conflict_do_update(
    index_elements=["site", "device"],
    set_={
        "topic": _note.excluded.topic,
        "last_ms": _note.excluded.last_ms,
        "messages": _devices.messages + _note.excluded.messages,
        "sample": _note.excluded.sample,
        "seems": func.coalesce(_note.excluded.seems, _devices.seems),
        "heard": _note.excluded.heard,
        "presence": _note.excluded.presence,
    },
    # Rows of the spool that are taken once more after a crash are not counted twice.
    where=_note.excluded.last_ms > _devices.last_ms,
)
_keep = upsert(tables.dead_letter)
_keep = _keep.on_conflict_do_update(
    index_elements=["id"],
    set_={
        "why": _keep.excluded.why,
        "received_ms": _keep.excluded.received_ms,
        "count": _letters["count"] + _keep.excluded["count"],
        "content_type": _keep.excluded.content_type,
        "expiry_s": _keep.excluded.expiry_s,
        "retain": _keep.excluded.retain,
    },
)


class Unclaimed(NamedTuple):
    """A device that no registry entry claims, with its newest message; `messages` came since the last note.

    `site`: "" where the dialect does not tell. `convention`: `native` for our own topics; `device`: its address in it.
    `seems`: what it seems to be; `values`: quantity or presence key -> what was last heard, None: it is not known.
    """

    site: str
    device: str
    topic: str
    at_ms: int
    messages: int
    sample: bytes
    convention: str = _NATIVE
    seems: str | None = None
    values: Mapping[str, float | None] = {}


class Waiting(NamedTuple):
    """A device in the inbox; as in `Unclaimed`, with the first and last receipt and the count of all its messages."""

    site: str
    convention: str
    device: str
    topic: str
    first_ms: int
    last_ms: int
    messages: int
    sample: bytes
    seems: str | None
    values: Mapping[str, float | None]

    @property
    def presences(self) -> list[str]:
        """The names in `values` that speak of presence."""
        return _presences(self.values)


class DeadLetter(NamedTuple):
    """A message that cannot be used, and why; the rest is the message's own."""

    topic: str
    payload: bytes
    why: str
    received_ms: int
    content_type: str | None = None
    expiry_s: int | None = None
    retain: bool = False

    @property
    def id(self) -> str:
        """The same payload on the same topic again is the same letter."""
        digest = hashlib.sha256(self.payload)
        digest.update(f"|{_text(self.topic)}".encode())
        return digest.hexdigest()[:32]


class Letter(NamedTuple):
    """A dead letter as it is kept: it came so many `times`, the newest at `last_ms` and refused for `why`.

    `whole` False: of a larger payload, or longer topic, only the beginning is here. `retry_ms`: when somebody asked
    for another try that was not made yet.
    """

    id: str
    topic: str
    payload: bytes
    why: str
    first_ms: int
    last_ms: int
    times: int
    whole: bool
    retain: bool
    retry_ms: int | None


class LetterToRetry(NamedTuple):
    """The message that a dead letter was, at its newest receipt."""

    id: str
    topic: str
    payload: bytes
    content_type: str | None
    expiry_s: int | None
    retain: bool
    received_ms: int


# The inbox


def note_unclaimed(connection: Connection, devices: Iterable[Unclaimed]) -> None:
    """Put `devices` into the inbox, or count what they sent; beyond MOST_UNCLAIMED the longest silent go.

    Those that never spoke of presence go before the others. What was noted up to a device's newest message before is
    not noted again.
    """
    if not (noted := heapq.nlargest(MOST_UNCLAIMED, devices, key=_worth)):
        return
    before = _heard_before(connection, noted)
    connection.execute(_note, [_row(device, before) for device in noted])
    _shorten(connection, tables.inbox, MOST_UNCLAIMED, _devices.presence, _devices.last_ms)


def inbox(connection: Connection) -> list[Waiting]:
    """The devices in the inbox, the one that was heard last first."""
    rows = connection.execute(select(tables.inbox).order_by(_devices.last_ms.desc(), _devices.site, _devices.device))
    return [
        Waiting(
            row.site,
            row.convention,
            row.device if row.convention == _NATIVE else row.device.removeprefix(f"{row.convention} "),
            row.topic,
            row.first_ms,
            row.last_ms,
            row.messages,
            row.sample,
            row.seems,
            msgspec.json.decode(row.heard, type=dict[str, float | None]),
        )
        for row in rows
    ]


def forget_unclaimed(connection: Connection, site: str, convention: str, device: str) -> None:
    """Take a device out of the inbox."""
    connection.execute(delete(tables.inbox).where(_is_device(site, _key(convention, device))))


def unclaimed_devices(connection: Connection) -> int:
    """How many devices wait in the inbox."""
    return _count(connection, tables.inbox)


def _worth(device: Unclaimed) -> tuple[bool, int]:
    return bool(_presences(device.values)), device.at_ms


def _presences(values: Mapping[str, float | None]) -> list[str]:
    """What is no quantity is a key or part that a device speaks of presence by."""
    return [name for name in values if name == "presence" or quantity(name) is None]


def _heard_before(connection: Connection, noted: Iterable[Unclaimed]) -> dict[tuple[str, str], str]:
    """`heard` of those of `noted` that are in the inbox, by site and key: some hundred come with every commit."""
    found: dict[tuple[str, str], str] = {}
    for batch in in_batches({_key(device.convention, device.device) for device in noted}):
        rows = connection.execute(
            select(_devices.site, _devices.device, _devices.heard).where(_devices.device.in_(batch))
        )
        found |= {(row.site, row.device): row.heard for row in rows}
    return found


def _row(device: Unclaimed, before: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    key = _key(device.convention, device.device)
    values = {_text(name): value for name, value in device.values.items()}
    if (heard := before.get((device.site, key))) is not None:
        values = msgspec.json.decode(heard, type=dict[str, float | None]) | values
    values = dict(list(values.items())[:_MOST_HEARD])
    return {
        "site": device.site,
        "device": key,
        "topic": _text(device.topic),
        "first_ms": device.at_ms,
        "last_ms": device.at_ms,
        "messages": device.messages,
        "sample": device.sample[:_LARGEST_SAMPLE],
        "convention": device.convention,
        "seems": None if device.seems is None else _text(device.seems),
        "heard": msgspec.json.encode(values).decode(),
        "presence": int(bool(_presences(values))),
    }


def _key(convention: str, device: str) -> str:
    """See `storage.record.tables`."""
    return _text(device) if convention == _NATIVE else f"{convention} {_text(device)}"


def _is_device(site: str, key: str) -> ColumnElement[bool]:
    return and_(_devices.site == site, _devices.device == key)


# Dead letters


def keep_dead_letters(connection: Connection, letters: Iterable[DeadLetter]) -> None:
    """Keep `letters`, those that are alike as one; beyond MOST_LETTERS the longest silent go, asked-for ones last.

    What was received up to a letter's newest receipt before is not counted again.
    """
    alike: dict[str, list[DeadLetter]] = {}
    for letter in letters:
        alike.setdefault(letter.id, []).append(letter)
    if not alike:
        return
    chosen = heapq.nlargest(MOST_LETTERS, alike.items(), key=lambda item: item[1][-1].received_ms)
    last_ms: dict[str, int] = {}
    for batch in in_batches([letter_id for letter_id, _ in chosen]):
        known = select(_letters.id, _letters.received_ms).where(_letters.id.in_(batch))
        last_ms |= {row.id: row.received_ms for row in connection.execute(known)}
    rows = [
        _letter_row(letter_id, new)
        for letter_id, same in chosen
        if (new := [letter for letter in same if letter.received_ms > last_ms.get(letter_id, -1)])
    ]
    if rows:
        connection.execute(_keep, rows)
    _shorten(connection, tables.dead_letter, MOST_LETTERS, _letters.retry_ms.is_not(None), _letters.received_ms)


def letters(connection: Connection) -> list[Letter]:
    """All dead letters, the newest first."""
    rows = connection.execute(select(tables.dead_letter).order_by(_letters.received_ms.desc(), _letters.id))
    return [
        Letter(
            row.id,
            row.topic,
            row.payload,
            row.why,
            row.received_ms if row.first_ms is None else row.first_ms,
            row.received_ms,
            row._mapping["count"],
            bool(row.whole),
            bool(row.retain),
            row.retry_ms,
        )
        for row in rows
    ]


def ask_retry(connection: Connection, ids: Iterable[str], now_ms: int) -> list[str]:
    """Have the collector try the letters `ids` again; those of them that are there and whole."""
    asked: list[str] = []
    for batch in in_batches(list(ids)):
        chosen = and_(_letters.id.in_(batch), _letters.whole == 1)
        asked += connection.scalars(select(_letters.id).where(chosen))
        connection.execute(update(tables.dead_letter).where(chosen).values(retry_ms=now_ms))
    return asked


def letters_to_retry(connection: Connection) -> list[LetterToRetry]:
    """The letters that somebody wants to be tried again, some hundred at a time, the longest asked for first."""
    rows = connection.execute(
        select(*(_letters[name] for name in LetterToRetry._fields))
        .where(_letters.retry_ms.is_not(None))
        .order_by(_letters.retry_ms, _letters.received_ms)
        .limit(_RETRIED_AT_ONCE)
    )
    return [LetterToRetry(*row)._replace(retain=bool(row.retain)) for row in rows]


def settle_letter(connection: Connection, letter_id: str) -> None:
    """The letter was understood: it is kept no longer."""
    connection.execute(delete(tables.dead_letter).where(_letters.id == letter_id))


def refuse_letter(connection: Connection, letter_id: str, why: str) -> None:
    """The letter was tried again in vain, for the reason `why`."""
    connection.execute(update(tables.dead_letter).where(_letters.id == letter_id).values(retry_ms=None, why=_text(why)))


def retries(connection: Connection, ids: Iterable[str]) -> dict[str, tuple[int | None, str]]:
    """Of those of `ids` that are still kept: when another try was asked for that was not made yet, and the reason."""
    found: dict[str, tuple[int | None, str]] = {}
    for batch in in_batches(list(ids)):
        chosen = select(_letters.id, _letters.retry_ms, _letters.why).where(_letters.id.in_(batch))
        found |= {row.id: (row.retry_ms, row.why) for row in connection.execute(chosen)}
    return found


def dead_letters(connection: Connection) -> int:
    """How many there are; those that are alike are one."""
    return _count(connection, tables.dead_letter)


def _letter_row(letter_id: str, alike: Sequence[DeadLetter]) -> dict[str, Any]:
    newest = alike[-1]
    return {
        "id": letter_id,
        "topic": _text(newest.topic),
        "payload": newest.payload[:LARGEST_PAYLOAD],
        "why": _text(newest.why),
        "received_ms": newest.received_ms,
        "first_ms": alike[0].received_ms,
        "count": len(alike),
        "content_type": None if newest.content_type is None else _text(newest.content_type),
        "expiry_s": newest.expiry_s,
        "retain": int(newest.retain),
        "whole": int(len(newest.payload) <= LARGEST_PAYLOAD and len(newest.topic) <= _LONGEST_TEXT),
    }


# Both


def _count(connection: Connection, table: Table) -> int:
    count: int = connection.execute(select(func.count()).select_from(table)).scalar_one()
    return count


def _shorten(connection: Connection, table: Table, most: int, *worth: ColumnElement[Any]) -> None:
    """Remove what is of least `worth` until `most` are left."""
    if (too_many := _count(connection, table) - most) <= 0:
        return
    key = list(table.primary_key.columns)
    for row in connection.execute(select(*key).order_by(*worth, *key).limit(too_many)).all():
        connection.execute(delete(table).where(*(column == value for column, value in zip(key, row, strict=True))))


def _text(foreign: str) -> str:
    """What a database's text may hold of it: PostgreSQL's has no NUL, and a letter that says so would come for ever.

    Nor has UTF-8 lone surrogates; and what is longer than any topic that is understood is cut.
    """
    text = foreign[:_LONGEST_TEXT].replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text.encode(errors="replace").decode()
