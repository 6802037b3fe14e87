"""Home Assistant takes what is announced, and what it shows of our messages is never more than is known."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined

from presence.announcement import Platform, announced, announcement, config_topic, parse_config_topic, state_topics
from presence.instants import parse_instant
from presence.site import Outlet, Site, ZoneName
from presence.status import Occupancy, OutletStatus, Status, occupancy_message
from tests.builders import outlet, sensor, site

FACTS = json.loads((Path(__file__).parents[1] / "vectors/conventions/homeassistant_facts.json").read_text("utf-8"))
SLUGS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,12}", fullmatch=True)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
ZONES: tuple[ZoneName, ...] = get_args(ZoneName)


def long(found: Mapping[str, Any], rules: Mapping[str, Any]) -> dict[str, Any]:
    """`found` with Home Assistant's long keys."""
    names = {short: name for name, short in rules["short"].items()}
    return {names.get(key, key): value for key, value in found.items()}


def wrong(topic: str, payload: bytes) -> list[str]:
    """Why Home Assistant would drop the message, or a part of it."""
    return list(_wrong(topic, json.loads(payload)))


def _wrong(topic: str, body: dict[str, Any]) -> Iterator[str]:
    if not re.fullmatch(FACTS["topic_pattern"], topic):
        yield f"topic {topic}"
    message = long(body, FACTS["message"])
    yield from _keys("message", message, FACTS["message"])
    device, origin = long(message["device"], FACTS["device"]), long(message["origin"], FACTS["origin"])
    yield from _keys("device", device, FACTS["device"])
    yield from _keys("origin", origin, FACTS["origin"])
    if not device.keys() & set(FACTS["device"]["required_one_of"]):
        yield "device without identity"
    for url in (device.get("configuration_url"), origin.get("support_url")):
        if url is not None and not url.startswith(("http://", "https://")):
            yield f"url {url}"
    for entry in message["availability"]:
        yield from _keys("availability", long(entry, FACTS["availability_entry"]), FACTS["availability_entry"])
    if message["availability_mode"] not in FACTS["availability_mode"]:
        yield f"mode {message['availability_mode']}"
    inherited = {key: message[key] for key in FACTS["message"]["inherited_by_components"] if key in message}
    for name, component in message["components"].items():
        if component.keys() == {"p"}:
            continue
        yield from _wrong_component(name, inherited | long(component, FACTS["platforms"][component["p"]]))
    identities = [(one["p"], one["uniq_id"]) for one in message["components"].values() if "uniq_id" in one]
    if len(identities) != len(set(identities)):
        yield "two entities of one identity"


def _wrong_component(name: str, component: dict[str, Any]) -> Iterator[str]:
    rules = FACTS["platforms"][component["platform"]]
    if lacking := set(rules["required_after_inheritance"]) - component.keys():
        yield f"{name}: lacks {lacking}"
    if unknown := component.keys() - set(rules["allowed"]):
        yield f"{name}: {unknown} are dropped"
    if component.keys() & {"object_id", "default_entity_id"}:
        yield f"{name}: names its own entity"
    if component["device_class"] not in rules["device_classes"]:
        yield f"{name}: class {component['device_class']}"
    if component.get("entity_category") not in (None, *FACTS["entity_category"][component["platform"]]):
        yield f"{name}: category"
    if component["qos"] not in FACTS["qos"]:
        yield f"{name}: qos"
    if (component["device_class"] == "enum") != bool(component.get("options")):
        yield f"{name}: options"
    if component.keys() & {"unit_of_measurement", "state_class", "expire_after", "force_update", "off_delay"}:
        yield f"{name}: has what it must not"
    if FACTS["unknown_payload"] in (component.get("payload_on"), component.get("payload_off")):
        yield f"{name}: unknown is a state"


def _keys(where: str, found: Mapping[str, Any], rules: Mapping[str, Any]) -> Iterator[str]:
    if unknown := found.keys() - set(rules["allowed"]):
        yield f"{where}: {unknown} have it dropped"
    if lacking := set(rules.get("required", ())) - found.keys():
        yield f"{where}: lacks {lacking}"


@st.composite
def outlets(draw: st.DrawFn) -> Outlet:
    ids = draw(st.lists(SLUGS, max_size=5, unique=True))
    return outlet(
        draw(SLUGS),
        name=draw(NAMES),
        service=draw(st.none() | NAMES),
        floor=draw(st.none() | st.integers(-3, 60)),
        sensors=[sensor(one, zone=draw(st.sampled_from(ZONES))) for one in ids],
    )


