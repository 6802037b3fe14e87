from __future__ import annotations

import html
import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from api import registry
from api.access import Sight
from api.registry import without_password
from presence.registry import AGENCY, Place
from presence.site import Agency, Contact, Duty, Site
from storage.record import Record
from storage.record.audit import verify
from storage.record.registry import EVER, load_site
from storage.record.tables import audit
from storage.record.users import Role, make_account, make_token
from tests.builders import outlet, site
from tests.fixtures.web import Browser, Web

BALAI = "/api/v1/sites/balai"
SECRET = "hadir+https://:{env:KUNCI}@pesan.example/hadir"


@pytest.fixture
def office(web: Web) -> Web:
    """A site of two agencies, each with one outlet."""
    return with_office(web)


@pytest.fixture
def each_office(record_url: str) -> Iterator[Web]:
    """The same, on each of the databases."""
    with Record.open(record_url) as record:
        yield with_office(Web(record))


def with_office(web: Web) -> Web:
    web.apply(
        site(
            outlets=[outlet("a-1", number=1), outlet("b-1", agency="pajak")],
            contacts=(Contact(id="kepala", name="Kepala", role="facility_manager", channel=SECRET),),
        )
    )
    return web


def of(web: Web, role: Role = "facility_manager", **account: Any) -> Browser:
    with web.record.writing(durable=False) as connection:
        make_account(connection, f"{role}-1", web.now_ms, role, **account)
        token = make_token(connection, f"{role}-1", "", web.now_ms)
    return web.ask(authorization=f"Bearer {token}")


def stored(web: Web) -> Site:
    with web.record.reading() as connection:
        found = load_site(connection, "balai", declared_from_ms=EVER)
    assert found is not None
    return found


def patch(browser: Browser, path: str, body: dict[str, Any], tag: str = "*") -> httpx.Response:
    return browser.ask("PATCH", f"{BALAI}{path}", json=body, headers={"if-match": tag})


def add(browser: Browser, path: str, body: object, tag: str = "*") -> httpx.Response:
    return browser.post(f"{BALAI}{path}", json=body, headers={"if-match": tag})


def remove(browser: Browser, path: str) -> httpx.Response:
    return browser.ask("DELETE", f"{BALAI}{path}", headers={"if-match": "*"})


def test_an_outlet_is_renamed_by_whoever_has_read_it(office: Web):
    manager = of(office)
    read = manager.get(f"{BALAI}/outlets/a-1")
    answer = patch(manager, "/outlets/a-1", {"name": "Loket Satu", "number": None}, read.headers["etag"])
    assert (answer.status_code, answer.json()["outlet"]["name"]) == (200, "Loket Satu")
    assert stored(office).outlets[0].name == "Loket Satu"
    assert stored(office).outlets[0].number is None
    assert stored(office).outlets[0].sensors[0].id == "a-1-s"
    assert answer.headers["etag"] == manager.get(f"{BALAI}/outlets/a-1").headers["etag"]


def test_a_change_that_names_no_tag_or_an_old_one_is_not_made(office: Web):
    manager = of(office)
    tag = manager.get(f"{BALAI}/outlets/a-1").headers["etag"]
    without = manager.ask("PATCH", f"{BALAI}/outlets/a-1", json={"name": "x"})
    assert (without.status_code, without.headers["content-type"]) == (428, "application/problem+json")
    assert patch(manager, "/outlets/a-1", {"name": "Loket Satu"}, tag).status_code == 200
    late = patch(manager, "/outlets/a-1", {"name": "Loket Dua"}, tag)
    assert late.status_code == 412
    assert late.json()["now"]["outlet"]["name"] == "Loket Satu"
    assert patch(manager, "/outlets/a-1", {"name": "Loket Dua"}, late.headers["etag"]).status_code == 200


