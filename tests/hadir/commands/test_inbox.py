"""`hadir inbox` as technicians call it; what stands in the inbox was written by strangers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hadir.cli import main
from presence.site import Sensor, Source
from presence.site_file import dump_sensor, dump_site, parse_site
from storage.record import Record
from storage.record.aside import Unclaimed, forget_unclaimed, note_unclaimed, unclaimed_devices
from storage.record.registry import EVER, apply, load_site, versions
from tests.builders import outlet, site

C_1 = Unclaimed("balai", "c-1", "hadir/1/balai/sensor/c-1/readings", 1_764_000_000_000, 3, b"[]")
NODE = Unclaimed(
    "", "esp-im1", "esp-im1/binary_sensor/radar/state", 1_764_000_060_000, 7, b"ON", "esphome", "LD2410",
    {"distance": 1.25, "binary_sensor/radar": 1.0, "binary_sensor/moving": 0.0},
)  # fmt: skip
EVIL = NODE._replace(device="ev\x1b[2Jil\u202e", topic="ev\x1b[2Jil", seems="\x9b31m", at_ms=1_764_000_030_000)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def record(record_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The record with a site of two outlets and three devices in the inbox."""
    monkeypatch.setenv("HADIR_DATA", str(tmp_path))
    monkeypatch.setenv("HADIR_RECORD", record_url)
    with Record.open(record_url) as record:
        with record.writing() as connection:
            apply(connection, site(outlets=[outlet(), outlet("b-1")]), prune=False, now_ms=0)
            note_unclaimed(connection, [C_1, NODE, EVIL])
        yield record


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        return main(["inbox", *words]), *capsys.readouterr()

    return run


def sensors(record: Record, outlet_id: str) -> dict[str, Sensor]:
    with record.reading() as connection:
        stored = load_site(connection, "balai", declared_from_ms=EVER)
    assert stored is not None
    return {sensor.id: sensor for one in stored.outlets if one.id == outlet_id for sensor in one.sensors}


def test_the_list_names_each_device_and_hides_no_control_character(record: Record, run: Run) -> None:
    status, out, err = run("list")
    assert (status, err) == (0, "")
    assert out.replace("\n", "").isprintable()
    head, node, evil, c_1 = out.splitlines()
    assert head.split() == ["device", "convention", "site", "seems", "heard", "last", "messages"]
    assert node.split()[:3] == ["esp-im1", "esphome", "LD2410"]
    assert "binary_sensor/radar true, binary_sensor/moving …" in node
    assert node.endswith("2025-11-24T16:01:00.000Z         7")
    assert evil.startswith("ev\\x1b[2Jil\\u202e  esphome")
    assert c_1.split()[:3] == ["c-1", "native", "balai"]


def test_programs_have_it_as_json_lines(record: Record, run: Run) -> None:
    _, out, _ = run("list", "--json")
    node, evil, c_1 = map(json.loads, out.splitlines())
    assert node == {
        "device": "esp-im1", "convention": "esphome", "site": None, "topic": NODE.topic, "seems": "LD2410",
        "values": {"distance": 1.25, "binary_sensor/radar": True, "binary_sensor/moving": False},
        "first": "2025-11-24T16:01:00.000Z", "last": "2025-11-24T16:01:00.000Z", "messages": 7,
    }  # fmt: skip
    assert (evil["device"], c_1["site"]) == (EVIL.device, "balai")
    assert out.replace("\n", "").isprintable()


def test_a_native_device_becomes_the_sensor_of_its_id(record: Record, run: Run) -> None:
    status, out, _ = run("claim", "c-1", "--outlet", "a-1", "--zone", "visitor", "--kind", "mmwave")
    assert status == 0
    assert out.splitlines() == [
        "+ sensor c-1: outlet a-1, kind mmwave, zone visitor",
        "balai: 1 change",
        "Write it into the site file too, below `sensors:` of outlet a-1; else `hadir site apply --prune`",
        "takes it out again:",
        "      - {id: c-1, kind: mmwave, zone: visitor}",
    ]
    assert sensors(record, "a-1")["c-1"] == Sensor(id="c-1", kind="mmwave", zone="visitor")
    with record.reading() as connection:
        assert (versions(connection), unclaimed_devices(connection)) == ({"balai": 2}, 2)