URLS = st.sampled_from([None, "https://hadir.example", "http://10.0.0.2:8080"])
GONE: st.SearchStrategy[dict[str, Platform]] = st.dictionaries(
    SLUGS.map("sensor_{}".format) | st.sampled_from(["visitor", "staff"]), st.just("binary_sensor"), max_size=3
)


@given(SLUGS, outlets(), st.sampled_from(["id", "en"]), URLS, GONE)
def test_home_assistant_takes_what_is_announced(
    site_id: str, one: Outlet, language: Any, url: str | None, gone: dict[str, Platform]
) -> None:
    topic, payload = announcement(site(id=site_id, outlets=[one]), one, language, url, "1.0.0", gone)
    assert wrong(topic, payload) == []
    body = json.loads(payload)
    assert payload == json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert parse_config_topic(topic) == (site_id, one.id)
    assert ("cu" in body["dev"], "url" in body["o"]) == (url is not None, url is not None)
    assert all(one["qos"] == 1 for one in body["cmps"].values() if "uniq_id" in one)
    watched = {sensor.zone for sensor in one.sensors}
    expected = {"status", "empty_since"} | {f"sensor_{sensor.id}" for sensor in one.sensors}
    expected |= ({"staff", "staff_sensing"} if "staff" in watched else set()) | ({"visitor"} & watched)
    assert announced(payload).keys() == expected
    assert body["cmps"].keys() - expected == gone.keys() - expected
    read = {component.get("stat_t", body["stat_t"]) for component in body["cmps"].values() if "uniq_id" in component}
    assert read == set(state_topics(site_id, one))


@given(st.text(max_size=40) | SLUGS.map("homeassistant/device/hadir-{}/x/y/config".format))
def test_another_topic_is_no_announcement_of_ours(topic: str) -> None:
    assert parse_config_topic(topic) is None


def test_the_example_of_the_documents_to_the_letter() -> None:
    sensors = [sensor("dk1-radar", kind="mmwave"), sensor("dk1-pir", kind="pir", zone="visitor")]
    one = outlet("disdukcapil-1", name="Loket 1", service="KTP-el", floor=1, sensors=sensors)
    topic, payload = announcement(site(id="mpp-contoh", outlets=[one]), one, "id", "https://hadir.example", "1.0.0")
    assert topic == "homeassistant/device/hadir-mpp-contoh/disdukcapil-1/config"
    body = json.loads(payload)
    components = body.pop("cmps")
    assert body == {
        "dev": {
            "ids": ["hadir.mpp-contoh.disdukcapil-1"],
            "name": "Loket 1 — KTP-el",
            "mf": "Hadir",
            "mdl": "outlet",
            "sa": "Lantai 1",
            "sw": "1.0.0",
            "cu": "https://hadir.example/sites/mpp-contoh/outlets/disdukcapil-1",
        },
        "o": {"name": "hadir", "sw": "1.0.0", "url": "https://hadir.example/"},
        "avty": [{"t": "hadir/1/mpp-contoh/collector/status", "val_tpl": "{{ value_json.state }}"}],
        "avty_mode": "all",
        "stat_t": "hadir/1/mpp-contoh/outlet/disdukcapil-1/occupancy",
    }
    told = {name: (one["p"], one["uniq_id"], one["name"], one["dev_cla"]) for name, one in components.items()}
    of_device = "hadir.mpp-contoh.disdukcapil-1"
    assert told == {
        "staff": ("binary_sensor", f"{of_device}.staff", "Petugas", "occupancy"),
        "visitor": ("binary_sensor", f"{of_device}.visitor", "Pengunjung", "occupancy"),
        "status": ("sensor", f"{of_device}.status", "Status", "enum"),
        "empty_since": ("sensor", f"{of_device}.empty_since", "Kosong sejak", "timestamp"),
        "staff_sensing": ("binary_sensor", f"{of_device}.staff_sensing", "Pengindraan petugas", "problem"),
        "sensor_dk1-radar": ("binary_sensor", f"{of_device}.sensor.dk1-radar", "Sensor dk1-radar", "problem"),
        "sensor_dk1-pir": ("binary_sensor", f"{of_device}.sensor.dk1-pir", "Sensor dk1-pir", "problem"),
    }
    assert components["staff"]["val_tpl"] == (
        "{{ {'occupied':'ON','vacant':'OFF'}.get(((value_json.zones|default({})).staff|default({})).state"
        "|default('unknown'),'None') }}"
    )
    assert components["sensor_dk1-radar"]["stat_t"] == "hadir/1/mpp-contoh/sensor/dk1-radar/health"
    diagnostic = {name for name, one in components.items() if one.get("ent_cat") == "diagnostic"}
    assert diagnostic == {"staff_sensing", "sensor_dk1-radar", "sensor_dk1-pir"}
    assert set(components["status"]["ops"]) == set(get_args(Status)), "a word that is not there is ignored"


