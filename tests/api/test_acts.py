"""Acknowledge, declare, maintain: what people do over the API, and what it makes of what they send."""

from __future__ import annotations

import re
from typing import Any

import pytest

from presence.alerts.life import Alert
from presence.instants import parse_instant, rfc3339
from presence.site import Absence, Gateway
from storage.record import audit
from storage.record.alerts import StoredAlert, put
from storage.record.registry import EVER, load_site, versions
from storage.record.users import make_account, make_token
from tests.builders import outlet, site
from tests.fixtures.mall import MINUTE, NOW
from tests.fixtures.web import Browser, Web

HOUR = 60 * MINUTE
XSS = "<script>alert('é')</script> \"&amp;\" {reason}\n- 'x'; --"
ALERTS = (
    StoredAlert("a1", Alert("vacancy", "outlet", "a-1", NOW - 30 * MINUTE, NOW - 20 * MINUTE), False, None),
    StoredAlert("a2", Alert("vacancy", "outlet", "a-2", 0, HOUR, 2 * HOUR, "presence"), False, None),
    StoredAlert("a3", Alert("vacancy", "outlet", "a-2", 3 * HOUR, 4 * HOUR), False, NOW - HOUR),
)
FROM_FILE = Absence(outlet="a-2", from_ms=NOW + HOUR, to_ms=NOW + 2 * HOUR, reason="break")
JSON = {"headers": {"content-type": "application/json"}}
ABSENCES, MAINTENANCE = "/api/v1/sites/balai/absences", "/api/v1/sites/balai/maintenance"


@pytest.fixture
def hall(web: Web) -> Web:
    """A site of two outlets with alerts that stand, are over, and were disproved."""
    web.apply(site(outlets=[outlet("a-1"), outlet("a-2")], gateways=(Gateway(id="gw"),), absences=(FROM_FILE,)))
    with web.record.writing(durable=False) as connection:
        for stored in ALERTS:
            put(connection, "balai", stored, NOW)
    return web


@pytest.fixture
def ani(hall: Web) -> Browser:
    """A program with a token of account `ani`."""
    with hall.record.writing(durable=False) as connection:
        make_account(connection, "ani", NOW)
        token = make_token(connection, "ani", "", NOW)
    return hall.ask(host="hadir.example", client="10.0.0.7", authorization=f"Bearer {token}")


def absence(**fields: Any) -> dict[str, Any]:
    return {"outlet": "a-1", "from": rfc3339(NOW + HOUR), "to": rfc3339(NOW + 2 * HOUR), "reason": "meeting"} | fields


def work(**fields: Any) -> dict[str, Any]:
    return {"gateway": "gw", "to": rfc3339(NOW + HOUR), "reason": "ganti kabel"} | fields


def audited(web: Web) -> int:
    with web.record.reading() as connection:
        rows = audit.verify(connection)
    assert isinstance(rows, int)
    return rows


# Acknowledging


def test_an_alert_is_acknowledged_for_an_hour_unless_told_otherwise(hall: Web, ani: Browser):
    answer = ani.post("/api/v1/alerts/a1/acknowledge", json={"reason": "equipment", "note": XSS})
    assert answer.status_code == 200
    alert = answer.json()["alert"]
    assert (alert["id"], alert["state"]) == ("a1", "acknowledged")
    assert alert["acknowledged"] == {
        "at": rfc3339(NOW),
        "until": rfc3339(NOW + HOUR),
        "by": "ani",
        "reason": "equipment",
        "note": XSS,
    }
    assert ani.get("/api/v1/alerts?state=acknowledged").json() == {"alerts": [alert]}
    assert ani.get("/api/v1/alerts?state=firing").json() == {"alerts": []}
    hall.now_ms += HOUR
    (again,) = ani.get("/api/v1/alerts?state=firing").json()["alerts"]
    assert again == alert | {"state": "firing"}
    assert audited(hall) == 1


def test_acknowledging_again_is_a_later_answer(hall: Web, ani: Browser):
    ani.post("/api/v1/alerts/a1/acknowledge", json={"reason": "equipment"})
    hall.now_ms += MINUTE
    answer = ani.post("/api/v1/alerts/a1/acknowledge", json={"reason": "other", "note": "upacara", "minutes": 480})
    said = answer.json()["alert"]["acknowledged"]
    assert (said["reason"], said["until"]) == ("other", rfc3339(hall.now_ms + 8 * HOUR))
    assert audited(hall) == 2