def test_a_device_of_a_convention_is_claimed_by_its_source(record: Record, run: Run) -> None:
    words = (
        "claim", "esp-im1", "--outlet", "balai/b-1", "--zone", "staff", "--presence", "binary_sensor/radar",
        "--heartbeat", "30s", "--stale-after", "5m",
    )  # fmt: skip
    status, out, err = run(*words)
    assert (status, err) == (0, "")
    source = Source(convention="esphome", topic="esp-im1", presence="binary_sensor/radar")
    made = Sensor(
        id="esp-im1-binary-sensor-radar", kind="direct", zone="staff", heartbeat_ms=30_000,
        stale_after_given_ms=300_000, source=source,
    )  # fmt: skip
    assert sensors(record, "b-1")[made.id] == made
    assert out.splitlines()[-1] == f"      {dump_sensor(made)}"


def test_the_line_for_the_site_file_makes_the_same_registry(record: Record, run: Run, tmp_path: Path) -> None:
    text = dump_site(site(outlets=[outlet(), outlet("b-1", sensors=[])]))
    _, out, _ = run("claim", EVIL.device, "--outlet", "b-1", "--zone", "staff", "--sensor", "x")
    line = out.splitlines()[-1]
    head, _, tail = text.partition("id: b-1")
    outlet_line, _, rest = tail.partition("\n")
    written = parse_site(f"{head}id: b-1{outlet_line}\n    sensors:\n{line}\n{rest}", "site.yaml")
    assert written.outlets[1].sensors == (sensors(record, "b-1")["x"],)


def test_a_dry_run_changes_nothing(record: Record, run: Run) -> None:
    status, out, _ = run("claim", "c-1", "--outlet", "a-1", "--zone", "staff", "--dry-run")
    assert (status, "balai: 1 change, nothing written (--dry-run)" in out) == (0, True)
    assert "c-1" not in sensors(record, "a-1")
    with record.reading() as connection:
        assert (versions(connection), unclaimed_devices(connection)) == ({"balai": 1}, 3)


def test_what_was_not_heard_yet_is_said(record: Record, run: Run) -> None:
    assert run("claim", "c-1", "--outlet", "a-1", "--zone", "staff")[2] == (
        "it has not spoken of presence yet: until it does, it is unknown\n"
    )
    _, _, err = run(
        "claim", "esp-im1", "--outlet", "a-1", "--zone", "staff", "--presence", "binary_sensor/r", "--sensor", "n"
    )
    heard = "binary_sensor/radar, binary_sensor/moving"
    assert err == f'"binary_sensor/r" was not heard of it yet; of presence were heard: {heard}\n'


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["c-2"], 'no device "c-2" waits in the inbox; did you mean "c-1"?'),
        (["c-1", "--convention", "esphome"], '--convention: "c-1" does not speak esphome; write one of native'),
        (["c-1", "--outlet", "a-2"], '--outlet: no outlet "a-2" at site balai; did you mean "a-1"?'),
        (["c-1", "--outlet", "balay/a-1"], '--outlet: no site "balay"; did you mean "balai"?'),
        (["lumi-7", "--outlet", "other/z-1"], '--outlet: no site "other"; write one of balai'),
        (["esp-im1", "--outlet", "balay/a-1"], '--outlet: no site "balay"; did you mean "balai"?'),
        (["c-1", "--sensor", "x"], '--sensor: a device on native topics is known by its own id, "c-1"; leave --sensor'),
        (["c-1", "--part", "x"], "--part: means nothing for a device on native topics; leave it out"),
        (["c-1", "--heartbeat", "10"], '--heartbeat: "10" has no unit; write 10s, 2m or 1h'),
        (["esp-im1", "--sensor", "a-1-s"], '--sensor: "a-1-s" is a sensor of outlet a-1 already; give another id'),
        (["esp-im1", "--sensor", "A 1"], '--sensor: "A 1" '),
        (["esp-im1", "--profile", "vs330"], "esp-im1: source "),
        (["esp-im1", "--source-config", '{"x": 1}'], "esp-im1: source "),
        (["esp-im1", "--source-config", "[]"], "--source-config: Expected `object`, got `array`; write a JSON object"),
        (["c-1", "--source-config", "{}"], "--source-config: means nothing for a device on native topics; leave it"),
        (["a-1-s"], '"a-1-s" is a sensor of outlet balai/a-1 already; change it in the site file'),
    ],
)
def test_wrong_use_is_one_line_and_status_2(words: list[str], says: str, record: Record, run: Run) -> None:
    place = [] if "--outlet" in words else ["--outlet", "a-1"]
    status, out, err = run("claim", *words, *place, "--zone", "staff")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"hadir inbox claim: {says}")
    with record.reading() as connection:
        assert (versions(connection), unclaimed_devices(connection)) == ({"balai": 1}, 3)


