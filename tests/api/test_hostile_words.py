"""What people and devices wrote is shown as text: on every page, by events too, however long its words are."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Page, expect

from api.admin import PARTS
from presence import topics
from presence.alerts.life import Alert
from presence.instants import rfc3339
from presence.site import (
    Absence,
    Agency,
    Contact,
    DatedHours,
    Floor,
    Gateway,
    Maintenance,
    Outlet,
    Rule,
    Rules,
    Sensor,
    Site,
    Source,
)
from storage.record.acknowledgements import Answer, add
from storage.record.alerts import StoredAlert, put
from storage.record.aside import Unclaimed, note_unclaimed
from storage.record.contests import Contest, decide, submit
from storage.record.declarations import declare
from storage.record.users import make_account, make_session, make_token
from tests.builders import site
from tests.fixtures.hadir_command import eventually
from tests.fixtures.hall import AGENCY, Hall
from tests.fixtures.mall import MINUTE, NOW

LONG = "Kewarganegaraan" * 4
EVIL = f"""'-alert(1)-'"><img src=x onerror=alert(2)></script><script>alert(3)</script>{LONG}"""
LINK = "javascript:alert(4)"
ACCOUNT = """"><img src=x onerror=alert(5)>'"""
ALERT = Alert("vacancy", "outlet", "o-1", NOW - 30 * MINUTE, NOW - 20 * MINUTE)


def evil_site(name: str = EVIL) -> Site:
    """Every text of it is an attack."""

    def source(n: int) -> Source:
        return Source(convention="zigbee2mqtt", topic=EVIL, device=f"{EVIL}{n}", presence=EVIL)

    people = (Contact(id="k", name=EVIL, phone=LINK, channel=LINK),)
    day = DatedHours(first="2026-12-24", last="2026-12-24", service_hours="off", reason=EVIL)
    off: Rules = {"vacancy": Rule(off=True)}
    names = ("o-1", "o-2", "o-3")
    return site(
        id="jahat",
        name=name,
        outlets=[
            Outlet(
                id=one,
                name=name,
                agency="jahat",
                number=n,
                service=EVIL,
                floor=1,
                position=(n * 100.0, 50.0),
                sensors=(Sensor(id=f"s-{n}", kind="direct", zone="staff", source=source(n)),),
            )
            for n, one in enumerate(names, 1)
        ],
        agencies=(
            Agency(id="jahat", name=name, short=EVIL, contacts=people, exceptions=(day,), rules=off),
            Agency(id="lain", name=EVIL),
        ),
        contacts=(Contact(id="g", name=EVIL, role="facility_manager", phone=EVIL),),
        gateways=(Gateway(id="gw", name=EVIL),),
        floors=(Floor(floor=1, plan=EVIL),),
    )


@pytest.fixture(scope="module")
def evil(hall: Hall) -> str:
    """A session of an administrator whose name is an attack, too."""
    mall = hall.mall
    mall.register(evil_site())
    mall.say(topics.collector_status("jahat"), {"state": "online", "at": rfc3339(NOW)}, retain=True)
    for name, status in (("o-1", "vacant"), ("o-2", "declared"), ("o-3", "unattended")):
        hall.outlet(name, status, site="jahat", reason=EVIL if status == "declared" else None)
    span = {"from_ms": NOW, "to_ms": NOW + 60 * MINUTE}
    past = {"from_ms": NOW - 100 * MINUTE, "to_ms": NOW - 90 * MINUTE}
    device = Unclaimed("", EVIL, EVIL, NOW, 1, EVIL.encode(), "zigbee2mqtt", EVIL, {EVIL: 1.0, f"presence_{EVIL}": 0.0})
    with mall.record.writing(durable=False) as connection:
        declare(connection, "jahat", Absence(outlet="o-2", reason="other", note=EVIL, **span), ACCOUNT, NOW)
        declare(connection, "jahat", Maintenance(outlet="o-3", reason=EVIL, **span), ACCOUNT, NOW)
        first = Contest(0, "jahat", "o-1", text=EVIL, author=ACCOUNT, made_ms=0, **past)
        decide(connection, "jahat", submit(connection, first, NOW).id, "upheld", EVIL, author=ACCOUNT, now_ms=NOW)
        submit(connection, first._replace(outlet="o-2"), NOW)
        put(connection, "jahat", StoredAlert("first", ALERT, False, None), NOW)
        note_unclaimed(connection, [device])
        make_account(connection, ACCOUNT, NOW)
        make_token(connection, ACCOUNT, EVIL[:64], NOW)
        session = make_session(connection, ACCOUNT, NOW)
    eventually(lambda: httpx.get(f"{hall.url}/public/board?site=jahat").status_code == 200)
    return session


