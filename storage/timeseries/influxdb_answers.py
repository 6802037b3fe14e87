"""What the answers of InfluxDB servers mean; pure. Facts tried on 1.6.7, read in the sources of 2.x and 3 Core."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from enum import Enum, IntEnum
from typing import Any, Final, NamedTuple

import msgspec

_RETRY_AFTER_LIMIT_S: Final = 300.0


class Dialect(IntEnum):
    """The major version of the server, as far as it answers differently."""

    V1 = 1
    V2 = 2
    V3 = 3


class Server(NamedTuple):
    """What stands behind a URL: `version` in its own words, for people."""

    dialect: Dialect
    version: str


def recognise(status: int, headers: Mapping[str, str], body: bytes) -> Server | None:
    """The server that answered thus to `GET /ping`, or to `GET /health`; None when it is no InfluxDB that we know.

    `headers`: asked in lower case. 1.x and 2.x put their version into a header, 2.x with a `v`; 3 answers in JSON, and
    where a proxy takes the headers off, `/health` of 1.8 and 2.x has the version in its JSON.
    """
    if status not in (200, 204):
        return None
    version = (headers.get("x-influxdb-version") or _field(body, "version")).removeprefix("v")
    if major := re.match(r"([123])\.", version):
        return Server(Dialect(int(major[1])), version)
    if headers.get("x-influxdb-build") == "Core":
        return Server(Dialect.V3, "3 Core")
    return None


class Verdict(Enum):
    STORED = "stored"
    SPLIT = "split"  # some line is at fault: find it
    DROP = "drop"  # lines older than the server keeps
    STOP = "stop"  # somebody must act
    RETRY = "retry"


class Decision(NamedTuple):
    """`words`: what the server said, short. `dropped`: how many lines it counted as too old, if it did."""

    verdict: Verdict
    words: str
    dropped: int | None = None


_Rule = tuple[str, frozenset[int], str, Verdict]


def _rule(dialects: str, statuses: tuple[int, ...], words: str, verdict: Verdict) -> _Rule:
    return dialects, frozenset(statuses), words, verdict


# The first rule that holds decides: dialects, statuses, a pattern in the words. What no rule knows is tried again.
_WRITE_RULES: Final[tuple[_Rule, ...]] = (
    _rule("123", (204,), "", Verdict.STORED),
    _rule("1", (400,), r"^(database is required|invalid precision)", Verdict.STOP),
    _rule("12", (400, 422), r"(beyond|outside) (of )?(the )?retention policy", Verdict.DROP),
    _rule("123", (400,), "", Verdict.SPLIT),
    _rule("2", (422,), "", Verdict.SPLIT),
    # A limit on databases, tables or columns.
    _rule("3", (422,), "", Verdict.STOP),
    _rule("123", (413,), "", Verdict.SPLIT),
    _rule("123", (401, 403, 404), "", Verdict.STOP),
    # Neither goes away by itself, although 500 sounds like it.
    _rule("12", (500,), r"retention policy not found|no space left on device", Verdict.STOP),
)


def decide(dialect: Dialect, status: int, body: bytes) -> Decision:
    """What an answer to a write means; a body may be JSON, text or empty."""
    words = words_of(body)
    for dialects, statuses, pattern, verdict in _WRITE_RULES:
        if str(dialect.value) in dialects and status in statuses and re.search(pattern, words):
            dropped = re.search(r"dropped=(\d+)", words) if verdict is Verdict.DROP else None
            return Decision(verdict, words, int(dropped[1]) if dropped else None)
    return Decision(Verdict.RETRY, words)


class Misconfigured(Exception):
    """Every single line fails with the same words: not the lines are at fault but the server, or how it is used."""


def faulty_lines(lines: Sequence[str], answer: Decision, post: Callable[[Sequence[str]], Decision]) -> dict[int, str]:
    """Index of each line that will never be stored -> why; all others are stored on return.

    `answer`: SPLIT or DROP, to all `lines` at once; `post` writes some of them (again: that changes nothing) and gives
    a verdict of STORED, SPLIT or DROP. Takes at most 2·log2(n) + 2 posts for each faulty line.
    Raises Misconfigured rather than condemn two or more lines that fail alike while none is stored.
    """
    faults: dict[int, str] = {}
    server_works = False
    ranges = [(0, len(lines), answer)]
    while ranges:
        start, end, answer = ranges.pop()
        if answer.verdict is Verdict.STORED:
            server_works = True
        elif end - start == 1 or answer.dropped == end - start:
            faults.update(dict.fromkeys(range(start, end), answer.words))
            server_works = server_works or answer.verdict is Verdict.DROP
        else:
            middle = (start + end) // 2
            ranges += [(a, b, post(lines[a:b])) for a, b in ((start, middle), (middle, end))]
    if not server_works and len(lines) > 1 and len({gist(words) for words in faults.values()}) == 1:
        raise Misconfigured(next(iter(faults.values())))
    return faults


def words_of(body: bytes) -> str:
    """The message in an answer, at most 300 characters."""
    detail = _field(body, "error_message")
    words = _field(body, "error") or _field(body, "message") or body.decode(errors="replace")
    return " ".join(f"{words}: {detail}".split() if detail else words.split())[:300]


def gist(words: str) -> str:
    """`words` without what differs from line to line: two lines with one gist have one fault."""
    return re.sub(r"'[^']*'|dropped=\d+|\bline \d+", "", words)


def retry_after_s(header: str | None, now_s: float) -> float | None:
    """Seconds from a Retry-After (a number, or an HTTP date), at most 300; None for none or a broken one."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - now_s
        except ValueError:
            return None
    return min(seconds, _RETRY_AFTER_LIMIT_S) if seconds > 0 else None


