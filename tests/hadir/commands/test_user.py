from __future__ import annotations

import json
from pathlib import Path

import pytest

from hadir.cli import main
from storage.record import Record
from storage.record.users import use_link, who


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HADIR_DATA", str(tmp_path))
    Record.open(f"sqlite:///{tmp_path / 'record.db'}").close()
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    assert main(["user", *words]) == status
    output = capsys.readouterr()
    return (output.out if status == 0 else output.err).strip()


def test_a_token_is_printed_once_and_opens(capsys: pytest.CaptureFixture[str], data: Path) -> None:
    token = said(capsys, "token", "--name", "ani", "--label", "grafana")
    with Record.open(f"sqlite:///{data / 'record.db'}") as record, record.reading() as connection:
        assert who(connection, token, "token", 0) == "ani"
    listed = json.loads(said(capsys, "list", "--json"))
    assert token not in str(listed)
    assert (listed["name"], listed["tokens"], listed["sessions"]) == ("ani", ["grafana"], 0)
    said(capsys, "token", "--name", "ani")
    assert " 2 (grafana) " in said(capsys, "list")


def test_a_link_leads_to_where_the_pages_are(capsys: pytest.CaptureFixture[str], data: Path) -> None:
    assert said(capsys, "link").startswith("http://127.0.0.1:8080/login?code=")
    (data / "run.json").write_text('{"web": 8123}')
    assert said(capsys, "link").startswith("http://127.0.0.1:8123/login?code=")
    address, code = said(capsys, "link", "--name", "ani", "--url", "https://hadir.example/").split("?code=")
    assert address == "https://hadir.example/login"
    with Record.open(f"sqlite:///{data / 'record.db'}") as record, record.writing() as connection:
        assert use_link(connection, code, 0) is not None


def test_an_account_loses_everything_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "token", "--name", "ani")
    said(capsys, "link", "--name", "ani")
    assert said(capsys, "revoke", "--name", "ani") == "ani: 2 tokens, links and sessions taken back"


def test_wrong_use_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--name" in said(capsys, "token", "--name", " ", status=2)


@pytest.mark.parametrize("words", [["list"], ["link"], ["revoke", "--name", "ani"]])
def test_nobody_is_let_into_a_folder_without_a_record(
    words: list[str], capsys: pytest.CaptureFixture[str], data: Path
) -> None:
    (data / "record.db").unlink()
    assert "there is no record" in said(capsys, *words, status=2)
    assert not (data / "record.db").exists()
