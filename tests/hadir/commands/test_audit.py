import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hadir.cli import main
from storage.record import Record, audit

DAY_MS = 1_795_000_000_000


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory whose audit log has three rows."""
    monkeypatch.setenv("HADIR_DATA", str(tmp_path))
    with Record.open(f"sqlite:///{tmp_path}/record.db") as record, record.writing() as connection:
        for n in range(3):
            audit.append(connection, DAY_MS + n, {"what": "fired", "n": n})
    return tmp_path


def change(data: Path, statement: str) -> None:
    with closing(sqlite3.connect(data / "record.db")) as connection, connection:
        connection.execute(statement)


@pytest.mark.usefixtures("data")
def test_a_whole_log_is_said_to_be_whole(capsys: pytest.CaptureFixture[str]):
    assert main(["audit", "verify"]) == 0
    assert capsys.readouterr() == ("the audit log is whole: 3 rows\n", "")


def test_a_changed_row_is_named_with_status_1(data: Path, capsys: pytest.CaptureFixture[str]):
    change(data, "UPDATE audit SET body = replace(body, 'fired', 'resolved') WHERE id = 2")
    assert main(["audit", "verify"]) == 1
    assert capsys.readouterr() == ("", "the audit log was tampered with: row 2: its content was changed\n")


def test_a_missing_row_is_seen_in_json_too(data: Path, capsys: pytest.CaptureFixture[str]):
    change(data, "DELETE FROM audit WHERE id = 2")
    assert main(["audit", "verify", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told == {"whole": False, "row": 3, "problem": "a row before it was taken out, put in or exchanged"}


def test_without_a_record_it_says_so_and_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("HADIR_DATA", str(tmp_path / "elsewhere"))
    assert main(["audit", "verify"]) == 2
    assert capsys.readouterr().err.startswith(f"{tmp_path}/elsewhere/record.db: there is no record; ")
    assert not (tmp_path / "elsewhere").exists()
