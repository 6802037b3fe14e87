"""`hadir replay` on the public scenarios: every line of every right answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from presence.instants import parse_instant
from presence.intervals import Span
from presence.pipeline import replay
from presence.readings_csv import read_csv
from presence.site_file import parse_site

SCENARIOS = Path(__file__).parents[1] / "vectors" / "scenarios"
# What a scenario is about where its `kinds.txt` does not say; the other kinds are no part of its answer.
KINDS = {
    "vacancy",
    "unattended",
    "late_opening",
    "sensor_silent",
    "gateway_offline",
    "site_outage",
    "interval",
    "ledger",
}
NOT_COMPARED = {"p", "equipment_down_s"}


def comparable(line: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key not in ("p", "equipment_down_s")}


@pytest.mark.parametrize("scenario", sorted(path.name for path in SCENARIOS.iterdir()))
def test_scenario(scenario: str):
    folder = SCENARIOS / scenario
    site = parse_site((folder / "site.yaml").read_text(), "site.yaml")
    with (folder / "readings.csv").open(newline="") as lines:
        found = read_csv(lines, "readings.csv")
    words = (folder / "args.txt").read_text().split() if (folder / "args.txt").exists() else []
    given = dict(zip(words[::2], words[1::2], strict=True))
    assert found.first_ms is not None
    assert found.last_ms is not None
    start_ms = parse_instant(given["--from"]) if "--from" in given else found.first_ms
    end_ms = parse_instant(given["--to"]) if "--to" in given else found.last_ms

    expected = [json.loads(line) for line in (folder / "expected.jsonl").read_text().splitlines()]
    kinds = set((folder / "kinds.txt").read_text().split()) if (folder / "kinds.txt").exists() else KINDS
    expected = [line for line in expected if line.get("kind", line["type"]) in kinds]
    lines_found = list(replay(site, found.readings, Span(start_ms, end_ms)).lines())
    lines_found = [line for line in lines_found if line.get("kind", line["type"]) in kinds]

    key = lambda line: json.dumps(line, sort_keys=True)  # noqa: E731
    assert sorted(map(comparable, lines_found), key=key) == sorted(map(comparable, expected), key=key)