@pytest.mark.parametrize(
    ("alert", "status", "error"),
    [
        ("a2", 409, "the alert is over since 1970-01-01T02:00:00.000Z: nobody need acknowledge it"),
        ("a3", 409, f"late data disproved the alert at {rfc3339(NOW - HOUR)}: nobody need acknowledge it"),
        ("a9", 404, 'no alert "a9"'),
        ("%3Cb%3E", 404, 'no alert "<b>"'),
    ],
)
def test_what_does_not_stand_is_not_acknowledged(hall: Web, ani: Browser, alert: str, status: int, error: str):
    answer = ani.post(f"/api/v1/alerts/{alert}/acknowledge", json={"reason": "sick"})
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert audited(hall) == 0


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "reason: is missing; write it"),
        ({"reason": "lunch"}, r"reason: Input should be 'no_officer', 'equipment', .* or 'other'"),
        ({"reason": None}, r"reason: Input should be 'no_officer', .*"),
        ({"reason": 7}, r"reason: Input should be 'no_officer', .*"),
        ({"reason": "other"}, "note: is missing; say in a few words what the other reason is"),
        ({"reason": "other", "note": " "}, "note: is empty; say why in a few words"),
        ({"reason": "sick", "note": "x" * 501}, "note: String should have at most 500 characters"),
        ({"reason": "sick", "note": 7}, "note: Input should be a valid string"),
        ({"reason": "sick", "note": ["x"]}, "note: Input should be a valid string"),
        ({"reason": "sick", "note": "a\0b"}, "note: holds characters that cannot be shown; write plain text"),
        ({"reason": "sick", "minutes": 0}, "minutes: Input should be greater than or equal to 1"),
        ({"reason": "sick", "minutes": 481}, "minutes: Input should be less than or equal to 480"),
        ({"reason": "sick", "minutes": 1.5}, "minutes: Input should be a valid integer"),
        ({"reason": "sick", "minutes": "60"}, "minutes: Input should be a valid integer"),
        ({"reason": "sick", "minutes": True}, "minutes: Input should be a valid integer"),
        ({"reason": "sick", "minute": 5}, "minute: is not known here; leave it out"),
        ({"note": 7, "minutes": 0}, "reason: is missing; write it; note: Input .*; minutes: Input .*"),
    ],
)
def test_what_is_wrong_with_an_answer_is_told_by_field(hall: Web, ani: Browser, body: Any, error: str):
    answer = ani.post("/api/v1/alerts/a1/acknowledge", json=body)
    assert answer.status_code == 400
    assert re.fullmatch(error, answer.json()["error"], re.DOTALL), answer.json()
    assert audited(hall) == 0


@pytest.mark.parametrize(
    "sent",
    [
        {"content": b""},
        {"content": b"{", **JSON},
        {"content": b"\xff\xfe", **JSON},
        {"content": b"[" * 50_000, **JSON},
        {"json": []},
        {"json": "sick"},
        {"json": None},
    ],
)
def test_what_is_no_json_object_is_told(hall: Web, ani: Browser, sent: dict[str, Any]):
    answer = ani.post("/api/v1/alerts/a1/acknowledge", **sent)
    assert (answer.status_code, audited(hall)) == (400, 0)
    assert "error" in answer.json()


@pytest.mark.parametrize(
    "sent",
    [
        {"content": b'{"reason": "sick"}'},
        {"data": {"reason": "sick"}},
        {"content": b'{"reason": "sick"}', "headers": {"content-type": "text/plain"}},
    ],
)
def test_what_does_not_say_that_it_is_json_is_not_taken(hall: Web, ani: Browser, sent: dict[str, Any]):
    answer = ani.post("/api/v1/alerts/a1/acknowledge", **sent)
    assert (answer.status_code, audited(hall)) == (415, 0)


def test_a_body_that_is_too_large_is_not_read(hall: Web, ani: Browser):
    answer = ani.post("/api/v1/alerts/a1/acknowledge", json={"reason": "sick", "note": "x" * 70_000})
    assert (answer.status_code, audited(hall)) == (413, 0)
    lone = ani.post("/api/v1/alerts/a1/acknowledge", content=b'{"reason": "sick", "note": "\\ud800"}', **JSON)
    assert lone.status_code == 400


# Declaring


def test_an_absence_is_declared_listed_and_ended(hall: Web, ani: Browser):
    answer = ani.post(ABSENCES, json=absence(note=XSS))
    assert answer.status_code == 201
    made = answer.json()["absence"]
    assert made == absence(note=XSS) | {
        "id": made["id"], "origin": "person", "author": "ani", "made": rfc3339(NOW), "withdrawn": None,
    }  # fmt: skip
    listed = ani.get(ABSENCES).json()["absences"]
    assert listed[1] == made
    assert (listed[0]["origin"], listed[0]["author"], listed[0]["outlet"]) == ("file", None, "a-2")
    with hall.record.reading() as connection:
        registered = load_site(connection, "balai", declared_from_ms=EVER)
        assert versions(connection) == {"balai": 2}
    assert registered is not None
    assert [one.note for one in registered.absences if one.origin == "person"] == [XSS]
    hall.now_ms = NOW + HOUR + MINUTE
    ended = ani.delete(f"{ABSENCES}/{made['id']}").json()["absence"]
    assert ended == made | {"to": rfc3339(hall.now_ms)}
    assert [one["id"] for one in ani.get(ABSENCES).json()["absences"]] == [listed[0]["id"]]
    past = ani.get(ABSENCES, params={"from": rfc3339(NOW), "to": rfc3339(NOW + 2 * HOUR)}).json()["absences"]
    assert past == [listed[0], ended]
    assert audited(hall) == 2