def test_a_change_of_another_outlet_is_no_hindrance_but_to_who_read_the_whole(office: Web):
    manager = of(office)
    tag, whole = (manager.get(f"{BALAI}{path}").headers["etag"] for path in ("/outlets/a-1", ""))
    assert whole == '"1"'
    assert patch(manager, "/outlets/b-1", {"name": "Pajak"}, whole).status_code == 200
    assert manager.get(BALAI).headers["etag"] == '"2"'
    assert patch(manager, "/outlets/a-1", {"name": "Satu"}, whole).status_code == 412
    assert patch(manager, "/outlets/a-1", {"name": "Satu"}, tag).status_code == 200


def test_an_outlet_is_added_with_its_sensor_and_taken_out_again(office: Web):
    manager = of(office)
    answer = add(manager, "/outlets", {"id": "a-2", "name": "Loket 2", "agency": "dinas"})
    assert (answer.status_code, answer.headers["location"]) == (201, f"{BALAI}/outlets/a-2")
    sensor = {"id": "a2-radar", "kind": "mmwave", "zone": "staff", "heartbeat": "10s"}
    assert add(manager, "/outlets/a-2/sensors", sensor).json() == {"sensor": sensor}
    changed = patch(manager, "/outlets/a-2/sensors/a2-radar", {"zone": "visitor"})
    assert changed.json()["sensor"] == sensor | {"zone": "visitor"}
    assert remove(manager, "/outlets/a-2/sensors/a2-radar").status_code == 204
    assert remove(manager, "/outlets/a-2").status_code == 204
    assert [one.id for one in stored(office).outlets] == ["a-1", "b-1"]
    assert manager.get(f"{BALAI}/outlets/a-2").status_code == 404


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({"id": "A 2", "name": "x", "agency": "dinas"}, "id", '"A 2" is no id'),
        ({"id": "a-2", "agency": "dinas"}, "name", "is missing"),
        ({"id": "a-2", "name": "", "agency": "dinas"}, "name", "is empty"),
        ({"id": "a-2", "name": "a\0b", "agency": "dinas"}, "name", "holds a character that cannot be kept"),
        ({"id": "a-2", "name": "\ud800", "agency": "dinas"}, "name", "holds a character that cannot be kept"),
        ({"id": "a-2", "name": "x", "agency": "dinsa"}, "agency", 'did you mean "dinas"?'),
        ({"id": "a-1", "name": "x", "agency": "dinas"}, "id", "is taken by"),
        ({"id": "a-2", "name": "x", "agency": "dinas", "service_hours": "Mo-Fr 8-1x"}, "service_hours", ""),
        ({"id": "a-2", "name": "x", "agency": "dinas", "sensors": [{"id": "s"}]}, "sensors[0].kind", "is missing"),
        ({"id": "a-2", "name": "x", "agency": "dinas", "colour": "red"}, "colour", "no such key"),
        ({"id": "a-2", "name": ["x"], "agency": "dinas"}, "name", "is a list"),
    ],
)
def test_what_is_wrong_is_told_by_field(office: Web, body: dict[str, Any], field: str, says: str):
    text = json.dumps(body).encode()
    answer = of(office).post(
        f"{BALAI}/outlets", content=text, headers={"if-match": "*", "content-type": "application/json"}
    )
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    errors = answer.json()["errors"]
    assert says in errors[field]


def test_what_is_nested_without_end_is_refused(office: Web):
    deep: Any = []
    for _ in range(200):
        deep = [deep]
    assert add(of(office), "/outlets", {"id": "a-2", "position": deep}).status_code == 400


def test_what_something_else_needs_is_not_taken_out(office: Web):
    manager = of(office)
    assert "a-1" in remove(manager, "/agencies/dinas").json()["detail"]
    office.apply(site(outlets=[outlet("a-1"), outlet("a-2")], duties=(Duty(id="ktp", outlets=("a-1", "a-2")),)))
    answer = remove(manager, "/outlets/a-1")
    assert (answer.status_code, "ktp" in answer.json()["detail"]) == (409, True)


def test_an_id_stays_for_history_hangs_on_it(office: Web):
    errors = patch(of(office), "/outlets/a-1", {"id": "a-9"}).json()["errors"]
    assert list(errors) == ["id"]


