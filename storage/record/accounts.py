"""What is done to accounts, and by whom: each act with its row in the audit log. Functions on a connection.

The secrets themselves are `users`'; nothing of them is in the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, delete, func, select, update

from presence.declarations import NotAccepted
from presence.instants import rfc3339_or_none
from presence.site_checks import Problem
from storage.record import audit, users
from storage.record.identities import forget_person, name_person
from storage.record.refusals import NotNow, NotThere
from storage.record.tables import agency as agencies
from storage.record.tables import credential, site, user
from storage.record.users import ROLES, Role, Scope

LONGEST_NAME = 64
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
# Who acts when no account does: whoever may run commands on the machine.
CONSOLE = "console"
_ID_DIGITS = 12

# Why an account can be neither removed nor made less than an administrator's.
Kept = Literal["last", "own"]
_KEPT: dict[Kept, str] = {
    "last": '"{}" is the last administrator; make another one first',
    "own": "this is your own account; another administrator can do this",
}


class Token(NamedTuple):
    """A token as its owner sees it. `id`: by which it is taken back; tells nothing of the secret."""

    id: str
    label: str
    scope: Scope
    made_ms: int
    expires_ms: int | None


def add(
    connection: Connection,
    name: str,
    role: Role,
    *,
    agency: str | None = None,
    site_id: str | None = None,
    identity: str | None = None,
    by: str,
    now_ms: int,
) -> None:
    """Make an account. `identity`: who logs in to it by OpenID Connect. Raises NotAccepted for what is wrong with it,
    NotNow when there is one of this name, or of this person.
    """
    problems = [*_name_problems(name), *_reach_problems(connection, role, agency, site_id)]
    if problems:
        raise NotAccepted(problems)
    if not users.make_account(connection, name, now_ms, role, agency=agency, site=site_id):
        raise NotNow(f'there is an account "{name}" already')
    _audit(connection, now_ms, "account_made", name, by, {"role": role, "agency": agency, "site": site_id})
    if identity is not None:
        name_person(connection, name, identity, by=by, now_ms=now_ms)


def make_sure(connection: Connection, name: str, *, by: str, now_ms: int) -> None:
    """Make an administrator's account of this name when there is no account of it at all. Raises NotAccepted."""
    if connection.scalar(select(user.c.name).where(user.c.name == name)) is None:
        add(connection, name, "administrator", by=by, now_ms=now_ms)


def kept(connection: Connection, name: str, *, by: str) -> Kept | None:
    """Why the account stays an administrator's whatever `by` asks for; None where it need not. Raises NotThere."""
    others = select(func.count()).where(user.c.role == "administrator", user.c.name != name)
    if _role(connection, name) == "administrator" and not connection.execute(others).scalar_one():
        return "last"
    return "own" if name == by else None


def change(
    connection: Connection, name: str, role: Role, *, agency: str | None, site_id: str | None, by: str, now_ms: int
) -> None:
    """Give an account another role or reach, at once also where it is logged in. NotThere, NotAccepted, NotNow."""
    before = connection.execute(
        select(user.c.role, user.c.agency, user.c.site).where(user.c.name == name)
    ).one_or_none()
    if before is None:
        raise NotThere(f'no account "{name}"')
    if problems := _reach_problems(connection, role, agency, site_id):
        raise NotAccepted(problems)
    if tuple(before) == (role, agency, site_id):
        return
    if role != before.role:
        _check_not_kept(connection, name, by)
    connection.execute(update(user).where(user.c.name == name).values(role=role, agency=agency, site=site_id))
    said = {"role": role, "agency": agency, "site": site_id, "before": dict(before._mapping)}
    _audit(connection, now_ms, "account_changed", name, by, said)


def remove(connection: Connection, name: str, *, by: str, now_ms: int) -> None:
    """Take an account away with all that opens it. Raises NotThere; NotNow for one's own and the last administrator."""
    _check_not_kept(connection, name, by)
    users.revoke(connection, name)
    connection.execute(delete(user).where(user.c.name == name))
    _audit(connection, now_ms, "account_removed", name, by)


