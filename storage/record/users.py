"""Who may see it: accounts, and the secrets that open the pages. Functions on a connection of the record.

A secret has 256 bits; the record keeps its sha256 alone and finds it by that, so that neither the file nor the time of
an answer tells anything about it. A one-time link opens a session; a token is for programs.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from typing import Literal, NamedTuple

from sqlalchemy import Connection, delete, insert, or_, select

from storage.record.tables import credential, user

Kind = Literal["token", "link", "session"]

LINK_LIFE_MS = 3_600_000
SESSION_LIFE_MS = 30 * 24 * 3_600_000


class Account(NamedTuple):
    """`tokens`: their labels, oldest first; `sessions`: browsers that are logged in."""

    name: str
    role: str
    made_ms: int
    tokens: tuple[str, ...]
    sessions: int


def make_account(connection: Connection, name: str, now_ms: int) -> bool:
    """Make an administrator called `name`; False when there is one already."""
    if connection.execute(select(user.c.name).where(user.c.name == name)).scalar() is not None:
        return False
    connection.execute(insert(user).values(name=name, role="administrator", made_ms=now_ms))
    return True


def make_link(connection: Connection, name: str, now_ms: int) -> str:
    """The code of a new one-time link for account `name`, good for an hour."""
    connection.execute(delete(credential).where(credential.c.expires_ms <= now_ms))
    return _make(connection, "link", name, "", now_ms, now_ms + LINK_LIFE_MS)


def use_link(connection: Connection, code: str, now_ms: int) -> str | None:
    """The secret of a new session, the link being used up; None when it was used before, expired, or never made."""
    name = who(connection, code, "link", now_ms)
    if name is None:
        return None
    connection.execute(delete(credential).where(credential.c.hash == _hash(code)))
    return _make(connection, "session", name, "", now_ms, now_ms + SESSION_LIFE_MS)


def make_token(connection: Connection, name: str, label: str, now_ms: int) -> str:
    """A new token of account `name` that holds until it is revoked."""
    return _make(connection, "token", name, label, now_ms, None)


def who(connection: Connection, secret: str, kind: Kind, now_ms: int) -> str | None:
    """The account that `secret` of `kind` stands for, or None."""
    found: str | None = connection.execute(
        select(credential.c.user).where(
            credential.c.hash == _hash(secret),
            credential.c.kind == kind,
            or_(credential.c.expires_ms.is_(None), credential.c.expires_ms > now_ms),
        )
    ).scalar()
    return found


def role_of(connection: Connection, name: str) -> str | None:
    """What account `name` may do; None when there is none."""
    found: str | None = connection.execute(select(user.c.role).where(user.c.name == name)).scalar()
    return found


def end_session(connection: Connection, secret: str) -> None:
    """Log out the browser that holds `secret`."""
    connection.execute(delete(credential).where(credential.c.hash == _hash(secret), credential.c.kind == "session"))


def revoke(connection: Connection, name: str) -> int:
    """Take back all tokens, links and sessions of account `name`; how many there were."""
    return connection.execute(delete(credential).where(credential.c.user == name)).rowcount


def accounts(connection: Connection, now_ms: int) -> list[Account]:
    """All accounts by name."""
    tokens: dict[str, list[str]] = {}
    for name, label in connection.execute(
        select(credential.c.user, credential.c.label).where(credential.c.kind == "token").order_by(credential.c.made_ms)
    ):
        tokens.setdefault(name, []).append(label)
    sessions = Counter(
        connection.execute(
            select(credential.c.user).where(credential.c.kind == "session", credential.c.expires_ms > now_ms)
        ).scalars()
    )
    return [
        Account(name, role, made_ms, tuple(tokens.get(name, ())), sessions[name])
        for name, role, made_ms in connection.execute(
            select(user.c.name, user.c.role, user.c.made_ms).order_by(user.c.name)
        )
    ]


def _make(connection: Connection, kind: Kind, name: str, label: str, now_ms: int, expires_ms: int | None) -> str:
    secret = secrets.token_urlsafe(32)
    connection.execute(
        insert(credential).values(
            hash=_hash(secret), kind=kind, user=name, label=label, made_ms=now_ms, expires_ms=expires_ms
        )
    )
    return secret


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