def test_agencies_and_their_contacts(office: Web):
    manager = of(office)
    assert add(manager, "/agencies", {"id": "polres", "name": "Polres"}).status_code == 201
    answer = add(manager, "/agencies/polres/contacts", {"name": "Kepala unit", "phone": "0231 1"})
    assert answer.json()["contact"] == {"id": "kepala-unit", "name": "Kepala unit", "phone": "0231 1"}
    viewer = of(office, "viewer")
    for path in ("/agencies/polres/contacts", "/agencies/polres", ""):
        assert ("0231 1" in viewer.get(f"{BALAI}{path}").text) is False
        assert ("0231 1" in manager.get(f"{BALAI}{path}").text) is True
    assert patch(manager, "/agencies/polres", {"short": "Pol"}).json()["agency"]["contacts"][0]["id"] == "kepala-unit"
    assert patch(manager, "/agencies/polres", {"contacts": []}).status_code == 400
    assert remove(manager, "/agencies/polres/contacts/kepala-unit").status_code == 204
    assert remove(manager, "/agencies/polres").status_code == 204


def test_secrets_of_channels_are_not_told(office: Web):
    manager = of(office)
    assert manager.get(f"{BALAI}/contacts/kepala").json()["contact"]["channel"] == SECRET
    written = {"name": "Jaga", "channel": "hadir+https://:rahasia@pesan.example/hadir"}
    shown = add(manager, "/contacts", written).json()["contact"]["channel"]
    assert shown == "hadir+https://:…@pesan.example/hadir"
    assert patch(manager, "/contacts/jaga", {"channel": shown, "name": "Piket"}).status_code == 200
    assert stored(office).contacts[1].channel == written["channel"]
    changed = patch(manager, "/contacts/jaga", {"channel": shown.replace("pesan", "kabar")})
    assert (changed.status_code, list(changed.json()["errors"])) == (400, ["channel"])
    assert of(office, "viewer").get(f"{BALAI}/contacts/jaga").json()["contact"]["channel"] == "hadir+https://…"
    with office.record.reading() as connection:
        rows = [json.loads(body) for body in connection.execute(select(audit.c.body)).scalars()]
    assert "rahasia" not in json.dumps(rows)


def test_an_agency_sees_what_is_its_own(office: Web):
    agency = of(office, "agency", agency="dinas")
    whole = agency.get(BALAI).json()
    assert [one["id"] for one in whole["outlets"]] == ["a-1"]
    assert [one["id"] for one in whole["agencies"]] == ["dinas"]
    assert [one["id"] for one in agency.get(f"{BALAI}/outlets").json()["outlets"]] == ["a-1"]
    for path in ("/outlets/b-1", "/agencies/pajak", "/outlets/b-1/sensors", "/agencies/pajak/contacts"):
        assert agency.get(f"{BALAI}{path}").status_code == 404, path
    assert patch(agency, "/outlets/a-1", {"name": "x"}).status_code == 403


def test_an_account_of_another_site_finds_nothing(office: Web):
    stranger = of(office, site="cabang")
    assert stranger.get(BALAI).status_code == 404
    assert patch(stranger, "/outlets/a-1", {"name": "x"}).status_code == 404
    assert stored(office).outlets[0].name == "Loket a-1"


def test_technicians_change_sensors_alone(office: Web):
    technician = of(office, "technician")
    assert patch(technician, "/outlets/a-1/sensors/a-1-s", {"kind": "pir"}).status_code == 200
    assert patch(technician, "/outlets/a-1", {"name": "x"}).status_code == 403


def test_what_drivers_and_conventions_say_is_heard(office: Web):
    from hadir.site_sources import source_problems

    office.app.state.parts = office.app.state.parts.__class__(
        **{**vars(office.app.state.parts), "source_problems": source_problems}
    )
    source = {"convention": "zigbee2mqtt", "topic": "elsewhere//"}
    answer = patch(of(office), "/outlets/a-1/sensors/a-1-s", {"source": source | {"part": "", "profile": "x"}})
    assert answer.status_code == 400


