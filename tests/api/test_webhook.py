"""What other clouds post to us: by whom it may come, and where it goes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import queue
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from api.parts import Parts
from api.publishing import NotPublished, Publishing
from api.webhooks import NotSigned, Taken, check_signature, secret_name
from presence import topics
from storage.record import Record
from storage.record.registry import apply
from storage.record.users import Scope, make_account, make_token
from tests.builders import site
from tests.fixtures.mall import NOW
from tests.fixtures.web import Web, served
from transport.session import Message, Received, Session, parse_broker

PATH = "/api/v1/sites/balai/webhook/disruptive"
SECRET = "rahasia-yang-cukup-panjang"
BODY = b'{"event": {"eventId": "e1"}, "labels": {}}'


def signed(body: bytes = BODY, secret: str = SECRET, **claims: Any) -> str:
    given = {"checksum_sha256": hashlib.sha256(body).hexdigest(), "exp": NOW // 1000 + 60} | claims
    return jwt.encode({"alg": "HS256"}, given, OctKey.import_key(secret))


def test_a_body_as_it_was_signed_is_taken():
    assert check_signature(signed(), BODY, SECRET, NOW / 1000) == NOW // 1000 + 60 + 300
    older = {"checksum": hashlib.new("sha1", BODY, usedforsecurity=False).hexdigest(), "iat": NOW // 1000}
    check_signature(jwt.encode({"alg": "HS256"}, older, OctKey.import_key(SECRET)), BODY, SECRET, NOW / 1000)


@pytest.mark.parametrize(
    ("signature", "said"),
    [
        (signed(secret="another-that-is-long-enough"), "not by our secret"),
        (signed() + "x", "not by our secret"),
        ("", "not by our secret"),
        ("a.b.c", "not by our secret"),
        ("é", "not by our secret"),
        # Algorithms that need no secret.
        ("eyJhbGciOiJub25lIn0.e30.", "not by our secret"),
        (signed(b"{}"), "another body"),
        (jwt.encode({"alg": "HS256"}, {}, OctKey.import_key(SECRET)), "another body"),
        (signed(exp=NOW // 1000 - 300), "expired"),
        (signed(exp=None, iat=NOW // 1000 - 3901), "expired"),
        (signed(exp=None, iat=NOW // 1000 + 301), "in the future"),
        (signed(exp=None), "when it was made"),
        (signed(exp="never"), "expired"),
    ],
)
def test_any_other_signature_is_refused_in_words(signature: str, said: str):
    with pytest.raises(NotSigned, match=said):
        check_signature(signature, BODY, SECRET, NOW / 1000)


def test_the_secret_of_a_site_has_a_name_that_a_shell_takes():
    assert secret_name("mpp-contoh-2") == "HADIR_WEBHOOK_SECRET_MPP_CONTOH_2"
    alike = ["a-b", "a_b", "a--b", "a-_b", "a_-b", "a__b", "a-u-b", "a_u_b", "a-u_b", "aub"]
    assert len({secret_name(site) for site in alike}) == len(alike)


def test_what_was_taken_is_known_until_its_signature_ends():
    taken, handed_on = Taken(most=2), []

    def comes(signature: str, until_s: float, now_s: float) -> int:
        """How often its event was handed on so far."""

        async def hand_on() -> None:
            handed_on.append(signature.rpartition(".")[0])

        asyncio.run(taken.once(signature, until_s, now_s, hand_on))
        return handed_on.count(signature.rpartition(".")[0])

    one, other, third = signed(jti="1"), signed(jti="2"), signed(jti="3")
    assert [comes(each, NOW + 60, NOW) for each in (one, one, one + "=")] == [1, 1, 1]
    assert comes(other, NOW + 90, NOW + 60) == 1
    assert comes(one, NOW + 90, NOW + 60) == 2
    assert [comes(each, NOW + 90, NOW + 60) for each in (third, one, third, other)] == [1, 2, 1, 2]


class Slow:
    """A broker that takes its time; of the first `refuses` messages it says no."""

    def __init__(self, publishing: Publishing, refuses: int = 0) -> None:
        self.publishing, self.refuses, self.got = publishing, refuses, 0

    def publish(self, _message: Message) -> int:
        self.got += 1
        mid, loop = self.got, asyncio.get_running_loop()
        if mid <= self.refuses:
            loop.call_later(0.3, self.publishing.refused, mid, "quota exceeded")
        else:
            loop.call_later(0.3, self.publishing.published, mid)
        return mid


@pytest.mark.parametrize(("refuses", "said", "got"), [(0, [202, 202, 202], 1), (1, [202, 202, 503], 2)])
def test_of_equal_deliveries_at_once_one_is_handed_on(record: Record, refuses: int, said: list[int], got: int):
    web = Web(record, webhook_secrets={"HADIR_WEBHOOK_SECRET_BALAI": SECRET})
    web.apply(site())
    publishing = web.app.state.feed.publishing
    broker, signature = Slow(publishing, refuses), signed()

    async def deliver() -> list[int]:
        publishing.open(broker)
        transport = httpx.ASGITransport(web.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as cloud:
            ways = [cloud.post(PATH, content=BODY, headers={"x-dt-signature": signature}) for _ in said]
            return [answer.status_code for answer in await asyncio.gather(*ways)]

    assert sorted(asyncio.run(deliver())) == said
    assert broker.got == got


def token_of(record: Record, role: Any = "technician", scope: Scope = "write", **account: Any) -> str:
    with record.writing(durable=False) as connection:
        make_account(connection, "ani", NOW, role, **account)
        return make_token(connection, "ani", "", NOW, scope=scope)


@pytest.mark.parametrize(
    ("account", "status"),
    [
        ({"scope": "read"}, 403),
        ({"role": "viewer"}, 403),
        ({"role": "agency", "agency": "dinas"}, 403),
        ({"site": "sana"}, 404),
        ({}, 503),  # there is no broker
    ],
)
def test_who_may_post(web: Web, account: dict[str, Any], status: int):
    web.apply(site())
    token = token_of(web.record, **account)
    # A signature beside a token changes nothing: the token is what counts.
    answer = web.ask(authorization=f"Bearer {token}", **{"x-dt-signature": "x"}).post(PATH, content=BODY)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_without_token_or_signature_nothing_is_taken(demo: Web):
    demo.apply(site())
    assert demo.ask().post(PATH, content=BODY).status_code == 401
    answer = demo.ask(**{"x-dt-signature": signed()}).post(PATH, content=BODY)
    assert (answer.status_code, "HADIR_WEBHOOK_SECRET_BALAI" in answer.json()["error"]) == (401, True)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (PATH, b"", 400),
        (PATH, b"[]", 400),
        (PATH, b"{" + b" " * 70_000, 413),
        ("/api/v1/sites/balai/webhook/other", BODY, 400),
        ("/api/v1/sites/sana/webhook/disruptive", BODY, 404),
    ],
)
def test_what_is_no_event_is_refused(web: Web, path: str, body: bytes, status: int):
    web.apply(site())
    token = token_of(web.record)
    assert web.ask(authorization=f"Bearer {token}").post(path, content=body).status_code == status


class Listener:
    """The collector's side: what arrives on the topic."""

    def __init__(self, url: str) -> None:
        self.heard: queue.Queue[Received] = queue.Queue()
        self.connected: queue.Queue[bool] = queue.Queue()
        self.session = Session(
            parse_broker(url),
            client_id="listener",
            clean_start=True,
            session_expiry_s=0,
            subscriptions=(topics.webhook("+", "+"),),
            on_message=self._hear,
            on_connected=self.connected.put,
        )

    def _hear(self, received: Received) -> None:
        self.session.ack(received)
        self.heard.put(received)