def test_an_absence_that_has_not_begun_is_withdrawn(hall: Web, ani: Browser):
    made = ani.post(ABSENCES, json=absence()).json()["absence"]
    answer = ani.delete(f"{ABSENCES}/{made['id']}")
    assert (answer.status_code, answer.json()) == (200, {"absence": made | {"withdrawn": rfc3339(NOW)}})
    assert [one["origin"] for one in ani.get(ABSENCES).json()["absences"]] == ["file"]
    again = ani.delete(f"{ABSENCES}/{made['id']}")
    assert (again.status_code, again.json()["error"]) == (409, f"absence {made['id']} was withdrawn at {rfc3339(NOW)}")


def test_an_absence_without_a_beginning_begins_now(hall: Web, ani: Browser):
    body = absence(to="2026-11-24T11:30:00+07:00")
    del body["from"]
    made = ani.post(ABSENCES, json=body).json()["absence"]
    assert (made["from"], made["to"]) == (rfc3339(NOW), "2026-11-24T04:30:00.000Z")
    early = ani.post(ABSENCES, json=absence(outlet="a-2", **{"from": rfc3339(NOW - 4 * MINUTE)})).json()["absence"]
    assert early["from"] == rfc3339(NOW)


def test_the_same_absence_again_is_refused_and_a_retry_is_too(hall: Web, ani: Browser):
    body = absence()
    del body["from"]
    made = ani.post(ABSENCES, json=body).json()["absence"]
    hall.now_ms += 2_000
    answer = ani.post(ABSENCES, json=body)
    assert answer.status_code == 409
    assert answer.json()["error"] == f"the same is declared already, as absence {made['id']}"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"outlet": "a-9"}, 'outlet: no outlet "a-9"; did you mean "a-[12]"[?]'),
        ({"outlet": "<b>"}, 'outlet: no outlet "<b>"; .*'),
        ({"outlet": None}, "outlet: Input should be a valid string"),
        ({"from": "tomorrow"}, 'from: "tomorrow" is no RFC 3339 time; write .*'),
        ({"from": "2026-11-25T09:00"}, "from: .* has no offset; write .*"),
        ({"from": 1795491727}, "from: is no text; write .* in quotes"),
        ({"from": "1e300"}, "from: .* is not in the years 1970 to 2999; .*"),
        ({"from": rfc3339(NOW - 6 * MINUTE)}, "from: is past; what was not said beforehand .*"),
        ({"from": "2026-11-23T10:00:00+07:00", "to": "2026-11-23T11:00:00+07:00"}, "from: is past; .*"),
        ({"to": None}, "to: is no text; .*"),
        ({"to": rfc3339(NOW + HOUR)}, "to: is not after `from`; an absence ends after it begins"),
        ({"to": "2026-12-25T11:43:00+07:00"}, "to: is more than 31 days after `from`; .*"),
        ({"reason": "lunch"}, "reason: Input should be .*"),
        ({"reason": "other"}, "note: is missing; .*"),
        ({"note": "x" * 501}, "note: String should have at most 500 characters"),
        ({"origin": "file"}, "origin: is not known here; leave it out"),
        ({"author": "budi"}, "author: is not known here; leave it out"),
    ],
)
def test_what_is_wrong_with_an_absence_is_told_by_field(hall: Web, ani: Browser, fields: Any, error: str):
    answer = ani.post(ABSENCES, json=absence(**fields))
    assert answer.status_code == 400
    assert re.fullmatch(error, answer.json()["error"]), answer.json()
    assert audited(hall) == 0


def test_what_is_not_there_is_told(hall: Web, ani: Browser):
    (from_file,) = ani.get(ABSENCES).json()["absences"]
    for answer, status, error in (
        (ani.get("/api/v1/sites/lain/absences"), 404, 'no site "lain"'),
        (ani.post("/api/v1/sites/lain/absences", json=absence()), 404, 'no site "lain"'),
        (ani.delete(f"{ABSENCES}/77"), 404, 'no absence 77 at site "balai"'),
        (ani.delete(f"/api/v1/sites/lain/absences/{from_file['id']}"), 404, "no absence . at site .*"),
        (ani.delete(f"{ABSENCES}/{10**30}"), 400, "number: .*"),
        (ani.delete(f"{ABSENCES}/x"), 400, "number: .*"),
        (ani.get(f"{ABSENCES}?from=inf"), 400, 'from: "inf" is no RFC 3339 time; .*'),
        (ani.delete(f"{ABSENCES}/{from_file['id']}"), 409, "absence . comes from the site file; take it out there.*"),
    ):
        assert answer.status_code == status
        assert re.fullmatch(error, answer.json()["error"])