Cell = float | str | bool | None


class Table(msgspec.Struct):
    """A table of an answer: names of columns, and rows of as many cells; times are epoch ms."""

    columns: list[str] = []
    rows: list[list[Cell]] = msgspec.field(name="values", default_factory=list)
    partial: bool = False

    def records(self) -> list[dict[str, Cell]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class _Result(msgspec.Struct):
    series: list[Table] = []
    error: str | None = None
    partial: bool = False


class _Answer(msgspec.Struct):
    results: list[_Result] = []
    error: str | None = None


class BrokenAnswer(Exception):
    """An answer to a query that is an error, or not whole; `status` as sent, which may be 200.

    `lasting`: somebody must act, it will be the same the next time.
    """

    def __init__(self, status: int, words: str, *, lasting: bool = False) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.lasting = lasting or status in (400, 401, 403, 404)


_answer = msgspec.json.Decoder(_Answer)


def tables_of(status: int, body: bytes) -> list[Table]:
    """The tables in the answer to one InfluxQL statement; none when nothing is there.

    Raises BrokenAnswer for an error, also one inside an answer of status 200, and for what is cut short or partial.
    """
    if status != 200:
        raise BrokenAnswer(status, words_of(body))
    try:
        answer = _answer.decode(body)
    except msgspec.MsgspecError as error:
        raise BrokenAnswer(status, f"cut short or not understood ({error})") from None
    if fault := answer.error or next((result.error for result in answer.results if result.error), None):
        raise BrokenAnswer(status, fault, lasting="not found" in fault)
    if len(answer.results) != 1:
        raise BrokenAnswer(status, f"{len(answer.results)} results to one statement")
    (result,) = answer.results
    if result.partial or any(table.partial for table in result.series):
        raise BrokenAnswer(status, "only a part of the rows: the server's max-row-limit is too low", lasting=True)
    return result.series


def _field(body: bytes, name: str) -> str:
    """A text of that name in a JSON object, or in the first of the objects under its `data`; else empty."""
    try:
        value: Any = msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return ""
    for _ in range(2):
        if not isinstance(value, dict):
            return ""
        if isinstance(value.get(name), str):
            found: str = value[name]
            return found
        inner = value.get("data")
        value = inner[0] if isinstance(inner, list) and inner else inner
    return ""
