from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.timeseries.influxdb_answers import (
    BrokenAnswer,
    Decision,
    Dialect,
    Misconfigured,
    Server,
    Table,
    Verdict,
    decide,
    faulty_lines,
    recognise,
    retry_after_s,
    tables_of,
)

VECTORS = Path(__file__).parents[2] / "vectors/store"


def _vectors(name: str) -> list[Any]:
    return [pytest.param(case, id=case["id"]) for case in json.loads((VECTORS / name).read_text())]


@pytest.mark.parametrize("case", _vectors("servers.json"))
def test_a_server_is_known_by_its_answer_to_ping_or_health(case: dict[str, Any]) -> None:
    wanted = Server(Dialect(case["dialect"]), case["version"]) if case["dialect"] else None
    assert recognise(case["status"], case["headers"], case["body"].encode()) == wanted


@pytest.mark.parametrize("case", _vectors("write_answers.json"))
def test_an_answer_to_a_write_has_one_meaning(case: dict[str, Any]) -> None:
    for dialect in case["dialects"]:
        decision = decide(Dialect(dialect), case["status"], case["body"].encode())
        assert (decision.verdict, decision.dropped) == (Verdict(case["verdict"]), case.get("dropped"))
        assert decision.words == case.get("words", decision.words)


@given(st.sampled_from(Dialect), st.integers(100, 599), st.binary(max_size=40))
def test_nothing_but_204_says_that_points_are_stored(dialect: Dialect, status: int, body: bytes) -> None:
    assert (decide(dialect, status, body).verdict is Verdict.STORED) == (status == 204)


class _Shelf:
    """A server that stores what is not in `bad`, all or nothing (2, 3) or what it can (1.x); counts the posts."""

    def __init__(self, bad: dict[str, str], *, whole: bool = False) -> None:
        self.bad = bad
        self.whole = whole
        self.stored: set[str] = set()
        self.posts = 0

    def post(self, lines: Sequence[str]) -> Decision:
        self.posts += 1
        faults = [self.bad[line] for line in lines if line in self.bad]
        if not faults or not self.whole:
            self.stored |= {line for line in lines if line not in self.bad}
        return Decision(Verdict.SPLIT, faults[0]) if faults else Decision(Verdict.STORED, "")


@given(st.integers(1, 200), st.data(), st.booleans())
def test_poison_lines_are_found_and_all_others_stored(n: int, data: st.DataObject, whole: bool) -> None:
    lines = [f"line-{i}" for i in range(n)]
    bad = data.draw(st.sets(st.sampled_from(range(n)), min_size=1, max_size=max(1, n // 2)))
    shelf = _Shelf({lines[i]: f"unable to parse '{lines[i]}': no" for i in bad}, whole=whole)
    faults = faulty_lines(lines, shelf.post(lines), shelf.post)
    assert faults == {i: shelf.bad[lines[i]] for i in bad}
    assert shelf.stored == {lines[i] for i in range(n) if i not in bad}
    assert shelf.posts <= len(bad) * (2 * n.bit_length() + 2)


def test_when_every_line_fails_alike_the_lines_are_not_to_blame() -> None:
    lines = [f"line-{i}" for i in range(9)]
    shelf = _Shelf({line: f"unable to parse '{line}': field type conflict" for line in lines})
    with pytest.raises(Misconfigured, match="field type conflict"):
        faulty_lines(lines, shelf.post(lines), shelf.post)


def test_lines_that_all_fail_for_reasons_of_their_own_are_to_blame() -> None:
    shelf = _Shelf({"a": "missing tag value", "b": "bad timestamp"})
    assert faulty_lines(["a", "b"], shelf.post(["a", "b"]), shelf.post) == {0: "missing tag value", 1: "bad timestamp"}


def test_points_that_are_all_too_old_are_refused_without_a_search() -> None:
    old = Decision(Verdict.DROP, "partial write: points beyond retention policy dropped=3", 3)
    assert faulty_lines(["a", "b", "c"], old, lambda _: pytest.fail("asked again")) == dict.fromkeys(
        range(3), old.words
    )


def test_points_that_are_partly_too_old_are_told_apart() -> None:
    def post(lines: Sequence[str]) -> Decision:
        old = sum(line.startswith("old") for line in lines)
        return (
            Decision(Verdict.DROP, f"beyond retention policy dropped={old}", old)
            if old
            else Decision(Verdict.STORED, "")
        )

    lines = ["old-1", "old-2", "old-3", "new-1", "new-2", "old-4", "new-3"]
    assert sorted(faulty_lines(lines, post(lines), post)) == [0, 1, 2, 5]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("0", None),
        ("-3", None),
        ("86400", 300.0),
        ("Tue, 24 Nov 2026 03:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 02:00:00 GMT", None),
        ("soon", None),
        ("nan", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_otherwise_ignored(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, 1_795_489_200) == seconds


def test_tables_come_with_numbers_as_floats() -> None:
    table = b'{"name":"reading","columns":["time","distance"],"values":[[5,1],[6,null]]}'
    body = b'{"results":[{"statement_id":0,"series":[' + table + b"]}]}"
    assert tables_of(200, body) == [Table(["time", "distance"], [[5.0, 1.0], [6.0, None]])]


@pytest.mark.parametrize("body", [b'{"results":[{"statement_id":0}]}', b'{"results":[{"series":[]}]}'])
def test_an_unknown_measurement_is_no_table(body: bytes) -> None:
    assert tables_of(200, body) == []


@pytest.mark.parametrize(
    ("status", "body", "words", "lasting"),
    [
        (200, b'{"results":[{"statement_id":0,"error":"database not found: x"}]}', "database not found", True),
        (200, b'{"results":[{"statement_id":0,"error":"max-select-point limit exceeded"}]}', "limit exceeded", False),
        (200, b'{"error":"timeout"}', "timeout", False),
        (200, b'{"results":[]}', "0 results", False),
        (200, b'{"results":[{"series":[{"columns":["time"],"values":[[1]],"partial":true}]}]}', "max-row-limit", True),
        (200, b'{"results":[{"series":[],"partial":true}]}', "max-row-limit", True),
        (200, b'{"results":[{"series":[{"columns":["time"],"val', "cut short", False),
        (200, b"<html>Sign in</html>", "not understood", False),
        (400, b'{"error":"error parsing query: found EOF"}', "error parsing", True),
        (401, b"", "^$", True),
        (503, b"overloaded", "overloaded", False),
    ],
)
def test_a_broken_or_partial_answer_is_never_a_shorter_series(
    status: int, body: bytes, words: str, lasting: bool
) -> None:
    with pytest.raises(BrokenAnswer, match=words) as caught:
        tables_of(status, body)
    assert (caught.value.status, caught.value.lasting) == (status, lasting)