def test_a_device_that_speaks_on_change_is_taken_at_its_word_for_an_hour(record: Record, run: Run) -> None:
    radar = ("--outlet", "b-1", "--zone", "staff", "--presence", "binary_sensor/radar")
    _, out, _ = run("claim", "esp-im1", *radar)
    assert "stale_after 1h" in out.splitlines()[0]
    assert "stale_after: 1h" in out.splitlines()[-1]
    _, out, _ = run("claim", EVIL.device, *radar, "--sensor", "x", "--heartbeat", "30s")
    assert "stale_after" not in out
    made = sensors(record, "b-1")
    assert [made[name].stale_after_ms for name in ("esp-im1-binary-sensor-radar", "x")] == [3_600_000, 90_000]


MOVING = ("--outlet", "a-1", "--zone", "visitor", "--presence", "binary_sensor/moving")


def test_a_device_may_become_several_sensors(record: Record, run: Run) -> None:
    run("claim", "esp-im1", "--outlet", "b-1", "--zone", "staff", "--presence", "binary_sensor/radar")
    status, out, err = run("claim", "esp-im1", *MOVING)
    assert (status, out.splitlines()[1]) == (0, "balai: 1 change")
    source = Source(convention="esphome", topic="esp-im1", presence="binary_sensor/moving")
    assert sensors(record, "a-1")["esp-im1-binary-sensor-moving"].source == source
    assert err == (
        "it is a sensor already, and what a claimed device says is not kept in the inbox: see that the name is one of "
        'its own: "binary_sensor/moving"\n'
    )


def test_but_no_part_of_it_two_sensors(record: Record, run: Run) -> None:
    run("claim", "esp-im1", "--sensor", "x", *MOVING)
    taken = 'hadir inbox claim: "esp-im1" is sensor x of site balai already, by "binary_sensor/moving"; name another '
    for words in ((), ("--sensor", "y"), ("--convention", "esphome")):
        status, out, err = run("claim", "esp-im1", *MOVING, *words)
        assert (status, out, err.startswith(taken)) == (2, "", True)
    assert run("claim", "esp-im1", "--outlet", "a-1", "--zone", "staff")[0] == 0
    _, _, err = run("claim", "esp-im1", "--outlet", "b-1", "--zone", "staff")
    assert err.startswith('hadir inbox claim: "esp-im1" is sensor esp-im1 of site balai already, as a whole; name ')
    _, _, err = run("claim", "esp-im1", *MOVING, "--convention", "tasmota")
    assert err.startswith('hadir inbox claim: no device "esp-im1" waits in the inbox')