PAGES = (
    "/?site=jahat",
    f"/?site=jahat&q={quote(EVIL[:100])}&show={quote(EVIL)}",
    "/?site=jahat&view=plan",
    "/?site=jahat&wall=1",
    "/sidak?site=jahat",
    "/sites/jahat/outlets/o-1?at=10.30",
    f"/sites/jahat/outlets/o-2?range={quote(EVIL)}",
    "/agency?site=jahat",
    f"/agency?site=jahat&agency=jahat&said={quote(EVIL)}&done={quote(EVIL)}",
    f"/public?site=jahat&q={quote(EVIL[:100])}",
    "/public?site=jahat",
    "/public/board?site=jahat",
    "/account",
    *(f"/admin?site=jahat&part={part}&said={quote(EVIL)}" for part in PARTS),
    f"/admin?site=jahat&q={quote(EVIL[:100])}",
    "/admin/sites/jahat",
    "/admin/sites/jahat/days",
    "/admin/sites/jahat/duties",
    "/admin/sites/jahat/rules",
    "/admin/sites/jahat/outlets/o-1",
    "/admin/sites/jahat/outlets/o-1/remove",
    "/admin/sites/jahat/outlets/o-1/sensors/s-1",
    "/admin/sites/jahat/agencies/jahat",
    "/admin/sites/jahat/agencies/jahat/contacts/k",
    "/admin/sites/jahat/contacts/g/remove",
    f"/{quote(EVIL)}",
    f"/login?code={quote(EVIL)}",
)


_ELEMENTS = "img, script:not([src]):not([type='application/json']), a[href^='javascript']"


def test_what_was_written_is_shown_as_text_on_every_page(hall: Hall, evil: str, browse: Callable[..., Page]):
    page = browse(f"{hall.url}/login", width=320, complains=True, **hall.entered(evil))
    wide = []
    for path in PAGES:
        page.goto(f"{hall.url}{path}", wait_until="domcontentloaded")
        expect(page.locator("h1")).to_have_count(1)
        assert page.locator(_ELEMENTS).count() == 0, path
        if page.evaluate("document.documentElement.scrollWidth") > 320:
            wide.append(path)
    assert wide == []


@pytest.mark.parametrize("path", ["/?site=jahat", "/?site=jahat&wall=1"])
def test_what_comes_by_events_is_shown_as_text(hall: Hall, evil: str, browse: Callable[..., Page], path: str):
    page = browse(f"{hall.url}{path}", **hall.entered(evil))
    expect(page.locator("#feed")).not_to_have_class(re.compile("still"))
    name = f"event-{path}"
    with hall.record.writing(durable=False) as connection:
        put(connection, "jahat", StoredAlert(name, replace(ALERT, kind="unattended", subject="o-3"), False, None), NOW)
        add(connection, "jahat", name, Answer("other", EVIL), author=ACCOUNT, now_ms=NOW)
    hall.mall.say(topics.alerts_changed("jahat"), {"revision": 1}, retain=False)
    expect(page.locator("[data-life=acknowledged], #rail li").filter(has_text="alert(5)").first).to_be_visible()
    assert page.locator(_ELEMENTS).count() == 0


def test_characters_that_turn_what_follows_round_are_refused(hall: Hall):
    cookies, proof = hall.cookies("administrator"), {"x-hadir-request": "1"}
    body = {"id": "baru", "name": "Loket \u202elageneM", "agency": AGENCY}
    path = f"{hall.url}/api/v1/sites/balai/outlets"
    proof["if-match"] = httpx.get(path, cookies=cookies).headers["etag"]
    answer = httpx.post(path, json=body, cookies=cookies, headers=proof)
    assert answer.status_code == 400
    assert "name" in answer.json()["error"]
