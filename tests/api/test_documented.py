"""docs/api.md: every example in it is run, by a shell, and answers what stands there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from api.parts import Parts
from presence.alerts.life import Alert
from presence.instants import parse_instant
from presence.intervals import Interval
from presence.site_file import parse_site
from storage.record import Record, audit
from storage.record.alerts import StoredAlert, put
from storage.record.intervals import revise, set_progress
from storage.record.registry import apply
from storage.record.users import make_account, make_token
from storage.timeseries import Point, Series, Store, open_store
from tests.fixtures.broker import RunningBroker
from tests.fixtures.mall import MINUTE, NOW
from tests.fixtures.web import Web, served
from transport.session import parse_broker

ROOT = Path(__file__).parents[2]
# How many there are on the page, and how many changes they make, each of which the audit log has.
EXAMPLES, CHANGES = 32, 24
FIRED = NOW - 12 * MINUTE - 7_000


class Example(NamedTuple):
    """A shell's lines, and what the page shows of the answer, "" where it shows nothing.

    `kind`: json, all of it; http, lines of the head of a refusal; text, lines of what comes.
    """

    lines: str
    kind: str
    answer: str


def examples() -> list[Example]:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    fences = r"```sh\n(.*?)```\n(?:\n```(json|http|text)\n(.*?)```\n)?"
    return [Example(*found) for found in re.findall(fences, text, re.DOTALL)]


@pytest.fixture
def token(record: Record) -> str:
    """Of an account at the example site, where the alert of the page stands."""
    example = parse_site((ROOT / "config" / "site.example.yaml").read_text(), "site.example.yaml")
    vacancy = Alert("vacancy", "outlet", "disdukcapil-1", FIRED - 10 * MINUTE, FIRED)
    with record.writing(durable=False) as connection:
        apply(connection, example, prune=False, now_ms=NOW)
        put(connection, example.id, StoredAlert("4f0c2d6b9a1e8f37", vacancy, False, None), NOW)
        empty = [Interval(FIRED - 39 * MINUTE, None, "vacant", 0.02)]
        revise(connection, example.id, "disdukcapil-1", "staff", 0, empty, NOW)
        set_progress(connection, example.id, NOW, spool="s", spool_id=1)
        make_account(connection, "dinas-kependudukan", NOW)
        return make_token(connection, "dinas-kependudukan", "layar lobi", NOW)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """What the radar of the example site said in two of three times ten minutes."""
    radar, from_ms = Series("mpp-contoh", "disdukcapil-1", "staff", "dk1-radar"), parse_instant("2026-11-24T03:00:00Z")
    said = {0: 0.7, 2: 3.1, 9: 0.9, 20: 0.8, 29: 1.2}
    opened = open_store(f"sqlite:///{tmp_path / 'readings'}")
    points = [Point(radar, from_ms + minute * MINUTE, {"distance": value}) for minute, value in said.items()]
    assert opened.write(points) == []
    yield opened
    opened.close()


def wait_for_broker(url: str) -> None:
    deadline = time.monotonic() + 30
    with httpx.Client(base_url=url, trust_env=False) as client:
        while client.get("/readyz").json()["broker"] != "ok":
            assert time.monotonic() < deadline


def test_the_problem_on_the_page_is_the_one_that_is_answered(demo: Web) -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8").partition("## What goes wrong")[2]
    (shown,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert demo.ask().get("/api/v1/alerts?limit=0").json() == json.loads(shown)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_examples_answer_what_the_page_says(
    record: Record, token: str, store: Store, mosquitto: RunningBroker, tmp_path: Path
) -> None:
    found = examples()
    assert len(found) == EXAMPLES
    secrets = {"HADIR_WEBHOOK_SECRET_MPP_CONTOH": "rahasia-yang-panjangnya-cukup-ya"}
    parts = Parts(
        record=record, broker=parse_broker(mosquitto.url), now=lambda: NOW, store=store, webhook_secrets=secrets
    )
    with served(parts) as url:
        wait_for_broker(url)
        for example in found:
            ran = subprocess.run(
                ["sh", "-euc", as_run(example)],
                env={"PATH": "/usr/bin:/bin", "HADIR": url, "TOKEN": token, **secrets},
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert ran.returncode == 0, (example.lines, ran.stdout, ran.stderr)
            if example.kind == "json":
                assert json.loads(ran.stdout) == json.loads(example.answer)
            else:
                assert set(example.answer.splitlines()) <= set(ran.stdout.splitlines()), (example.lines, ran.stdout)
    assert (tmp_path / "ledger.xlsx").read_bytes().startswith(b"PK")
    assert (tmp_path / "alerts.csv").read_text().startswith("site,")
    with record.reading() as connection:
        assert audit.verify(connection) == CHANGES


def as_run(example: Example) -> str:
    """The lines with the clock of the test; a refusal that is not shown fails."""
    fails = "" if example.kind == "http" else " --fail-with-body"
    lines = re.sub(r"curl -s(N?) ", rf"curl -sS\1{fails} --noproxy '*' ", example.lines)
    return lines.replace("$(date +%s)", str(NOW // 1000))
