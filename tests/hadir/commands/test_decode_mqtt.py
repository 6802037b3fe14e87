"""`hadir decode mqtt`: one payload, a payloads file, and what is said of bad ones."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from collector.conventions import CONVENTIONS
from hadir.cli import main
from tests.collector.conventions.payload_vectors import PAYLOADS, convention_for, message_of, said

FILE = Path(__file__).parents[2] / "vectors" / "conventions" / "payloads.json"
NOTHING = "understood, but nothing in it speaks of presence or a quantity"
UP = "application/1/device/24e124128a123456/event/up"
DDATA = "spBv1.0/Outlets/DDATA/gw-kl-01/counter-1"
READINGS = "hadir/1/mpp/sensor/c-1/readings"
PACK = b'[{"n":"presence","vb":true},{"n":"distance","u":"m","v":1.2}]'


def decode(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[dict[str, Any]], str]:
    """Exit status, the lines printed, and what was said on stderr."""
    status = main(["decode", "mqtt", *words])
    printed, said = capsys.readouterr()
    return status, [json.loads(line) for line in printed.splitlines()], said


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Any:
    def give(payload: bytes) -> None:
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(payload)))

    return give


def test_a_payload_of_a_file_gives_a_line_a_reading(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p").write_bytes(
        b'[{"bn":"c-1/","bt":1764000000,"n":"presence","vb":true},{"bn":"c-2/","n":"co2","v":9}]'
    )
    words = ("--topic", "hadir/1/mpp/gateway/g-1/readings", "--convention", "native", str(tmp_path / "p"))
    time = "2025-11-24T16:00:00.000Z"
    assert decode(capsys, *words) == (
        0,
        [
            {"values": {"presence": True}, "device": "c-1", "time": time},
            {"values": {"co2": 9}, "device": "c-2", "time": time},
        ],
        "",
    )


def test_standard_input_and_a_convention_that_the_topic_tells(given: Any, capsys: pytest.CaptureFixture[str]) -> None:
    given(PACK)
    values = {"presence": True, "distance": 1.2}
    assert decode(capsys, "--topic", READINGS) == (
        0,
        [{"values": values, "device": "c-1", "convention": "native"}],
        "",
    )


def test_a_retained_payload_without_a_time_says_nothing(given: Any, capsys: pytest.CaptureFixture[str]) -> None:
    given(PACK)
    status, lines, hint = decode(capsys, "--topic", READINGS, "--retain")
    assert (status, lines, hint) == (0, [], f"{NOTHING}; a retained message without a time is no evidence\n")


def test_a_status_says_who_is_there(given: Any, capsys: pytest.CaptureFixture[str]) -> None:
    given(b'{"state":"offline","since":"2026-11-24T03:12:07.250Z"}')
    line = {"values": {}, "device": "g-1", "time": "2026-11-24T03:12:07.250Z", "online": False, "convention": "native"}
    assert decode(capsys, "--topic", "hadir/1/mpp/gateway/g-1/status") == (0, [line], "")


def test_a_damaged_payload_says_what_is_wrong_with_it(given: Any, capsys: pytest.CaptureFixture[str]) -> None:
    given(b'[{"n":"presence"\n')
    status, [line], hint = decode(capsys, "--topic", READINGS)
    assert (status, line.keys(), line["offset"], hint) == (0, {"error", "offset"}, 0, "")


def test_a_newline_is_blamed_only_where_the_payload_is_understood_without(
    given: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    blamed = "it ends with a newline, and is understood without: mosquitto_sub -N and printf '%s' add none\n"
    given(bytes.fromhex("088887a2e09e33120b100a188887a2e09e337001120e100b188887a2e09e33650000a4421802") + b"\n")
    _, [line], hint = decode(capsys, "--topic", DDATA)
    assert (line.keys(), hint) == ({"error", "offset"}, blamed)
    given(b'{"linkquality":3}\n')
    assert decode(capsys, "--topic", "zigbee2mqtt/x")[2] == f"{NOTHING}\n"
    given(b'{"presence":true}\n')
    assert decode(capsys, "--topic", "zigbee2mqtt/x")[2] == ""


def uplink(port: int, data: str) -> bytes:
    info = {"devEui": "24e124128a123456"}
    return json.dumps({"deviceInfo": info, "time": "2026-11-24T03:12:07Z", "fPort": port, "data": data}).encode()


INPUT = b'{"src":"shellyplus1-a8","method":"NotifyStatus","params":{"ts":1764000000.0,"input:0":{"id":0,"state":true}}}'
RPC = "shellyplus1-a8/events/rpc"
IDS = '{"device_id":"desk-4","application_ids":{"application_id":"app"}}'
BY_TTN = f'{{"end_device_ids":{IDS},"uplink_message":{{"f_port":85,"frm_payload":"AXViAoIPAAOOAQ=="}}}}'.encode()
FREE = uplink(85, "AXViAoIPAAOOAQ==")
ALIAS = bytes.fromhex("088887a2e09e33120b100a188887a2e09e3370011802")
PROFILE = "a LoRaWAN device needs --profile, that of its model"
ON_85 = "finds nothing on fPort 85: is it another model (something is found by milesight-vs330)?\n"


@pytest.mark.parametrize(
    ("words", "payload", "says"),
    [
        ([UP], FREE, f"{PROFILE} (something is found by milesight-vs330)\n"),
        ([UP], uplink(7, ""), f"{PROFILE}\n"),
        ([UP, "--profile", "browan-tbms100"], FREE, f"profile browan-tbms100 {ON_85}"),
        ([UP, "--profile", "browan-tbms100"], uplink(0, "Abs0"), "profile browan-tbms100 finds nothing on fPort 0: is"),
        (["v3/app@ttn/devices/desk-4/up", "--profile", "browan-tbms100"], BY_TTN, f"profile browan-tbms100 {ON_85}"),
        (["homie/5/d/radar/presence"], b"true", "its $description or $datatype was not heard: decode both with --ba"),
        (["homie/d/radar/presence", "--retain"], b"true", "its $description or $datatype was not heard: decode bot"),
        ([DDATA], ALIAS, "its birth, which names its metrics, was not heard: "),
        (["esp/sensor/distance/state"], b"1.2", "its unit, which its discovery tells (homeassistant/sensor/…/config"),
        (["zigbee2mqtt/x"], b'{"linkquality":3}', ""),
    ],
)  # fmt: skip
def test_what_says_nothing_is_told_with_the_likely_reason(
    words: list[str], payload: bytes, says: str, given: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    given(payload)
    status, _, hint = decode(capsys, "--topic", *words)
    assert (status, hint.count("\n")) == (0, 1)
    assert hint.startswith(f"{NOTHING}; {says}" if says else f"{NOTHING}\n")


@pytest.mark.parametrize("words", [[], ["--source-config", '{"input:1": "occupancy"}']])
def test_an_input_counts_by_its_name_and_for_the_whole_when_told(
    words: list[str], given: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    given(INPUT)
    _, [line], hint = decode(capsys, "--topic", RPC, *words)
    assert (line["presences"], line["values"]) == ({"input:0": True}, {})
    says = "input:0 counts where it is claimed by --presence input:0, and for the whole by --source-config"
    assert hint.startswith(says)


@pytest.mark.parametrize(
    ("words", "payload"),
    [
        (["homie/5/d/$state"], b"ready"),
        ([UP.replace("/up", "/join")], uplink(0, "")),
        ([RPC, "--source-config", '{"input:0": "occupancy"}'], INPUT),
        ([UP, "--retain", "--profile", "milesight-vs330"], FREE),
    ],
)
def test_what_speaks_for_itself_needs_no_word(
    words: list[str], payload: bytes, given: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    given(payload)
    status, lines, hint = decode(capsys, "--topic", *words)
    assert (status, len(lines), hint) == (0, 1, "")


def test_a_retained_value_without_a_time_is_shown_as_no_evidence(
    given: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    given(b'{"presence":true}')
    _, [line], hint = decode(capsys, "--topic", "zigbee2mqtt/x", "--retain")
    assert line["values"] == {"presence": True}
    assert hint == "a retained message without a time is no evidence: the collector takes no value of it\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "--topic: no topic; give --topic T, or --batch FILE"),
        (["--topic", ""], '--topic: "" is empty; write the topic of the message'),
        (["--topic", "a/#"], "is no topic of a message: it holds a wildcard or NUL; write the topic of one message"),
        (["--topic", "t" * 600], "has 600 characters; topics of more than 512 are not understood"),
        (["--topic", "hadir/1/Mpp/sensor/c-1/readings"], "is no native topic; write hadir/1/SITE/sensor/SENSOR/re"),
        (["--topic", "hadir/1/mpp/collector/status"], "is native, and says nothing of readings; readings are on h"),
        (["--topic", "nobodys/lamp/set"], "is where a device is told or asked something; write the topic"),
        (["--topic", "nobodys/\x1b[31m"], '"nobodys/\\x1b[31m" belongs to no convention by itself; say whose it'),
        (["--topic", "x", "--convention", "zigbe2mqtt"], 'no convention "zigbe2mqtt"; did you mean "zigbee2mqtt"?'),
        (["--topic", READINGS, "--convention", "tasmota"], 'not one of tasmota; did you mean "--convention native"?'),
        (["--topic", "a/b", "--convention", "native"], "is no native topic; write hadir/1/SITE/sensor/SENSOR/readings"),
        (["--topic", "a", "--source-config", "[]"], "--source-config: Expected `object`, got `array`; write a JSON"),
        (["--topic", "a", "--batch", "f"], "--batch: the vectors have their own topics and payloads; leave --"),
    ],
)  # fmt: skip
def test_wrong_use_is_one_line_and_status_2(
    words: list[str], says: str, given: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    given(b"")
    status, lines, line = decode(capsys, *words)
    assert (status, lines, line.count("\n")) == (2, [], 1)
    assert line.startswith("hadir decode mqtt: ")
    assert says in line


def test_a_payloads_file_gives_a_line_a_vector_as_each_convention_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    status, lines, _ = decode(capsys, "--batch", str(FILE))
    assert status == 0
    assert [line["id"] for line in lines] == [vector["id"] for vector in PAYLOADS]
    for vector, line in zip(PAYLOADS, lines, strict=True):
        right = said(convention_for(vector), message_of(vector))
        if right is None:
            assert line.keys() == {"id", "rejected", "error"}
            assert line["rejected"] is True
        else:
            assert line == {"id": vector["id"], **right}


def batch(tmp_path: Path, capsys: pytest.CaptureFixture[str], *vectors: dict[str, Any]) -> list[dict[str, Any]]:
    (tmp_path / "v.json").write_text(json.dumps(vectors))
    status, lines, _ = decode(capsys, "--batch", str(tmp_path / "v.json"))
    assert status == 0
    return lines


def test_payloads_are_text_hexadecimal_or_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gen = {"prefix": '[{"n":"presence","vb":', "repeat": " ", "times": 1000, "suffix": "false}]"}
    payloads = [PACK.decode(), {"hex": PACK.hex()}, {"gen": gen}, {"gen": {**gen, "suffix": ""}}]
    lines = batch(
        tmp_path,
        capsys,
        *({"id": str(n), "topic": READINGS, "payload": payload, "more": 1} for n, payload in enumerate(payloads)),
    )
    assert [line.get("occupied") for line in lines] == [True, True, False, None]
    assert [line.get("rejected") for line in lines] == [None, None, None, True]
    assert lines[0] == {
        "id": "0", "device": "c-1", "occupied": True, "distance_m": 1.2, "battery_pct": None, "illuminance_lx": None,
        "timestamp": None, "online": None,
    }  # fmt: skip


def test_a_topic_of_nobody_is_rejected_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [line] = batch(tmp_path, capsys, {"id": "a", "topic": "nobodys/lamp/set", "payload": "ON"})
    assert line == {"id": "a", "rejected": True, "error": "its topic is where a device is told or asked something"}


def test_a_vector_may_need_what_needs_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = {"topic": READINGS, "payload": "["}
    lines = batch(tmp_path, capsys, {"id": "a", **one, "needs": ["b"]}, {"id": "b", **one, "needs": ["a", "b"]})
    assert [line["rejected"] for line in lines] == [True, True]


A = '{"id":"a","topic":"t","payload":"x"}'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[\n{]", "v.json:2: JSON is malformed"),
        ('[{"id": "\xff"}]', "v.json: "),
        ("{}", "v.json: Expected `array`, got `object`; write a JSON list as in tests/vectors/conventions"),
        (f'[\n{A},\n{{"id":"b","payload":"x"}}]', "v.json:3: [1]: Object missing required field `topic`; write a JSON"),
        (f'[{A[:-1]},\n"retain":1}}]', "v.json:1: [0].retain: Expected `bool`, got `int`; write a JSON"),
        (f"[{A},\n\n{A}]", 'v.json:3: [1].id: "a" is taken by [0]; write another'),
        (f'[{A[:-1]},"convention":"homy"}}]', 'v.json:1: [0].convention: no convention "homy"; did you mean "homie"?'),
        (f'[{A[:-1]},"needs":["b"]}}]', 'v.json:1: [0].needs[0]: no vector "b"; write one of a'),
        (f"[{A.replace(chr(34) + 'x' + chr(34), '{}')}]", "v.json:1: [0].payload: is no payload; write text, "),
        (
            '[{"id":"a","topic":"t","payload":{"hex":"f"}}]',
            "v.json:1: [0].payload.hex: no hexadecimal bytes; write two",
        ),
        (
            '[{"id":"a","topic":"t","payload":{"gen":{"prefix":"","repeat":"x","times":1000000000,"suffix":""}}}]',
            "v.json:1: [0].payload.gen.times: makes no payload of at most 67,108,864 bytes",
        ),
    ],
)
def test_a_bad_file_is_one_line_with_the_place_and_status_2(
    text: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "v.json").write_text(text, encoding="latin-1")
    status, lines, line = decode(capsys, "--batch", str(tmp_path / "v.json"))
    assert (status, lines, line.count("\n")) == (2, [], 1)
    assert line.startswith(f"{tmp_path}/{says}")


def test_every_convention_has_a_name_of_its_own() -> None:
    assert "native" not in CONVENTIONS
