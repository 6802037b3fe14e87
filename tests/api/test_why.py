from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from presence.alerts.life import Alert, alert_id
from presence.site import Rule
from storage.record.acknowledgements import Answer, add
from storage.record.registry import apply
from storage.record.users import make_account, make_token
from tests.fixtures.web import Web
from tests.fixtures.why import EMPTY, VACANCY, EmptyOutlet, clock

OUTLET = "/api/v1/sites/balai/outlets/a-1/why"


def ask(demo: Web, text: str | None = None, **query: str) -> httpx.Response:
    at = {} if text is None else {"at": f"2026-11-24T{text}+07:00"}
    return demo.ask().get(OUTLET, params=at | query)


def vacancy(demo: Web, text: str) -> dict[str, Any]:
    kinds = ask(demo, text, kind="vacancy").json()["kinds"]
    assert len(kinds) == 1
    found: dict[str, Any] = kinds[0]
    return found


def notes(told: dict[str, Any]) -> list[str]:
    return [note["name"] for note in told["notes"]]


@pytest.mark.usefixtures("empty_outlet")
def test_each_kind_that_could_speak_of_the_outlet_says_why(demo: Web) -> None:
    told = ask(demo, "09:06:40").json()
    assert {name: told[name] for name in ("site", "outlet", "at", "timezone", "known_until")} == {
        "site": "balai",
        "outlet": "a-1",
        "at": "2026-11-24T02:06:40.000Z",
        "timezone": "Asia/Jakarta",
        "known_until": "2026-11-24T03:00:00.000Z",
    }
    assert [(kind["kind"], kind["reason"]) for kind in told["kinds"]] == [
        ("vacancy", "clock_running"),
        ("late_opening", "off"),
        ("sensor_silent", "unknown"),
        ("sensor_stuck", "unknown"),
        ("low_battery", "unknown"),
        ("site_outage", "in_order"),
    ]
    first = told["kinds"][0]
    assert first["text"]["en"] == (
        "No vacancy alert yet: the clock runs since 09:00. Due 09:10 if nothing changes. It fired later, at 09:10."
    )
    assert first["checks"][-1]["text"]["id"] == "Jam berjalan sejak 09.00: 6 mnt 40 dtk dari 10 mnt. Penuh 09.10."
    assert (first["recorded"], first["notes"]) == (None, [])


@pytest.mark.usefixtures("empty_outlet")
def test_without_an_instant_it_is_the_end_of_what_is_known(demo: Web) -> None:
    told = ask(demo).json()
    assert told["at"] == told["known_until"]
    assert told["kinds"][0]["reason"] == "staffed"


@pytest.mark.usefixtures("empty_outlet")
@pytest.mark.parametrize("at", ["09.06.40", "09:06:40", "9:06:40"])
def test_a_time_alone_is_today_on_the_clock_of_the_site(demo: Web, at: str) -> None:
    assert ask(demo, at=at).json()["at"] == "2026-11-24T02:06:40.000Z"


@pytest.mark.usefixtures("empty_outlet")
def test_what_comes_after_is_not_decided(demo: Web) -> None:
    assert {kind["reason"] for kind in ask(demo, "10:00:00.001").json()["kinds"]} == {"not_known_yet"}


def test_the_recorded_alert_of_the_minute_stands_beside_it(demo: Web, empty_outlet: EmptyOutlet) -> None:
    empty_outlet.alert()
    told = vacancy(demo, "09:20:00")
    assert told["reason"] == "standing"
    assert told["alert"].items() <= told["recorded"].items()
    assert (told["recorded"]["state"], notes(told)) == ("resolved", [])
    assert vacancy(demo, "09:40:00")["recorded"] is None


def test_an_alert_that_the_record_does_not_have_is_said(demo: Web, empty_outlet: EmptyOutlet) -> None:
    assert notes(vacancy(demo, "09:20:00")) == ["not_recorded"]
    empty_outlet.judged_until("09:10:00")
    told = vacancy(demo, "09:20:00")
    assert told["notes"][0]["text"]["en"] == (
        "The record has no such alert yet: the alert engine has not come to that instant."
    )


def test_the_record_keeps_what_was_judged_under_other_rules(demo: Web, empty_outlet: EmptyOutlet) -> None:
    empty_outlet.alert()
    slower = replace(EMPTY, rules={"vacancy": Rule(after_ms=1_200_000)})
    with demo.record.writing(durable=False) as connection:
        apply(connection, slower, prune=False, now_ms=clock("09:50:00"))
    told = vacancy(demo, "09:15:00")
    assert (told["reason"], told["alert"]) == ("clock_running", None)
    assert told["recorded"]["fired"] == "2026-11-24T02:10:00.000Z"
    assert notes(told) == ["recorded_otherwise"]