def test_what_was_announced_is_read_back_whatever_it_is() -> None:
    one = outlet(sensors=[sensor("s")])
    _, payload = announcement(site(outlets=[one]), one, "id", None, "1", {"sensor_old": "binary_sensor"})
    assert announced(payload).keys() == {"status", "empty_since", "staff", "staff_sensing", "sensor_s"}
    for odd in (
        b"",
        b"[]",
        b"\xff",
        b'{"cmps":1}',
        b'{"cmps":{"a":1}}',
        b'{"cmps":{"a":{"uniq_id":7}}}',
        b"[" * 10_000,
    ):
        assert announced(odd) == {}
    strange = (
        b'{"cmps":{"a":{"p":"light","uniq_id":"hadir.x"},"b":{"p":"sensor","uniq_id":"other"},"c":{"p":"sensor"}}}'
    )
    assert announced(strange) == {}


# What the templates make of our messages

ENVIRONMENT = Environment(undefined=StrictUndefined)  # noqa: S701 -- no HTML
SITE = site(outlets=[outlet(sensors=[sensor("s"), sensor("v", zone="visitor")])])
COMPONENTS = json.loads(announcement(SITE, SITE.outlets[0], "id", None, "1")[1])["cmps"]


def rendered(name: str, message: Any) -> str:
    # Home Assistant sees the parsed JSON.
    template = ENVIRONMENT.from_string(COMPONENTS[name]["val_tpl"])
    return template.render(value_json=json.loads(json.dumps(message)))


STATES = st.sampled_from(["occupied", "vacant", "unknown"])
INSTANTS = st.none() | st.integers(1_700_000_000_000, 1_900_000_000_000)
OCCUPANCIES = st.builds(Occupancy, STATES, st.floats(0, 1), INSTANTS, INSTANTS)
STATUSES = st.builds(
    OutletStatus, st.sampled_from(get_args(Status)), INSTANTS, INSTANTS, st.sampled_from([None, "break"])
)
MESSAGES = st.builds(
    occupancy_message,
    st.just("balai"),
    st.just("a-1"),
    STATUSES,
    st.dictionaries(st.sampled_from(ZONES), OCCUPANCIES),
    st.just(1_795_000_000_000),
)


@given(MESSAGES)
def test_every_occupancy_is_shown_as_far_as_it_is_known(message: dict[str, Any]) -> None:
    shown = {"occupied": "ON", "vacant": "OFF", "unknown": "None"}
    for zone in ("staff", "visitor"):
        state = message["zones"].get(zone, {}).get("state", "unknown")
        assert rendered(zone, message) == shown[state]
    known = message["zones"].get("staff", {}).get("state", "unknown") != "unknown"
    assert rendered("staff_sensing", message) == ("OFF" if known else "ON")
    status = message["status"]
    assert rendered("status", message) == ("None" if status == "unknown" else status)
    assert status in COMPONENTS["status"]["ops"]
    since = rendered("empty_since", message)
    if status in ("vacant", "unattended") and message["since"] is not None:
        assert (since, since[-1]) == (message["since"], "Z"), "a time without its offset is an error"
        parse_instant(since)
    else:
        assert since == "None"


@pytest.mark.parametrize("message", [{}, {"zones": {}}, {"zones": {"staff": {}}}, {"zones": {"equipment": {}}}])
def test_what_a_message_does_not_say_is_unknown(message: dict[str, Any]) -> None:
    for name in ("staff", "visitor", "status", "empty_since", "sensor_s"):
        assert rendered(name, message) == "None"
    assert rendered("staff_sensing", message) == "ON"


@pytest.mark.parametrize(
    ("state", "shown"), [("fresh", "OFF"), ("stale", "ON"), ("offline", "ON"), ("stuck", "ON"), ("other", "None")]
)
def test_a_sensor_in_trouble_is_a_problem_and_stays_available(state: str, shown: str) -> None:
    assert rendered("sensor_s", {"state": state}) == shown


def test_a_site_is_subscribed_to_by_its_own_name() -> None:
    assert config_topic("balai", "+") == "homeassistant/device/hadir-balai/+/config"


def test_a_site_without_service_and_floor_says_neither() -> None:
    bare: Site = site()
    body = json.loads(announcement(bare, bare.outlets[0], "id", None, "1")[1])
    assert body["dev"] == {"ids": ["hadir.balai.a-1"], "name": "Loket a-1", "mf": "Hadir", "mdl": "outlet", "sw": "1"}
