"""The record on each of its databases: every test of what the record does runs on all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from storage.record import Record


@pytest.fixture
def record(record_url: str) -> Iterator[Record]:
    with Record.open(record_url) as record:
        yield record


@pytest.fixture
def connection(record: Record) -> Iterator[Connection]:
    """A writing transaction."""
    with record.writing(durable=False) as connection:
        yield connection
