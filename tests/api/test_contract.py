"""The description of the API, and that the API keeps to it whatever it is asked."""

from __future__ import annotations

import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import booleans
from jsonschema_rs import Draft202012Validator
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.access import RULES
from api.contract import TAGS, describe
from hadir.claiming import claimed
from presence.alerts.life import Alert
from presence.intervals import Interval
from presence.site import Absence, Agency, Contact, Duty, Maintenance, Substitute
from storage.record import Record, sidak_links
from storage.record.accounts import tokens
from storage.record.acknowledgements import Answer, add
from storage.record.alerts import StoredAlert, put
from storage.record.aside import Unclaimed, note_unclaimed
from storage.record.contests import Contest, submit
from storage.record.declarations import declare
from storage.record.intervals import revise, set_progress
from storage.record.substitutes import name_substitute
from storage.record.users import make_account, make_token
from tests.builders import outlet, sensor, site
from tests.fixtures.mall import MINUTE, NOW
from tests.fixtures.web import Web

CHECKS = (status_code_conformance, content_type_conformance, response_schema_conformance)
EXAMPLES = 12
ENDLESS = {"/api/v1/live/stream"}
# What says so when there is no broker, or no store.
WITHOUT_BROKER = {"/readyz", "/api/v1/sites/{site}/outlets/{outlet}/readings", "/api/v1/sites/{site}/webhook/{kind}"}
# Chance finds nothing that there is: half of the requests name these, with the example of the body and any ETag.
KNOWN: dict[str, str | int] = {
    "site": "mpp-contoh",
    "outlet": "disdukcapil-1",
    "sensor": "dk1-radar",
    "agency": "disdukcapil",
    "duty": "ktp",
    "contact": "kepala",
    "alert": "4f0c2d6b9a1e8f37",
    "name": "budi",
    "number": 1,
    "link": 1,
}
# What nothing else hangs on, to be taken out.
SPARE = {"outlet": "disdukcapil-3", "sensor": "dk1-pir", "agency": "imigrasi", "contact": "wakil"}
SPARE |= {"name": "cita", "duty": "e"}

CONTACTS = tuple(Contact(id=name, name=name, phone="0200 555 0122") for name in ("koordinator", "kepala", "wakil"))
MANAGERS = tuple(Contact(id=name, name=name, role="facility_manager") for name in ("pengelola", "teknisi"))
WAITING: dict[str, float | None] = {"occupancy": 1.0, "battery": 87.0}


