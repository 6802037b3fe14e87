"""The description of the API, and that the API keeps to it whatever it is asked."""

from __future__ import annotations

import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import booleans
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.access import RULES
from api.contract import TAGS, describe
from presence.alerts.life import Alert
from presence.intervals import Interval
from presence.site import Duty
from storage.record.acknowledgements import Answer, add
from storage.record.alerts import StoredAlert, put
from storage.record.intervals import revise, set_progress
from storage.record.users import make_account, make_token
from tests.builders import outlet, sensor, site
from tests.fixtures.mall import MINUTE, NOW
from tests.fixtures.web import Web

CHECKS = (status_code_conformance, content_type_conformance, response_schema_conformance)
# Where chance alone finds no request that is taken, for want of an ETag or of an id that is there.
NEEDS_MORE = {"registry", "substitutes", "inbox", "contests", "sidak", "accounts"}
EXAMPLES = 12
ENDLESS = {"/api/v1/live/stream"}
# Of which an answer is described by no example yet.
WITHOUT_EXAMPLE = {
    "GET /api/v1/public",
}
# What says so when there is no broker, or no store.
WITHOUT_BROKER = {"/readyz", "/api/v1/sites/{site}/outlets/{outlet}/readings", "/api/v1/sites/{site}/webhook/{kind}"}
# Who asks for nothing that there is learns nothing of answers: half of the ids are those of the site.
KNOWN = {"site": "mpp-contoh", "outlet": "disdukcapil-1", "alert": "4f0c2d6b9a1e8f37", "number": 1}


@pytest.fixture
def whole(web: Web) -> Web:
    """A site with something of everything."""
    outlets = [
        outlet("disdukcapil-1", agency="disdukcapil", sensors=[sensor("dk1-radar")]),
        outlet("disdukcapil-2", agency="disdukcapil"),
    ]
    web.apply(site(id="mpp-contoh", outlets=outlets, duties=(Duty(id="d", outlets=("disdukcapil-1",)),)))
    with web.record.writing(durable=False) as connection:
        states = [
            Interval(NOW - 300 * MINUTE, NOW - 30 * MINUTE, "occupied", 0.98),
            Interval(NOW - 30 * MINUTE, None, "vacant", 0.02),
        ]
        revise(connection, "mpp-contoh", "disdukcapil-1", "staff", 0, states, NOW)
        set_progress(connection, "mpp-contoh", NOW, spool="a", spool_id=1)
        for n, (kind, subject_type, subject) in enumerate(
            [("vacancy", "outlet", "disdukcapil-1"), ("vacancy", "duty", "d"), ("site_outage", "site", "mpp-contoh")]
        ):
            alert = Alert(kind, subject_type, subject, NOW - 20 * MINUTE, NOW - 10 * MINUTE)  # type: ignore[arg-type]
            name = "4f0c2d6b9a1e8f37" if n == 0 else f"a{n}"
            put(connection, "mpp-contoh", StoredAlert(name, alert, False, None), NOW)
        add(connection, "mpp-contoh", "a1", Answer("sick", None, MINUTE), author="ani", now_ms=NOW)
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
def test_the_api_answers_as_it_is_described(schema: Any) -> None:
    asked = [operation.ok() for operation in schema.get_all_operations() if operation.ok().path not in ENDLESS]
    assert len(asked) > 15
    found = {operation.label: (set(operation.tags), _ask(operation)) for operation in asked}
    # What is only ever refused was not tried.
    refused = [label for label, (tags, seen) in found.items() if not seen & {200, 201, 503} and not tags & NEEDS_MORE]
    assert refused == []


def _ask(operation: Any) -> set[int]:
    """The statuses that came."""
    seen: set[int] = set()

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
            case.path_parameters |= {name: KNOWN[name] for name in KNOWN.keys() & case.path_parameters.keys()}
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
        assert operation["tags"], name
        assert set(operation["tags"]) <= set(TAGS), name
        for status, answer in operation["responses"].items():
            assert answer["description"], (name, status)
            kinds = answer.get("content", {})
            shown = any("example" in kind for kind in kinds.values()) or status in ("204", "304", "503")
            assert shown or name in WITHOUT_EXAMPLE, (name, status)
            if int(status) >= 400 and name != "GET /readyz":
                assert set(kinds) == {"application/problem+json"}, (name, status)
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None and "example" not in body and "$ref" in body["schema"]:
            made = describe(web.app)["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]
            assert made["examples"], name


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
