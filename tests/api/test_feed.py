"""The stream as a program hears it: the real server, a real broker, a clock that tests put forward."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx
import pytest

from api.app import create_app, serve
from api.parts import Parts
from presence import topics
from presence.alerts.life import Alert
from presence.instants import rfc3339
from storage.record import Record
from storage.record.acknowledgements import Answer
from storage.record.alerts import Cursor, set_cursor
from storage.record.intervals import set_progress
from storage.record.registry import raise_version
from tests.fixtures.hadir_command import eventually
from tests.fixtures.mall import MINUTE, NOW, Mall, floor_of
from tests.fixtures.record import declare_long_ago
from transport.session import NotConnected, parse_broker


class Event(NamedTuple):
    id: str | None
    kind: str
    data: dict[str, Any]


@contextmanager
def stream(url: str, query: str = "", **headers: str) -> Iterator[Callable[[str], Event]]:
    """What gives the next event of a kind, and fails when the server says nothing for a minute."""
    with httpx.stream("GET", f"{url}/api/v1/live/stream{query}", headers=headers, timeout=60) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = _events(answer.iter_lines())
        yield lambda kind: next(event for event in events if kind in (event.kind, "any"))


def _events(lines: Iterator[str]) -> Iterator[Event]:
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "event" in fields:
            yield Event(fields.get("id"), fields["event"], json.loads(fields["data"]))
            fields = {}


def statuses(body: dict[str, Any]) -> list[str]:
    return [outlet["status"] for outlet in body["outlets"]]


def test_a_snapshot_comes_first_and_then_what_changes(mall: Mall, url: str):
    eventually(lambda: statuses(httpx.get(f"{url}/api/v1/live").json()) == ["staffed"] * 4)
    with stream(url) as following:
        first = following("any")
        assert (first.kind, statuses(first.data)) == ("snapshot", ["staffed"] * 4)
        assert (first.data["sites"], first.data["untrusted"], first.data["alerts"]) == ({"balai": 1}, {}, [])
        mall.outlet("a-2", "vacant", since_ms=mall.now() - MINUTE)
        changed = following("occupancy")
        assert (changed.data["outlet"], changed.data["status"]) == ("a-2", "vacant")
        assert changed.id is not None
        assert first.id is not None
        assert int(changed.id) > int(first.id)
        mall.alert(Alert("vacancy", "outlet", "a-2", mall.now() - 10 * MINUTE, mall.now()))
        alert = following("alert").data
        assert (alert["kind"], alert["outlet"], alert["state"]) == ("vacancy", "a-2", "firing")
        assert set(following("heartbeat").data) == {"at"}


def test_who_comes_back_hears_only_what_he_missed(mall: Mall, url: str):
    with stream(url) as following:
        mall.outlet("a-1", "vacant")
        seen = following("occupancy")
        mall.outlet("a-2", "vacant")
        missed = following("occupancy")
    assert seen.id is not None
    with stream(url, **{"Last-Event-ID": seen.id}) as following:
        assert following("any") == missed
    for unknown in ("1", "9" * 5000):
        with stream(url, **{"Last-Event-ID": unknown}) as following:
            assert following("any").kind == "snapshot"


def test_a_stream_can_be_of_one_site(mall: Mall, url: str):
    with stream(url, "?site=balai") as following:
        assert list(following("snapshot").data["sites"]) == ["balai"]
    assert httpx.get(f"{url}/api/v1/live/stream?site=lain").status_code == 404


def test_a_change_of_the_registry_is_a_new_snapshot(mall: Mall, url: str):
    eventually(lambda: httpx.get(f"{url}/readyz").status_code == 200)
    with stream(url) as following:
        assert following("snapshot").data["sites"] == {"balai": 1}
        mall.register(floor_of(5))
        # On a busy machine one of another cause may come before it.
        renewed = next(found for _ in range(9) if (found := following("snapshot").data)["sites"] == {"balai": 2})
        assert renewed["outlets"][4]["status"] == "unknown"


def test_what_was_declared_long_ago_is_not_read_again_with_each_change(mall: Mall, url: str):
    eventually(lambda: httpx.get(f"{url}/readyz").status_code == 200)
    with mall.record.writing(durable=False) as connection:
        declare_long_ago(connection, mall.now(), 100)
    with stream(url) as following:
        following("snapshot")
        with mall.record.writing(durable=False) as connection:
            raise_version(connection, "balai", mall.now())
        assert any(following("snapshot").data["sites"] == {"balai": 2} for _ in range(9))


def test_a_collector_that_falls_silent_makes_its_site_unknown_until_it_speaks(mall: Mall, url: str):
    eventually(lambda: httpx.get(f"{url}/readyz").status_code == 200)
    with stream(url) as following:
        assert statuses(following("snapshot").data) == ["staffed"] * 4
        mall.ahead_ms += 31_000
        silent = following("snapshot").data
        assert (statuses(silent), silent["untrusted"]["balai"]["cause"]) == (["unknown"] * 4, "collector")
        assert statuses(httpx.get(f"{url}/api/v1/live").json()) == ["unknown"] * 4
        ready = httpx.get(f"{url}/readyz")
        assert (ready.status_code, ready.json()["feeds"]) == (503, "no collector is heard for balai")
        mall.collector()
        assert statuses(following("snapshot").data) == ["staffed"] * 4
    everything = {"ready": True, "broker": "ok", "record": "ok", "feeds": "ok"}
    eventually(lambda: httpx.get(f"{url}/readyz").json() == everything)


def test_that_nobody_raises_alerts_any_more_is_told_until_somebody_does(mall: Mall, url: str):
    def engine(reached_ms: int, known_ms: int) -> None:
        with mall.record.writing(durable=False) as connection:
            set_cursor(connection, "balai", Cursor(0, 1, reached_ms))
            set_progress(connection, "balai", known_ms, spool="s", spool_id=1)

    eventually(lambda: httpx.get(f"{url}/readyz").status_code == 200)
    with stream(url) as following:
        assert following("snapshot").data["unwatched"] == {}
        engine(NOW, NOW + 61_000)
        assert following("snapshot").data["unwatched"] == {"balai": rfc3339(NOW)}
        engine(NOW + 60_000, NOW + 62_000)
        assert following("snapshot").data["unwatched"] == {}


def test_without_its_broker_the_page_knows_nothing_and_recovers_with_it(mall: Mall, url: str, mosquitto: Any):
    eventually(lambda: httpx.get(f"{url}/readyz").status_code == 200)
    with stream(url) as following:
        following("snapshot")
        mosquitto.stop()
        eventually(lambda: httpx.get(f"{url}/readyz").json()["broker"] != "ok")
        mall.ahead_ms += 31_000
        silent = following("snapshot").data
        assert (statuses(silent), silent["untrusted"]["balai"]["cause"]) == (["unknown"] * 4, "broker")
        mosquitto.restart()
        eventually(lambda: speaks(mall))
        while following("snapshot").data["untrusted"]:
            pass
    assert statuses(httpx.get(f"{url}/api/v1/live").json()) == ["staffed"] * 4


def speaks(mall: Mall) -> bool:
    try:
        mall.collector()
    except NotConnected:
        return False
    return True


def test_what_breaks_the_contract_is_counted_and_changes_nothing(mall: Mall, url: str):
    eventually(lambda: statuses(httpx.get(f"{url}/api/v1/live").json()) == ["staffed"] * 4)
    mall.say(topics.outlet_occupancy("balai", "a-1"), {"status": "asleep"}, retain=False)
    eventually(lambda: "hadir_web_messages_not_understood_total 1" in httpx.get(f"{url}/metrics").text)
    assert statuses(httpx.get(f"{url}/api/v1/live").json()) == ["staffed"] * 4


def test_a_message_that_reaches_somebody_is_told_though_the_alert_stays_as_it_is(mall: Mall, url: str):
    fired_ms = mall.now()
    with stream(url) as following:
        following("snapshot")
        mall.alert(Alert("vacancy", "outlet", "a-2", fired_ms - 10 * MINUTE, fired_ms))
        assert following("alert").data["told"] == []
        mall.deliver("vacancy", "a-2", fired_ms - 10 * MINUTE)
        assert [told["to"] for told in following("alert").data["told"]] == ["koordinator"]


def test_an_answer_reaches_the_stream_and_so_does_the_end_of_its_time(mall: Mall, url: str):
    eventually(lambda: httpx.get(f"{url}/readyz").status_code == 200)
    vacancy = Alert("vacancy", "outlet", "a-2", mall.now() - 10 * MINUTE, mall.now())
    with stream(url) as following:
        following("snapshot")
        mall.alert(vacancy)
        assert following("alert").data["state"] == "firing"
        mall.acknowledge(vacancy, Answer("equipment", "printer", 10 * MINUTE))
        told = following("alert").data
        assert (told["state"], told["acknowledged"]["by"], told["acknowledged"]["note"]) == (
            "acknowledged",
            "ani",
            "printer",
        )
        assert 'hadir_alerts_acknowledged{site="balai"} 1' in httpx.get(f"{url}/metrics").text
        mall.ahead_ms += 10 * MINUTE
        again = following("alert").data
        assert (again["id"], again["state"]) == (told["id"], "firing")
        assert 'hadir_alerts_firing{site="balai"} 1' in httpx.get(f"{url}/metrics").text


@pytest.mark.parametrize("path", ["/", "/api/v1/live", "/api/v1/alerts"])
def test_the_demo_answers_real_clients_of_this_machine(url: str, path: str):
    assert httpx.get(url + path).status_code == 200
    assert httpx.get(url + path, headers={"Host": "rebound.example"}).status_code == 401


def test_a_feed_that_fails_ends_the_process_with_its_error(record: Record, mosquitto: Any):
    broken = threading.Event()

    def now() -> int:
        if broken.is_set():
            raise ArithmeticError("the clock is broken")
        return NOW

    app = create_app(Parts(record=record, broker=parse_broker(mosquitto.url), now=now))
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as threads:
        served = threads.submit(serve, app, listening, threading.Event())
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/healthz"
        eventually(lambda: httpx.get(address).status_code == 200)
        broken.set()
        error = served.exception(timeout=60)
    assert isinstance(error, ExceptionGroup)
    assert error.subgroup(ArithmeticError) is not None
