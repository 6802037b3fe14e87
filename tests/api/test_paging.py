"""Long lists page by page, while somebody adds to them: what was there at the beginning comes once, in its order."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from sqlalchemy import Connection

from api.paging import MOST
from presence.alerts.life import Alert
from presence.site import Absence, Agency, Contact, Maintenance, Substitute
from storage.record import accounts, sidak_links
from storage.record.alerts import StoredAlert, put
from storage.record.contests import Contest, submit
from storage.record.declarations import declare
from storage.record.substitutes import name_substitute
from storage.record.users import make_account, make_token
from tests.builders import outlet, site
from tests.fixtures.mall import MINUTE, NOW
from tests.fixtures.web import Browser, Web

HOUR = 60 * MINUTE
# What each is numbered by; later ones lie before, between and behind those that are there at the beginning.
FIRST, LATER = (20, 10, 30, 50, 40), (5, 25, 45, 55, 15, 35, 60)


def _alert(connection: Connection, n: int) -> None:
    alert = Alert("vacancy", "outlet", "a-1", NOW - HOUR, NOW - HOUR + n * 1000)
    put(connection, "balai", StoredAlert(f"a{n}", alert, False, None), NOW)


def _contest(connection: Connection, n: int) -> None:
    submit(connection, Contest(0, "balai", "a-1", NOW - 70 * HOUR + n * HOUR, NOW, "Ada", "ani", 0), NOW)


def _absence(connection: Connection, n: int) -> None:
    span = {"from_ms": NOW + n * HOUR, "to_ms": NOW + n * HOUR + MINUTE}
    declare(connection, "balai", Absence(outlet="a-1", reason="sick", **span), "ani", NOW)


def _work(connection: Connection, n: int) -> None:
    # Alike in their beginning: the order of those is that of their numbers.
    declare(connection, "balai", Maintenance(outlet="a-1", from_ms=NOW, to_ms=NOW + n * HOUR, reason="x"), "ani", NOW)


def _substitute(connection: Connection, n: int) -> None:
    span = {"from_ms": NOW + n * HOUR, "to_ms": NOW + n * HOUR + MINUTE}
    name_substitute(connection, "balai", Substitute(agency="dinas", contact="cita", to="budi", **span), "ani", NOW)


def _user(connection: Connection, n: int) -> None:
    make_account(connection, f"orang-{n:02}", NOW, "viewer")


def _token(connection: Connection, n: int) -> None:
    accounts.token(connection, "ani", f"t{n}", scope="read", expires_ms=None, by="ani", now_ms=NOW + n)


def _link(connection: Connection, n: int) -> None:
    sidak_links.make(connection, "balai", NOW + n * MINUTE, by="ani", now_ms=NOW)


class List(NamedTuple):
    """`key`: under which it stands. `add`: puts something more into it. `name`: what tells one from the other."""

    key: str
    add: Callable[[Connection, int], None]
    name: str = "id"


SITE = "/api/v1/sites/balai"
LISTS = {
    "/api/v1/alerts": List("alerts", _alert),
    f"{SITE}/contests": List("contests", _contest),
    f"{SITE}/absences": List("absences", _absence),
    f"{SITE}/maintenance": List("maintenance", _work),
    f"{SITE}/agencies/dinas/substitutes": List("substitutes", _substitute),
    "/api/v1/users": List("users", _user, "name"),
    "/api/v1/users/ani/tokens": List("tokens", _token),
    "/api/v1/sidak/links": List("links", _link),
}
by_list = pytest.mark.parametrize("path", LISTS)


@pytest.fixture
def ani(web: Web) -> Browser:
    contacts = tuple(Contact(id=name, name=name, phone="0200 555 0122") for name in ("budi", "cita"))
    web.apply(site(outlets=[outlet("a-1")], agencies=(Agency(id="dinas", name="Dinas", contacts=contacts),)))
    with web.record.writing(durable=False) as connection:
        make_account(connection, "ani", NOW)
        token = make_token(connection, "ani", "", NOW)
    return web.ask(authorization=f"Bearer {token}")


def add(web: Web, path: str, *numbers: int) -> None:
    with web.record.writing(durable=False) as connection:
        for n in numbers:
            LISTS[path].add(connection, n)


def ids(browser: Browser, path: str) -> tuple[list[str | int], str]:
    """What a page lists, and where its Link leads, "" at the end."""
    answer, listed = browser.get(path), LISTS[path.partition("?")[0]]
    assert answer.status_code == 200, answer.text
    link = answer.headers.get("link", "")
    assert link == "" or (link.startswith("</api/v1/") and link.endswith('>; rel="next"'))
    return [one[listed.name] for one in answer.json()[listed.key]], link.partition("<")[2].partition(">")[0]


@by_list
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_what_was_there_comes_once_whatever_is_added(web: Web, ani: Browser, path: str, limit: int):
    add(web, path, *FIRST)
    there, nothing = ids(ani, path)
    assert nothing == ""
    pages, following, later = [], f"{path}?limit={limit}", list(LATER)
    while following:
        some, following = ids(ani, following)
        assert 0 < len(some) <= limit
        pages.append(some)
        if later:
            add(web, path, later.pop())
    if path == "/api/v1/alerts":
        pages.reverse()  # they begin with the newest page
    came = [one for some in pages for one in some]
    assert len(set(came)) == len(came)
    assert [one for one in came if one in there] == there
    in_order = ids(ani, path)[0]
    assert came == [one for one in in_order if one in came]


@by_list
def test_as_many_as_there_are_need_one_page(web: Web, ani: Browser, path: str):
    add(web, path, *FIRST)
    there, _ = ids(ani, path)
    assert ids(ani, f"{path}?limit={len(there)}") == (there, "")
    assert ids(ani, f"{path}?limit={MOST}") == (there, "")


@by_list
def test_what_is_no_limit_or_no_cursor_is_refused(ani: Browser, path: str):
    wrong = [("limit", given) for given in ("0", "-1", f"{MOST + 1}", "9" * 40, "x", "1.5", "")]
    # No base64, no list, of another list, and longer than any.
    wrong += [("cursor", given) for given in ("", "x", "W10", "WzFd", "WyJhIiwgMSwgMl0", "e30", "a" * 501)]
    for name, given in wrong:
        answer = ani.get(f"{path}?{name}={given}")
        assert (answer.status_code, list(answer.json()["errors"])) == (400, [name]), given


def test_the_next_page_asks_for_the_time_of_the_first(web: Web, ani: Browser):
    """What was over when it was asked for first stays out, and what lasted then stays in."""
    path = f"{SITE}/absences"
    add(web, path, 1, 2, 3)
    first, following = ids(ani, f"{path}?limit=1")
    web.now_ms += 2 * HOUR + 30 * MINUTE
    second, following = ids(ani, following)
    assert [*first, *second, *ids(ani, following)[0]] == [1, 2, 3]
