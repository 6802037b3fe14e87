"""The step to revision 0010, on records that have a key of signed links."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select, text

from storage.record import Record
from storage.record.tables import signing_key
from tests.fixtures.record import record_of_before, scripts_until


def test_the_key_that_nobody_asks_for_goes_and_the_other_stays(new_record_url: str, tmp_path: Path) -> None:
    with record_of_before(new_record_url, scripts_until("0009", tmp_path)) as connection:
        insert = text("INSERT INTO signing_key (purpose, key, made_ms) VALUES (:purpose, :key, 0)")
        connection.execute(insert, [{"purpose": one, "key": b"k"} for one in ("sidak link", "oidc log-in")])
    with Record.open(new_record_url) as record, record.reading() as connection:
        assert list(connection.scalars(select(signing_key.c.purpose))) == ["oidc log-in"]
