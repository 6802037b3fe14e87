"""Readings in an InfluxDB server, 1.x, 2.x or 3 Core; which one it is, is found out when it is first spoken to."""

from __future__ import annotations

import base64
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import urllib3

from presence.errors import BadInput
from presence.readings import Reading
from storage.secret import secret
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
    words_of,
)
from storage.timeseries.line_protocol import LineEncoder
from storage.timeseries.points import Point, Refused, Series, StoreUnavailable, Unwritable

_Argument = TypeVar("_Argument")

_log = logging.getLogger("hadir.storage")

_CONNECT_TIMEOUT_S: Final = 5.0
_READ_TIMEOUT_S: Final = 30.0
_DAY_MS: Final = 86_400_000
# Of one sensor in one query. 3 Core refuses plans over more than 432 files, about 72 h.
_WINDOW_MS: Final = {Dialect.V1: 7 * _DAY_MS, Dialect.V2: 7 * _DAY_MS, Dialect.V3: _DAY_MS}
_SKEW_TOLD_S: Final = 5.0
_SELECT: Final = 'SELECT *::field FROM "reading"'
_REMEDY: Final = "write influxdb://host:8086/DATABASE"


class Address(NamedTuple):
    """Where a server is and how to be let in. `database` is what is queried, `bucket` where 2.x and 3 write."""

    tls: bool
    host: str
    port: int
    database: str
    bucket: str
    org: str
    user: str
    password: str
    token: str

    def __str__(self) -> str:
        """The URL without its secrets, for messages."""
        return f"influxdb{'+https' if self.tls else ''}://{self.host}:{self.port}/{self.database}"

    @property
    def http(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.tls else ''}://{host}:{self.port}"

    def authorization(self, dialect: Dialect | None) -> dict[str, str]:
        """The header that lets us in; a password without a token is the token of 2.x and 3."""
        later = dialect in (Dialect.V2, Dialect.V3)
        token = self.token or (self.password if later else "")
        if token and (later or not self.user):
            return {"Authorization": f"Token {token}"}
        if self.user:
            return {"Authorization": "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()}
        return {}


def parse_address(url: str, environment: Mapping[str, str]) -> Address:
    """Raises BadInput, without the URL in it: it may hold a password."""
    try:
        parts = urlsplit(url)
        port = parts.port or 8086
    except ValueError as error:
        raise BadInput("store URL", str(error), remedy=_REMEDY) from None
    options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    if unknown := options.keys() - {"org", "bucket", "token"}:
        raise BadInput("store URL", f"unknown option {min(unknown)!r}", remedy="org, bucket and token are known")
    database = unquote(parts.path.strip("/")) or options.get("bucket", "")
    if not parts.hostname or not re.fullmatch(r'[^"\\\x00-\x1f]+', database):
        raise BadInput("store URL", "no host, or no database that could be", remedy=_REMEDY)
    return Address(
        tls=parts.scheme == "influxdb+https",
        host=parts.hostname,
        port=port,
        database=database,
        bucket=options.get("bucket", database),
        org=options.get("org", ""),
        user=unquote(parts.username or ""),
        password=secret(unquote(parts.password or ""), environment, source="store URL"),
        token=secret(options.get("token", ""), environment, source="store URL"),
    )


def open_url(url: str, environment: Mapping[str, str]) -> InfluxStore:
    """`influxdb://[user:password@]host:port/DATABASE`, for 2.x and 3 `?org=…&bucket=…&token=…`; `influxdb+https`."""
    return InfluxStore(parse_address(url, environment))


class InfluxStore:
    """A `Store` in the server at `address`, which is first spoken to by the first call.

    After anything that a person has to mend, and after a lost connection, the server is looked at anew: it may have
    been upgraded, or its database made, in the meantime.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._encoder = LineEncoder()
        self._http = _Http(address)
        self._client: _Client | None = None
        self._recognising = threading.Lock()
        self._server: Server | None = None
        self._announced: Server | None = None

    def write(self, points: Sequence[Point]) -> list[Refused]:
        refused: list[Refused] = []
        kept: list[Point] = []
        lines: list[str] = []
        for point in points:
            try:
                lines.append(self._encoder.encode(point))
                kept.append(point)
            except Unwritable as fault:
                refused.append(Refused(point, str(fault)))
        if not lines:
            return refused
        dialect = self._recognised().dialect
        answer = self._post(dialect, lines)
        if answer.verdict is not Verdict.STORED:
            try:
                faults = faulty_lines(lines, answer, lambda some: self._post(dialect, some))
            except Misconfigured as fault:
                raise self._unavailable("write", f"every line is refused: {fault}", operator=True) from None
            refused += [Refused(kept[index], reason) for index, reason in sorted(faults.items())]
        return refused

    def read(self, series: Iterable[Series], from_ms: int, to_ms: int) -> list[Reading]:
        dialect = self._recognised().dialect
        window_ms = _WINDOW_MS[dialect]
        readings: list[Reading] = []
        for one in dict.fromkeys(series):
            for start_ms in range(from_ms, to_ms, window_ms):
                readings += self._read_window(dialect, one, start_ms, min(start_ms + window_ms, to_ms))
        readings.sort(key=attrgetter("at_ms", "sensor"))
        return readings

    def seal(self, now_ms: int) -> int:
        """Nothing: the server packs its files itself."""
        del now_ms
        return 0

    def check(self) -> str:
        self._server = None
        server = self._recognised()
        # A comment stores nothing. 2.x and 3 may answer 400 to it, but look at the credentials first.
        self._post(server.dialect, ["# hadir check"])
        self._query(server.dialect, f"{_SELECT} WHERE time >= 0ms AND time < 1ms")
        parts = [f"{self._address}: InfluxDB {server.version}, may be written and read"]
        if server.dialect is Dialect.V1:
            (policies,) = self._query(server.dialect, f'SHOW RETENTION POLICIES ON "{self._address.database}"')
            kept = next((row["duration"] for row in policies.records() if row["default"]), "0s")
            parts.append("kept for ever" if kept == "0s" else f"kept for {kept}")
        if abs(self._http.skew_s) > _SKEW_TOLD_S:
            parts.append(f"its clock is {self._http.skew_s:+.0f} s off ours")
        return ", ".join(parts)

    def close(self) -> None:
        self._http.close()
        if self._client is not None:
            self._client.close()

    def _recognised(self) -> Server:
        """The server behind the address, its database there where we can make one."""
        with self._recognising:
            if self._server is None:
                self._http.dialect = None
                server = self._ask_what_it_is()
                self._http.dialect = server.dialect
                made = False
                if server.dialect is Dialect.V1:
                    made = self._make_database()
                elif self._client is None:
                    self._client = _Client(self._address)
                if made or server != self._announced:
                    _log.info("%s: InfluxDB %s%s", self._address, server.version, ", database made" if made else "")
                self._server = self._announced = server
            return self._server

    def _ask_what_it_is(self) -> Server:
        for path in ("/ping", "/health"):
            answer = self._ask(f"GET {path}", self._http.get, path)
            if server := recognise(answer.status, answer.headers, answer.body):
                break
            if answer.status in (401, 403) or answer.status >= 500:
                words = words_of(answer.body)
                raise self._unavailable(f"GET {path}", words, answer.status, operator=answer.status < 500)
        else:
            raise self._unavailable("GET /ping", "no InfluxDB 1, 2 or 3 answers there", answer.status, operator=True)
        if server.dialect is Dialect.V2 and not (self._address.org and self._address.authorization(Dialect.V2)):
            words = f"InfluxDB {server.version} needs ?org=…&token={{env:NAME}} in the store URL"
            raise self._unavailable("write", words, operator=True)
        return server

    def _make_database(self) -> bool:
        """Whether the database was not there and is now."""
        name = self._address.database
        tables = self._query(Dialect.V1, "SHOW DATABASES")
        if any(row["name"] == name for table in tables for row in table.records()):
            return False
        try:
            self._query(Dialect.V1, f'CREATE DATABASE "{name}"')
        except StoreUnavailable as fault:
            if not fault.operator:
                raise
            words = f'no database "{name}" that we may use, and we may not make it; create it or grant it: {fault}'
            raise StoreUnavailable(words, operator=True) from None
        return True

    def _post(self, dialect: Dialect, lines: Sequence[str]) -> Decision:
        """STORED, SPLIT or DROP. Raises StoreUnavailable for the rest."""
        body = "\n".join(lines).encode()
        if dialect is Dialect.V1 or self._client is None:
            answer = self._ask("write", self._http.post_lines, body)
        else:
            answer = self._ask("write", self._client.post_lines, body)
        decision = decide(dialect, answer.status, answer.body)
        if decision.verdict in (Verdict.STOP, Verdict.RETRY):
            raise self._unavailable(
                "write",
                decision.words,
                answer.status,
                operator=decision.verdict is Verdict.STOP,
                retry_after_s=retry_after_s(answer.headers.get("retry-after"), time.time()),
            )
        return decision

    def _read_window(self, dialect: Dialect, series: Series, from_ms: int, to_ms: int) -> list[Reading]:
        tags = " AND ".join(f'"{tag}" = ${tag}' for tag in series._fields)
        statement = f"{_SELECT} WHERE {tags} AND time >= {from_ms}ms AND time < {to_ms}ms"
        readings: list[Reading] = []
        for table in self._query(dialect, statement, series._asdict()):
            names = table.columns[1:]
            for at_ms, *numbers in table.rows:
                assert isinstance(at_ms, float)
                # Fields of other sensors are null here, and what is no number is not ours.
                values = {name: n for name, n in zip(names, numbers, strict=True) if type(n) is float}
                if values:
                    readings.append(Reading(series.sensor, int(at_ms), values))
        return readings

    def _query(self, dialect: Dialect, statement: str, bound: Mapping[str, str] | None = None) -> list[Table]:
        form = {"db": self._address.database, "q": statement, "epoch": "ms"}
        if bound:
            form["params"] = json.dumps(bound)
        answer = self._ask("query", self._http.query, form)
        try:
            return tables_of(answer.status, answer.body)
        except BrokenAnswer as fault:
            # 3 makes a database at the first write; until then there is nothing in it.
            if dialect is Dialect.V3 and re.search("database.*not found", fault.words, re.IGNORECASE):
                return []
            raise self._unavailable("query", fault.words, fault.status, operator=fault.lasting) from None

    def _ask(self, what: str, ask: Callable[[_Argument], _Answer], argument: _Argument) -> _Answer:
        try:
            return ask(argument)
        except urllib3.exceptions.HTTPError as error:
            self._server = None
            # urllib3 puts the connection in front of the reason.
            words = re.sub(r"^\w+\(.*?\): ", "", str(error))
            raise self._unavailable(what, f"no answer: {words}", operator=False) from None

    def _unavailable(
        self,
        what: str,
        words: str,
        status: int | None = None,
        *,
        operator: bool,
        retry_after_s: float | None = None,
    ) -> StoreUnavailable:
        if operator:
            self._server = None
        status_words = f"{status} on {what}" if status else what
        remedy = {
            401: "user, password or token are not accepted",
            403: f'this user or token may not use database "{self._address.database}"',
            404: f'no database or bucket "{self._address.bucket}"',
        }.get(status or 0)
        told = "; ".join(filter(None, (remedy, words))) or "no reason given"
        return StoreUnavailable(
            f"{self._address}: {status_words}: {told}", retry_after_s=retry_after_s, operator=operator
        )


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]  # asked in lower case, whatever their own
    body: bytes


class _Http:
    """Requests by urllib3 on kept connections, never repeated by themselves. All raise urllib3.exceptions.HTTPError."""

    def __init__(self, address: Address) -> None:
        self._address = address
        pool = urllib3.HTTPSConnectionPool if address.tls else urllib3.HTTPConnectionPool
        timeout = urllib3.Timeout(connect=_CONNECT_TIMEOUT_S, read=_READ_TIMEOUT_S)
        self._pool = pool(address.host, address.port, maxsize=4, timeout=timeout, retries=False)
        self._write_path = "/write?" + urlencode({"db": address.database, "precision": "ms"})
        # None while it is not known: decides how we say who we are.
        self.dialect: Dialect | None = None
        # How far the server's clock was ahead of ours at the last GET.
        self.skew_s = 0.0

    def get(self, path: str) -> _Answer:
        answer = self._request("GET", path)
        if date := answer.headers.get("date"):
            self.skew_s = parsedate_to_datetime(date).timestamp() - time.time()
        return answer

    def post_lines(self, body: bytes) -> _Answer:
        """As 1.x takes them."""
        return self._request("POST", self._write_path, body=body)

    def query(self, form: Mapping[str, str]) -> _Answer:
        return self._request("POST", "/query", fields=dict(form), encode_multipart=False)

    def _request(self, method: str, path: str, **content: Any) -> _Answer:
        headers = self._address.authorization(self.dialect)
        answer = self._pool.request(method, path, headers=headers, redirect=False, **content)
        return _Answer(answer.status, answer.headers, answer.data)

    def close(self) -> None:
        self._pool.close()


class _Client:
    """Writes by influxdb-client, as 2.x and 3 take them."""

    def __init__(self, address: Address) -> None:
        # Imported only where such a server was found: it takes 300 ms and 40 MB.
        from influxdb_client.client.influxdb_client import InfluxDBClient
        from influxdb_client.rest import ApiException
        from influxdb_client.service.write_service import WriteService

        self._refusal = ApiException
        self._address = address
        self._client: Any = InfluxDBClient(
            url=address.http,
            token=address.token or address.password,
            org=address.org,
            timeout=(int(_CONNECT_TIMEOUT_S * 1000), int(_READ_TIMEOUT_S * 1000)),
        )
        # The service under the client's synchronous WriteApi, which would take any 2xx for stored.
        self._service: Any = WriteService(self._client.api_client)  # type: ignore[no-untyped-call]

    def post_lines(self, body: bytes) -> _Answer:
        """Raises urllib3.exceptions.HTTPError."""
        try:
            _, status, headers = self._service.post_write_with_http_info(
                self._address.org, self._address.bucket, body, precision="ms"
            )
        except self._refusal as refusal:
            if not refusal.status:
                raise urllib3.exceptions.SSLError(refusal.reason) from None
            return _Answer(refusal.status, refusal.headers, (refusal.body or "").encode())
        except UnicodeDecodeError:
            raise urllib3.exceptions.ProtocolError("an answer that is no text") from None
        return _Answer(status, headers, b"")

    def close(self) -> None:
        self._client.close()