def test_a_change_is_in_the_audit_log_with_its_author(office: Web):
    patch(of(office), "/outlets/a-1", {"name": "Loket Satu"})
    with office.record.reading() as connection:
        assert verify(connection) == 1
        row = json.loads(connection.execute(select(audit.c.body)).scalar_one())
    assert row["event"] == "registry_changed"
    assert row["author"] == "facility_manager-1"
    assert row["changes"] == ["~ outlet a-1: name Loket a-1 → Loket Satu"]


def test_duties_and_rules_are_read(office: Web):
    viewer = of(office, "viewer")
    assert viewer.get(f"{BALAI}/duties").json() == {"duties": []}
    assert viewer.get(f"{BALAI}/rules").json() == {"rules": {"vacancy": {"after": "10m"}}, "escalation": {}}


def test_who_is_not_named_among_those_who_may_know_sees_no_phone_and_no_channel():
    head = Contact(id="kepala", name="Kepala", phone="0231 1", channel=SECRET)
    balai = site(agencies=[Agency(id="dinas", name="Dinas", contacts=(head,))], contacts=(head,))
    said = [
        registry.of_site(balai, 1, Sight()),
        registry.listed(balai, Place(AGENCY), Sight()),
        registry.shown(balai, AGENCY, balai.agencies[0]),
    ]
    assert [("Kepala" in str(one), "0231 1" in str(one), "pesan.example" in str(one)) for one in said] == [
        (True, False, False)
    ] * 3
    assert "0231 1" in str(registry.shown(balai, AGENCY, balai.agencies[0], phones=True))


@pytest.mark.parametrize(
    ("channel", "shown"),
    [
        ("tgram://123:geheim/{env:CHAT}", "tgram://…/{env:CHAT}"),
        ("mailto://ani:geheim@surat.example?smtp=x", "mailto://ani:…@surat.example?smtp=…"),
        ("mailto://kepala@surat.example", "mailto://kepala@surat.example"),
        ("hadir+https://:{env:KUNCI}@host/a?t={env:T}&u=1", "hadir+https://:{env:KUNCI}@host/a?t={env:T}&u=…"),
    ],
)
def test_of_a_channel_only_what_is_no_secret_is_shown(channel: str, shown: str):
    assert without_password(channel) == shown


@pytest.mark.parametrize(
    ("named", "status"),
    [("{tag}", 200), ('"x", {tag}', 200), ("*", 200), ("W/{tag}", 412), ('"*"', 412), ("", 412), ("x", 412)],
)
def test_if_match_compares_strongly(office: Web, named: str, status: int):
    manager = of(office)
    tag = manager.get(f"{BALAI}/outlets/a-1").headers["etag"]
    assert patch(manager, "/outlets/a-1", {"name": "Lain"}, named.format(tag=tag)).status_code == status


def test_of_two_who_change_the_same_at_once_on_page_and_api_one_is_told(each_office: Web):
    manager, other = of(each_office), of(each_office, "administrator")
    tag = manager.get(f"{BALAI}/outlets/a-1").headers["etag"]
    form = manager.get("/admin/sites/balai/outlets/a-1").text
    (shown,) = re.findall(r'name="tag" value="([^"]*)"', form)
    fields = {"tag": html.unescape(shown), "name": "Dari halaman", "agency": "dinas", "number": "1"}
    together = threading.Barrier(2)

    def by_page() -> int:
        together.wait(30)
        return other.post("/admin/sites/balai/outlets/a-1", data=fields).status_code

    def by_api() -> int:
        together.wait(30)
        return patch(manager, "/outlets/a-1", {"name": "Dari API"}, tag).status_code

    with ThreadPoolExecutor(2) as both:
        page, api = (done.result(60) for done in (both.submit(by_page), both.submit(by_api)))
    assert (page, api) in {(303, 412), (412, 200)}
    assert stored(each_office).outlets[0].name == ("Dari halaman" if page == 303 else "Dari API")


NEW_SITE = {
    "id": "balai-2",
    "name": "Balai Dua",
    "timezone": "Asia/Makassar",
    "country": "ID",
    "service_hours": "perpres-21-2023",
}