def link(connection: Connection, name: str, *, by: str, now_ms: int) -> str:
    """The code of a new one-time link. Raises NotThere."""
    _role(connection, name)
    code = users.make_link(connection, name, now_ms)
    _audit(connection, now_ms, "link_made", name, by)
    return code


def token(
    connection: Connection,
    name: str,
    label: str,
    *,
    scope: Scope = "write",
    expires_ms: int | None = None,
    by: str,
    now_ms: int,
) -> tuple[str, Token]:
    """The secret of a new token, and the token. Raises NotThere, NotAccepted."""
    _role(connection, name)
    if expires_ms is not None and expires_ms <= now_ms:
        raise NotAccepted([Problem("expires", "is past; name a time to come, or leave it out")])
    if len(label) > LONGEST_NAME or not (label.isprintable() or not label):
        raise NotAccepted([Problem("label", f"is no text of at most {LONGEST_NAME} printable characters")])
    secret = users.make_token(connection, name, label, now_ms, expires_ms=expires_ms, scope=scope)
    made = next(one for one in tokens(connection, name) if one.id == users.digest(secret)[:_ID_DIGITS])
    said = {"token": made.id, "label": label, "scope": scope, "expires": rfc3339_or_none(expires_ms)}
    _audit(connection, now_ms, "token_made", name, by, said)
    return secret, made


def tokens(connection: Connection, name: str) -> list[Token]:
    """The tokens of an account, oldest first, those that have expired too. Raises NotThere."""
    _role(connection, name)
    rows = connection.execute(
        select(credential)
        .where(credential.c.user == name, credential.c.kind == "token")
        .order_by(credential.c.made_ms, credential.c.hash)
    )
    return [Token(row.hash[:_ID_DIGITS], row.label, row.scope, row.made_ms, row.expires_ms) for row in rows]


def revoke_token(connection: Connection, name: str, token_id: str, *, by: str, now_ms: int) -> None:
    """Take one token back. Raises NotThere."""
    chosen = (credential.c.user == name, credential.c.kind == "token")
    found = [
        one for one in connection.scalars(select(credential.c.hash).where(*chosen)) if one[:_ID_DIGITS] == token_id
    ]
    if not found:
        raise NotThere(f'no token "{token_id}" of account "{name}"')
    connection.execute(delete(credential).where(credential.c.hash.in_(found)))
    _audit(connection, now_ms, "token_revoked", name, by, {"token": token_id})


def revoke(connection: Connection, name: str, *, by: str, now_ms: int) -> int:
    """Take back everything that opens an account, its password and who logs in to it by OpenID Connect too.

    Says how many tokens, links and sessions. Raises NotThere, and NotNow for one's own: whoever asks would be out with
    nobody to let him in again.
    """
    _role(connection, name)
    if name == by:
        raise NotNow(_KEPT["own"])
    count = users.revoke(connection, name)
    forget_person(connection, name)
    connection.execute(update(user).where(user.c.name == name).values(password=None))
    _audit(connection, now_ms, "all_revoked", name, by)
    return count


def set_password(
    connection: Connection, name: str, hashed: str, *, by: str, now_ms: int, but_session: str | None = None
) -> None:
    """Give an account a password, and end its sessions except `but_session`. `hashed`: argon2id. Raises NotThere."""
    _role(connection, name)
    connection.execute(update(user).where(user.c.name == name).values(password=hashed))
    users.end_sessions(connection, name, but=but_session)
    _audit(connection, now_ms, "password_set", name, by)


def log_in_by_password(connection: Connection, name: str, address: str, now_ms: int) -> str:
    """The secret of a new session of an account that has proved who it is. Raises NotThere when it is gone by now."""
    _role(connection, name)
    session = users.make_session(connection, name, now_ms)
    _audit(connection, now_ms, "logged_in", name, name, {"how": "password", "address": address})
    return session


