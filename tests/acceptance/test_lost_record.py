"""The server of the record is killed under running parts: each says so once, and all goes on when it is back."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from storage.record import Record
from storage.record.tables import occupancy_interval
from tests.fixtures.broker import RunningBroker
from tests.fixtures.hadir_command import Hadir, eventually
from tests.fixtures.officers import SITE, officers
from tests.fixtures.postgres import PASSWORD, Postgres
from tests.fixtures.webhook import WebhookReceiver


@pytest.fixture
def killed(postgres: Postgres, postgresql_record: str) -> Iterator[Postgres]:
    """The server of the record, to be killed."""
    yield postgres
    postgres.stop()
    postgres.start()


def test_what_happens_while_the_record_is_away_is_found_out_when_it_is_back(
    mosquitto: RunningBroker,
    killed: Postgres,
    postgresql_record: str,
    webhook: WebhookReceiver,
    tmp_path: Path,
    hadir: Hadir,
) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(SITE.format(channel=webhook.url()))
    hadir.environment |= {
        "HADIR_BROKER": mosquitto.url,
        "HADIR_RECORD": postgresql_record.replace(PASSWORD, "{env:RECORD_PASSWORD}"),
        "RECORD_PASSWORD": PASSWORD,
    }
    applied = hadir.run("site", "apply", str(site))
    assert applied.returncode == 0, applied.stderr
    with officers(mosquitto.url) as present:
        collector = hadir.start("collector", "run")
        api = hadir.start("api", "run", "--port", "0")
        page = eventually(lambda: hadir.said_by(api).partition("pages: ")[2].partition("\n")[0])
        eventually(lambda: readiness(page) == (200, "ok"))
        killed.kill()
        eventually(lambda: "until it answers" in hadir.said_by(collector))
        present["s-1"] = False
        eventually(lambda: "Connection refused" in readiness(page)[1])
        assert (readiness(page)[0], status(f"{page}api/v1/live")) == (503, 503)
        assert webhook.requests == []
        killed.start()
        (firing,) = webhook.wait_for(1, within_s=60.0)
        present["s-1"] = True
        eventually(lambda: readiness(page) == (200, "ok"))
        webhook.wait_for(2, within_s=60.0)
    assert [request.json["event"] for request in webhook.requests] == ["firing", "resolved"]
    assert firing.json["outlet"]["id"] == "loket-1"
    assert (hadir.stop(collector), hadir.stop(api)) == (0, 0)
    assert states(postgresql_record, "loket-1")[-3:] == ["occupied", "vacant", "occupied"]
    assert states(postgresql_record, "loket-2")[-1:] == ["occupied"]
    for child in (collector, api):
        said = hadir.said_by(child)
        assert (said.count("until it answers"), said.count("answers again")) == (1, 1), said
        assert PASSWORD not in said
        assert "internal error" not in said


def readiness(page: str) -> tuple[int, str]:
    """Status of /readyz, and what it says of the record."""
    try:
        with urllib.request.urlopen(f"{page}readyz", timeout=30) as answer:
            return answer.status, json.load(answer)["record"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["record"]


def status(address: str) -> int:
    """What somebody is answered whose token must be looked up."""
    asked = urllib.request.Request(address, headers={"Authorization": "Bearer t"})
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            found: int = answer.status
    except urllib.error.HTTPError as error:
        return error.code
    return found


def states(record_url: str, outlet: str) -> list[str]:
    """What its staff zone was, in order."""
    rows = occupancy_interval.c
    query = select(rows.state).where(rows.outlet == outlet, rows.superseded_ms.is_(None)).order_by(rows.start_ms)
    with Record.open(record_url, create=False) as record, record.reading() as connection:
        return list(connection.scalars(query))