def test_an_administrator_makes_a_site_once_and_a_manager_none(office: Web):
    administrator = of(office, "administrator")
    answer = administrator.post("/api/v1/sites", json=NEW_SITE)
    assert (answer.status_code, answer.headers["location"]) == (201, "/api/v1/sites/balai-2")
    assert answer.json()["site"] == NEW_SITE | {"contacts": []}
    assert (answer.headers["etag"], administrator.get("/api/v1/sites/balai-2").json()) == ('"1"', answer.json())
    again = administrator.post("/api/v1/sites", json=NEW_SITE)
    assert (again.status_code, again.json()["errors"]) == (400, {"id": '"balai-2" is a site already; write another'})
    wrong = administrator.post("/api/v1/sites", json={**NEW_SITE, "id": "balai-3", "timezone": "WITA", "outlets": []})
    assert set(wrong.json()["errors"]) == {"timezone", "outlets"}
    assert of(office).post("/api/v1/sites", json=NEW_SITE | {"id": "balai-3"}).status_code == 403


def test_a_site_is_changed_by_whoever_has_read_it_and_keeps_what_stands_on_it(office: Web):
    manager = of(office)
    tag = manager.get(BALAI).headers["etag"]
    closed = {"from": "2026-12-24", "to": "2026-12-26", "service_hours": "off", "reason": "Libur"}
    changes = {"name": "Balai Baru", "service_hours": "Mo-Fr 09:00-15:00", "exceptions": [closed]}
    assert manager.ask("PATCH", BALAI, json=changes).status_code == 428
    answer = patch(manager, "", changes, tag)
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert {name: answer.json()["site"][name] for name in changes} == changes
    assert (stored(office).name, len(stored(office).outlets), len(stored(office).contacts)) == ("Balai Baru", 2, 1)
    late = patch(manager, "", {"name": "x"}, tag)
    assert (late.status_code, late.headers["etag"], late.json()["now"]["site"]["name"]) == (412, '"2"', "Balai Baru")
    backwards = [closed | {"to": "2026-12-23"}]
    for body, field in (({"id": "lain"}, "id"), ({"contacts": []}, "contacts"), ({"exceptions": backwards}, "to")):
        (wrong,) = patch(manager, "", body).json()["errors"]
        assert wrong.endswith(field)


def test_rules_change_by_kind_and_the_others_stay(office: Web):
    manager = of(office)
    tag = manager.get(f"{BALAI}/rules").headers["etag"]
    answer = patch(manager, "/rules", {"rules": {"late_opening": {"after": "20m"}, "unattended": "off"}}, tag)
    assert answer.json()["rules"] == {
        "vacancy": {"after": "10m"},
        "unattended": "off",
        "late_opening": {"after": "20m"},
    }
    assert patch(manager, "/rules", {"rules": {}}, tag).status_code == 412
    ladder = {"people": [{"after": "20m", "to": "agency", "level": 2}]}
    answer = patch(manager, "/rules", {"rules": {"unattended": None}, "escalation": ladder})
    assert answer.json() == {
        "rules": {"vacancy": {"after": "10m"}, "late_opening": {"after": "20m"}},
        "escalation": ladder,
    }
    wrong = patch(manager, "/rules", {"rules": {"vacancy": {"after": "lama"}, "vakansi": "off"}, "site": {}})
    assert set(wrong.json()["errors"]) == {"rules.vacancy.after", "rules.vakansi", "site"}
    assert len(stored(office).outlets) == 2


def test_a_duty_is_added_changed_and_taken_out(office: Web):
    manager = of(office)
    add(manager, "/outlets", {"id": "a-2", "name": "Loket 2", "agency": "dinas"})
    duty = {"id": "ktp", "outlets": ["a-1", "a-2"]}
    assert add(manager, "/duties", duty).json() == {"duty": duty}
    assert patch(manager, "/duties/ktp", {"at_least": 2}).json()["duty"]["at_least"] == 2
    assert set(patch(manager, "/duties/ktp", {"at_least": 3}).json()["errors"]) == {"at_least"}
    assert set(add(manager, "/duties", {"id": "dua", "outlets": ["a-1", "b-1"]}).json()["errors"]) == {"outlets"}
    assert remove(manager, "/duties/ktp").status_code == 204
    assert stored(office).duties == ()
