"""`hadir decode`: streams, vectors files and commands files, and what is said of bad ones."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from firmware_bridge.drivers import DRIVERS
from hadir.cli import main

SERIAL = Path(__file__).parents[2] / "vectors" / "serial"
BASIC = "f4f3f2f10d0002aa0251000000003b00005500f8f7f6f5"
KNOWN = ", ".join(DRIVERS)
VALUES = {
    "presence": True,
    "moving": False,
    "still": True,
    "moving_distance": 0.81,
    "moving_energy": 0,
    "still_distance": 0.0,
    "still_energy": 59,
    "distance": 0.0,
}


def decode(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[dict[str, Any]], str]:
    """Exit status, the lines printed, and what was said on stderr."""
    status = main(["decode", *words])
    printed, said = capsys.readouterr()
    return status, [json.loads(line) for line in printed.splitlines()], said


def test_a_file_of_bytes_gives_a_line_a_reading(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "radar.bin").write_bytes(bytes.fromhex("f4" + BASIC[:-2] + "00" + BASIC))
    status, lines, _ = decode(capsys, "serial", "--driver", "ld2410", str(tmp_path / "radar.bin"))
    assert (status, lines) == (0, [{"error": "wrong tail", "offset": 1}, {"values": VALUES}])


def test_standard_input_in_hexadecimal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    typed = f"{BASIC[:10]} {BASIC[10:20]}\n\n{BASIC[20:]}\n".encode()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(typed)))
    assert decode(capsys, "serial", "--driver", "ld2410", "--hex")[:2] == (0, [{"values": VALUES}])


@pytest.mark.parametrize(
    ("words", "content", "says"),
    [
        (
            [],
            bytes(4096),
            "no reading of ld2410 in 4096 bytes; is the baud rate 256000, or is it hexadecimal text (--hex)?",
        ),
        (
            [],
            BASIC.encode(),
            "no reading of ld2410 in 46 bytes; is the baud rate 256000, or is it hexadecimal text (--hex)?",
        ),
        (["--hex"], BASIC[:-8].encode(), "no reading of ld2410 in 19 bytes; is the baud rate 256000?"),
        ([], b"", "is empty"),
    ],
)
def test_where_nothing_is_understood_it_is_said_what_to_look_at(
    words: list[str], content: bytes, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "radar.bin").write_bytes(content)
    assert decode(capsys, "serial", "--driver", "ld2410", *words, str(tmp_path / "radar.bin")) == (
        0,
        [],
        f"{tmp_path / 'radar.bin'}: {says}\n",
    )


def test_a_vectors_file_gives_a_line_a_vector(capsys: pytest.CaptureFixture[str]) -> None:
    status, lines, _ = decode(capsys, "serial", "--batch", str(SERIAL / "ld2410.json"))
    vectors = json.loads((SERIAL / "ld2410.json").read_text())
    assert status == 0
    assert [line["id"] for line in lines] == [vector["id"] for vector in vectors]
    assert lines[0]["readings"] == [{"values": VALUES}]


def test_a_commands_file_gives_bytes_and_replies(capsys: pytest.CaptureFixture[str]) -> None:
    status, lines, _ = decode(capsys, "command", "--batch", str(SERIAL / "ld2410_commands.json"))
    vectors = json.loads((SERIAL / "ld2410_commands.json").read_text())
    assert status == 0
    assert lines == [{"id": each["id"], "hex": each["hex"], "reply": each["expect"]} for each in vectors]


def test_a_vector_that_cannot_be_used_says_so_in_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vectors = [
        {"id": "a", "driver": "nope", "hex": "00"},
        {"id": "b", "driver": "ld2410", "hex": BASIC},
        {"id": "c", "driver": "ld2410", "hex": "00", "config": {"unit": 1}},
    ]
    (tmp_path / "v.json").write_text(json.dumps(vectors))
    status, lines, _ = decode(capsys, "serial", "--batch", str(tmp_path / "v.json"))
    assert status == 1
    assert lines == [
        {"id": "a", "error": f'no driver "nope"; known: {KNOWN}'},
        {"id": "b", "readings": [{"values": VALUES}]},
        {"id": "c", "error": "config.unit: not known; known: engineering"},
    ]


def test_a_command_that_cannot_be_used_says_so_in_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [
        {"id": "a", "driver": "ld2410", "command": "calibrate", "args": {"seconds": 0}},
        {"id": "b", "driver": "ld2410", "command": "restart", "reply_hex": BASIC},
        {"id": "c", "driver": "ld2410", "command": "restart"},
    ]
    (tmp_path / "c.json").write_text(json.dumps(asked))
    status, lines, _ = decode(capsys, "command", "--batch", str(tmp_path / "c.json"))
    assert status == 1
    assert lines[0]["error"].startswith("calibrate.seconds: 0 cannot be used; ")
    assert lines[1] == {"id": "b", "hex": "fdfcfbfa0200a30004030201", "error": "byte 0: no command frame"}
    assert lines[2] == {"id": "c", "hex": "fdfcfbfa0200a30004030201"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "v.json: "),
        ("[\n{]", "v.json:2: JSON is malformed: "),
        ('[{"id": "a"}]', "v.json:1: [0]: Object missing required field `driver`; "),
        (
            '[\n{"id": "a", "driver": "ld2410", "hex": "f"}]',
            "v.json:2: [0].hex: no hexadecimal bytes; write two digits",
        ),
    ],
)
def test_a_bad_file_is_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    (tmp_path / "v.json").write_text(text)
    status, lines, error = decode(capsys, "serial", "--batch", str(tmp_path / "v.json"))
    assert (status, lines, error.count("\n")) == (2, [], 1)
    assert error.startswith(f"{tmp_path}/{said}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--driver", "nope", "x"], f'hadir decode serial: --driver: no driver "nope"; known: {KNOWN}\n'),
        (["x"], "hadir decode serial: --driver: no driver; give --driver D, or --batch FILE\n"),
        (["--driver", "ld2410", "/nowhere/x"], "/nowhere/x: No such file or directory\n"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert decode(capsys, "serial", *words) == (2, [], said)


def test_text_that_is_not_hexadecimal_names_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.hex").write_text(f"{BASIC}\nhello\n")
    status, lines, said = decode(capsys, "serial", "--driver", "ld2410", "--hex", str(tmp_path / "t.hex"))
    assert (status, lines) == (2, [{"values": VALUES}])
    assert said == f"{tmp_path}/t.hex:2: no hexadecimal bytes; write two digits 0-9 a-f a byte\n"
