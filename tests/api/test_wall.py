from __future__ import annotations

from api import floor, floor_figures, wall
from api.live import Occupancy
from presence.status import Status
from tests.api.test_floor import EN, ID, NOW, occupancy, plan, row
from tests.builders import outlet, sensor


def mall(count: int, floors: int = 1) -> floor.Plan:
    return plan(outlets=[outlet(f"a-{n}", number=n, floor=1 + n % floors) for n in range(count)])


def shown(**outlets: tuple[Status, str]) -> dict[str, Occupancy]:
    """Outlets `a_1` … with their status and since when."""
    return {
        name.replace("_", "-"): occupancy(status, since, outlet=name.replace("_", "-"))
        for name, (status, since) in outlets.items()
    }


def test_a_site_that_fits_is_one_screen_and_few_outlets_are_large():
    assert [[(len(one.outlets), one.css) for one in wall.screens(mall(n))] for n in (4, 20, 30, 42)] == [
        *([(4, "w-12")], [(20, "w-20")], [(30, "w-30")], [(42, "w-42")]),
    ]
    assert wall.screens(mall(42))[0].whole


def test_beyond_that_each_floor_is_a_screen_and_a_large_floor_several():
    found = wall.screens(mall(100, floors=2))
    assert [(one.level, one.part, one.parts, len(one.outlets)) for one in found] == [
        *((1, 1, 2, 42), (1, 2, 2, 8), (2, 1, 2, 42), (2, 2, 2, 8)),
    ]
    assert {one.css for one in found} == {"w-42"}


def test_the_sums_of_a_wall_close():
    found = dict.fromkeys(floor_figures.FILTERS, 0) | {
        "obliged": 9,
        "staffed": 6,
        "serving": 4,
        "vacant": 2,
        "unknown": 1,
    }
    where = plan(outlets=[outlet("a-1", sensors=[sensor("s", zone="visitor")])])
    figures = wall.figures(found, where, ID)
    assert list(figures) == list(wall.SUMS)
    assert int(figures["obliged"]) == sum(int(figures[name]) for name in wall.SUMS[1:])


def test_the_rail_begins_with_what_nobody_has_answered():
    alerts = [row("vacancy", "a-1", "10:20:00"), row("vacancy", "a-2", "09:51:00"), row("sensor_silent", "a-4-s")]
    states = shown(
        a_1=("vacant", "10:20:00"),
        a_2=("vacant", "09:51:00"),
        a_3=("unattended", "10:41:00"),
        a_4=("unknown", "10:00:00"),
    )
    rail = wall.rail(alerts, states, mall(5), NOW, ID)
    assert rail.title == "Tanpa petugas: 3 loket"
    assert [(item.key, item.css) for item in rail.items] == [
        ("a-2", "w-item fire"),
        ("a-1", "w-item fire"),
        ("a-3", "w-item"),
        ("sensor_silent-a-4-s-09:51:00", "w-item"),
    ]
    assert rail.items[0].told == "Peringatan 10.01, belum dijawab"
    assert (rail.more, rail.lines) == ("", wall.LOG_LENGTH)


def test_an_alert_whose_outlet_is_not_known_any_more_stays_in_the_rail():
    rail = wall.rail([row("vacancy", "a-1")], shown(a_1=("unknown", "10:41:00")), mall(2), NOW, EN)
    assert rail.title == "No outlet is known to be empty"
    assert [(item.state, item.css, item.what) for item in rail.items] == [
        ("unknown", "w-item", "Vacant, now not known")
    ]


def test_a_site_outage_is_not_in_the_rail_but_across_the_screen():
    rail = wall.rail([row("site_outage", "balai")], shown(a_1=("staffed", "10:00:00")), mall(2), NOW, ID)
    assert (rail.title, rail.items) == ("Tidak ada loket kosong", [])


def test_what_has_no_room_is_counted():
    states = {f"a-{n}": occupancy("vacant", f"10:{n:02}:00", outlet=f"a-{n}") for n in range(12)}
    rail = wall.rail([], states, mall(12), NOW, ID)
    assert (len(rail.items), rail.more, rail.lines) == (7, "… dan 5 lagi", 0)
    assert rail.items[0].key == "a-0"


def test_a_tile_without_evidence_has_a_dash_for_its_age():
    assert wall.age(occupancy("staffed"), NOW, ID) == "4\u00a0dtk"
    assert wall.age(occupancy("unknown", zones={}), NOW, ID) == "–"
