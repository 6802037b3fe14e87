"""Site files: what they mean, every problem with its line, and back to text."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from presence.people import name_problem, phone_problem
from presence.site import (
    Absence,
    Agency,
    Contact,
    DatedHours,
    Duty,
    Floor,
    Gateway,
    Maintenance,
    Outlet,
    Rule,
    Sensor,
    Site,
    Source,
    Step,
)
from presence.site_file import SiteFileErrors, dump_site, parse_site
from tests.builders import outlet, sensor, site

CONFIG = Path(__file__).parents[2] / "config"
VECTORS = Path(__file__).parents[1] / "vectors" / "site_file"
MINUTE_MS = 60_000

SMALL = (VECTORS / "small.yaml").read_text()


def with_line(number: int, line: str, *more: str) -> str:
    """SMALL with `line` (and `more`) in place of its line `number`."""
    lines = SMALL.splitlines()
    return "\n".join([*lines[: number - 1], line, *more, *lines[number:]]) + "\n"


def problems(text: str) -> list[str]:
    with pytest.raises(SiteFileErrors) as refused:
        parse_site(text, "site.yaml")
    return str(refused.value).splitlines()


# What a file means


def test_a_small_file() -> None:
    assert parse_site(SMALL, "site.yaml") == site()


def test_the_example() -> None:
    example = parse_site((CONFIG / "site.example.yaml").read_text(), "site.example.yaml")
    assert example.exceptions[1] == DatedHours(
        first="2027-03-10", last="2027-03-16", service_hours="off", reason="Libur Lebaran"
    )
    assert [contact.id for contact in example.contacts] == ["pengelola", "teknisi"]
    assert [contact.id for contact in example.agencies[0].contacts] == ["koordinator-loket", "kepala-dinas", "ti-dinas"]
    assert example.outlets[0].position == (120.0, 80.0)
    assert example.outlets[0].sensors[0] == Sensor(
        id="dk1-radar",
        kind="mmwave",
        zone="staff",
        heartbeat_ms=10_000,
        source=Source(
            gateway="gw-lantai-1",
            driver="ld2410",
            port="/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0",
        ),
    )
    assert [each.stale_after_ms for each in example.outlets[0].sensors] == [30_000, 26 * 60 * MINUTE_MS, 3 * MINUTE_MS]
    assert example.duties == (Duty(id="disdukcapil-loket", outlets=("disdukcapil-1", "disdukcapil-2"), at_least=1),)
    assert example.absences == (
        Absence(outlet="imigrasi-1", from_ms=1_795_575_600_000, to_ms=1_795_579_200_000, reason="meeting"),
    )
    assert example.maintenance == (Maintenance(sensor="im1-staff", from_ms=1_795_564_800_000, to_ms=1_795_568_400_000),)
    assert example.rules["sensor_stuck"] == Rule(unchanged_ms=24 * 60 * MINUTE_MS, flaps_per_hour=60)
    assert example.escalation["people"][1] == Step(
        after_ms=20 * MINUTE_MS, to="agency", level=2, repeat_ms=30 * MINUTE_MS
    )


@pytest.mark.parametrize("off", ["off", "Off", "OFF", '"off"', "false", "no"])
def test_off_means_off_whatever_yaml_makes_of_it(off: str) -> None:
    assert parse_site(with_line(17, f"  vacancy: {off}"), "site.yaml").rules == {"vacancy": Rule(off=True)}


def test_hours_that_are_off_without_quotes() -> None:
    text = with_line(13, "    agency: dinas", "    service_hours: off")
    assert parse_site(text, "site.yaml").outlets[0].service_hours == "off"


def test_words_that_yaml_takes_for_something_else_stay_as_they_are() -> None:
    text = with_line(12, "    name: no", "    service: 12:30", "    number: 007").replace("country: ID", "country: NO")
    read = parse_site(text, "site.yaml")
    assert (read.country, read.outlets[0].name, read.outlets[0].service, read.outlets[0].number) == (
        "NO", "no", "12:30", 7,
    )  # fmt: skip


def test_a_key_without_a_value_is_left_out() -> None:
    text = with_line(13, "    agency: dinas", "    service_hours:", "    exceptions: ~", "    rules:") + "duties:\n"
    assert parse_site(text, "site.yaml") == site()


def test_a_rule_without_keys_switches_its_kind_on() -> None:
    assert parse_site(with_line(17, "  late_opening: {}"), "site.yaml").rules == {"late_opening": Rule()}


def test_an_anchor_saves_writing_the_same_twice() -> None:
    text = with_line(8, "  - id: dinas", "    service_hours: &siang 'Mo-Fr 13:00-15:00'").replace(
        "agency: dinas\n", "agency: dinas\n    service_hours: *siang\n"
    )
    assert parse_site(text, "site.yaml").outlets[0].service_hours == "Mo-Fr 13:00-15:00"


@pytest.mark.parametrize(
    ("text", "ms"),
    [("10s", 10_000), ("2m", 120_000), ("1h", 3_600_000), ("26h", 93_600_000), ("5d", 432_000_000), ("1500ms", 1500)],
)
def test_durations(text: str, ms: int) -> None:
    read = parse_site(SMALL.replace("12h", text), "site.yaml")
    assert read.outlets[0].sensors[0].stale_after_given_ms == ms


def test_a_drivers_own_settings_are_kept_as_they_are() -> None:
    config = "{unit: 1, map: {presence: [0, 1.5]}, on: true, x: ~}"
    source = f"source: {{gateway: gw, driver: modbus, port: /dev/ttyS3, config: {config}}}"
    text = SMALL.replace("stale_after: 12h", source) + "gateways: [{id: gw}]\n"
    read = parse_site(text, "site.yaml").outlets[0].sensors[0].source
    assert read is not None
    assert read.config == {"unit": 1, "map": {"presence": [0, 1.5]}, "on": True, "x": None}


@pytest.mark.parametrize(
    "channel",
    [
        "mailto://kepala@disdukcapil.example",
        "tgram://{env:TELEGRAM_TOKEN}/123456789",
        "hadir+https://:{env:SECRET}@hooks.imigrasi.example/hadir",
        "hadir+https://hooks.imigrasi.example:8443/hadir",
        "hadir+http://127.0.0.1:9000/hook",
        "hadir+http://:{env:SECRET}@localhost:9000/hook",
        "hadir+http://[::1]:9000/hook",
    ],
)
def test_channels(channel: str) -> None:
    text = with_line(9, "    name: Dinas dinas", f'    contacts: [{{name: Kepala dinas, channel: "{channel}"}}]')
    assert parse_site(text, "site.yaml").agencies[0].contacts == (
        Contact(id="kepala-dinas", name="Kepala dinas", channel=channel),
    )


# What is wrong with one


def test_all_problems_are_told_together_in_the_order_of_their_lines() -> None:
    text = SMALL.replace("dinas\n    sensors", "dinsa\n    sensors").replace("12h", "12").replace("10m", "10 menit")
    assert problems(text.replace("Asia/Jakarta", "WIB")) == [
        'site.yaml:4: site.timezone: "WIB" is no IANA time zone; write Asia/Jakarta',
        'site.yaml:13: outlets[0].agency: no agency "dinsa"; did you mean "dinas"?',
        'site.yaml:15: outlets[0].sensors[0].stale_after: "12" has no unit; write 10s, 2m or 1h',
        'site.yaml:17: rules.vacancy.after: "10 menit" is no duration; write 10s, 2m or 1h',
    ]


@pytest.mark.parametrize(
    "case", yaml.safe_load((VECTORS / "problems.yaml").read_text()), ids=lambda case: case["told"][0]
)
def test_a_mistake_is_told_with_its_line_and_a_remedy(case: dict[str, Any]) -> None:
    text = with_line(case["line"], case["text"]) if "line" in case else SMALL + case["text"] + "\n"
    assert problems(text) == case["told"]


def test_outlets_of_two_agencies_are_no_duty() -> None:
    text = SMALL.replace("    name: Dinas dinas\n", "    name: Dinas dinas\n  - {id: lain, name: Lain}\n").replace(
        "rules:", "  - {id: b-1, name: B, agency: lain}\nduties: [{id: d, outlets: [a-1, b-1]}]\nrules:"
    )
    assert problems(text) == [
        "site.yaml:18: duties[0].outlets: belong to several agencies (dinas, lain); make a duty for each agency"
    ]


def test_a_contact_of_an_agency_may_not_have_the_id_of_one_of_the_site() -> None:
    text = SMALL.replace("country: ID", "country: ID\n  contacts: [{name: TI}]").replace(
        "    name: Dinas dinas", "    name: Dinas dinas\n    contacts: [{name: TI}]"
    )
    assert problems(text) == [
        (
            'site.yaml:11: agencies[0].contacts[0].id: "ti" is taken by site.contacts[0]; '
            "give this contact an id of its own"
        )
    ]


def test_what_follows_from_another_problem_is_not_told() -> None:
    text = SMALL.replace("  - id: dinas\n", "  - id: dinas\n    short: []\n").replace(
        "stale_after: 12h", "source: {gateway: 'GW 1', driver: x, port: [1]}"
    )
    text += "absences: [{outlet: a-1, from: besok, to: 2026-11-25T11:00Z, reason: sick}]\n"
    assert [told.split(": ")[1] for told in problems(text)] == [
        "agencies[0].short",
        "outlets[0].sensors[0].source.gateway",
        "outlets[0].sensors[0].source.port",
        "absences[0].from",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", 'site.yaml:1: is empty; begin with "site:"'),
        ("# nothing yet\n", 'site.yaml:1: is empty; begin with "site:"'),
        ("hello", 'site.yaml:1: is a single value; write a mapping, "key: value"'),
        ("- a\n", 'site.yaml:1: is a list; write a mapping, "key: value"'),
        (
            "outlets: []\n",
            'site.yaml:1: site: is missing; begin with "site:" and its id, name, timezone, country, service_hours',
        ),
        ("site: 3\n", 'site.yaml:1: site: is a single value; write a mapping, "key: value"'),
        ("site:\n  name: é\x07b\n", "site.yaml:2: holds a character that YAML does not allow (U+0007); take it out"),
    ],
)
def test_text_that_is_no_site_file(text: str, problem: str) -> None:
    assert problems(text)[0] == problem


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (
            "site:\n  id: a\n\tname: b\n",
            3,
            "while scanning a plain scalar found a tab character that violates indentation",
        ),
        ("site: {id: a\noutlets: []\n", 2, "while parsing a flow mapping did not find expected ',' or '}'"),
        ("site: &a {id: x}\noutlets: *b\n", 2, "found undefined alias"),
        ("site: {}\n---\nsite: {}\n", 2, "expected a single document in the stream but found another document"),
    ],
)
def test_text_that_is_no_yaml(text: str, line: int, problem: str) -> None:
    remedy = "check indentation, colons and quotes here"
    assert problems(text) == [f"site.yaml:{line}: is no YAML: {problem}; {remedy}"]


def test_settings_of_a_driver_that_hold_themselves_are_refused() -> None:
    text = SMALL.replace("stale_after: 12h", "source: {convention: x, topic: t, config: &c {a: *c}}")
    assert "outlets[0].sensors[0].source.config: holds itself" in problems(text)[0]


def test_the_first_problem_is_where_the_error_says_it_is() -> None:
    with pytest.raises(SiteFileErrors) as refused:
        parse_site(SMALL.replace("12h", "12"), "site.yaml")
    first = refused.value.problems[0]
    assert (first.source, first.line, first.field) == ("site.yaml", 15, "outlets[0].sensors[0].stale_after")


# Back to text


def test_the_text_of_a_site() -> None:
    assert dump_site(site()) == SMALL.replace("\nagencies", "\n\nagencies").replace("\noutlets", "\n\noutlets").replace(
        "\nrules", "\n\nrules"
    )


def test_the_example_is_written_as_it_is_but_for_comments_and_defaults() -> None:
    example = parse_site((CONFIG / "site.example.yaml").read_text(), "site.example.yaml")
    text = dump_site(example)
    assert parse_site(text, "dumped.yaml") == example
    assert dump_site(parse_site(text, "dumped.yaml")) == text
    lines = text.splitlines()
    assert "  - {id: gw-lantai-1}" in lines
    assert '  - {sensor: im1-staff, from: "2026-11-25T07:00+07:00", to: "2026-11-25T08:00+07:00"}' in lines
    assert "    - {after: 20m, to: agency, level: 2, repeat: 30m}" in lines
    assert (
        "      - {id: dk1-pir, kind: pir, zone: visitor, stale_after: 26h, "
        "source: {convention: zigbee2mqtt, topic: zigbee2mqtt/pir-dk1}}"
    ) in lines


@pytest.mark.parametrize(
    "path",
    sorted((Path(__file__).parents[1] / "vectors").glob("scenarios/*/site.yaml")),
    ids=lambda path: path.parent.name,
)
def test_the_sites_of_the_scenarios_go_to_text_and_back(path: Path) -> None:
    read = parse_site(path.read_text(), path.name)
    assert parse_site(dump_site(read), "dumped.yaml") == read


def test_a_driver_setting_that_reads_off_stays_a_text() -> None:
    port = Source(gateway="gw", driver="ld2410", port="/dev/ttyUSB0", config={"light": "off", "engineering": True})
    wanted = site(outlets=[outlet("a-1", sensors=[sensor("a-1-s", source=port)])], gateways=(Gateway(id="gw"),))
    assert parse_site(dump_site(wanted), "dumped.yaml") == wanted


IDS = st.integers(0, 10**6).map(lambda number: f"id-{number}")
TEXTS = st.text(max_size=8).map(str.strip).filter(bool) | st.sampled_from(
    [
        "off",
        "NO",
        "12:30",
        "007",
        "1e3",
        "~",
        "2026-11-25",
        "a: b",
        "# a",
        "- a",
        "{a}",
        "'",
        '"',
        "a\\b",
        "Loket 1",
        "a,b",
    ]
)
DURATIONS = st.integers(1, 10**9) | st.integers(1, 5000).map(lambda minutes: minutes * MINUTE_MS)
HOURS = st.sampled_from(["off", "24/7", "Mo-Fr 08:00-12:00,13:00-15:00; PH off", "Mo-Su 22:00-06:00"])
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-100, 100).map(float)
CHANNELS = st.sampled_from(
    ["mailto://a@b.example", "hadir+https://:{env:A}@h/x", "tgram://{env:T}/1", "json://h?a=%20#b"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | TEXTS,
    lambda values: st.lists(values, max_size=2) | st.dictionaries(TEXTS, values, max_size=2),
    max_leaves=4,
)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def rule_of(kind: str) -> st.SearchStrategy[Rule]:
    keys = {name: maybe(DURATIONS | st.just(0)) for name in ("after_ms", "min_presence_ms", "unknown_after_ms")}
    if kind == "sensor_stuck":
        keys |= {"unchanged_ms": maybe(DURATIONS), "flaps_per_hour": maybe(st.integers(1, 1000))}
    if kind == "low_battery":
        keys |= {"at_most": maybe(NUMBERS)}
    return st.just(Rule(off=True)) | st.builds(Rule, **keys)


RULES = st.fixed_dictionaries(
    {}, optional={kind: rule_of(kind) for kind in ("vacancy", "late_opening", "sensor_stuck", "low_battery")}
)
EXCEPTIONS = st.builds(
    lambda days, hours, reason: (
        DatedHours(first=min(days).isoformat(), last=max(days).isoformat(), service_hours=hours, reason=reason),
    ),
    st.tuples(st.dates(), st.dates()),
    HOURS,
    maybe(TEXTS),
)
NAMES = TEXTS.filter(lambda text: name_problem(text) is None)
PHONES = st.from_regex(r"\+?[0-9(][0-9 ()./-]{1,12}[0-9]{3}", fullmatch=True).filter(
    lambda text: phone_problem(text) is None
)
CONTACTS = st.builds(
    Contact, id=IDS, name=NAMES, role=st.sampled_from(["contact", "technician"]), level=st.integers(1, 9),
    channel=maybe(CHANNELS), phone=maybe(PHONES),
).map(lambda contact: (contact,))  # fmt: skip
SENSORS = st.builds(
    Sensor, id=st.just("s"), kind=st.sampled_from(["direct", "pir"]), zone=st.sampled_from(["staff", "equipment"]),
    heartbeat_ms=maybe(DURATIONS), stale_after_given_ms=maybe(DURATIONS),
    source=st.none()
    | st.builds(Source, convention=IDS, topic=TEXTS, device=maybe(TEXTS), presence=maybe(TEXTS), profile=maybe(IDS))
    | st.builds(
        Source, gateway=st.just("gw"), driver=IDS, port=TEXTS.map("/dev/{}".format),
        baud=maybe(st.integers(1, 10**6)), part=maybe(TEXTS),
        config=maybe(st.dictionaries(TEXTS, JSON, max_size=3)), thinning_ms=maybe(DURATIONS),
    ),
).map(lambda one: (one,))  # fmt: skip
OUTLETS = st.builds(
    Outlet, id=st.just("o"), name=TEXTS, agency=st.just("a"), number=maybe(st.integers(0, 999)), service=maybe(TEXTS),
    floor=maybe(st.integers(-3, 30)), position=maybe(st.tuples(NUMBERS, NUMBERS)), service_hours=maybe(HOURS),
    exceptions=EXCEPTIONS, rules=RULES, sensors=SENSORS,
)  # fmt: skip
AGENCIES = st.builds(
    Agency, id=st.just("a"), name=TEXTS, short=maybe(TEXTS), service_hours=maybe(HOURS), exceptions=EXCEPTIONS,
    rules=RULES, contacts=CONTACTS,
)  # fmt: skip
STEPS = st.builds(
    Step, after_ms=DURATIONS | st.just(0), to=st.sampled_from(["agency", "technician"]),
    level=maybe(st.integers(1, 9)), repeat_ms=maybe(DURATIONS),
)  # fmt: skip
BEGINS = st.integers(0, 4_000_000_000_000)
SITES = st.builds(
    Site, id=IDS, name=TEXTS, country=st.sampled_from(["ID", "DE", "NO"]), service_hours=HOURS,
    timezone=st.sampled_from(["Asia/Jakarta", "Asia/Jayapura", "Europe/Berlin", "Etc/UTC"]),
    cuti_bersama=st.booleans(), homeassistant=st.booleans(), exceptions=EXCEPTIONS,
    floors=st.builds(Floor, floor=st.integers(-3, 9), plan=maybe(TEXTS)).map(lambda floor: (floor,)),
    gateways=st.builds(Gateway, id=st.just("gw"), name=maybe(TEXTS), thinning_ms=maybe(DURATIONS)).map(
        lambda gateway: (gateway,)
    ),
    agencies=AGENCIES.map(lambda agency: (agency,)), outlets=OUTLETS.map(lambda counter: (counter,)),
    duties=st.builds(Duty, id=st.just("d"), outlets=st.just(("o",)), rules=RULES).map(lambda duty: (duty,)),
    absences=st.builds(
        lambda begin, note: (Absence(outlet="o", from_ms=begin, to_ms=begin + 1, reason="other", note=note),),
        BEGINS, maybe(TEXTS),
    ),
    maintenance=st.builds(
        lambda begin, reason: (Maintenance(gateway="gw", from_ms=begin, to_ms=begin + MINUTE_MS, reason=reason),),
        BEGINS, maybe(TEXTS),
    ),
    rules=RULES,
    escalation=st.fixed_dictionaries(
        {}, optional={"people": st.lists(STEPS, max_size=2).map(tuple), "site": st.just(())}
    ),
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(SITES)
def test_any_site_goes_to_text_and_back(any_site: Site) -> None:
    assert parse_site(dump_site(any_site), "dumped.yaml") == any_site
