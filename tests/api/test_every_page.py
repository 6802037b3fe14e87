"""What holds on every page, phone and desk, light and dark: axe-core finds nothing, nothing hangs over, Tab goes on.

The pages are the application's: a route that answers a page fails here until it is listed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from storage.record.users import Role
from tests.api.test_access import routes
from tests.fixtures.axe import findings
from tests.fixtures.hall import AGENCY, Hall
from tests.fixtures.web import Web

# Not for a person's eyes.
_FILES = {"/healthz", "/readyz", "/metrics", "/openapi.json", "/static/{digest}/{name}", "/plans/{name}"}
# These lead on to where people log in with their facility's account.
_ON = {"/login/oidc", "/login/oidc/back"}
_IN = {"site": "balai", "outlet": "o-22", "sensor": "o-22-s", "agency": AGENCY, "contact": "k-10", "name": "viewer"}
_IN |= {"duty": "kependudukan"}
_SITES_CONTACT = {"/admin/sites/{site}/contacts/{contact}", "/admin/sites/{site}/contacts/{contact}/remove"}

# The page as its route names it, and who reads it how: what follows the address, and the role.
PAGES: dict[str, tuple[tuple[str, Role | None], ...]] = {
    "/": (
        ("", "administrator"),
        ("?view=plan", "viewer"),
        ("?wall=1", "viewer"),
        ("?site=putus", "facility_manager"),
        ("?site=besar&wall=1", "viewer"),
        ("?q=notaris&lang=en", "agency"),
    ),
    "/login": (("", None), ("?code=spent", None)),
    "/account": (("", "administrator"), ("?first=1", "viewer")),
    "/public": (("", None), ("?site=besar&q=KTP", None)),
    "/public/board": (("?site=balai", None), ("?site=besar", None), ("?site=putus", None)),
    "/sidak": (("", "facility_manager"), ("?site=putus", "viewer")),
    "/sidak/{ticket}": (("", None),),
    "/sidak/links": (("", "facility_manager"),),
    "/sites/{site}/outlets/{outlet}": (("", "agency"), ("?range=month&at=10.30", "facility_manager")),
    "/agency": (("", "facility_manager"), (f"?agency={AGENCY}", "facility_manager"), ("", "agency")),
    "/docs": (("", "viewer"),),
    "/admin": (
        ("", "administrator"),
        ("?part=agencies&q=dinas", "administrator"),
        ("?part=contacts", "administrator"),
        ("?part=duties", "administrator"),
        ("?part=days", "administrator"),
        ("?part=inbox", "technician"),
    ),
    "/admin/users": (("", "administrator"),),
    "/admin/users/new": (("", "administrator"),),
    "/admin/users/of/{name}": (("", "administrator"),),
    "/admin/users/of/{name}/remove": (("", "administrator"),),
    "/admin/sites": (("", "administrator"),),
    "/admin/sites/{site}": (("", "facility_manager"),),
    "/admin/sites/{site}/outlets": (("", "administrator"),),
    "/admin/sites/{site}/outlets/{outlet}": (("", "administrator"), ("", "technician")),
    "/admin/sites/{site}/outlets/{outlet}/remove": (("", "administrator"),),
    "/admin/sites/{site}/outlets/{outlet}/sensors": (("", "technician"),),
    "/admin/sites/{site}/outlets/{outlet}/sensors/{sensor}": (("", "technician"),),
    "/admin/sites/{site}/outlets/{outlet}/sensors/{sensor}/remove": (("", "technician"),),
    "/admin/sites/{site}/agencies": (("", "administrator"),),
    "/admin/sites/{site}/agencies/{agency}": (("", "administrator"),),
    "/admin/sites/{site}/agencies/{agency}/remove": (("", "administrator"),),
    "/admin/sites/{site}/agencies/{agency}/contacts": (("", "administrator"),),
    "/admin/sites/{site}/agencies/{agency}/contacts/{contact}": (("", "administrator"),),
    "/admin/sites/{site}/agencies/{agency}/contacts/{contact}/remove": (("", "administrator"),),
    "/admin/sites/{site}/rules": (("", "administrator"),),
    "/admin/sites/{site}/days": (("", "administrator"),),
    "/admin/sites/{site}/duties": (("", "administrator"),),
    "/admin/sites/{site}/duties/{duty}": (("", "administrator"),),
    "/admin/sites/{site}/duties/{duty}/remove": (("", "administrator"),),
    "/admin/sites/{site}/contacts": (("", "administrator"),),
    "/admin/sites/{site}/contacts/{contact}": (("", "administrator"),),
    "/admin/sites/{site}/contacts/{contact}/remove": (("", "administrator"),),
}
READ = [(path, query, role) for path, reads in PAGES.items() for query, role in reads]


def address(hall: Hall, path: str, query: str) -> str:
    named = _IN | {"ticket": hall.ticket.removeprefix("/sidak/")}
    if path in _SITES_CONTACT:
        named["contact"] = "gedung"
    return f"{hall.url}{path.format(**named)}{query}"


def test_every_page_is_looked_at(web: Web):
    asked = {route.path for route in routes(web) if "GET" in route.methods and not route.path.startswith("/api/")}
    assert set(PAGES) == asked - _FILES - _ON


@pytest.mark.parametrize(("path", "query", "role"), READ)
def test_a_page_is_for_everybody(
    hall: Hall, axe: str, browse: Callable[..., Page], path: str, query: str, role: Role | None
):
    still: dict[str, Any] = {"reduced_motion": "reduce"}  # colours change at once
    page = browse(address(hall, path, query), complains="code=" in query, **still, **hall.logged_in(role))
    _frame_is_whole(page)
    found: dict[str, Any] = {}
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 900})
        found[f"light {width}"] = findings(page, axe)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert _missed_by_tab(page) == []
    page.emulate_media(color_scheme="dark")
    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        found[f"dark {width}"] = findings(page, axe, rules=["color-contrast"])
    page.emulate_media(color_scheme="dark", media="print")
    found["printed"] = findings(page, axe, rules=["color-contrast"])
    assert {where: what for where, what in found.items() if what} == {}


def _frame_is_whole(page: Page) -> None:
    expect(page.locator("h1")).to_have_count(1)
    assert re.fullmatch(r".+ · Hadir", page.title())
    assert page.locator("html").get_attribute("lang") in ("id", "en")
    expect(page.locator("main#isi")).to_have_count(1)
    if page.locator(".wall, .board").count() == 0:
        expect(page.locator("a.skip[href='#isi']")).to_have_count(1)


# Stops of the Tab key, a group of radio buttons being one; each must be seen to have the focus.
_STOPS = """() => {
  const stops = new Map();
  const all = "a[href], button, input, select, textarea, summary, [tabindex]";
  for (const one of document.querySelectorAll(all)) {
    if (one.tabIndex < 0 || one.disabled || !one.checkVisibility({visibilityProperty: true})) continue;
    if (one.closest("details:not([open])") && !one.matches("summary")) continue;
    const group = one.type === "radio" ? `${[...document.forms].indexOf(one.form)} ${one.name}` : null;
    stops.set(group ?? one, one);
  }
  window.stops = stops;
  window.seen = new Set();
  return stops.size;
}"""
_AT = """() => {
  const one = document.activeElement;
  if (one === document.body) return null;
  const key = one.type === "radio" ? `${[...document.forms].indexOf(one.form)} ${one.name}` : one;
  const ringed = [one, one.nextElementSibling, one.parentElement].filter(Boolean).map((each) => getComputedStyle(each))
    .some((style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2);
  if (ringed && window.stops.has(key)) window.seen.add(key);
  return [window.seen.size, window.stops.size];
}"""


def _missed_by_tab(page: Page) -> list[str]:
    """What a keyboard does not come to, or comes to unseen."""
    count = page.evaluate(_STOPS)
    for _ in range(2 * count + 20):
        page.keyboard.press("Tab")
        at = page.evaluate(_AT)
        if at is None or at[0] >= count:
            break
    missed: list[str] = page.evaluate(
        "[...window.stops].filter(([key]) => !window.seen.has(key)).map(([, one]) => one.outerHTML.slice(0, 200))"
    )
    return missed
