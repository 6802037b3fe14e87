"""What the conventions hear, as readings of our sensors: the true conventions, a virtual clock, no broker."""

from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from collector.conventions.convention import Message
from collector.hearing import Hearing, Outcome
from presence.instants import rfc3339
from presence.readings import AHEAD_LIMIT_MS, LATE_LIMIT_MS, Reading
from presence.site import Site, Source
from storage.record.aside import Unclaimed
from tests.builders import outlet, sensor, site

S = 1000
START = 1_795_000_000_000
DAY_S = 24 * 3600
EUI = "24e124538b223214"


def claim(convention: str, **source: Any) -> Source:
    return Source(convention=convention, **source)


def hall(site_id: str = "balai", **sources: Source) -> Site:
    """A site with an outlet and a sensor for each of `sources`, called as they are."""
    outlets = [outlet(f"o-{name}", sensors=[sensor(name, source=source)]) for name, source in sources.items()]
    return site(id=site_id, outlets=outlets)


def esp(name: str = "n", **more: Any) -> Source:
    return claim("esphome", topic=name, **more)


class Listener:
    """A `Hearing` that follows `sites`; `s`: seconds that have passed."""

    def __init__(self, *sites: Site) -> None:
        self.hearing = Hearing(random.Random(7))
        self.hearing.follow(sites, START)
        self.hearing.subscriptions()
        self.s = 0.0

    @property
    def now_ms(self) -> int:
        return START + round(self.s * S)

    def message(self, topic: str, payload: object, *, retain: bool = False) -> Message:
        body = payload if isinstance(payload, bytes) else payload if isinstance(payload, str) else json.dumps(payload)
        return Message(topic, body.encode() if isinstance(body, str) else body, None, None, retain, self.now_ms)

    def outcome(self, topic: str, payload: object, *, retain: bool = False) -> Outcome:
        return self.hearing.hear(self.message(topic, payload, retain=retain))

    def hears(self, topic: str, payload: object, *, retain: bool = False) -> list[Reading]:
        """The readings of the one site; nothing was wrong."""
        found = self.outcome(topic, payload, retain=retain)
        assert found.letter is None
        assert len(found.own) <= 1
        return list(found.own[0].readings) if found.own else []

    def occupancy(self, word: str, node: str = "n", *, retain: bool = False) -> list[Reading]:
        """An ESPHome node says it."""
        return self.hears(f"{node}/binary_sensor/occupancy/state", word, retain=retain)

    def zigbee(self, name: str, *, retain: bool = False, **state: Any) -> list[Reading]:
        return self.hears(f"zigbee2mqtt/{name}", state, retain=retain)

    def lost(self, at_s: float, seen: Mapping[tuple[str, str], int] | None = None) -> dict[str, list[Reading]]:
        """By site, what is said when nobody listens from then on."""
        own = self.hearing.lost(lambda site: START + round(at_s * S), seen or {})
        return {one.site: list(one.readings) for one in own}

    def back(self, at_s: float, seen: Mapping[tuple[str, str], int] | None = None) -> dict[str, list[Reading]]:
        """The same, when somebody listens again."""
        return {one.site: list(one.readings) for one in self.hearing.back(START + round(at_s * S), seen or {})}

    def asks(self) -> list[str]:
        """The topics of what is asked now."""
        return [one.topic for one in self.hearing.questions(self.now_ms)]

    def asks_within(self, seconds: float, step: float = 0.05) -> list[tuple[float, str]]:
        """What is asked while time passes: seconds from now, and topic."""
        begin, asked = self.s, []
        for n in range(1, round(seconds / step) + 1):
            self.s = begin + n * step
            asked += [(round(n * step, 3), topic) for topic in self.asks()]
        return asked


def reading(name: str, at_s: float = 0, /, *, plus_ms: int = 0, **values: float) -> Reading:
    return Reading(name, START + round(at_s * S) + plus_ms, values)


def gone(name: str, at_s: float = 0, *, plus_ms: int = 0) -> Reading:
    return reading(name, at_s, plus_ms=plus_ms, online=0.0)


# Whose word it is


