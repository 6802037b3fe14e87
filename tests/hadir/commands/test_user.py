from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pytest

from hadir.cli import main
from storage.passwords import verified
from storage.record import Record, accounts, audit
from storage.record.registry import apply
from storage.record.sidak_links import found
from storage.record.users import password_of, use_link, who
from tests.builders import site


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


def test_who_means_the_demo_is_told_the_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HADIR_DATA", "HADIR_RECORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hadir-data" / "demo").mkdir(parents=True)
    (tmp_path / "hadir-data" / "demo" / "run.json").write_text('{"web": 8080}')
    assert main(["user", "link"]) == 2
    assert capsys.readouterr().err.endswith("write hadir user link --data hadir-data/demo\n")


def test_who_made_an_account_in_a_named_folder_is_told_the_whole_command(
    capsys: pytest.CaptureFixture[str], data: Path
) -> None:
    told = said(capsys, "add", "--name", "Bu Ani", "--role", "viewer", "--data", str(data))
    assert told == f"Bu Ani: made; let its owner in with `hadir user link --name 'Bu Ani' --data {data}`"


def test_an_account_loses_everything_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "token", "--name", "ani")
    said(capsys, "link", "--name", "ani")
    assert (
        said(capsys, "revoke", "--name", "ani")
        == "ani: 2 tokens, links and sessions taken back, the password and the log-in by OpenID Connect too"
    )


def test_wrong_use_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--name: is not 1 to 64 printable" in said(capsys, "token", "--name", " ", status=2)


@pytest.mark.parametrize(
    "words", [["list"], ["link"], ["revoke", "--name", "ani"], ["add", "--name", "a", "--role", "viewer"]]
)
def test_nobody_is_let_into_a_folder_without_a_record(
    words: list[str], capsys: pytest.CaptureFixture[str], data: Path
) -> None:
    (data / "record.db").unlink()
    assert "there is no record" in said(capsys, *words, status=2)
    assert not (data / "record.db").exists()


def test_a_viewer_is_made_and_gets_a_password_from_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    assert said(capsys, "add", "--name", "budi", "--role", "viewer").startswith("budi: made")
    monkeypatch.setattr("sys.stdin", io.StringIO("empat kata yang panjang\n"))
    assert said(capsys, "password", "--name", "budi").startswith("budi: the password is set")
    listed = json.loads(said(capsys, "list", "--json"))
    assert (listed["role"], listed["password"], listed["agency"]) == ("viewer", True, None)
    with Record.open(f"sqlite:///{data / 'record.db'}") as record, record.reading() as connection:
        assert verified(password_of(connection, "budi"), "empat kata yang panjang")
        assert audit.verify(connection) == 2


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["add", "--name", "x", "--role", "agency"], "--agency: is missing"),
        (["add", "--name", "x", "--role", "agency", "--agency", "dinas"], '--agency: no agency "dinas"'),
        (["add", "--name", "x", "--role", "viewer", "--site", "lain"], '--site: no site "lain"'),
        (["token", "--name", "x", "--expires", "soon"], '--expires: "soon" is no end; write 90d'),
        (["token", "--name", "x", "--expires", "2020-01-01"], "--expires: is past"),
    ],
)
def test_what_is_wrong_with_an_account_or_token_is_told(
    words: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert error in said(capsys, *words, status=2)


def test_a_token_has_a_scope_and_an_end_and_is_taken_back_alone(capsys: pytest.CaptureFixture[str], data: Path) -> None:
    token = said(capsys, "token", "--name", "ani", "--scope", "read", "--expires", "90d")
    with Record.open(f"sqlite:///{data / 'record.db'}") as record, record.reading() as connection:
        (kept,) = accounts.tokens(connection, "ani")
    assert (kept.scope, kept.expires_ms is None) == ("read", False)
    assert said(capsys, "revoke", "--name", "ani", "--token", kept.id) == f"ani: token {kept.id} taken back"
    with Record.open(f"sqlite:///{data / 'record.db'}") as record, record.reading() as connection:
        assert who(connection, token, "token", 0) is None


def test_a_link_to_sidak_names_the_site_and_ends(capsys: pytest.CaptureFixture[str], data: Path) -> None:
    with Record.open(f"sqlite:///{data / 'record.db'}") as record, record.writing() as connection:
        apply(connection, site(), prune=False, now_ms=0)
    link = said(capsys, "sidak-link", "--site", "balai", "--for", "2h", "--url", "https://hadir.example/")
    assert link.startswith("https://hadir.example/sidak/")
    with Record.open(f"sqlite:///{data / 'record.db'}") as record, record.reading() as connection:
        opened = found(connection, link.rpartition("/")[2])
        assert opened is not None
        assert opened.site == "balai"
        assert 0 <= time.time() * 1000 + 2 * 3_600_000 - opened.until_ms < 60_000
    assert 'no site "mall"; there is balai' in said(capsys, "sidak-link", "--site", "mall", status=2)
    assert f"{opened.id}  balai  console  " in said(capsys, "sidak-links")
    assert said(capsys, "sidak-links", "--revoke", str(opened.id)) == f"balai: link {opened.id} taken back"
    assert said(capsys, "sidak-links", "--json") == ""
    assert "over already" in said(capsys, "sidak-links", "--revoke", str(opened.id), status=1)
    for wrong in ("8", "8d", "0s"):
        assert "--for" in said(capsys, "sidak-link", "--site", "balai", "--for", wrong, status=2)


def test_who_logs_in_by_openid_connect_is_named_shown_and_taken_away(capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "add", "--name", "ani", "--role", "viewer", "--oidc", "Ani@dinas.example")
    listed = json.loads(said(capsys, "list", "--json"))
    assert (listed["oidc"], listed["oidc_joined"]) == ("ani@dinas.example", False)
    said(capsys, "add", "--name", "budi", "--role", "viewer")
    taken = said(capsys, "oidc", "--name", "budi", "--who", "ani@dinas.example", status=1)
    assert '"ani@dinas.example" logs in to the account "ani" already' in taken
    assert said(capsys, "oidc", "--name", "ani", "--nobody").startswith("ani: nobody logs in to it by OpenID Connect")
    assert said(capsys, "oidc", "--name", "budi", "--who", "ani@dinas.example").startswith("budi: ani@dinas.example")
    assert " ani@dinas.example (not yet) " in said(capsys, "list")
    said(capsys, "revoke", "--name", "budi")
    assert "not yet" not in said(capsys, "list")
