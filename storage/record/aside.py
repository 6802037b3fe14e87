"""What could not be used and is kept aside: devices that nobody claimed, messages that nobody could decode."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from storage.record.tables import dead_letter, inbox
from storage.record.upsert import upsert

_note = upsert(inbox)
_note = _note.on_conflict_do_update(
    index_elements=["site", "device"],
    set_={
        "topic": _note.excluded.topic,
        "last_ms": _note.excluded.last_ms,
        "messages": inbox.c.messages + _note.excluded.messages,
        "sample": _note.excluded.sample,
    },
)
_keep = upsert(dead_letter).on_conflict_do_nothing()


class Unclaimed(NamedTuple):
    """A device that no registry entry claims, with its newest message; `messages` came since the last note.

    `site`: "" where the dialect does not tell. `convention`: `native` for our own topics; `device`: its address in it.
    `seems`: what it seems to be; `values`: quantity or presence key -> what was last heard.
    """

    site: str
    device: str
    topic: str
    at_ms: int
    messages: int
    sample: bytes
    convention: str = "native"
    seems: str | None = None
    values: Mapping[str, float | None] = {}


class DeadLetter(NamedTuple):
    """A message that cannot be used, and why."""

    topic: str
    payload: bytes
    why: str
    received_ms: int

    @property
    def id(self) -> str:
        """The same letter again is the same one."""
        digest = hashlib.sha256(self.payload)
        digest.update(f"|{self.topic}|{self.received_ms}".encode())
        return digest.hexdigest()[:32]


def note_unclaimed(connection: Connection, devices: Iterable[Unclaimed]) -> None:
    """Put `devices` into the inbox, or count what they sent."""
    rows = [
        {
            "site": device.site,
            "device": _text(device.device),
            "topic": _text(device.topic),
            "first_ms": device.at_ms,
            "last_ms": device.at_ms,
            "messages": device.messages,
            "sample": device.sample,
        }
        for device in devices
    ]
    if rows:
        connection.execute(_note, rows)


def keep_dead_letters(connection: Connection, letters: Iterable[DeadLetter]) -> None:
    """Keep `letters`; those that are here already stay as they are."""
    if rows := [
        {"id": letter.id, **letter._replace(topic=_text(letter.topic), why=_text(letter.why))._asdict()}
        for letter in letters
    ]:
        connection.execute(_keep, rows)


def dead_letters(connection: Connection) -> int:
    """How many there are."""
    count: int = connection.execute(select(func.count()).select_from(dead_letter)).scalar_one()
    return count


def unclaimed_devices(connection: Connection) -> int:
    """How many devices wait in the inbox."""
    count: int = connection.execute(select(func.count()).select_from(inbox)).scalar_one()
    return count


def _text(foreign: str) -> str:
    """What a database's text may hold of it: PostgreSQL's has no NUL, and a letter that says so would come for ever."""
    return foreign.replace("\0", "\N{REPLACEMENT CHARACTER}")
