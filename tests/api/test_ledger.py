"""The record of an outlet and the sums of the ledger, as programs ask for them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from presence.instants import rfc3339
from presence.site import Absence, Duty, Site
from storage.record import tables
from storage.record.registry import row_of
from tests.builders import outlet, sensor, site
from tests.fixtures.books import Keeper, at
from tests.fixtures.web import Web

OUTLET = "/api/v1/sites/balai/outlets/a-1"
HOURS = "08:00-12:00,13:00-15:00"


def counters() -> Site:
    """Three counters of two agencies; of the first two one is enough."""
    return site(
        outlets=[
            outlet("a-1", sensors=[sensor("s-1"), sensor("v-1", zone="visitor")]),
            outlet("a-2"),
            outlet("b-1", agency="bkn"),
        ],
        duties=(Duty(id="loket-a", outlets=("a-1", "a-2")),),
        service_hours=HOURS,
    )


@pytest.fixture
def keeper(demo: Web) -> Keeper:
    """On the 23rd one of a-1 and a-2 was always there, b-1 till ten; it is ten on the 24th."""
    keeper = Keeper(demo.record, counters())
    demo.app.state.feed.live.sites = {"balai": keeper.site}
    demo.now_ms = at("24T10:00:00.500")
    keeper.zone("a-1", {"23T07:00": "occupied", "23T10:00": "vacant", "24T07:55": "occupied", "24T09:30": "vacant"})
    keeper.zone("a-1", {"23T08:00": "vacant", "23T09:00": "occupied"}, "visitor")
    keeper.zone("a-2", {"23T07:00": "vacant", "23T09:59": "occupied"})
    keeper.zone("b-1", {"23T07:00": "occupied", "23T10:00": "unknown"})
    keeper.until("24T10:00")
    return keeper


def ask(demo: Web, path: str, **asked: str) -> Any:
    answer = demo.ask().get(path, params={name.rstrip("_"): value for name, value in asked.items()})
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(demo: Web, path: str, **asked: str) -> tuple[int, str]:
    answer = demo.ask().get(path, params={name.rstrip("_"): value for name, value in asked.items()})
    return answer.status_code, answer.json()["error"]


def seconds(**hours: float) -> dict[str, float]:
    names = ("attended", "absent", "declared", "unknown", "equipment_down")
    found = {f"{name}_s": hours.get(name, 0) * 3600.0 for name in names}
    return {"obliged_s": sum(found.values()) - found["equipment_down_s"], **found}


# --- intervals


def test_the_intervals_of_all_zones_by_start(demo: Web, keeper: Keeper):
    said = ask(demo, f"{OUTLET}/intervals", from_="2026-11-23T09:30:00+07:00", to="2026-11-24T08:00:00+07:00")
    assert said == {
        "site": "balai",
        "outlet": "a-1",
        "from": "2026-11-23T02:30:00.000Z",
        "to": "2026-11-24T01:00:00.000Z",
        "until": "2026-11-24T03:00:00.000Z",
        "intervals": [
            {"zone": zone, "state": state, "start": rfc3339(at(start)), "end": end and rfc3339(at(end)), "p": 0.5}
            for zone, state, start, end in (
                ("staff", "occupied", "23T07:00", "23T10:00"),
                ("visitor", "occupied", "23T09:00", None),
                ("staff", "vacant", "23T10:00", "24T07:55"),
                ("staff", "occupied", "24T07:55", "24T09:30"),
            )
        ],
    }


def test_todays_intervals_are_what_is_asked_for_when_nothing_is_said(demo: Web, keeper: Keeper):
    said = ask(demo, f"{OUTLET}/intervals")
    assert (said["from"], said["to"]) == (rfc3339(at("24T00:00")), rfc3339(demo.now_ms))
    assert [(one["zone"], one["state"]) for one in said["intervals"]] == [
        ("visitor", "occupied"),
        ("staff", "vacant"),
        ("staff", "occupied"),
        ("staff", "vacant"),
    ]


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"from_": "yesterday"}, 'from: "yesterday" is no RFC 3339 time; write 2026-11-24T09:00:00+07:00'),
        (
            {"from_": "2026-11-24"},
            'from: "2026-11-24" is a date without a time; write 2026-11-24T00:00:00+07:00',
        ),
        ({"from_": "2026-11-24T09:00:00Z", "to": "2026-11-24T09:00:00Z"}, "to: is not after from"),
        (
            {"from_": "2026-10-15T00:00:00Z", "to": "2026-11-24T00:00:01Z"},
            "to: more than 40 days after from; ask for them one after the other",
        ),
        ({"to": "1e300"}, 'to: "1e300" is not in the years 1970 to 2999; write another'),
        ({"to": "inf"}, 'to: "inf" is no RFC 3339 time; write 2026-11-24T09:00:00+07:00'),
    ],
)
def test_times_that_cannot_be_asked_for_are_refused_in_words(
    demo: Web, keeper: Keeper, asked: dict[str, str], error: str
):
    assert refused(demo, f"{OUTLET}/intervals", **asked) == (400, error)


# --- an outlet's days


def test_days_as_replay_prints_them_and_today_as_far_as_it_is_known(demo: Web, keeper: Keeper):
    said = ask(demo, f"{OUTLET}/ledger")
    assert said == {
        "site": "balai",
        "outlet": "a-1",
        "from": "2026-11-01",
        "to": "2026-11-24",
        "until": "2026-11-24T03:00:00.000Z",
        "days": [
            {
                "type": "ledger",
                "outlet": "a-1",
                "date": "2026-11-23",
                **seconds(attended=2, absent=4),
                "opened_at": "2026-11-23T01:00:00.000Z",
                "left_at": "2026-11-23T03:00:00.000Z",
                "booked": "2026-11-24T03:00:00.000Z",
            },
            {
                "type": "ledger",
                "outlet": "a-1",
                "date": "2026-11-24",
                **seconds(attended=1.5, absent=0.5),
                "opened_at": "2026-11-24T01:00:00.000Z",
                "left_at": "2026-11-24T02:30:00.000Z",
                "booked": None,
            },
        ],
        "sum": {**seconds(attended=3.5, absent=4.5), "coverage": {"at_least": 3.5 / 8, "at_most": 3.5 / 8}},
    }


def test_a_corrected_day_says_what_it_was_before_and_until_when(demo: Web, keeper: Keeper):
    keeper.now_ms = at("24T10:30")
    keeper.zone("a-1", {"23T11:00": "occupied", "23T23:00": "vacant"})
    keeper.until("24T10:30")
    keeper.now_ms = at("24T11:00")
    keeper.zone("a-1", {"23T11:00": "vacant"})
    keeper.until("24T11:00")
    (day,) = ask(demo, f"{OUTLET}/ledger", from_="2026-11-23", to="2026-11-23")["days"]
    assert (day["absent_s"], day["booked"]) == (4 * 3600, "2026-11-24T04:00:00.000Z")
    assert day["corrected"] == [
        {
            **seconds(attended=2, absent=4),
            "opened_at": "2026-11-23T01:00:00.000Z",
            "left_at": "2026-11-23T03:00:00.000Z",
            "at": "2026-11-24T03:30:00.000Z",
        },
        {
            **seconds(attended=5, absent=1),
            "opened_at": "2026-11-23T01:00:00.000Z",
            "left_at": None,
            "at": "2026-11-24T04:00:00.000Z",
        },
    ]


def test_an_outlet_by_month(demo: Web, keeper: Keeper):
    said = ask(demo, f"{OUTLET}/ledger", from_="2026-10-01", to="2026-11-23", by="month")
    assert "days" not in said
    assert said["months"] == [
        {
            "month": "2026-11",
            **seconds(attended=2, absent=4),
            "coverage": {"at_least": 2 / 6, "at_most": 2 / 6},
        }
    ]


def test_an_outlet_of_which_nothing_is_known_has_no_days_and_no_coverage(demo: Web, keeper: Keeper):
    said = ask(demo, f"{OUTLET}/ledger", from_="2026-10-01", to="2026-10-31")
    assert (said["days"], said["sum"]) == ([], {**seconds(), "coverage": None})


def test_before_a_collector_ever_worked_nothing_is_complete(demo: Web):
    demo.apply(counters())
    said = ask(demo, f"{OUTLET}/ledger")
    assert (said["until"], said["days"]) == (None, [])
    assert ask(demo, f"{OUTLET}/intervals")["intervals"] == []


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"from_": "24.11.2026"}, 'from: "24.11.2026" is no date; write 2026-11-24'),
        ({"from_": "2026-11-24", "to": "2026-11-23"}, "to: 2026-11-23 lies before from, 2026-11-24"),
        (
            {"from_": "2025-01-01", "to": "2026-11-23"},
            "to: 692 days from 2025-01-01 on; at most 400, ask for them in parts",
        ),
    ],
)
def test_dates_that_cannot_be_asked_for_are_refused_in_words(
    demo: Web, keeper: Keeper, asked: dict[str, str], error: str
):
    for path in (f"{OUTLET}/ledger", "/api/v1/ledger"):
        assert refused(demo, path, **asked) == (400, error)


@pytest.mark.parametrize("what", ["intervals", "ledger"])
def test_what_is_not_registered_is_not_found(demo: Web, keeper: Keeper, what: str):
    assert refused(demo, f"/api/v1/sites/mall/outlets/a-1/{what}") == (404, 'no site "mall"')
    assert refused(demo, f"/api/v1/sites/balai/outlets/a-9/{what}") == (404, 'no outlet "a-9" at site "balai"')
    assert refused(demo, "/api/v1/ledger", site="mall") == (404, 'no site "mall"')


# --- sums


def test_agencies_are_summed_by_duty_with_bounds_of_their_coverage(demo: Web, keeper: Keeper):
    said = ask(demo, "/api/v1/ledger", by="agency", from_="2026-11-23", to="2026-11-23")
    assert said == {
        "from": "2026-11-23",
        "to": "2026-11-23",
        "until": {"balai": "2026-11-24T03:00:00.000Z"},
        "sums": [
            {
                "site": "balai",
                "agency": "bkn",
                "month": "2026-11",
                **seconds(attended=2, unknown=4),
                "coverage": {"at_least": 2 / 6, "at_most": 1.0},
            },
            {
                "site": "balai",
                "agency": "dinas",
                "month": "2026-11",
                **seconds(attended=6),
                "coverage": {"at_least": 1.0, "at_most": 1.0},
            },
        ],
    }


def test_sums_over_days_months_or_all_of_it_and_today_is_in_them(demo: Web, keeper: Keeper):
    def sums(**asked: str) -> list[tuple[str | None, float]]:
        return [
            (one.get("date") or one.get("month"), one["obliged_s"] / 3600)
            for one in ask(demo, "/api/v1/ledger", **asked)["sums"]
        ]

    assert sums(period="day") == [("2026-11-23", 12), ("2026-11-24", 4)]
    assert sums() == [("2026-11", 16)]
    assert sums(period="all", site="balai") == [(None, 16)]
    assert [hours for _, hours in sums(by="outlet")] == [8, 8, 8]
    assert [hours for _, hours in sums(by="duty")] == [8, 8]


def test_what_was_declared_of_a_day_counts_though_nobody_keeps_it_in_mind(demo: Web, keeper: Keeper):
    absence = Absence(outlet="b-1", from_ms=at("24T08:00"), to_ms=at("24T09:00"), reason="meeting")
    with demo.record.writing(durable=False) as connection:
        connection.execute(insert(tables.absence).values(site="balai", origin="person", **row_of(absence)))
    assert demo.app.state.feed.live.sites["balai"].absences == ()
    said = ask(demo, "/api/v1/ledger", by="outlet", period="day", from_="2026-11-24", to="2026-11-24")
    (today,) = [one for one in said["sums"] if "b-1" in one.values()]
    assert (today["declared_s"], today["unknown_s"]) == (3600.0, 3600.0)


def test_of_a_site_without_outlets_there_is_nothing_to_sum(demo: Web):
    demo.apply(site(outlets=[]))
    assert ask(demo, "/api/v1/ledger", from_="2026-11-01", to="2026-11-30")["sums"] == []
    demo.apply()
    assert ask(demo, "/api/v1/ledger")["until"] == {}


def test_the_routes_describe_themselves_with_examples(demo: Web):
    paths = demo.ask().get("/openapi.json").json()["paths"]
    for path in (
        "/api/v1/ledger",
        "/api/v1/sites/{site}/outlets/{outlet}/intervals",
        "/api/v1/sites/{site}/outlets/{outlet}/ledger",
    ):
        said = paths[path]["get"]
        assert said["summary"]
        assert said["responses"]["200"]["content"]["application/json"]["example"]
        assert all(parameter["description"] for parameter in said["parameters"])