@pytest.fixture
def listener(mosquitto: Any) -> Iterator[Listener]:
    listening = Listener(mosquitto.url)
    listening.session.start()
    listening.connected.get(timeout=30)
    yield listening
    listening.session.stop()


def test_an_event_goes_to_the_collector_by_the_broker_and_is_taken_then(
    record: Record, mosquitto: Any, listener: Listener
):
    with record.writing(durable=False) as connection:
        apply(connection, site(), prune=False, now_ms=NOW)
    token = token_of(record)
    parts = Parts(
        record=record,
        broker=parse_broker(mosquitto.url),
        now=lambda: NOW,
        webhook_secrets={"HADIR_WEBHOOK_SECRET_BALAI": SECRET},
    )
    with served(parts) as url, httpx.Client(base_url=url, trust_env=False) as client:
        ways = [{"authorization": f"Bearer {token}"}, {"x-dt-signature": signed()}]
        deadline = time.monotonic() + 30
        while client.get("/readyz").json()["broker"] != "ok":
            assert time.monotonic() < deadline
        for way in ways:
            answer = client.post(PATH, content=BODY, headers=way)
            assert (answer.status_code, answer.json()) == (202, {"taken": True})
            heard = listener.heard.get(timeout=10)
            assert (heard.topic, heard.payload) == ("hadir/1/balai/webhook/disruptive", BODY)
        # The cloud did not hear our answer, or somebody listened: the collector does not get it twice.
        assert client.post(PATH, content=BODY, headers=ways[1]).json() == {"taken": True}
        another = b'{"event": {"eventId": "e2"}}'
        client.post(PATH, content=another, headers={"x-dt-signature": signed(another)})
        assert listener.heard.get(timeout=10).payload == another
        wrong = client.post(PATH, content=BODY + b" ", headers={"x-dt-signature": signed()})
        assert (wrong.status_code, json.loads(wrong.text)["title"]) == (401, "Unauthorized")
        mosquitto.stop()
        gone = client.post(PATH, content=BODY, headers=ways[0])
        assert (gone.status_code, gone.headers["retry-after"]) == (503, "10")


class Mute:
    """A broker that says nothing by itself."""

    def publish(self, _message: Message) -> int:
        return 7


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (lambda publishing: publishing.published(7), None),
        (lambda publishing: publishing.refused(7, "quota exceeded"), "quota exceeded"),
        (lambda publishing: publishing.lost("went away"), "went away"),
        (lambda publishing: publishing.open(None), "the web process ends"),
        (lambda publishing: publishing.published(8), "did not answer within 0.05 s"),
    ],
)
def test_published_is_what_the_broker_says_it_has(happens: Any, said: str | None):
    async def run() -> None:
        publishing = Publishing()
        publishing.open(Mute())
        asyncio.get_running_loop().call_soon(happens, publishing)
        await publishing.publish(Message("a", b""), timeout_s=0.05)

    if said is None:
        asyncio.run(run())
    else:
        with pytest.raises(NotPublished, match=said):
            asyncio.run(run())