# Maintaining


def test_maintenance_is_made_listed_and_ended(hall: Web, ani: Browser):
    answer = ani.post(MAINTENANCE, json=work(reason=XSS))
    assert answer.status_code == 201
    made = answer.json()["maintenance"]
    assert made == work(reason=XSS) | {
        "id": made["id"], "sensor": None, "outlet": None, "from": rfc3339(NOW), "origin": "person", "author": "ani",
        "made": rfc3339(NOW), "withdrawn": None,
    }  # fmt: skip
    assert ani.get(MAINTENANCE).json() == {"maintenance": [made]}
    hall.now_ms += MINUTE
    ended = ani.delete(f"{MAINTENANCE}/{made['id']}").json()["maintenance"]
    assert ended == made | {"to": rfc3339(hall.now_ms)}
    assert ani.get(MAINTENANCE).json() == {"maintenance": []}
    assert audited(hall) == 2


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"gateway": None}, "names not exactly one of sensor, gateway, outlet; .*"),
        ({"sensor": "a-1-s"}, "names not exactly one of sensor, gateway, outlet; .*"),
        ({"gateway": "gv"}, 'gateway: no gateway "gv"; .*'),
        ({"gateway": None, "sensor": "radar"}, 'sensor: no sensor "radar"; .*'),
        ({"gateway": None, "outlet": "b-1"}, 'outlet: no outlet "b-1"; .*'),
        ({"reason": ""}, "reason: is empty; say why in a few words"),
        ({"reason": "x" * 501}, "reason: String should have at most 500 characters"),
        ({"reason": None}, "reason: Input should be a valid string"),
        ({"to": rfc3339(NOW)}, "to: is not after `from`; maintenance ends after it begins"),
        ({"from": rfc3339(NOW - HOUR)}, "from: is past; .*"),
        ({"note": "x"}, "note: is not known here; leave it out"),
    ],
)
def test_what_is_wrong_with_maintenance_is_told_by_field(hall: Web, ani: Browser, fields: Any, error: str):
    answer = ani.post(MAINTENANCE, json=work(**fields))
    assert answer.status_code == 400
    assert re.fullmatch(error, answer.json()["error"]), answer.json()
    assert audited(hall) == 0


def test_the_api_describes_what_it_takes(hall: Web, ani: Browser):
    schema = ani.get("/openapi.json").json()
    for path, model, example in (
        ("/api/v1/alerts/{alert}/acknowledge", "NewAnswer", "alert"),
        ("/api/v1/sites/{site}/absences", "NewAbsence", "absence"),
        ("/api/v1/sites/{site}/maintenance", "NewMaintenance", "maintenance"),
    ):
        operation = schema["paths"][path]["post"]
        fields = schema["components"]["schemas"][model]
        assert all(field["description"] for field in fields["properties"].values())
        assert fields["examples"]
        (done,) = [answer for status, answer in operation["responses"].items() if status in ("200", "201")]
        assert example in done["content"]["application/json"]["example"]
    page = ani.get("/docs", headers={"accept": "text/html"}).text
    assert "<code>minutes</code> For how long the answer holds" in page


def test_every_example_of_the_description_is_taken(hall: Web, ani: Browser):
    hall.apply(
        site(outlets=[outlet("a-1"), outlet("a-2")]),
        site(
            id="mpp-contoh",
            outlets=[outlet("disdukcapil-1", sensors=[]), outlet("x", sensors=[])],
            gateways=(Gateway(id="dk1-gw"),),
        ),
    )
    schemas = ani.get("/openapi.json").json()["components"]["schemas"]
    (answer,), (declared,), (maintained,) = (
        schemas[name]["examples"] for name in ("NewAnswer", "NewAbsence", "NewMaintenance")
    )
    assert ani.post("/api/v1/alerts/a1/acknowledge", json=answer).status_code == 200
    assert ani.post("/api/v1/sites/mpp-contoh/absences", json=declared).status_code == 201
    refused = ani.post("/api/v1/sites/mpp-contoh/maintenance", json=maintained)
    assert refused.json()["error"].startswith('sensor: no sensor "dk1-radar"')  # which is all that is wrong with it
    assert parse_instant(declared["from"]) > NOW
