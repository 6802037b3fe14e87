"""What is particular to a record on a server: how it is named, what it says of us, what becomes of lost connections."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import insert, text

from presence.errors import BadInput
from storage.record import Record, RecordUnavailable
from storage.record.postgresql import Address, parse_address
from storage.record.tables import site
from tests.fixtures.postgres import PASSWORD, USER, Postgres


@pytest.fixture
def record_url(postgresql_record: str) -> str:
    return postgresql_record


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://db/hadir", Address("db", 5432, "hadir")),
        ("postgresql://h%40i:p%3Aw@db:6000/hadir", Address("db", 6000, "hadir", "h@i", "p:w")),
        ("postgresql://hadir:{env:PW}@[::1]/hadir", Address("::1", 5432, "hadir", "hadir", "from outside")),
        (
            "postgresql://hadir@db/hadir?sslmode=verify-full&sslrootcert=/etc/ca.pem",
            Address("db", 5432, "hadir", "hadir", None, {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem"}),
        ),
        ("postgresql:///hadir?host=/run/postgresql", Address("/run/postgresql", 5432, "hadir")),
    ],
)
def test_a_url_names_the_server_and_who_we_are_to_it(url: str, expected: Address) -> None:
    assert parse_address(url, {"PW": "from outside"}) == expected


def test_an_address_is_named_without_user_and_password() -> None:
    names = [
        parse_address(url, {}).name
        for url in ("postgresql://me:secret@db/h", "postgresql://[::1]/h", "postgresql:///h?host=/run/pg")
    ]
    assert names == ["postgresql://db:5432/h", "postgresql://[::1]:5432/h", "postgresql:///h?host=/run/pg"]
    assert "secret" not in repr(parse_address("postgresql://me:secret@db/h", {}))


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgresql://db", "postgresql:…: names no host and database; write postgresql://user:password@host:port/…"),
        ("postgresql:///h", "postgresql:…: names no host and database; write postgresql://user:password@host:port/…"),
        ("postgresql://db:x/h", "postgresql:…: no URL of a record; write postgresql://user:password@host:port/…"),
        (
            "postgresql://db/h?foo=1",
            'postgresql:…: unknown option "foo"; known are host, sslcert, sslkey, sslmode, sslrootcert',
        ),
        ("postgresql://me:{env:PW}@db/h", "record URL: {env:PW} names no environment variable; set PW"),
    ],
)
def test_a_url_that_names_none_is_refused(url: str, problem: str) -> None:
    with pytest.raises(BadInput) as refused:
        Record.open(url, environ={})
    assert str(refused.value) == problem.replace("/…", "/DATABASE")


def refusal(url: str) -> str:
    with pytest.raises(BadInput) as refused:
        Record.open(url)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_server_that_cannot_be_used_is_named_with_what_to_do(postgres: Postgres) -> None:
    server = f"postgresql://127.0.0.1:{postgres.port}"
    assert refusal(f"postgresql://{USER}:{PASSWORD}@127.0.0.1:1/h") == (
        "postgresql://127.0.0.1:1/h: cannot be reached: Connection refused; start the server, or correct host and port"
    )
    assert refusal(postgres.url("postgres", password="wrong")) == (
        f'{server}/postgres: cannot be reached: password authentication failed for user "{USER}"; '
        "correct user and password in the URL of the record"
    )
    assert refusal(postgres.url("nowhere")) == (
        f'{server}/nowhere: cannot be reached: database "nowhere" does not exist; '
        "make it: createdb --encoding=UTF8 --template=template0 --owner=USER DATABASE"
    )
    with postgres.database("template0 ENCODING SQL_ASCII LOCALE 'C'") as url:
        name = url.replace(f"{USER}:{PASSWORD}@", "")
        assert refusal(url) == (
            f"{name}: cannot be used as the record: its encoding is SQL_ASCII; "
            "make a database with --encoding=UTF8 --template=template0"
        )


def test_another_programs_database_is_left_alone(postgres: Postgres, postgresql_place: str) -> None:
    name = postgresql_place.rpartition("/")[2]
    postgres.execute("CREATE TABLE theirs (id INTEGER)", name)
    assert refusal(postgresql_place) == (
        f"postgresql://127.0.0.1:{postgres.port}/{name}: is the database of another program; "
        "name another one for the record"
    )
    assert postgres.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace", name) == [
        ("theirs",)
    ]


@pytest.fixture
def running(postgres: Postgres) -> Iterator[Postgres]:
    """A server that a test may kill."""
    yield postgres
    postgres.stop()
    postgres.start()


def test_a_lost_server_is_unavailable_and_then_there_again(running: Postgres, record: Record) -> None:
    def write() -> None:
        with record.writing() as connection:
            connection.execute(insert(site).values(id="a", version=1, body="{}", changed_ms=0))
            running.kill()
            connection.execute(insert(site).values(id="b", version=1, body="{}", changed_ms=0))

    said = []
    for _ in range(2):
        with pytest.raises(RecordUnavailable) as lost:
            write()
        said.append(str(lost.value))
    assert said == [
        f"{record.name}: the connection is lost: server closed the connection unexpectedly",
        f"{record.name}: cannot be reached: Connection refused; start the server, or correct host and port",
    ]
    running.start()
    with record.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM site")) == 0


def test_a_restart_between_two_transactions_goes_unnoticed(running: Postgres, record: Record) -> None:
    with record.reading() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    running.stop()
    running.start()
    with record.writing() as connection:
        assert connection.scalar(text("SELECT 1")) == 1


def test_a_writer_that_does_nothing_does_not_hold_up_the_others(record: Record) -> None:
    with record.writing(durable=False) as connection:
        settings = [
            connection.scalar(text(f"SHOW {name}"))
            for name in ("synchronous_commit", "idle_in_transaction_session_timeout", "transaction_isolation")
        ]
    assert settings == ["off", "15s", "read committed"]
    with record.writing() as connection:
        assert connection.scalar(text("SHOW synchronous_commit")) == "on"
    with record.reading() as connection:
        settings = [connection.scalar(text(f"SHOW {name}")) for name in ("transaction_isolation", "synchronous_commit")]
    assert settings == ["repeatable read", "on"]
