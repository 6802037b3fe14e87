"""Commands over a record on PostgreSQL: what they do, and what they say when it cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hadir.cli import main
from storage.record import Record
from storage.record.users import who
from tests.fixtures.hadir_command import Hadir
from tests.fixtures.postgres import PASSWORD, Postgres

EXAMPLE = Path(__file__).parents[3] / "config" / "site.example.yaml"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command on the record at `url`: its exit status, output and errors."""

    def run(url: str, *words: str) -> tuple[int, str, str]:
        monkeypatch.setenv("HADIR_DATA", str(tmp_path))
        monkeypatch.setenv("HADIR_RECORD", url.replace(PASSWORD, "{env:RECORD_PASSWORD}"))
        monkeypatch.setenv("RECORD_PASSWORD", PASSWORD)
        return main(list(words)), *capsys.readouterr()

    return run


def test_a_site_goes_in_and_comes_out_again(run: Run, postgresql_place: str, tmp_path: Path) -> None:
    dry = run(postgresql_place, "site", "apply", "--dry-run", str(EXAMPLE))
    assert (dry[0], "nothing written" in dry[1]) == (0, True)
    assert not Record.exists(postgresql_place)
    assert run(postgresql_place, "site", "apply", str(EXAMPLE))[0] == 0
    exported = tmp_path / "out.yaml"
    assert run(postgresql_place, "site", "export", str(exported))[0] == 0
    again = run(postgresql_place, "site", "apply", "--prune", str(exported))
    assert (again[0], again[1]) == (0, "mpp-contoh: nothing to change\n")


def test_a_token_opens_and_the_audit_log_is_verified(run: Run, postgresql_place: str) -> None:
    status, token, _ = run(postgresql_place, "user", "token", "--name", "ani")
    assert status == 0
    with Record.open(postgresql_place) as record, record.reading() as connection:
        assert who(connection, token.strip(), "token", 0) == "ani"
    assert run(postgresql_place, "audit", "verify")[:2] == (0, "the audit log is whole: 2 rows\n")


def test_a_site_that_is_not_there_is_told_with_the_name_of_the_record(
    run: Run, postgres: Postgres, postgresql_record: str
) -> None:
    status, _, said = run(postgresql_record, "site", "export", "nowhere", "-")
    name = postgresql_record.rpartition("/")[2]
    assert (status, said.startswith(f"postgresql://127.0.0.1:{postgres.port}/{name}: holds no site")) == (2, True)


@pytest.mark.parametrize("words", [("audit", "verify"), ("user", "list"), ("site", "export")])
def test_a_server_that_does_not_answer_is_one_line_and_status_2(run: Run, words: tuple[str, ...]) -> None:
    problem = "cannot be reached: Connection refused; start the server, or correct host and port"
    assert run(f"postgresql://hadir:{PASSWORD}@127.0.0.1:1/hadir", *words) == (
        2,
        "",
        f"postgresql://127.0.0.1:1/hadir: {problem}\n",
    )


def test_a_password_that_is_not_in_the_environment_is_one_line_and_status_2(run: Run) -> None:
    assert run("postgresql://hadir:{env:NOWHERE}@127.0.0.1:1/hadir", "audit", "verify") == (
        2,
        "",
        "record URL: {env:NOWHERE} names no environment variable; set NOWHERE\n",
    )


@pytest.mark.parametrize("words", [("collector", "run"), ("api", "run", "--port", "0", "--only", "web"), ("up",)])
def test_a_part_that_starts_without_the_server_says_so_and_ends_with_status_2(
    hadir: Hadir, words: tuple[str, ...]
) -> None:
    ports = {"HADIR_PORT": "0", "HADIR_MQTT_PORT": "0"}
    done = hadir.run(*words, HADIR_RECORD=f"postgresql://hadir:{PASSWORD}@127.0.0.1:1/hadir", **ports)
    assert done.returncode == 2
    assert "postgresql://127.0.0.1:1/hadir: cannot be reached: Connection refused; start the server" in done.stderr
    assert PASSWORD not in done.stderr