@pytest.fixture
def whole(record: Record) -> Web:
    """A site with something of everything."""
    web = Web(record, claim=claimed)
    outlets = [
        outlet("disdukcapil-1", agency="disdukcapil", sensors=[sensor("dk1-radar"), sensor("dk1-pir", kind="pir")]),
        outlet("disdukcapil-2", agency="disdukcapil"),
        outlet("disdukcapil-3", agency="disdukcapil"),
    ]
    agencies = (Agency(id="disdukcapil", name="Disdukcapil", contacts=CONTACTS), Agency(id="imigrasi", name="Imigrasi"))
    duties = tuple(Duty(id=name, outlets=("disdukcapil-1",)) for name in ("ktp", "e"))
    web.apply(site(id="mpp-contoh", outlets=outlets, agencies=agencies, duties=duties, contacts=MANAGERS))
    span = {"from_ms": NOW, "to_ms": NOW + 60 * MINUTE}
    with web.record.writing(durable=False) as connection:
        states = [
            Interval(NOW - 300 * MINUTE, NOW - 30 * MINUTE, "occupied", 0.98),
            Interval(NOW - 30 * MINUTE, None, "vacant", 0.02),
        ]
        revise(connection, "mpp-contoh", "disdukcapil-1", "staff", 0, states, NOW)
        set_progress(connection, "mpp-contoh", NOW, spool="a", spool_id=1)
        for n, (kind, subject_type, subject) in enumerate(
            [("vacancy", "outlet", "disdukcapil-1"), ("vacancy", "duty", "ktp"), ("site_outage", "site", "mpp-contoh")]
        ):
            alert = Alert(kind, subject_type, subject, NOW - 20 * MINUTE, NOW - 10 * MINUTE)  # type: ignore[arg-type]
            name = "4f0c2d6b9a1e8f37" if n == 0 else f"a{n}"
            put(connection, "mpp-contoh", StoredAlert(name, alert, False, None), NOW)
        add(connection, "mpp-contoh", "a1", Answer("sick", None, MINUTE), author="ani", now_ms=NOW)
        declare(connection, "mpp-contoh", Absence(outlet="disdukcapil-2", reason="sick", **span), "ani", NOW)
        declare(connection, "mpp-contoh", Maintenance(outlet="disdukcapil-2", reason="x", **span), "ani", NOW)
        away = Substitute(agency="disdukcapil", contact="wakil", to="kepala", **span)
        name_substitute(connection, "mpp-contoh", away, "ani", NOW)
        past = (NOW - 60 * MINUTE, NOW - MINUTE)
        submit(connection, Contest(0, "mpp-contoh", "disdukcapil-2", *past, "Ada", "ani", 0), NOW)
        sidak_links.make(connection, "mpp-contoh", NOW + 60 * MINUTE, by="ani", now_ms=NOW)
        device = (
            "zigbee2mqtt/0x00158d0001a2b3c4",
            "zigbee2mqtt/0x00158d0001a2b3c4",
            NOW,
            1,
            b"{}",
            "zigbee2mqtt",
            "pir",
            WAITING,
        )
        note_unclaimed(connection, [Unclaimed("", *device)])
        for name in ("budi", "cita", "dedi"):
            make_account(connection, name, NOW, "viewer")
        make_token(connection, "dedi", "", NOW)
    return web


@pytest.fixture
def schema(whole: Web) -> Any:
    with whole.record.writing(durable=False) as connection:
        make_account(connection, "ani", NOW)
        token = make_token(connection, "ani", "", NOW)
    loaded = schemathesis.openapi.from_dict(describe(whole.app))
    loaded.app = whole.app
    loaded.config.update(headers={"Authorization": f"Bearer {token}"})
    return loaded


# The feed of the application looks for its broker meanwhile, with jitter.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
def test_the_api_answers_as_it_is_described(schema: Any, whole: Web) -> None:
    asked = [operation.ok() for operation in schema.get_all_operations() if operation.ok().path not in ENDLESS]
    assert len(asked) >= 70
    with whole.record.reading() as connection:
        token = tokens(connection, "dedi")[0].id
    found = {operation.label: _ask(operation, _known(operation, token)) for operation in asked}
    # What is only ever refused was not tried.
    assert {label: seen for label, seen in found.items() if not seen & {200, 201, 204, 503}} == {}


def _known(operation: Any, token: str) -> dict[str, str | int]:
    """What there is of what the path names; to be removed, something that can be."""
    names = re.findall(r"{(\w+)}", operation.path)
    there = KNOWN | {"token": token}
    if operation.method == "delete" and names[-1] in SPARE:
        there |= {names[-1]: SPARE[names[-1]]}
    if "contact" in names and "agency" not in names:
        there |= {"contact": "teknisi" if operation.method == "delete" else "pengelola"}
    if operation.path.endswith(("/tokens", "/{token}")):
        there |= {"name": "dedi"}
    return {name: there[name] for name in names if name in there}


def _example(operation: Any) -> Any:
    """The body that the description shows, of something that there is not yet; None where there is none."""
    raw = operation.definition.raw.get("requestBody", {}).get("content", {}).get("application/json")
    if raw is None:
        return None
    described = operation.schema.raw_schema["components"]["schemas"]
    shape = described[raw["schema"]["$ref"].rpartition("/")[2]] if "$ref" in raw["schema"] else raw["schema"]
    example = raw.get("example") or shape["examples"][0]
    # Contacts of sites and agencies share their ids, and so do outlets and duties.
    new = {"id": f"baru-{operation.path.count('/')}-{operation.path.rpartition('/')[2]}"}
    return example | new if operation.method == "post" and "id" in example else example


