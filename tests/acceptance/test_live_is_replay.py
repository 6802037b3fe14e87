"""Live and replay are one: the same readings give the same alerts, whatever is restarted meanwhile."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from presence.alerts.life import Alert
from presence.instants import parse_instant
from presence.intervals import Span
from presence.pipeline import replay
from presence.readings import Reading
from presence.readings_csv import read_csv
from presence.site import Absence, Agency, Contact, Duty, Gateway, Maintenance, Rule, Site, Source
from presence.site_file import parse_site
from storage.record import Record
from tests.builders import outlet, sensor, site
from tests.fixtures.virtual_site import VirtualSite, by_instant

SCENARIOS = Path(__file__).parents[1] / "vectors" / "scenarios"
HOOK = "hadir+http://127.0.0.1:1/hook"
S = 1000
MINUTE = 60_000
START = parse_instant("2026-11-24T07:58:00+07:00")


@contextmanager
def watched(folder: Path, empty_record: Path, wanted: Site, start_ms: int) -> Iterator[VirtualSite]:
    shutil.copy(empty_record, folder / "record.db")
    with Record.open(f"sqlite:///{folder / 'record.db'}") as record:
        site = VirtualSite(record, folder, wanted, start_ms)
        yield site
        site.close()


def lived(live: VirtualSite, readings: list[Reading], end_ms: int, dice: random.Random) -> None:
    """The readings arrive one instant after the other; the engine looks when something changed, and now and then."""
    for at_ms, together in by_instant(readings):
        if at_ms >= end_ms:
            break
        if at_ms - live.now_ms >= 5 * MINUTE or live.pressing or dice.random() < 0.02:
            live.pass_until(at_ms)
        if dice.random() < 0.01:
            live.restart()
        live.take(together)
    live.pass_until(end_ms)


def order(alert: Alert) -> tuple[str, str, int]:
    return alert.kind, alert.subject, alert.since_ms


@pytest.mark.parametrize("scenario", sorted(path.name for path in SCENARIOS.iterdir()))
def test_a_scenario_lived_through_gives_the_alerts_of_its_replay(
    scenario: str, tmp_path: Path, empty_record: Path
) -> None:
    folder = SCENARIOS / scenario
    wanted = parse_site((folder / "site.yaml").read_text(), "site.yaml")
    with (folder / "readings.csv").open(newline="") as lines:
        found = read_csv(lines, "readings.csv")
    assert found.first_ms is not None
    assert found.last_ms is not None
    horizon = Span(found.first_ms, found.last_ms)
    with watched(tmp_path, empty_record, wanted, horizon.start_ms) as live:
        lived(live, found.readings, horizon.end_ms, random.Random(scenario))
        expected = replay(wanted, found.readings, horizon).alerts
        assert sorted(live.alerts(), key=order) == sorted(expected, key=order)


def a_bit_of_everything() -> Site:
    """Two outlets in one duty, and one with three sides, whose rules are over in minutes."""
    quick = Rule(after_ms=90 * S, min_presence_ms=20 * S, unknown_after_ms=60 * S)
    first, second = (Source(gateway="gw", driver="ld2410", port=f"/dev/ttyUSB{n}") for n in range(2))
    sides = [
        sensor("c-s", stale_after_given_ms=60 * S, source=first),
        sensor("c-v", zone="visitor", stale_after_given_ms=90 * S),
        sensor("c-e", zone="equipment", stale_after_given_ms=90 * S),
    ]
    return site(
        outlets=[
            outlet("a-1", sensors=[sensor("a-s", stale_after_given_ms=60 * S, source=second)]),
            outlet("b-1", sensors=[sensor("b-s", stale_after_given_ms=45 * S)], service_hours="Mo-Fr 08:05-08:20"),
            outlet("c-1", sensors=sides),
        ],
        gateways=(Gateway(id="gw"),),
        duties=(Duty(id="both", outlets=("a-1", "b-1"), at_least=1),),
        absences=(Absence(outlet="c-1", from_ms=START + 9 * MINUTE, to_ms=START + 12 * MINUTE, reason="meeting"),),
        maintenance=(Maintenance(sensor="a-s", from_ms=START + 14 * MINUTE, to_ms=START + 15 * MINUTE),),
        rules={
            "vacancy": quick,
            "late_opening": quick,
            "unattended": Rule(after_ms=40 * S, min_presence_ms=20 * S, unknown_after_ms=60 * S),
            "equipment_down": quick,
            "sensor_silent": Rule(after_ms=60 * S, min_presence_ms=10 * S),
            "gateway_offline": Rule(after_ms=30 * S, min_presence_ms=10 * S),
        },
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Reading]:
    """Half an hour of reports, silences, gateways that go and batteries that run down, in order of time."""
    said = st.one_of(
        st.tuples(st.sampled_from(["a-s", "b-s", "c-s", "c-v", "c-e"]), st.sampled_from(["presence"]), st.booleans()),
        st.tuples(st.sampled_from(["a-s", "c-s", "gw"]), st.just("online"), st.booleans()),
        st.tuples(st.sampled_from(["b-s"]), st.just("battery"), st.sampled_from([9, 15, 16, 80])),
    )
    readings, at_ms = [], START
    for after_s, (device, quantity, value) in draw(st.lists(st.tuples(st.integers(0, 50), said), max_size=80)):
        at_ms += after_s * S
        readings.append(Reading(device, at_ms, {quantity: float(value)}))
    return readings


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(readings=histories(), seed=st.integers(0, 2**16), late_s=st.sampled_from([0, 0, 10, 29]))
def test_restarts_batches_and_the_order_of_arrival_within_30_s_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, empty_record: Path, readings: list[Reading], seed: int, late_s: int
) -> None:
    """What was said too early, for something was still on its way, is taken back: it does not count."""
    wanted, dice = a_bit_of_everything(), random.Random(seed)
    end_ms = (readings[-1].at_ms if readings else START) + 3 * MINUTE
    arrivals = sorted((reading.at_ms + dice.randint(0, late_s) * S, n) for n, reading in enumerate(readings))
    with watched(tmp_path_factory.mktemp("live"), empty_record, wanted, START) as live:
        for arrived_ms, n in arrivals:
            if dice.random() < 0.5:
                live.pass_until(arrived_ms)
            if dice.random() < 0.1:
                live.restart()
            live.take([readings[n]])
        live.pass_until(end_ms)
        found = sorted(live.alerts(), key=order)
    expected = replay(wanted, readings, Span(START, end_ms)).alerts
    assert found == sorted(expected, key=order)
    for one, other in pairwise(found):
        if (one.kind, one.subject) == (other.kind, other.subject):
            assert one.resolved_ms is not None
            assert one.resolved_ms <= other.fired_ms, "two alerts of one subject and kind never stand together"


COUNTERS = 36


def test_a_power_cut_is_one_message_when_it_begins_and_one_when_it_ends(tmp_path: Path, empty_record: Path) -> None:
    gateways = ("gw-1", "gw-2")
    agencies = tuple(
        Agency(id=f"d-{n}", name=f"Dinas {n}", contacts=(Contact(id=f"k-{n}", name="K", channel=HOOK),))
        for n in range(COUNTERS)
    )
    outlets = [
        outlet(
            f"o-{n}",
            agency=f"d-{n}",
            sensors=[
                sensor(
                    f"s-{n}",
                    stale_after_given_ms=90 * S,
                    source=Source(gateway=gateways[n % 2], driver="ld2410", port=f"/dev/ttyUSB{n}"),
                )
            ],
        )
        for n in range(COUNTERS)
    ]
    wanted = site(
        outlets=outlets,
        agencies=agencies,
        gateways=tuple(Gateway(id=gateway) for gateway in gateways),
        contacts=(
            Contact(id="pengelola", name="P", role="facility_manager", channel=HOOK),
            Contact(id="teknisi", name="T", role="technician", channel=HOOK),
        ),
        service_hours="24/7",
    )
    cut, back, end = START + 10 * MINUTE, START + 30 * MINUTE, START + 50 * MINUTE
    readings = [Reading(gateway, START, {"online": 1.0}) for gateway in gateways]
    readings += [Reading(gateway, cut + 15 * S, {"online": 0.0}) for gateway in gateways]
    readings += [Reading(gateway, back + 5 * S, {"online": 1.0}) for gateway in gateways]
    for n in range(COUNTERS):
        reports = [*range(START + n * 800, cut, 30 * S), *range(back + n * 1500, end, 30 * S)]
        readings += [Reading(f"s-{n}", at_ms, {"presence": 1.0}) for at_ms in reports]
    with watched(tmp_path, empty_record, wanted, START) as live:
        lived(live, readings, end, random.Random(7))
        told = live.messages()
        alerts = live.alerts()
    assert sorted(told) == [("firing", "pengelola"), ("resolved", "pengelola")]
    kinds = {alert.kind for alert in alerts}
    assert "site_outage" in kinds
    assert "vacancy" not in kinds
    assert all(alert.resolved_ms is not None for alert in alerts)
