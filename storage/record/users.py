"""Who may see it: accounts, and the secrets that open the pages. Functions on a connection of the record.

A secret has 256 bits; the record keeps its sha256 alone and finds it by that, so that neither the file nor the time of
an answer tells anything about it. A one-time link opens a session; a token is for programs.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from typing import Literal, NamedTuple, cast, get_args

from sqlalchemy import Connection, delete, insert, or_, select, update

from storage.record.refusals import NotThere
from storage.record.tables import credential, user

Kind = Literal["token", "link", "session"]
Role = Literal["administrator", "facility_manager", "agency", "technician", "viewer"]
Scope = Literal["write", "read"]
ROLES: tuple[Role, ...] = get_args(Role)

LINK_LIFE_MS = 3_600_000
SESSION_LIFE_MS = 30 * 24 * 3_600_000


class Account(NamedTuple):
    """`tokens`: their labels, oldest first; `sessions`: browsers that are logged in; `links`: unused one-time links.

    `identity`: who logs in to it by OpenID Connect; `joined`: he has done so. `logged_in_ms`: when a browser
    last was; None where that is not known.
    """

    name: str
    role: Role
    made_ms: int
    tokens: tuple[str, ...]
    sessions: int
    agency: str | None = None
    site: str | None = None
    has_password: bool = False
    identity: str | None = None
    joined: bool = False
    links: int = 0
    logged_in_ms: int | None = None


class Asker(NamedTuple):
    """Who asks, by a session or a token. `agency`: whose outlets alone are seen; `site`: the one site, None for all.

    `scope`: what the secret may at most.
    """

    name: str
    role: Role
    agency: str | None
    site: str | None
    scope: Scope


def make_account(
    connection: Connection,
    name: str,
    now_ms: int,
    role: Role = "administrator",
    *,
    agency: str | None = None,
    site: str | None = None,
) -> bool:
    """Make an account called `name`; False when there is one already. `agency`: of the role `agency`, of no other."""
    if connection.execute(select(user.c.name).where(user.c.name == name)).scalar() is not None:
        return False
    connection.execute(insert(user).values(name=name, role=role, made_ms=now_ms, agency=agency, site=site))
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
    connection.execute(delete(credential).where(credential.c.hash == digest(code)))
    return make_session(connection, name, now_ms)


def make_session(connection: Connection, name: str, now_ms: int) -> str:
    """The secret of a new session of account `name`, good for thirty days."""
    connection.execute(update(user).where(user.c.name == name).values(logged_in_ms=now_ms))
    return _make(connection, "session", name, "", now_ms, now_ms + SESSION_LIFE_MS)


def make_token(
    connection: Connection,
    name: str,
    label: str,
    now_ms: int,
    *,
    expires_ms: int | None = None,
    scope: Scope = "write",
) -> str:
    """A new token of account `name` that holds until `expires_ms`, or until it is revoked."""
    return _make(connection, "token", name, label, now_ms, expires_ms, scope)


def who(connection: Connection, secret: str, kind: Kind, now_ms: int) -> str | None:
    """The account that `secret` of `kind` stands for, or None."""
    found: str | None = connection.execute(
        select(credential.c.user).where(
            credential.c.hash == digest(secret),
            credential.c.kind == kind,
            or_(credential.c.expires_ms.is_(None), credential.c.expires_ms > now_ms),
        )
    ).scalar()
    return found


def asker(connection: Connection, secret: str, kind: Kind, now_ms: int) -> Asker | None:
    """Who holds `secret` of `kind`, and what he may; None when nobody does any more."""
    row = connection.execute(
        select(user.c.name, user.c.role, user.c.agency, user.c.site, credential.c.scope)
        .join(user, user.c.name == credential.c.user)
        .where(
            credential.c.hash == digest(secret),
            credential.c.kind == kind,
            or_(credential.c.expires_ms.is_(None), credential.c.expires_ms > now_ms),
        )
    ).one_or_none()
    return None if row is None else Asker(row.name, cast(Role, row.role), row.agency, row.site, cast(Scope, row.scope))


def end_session(connection: Connection, secret: str) -> None:
    """Log out the browser that holds `secret`."""
    connection.execute(delete(credential).where(credential.c.hash == digest(secret), credential.c.kind == "session"))


def end_sessions(connection: Connection, name: str, *, but: str | None = None) -> int:
    """Log out all browsers of account `name` except the one that holds `but`; how many there were."""
    chosen = [credential.c.user == name, credential.c.kind == "session"]
    if but is not None:
        chosen.append(credential.c.hash != digest(but))
    return connection.execute(delete(credential).where(*chosen)).rowcount


def password_of(connection: Connection, name: str) -> str | None:
    """The hash of the account's password; None without one, and without the account."""
    found: str | None = connection.scalar(select(user.c.password).where(user.c.name == name))
    return found


def revoke(connection: Connection, name: str) -> int:
    """Take back all tokens, links and sessions of account `name`; how many there were."""
    return connection.execute(delete(credential).where(credential.c.user == name)).rowcount


def account_of(connection: Connection, name: str, now_ms: int) -> Account:
    """The account of that name. Raises NotThere."""
    found = next((one for one in accounts(connection, now_ms) if one.name == name), None)
    if found is None:
        raise NotThere(f'no account "{name}"')
    return found


def accounts(connection: Connection, now_ms: int) -> list[Account]:
    """All accounts by name."""
    tokens: dict[str, list[str]] = {}
    for name, label in connection.execute(
        select(credential.c.user, credential.c.label).where(credential.c.kind == "token").order_by(credential.c.made_ms)
    ):
        tokens.setdefault(name, []).append(label)
    standing = Counter(
        (row.user, row.kind)
        for row in connection.execute(
            select(credential.c.user, credential.c.kind).where(
                credential.c.kind.in_(("session", "link")), credential.c.expires_ms > now_ms
            )
        )
    )
    return [
        Account(
            row.name,
            cast(Role, row.role),
            row.made_ms,
            tuple(tokens.get(row.name, ())),
            standing[row.name, "session"],
            row.agency,
            row.site,
            row.password is not None,
            row.identity,
            row.subject is not None,
            standing[row.name, "link"],
            row.logged_in_ms,
        )
        for row in connection.execute(select(user).order_by(user.c.name))
    ]


def _make(
    connection: Connection,
    kind: Kind,
    name: str,
    label: str,
    now_ms: int,
    expires_ms: int | None,
    scope: Scope = "write",
) -> str:
    secret = secrets.token_urlsafe(32)
    connection.execute(
        insert(credential).values(
            hash=digest(secret), kind=kind, user=name, label=label, made_ms=now_ms, expires_ms=expires_ms, scope=scope
        )
    )
    return secret


def digest(secret: str) -> str:
    """What the record keeps of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
