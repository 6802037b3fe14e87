"""Home Assistant has of our outlets what the registry has, whatever happens on the way: stories on one clock."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from collector.announce import Announcer, Say
from presence import topics
from presence.announcement import announced, announcement, config_topic
from presence.site import Outlet, Site
from tests.builders import outlet, sensor, site

VERSION = "1.0.0"
BIRTHS = "homeassistant/status"


def home(*outlets: Outlet, site_id: str = "balai", on: bool = True) -> Site:
    return site(id=site_id, homeassistant=on, outlets=outlets)


def watched(outlet_id: str, *sensors: str, name: str = "Loket") -> Outlet:
    return outlet(outlet_id, name=name, sensors=[sensor(one) for one in sensors])


def config(outlet_id: str, site_id: str = "balai") -> str:
    return config_topic(site_id, outlet_id)


def occupancy(outlet_id: str, site_id: str = "balai") -> str:
    return topics.outlet_occupancy(site_id, outlet_id)


def health(sensor_id: str) -> str:
    return topics.sensor_topic("balai", sensor_id, "health")


class House:
    """A broker that retains, a Home Assistant that listens all the time, and one collector."""

    def __init__(self, *sites: Site, random: Callable[[], float] = lambda: 0.5) -> None:
        self.now_ms = 1_000_000
        self.retained: dict[str, bytes] = {}
        self.devices: dict[str, set[str]] = {}  # by topic: the entities that Home Assistant has made
        self.sites: Sequence[Site] = sites
        self.random = random
        self.start()

    def start(self) -> None:
        """A new process, which remembers nothing."""
        self.announcer = Announcer(VERSION, self.random)
        self.announcer.follow(self.sites)
        self.connect()

    def connect(self) -> None:
        """A new session: what is retained comes at once, marked so."""
        self.reachable = True
        for one in self.sites:
            self.announcer.connected(one.id, self.now_ms)
            own = config_topic(one.id, "+").partition("+")[0]
            for topic in [topic for topic in self.retained if topic.startswith(own)]:
                self.announcer.hear(topic, self.retained[topic], True, self.now_ms)

    def apply(self, *sites: Site) -> None:
        self.sites = sites
        self.announcer.follow(sites)

    def birth(self, payload: bytes = b"online", *, retain: bool = False) -> None:
        self.announcer.hear(BIRTHS, payload, retain, self.now_ms)

    def wait(self, ms: int) -> list[Say]:
        """What the collector says in that time; it arrives unless the connection is lost."""
        said: list[Say] = []
        for _ in range(0, ms, 250):
            self.now_ms += 250
            new = self.announcer.due(self.now_ms)
            said += new
            if self.reachable:
                for one in new:
                    self._arrive(one)
        return said

    def _arrive(self, one: Say) -> None:
        payload = b"{}" if one.payload is None else one.payload
        self.retained[one.topic] = payload
        if not payload:
            del self.retained[one.topic]
        if not one.topic.startswith("homeassistant/"):
            return
        assert one.topic.startswith(f"homeassistant/device/hadir-{one.site}/")
        if not payload:
            self.devices.pop(one.topic, None)
            return
        entities = self.devices.setdefault(one.topic, set())
        for name, component in json.loads(payload)["cmps"].items():
            (entities.discard if component.keys() == {"p"} else entities.add)(name)

    def shown(self) -> dict[str, set[str]]:
        """The entities that there must be."""
        return {topic: set(announced(payload)) for topic, payload in self.wanted().items()}

    def wanted(self) -> dict[str, bytes]:
        return dict(
            announcement(one, counter, "id", None, VERSION)
            for one in self.sites
            if one.homeassistant
            for counter in one.outlets
        )


def said(messages: Sequence[Say]) -> list[tuple[str, str]]:
    """Topic and what: the announcement's names of removed components, `none` for an empty payload, `state`."""
    return [(one.topic, _what(one.payload)) for one in messages]


def _what(payload: bytes | None) -> str:
    if not payload:
        return "state" if payload is None else "none"
    gone = [name for name, component in json.loads(payload)["cmps"].items() if component.keys() == {"p"}]
    return " ".join(["announced", *(f"-{name}" for name in gone)])


def test_at_a_connection_every_outlet_is_announced_and_its_states_follow() -> None:
    house = House(home(watched("a", "s-1"), watched("b", "s-2")))
    assert house.wait(2_500) == [], "what the broker has of us may still be coming"
    assert said(house.wait(1_000)) == [
        (config("a"), "announced"),
        (config("b"), "announced"),
        *((topic, "state") for topic in (occupancy("a"), health("s-1"), occupancy("b"), health("s-2"))),
    ]
    assert house.retained.items() >= house.wanted().items()
    assert house.wait(600_000) == []


def test_nothing_is_said_before_the_first_connection() -> None:
    announcer = Announcer(VERSION, lambda: 0.0)
    announcer.follow([home(watched("a", "s-1"))])
    assert announcer.due(10_000_000) == []


