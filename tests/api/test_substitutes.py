"""Who stands in for a contact: named, refused, ended and kept, and shown as whom to call."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from presence.instants import rfc3339
from presence.site import Agency, Contact
from storage.record import audit, tables
from storage.record.registry import EVER, load_site
from storage.record.users import make_account, make_token
from tests.builders import outlet, site
from tests.fixtures.mall import MINUTE, NOW
from tests.fixtures.web import Browser, Web

HOUR = 60 * MINUTE
HOOK = "hadir+http://127.0.0.1:1/hook"
PATH = "/api/v1/sites/balai/agencies/naker/substitutes"
PEOPLE = (
    Contact(id="ani", name="Ani", phone="0811 1111", channel=HOOK),
    Contact(id="budi", name="Budi", level=2, phone="0822 2222", channel=HOOK),
    Contact(id="cita", name="Cita", level=3, phone="0833 3333"),
    Contact(id="dedi", name="Dedi", level=3),
)
HALL = site(
    outlets=[outlet("n-1", agency="naker", name="Loket 21", number=21)],
    agencies=(Agency(id="naker", name="Dinas Tenaga Kerja", short="Disnaker", contacts=PEOPLE),),
)
DEWI = {"name": "Dewi", "phone": "+62 812-3456-789"}


@pytest.fixture
def hall(web: Web) -> Web:
    web.apply(HALL)
    return web


def as_(web: Web, role: Any, agency: str | None = None) -> Browser:
    with web.record.writing(durable=False) as connection:
        make_account(connection, f"{role}", NOW, role, agency=agency)
        token = make_token(connection, f"{role}", "", NOW)
    return web.ask(host="hadir.example", client="10.0.0.7", authorization=f"Bearer {token}")


@pytest.fixture
def naker(hall: Web) -> Browser:
    return as_(hall, "agency", "naker")


def named(contact: str, *, from_ms: int | None = None, to_ms: int = NOW + HOUR, **who: str) -> dict[str, Any]:
    begins = {} if from_ms is None else {"from": rfc3339(from_ms)}
    return {"contact": contact, **begins, "to": rfc3339(to_ms), **who}


def test_a_substitute_is_named_listed_ended_and_kept(hall: Web, naker: Browser):
    made = naker.post(PATH, json=named("ani", substitute="budi"))
    assert made.status_code == 201, made.text
    assert made.json()["substitute"] == {
        "id": 1, "contact": "ani", "from": rfc3339(NOW), "to": rfc3339(NOW + HOUR), "substitute": "budi", "name": None,
        "phone": None, "author": "agency", "made": rfc3339(NOW), "withdrawn": None,
    }  # fmt: skip
    later = naker.post(PATH, json=named("cita", from_ms=NOW + HOUR, to_ms=NOW + 2 * HOUR, **DEWI))
    assert later.status_code == 201, later.text
    hall.now_ms += MINUTE
    assert naker.delete(f"{PATH}/1").json()["substitute"]["to"] == rfc3339(NOW + MINUTE)
    assert naker.delete(f"{PATH}/2").json()["substitute"]["withdrawn"] == rfc3339(NOW + MINUTE)
    assert [naker.delete(f"{PATH}/{number}").status_code for number in (1, 2, 3)] == [409, 409, 404]
    assert [one["id"] for one in naker.get(PATH).json()["substitutes"]] == [2, 1]
    told = [as_(hall, role).get(PATH).json()["substitutes"][0] for role in ("facility_manager", "viewer")]
    assert [(one["name"], one["phone"]) for one in told] == [("Dewi", "+62 812-3456-789"), ("Dewi", None)]
    with hall.record.reading() as connection:
        rows = [json.loads(body) for body in connection.scalars(select(tables.audit.c.body))]
        assert isinstance(audit.verify(connection), int)
    assert [row["event"] for row in rows if "substitute" in row["event"]] == [
        "substitute_named", "substitute_named", "substitute_ended", "substitute_withdrawn",
    ]  # fmt: skip
    assert "Dewi" not in json.dumps(rows), "the audit log is for ever"


@pytest.mark.parametrize(
    ("wanted", "field", "says"),
    [
        (named("ani", substitute="ani"), "substitute", "the contact himself"),
        (named("ani", substitute="zul"), "substitute", "no contact of this agency"),
        (named("zul", substitute="ani"), "contact", "no contact of this agency"),
        (named("ani", substitute="cita"), "substitute", "messages for Ani would reach nobody"),
        (named("ani", **DEWI), "channel", "messages for Ani would reach nobody"),
        (named("cita", substitute="dedi"), "substitute", "cannot be reached"),
        (named("cita", name="Dewi"), "channel", "cannot be reached"),
        (named("cita", name=" ", phone="0812 345"), "name", "is empty"),
        (named("cita", name="Dewi", phone="besok"), "phone", "no telephone number"),
        (named("ani", substitute="budi", to_ms=NOW), "to", "is past"),
        (named("ani", substitute="budi", to_ms=NOW + 185 * 24 * HOUR), "to", "184 days"),
        (named("ani", substitute="budi", from_ms=NOW - HOUR), "from", "is past"),
    ],
)
def test_who_would_silence_messages_is_refused_with_a_sentence(naker: Browser, wanted: Any, field: str, says: str):
    answer = naker.post(PATH, json=wanted)
    assert answer.status_code == 400, answer.text
    assert says in answer.json()["errors"][field]


def test_one_at_a_time_and_nobody_who_is_away_himself(naker: Browser):
    assert naker.post(PATH, json=named("ani", substitute="budi")).status_code == 201
    assert naker.post(PATH, json=named("ani", substitute="budi", to_ms=NOW + MINUTE)).status_code == 409
    circle = naker.post(PATH, json=named("budi", substitute="ani"))
    assert (circle.status_code, "is away in that time himself" in circle.text) == (400, True)
    later = named("budi", substitute="ani", from_ms=NOW + HOUR, to_ms=NOW + 2 * HOUR)
    assert naker.post(PATH, json=later).status_code == 201


def test_where_this_machine_sends_to_is_for_managers_to_say(hall: Web, naker: Browser):
    wanted = named("ani", **DEWI, channel="hadir+https://elsewhere.example/{env:SECRET}")
    assert naker.post(PATH, json=wanted).status_code == 403
    made = as_(hall, "facility_manager").post(PATH, json=wanted)
    assert made.status_code == 201, made.text
    assert "elsewhere.example" not in naker.get(PATH).text


def test_who_answers_now_is_whom_floor_and_sidak_say_to_call_and_the_public_hears_nothing(hall: Web, naker: Browser):
    manager = as_(hall, "facility_manager")
    naker.post(PATH, json=named("ani", substitute="budi", from_ms=NOW + MINUTE))
    naker.post(PATH, json=named("cita", **DEWI))
    with hall.record.reading() as connection:
        known = load_site(connection, "balai", declared_from_ms=EVER)
    assert known is not None
    hall.app.state.feed.live.sites["balai"] = known
    assert "0811 1111" in manager.get("/").text
    hall.now_ms += MINUTE
    floor, sidak = manager.get("/").text, manager.get("/sidak").text
    assert ("0822 2222" in floor, "0811 1111" in floor) == (True, False)
    assert "Dewi" not in sidak, "of the third step"
    assert all(secret not in hall.ask().get("/public").text for secret in ("Budi", "0822 2222", "Dewi"))
