from __future__ import annotations

import hashlib
import hmac
import socket
import threading
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from api.channels import channels, scheme_of
from api.channels.errors import NotDelivered
from api.channels.webhook import Webhook
from tests.fixtures.webhook import Answer, WebhookReceiver

NOW_MS = 1_793_000_000_250
BODY = '{"event":"firing","text":{"id":"Loket 22 kosong – é"}}'.encode()


def failure(url: str, environ: dict[str, str] | None = None) -> NotDelivered:
    with pytest.raises(NotDelivered) as raised:
        Webhook(environ or {}).send(url, "k", BODY, NOW_MS)
    return raised.value


def test_the_body_arrives_as_it_is_with_its_key_and_a_signature_of_both_time_and_body(webhook: WebhookReceiver) -> None:
    Webhook({"HOOK_SECRET": "s3cret@/:"}).send(
        webhook.url("/hook?a=1", "{env:HOOK_SECRET}"), "a1.firing.b.0", BODY, NOW_MS
    )
    (request,) = webhook.requests
    signed = hmac.new(b"s3cret@/:", b"1793000000." + BODY, hashlib.sha256).hexdigest()
    assert (request.path, request.body, request.key) == ("/hook?a=1", BODY, "a1.firing.b.0")
    assert request.headers["Hadir-Signature"] == f"t=1793000000,v1={signed}"
    assert request.headers["Content-Type"] == "application/json"
    assert "Authorization" not in request.headers


def test_a_secret_may_stand_in_the_url_itself(webhook: WebhookReceiver) -> None:
    Webhook({}).send(webhook.url(secret="p%40ss"), "k", BODY, NOW_MS)
    signed = hmac.new(b"p@ss", b"1793000000." + BODY, hashlib.sha256).hexdigest()
    assert webhook.requests[0].headers["Hadir-Signature"] == f"t=1793000000,v1={signed}"


def test_without_a_secret_nothing_is_signed(webhook: WebhookReceiver) -> None:
    Webhook({}).send(webhook.url(), "k", BODY, NOW_MS)
    assert "Hadir-Signature" not in webhook.requests[0].headers


def test_a_token_in_the_path_comes_from_the_environment(webhook: WebhookReceiver) -> None:
    Webhook({"TOKEN": "a/b"}).send(webhook.url("/in/{env:TOKEN}"), "k", BODY, NOW_MS)
    assert webhook.requests[0].path == "/in/a%2Fb"


def test_a_missing_secret_is_named_and_waited_for(webhook: WebhookReceiver) -> None:
    error = failure(webhook.url(secret="{env:HOOK_SECRET}"))
    assert (str(error), error.again) == ("the environment has no HOOK_SECRET; set it and start again", True)
    assert webhook.requests == []


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503, 599])
def test_what_may_pass_is_tried_again(webhook: WebhookReceiver, status: int) -> None:
    webhook.usual = Answer(status)
    error = failure(webhook.url())
    assert (str(error), error.again, error.after_s) == (f"answered {status}", True, None)


@pytest.mark.parametrize("status", [400, 401, 404, 410, 422])
def test_what_the_receiver_refuses_is_not_tried_again(webhook: WebhookReceiver, status: int) -> None:
    webhook.usual = Answer(status)
    assert not failure(webhook.url()).again


def test_a_redirect_is_not_followed(webhook: WebhookReceiver) -> None:
    webhook.usual = Answer(307, {"Location": "/elsewhere"})
    assert not failure(webhook.url()).again
    assert len(webhook.requests) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("17", 17.0),
        (format_datetime(datetime.fromtimestamp(1_793_000_040, UTC), usegmt=True), 39.75),
        ("Mon, 01 Jan 2024 00:00:00 GMT", 0.0),
        ("999999999", 3600.0),
        ("soon", None),
        ("-5", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_garbage_is_nothing(
    webhook: WebhookReceiver, header: str, seconds: float | None
) -> None:
    webhook.usual = Answer(503, {"Retry-After": header})
    assert failure(webhook.url()).after_s == seconds


def test_a_receiver_that_is_not_there_is_tried_again_and_no_path_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        error = failure(f"hadir+http://:secret@127.0.0.1:{free.getsockname()[1]}/path-secret")
    assert (str(error), error.again) == ("cannot be reached: Connection refused", True)


def test_a_receiver_that_hangs_up_is_tried_again() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(10.0)
        hang_up = threading.Thread(target=lambda: server.accept()[0].close())
        hang_up.start()
        error = failure(f"hadir+http://127.0.0.1:{server.getsockname()[1]}/path-secret")
        hang_up.join()
    assert error.again
    assert str(error).startswith("the connection broke")


@pytest.mark.parametrize("host", ["192.0.2.1", "example.org", "127.0.0.1.example.org", "[2001:db8::1]"])
def test_plain_http_stays_on_this_machine(host: str) -> None:
    error = failure(f"hadir+http://{host}/hook")
    assert (str(error), error.again) == (
        "hadir+http goes to this machine only; write hadir+https in the site file",
        False,
    )


def test_a_server_whose_certificate_nobody_knows_gets_nothing(webhook: WebhookReceiver) -> None:
    error = failure(webhook.url().replace("hadir+http:", "hadir+https:"))
    assert (str(error), error.again) == ("no trusted connection: no TLS on its side", True)
    assert webhook.requests == []


@pytest.mark.parametrize("url", ["hadir+https://", "hadir+https://[1/x", "hadir+https://:s@/x"])
def test_a_url_without_a_host_is_given_up(url: str) -> None:
    assert not failure(url).again


def test_both_schemes_have_their_channel() -> None:
    assert set(channels({})) == {"hadir+http", "hadir+https"}
    assert scheme_of("hadir+https://:{env:S}@host/x") == "hadir+https"