def test_a_new_session_has_everything_announced_again() -> None:
    house = House(home(watched("a", "s-1")))
    first = house.wait(5_000)
    house.connect()
    assert house.wait(5_000) == first


def test_equal_bytes_are_not_sent_again() -> None:
    house = House(home(watched("a", "s-1"), watched("b", "s-2")))
    house.wait(5_000)
    house.apply(home(watched("a", "s-1"), watched("b", "s-2")))
    assert house.wait(5_000) == []
    house.apply(home(watched("a", "s-1", name="Loket 1"), watched("b", "s-2")))
    assert said(house.wait(5_000))[0] == (config("a"), "announced")
    assert config("b") not in dict(said(house.wait(5_000)))


def test_a_new_sensor_is_announced_with_all_the_others() -> None:
    house = House(home(watched("a", "s-1")))
    house.wait(5_000)
    house.apply(home(watched("a", "s-1", "s-2")))
    assert said(house.wait(5_000))[0] == (config("a"), "announced")
    assert house.devices == house.shown()


def test_a_component_that_is_gone_is_named_by_its_platform_alone_and_then_left_out() -> None:
    house = House(home(watched("a", "s-1", "s-2")))
    house.wait(5_000)
    house.apply(home(watched("a", "s-1")))
    first = house.wait(5_000)
    assert said(first)[0] == (config("a"), "announced -sensor_s-2")
    assert json.loads(first[0].payload or b"")["cmps"]["sensor_s-2"] == {"p": "binary_sensor"}
    assert house.devices == house.shown()
    house.birth()
    assert said(house.wait(20_000))[0] == (config("a"), "announced")
    assert house.retained.items() >= house.wanted().items()


def test_the_last_sensor_of_a_zone_takes_the_zone_with_it() -> None:
    visitor = sensor("v", zone="visitor")
    house = House(home(outlet("a", sensors=[sensor("s"), visitor])))
    house.wait(5_000)
    house.apply(home(outlet("a", sensors=[visitor])))
    assert said(house.wait(5_000))[0] == (config("a"), "announced -sensor_s -staff -staff_sensing")
    assert house.devices == house.shown()


def test_a_component_that_came_back_in_time_is_not_taken_away() -> None:
    house = House(home(watched("a", "s-1", "s-2")))
    house.wait(5_000)
    house.apply(home(watched("a", "s-1")))
    house.apply(home(watched("a", "s-1", "s-2")))
    assert said(house.wait(5_000))[0] == (config("a"), "announced")


def test_an_outlet_that_is_gone_loses_its_announcement_and_then_its_occupancy() -> None:
    house = House(home(watched("a", "s-1"), watched("b", "s-2")))
    house.wait(5_000)
    house.apply(home(watched("a", "s-1")))
    assert said(house.wait(5_000)) == [(config("b"), "none"), (occupancy("b"), "none")]
    assert house.devices == house.shown()


def test_an_outlet_that_came_back_keeps_its_occupancy() -> None:
    house = House(home(watched("a", "s-1")))
    house.wait(5_000)
    house.apply(home())
    house.apply(home(watched("a", "s-2")))
    assert said(house.wait(5_000))[:2] == [(config("a"), "announced -sensor_s-1"), (occupancy("a"), "state")]
    assert house.devices == house.shown()


def test_a_site_that_no_longer_wants_it_is_taken_away_and_its_occupancy_stays() -> None:
    house = House(home(watched("a", "s-1")), home(watched("b", "s-2"), site_id="other"))
    house.wait(5_000)
    house.apply(home(watched("a", "s-1"), on=False), home(watched("b", "s-2"), site_id="other"))
    assert said(house.wait(5_000)) == [(config("a"), "none")], "pages live on the occupancy"
    house.apply(*(home(watched(a, s), site_id=one) for one, a, s in (("balai", "a", "s-1"), ("other", "b", "s-2"))))
    assert said(house.wait(5_000))[0] == (config("a"), "announced")


def test_what_was_lost_from_the_registry_while_nobody_collected_is_taken_away_at_the_next_start() -> None:
    house = House(home(watched("a", "s-1", "s-2"), watched("b", "s-3")))
    house.wait(5_000)
    house.sites = [home(watched("a", "s-1"))]
    house.start()
    found = said(house.wait(5_000))
    assert found[:2] == [(config("a"), "announced -sensor_s-2"), (config("b"), "none")]
    assert (occupancy("b"), "none") in found
    assert house.devices == house.shown()
    house.start()
    assert said(house.wait(5_000))[0] == (config("a"), "announced"), "what the broker has was the removal"


def test_a_site_switched_off_while_nobody_collected_is_taken_away_at_the_next_start() -> None:
    house = House(home(watched("a", "s-1")))
    house.wait(5_000)
    house.sites = [home(watched("a", "s-1"), on=False)]
    house.start()
    assert said(house.wait(5_000)) == [(config("a"), "none")]
    house.start()
    assert house.wait(5_000) == []