def log_in_by_link(connection: Connection, code: str, address: str, now_ms: int) -> tuple[str, str] | None:
    """Account and secret of the new session, the link being used up; None when it opens nothing any more."""
    name = users.who(connection, code, "link", now_ms)
    session = users.use_link(connection, code, now_ms)
    if name is None or session is None:
        return None
    _audit(connection, now_ms, "logged_in", name, name, {"how": "link", "address": address})
    return name, session


def log_out(connection: Connection, session: str, now_ms: int) -> None:
    """End a session, if it is one."""
    name = users.who(connection, session, "session", now_ms)
    users.end_session(connection, session)
    if name is not None:
        _audit(connection, now_ms, "logged_out", name, name)


def log_out_everywhere(connection: Connection, name: str, *, by: str, now_ms: int) -> int:
    """End all sessions of an account; how many there were. Raises NotThere."""
    _role(connection, name)
    count = users.end_sessions(connection, name)
    _audit(connection, now_ms, "logged_out_everywhere", name, by, {"sessions": count})
    return count


def held_up(connection: Connection, name: str, address: str, now_ms: int) -> None:
    """Write down that too many log-ins failed, so that further ones wait."""
    _audit(connection, now_ms, "log_in_held_up", name[:LONGEST_NAME], None, {"address": address})


def check_password(name: str, password: str) -> None:
    """Raises NotAccepted for a password that is too easily guessed, or cannot be kept."""
    says = None
    if len(password) < SHORTEST_PASSWORD:
        says = f"has fewer than {SHORTEST_PASSWORD} characters; a sentence of four words is easy to keep in mind"
    elif len(password) > LONGEST_PASSWORD:
        says = f"has more than {LONGEST_PASSWORD} characters"
    elif name.casefold() in password.casefold() or len(set(password)) < 5:
        says = "is easily guessed; leave out the account's name, and use more than four different characters"
    if says is not None:
        raise NotAccepted([Problem("password", says)])


def _name_problems(name: str) -> list[Problem]:
    # A dot or two would lead elsewhere in an address.
    shown = name.strip() == name and name.isprintable() and name not in ("", ".", "..")
    if shown and "/" not in name and len(name) <= LONGEST_NAME:
        return []
    return [Problem("name", f"is not 1 to {LONGEST_NAME} printable characters without a slash or outer blanks")]


def _reach_problems(connection: Connection, role: str, agency: str | None, site_id: str | None) -> list[Problem]:
    problems = []
    if role not in ROLES:
        problems.append(Problem("role", f"is none of {', '.join(ROLES)}"))
    if role == "agency" and agency is None:
        problems.append(Problem("agency", "is missing; an account of this role sees the outlets of one agency"))
    if role != "agency" and agency is not None:
        problems.append(Problem("agency", "is for accounts of the role agency; leave it out, or choose that role"))
    if role == "administrator" and site_id is not None:
        problems.append(Problem("site", "is not for administrators, who see all sites; leave it out"))
    if site_id is not None and connection.scalar(select(site.c.id).where(site.c.id == site_id)) is None:
        problems.append(Problem("site", f'no site "{site_id}"; add it first'))
    elif agency is not None:
        known = select(agencies.c.id).where(agencies.c.id == agency)
        if site_id is not None:
            known = known.where(agencies.c.site == site_id)
        if connection.scalar(known.limit(1)) is None:
            problems.append(Problem("agency", f'no agency "{agency}"; add it to its site first'))
    return problems


def _check_not_kept(connection: Connection, name: str, by: str) -> None:
    if (why := kept(connection, name, by=by)) is not None:
        raise NotNow(_KEPT[why].format(name))


def _role(connection: Connection, name: str) -> Role:
    role: Role | None = connection.scalar(select(user.c.role).where(user.c.name == name))
    if role is None:
        raise NotThere(f'no account "{name}"')
    return role


def _audit(
    connection: Connection, now_ms: int, event: str, name: str, by: str | None, more: Mapping[str, Any] | None = None
) -> None:
    audit.append(connection, now_ms, {"event": event, "account": name, "author": by, **(more or {})})
