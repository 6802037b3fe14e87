"""`hadir user …`: who may see the pages: accounts, passwords, links, and the tokens that programs show instead."""

from __future__ import annotations

import argparse
import getpass
import json
import re
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hadir.data_directory import RUN_FILE
from hadir.output import json_line, table
from hadir.settings import Settings
from presence.declarations import NotAccepted
from presence.errors import BadInput, BadInputs
from presence.instants import parse_instant, rfc3339
from presence.site_values import parse_duration

if TYPE_CHECKING:
    from storage.record import Record
    from storage.record.users import Account

NAME = "user"
HELP = "let people and programs in: accounts, passwords, one-time links, tokens"

_ADMINISTRATOR = "administrator"
_SHORTEST_MS = 1000
_ROLES = ("administrator", "facility_manager", "agency", "technician", "viewer")
_DAY_MS = 86_400_000
_LONGEST_DAYS = 36_500
_FLAGS = ("name", "role", "agency", "site", "oidc", "label", "expires")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(
        dest="word", required=True, metavar="add|password|oidc|link|token|sidak-link|sidak-links|list|revoke"
    )
    add = words.add_parser("add", help="make an account")
    add.add_argument("--name", required=True, help="how it is called")
    add.add_argument("--role", required=True, choices=_ROLES, help="what it may do: %(choices)s")
    add.add_argument("--agency", help="of the role agency: whose outlets alone it sees")
    add.add_argument("--site", help="the one site that it sees (all of them)")
    add.add_argument("--oidc", metavar="WHO", help="who logs in to it by OpenID Connect: e-mail, user name, or sub:…")
    password = words.add_parser("password", help="set the password of an account; it is asked for, or read from a pipe")
    password.add_argument("--name", required=True, help="the account")
    oidc = words.add_parser("oidc", help="say who logs in to an account by OpenID Connect (docs/oidc.md)")
    oidc.add_argument("--name", required=True, help="the account")
    who = oidc.add_mutually_exclusive_group(required=True)
    who.add_argument("--who", help="a verified e-mail, a user name, or sub: and the subject, as the issuer has it")
    who.add_argument("--nobody", action="store_true", help="nobody any more")
    link = words.add_parser("link", help="print a one-time link that logs a browser in; it holds for an hour")
    link.add_argument("--name", default=_ADMINISTRATOR, help="the account, made an administrator's when there is none")
    link.add_argument("--url", help="where people reach the pages, such as https://hadir.example")
    token = words.add_parser("token", help="print a token for a program, once")
    token.add_argument("--name", required=True, help="the account, made an administrator's when there is none")
    token.add_argument("--label", default="", help="what the token is for, shown in the list")
    token.add_argument("--scope", choices=("read", "write"), default="write", help="what it may at most (%(default)s)")
    token.add_argument("--expires", help="until when it holds: 90d, or 2027-01-31 (until it is revoked)")
    sidak = words.add_parser("sidak-link", help="print a link to the sidak of a site, to read without an account")
    sidak.add_argument("--site", required=True, help="the site that it opens")
    sidak.add_argument("--for", dest="lasting", default="8h", help="for how long: 30m, 8h, 7d at most (%(default)s)")
    sidak.add_argument("--url", help="where people reach the pages, such as https://hadir.example")
    links = words.add_parser("sidak-links", help="the links to sidak that hold, with who made them until when")
    links.add_argument("--json", action="store_true", help="one JSON object a line")
    links.add_argument("--revoke", type=int, metavar="ID", help="take this one back instead")
    listing = words.add_parser("list", help="the accounts, their tokens and sessions")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    revoke = words.add_parser(
        "revoke", help="take back all tokens, links, sessions, the password and the OpenID Connect log-in of an account"
    )
    revoke.add_argument("--name", required=True, help="the account")
    revoke.add_argument("--token", help="this token alone, by its id in `hadir user list --json`")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    try:
        return _run(arguments, settings)
    except NotAccepted as error:
        found = [BadInput(_named(problem.path, arguments.word), problem.says) for problem in error.problems]
        raise BadInputs(found) from None