def test_what_the_broker_had_comes_late_and_is_still_taken_away() -> None:
    house = House(home(watched("a", "s-1")))
    house.wait(5_000)
    _, old = announcement(home(), watched("a", "s-9"), "id", None, VERSION)
    house.announcer.hear(config("a"), old, True, house.now_ms)
    house.announcer.hear(config("b"), old, True, house.now_ms)
    assert said(house.wait(5_000))[:2] == [(config("a"), "announced -sensor_s-9"), (config("b"), "none")]


def test_a_site_that_is_off_announces_nothing_whatever_is_born() -> None:
    house = House(home(watched("a", "s-1"), on=False))
    house.birth()
    assert house.wait(120_000) == []
    assert house.announcer.subscriptions(house.sites[0]) == [config("+")]
    assert house.announcer.subscriptions(home()) == [config("+"), BIRTHS]


def test_what_is_not_retained_or_not_ours_is_not_read_back() -> None:
    house = House(home(watched("a", "s-1")))
    house.wait(5_000)
    _, foreign = announcement(home(), watched("z", "s-9"), "id", None, VERSION)
    house.announcer.hear(config("z"), foreign, False, house.now_ms)
    house.announcer.hear("homeassistant/device/other/z/config", foreign, True, house.now_ms)
    house.announcer.hear("homeassistant/device/hadir-balai/Not A Slug/config", foreign, True, house.now_ms)
    house.announcer.hear(config("z"), b"", True, house.now_ms)
    assert house.wait(5_000) == []


# Birth


def test_after_a_birth_all_is_said_again_announcements_first() -> None:
    house = House(home(watched("a", "s-1"), watched("b", "s-2")), random=lambda: 0.7)
    first = house.wait(5_000)
    house.birth()
    assert house.wait(6_750) == []
    assert house.wait(250) == first


def test_a_second_birth_within_the_wait_starts_no_second_round() -> None:
    house = House(home(watched("a", "s-1")), random=lambda: 0.1)
    first = house.wait(5_000)
    house.birth()
    assert house.wait(5_000) == first
    house.birth()
    assert house.wait(30_000) == []
    house.birth()
    assert house.wait(30_000) == first


def test_what_is_retained_or_another_word_is_no_birth() -> None:
    house = House(home(watched("a", "s-1")))
    house.wait(5_000)
    house.birth(retain=True)
    house.birth(b"offline")
    house.birth(b"")
    assert house.wait(120_000) == []


def test_of_many_outlets_the_wait_is_longer_up_to_a_minute() -> None:
    for count, longest_ms in ((500, 10_000), (2_000, 40_000), (4_000, 60_000)):
        house = House(home(*(watched(f"a{n}") for n in range(count))), random=lambda: 0.999)
        house.wait(4_000 + 2 * count * 20 + 1_000)
        assert house.retained.items() >= house.wanted().items()
        house.birth()
        assert house.wait(longest_ms - 250) == []
        assert house.wait(250) != []


def test_never_more_than_fifty_messages_in_a_second_of_all_sites_together() -> None:
    house = House(*(home(*(watched(f"a{n}") for n in range(70)), site_id=f"site-{m}") for m in range(3)))
    times = [house.now_ms for _ in range(0, 15_000, 250) for _ in house.wait(250)]
    assert len(times) == 2 * 3 * 70
    assert all(later - earlier >= 1_000 for earlier, later in zip(times, times[50:], strict=False))
    assert times[-1] - times[0] <= 9_000


def test_states_wait_for_the_last_announcement() -> None:
    house = House(home(*(watched(f"a{n}") for n in range(120))))
    kinds = [topic.startswith("homeassistant/") for topic, _ in said(house.wait(15_000))]
    assert kinds == sorted(kinds, reverse=True)


# Whatever happens

COUNTERS = st.dictionaries(st.sampled_from("abc"), st.sets(st.sampled_from(["s", "t", "u"])), max_size=3)
STEPS = st.one_of(
    st.tuples(st.just("apply"), COUNTERS, st.booleans()),
    st.tuples(st.sampled_from(["start", "connect", "cut", "birth"])),
    st.tuples(st.just("wait"), st.sampled_from([250, 1_000, 3_250, 20_000])),
)


@given(st.lists(STEPS, max_size=25))
def test_in_the_end_home_assistant_has_what_the_registry_has(steps: list[tuple[object, ...]]) -> None:
    other = home(watched("x", "s"), site_id="other")
    house = House(home(), other)
    for step in steps:
        match step:
            case ("apply", dict(counters), bool(on)):
                house.apply(home(*(watched(one, *sorted(sensors)) for one, sensors in counters.items()), on=on), other)
            case ("start",):
                house.start()
            case ("connect",):
                house.connect()
            case ("cut",):
                house.reachable = False
            case ("birth",):
                house.birth()
            case ("wait", int(ms)):
                house.wait(ms)
    if not house.reachable:
        house.connect()
    house.wait(30_000)
    assert house.devices == house.shown()
    assert {topic: set(announced(house.retained[topic])) for topic in house.devices} == house.shown()
    assert {topic for topic in house.retained if topic.startswith("homeassistant/")} == house.shown().keys()
    assert house.wait(600_000) == []
