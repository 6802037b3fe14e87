"""docs/api.md: every example in it is run, by a shell, and answers what stands there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from api.parts import Parts
from presence.alerts.life import Alert
from presence.site_file import parse_site
from storage.record import Record, audit
from storage.record.alerts import StoredAlert, put
from storage.record.registry import apply
from storage.record.users import make_account, make_token
from tests.fixtures.broker import RunningBroker
from tests.fixtures.mall import MINUTE, NOW
from tests.fixtures.web import Web, served
from transport.session import parse_broker

ROOT = Path(__file__).parents[2]
FIRED = NOW - 12 * MINUTE - 7_000


class Example(NamedTuple):
    """A shell's lines, and the answer that the page shows, None where it shows none."""

    lines: str
    answer: str | None


def examples() -> list[Example]:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    return [Example(*found) for found in re.findall(r"```sh\n(.*?)```\n(?:\n```json\n(.*?)```\n)?", text, re.DOTALL)]


@pytest.fixture
def token(record: Record) -> str:
    """Of an account at the example site, where the alert of the page stands."""
    example = parse_site((ROOT / "config" / "site.example.yaml").read_text(), "site.example.yaml")
    vacancy = Alert("vacancy", "outlet", "disdukcapil-1", FIRED - 10 * MINUTE, FIRED)
    with record.writing(durable=False) as connection:
        apply(connection, example, prune=False, now_ms=NOW)
        put(connection, example.id, StoredAlert("4f0c2d6b9a1e8f37", vacancy, False, None), NOW)
        make_account(connection, "dinas-kependudukan", NOW)
        return make_token(connection, "dinas-kependudukan", "layar lobi", NOW)


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
    record: Record, token: str, mosquitto: RunningBroker, tmp_path: Path
) -> None:
    found = examples()
    assert len(found) == 11
    with served(Parts(record=record, broker=parse_broker(mosquitto.url), now=lambda: NOW)) as url:
        wait_for_broker(url)
        for lines, answer in found:
            ran = subprocess.run(
                ["sh", "-euc", lines.replace("curl -s ", "curl -sS --fail-with-body --noproxy '*' ")],
                env={"PATH": "/usr/bin:/bin", "HADIR": url, "TOKEN": token},
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert ran.returncode == 0, (lines, ran.stdout, ran.stderr)
            if answer:
                assert json.loads(ran.stdout) == json.loads(answer)
    with record.reading() as connection:
        assert audit.verify(connection) == 7
