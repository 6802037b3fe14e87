"""`hadir dead-letter`: what could not be used, and what became of another try."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hadir.cli import main
from hadir.retrying import PATIENCE_MS, Outcome, outcome
from storage.record import Record
from storage.record.aside import (
    LARGEST_PAYLOAD,
    DeadLetter,
    ask_retry,
    keep_dead_letters,
    letters_to_retry,
    refuse_letter,
    settle_letter,
)

TEXT = DeadLetter("t/\x1b[2J", b'{"a":"\x1b"', "no JSON \x9b", 1_764_000_000_000)
BYTES = DeadLetter("t/b", b"\xff\x00", "no pack", 1_764_000_001_000, retain=True)
LARGE = DeadLetter("t/c", b"x" * (LARGEST_PAYLOAD + 1), "too large", 1_764_000_002_000)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def record(sqlite_record: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Record]:
    monkeypatch.setenv("HADIR_DATA", str(tmp_path))
    monkeypatch.setenv("HADIR_RECORD", sqlite_record)
    with Record.open(sqlite_record) as record:
        with record.writing() as connection:
            keep_dead_letters(connection, [TEXT, BYTES, LARGE])
        yield record


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        return main(["dead-letter", *words]), *capsys.readouterr()

    return run


def test_the_list_has_a_line_for_each_and_hides_no_control_character(record: Record, run: Run) -> None:
    status, out, err = run("list")
    assert (status, err) == (0, "")
    assert out.replace("\n", "").isprintable()
    head, large, of_bytes, of_text = map(str.split, out.splitlines())
    assert head == ["id", "times", "last", "bytes", "topic", "why"]
    assert large == [LARGE.id[:12], "1", "2025-11-24T16:00:02.000Z", "65,536+", "t/c", "too", "large"]
    assert of_bytes[3:] == ["2", "t/b", "no", "pack"]
    assert of_text[4:] == ["t/\\x1b[2J", "no", "JSON", "\\x9b"]


def test_programs_have_it_as_json_lines_that_decode_takes_again(record: Record, run: Run, tmp_path: Path) -> None:
    _, out, _ = run("list", "--json")
    large, of_bytes, of_text = map(json.loads, out.splitlines())
    time = "2025-11-24T16:00:01.000Z"
    assert of_bytes == {
        "id": BYTES.id, "topic": "t/b", "payload": {"hex": "ff00"}, "retain": True, "why": "no pack", "first": time,
        "last": time, "count": 1, "whole": True, "retry": None,
    }  # fmt: skip
    assert (of_text["payload"], large["whole"]) == (TEXT.payload.decode(), False)
    (tmp_path / "v.json").write_text(json.dumps([of_bytes, of_text]))
    assert main(["decode", "mqtt", "--batch", str(tmp_path / "v.json")]) == 0


def collector(record: Record) -> Callable[[float], None]:
    """One that tries a letter at each pause: what begins with { is understood."""

    def work(_pause_s: float) -> None:
        with record.writing() as connection:
            for letter in letters_to_retry(connection)[:1]:
                if letter.payload.startswith(b"{"):
                    settle_letter(connection, letter.id)
                else:
                    refuse_letter(connection, letter.id, "still no pack")

    return work


def test_what_becomes_of_letters_is_waited_for(record: Record) -> None:
    with record.writing() as connection:
        ask_retry(connection, [TEXT.id, BYTES.id], 5)
    found = outcome(record, [TEXT.id, BYTES.id], lambda: 0, collector(record))
    assert found == Outcome([TEXT.id], {BYTES.id: "still no pack"}, [])


def test_without_a_collector_the_wait_has_an_end(record: Record) -> None:
    with record.writing() as connection:
        ask_retry(connection, [TEXT.id], 5)
    clock = [0.0]

    def pause(pause_s: float) -> None:
        clock[0] += pause_s * 1000

    assert outcome(record, [TEXT.id], lambda: int(clock[0]), pause) == Outcome([], {}, [TEXT.id])
    assert clock[0] == PATIENCE_MS


@pytest.fixture
def quick(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector that works while the command waits."""
    monkeypatch.setattr("time.sleep", collector(record))


def test_retry_says_what_became_of_it(record: Record, run: Run, quick: None) -> None:
    status, out, _ = run("retry", "--all")
    assert status == 1
    assert out.splitlines() == [
        "1 are too large to be kept whole, and cannot be tried again",
        "understood: 1",
        "still not understood: 1",
        f"  {BYTES.id[:12]}  t/b: still no pack",
    ]
    status, out, _ = run("retry", BYTES.id[:6].upper())
    assert (status, out.splitlines()[0]) == (1, "still not understood: 1")


def test_nothing_to_try_again_says_so(record: Record, run: Run) -> None:
    with record.writing() as connection:
        settle_letter(connection, TEXT.id)
        settle_letter(connection, BYTES.id)
    assert run("retry", "--all")[:2] == (
        0,
        "1 are too large to be kept whole, and cannot be tried again\nthere is no dead letter to try again\n",
    )
    with record.writing() as connection:
        settle_letter(connection, LARGE.id)
    assert run("list") == (0, "there is no dead letter\n", "")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "names no letter; give IDs, or --all"),
        (["x", "--all"], "names letters and --all; give IDs, or --all"),
        (["xyz"], 'no dead letter "xyz"; see `hadir dead-letter list`'),
        ([""], 'no dead letter ""; see `hadir dead-letter list`'),
        ([LARGE.id[:8]], f"{LARGE.id[:12]} is not kept whole, and cannot be tried again; have the device send it once"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(words: list[str], says: str, record: Record, run: Run) -> None:
    status, out, err = run("retry", *words)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"hadir dead-letter retry: {says}")
