"""Who may log in to an account through an issuer of OpenID Connect. Functions on a connection of the record.

An administrator names a person for an account, by what the issuer calls him: a verified e-mail, a user name, or
`sub:` and the subject. The first log-in joins the account to issuer and subject, which never change; from then on
those alone count, whatever else he is called by then.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select, update

from presence.declarations import NotAccepted
from presence.site_checks import Problem
from storage.record import audit, users
from storage.record.refusals import NotNow, NotThere
from storage.record.tables import user

LONGEST_IDENTITY = 254
_SUBJECT = "sub:"


class Person(NamedTuple):
    """Somebody whom an issuer has proved. `names`: by which an administrator may have named him."""

    issuer: str
    subject: str
    names: frozenset[str]


def names(subject: str, verified_email: str | None, username: str | None) -> frozenset[str]:
    """By which a person may have been named. What has an @ is an e-mail: no user name passes for one."""
    found = {f"{_SUBJECT}{subject}"}
    if verified_email and "@" in verified_email and not verified_email.startswith(_SUBJECT):
        found.add(_alike(verified_email))
    if username and "@" not in username and not username.startswith(_SUBJECT):
        found.add(_alike(username))
    return frozenset(name for name in found if name.isprintable())


def name_person(connection: Connection, account: str, identity: str | None, *, by: str, now_ms: int) -> None:
    """Whoever the issuer calls `identity` may log in to `account`, nobody else through it any more; None: nobody.

    Ends the sessions of the account. Raises NotThere, NotAccepted, and NotNow when another account has him.
    """
    kept = None if identity is None else _checked(identity)
    if connection.scalar(select(user.c.name).where(user.c.name == account)) is None:
        raise NotThere(f'no account "{account}"')
    other = select(user.c.name).where(user.c.identity == kept, user.c.name != account)
    if kept is not None and (holder := connection.scalar(other)) is not None:
        says = f'"{kept}" logs in to the account "{holder}" already; take it from there first'
        raise NotNow(says, "person_taken", holder)
    connection.execute(update(user).where(user.c.name == account).values(identity=kept, issuer=None, subject=None))
    users.end_sessions(connection, account)
    said = {"event": "identity_named" if kept else "identity_taken", "account": account, "author": by}
    audit.append(connection, now_ms, said | ({"identity": kept} if kept else {}))


def change_person(connection: Connection, account: str, identity: str | None, *, by: str, now_ms: int) -> None:
    """As `name_person`, but nothing happens when that is who is named already: he stays joined and logged in."""
    found = connection.execute(select(user.c.identity).where(user.c.name == account)).one_or_none()
    if found is None or found.identity != (None if identity is None else _checked(identity)):
        name_person(connection, account, identity, by=by, now_ms=now_ms)


def forget_person(connection: Connection, account: str) -> None:
    """Nobody logs in to the account through an issuer any more."""
    connection.execute(update(user).where(user.c.name == account).values(identity=None, issuer=None, subject=None))


def log_in(connection: Connection, person: Person, address: str, now_ms: int) -> str | None:
    """The secret of a new session of the account that the person has; None, written down, when he has none."""
    joined = (user.c.issuer == person.issuer, user.c.subject == person.subject)
    account: str | None = connection.scalar(select(user.c.name).where(*joined))
    if account is None:
        account = _join(connection, person, address, now_ms)
    if account is None:
        return None
    session = users.make_session(connection, account, now_ms)
    said = {"event": "logged_in", "account": account, "author": account, "how": "oidc", "address": address}
    audit.append(connection, now_ms, said)
    return session


def _join(connection: Connection, person: Person, address: str, now_ms: int) -> str | None:
    """The account that waited for this person, now his; None when none did, or more than one."""
    named = connection.execute(
        select(user.c.name, user.c.subject).where(user.c.identity.in_(person.names)).order_by(user.c.name)
    ).all()
    proved = {"issuer": person.issuer, "subject": person.subject}
    if len(named) != 1 or named[0].subject is not None:
        why = "not_named" if not named else "named_twice" if len(named) > 1 else "joined_to_another"
        # By the subject an administrator finds him at the issuer; strangers' names are not for keeping.
        refused = {"event": "log_in_refused", "account": named[0].name if named else "", "author": None, "why": why}
        audit.append(connection, now_ms, refused | proved | {"address": address})
        return None
    account: str = named[0].name
    values = {"issuer": person.issuer, "subject": person.subject}
    connection.execute(update(user).where(user.c.name == account).values(values))
    audit.append(connection, now_ms, {"event": "identity_joined", "account": account, "author": account} | proved)
    return account


def _checked(identity: str) -> str:
    if not (0 < len(identity) <= LONGEST_IDENTITY and identity.isprintable() and " " not in identity):
        says = f"is no e-mail, user name, or sub:SUBJECT of at most {LONGEST_IDENTITY} characters without blanks"
        raise NotAccepted([Problem("oidc", says)])
    return identity if identity.startswith(_SUBJECT) else _alike(identity)


def _alike(name: str) -> str:
    """Names that differ in capitals are one. Beyond ASCII letters of several scripts have one small form: as it is."""
    return name.lower() if name.isascii() else name
