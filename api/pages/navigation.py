"""The pages that the frame of every page offers, each only to whom it would open."""

from __future__ import annotations

from typing import NamedTuple

from starlette.requests import Request

from api.access import ROLES_OF, RULES, Rule, is_local
from storage.record.users import Asker


class Place(NamedTuple):
    """A page in the navigation. `name`: of its text, `page.{name}`; `of_site`: `?site=` says of which site."""

    name: str
    path: str
    of_site: bool = True

    @property
    def rule(self) -> Rule | None:
        """Whom it opens to; None: it is not there. One table says so, here and at the door."""
        return RULES.get(f"GET {self.path}")


PLACES = (
    Place("live", "/"),
    Place("sidak", "/sidak"),
    Place("agency", "/agency"),
    Place("public", "/public"),
    Place("admin", "/admin", of_site=False),
    Place("docs", "/docs", of_site=False),
)


def places(request: Request, who: Asker | None) -> list[Place]:
    """Those of `PLACES` that are there and would open to `who`."""
    return [place for place in PLACES if _opens(request, place.rule, who)]


def _opens(request: Request, rule: Rule | None, who: Asker | None) -> bool:
    if rule is None:
        return False
    if rule == "open":
        return True
    if who is None:
        return rule == "see" and request.app.state.parts.demo and is_local(request)
    return rule == "local" or who.role in ROLES_OF[rule]
