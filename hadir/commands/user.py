"""`hadir user link|token|list|revoke`: who may see the pages, and what programs show instead."""

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

if TYPE_CHECKING:
    from storage.record import Record

NAME = "user"
HELP = "let people and programs in: one-time links, tokens"

_ADMINISTRATOR = "administrator"
_LONGEST_NAME = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(dest="word", required=True, metavar="link|token|list|revoke")
    link = words.add_parser("link", help="print a one-time link that logs a browser in; it holds for an hour")
    link.add_argument("--name", default=_ADMINISTRATOR, help="the account, made when there is none (%(default)s)")
    link.add_argument("--url", help="where people reach the pages, such as https://hadir.example")
    token = words.add_parser("token", help="print a token for a program, once")
    token.add_argument("--name", required=True, help="the account, made when there is none")
    token.add_argument("--label", default="", help="what the token is for, shown in the list")
    listing = words.add_parser("list", help="the accounts, their tokens and sessions")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    revoke = words.add_parser("revoke", help="take back all tokens, links and sessions of an account")
    revoke.add_argument("--name", required=True, help="the account")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from storage.record import Record

    if arguments.word != "list":
        _check_name(arguments.name)
    # A token may be made before the first start, by a script that sets a machine up; a link needs a server to lead to.
    with Record.open(settings.record_url(), create=arguments.word == "token") as record:
        match arguments.word:
            case "link":
                print(_link(record, arguments.name, arguments.url or _running_at(settings)))
            case "token":
                print(_token(record, arguments.name, arguments.label))
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