def _ask(operation: Any, there: dict[str, str | int]) -> set[int]:
    """The statuses that came."""
    seen: set[int] = set()
    example = _example(operation)

    @seed(20261124)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), known=booleans())
    def ask(case: Any, known: bool) -> None:
        if known:
            case.path_parameters |= there
            if example is not None:
                case.body, case.media_type = example, "application/json"
            if "If-Match" in case.headers:
                case.headers["If-Match"] = "*"
        answer = case.call()
        assert answer.status_code < 500 or (answer.status_code == 503 and case.path in WITHOUT_BROKER), answer.text
        case.validate_response(answer, checks=CHECKS)
        seen.add(answer.status_code)

    ask()
    return seen


def operations(web: Web) -> list[tuple[str, dict[str, Any]]]:
    paths = describe(web.app)["paths"]
    return [(f"{method.upper()} {path}", one) for path, methods in paths.items() for method, one in methods.items()]


def test_every_operation_says_what_it_is_and_shows_an_example(web: Web):
    for name, operation in operations(web):
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"], name
        assert set(operation["tags"]) <= set(TAGS), name
        for status, answer in operation["responses"].items():
            assert answer["description"], (name, status)
            kinds = answer.get("content", {})
            shown = any("example" in kind for kind in kinds.values()) or status in ("204", "304", "503")
            assert shown, (name, status)
            if int(status) >= 400 and name != "GET /readyz":
                assert set(kinds) == {"application/problem+json"}, (name, status)
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None and "example" not in body and "$ref" in body["schema"]:
            made = describe(web.app)["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]
            assert made["examples"], name


def test_the_examples_are_as_it_is_described(web: Web):
    """With each key that there is always, null or not."""
    schema, found = describe(web.app), 0
    for name, operation in operations(web):
        for status, answer in operation["responses"].items():
            for shown in answer.get("content", {}).values():
                if "example" in shown and "$ref" in shown.get("schema", {}):
                    form = shown["schema"] | {"components": schema["components"]}
                    problems = [one.message for one in Draft202012Validator(form).iter_errors(shown["example"])]
                    assert problems == [], (name, status)
                    found += 1
    assert found > 300


def test_the_names_of_operations_stay_as_they_are(web: Web):
    names = [operation["operationId"] for _, operation in operations(web)]
    assert len(set(names)) == len(names)
    assert {
        "healthz", "readyz", "metrics", "live", "stream", "list_alerts", "acknowledge", "list_absences",
        "declare_absence", "end_absence", "list_maintenance", "declare_maintenance", "end_maintenance", "intervals",
        "outlet_ledger", "ledger_sums", "why_not", "export_table", "take_webhook",
    } <= set(names)  # fmt: skip


def test_ways_in_are_those_of_the_rules(web: Web):
    schema = describe(web.app)
    assert schema["openapi"].startswith("3.1")
    for name, operation in operations(web):
        ways = [set(way) for way in operation["security"]]
        assert (ways == []) == (RULES[name] == "open"), name
        assert ({"session"} in ways) == (name.startswith("GET ") and RULES[name] != "open"), name
        assert {way for some in ways for way in some} <= set(schema["components"]["securitySchemes"])
    assert {"signature"} in [
        set(way) for way in schema["paths"]["/api/v1/sites/{site}/webhook/{kind}"]["post"]["security"]
    ]


def test_whatever_the_description_points_at_is_there(web: Web):
    schema = describe(web.app)
    found = set(re.findall(r"#/components/schemas/(\w+)", str(schema)))
    assert found == set(schema["components"]["schemas"])