PLUS = C_1._replace(site="", device="shellyplus1-a8", convention="shelly", values={"input:0": 1.0})


def test_a_config_goes_into_the_source_and_holds_for_all_sensors_of_the_device(record: Record, run: Run) -> None:
    with record.writing() as connection:
        note_unclaimed(connection, [PLUS])
    place = ("--outlet", "b-1", "--zone", "staff")
    first = '{"input:0": "occupancy"}'
    _, out, _ = run("claim", PLUS.device, *place, "--part", "input:0", "--source-config", first)
    assert "config: {'input:0': occupancy}" in out.splitlines()[-1]
    run("claim", PLUS.device, *place, "--part", "input:1", "--source-config", '{"input:1": "occupancy"}')
    made = sensors(record, "b-1")
    assert [made[f"shellyplus1-a8-input-{n}"].source.config for n in (0, 1)] == [  # type: ignore[union-attr]
        {"input:0": "occupancy"},
        {"input:0": "occupancy", "input:1": "occupancy"},
    ]


def test_a_config_cannot_make_it_another_device(record: Record, run: Run) -> None:
    with record.writing() as connection:
        note_unclaimed(connection, [PLUS._replace(device="zigbee2mqtt/lumi-7", convention="zigbee2mqtt")])
    words = ("claim", "zigbee2mqtt/lumi-7", "--outlet", "a-1", "--zone", "staff")
    status, _, err = run(*words, "--source-config", '{"base": "hall/z2m"}')
    assert (status, err.count("\n")) == (2, 1)
    assert run(*words)[0] == 0


NO_WHOLE = "of the device as a whole no presence was heard yet: until it is, it is unknown"


@pytest.mark.parametrize(
    ("values", "words", "says"),
    [
        ({"distance": 1.0}, (), "it has not spoken of presence yet: until it does, it is unknown"),
        (
            {"motion": 1.0},
            (),
            f"{NO_WHOLE}; it speaks of motion: one of them by --presence or --part?",
        ),
        ({"presence": None}, (), 'it says of "presence" that it is unknown: until it says more, so is the sensor'),
        (
            {"presence": 1.0, "distance": 1.0},
            ("--presence", "distance"),
            '"distance" tells no presence; of presence were heard: presence',
        ),
        ({"presence": 0.0}, (), ""),
    ],
)
def test_what_is_no_verdict_yet_is_said(
    values: dict[str, float | None], words: tuple[str, ...], says: str, record: Record, run: Run
) -> None:
    with record.writing() as connection:
        note_unclaimed(connection, [PLUS._replace(device="zigbee2mqtt/p", convention="zigbee2mqtt", values=values)])
    status, _, err = run("claim", "zigbee2mqtt/p", "--outlet", "a-1", "--zone", "staff", *words)
    assert (status, err) == (0, f"{says}\n" if says else "")


def test_a_name_that_two_conventions_have_must_be_told_apart(record: Record, run: Run) -> None:
    with record.writing() as connection:
        note_unclaimed(connection, [C_1._replace(site="", convention="tasmota")])
    _, _, err = run("claim", "c-1", "--outlet", "a-1", "--zone", "staff")
    assert err == 'hadir inbox claim: "c-1" is 2 devices; say which by --convention: native, tasmota\n'
    assert run("claim", "c-1", "--outlet", "a-1", "--zone", "staff", "--convention", "native")[0] == 0


def test_an_empty_inbox_says_so(run: Run, record: Record) -> None:
    with record.writing() as connection:
        for one in (C_1, NODE, EVIL):
            forget_unclaimed(connection, one.site, one.convention, one.device)
    assert run("list") == (0, "no device waits in the inbox\n", "")
    assert run("list", "--json") == (0, "", "")
    says = "hadir inbox claim: no device waits in the inbox; see that the collector runs, and hears it\n"
    assert run("claim", "c-1", "--outlet", "a-1", "--zone", "staff") == (2, "", says)
