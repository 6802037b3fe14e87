"""`hadir user link|token|sidak-link|list|revoke`: who may see the pages, and what programs show instead."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hadir.data_directory import RUN_FILE
from hadir.output import json_line, table
from hadir.settings import Settings
from presence.errors import BadInput
from presence.instants import rfc3339
from presence.site_values import parse_duration

if TYPE_CHECKING:
    from storage.record import Record

NAME = "user"
HELP = "let people and programs in: one-time links, tokens"

_ADMINISTRATOR = "administrator"
_LONGEST_NAME = 64
_SHORTEST_MS = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(dest="word", required=True, metavar="link|token|sidak-link|list|revoke")
    link = words.add_parser("link", help="print a one-time link that logs a browser in; it holds for an hour")
    link.add_argument("--name", default=_ADMINISTRATOR, help="the account, made when there is none (%(default)s)")
    link.add_argument("--url", help="where people reach the pages, such as https://hadir.example")
    token = words.add_parser("token", help="print a token for a program, once")
    token.add_argument("--name", required=True, help="the account, made when there is none")
    token.add_argument("--label", default="", help="what the token is for, shown in the list")
    sidak = words.add_parser("sidak-link", help="print a link to the sidak of a site, to read without an account")
    sidak.add_argument("--site", required=True, help="the site that it opens")
    sidak.add_argument("--for", dest="lasting", default="8h", help="for how long: 30m, 8h, 7d at most (%(default)s)")
    sidak.add_argument("--url", help="where people reach the pages, such as https://hadir.example")
    listing = words.add_parser("list", help="the accounts, their tokens and sessions")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    revoke = words.add_parser("revoke", help="take back all tokens, links and sessions of an account")
    revoke.add_argument("--name", required=True, help="the account")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from storage.record import Record

    if arguments.word in ("link", "token", "revoke"):
        _check_name(arguments.name)
    # A token may be made before the first start, by a script that sets a machine up; a link needs a server to lead to.
    with Record.open(settings.record_url(), create=arguments.word == "token") as record:
        match arguments.word:
            case "link":
                print(_link(record, arguments.name, arguments.url or _running_at(settings)))
            case "token":
                print(_token(record, arguments.name, arguments.label))
            case "sidak-link":
                url = arguments.url or _running_at(settings)
                print(_sidak_link(record, arguments.site, _lasting_ms(arguments.lasting), url))
            case "list":
                print(_list(record, as_json=arguments.json))
            case _:
                print(_revoke(record, arguments.name))
    return 0


def _check_name(name: str) -> None:
    if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
        raise BadInput("--name", f"an account has a name of 1 to {_LONGEST_NAME} printable characters")


def _link(record: Record, name: str, url: str) -> str:
    from storage.record.users import make_account, make_link

    now_ms = _now_ms()
    with record.writing() as connection:
        make_account(connection, name, now_ms)
        return f"{url.rstrip('/')}/login?code={make_link(connection, name, now_ms)}"


def _token(record: Record, name: str, label: str) -> str:
    from storage.record.users import make_account, make_token

    now_ms = _now_ms()
    with record.writing() as connection:
        make_account(connection, name, now_ms)
        return make_token(connection, name, label, now_ms)


def _sidak_link(record: Record, site: str, lasting_ms: int, url: str) -> str:
    from api.sidak_links import make_link
    from storage.record.registry import versions

    now_ms = _now_ms()
    with record.writing() as connection:
        known = versions(connection)
        if site not in known:
            raise BadInput("--site", f'no site "{site}"; there is {", ".join(sorted(known)) or "none yet"}')
        path = make_link(connection, site, now_ms + lasting_ms, author="hadir user sidak-link", now_ms=now_ms)
    return f"{url.rstrip('/')}{path}"


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
                    "made": rfc3339(one.made_ms),
                    "tokens": one.tokens,
                    "sessions": one.sessions,
                }
            )
            for one in found
        )
    return table(
        ["account", "role", "made", "tokens", "sessions"],
        [(one.name, one.role, rfc3339(one.made_ms), _counted(one.tokens), one.sessions) for one in found],
    )


def _counted(labels: Sequence[str]) -> str:
    """How many tokens, and the labels of those that have one."""
    named = ", ".join(filter(None, labels))
    return f"{len(labels)} ({named})" if named else str(len(labels))


def _revoke(record: Record, name: str) -> str:
    from storage.record.users import revoke

    with record.writing() as connection:
        count = revoke(connection, name)
    return f"{name}: {count} tokens, links and sessions taken back"


def _running_at(settings: Settings) -> str:
    """Where `hadir up` serves the pages now, or where it would."""
    try:
        port = json.loads((settings.data / RUN_FILE).read_text(encoding="utf-8"))["web"]
    except (OSError, ValueError, KeyError):
        port = settings.port
    return f"http://127.0.0.1:{port}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