def test_a_presence_key_a_part_or_both_name_the_one_verdict_that_counts():
    here = Listener(
        hall(
            zone=esp(presence="binary_sensor/zone_1_presence"),
            desk=claim("zigbee2mqtt", topic="zigbee2mqtt/fp", part="occupancy_2"),
            radar=claim("homie", topic="homie/5/c7", part="radar", presence="moving"),
        )
    )
    assert here.hears("n/binary_sensor/zone_2_presence/state", "ON") == []
    assert here.hears("n/binary_sensor/zone_1_presence/state", "OFF") == [reading("zone", presence=0.0)]
    told = here.zigbee("fp", occupancy_1=True, occupancy_2=False)
    assert told == [reading("desk", presence=0.0)], "the whole is occupied"
    nodes = {"radar": {"properties": {name: {"datatype": "boolean"} for name in ("moving", "presence")}}}
    here.hears("homie/5/c7/$description", {"nodes": nodes}, retain=True)
    assert here.hears("homie/5/c7/radar/presence", "true") == []
    assert here.hears("homie/5/c7/radar/moving", "true") == [reading("radar", presence=1.0)]


def test_two_sensors_may_share_one_device_each_with_its_part():
    here = Listener(
        hall(
            left=claim("zigbee2mqtt", topic="zigbee2mqtt/fp", part="occupancy_1"),
            right=claim("zigbee2mqtt", topic="zigbee2mqtt/fp", part="occupancy_2"),
            hall=claim("zigbee2mqtt", topic="zigbee2mqtt/fp"),
        )
    )
    assert here.zigbee("fp", occupancy_1=True, occupancy_2=False, battery=90) == [
        reading("left", battery=90.0, presence=1.0),
        reading("right", battery=90.0, presence=0.0),
        reading("hall", battery=90.0, presence=1.0),
    ]
    here.s = 1
    moved = here.zigbee("fp", occupancy_1=True, occupancy_2=None, battery=90)
    assert moved == [gone("right", 1)], "only its own part is not known any more"


def test_a_device_may_be_claimed_by_two_sites():
    here = Listener(hall("mpp", a=esp()), hall("balai", b=esp(presence="binary_sensor/occupancy")))
    own = here.outcome("n/binary_sensor/occupancy/state", "ON").own
    assert {one.site: list(one.readings) for one in own} == {
        "mpp": [reading("a", presence=1.0)],
        "balai": [reading("b", presence=1.0)],
    }


def test_a_claim_that_is_wrong_is_said_once_and_does_not_hide_the_others(caplog):
    sites = [hall(bad=claim("homie", device="c7"), good=esp())]
    here = Listener(*sites)
    here.hearing.follow(sites, START)
    (warning,) = caplog.records
    assert warning.message.startswith("site balai: sensor bad: homie: knows neither device, profile nor config;")
    assert here.occupancy("ON") == [reading("good", presence=1.0)]


# When it was


def test_what_is_retained_and_has_no_date_is_no_evidence():
    here = Listener(hall(desk=esp()))
    assert here.occupancy("ON", retain=True) == []
    assert here.hears("n/status", "online", retain=True) == []
    assert here.occupancy("ON") == [reading("desk", presence=1.0)]


def test_what_is_retained_and_has_a_date_is_evidence_of_then():
    here = Listener(hall(desk=claim("senml", topic="senml/desk")))
    record = [{"bt": START / S - 60, "n": "presence", "vb": True}]
    assert here.hears("senml/desk", record, retain=True) == [reading("desk", -60, presence=1.0)]
    ahead = [{"bt": START / S + DAY_S, "n": "presence", "vb": False}]
    assert here.hears("senml/desk", ahead, retain=True) == [], "with a date that cannot be it has none"


def test_what_tells_its_age_was_so_long_ago():
    here = Listener(hall(desk=claim("senml", topic="senml/desk")))
    told = here.hears("senml/desk", [{"n": "presence", "vb": True, "t": -30}])
    assert told == [reading("desk", -30, presence=1.0)]


def test_what_is_too_old_is_kept_aside_unless_it_was_retained():
    here = Listener(hall(desk=claim("senml", topic="senml/desk")))
    old = [{"bt": (START - LATE_LIMIT_MS) / S - 1, "n": "presence", "vb": True}]
    own, unclaimed, letter = here.outcome("senml/desk", old)
    assert (own, unclaimed) == ([], [])
    assert letter is not None
    assert (letter.why, letter.topic, letter.received_ms) == ("the reading is older than 30 days", "senml/desk", START)
    assert here.outcome("senml/desk", old, retain=True) == ([], [], None)
    new = {"bt": START / S, "n": "presence", "vb": False}
    own, _, letter = here.outcome("senml/desk", [*old, {**new, "bt": START / S}])
    assert (list(own[0].readings), letter) == ([reading("desk", presence=0.0)], None), "what can be used is used"