def _named(field: str, word: str) -> str:
    """A field of an account as who types the command gave it, or may: `--agency`."""
    if (word, field) == ("oidc", "oidc"):
        return "--who"
    return f"--{field}" if field in _FLAGS else field


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    from storage.record import Record

    if arguments.word != "token":
        _check_not_a_demo(settings, arguments.word)
    # A token may be made before the first start, by a script that sets a machine up; a link needs a server to lead to.
    with Record.open(settings.record_url(), create=arguments.word == "token") as record:
        match arguments.word:
            case "add":
                print(
                    _add(record, arguments, f" --data {shlex.quote(str(settings.data))}" if settings.data_named else "")
                )
            case "password":
                print(_password(record, arguments.name))
            case "oidc":
                print(_oidc(record, arguments.name, arguments.who))
            case "link":
                print(_link(record, arguments.name, arguments.url or _running_at(settings)))
            case "token":
                print(_token(record, arguments))
            case "sidak-link":
                url = arguments.url or _running_at(settings)
                print(_sidak_link(record, arguments.site, _lasting_ms(arguments.lasting), url))
            case "sidak-links" if arguments.revoke is not None:
                print(_revoke_sidak_link(record, arguments.revoke))
            case "sidak-links":
                print(_sidak_links(record, as_json=arguments.json))
            case "list":
                print(_list(record, as_json=arguments.json))
            case _:
                print(_revoke(record, arguments.name, arguments.token))
    return 0


def _add(record: Record, arguments: argparse.Namespace, where: str) -> str:
    """`where`: the flag that names the record, for the command that comes next."""
    from storage.record import accounts

    with record.writing() as connection:
        accounts.add(
            connection,
            arguments.name,
            arguments.role,
            agency=arguments.agency,
            site_id=arguments.site,
            identity=arguments.oidc,
            by=accounts.CONSOLE,
            now_ms=_now_ms(),
        )
    return (
        f"{arguments.name}: made; let its owner in with `hadir user link --name {shlex.quote(arguments.name)}{where}`"
    )


