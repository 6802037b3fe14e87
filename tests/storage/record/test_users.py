from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, select

from storage.record import Record
from storage.record.tables import credential
from storage.record.users import (
    LINK_LIFE_MS,
    SESSION_LIFE_MS,
    Account,
    accounts,
    end_session,
    make_account,
    make_link,
    make_token,
    revoke,
    use_link,
    who,
)

NOW = 1_795_000_000_000


@pytest.fixture
def connection(record: Record) -> Iterator[Connection]:
    with record.writing(durable=False) as connection:
        make_account(connection, "ani", NOW)
        yield connection


def test_an_account_is_made_once(connection: Connection) -> None:
    assert make_account(connection, "budi", NOW)
    assert not make_account(connection, "budi", NOW + 1)
    assert [account.name for account in accounts(connection, NOW)] == ["ani", "budi"]


def test_a_link_opens_one_session(connection: Connection) -> None:
    code = make_link(connection, "ani", NOW)
    session = use_link(connection, code, NOW + 1)
    assert session is not None
    assert who(connection, session, "session", NOW + 1) == "ani"
    assert use_link(connection, code, NOW + 2) is None


def test_a_link_holds_for_an_hour(connection: Connection) -> None:
    first, second = make_link(connection, "ani", NOW), make_link(connection, "ani", NOW)
    assert use_link(connection, first, NOW + LINK_LIFE_MS - 1) is not None
    assert use_link(connection, second, NOW + LINK_LIFE_MS) is None


def test_a_session_holds_for_thirty_days_or_until_its_end(connection: Connection) -> None:
    code = make_link(connection, "ani", NOW)
    session = use_link(connection, code, NOW)
    assert session is not None
    assert who(connection, session, "session", NOW + SESSION_LIFE_MS - 1) == "ani"
    assert who(connection, session, "session", NOW + SESSION_LIFE_MS) is None
    end_session(connection, session)
    assert who(connection, session, "session", NOW) is None


def test_a_token_holds_until_it_is_revoked(connection: Connection) -> None:
    token = make_token(connection, "ani", "grafana", NOW)
    assert who(connection, token, "token", NOW + 10 * SESSION_LIFE_MS) == "ani"
    assert revoke(connection, "ani") == 1
    assert who(connection, token, "token", NOW) is None


def test_a_secret_opens_only_what_it_was_made_for(connection: Connection) -> None:
    token, code = make_token(connection, "ani", "", NOW), make_link(connection, "ani", NOW)
    assert who(connection, token, "session", NOW) is None
    assert use_link(connection, token, NOW) is None
    assert who(connection, code, "session", NOW) is None
    end_session(connection, token)
    assert who(connection, token, "token", NOW) == "ani"


def test_the_record_does_not_know_the_secrets(connection: Connection) -> None:
    secrets = [make_token(connection, "ani", "", NOW), make_link(connection, "ani", NOW)]
    kept = [str(value) for row in connection.execute(select(credential)) for value in row]
    assert not set(secrets) & set(kept)
    assert all(len(secret) >= 43 for secret in secrets)  # 256 bits in base64


def test_expired_secrets_go_when_a_link_is_made(connection: Connection) -> None:
    make_link(connection, "ani", NOW)
    make_token(connection, "ani", "grafana", NOW)
    make_link(connection, "ani", NOW + LINK_LIFE_MS)
    assert connection.execute(select(credential.c.kind).order_by(credential.c.kind)).scalars().all() == [
        "link",
        "token",
    ]


def test_an_account_shows_its_tokens_and_sessions(connection: Connection) -> None:
    make_token(connection, "ani", "grafana", NOW)
    make_token(connection, "ani", "cadangan", NOW + 1)
    use_link(connection, make_link(connection, "ani", NOW), NOW)
    shown = Account("ani", "administrator", NOW, ("grafana", "cadangan"), 1, logged_in_ms=NOW)
    assert accounts(connection, NOW + 2) == [shown]
    assert accounts(connection, NOW + SESSION_LIFE_MS)[0].sessions == 0