def test_what_cannot_be_understood_is_kept_aside():
    here = Listener(hall(desk=esp()))
    _, _, letter = here.outcome("n/binary_sensor/occupancy/state", "perhaps")
    assert letter is not None
    assert (letter.why, letter.payload) == ("neither ON nor OFF", b"perhaps")


def test_a_clock_that_cannot_be_right_counts_as_of_the_receipt():
    here = Listener(hall(desk=claim("senml", topic="senml/desk")))
    for n, at_ms in enumerate((START + AHEAD_LIMIT_MS + 10 * S, 1_000_000_000_000)):
        here.s = n + 1
        told = here.hears("senml/desk", [{"bt": at_ms / S, "n": "presence", "vb": True}])
        assert told == [reading("desk", n + 1, presence=1.0)]
    within = START + AHEAD_LIMIT_MS - S
    told = here.hears("senml/desk", [{"bt": within / S, "n": "presence", "vb": True}])
    assert told == [Reading("desk", within, {"presence": 1.0})]


def test_words_of_one_instant_have_times_of_their_own():
    here = Listener(hall(desk=esp()))
    told = [here.occupancy(word) for word in ("ON", "OFF", "unavailable")]
    assert told == [
        [reading("desk", presence=1.0)],
        [reading("desk", plus_ms=1, presence=0.0)],
        [gone("desk", plus_ms=2)],
    ]


def test_a_word_of_receipt_stands_behind_a_date_that_is_a_little_ahead():
    here = Listener(hall(desk=claim("senml", topic="senml/desk")))
    here.hears("senml/desk", [{"bt": START / S + 10, "n": "presence", "vb": True}])
    told = here.hears("senml/desk", [{"n": "presence", "vb": False}])
    assert told == [reading("desk", 10, plus_ms=1, presence=0.0)]


# What is not known


def test_unknown_is_said_once_until_the_sensor_speaks_of_presence_again():
    here = Listener(hall(desk=esp()))
    here.occupancy("ON")
    told = []
    for here.s, word in ((1, "unavailable"), (2, "nan"), (3, "OFF"), (4, "None")):
        told += here.occupancy(word)
    assert told == [gone("desk", 1), reading("desk", 3, presence=0.0), gone("desk", 4)]
    here.occupancy("ON")
    assert here.occupancy("unavailable", retain=True) == [], "when that was is not known"


def test_unknown_beside_another_quantity_is_said_with_it():
    here = Listener(hall(desk=claim("zigbee2mqtt", topic="zigbee2mqtt/fp")))
    here.zigbee("fp", presence=True)
    here.s = 1
    told = here.zigbee("fp", presence=None, battery=50)
    assert told == [reading("desk", 1, battery=50.0), gone("desk", 1, plus_ms=1)]


def two_bases() -> Listener:
    other = {"base": "lobby/zigbee2mqtt"}
    return Listener(
        hall(
            a=claim("zigbee2mqtt", topic="zigbee2mqtt/a"),
            b=claim("zigbee2mqtt", topic="zigbee2mqtt/b"),
            silent=claim("zigbee2mqtt", topic="zigbee2mqtt/silent"),
            other=claim("zigbee2mqtt", topic="lobby/zigbee2mqtt/c", config=other),
            node=esp(),
        )
    )


def test_a_gateway_that_is_gone_silences_those_behind_it_and_only_them():
    here = two_bases()
    for name in ("a", "b"):
        here.zigbee(name, occupancy=True)
    here.hears("lobby/zigbee2mqtt/c", {"occupancy": True})
    here.occupancy("ON")
    here.s = 1
    told = here.hears("zigbee2mqtt/bridge/state", {"state": "offline"}, retain=True)
    assert told == [gone("a", 1), gone("b", 1), gone("silent", 1)]
    assert here.hears("zigbee2mqtt/bridge/state", {"state": "offline"}) == [], "said once"
    here.s = 2
    assert here.hears("n/status", "offline", retain=True) == [gone("node", 2)]
    assert here.hears("lobby/zigbee2mqtt/c", {"occupancy": False}) == [reading("other", 2, presence=0.0)]