def _password(record: Record, name: str) -> str:
    from storage.passwords import hashed
    from storage.record import accounts

    password = getpass.getpass("New password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    accounts.check_password(name, password)
    kept = hashed(password)
    with record.writing() as connection:
        accounts.set_password(connection, name, kept, by=accounts.CONSOLE, now_ms=_now_ms())
    return f"{name}: the password is set; browsers that were logged in are no longer"


def _oidc(record: Record, name: str, who: str | None) -> str:
    from storage.record.accounts import CONSOLE
    from storage.record.identities import name_person

    with record.writing() as connection:
        name_person(connection, name, who, by=CONSOLE, now_ms=_now_ms())
    return f"{name}: {who or 'nobody'} logs in to it by OpenID Connect; browsers that were logged in are no longer"


def _link(record: Record, name: str, url: str) -> str:
    from storage.record import accounts

    now_ms = _now_ms()
    with record.writing() as connection:
        accounts.make_sure(connection, name, by=accounts.CONSOLE, now_ms=now_ms)
        code = accounts.link(connection, name, by=accounts.CONSOLE, now_ms=now_ms)
    return f"{url.rstrip('/')}/login?code={code}"


def _token(record: Record, arguments: argparse.Namespace) -> str:
    from storage.record import accounts

    now_ms = _now_ms()
    with record.writing() as connection:
        accounts.make_sure(connection, arguments.name, by=accounts.CONSOLE, now_ms=now_ms)
        secret, _ = accounts.token(
            connection,
            arguments.name,
            arguments.label,
            scope=arguments.scope,
            expires_ms=_expires_ms(arguments.expires, now_ms),
            by=accounts.CONSOLE,
            now_ms=now_ms,
        )
    return secret


def _expires_ms(text: str | None, now_ms: int) -> int | None:
    """`90d`, a date (its midnight, UTC), or an instant with its offset."""
    if text is None:
        return None
    if text.endswith("d") and text[:-1].isdecimal() and 0 < int(text[:-1]) <= _LONGEST_DAYS:
        return now_ms + int(text[:-1]) * _DAY_MS
    try:
        return parse_instant(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text)
    except ValueError:
        problem = f'"{text}" is no end; write 90d, 2027-01-31, or an instant with its offset'
        raise BadInput("--expires", problem) from None


def _sidak_link(record: Record, site: str, lasting_ms: int, url: str) -> str:
    from api.sidak_links import path_of
    from storage.record import accounts, sidak_links
    from storage.record.registry import versions

    now_ms = _now_ms()
    with record.writing() as connection:
        known = versions(connection)
        if site not in known:
            raise BadInput("--site", f'no site "{site}"; there is {", ".join(sorted(known)) or "none yet"}')
        secret, _ = sidak_links.make(connection, site, now_ms + lasting_ms, by=accounts.CONSOLE, now_ms=now_ms)
    return f"{url.rstrip('/')}{path_of(secret)}"


def _sidak_links(record: Record, *, as_json: bool) -> str:
    from storage.record import sidak_links

    with record.reading() as connection:
        found = sidak_links.standing(connection, _now_ms())
    rows = [(one.id, one.site, one.author, rfc3339(one.made_ms), rfc3339(one.until_ms)) for one in found]
    heads = ["id", "site", "author", "made", "until"]
    if as_json:
        return "\n".join(json_line(dict(zip(heads, row, strict=True))) for row in rows)
    return table(heads, rows)


def _revoke_sidak_link(record: Record, link: int) -> str:
    from storage.record import accounts, sidak_links

    with record.writing() as connection:
        was = sidak_links.revoke(connection, link, by=accounts.CONSOLE, now_ms=_now_ms())
    return f"{was.site}: link {link} taken back"


def _lasting_ms(text: str) -> int:
    from api.sidak_links import LONGEST_MS

    try:
        lasting_ms = parse_duration(text, _SHORTEST_MS)
    except ValueError as error:
        raise BadInput("--for", str(error)) from None
    if lasting_ms > LONGEST_MS:
        raise BadInput("--for", f'"{text}" is longer than seven days; write 8h, or 7d at most')
    return lasting_ms


def _list(record: Record, *, as_json: bool) -> str:
    from storage.record.users import accounts

    with record.reading() as connection:
        found = accounts(connection, _now_ms())
    if as_json:
        return "\n".join(
            json_line(
                {
                    "name": one.name,
                    "role": one.role,
                    "agency": one.agency,
                    "site": one.site,
                    "password": one.has_password,
                    "oidc": one.identity,
                    "oidc_joined": one.joined,
                    "made": rfc3339(one.made_ms),
                    "tokens": one.tokens,
                    "sessions": one.sessions,
                }
            )
            for one in found
        )
    return table(
        ["account", "role", "sees", "password", "oidc", "made", "tokens", "sessions"],
        [
            (
                one.name,
                one.role,
                ", ".join(filter(None, (one.agency, one.site))) or "all",
                "yes" if one.has_password else "no",
                _logging_in(one),
                rfc3339(one.made_ms),
                _counted(one.tokens),
                one.sessions,
            )
            for one in found
        ],
    )


def _logging_in(account: Account) -> str:
    """Who logs in to it by OpenID Connect, and whether he has done so."""
    if account.identity is None:
        return "nobody"
    return account.identity if account.joined else f"{account.identity} (not yet)"


def _counted(labels: Sequence[str]) -> str:
    """How many tokens, and the labels of those that have one."""
    named = ", ".join(filter(None, labels))
    return f"{len(labels)} ({named})" if named else str(len(labels))


def _revoke(record: Record, name: str, token: str | None) -> str:
    from storage.record import accounts

    with record.writing() as connection:
        if token is not None:
            accounts.revoke_token(connection, name, token, by=accounts.CONSOLE, now_ms=_now_ms())
            return f"{name}: token {token} taken back"
        count = accounts.revoke(connection, name, by=accounts.CONSOLE, now_ms=_now_ms())
    return f"{name}: {count} tokens, links and sessions taken back, the password and the log-in by OpenID Connect too"


def _check_not_a_demo(settings: Settings, word: str) -> None:
    """Raise for who means the demo, which keeps its data apart, and has nothing where the others are kept."""
    demo = settings.data / "demo"
    if settings.data_named or (settings.data / "record.db").exists() or not (demo / RUN_FILE).exists():
        return
    if settings.record_url() == replace(settings, data=demo).record_url():
        return
    problem = "there is no record, but that of a demo beside it"
    raise BadInput(str(settings.data), problem, remedy=f"write hadir user {word} --data {demo}")


def _running_at(settings: Settings) -> str:
    """Where `hadir up` serves the pages now, or where it would."""
    try:
        port = json.loads((settings.data / RUN_FILE).read_text(encoding="utf-8"))["web"]
    except (OSError, ValueError, KeyError):
        port = settings.port
    return f"http://127.0.0.1:{port}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