def test_a_change_of_hours_says_nothing_of_before(demo: Web, empty_outlet: EmptyOutlet) -> None:
    shut = replace(EMPTY, service_hours="Sa 08:00-09:00")
    with demo.record.writing(durable=False) as connection:
        apply(connection, shut, prune=False, now_ms=clock("09:50:00"))
    assert vacancy(demo, "09:20:00")["reason"] == "standing"
    assert vacancy(demo, "09:55:00")["reason"] == "closed"


def test_a_disproved_and_a_late_alert_are_told_as_such(demo: Web, empty_outlet: EmptyOutlet) -> None:
    wrong = Alert("vacancy", "outlet", "a-1", clock("08:10:00"), clock("08:20:00"))
    empty_outlet.alert(wrong, late=True, disproved_ms=clock("08:45:00"))
    told = vacancy(demo, "08:30:00")
    assert (told["reason"], told["recorded"]["state"], notes(told)) == ("staffed", "disproved", ["late", "disproved"])


def test_a_silent_sensor_for_which_a_site_outage_speaks_is_told_as_such(demo: Web, empty_outlet: EmptyOutlet) -> None:
    empty_outlet.alert(Alert("sensor_silent", "sensor", "a-1-s", clock("09:05:00"), clock("09:10:00")))
    empty_outlet.alert(Alert("site_outage", "site", "balai", clock("09:08:00"), clock("09:08:00")))
    told = ask(demo, "09:20:00", kind="sensor_silent").json()["kinds"][0]
    assert told["notes"][-1]["text"]["en"] == "Not sent by itself: the site-outage alert speaks for it."


def test_an_answered_alert_has_its_answer(demo: Web, empty_outlet: EmptyOutlet) -> None:
    empty_outlet.alert(replace(VACANCY, resolved_ms=None, reason=None))
    name = alert_id("balai", "vacancy", "a-1", VACANCY.since_ms)
    with demo.record.writing(durable=False) as connection:
        add(connection, "balai", name, Answer("meeting"), author="koordinator", now_ms=clock("09:15:00"))
    answer = vacancy(demo, "09:20:00")["recorded"]["acknowledged"]
    assert (answer["reason"], answer["by"]) == ("meeting", "koordinator")


@pytest.mark.usefixtures("empty_outlet")
@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/api/v1/sites/balay/outlets/a-1/why", 404, 'no site "balay"; did you mean "balai"?'),
        ("/api/v1/sites/balai/outlets/a-9/why", 404, 'no outlet "a-9"; did you mean "a-1"?'),
        (f"{OUTLET}?kind=unattended", 404, 'outlet "a-1" has no sensor that could raise an alert "unattended"'),
        (f"{OUTLET}?at=2026-11-24", 400, 'at: "2026-11-24" is a date without a time'),
        (f"{OUTLET}?at=kemarin", 400, 'at: "kemarin" is no RFC 3339 time; write 2026-11-24T09:00:00+07:00'),
        (f"{OUTLET}?kind=boredom", 400, "kind: "),
    ],
)
def test_what_cannot_be_asked_is_said_in_words(demo: Web, path: str, status: int, said: str) -> None:
    answer = demo.ask().get(path)
    assert answer.status_code == status
    assert answer.json()["error"].startswith(said)


@pytest.mark.usefixtures("empty_outlet")
@pytest.mark.parametrize("at", ["0", "1970-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "2026-11-24T09:00:00 07:00"])
def test_any_instant_has_an_answer(demo: Web, at: str) -> None:
    assert ask(demo, at=at).status_code == 200


def test_the_documents_show_an_example(demo: Web) -> None:
    paths = demo.ask().get("/openapi.json").json()["paths"]
    told = paths["/api/v1/sites/{site}/outlets/{outlet}/why"]["get"]
    assert told["summary"]
    assert told["responses"]["200"]["content"]["application/json"]["example"]["kinds"][0]["checks"]


def test_an_agency_is_told_of_its_own_outlets_and_nothing_of_devices(demo: Web, empty_outlet: EmptyOutlet) -> None:
    demo.apply(empty_outlet.site)
    with demo.record.writing() as connection:
        make_account(connection, "dinas", demo.now_ms, "agency", agency="dinas")
        token = make_token(connection, "dinas", "", demo.now_ms)
    own = demo.ask(authorization=f"Bearer {token}")
    told = own.get(OUTLET, params={"at": "2026-11-24T09:06:40+07:00"}).json()
    assert {kind["kind"] for kind in told["kinds"]} <= {"vacancy", "late_opening", "unattended", "equipment_down"}
    assert told["kinds"][0]["reason"] == "clock_running"
    assert own.get(OUTLET, params={"kind": "sensor_silent"}).status_code == 404
