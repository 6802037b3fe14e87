from __future__ import annotations

import dataclasses

from api.access import Sight
from api.of_sites import OfSites
from presence.site import Absence, Substitute
from storage.record.users import make_account, make_token
from tests.builders import outlet, site
from tests.fixtures.mall import NOW
from tests.fixtures.web import Web

TWO = site(outlets=[outlet("a-1"), outlet("b-1", agency="samsat")])


def test_what_is_worked_out_of_a_site_is_kept_until_anything_of_it_changes():
    made: list[str] = []
    kept = OfSites(lambda one, _now_ms: made.append(one.name) or len(made))  # type: ignore[func-returns-value]
    assert [kept.of(TWO, NOW), kept.of(dataclasses.replace(TWO), NOW), kept.of(TWO, NOW)] == [1, 1, 1]
    absence = Absence(outlet="a-1", from_ms=0, to_ms=1, reason="sick")
    assert kept.of(dataclasses.replace(TWO, absences=(absence,)), NOW) == 2
    assert kept.of(TWO, NOW) == 3


def test_it_is_worked_out_anew_when_somebody_begins_or_ceases_to_stand_in_for_another():
    kept = OfSites(lambda _site, now_ms: now_ms)
    away = Substitute(agency="dinas", contact="a", to="b", from_ms=NOW + 1, to_ms=NOW + 3)
    standing_in = dataclasses.replace(TWO, substitutes=(away,))
    assert [kept.of(standing_in, NOW + n) - NOW for n in range(5)] == [0, 1, 1, 3, 3]


def test_a_part_never_stands_for_the_whole():
    kept = OfSites(lambda one, _now_ms: [it.id for it in one.outlets])
    part = Sight("dinas").part_of(TWO)
    assert [kept.of(part, NOW), kept.of(TWO, NOW), kept.of(part, NOW, "dinas"), kept.of(TWO, NOW)] == [
        *(["a-1"], ["a-1", "b-1"], ["a-1"], ["a-1", "b-1"]),
    ]


def test_a_page_that_an_agency_opens_takes_nothing_from_those_of_others(web: Web):
    web.apply(TWO)
    with web.record.writing() as connection:
        make_account(connection, "dinas", NOW, "agency", agency="dinas")
        make_account(connection, "pengelola", NOW, "facility_manager")
        agency, manager = (make_token(connection, name, "", NOW) for name in ("dinas", "pengelola"))
    for page in ("/agency?site=balai", "/?site=balai", "/sites/balai/outlets/a-1"):
        own = web.ask(authorization=f"Bearer {agency}").get(page)
        assert (own.status_code, "b-1" in own.text) == (200, False), page
        assert "Loket b-1" in web.ask(authorization=f"Bearer {manager}").get("/?site=balai").text, page