def test_a_power_cut_in_a_building_is_heard_within_seconds():
    names = [f"n{number}" for number in range(20_000)]
    here = Listener(hall(**{name: esp(name) for name in names}))
    for name in names:
        here.occupancy("ON", name)
    started = time.perf_counter()
    for name in names:
        assert here.hears(f"{name}/status", "offline") == [gone(name, plus_ms=1)]
    assert time.perf_counter() - started < 10, "with a look at all claims for each it would be a minute"


# The past


def uplink(at_s: float, frame: str, identity: str) -> dict[str, Any]:
    return {
        "deduplicationId": identity,
        "time": rfc3339(START + round(at_s * S)),
        "deviceInfo": {"devEui": EUI},
        "fPort": 85,
        "data": base64.b64encode(bytes.fromhex(frame)).decode(),
    }


def record(at_s: float, occupied: bool) -> str:
    """What a WS203 stored while it was not heard."""
    return "20ce" + (START // S + round(at_s)).to_bytes(4, "little").hex() + f"04{occupied:02x}240165"


def ws203() -> Listener:
    return Listener(hall(desk=claim("chirpstack", device=EUI, profile="milesight-ws203")))


def presences(readings: Sequence[Reading]) -> list[tuple[float, Mapping[str, float]]]:
    """Seconds, and what is said of presence or of being there."""
    kept = [
        (one.at_ms - START, {k: v for k, v in one.values.items() if k in ("presence", "online")}) for one in readings
    ]
    return [(at_ms / S, values) for at_ms, values in kept if values]


def test_what_is_told_of_a_time_before_the_last_word_leaves_the_present_as_it_is():
    here, topic = ws203(), f"application/x/device/{EUI}/event/up"
    assert presences(here.hears(topic, uplink(0, "050001", "1"))) == [(0, {"presence": 1.0})]
    here.s = 10
    assert presences(here.hears(topic, uplink(10, record(-600, occupied=False), "2"))) == [(-600, {"presence": 0.0})]
    here.s = 20
    assert presences(here.hears(topic, uplink(20, "050001", "3"))) == [(20, {"presence": 1.0})]


def test_what_is_told_of_a_time_after_the_last_word_is_of_then_only():
    here, topic = ws203(), f"application/x/device/{EUI}/event/up"
    here.hears(topic, uplink(0, "050001", "1"))
    here.s = 3600
    assert presences(here.hears(topic, uplink(3600, record(600, occupied=False), "2"))) == [
        (600, {"presence": 0.0}),
        (600.001, {"online": 0.0}),
    ]
    joined = here.hears(f"application/x/device/{EUI}/event/join", uplink(3600, "", "3"))
    assert joined == [], "that it is not known was said"


def test_a_letter_that_is_tried_again_changes_nothing_of_the_present():
    here = Listener(hall(desk=claim("zigbee2mqtt", topic="zigbee2mqtt/fp"), node=esp()))
    here.zigbee("fp", occupancy=True)
    here.occupancy("ON")
    past = here.message("zigbee2mqtt/fp", {"occupancy": False})
    here.s = 60
    (own,) = here.hearing.hear_again(past).own
    assert list(own.readings) == [reading("desk", presence=0.0)]
    assert here.zigbee("fp", occupancy=True) == [], "nothing changed since it was told"
    here.hearing.hear_again(here.message("n/binary_sensor/occupancy/state", "unavailable"))
    assert here.occupancy("unavailable") == [gone("node", 60)], "not said yet"
    offline = here.message("zigbee2mqtt/bridge/state", "offline")
    here.hearing.hear_again(offline)
    here.s = 61
    assert here.zigbee("fp", occupancy=False) == [reading("desk", 61, presence=0.0)], "the bridge is there"
    assert here.asks() == []


def test_a_letter_to_which_nobody_listens_is_kept_and_says_so():
    here = Listener(hall(desk=esp()))
    for topic in ("store", "some/where"):
        again = here.hearing.hear_again(here.message(topic, "ON"))
        assert (again.own, again.unclaimed) == ([], [])
        assert again.letter is not None
        assert again.letter.why == "no convention listens to its topic by itself"


# Asking


def test_who_comes_back_is_asked_until_it_speaks_of_presence():
    here = Listener(hall(desk=claim("zigbee2mqtt", topic="zigbee2mqtt/a")))
    here.zigbee("a", occupancy=True)
    here.hears("zigbee2mqtt/a/availability", "offline")
    assert here.asks_within(10) == [], "who is gone is not asked"
    here.hears("zigbee2mqtt/a/availability", "online")
    asked = here.asks_within(400)
    assert [topic for _, topic in asked] == ["zigbee2mqtt/a/get"] * 3
    assert all(due <= at <= due + 2.1 for (at, _), due in zip(asked, (2, 70, 300), strict=True))
    here.hears("zigbee2mqtt/a/availability", "online")
    assert len(here.asks_within(10)) == 1
    assert here.zigbee("a", occupancy=False) == [reading("desk", here.s, presence=0.0)]
    assert here.asks_within(400) == [], "it spoke"


def test_who_comes_back_and_was_never_silenced_is_not_asked():
    here = Listener(hall(desk=claim("zigbee2mqtt", topic="zigbee2mqtt/a")))
    here.zigbee("a", occupancy=True)
    here.hears("zigbee2mqtt/a/availability", "online")
    assert here.asks_within(400) == []


def test_a_replayed_online_is_no_return():
    here = Listener(hall(desk=claim("zigbee2mqtt", topic="zigbee2mqtt/a")))
    here.hears("zigbee2mqtt/a/availability", "online", retain=True)
    assert here.asks_within(400) == []


def test_behind_a_gateway_that_comes_back_all_are_asked_one_after_the_other():
    names = [f"d{n}" for n in range(40)]
    here = Listener(hall(**{name: claim("zigbee2mqtt", topic=f"zigbee2mqtt/{name}") for name in names}))
    here.hears("zigbee2mqtt/bridge/state", "offline")
    here.hears("zigbee2mqtt/bridge/state", "online")
    asked = here.asks_within(30)
    assert sorted(topic for _, topic in asked) == sorted(f"zigbee2mqtt/{name}/get" for name in names)
    first, last = asked[0][0], asked[-1][0]
    assert last - first >= 3, "ten a second"
    assert len({at for at, _ in asked}) > 30, "not all at once"


def test_a_few_that_come_back_together_are_not_asked_together():
    names = [f"d{n}" for n in range(5)]
    here = Listener(hall(**{name: claim("zigbee2mqtt", topic=f"zigbee2mqtt/{name}") for name in names}))
    here.hears("zigbee2mqtt/bridge/state", "offline")
    here.hears("zigbee2mqtt/bridge/state", "online")
    times = [at for at, _ in here.asks_within(10)]
    assert times[-1] - times[0] > 0.5, "by chance within two seconds"


def test_who_spoke_meanwhile_takes_nobodys_turn():
    spoke = [f"d{n}" for n in range(400)]
    here = Listener(hall(**{name: claim("zigbee2mqtt", topic=f"zigbee2mqtt/{name}") for name in (*spoke, "silent")}))
    here.hears("zigbee2mqtt/bridge/state", "offline")
    here.hears("zigbee2mqtt/bridge/state", "online")
    here.s = 1
    for name in spoke:
        here.zigbee(name, occupancy=True)
        assert here.zigbee(name, occupancy=False) == [reading(name, 1, presence=0.0)]
    ((at, topic),) = here.asks_within(20)
    assert (topic, at < 5) == ("zigbee2mqtt/silent/get", True)


def test_a_clock_that_is_set_back_does_not_stop_the_questions():
    here = Listener(hall(**{name: claim("zigbee2mqtt", topic=f"zigbee2mqtt/{name}") for name in ("a", "b")}))
    for at_s in (3600, 0):
        here.s = at_s
        here.hears("zigbee2mqtt/bridge/state", "offline")
        here.hears("zigbee2mqtt/bridge/state", "online")
        assert len(here.asks_within(10)) == 2


def test_whose_claim_is_gone_is_not_asked():
    here = Listener(hall(desk=claim("zigbee2mqtt", topic="zigbee2mqtt/a")))
    here.hears("zigbee2mqtt/bridge/state", "offline")
    here.hears("zigbee2mqtt/bridge/state", "online")
    here.hearing.follow([hall(desk=esp())], START)
    assert here.asks_within(10) == []


# Whom nobody claims


def test_whom_nobody_claims_is_noted_with_what_it_seems_to_be():
    here = Listener(hall(desk=esp()))
    exposes = [{"type": "binary", "property": "occupancy", "name": "occupancy", "access": 1}]
    known = {"friendly_name": "fp", "definition": {"model": "RTCZCG11LM", "vendor": "Aqara", "exposes": exposes}}
    assert here.outcome("zigbee2mqtt/bridge/devices", [known]).unclaimed == [], "a gateway is no sensor"
    payload = {"occupancy": None, "battery": 90}
    assert here.outcome("zigbee2mqtt/fp", payload) == (
        [],
        [
            Unclaimed(
                *("balai", "zigbee2mqtt/fp", "zigbee2mqtt/fp", START, 1, json.dumps(payload).encode()),
                *("zigbee2mqtt", "Aqara RTCZCG11LM", {"battery": 90.0, "occupancy": None, "presence": None}),
            )
        ],
        None,
    )
    assert here.outcome("zigbee2mqtt/fp/availability", "online").unclaimed == [], "nothing is measured"
    assert here.outcome("n/binary_sensor/occupancy/state", "ON").unclaimed == [], "it is claimed"


def test_with_several_sites_or_none_nobody_knows_whose_a_device_is():
    for sites in ((), (hall("mpp", a=esp()), hall("balai", b=esp("m")))):
        (note,) = Listener(*sites).outcome("zigbee2mqtt/fp", {"occupancy": True}).unclaimed
        assert (note.site, note.device) == ("", "zigbee2mqtt/fp")


def announcement(state_topic: str) -> dict[str, Any]:
    return {"dev_cla": "occupancy", "stat_t": state_topic, "uniq_id": "u1", "dev": {"ids": ["d1"], "mdl": "X1"}}


def test_who_announces_itself_is_noted_unless_another_convention_hears_it_speak():
    here = Listener(hall(desk=esp()))
    topic = "homeassistant/binary_sensor/d1/desk/config"
    (note,) = here.outcome(topic, announcement("attic/desk"), retain=True).unclaimed
    assert (note.convention, note.device, note.seems) == ("ha_discovery", "d1", "X1")
    for others in ("zigbee2mqtt/desk", "d1/binary_sensor/desk/state", "homie/5/d1/radar/presence"):
        assert here.outcome(topic, announcement(others), retain=True).unclaimed == []


# What was not heard


def test_while_nobody_listens_those_are_unknown_that_were_ever_heard():
    here = Listener(
        hall("balai", before=esp("m"), heard=esp(), never=esp("x"), kept=claim("chirpstack", device=EUI)),
        hall("mpp", elsewhere=esp()),
    )
    here.outcome("n/binary_sensor/occupancy/state", "ON")
    here.hears(f"application/x/device/{EUI}/event/up", uplink(0, "050001", "1"))
    seen = {("balai", "before"): START - 5 * S}
    assert here.lost(10, seen) == {
        "balai": [gone("before", 10), gone("heard", 10)],
        "mpp": [gone("elsewhere", 10)],
    }
    assert here.back(20, seen) == {
        "balai": [reading("before", 20, online=1.0), reading("heard", 20, online=1.0)],
        "mpp": [reading("elsewhere", 20, online=1.0)],
    }
    assert set(here.hearing.heard_at_once()) == {
        *(("balai", "before"), ("balai", "heard"), ("balai", "never"), ("mpp", "elsewhere"))
    }


def test_of_a_site_that_was_never_watched_nothing_is_said():
    here = Listener(hall(desk=esp()))
    here.occupancy("ON")
    assert here.hearing.lost(lambda site: None, {}) == []


def test_a_last_word_that_is_dated_ahead_does_not_bridge_the_time_in_which_nobody_listened():
    here = Listener(hall(desk=esp()))
    ahead = {("balai", "desk"): START + 240 * S}
    assert here.lost(10, ahead) == {"balai": [gone("desk", 240, plus_ms=1)]}
    assert here.back(70, ahead) == {"balai": [reading("desk", 240, plus_ms=2, online=1.0)]}


def test_a_word_at_the_very_end_of_that_time_has_a_time_of_its_own():
    here = Listener(hall(desk=esp()))
    here.occupancy("ON")
    here.lost(10)
    here.back(20)
    here.s = 20
    assert here.occupancy("OFF") == [reading("desk", 20, plus_ms=1, presence=0.0)]


def test_after_a_time_in_which_nobody_listened_all_are_asked():
    here = Listener(hall(desk=claim("zigbee2mqtt", topic="zigbee2mqtt/a")))
    here.zigbee("a", occupancy=True)
    here.lost(1)
    here.back(2)
    assert [topic for _, topic in here.asks_within(6)] == ["zigbee2mqtt/a/get"]
    assert here.zigbee("a", occupancy=True) == [reading("desk", here.s, presence=1.0)]
    assert here.asks_within(400) == [], "it answered"


def test_after_a_time_in_which_nobody_listened_no_word_of_before_counts():
    here = Listener(hall(desk=esp(), area=claim("zigbee2mqtt", topic="zigbee2mqtt/fp")))
    for zone, word in ((1, "OFF"), (2, "ON")):
        here.hears(f"n/binary_sensor/zone_{zone}_occupancy/state", word)
    here.zigbee("fp", occupancy_1=True, occupancy_2=True)
    here.lost(10)
    here.back(20)
    here.s = 21
    assert here.hears("n/binary_sensor/zone_1_occupancy/state", "OFF") == [gone("desk", 21)]
    assert here.zigbee("fp", occupancy_1=True, occupancy_2=False) == [gone("area", 21)]
    here.s = 22
    assert here.hears("n/binary_sensor/zone_2_occupancy/state", "OFF") == [reading("desk", 22, presence=0.0)]
    assert here.zigbee("fp", occupancy_1=False, occupancy_2=False) == [reading("area", 22, presence=0.0)]


def test_a_device_that_was_just_claimed_is_asked_and_no_other():
    here = Listener(hall(desk=claim("zigbee2mqtt", topic="zigbee2mqtt/old")))
    both = hall(desk=claim("zigbee2mqtt", topic="zigbee2mqtt/old"), new=claim("zigbee2mqtt", topic="zigbee2mqtt/new"))
    here.hearing.follow([both], here.now_ms)
    assert [topic for _, topic in here.asks_within(10)] == ["zigbee2mqtt/new/get"]


def test_a_profile_by_which_nothing_is_ever_understood_is_told_once(caplog: pytest.LogCaptureFixture):
    eui = "24e124535b316056"
    here = Listener(hall(desk=claim("chirpstack", device=eui, profile="elsys")))
    body = {"time": "2026-11-24T03:00:00Z", "deviceInfo": {"devEui": eui}, "fPort": 85, "data": "qqo="}
    for n in range(12):
        here.hearing.hear(here.message(f"application/a/device/{eui}/event/up", body | {"deduplicationId": str(n)}))
    said = [one.getMessage() for one in caplog.records]
    assert len(said) == 1
    assert said[0].startswith("site balai: sensor desk: its device was heard 5 times and nothing was understood by")


def test_a_fault_in_a_convention_costs_the_message_and_nothing_else(caplog: pytest.LogCaptureFixture):
    here = Listener(hall(desk=esp()))
    topic = "zigbee2mqtt/any"
    found = here.hearing.hear(here.message(topic, "x")._replace(payload=7))  # no bytes: our fault
    assert found.letter is not None
    assert found.letter.why.startswith("a fault in zigbee2mqtt: ")
    assert caplog.records[0].exc_info
    assert here.occupancy("ON") == [reading("desk", presence=1.0)]


def test_a_lorawan_device_waits_in_the_inbox_before_anybody_knows_its_profile():
    here = Listener(hall(desk=esp()))
    eui = "24e124535b316056"
    info = {"devEui": eui, "deviceName": "Meja 4", "deviceProfileName": "VS341"}
    body = {"time": "2026-11-24T03:00:00Z", "deviceInfo": info, "fPort": 85, "data": "AwAB"}
    [waiting] = here.outcome(f"application/a/device/{eui}/event/up", body).unclaimed
    assert (waiting.device, waiting.seems, waiting.values) == (eui, "Meja 4 (VS341)", {})
