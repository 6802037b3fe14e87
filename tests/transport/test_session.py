import contextlib
import logging
import os
import shutil
import socket
import subprocess
import threading
import uuid

import pytest

from hadir.broker import find_mosquitto
from tests.fixtures.hadir_command import eventually
from transport.session import Message, NotConnected, Session, TooLarge, parse_broker


class Relay:
    """A line to the broker that can be cut, and held so that nothing passes."""

    def __init__(self, port):
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets = []
        self._threads = [threading.Thread(target=self._accept)]
        self._open = threading.Event()
        self._open.set()
        self._threads[0].start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._port))
            except OSError:
                near.close()
                continue
            self._sockets += [near, far]
            for source, sink in ((near, far), (far, near)):
                self._threads.append(threading.Thread(target=self._pump, args=(source, sink)))
                self._threads[-1].start()

    def _pump(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                self._open.wait()
                sink.sendall(data)
        self._shut(source, sink)

    def _shut(self, *ends):
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self):
        self._shut(*self._sockets)

    def hold(self):
        self._open.clear()

    def let_go(self):
        self._open.set()

    def close(self):
        self._open.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()
        for end in self._sockets:
            end.close()


class Client:
    """A session that keeps all that it is told."""

    def __init__(self, url, *, client_id=None, clean_start=False, session_expiry_s=3600, on_message=None, **settings):
        self.messages, self.connects, self.losses, self.published, self.refused = [], [], [], [], []
        self.session = Session(
            parse_broker(url),
            client_id=client_id or f"test-{uuid.uuid4().hex[:8]}",
            clean_start=clean_start,
            session_expiry_s=session_expiry_s,
            on_message=on_message or self.messages.append,
            on_connected=self.connects.append,
            on_lost=self.losses.append,
            on_published=self.published.append,
            on_refused=lambda mid, reason: self.refused.append((mid, reason)),
            **settings,
        )

    def __enter__(self):
        self.session.start()
        eventually(lambda: self.session.connected)
        return self

    def __exit__(self, *_):
        self.session.stop()

    def texts(self):
        return [message.payload.decode() for message in self.messages]

    def publish(self, topic, text, **settings):
        return self.session.publish(Message(topic, text.encode(), **settings))

    def settle(self):
        """Waits until the broker has all that was sent before, acknowledgements too: packets keep their order."""
        mid = self.publish("settled", "")
        eventually(lambda: mid in self.published)


@pytest.fixture(params=["mosquitto", "embedded_broker"])
def broker(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def relay(broker):
    relay = Relay(broker.port)
    yield relay
    relay.close()


@pytest.fixture
def lines(caplog):
    """What the session has logged, as level and text."""
    caplog.set_level(logging.INFO, "hadir.transport")
    return lambda: [(record.levelname, record.getMessage()) for record in caplog.records]


def test_a_message_arrives_with_all_that_it_was_sent_with(broker):
    with Client(broker.url, subscriptions=["a/+", "b/#"]) as subscriber, Client(broker.url) as publisher:
        mid = publisher.publish("a/1", "x", content_type="application/senml+json", expiry_s=600)
        publisher.publish("b/1/2", "y", qos=0)
        eventually(lambda: len(subscriber.messages) == 2 and mid in publisher.published)
        first, second = sorted(subscriber.messages)
    assert first[:5] == ("a/1", b"x", 1, False, "application/senml+json")
    assert first.expiry_s in range(590, 601)
    # The embedded broker delivers with the QoS of the subscription, whatever that of the message was.
    assert (second.topic, second.payload, second.retain, *second[4:6]) == ("b/1/2", b"y", False, None, None)


def test_a_request_arrives_with_where_its_answer_is_wanted(broker):
    with Client(broker.url, subscriptions=["a"]) as subscriber, Client(broker.url) as publisher:
        publisher.publish("a", "x", response_topic="reply/me", correlation=b"\x00\xff7")
        publisher.publish("a", "y", response_topic="reply/me", content_type="application/json", expiry_s=60)
        eventually(lambda: len(subscriber.messages) == 2)
    told = {message.payload: (message.response_topic, message.correlation) for message in subscriber.messages}
    assert told == {b"x": ("reply/me", b"\x00\xff7"), b"y": ("reply/me", None)}


def test_a_message_published_to_be_retained_is_marked_where_that_was_asked_for(mosquitto):
    filters = {"subscriptions": ["a", "b"], "as_published": ["b"]}
    with Client(mosquitto.url, **filters) as subscriber, Client(mosquitto.url) as publisher:
        for topic in ("a", "b"):
            publisher.publish(topic, "x", retain=True)
        publisher.publish("b", "y")
        eventually(lambda: len(subscriber.messages) == 3)
    assert sorted((message.topic, message.retain) for message in subscriber.messages) == [
        ("a", False), ("b", False), ("b", True)
    ]  # fmt: skip


def test_retained_messages_come_at_subscribe_time_marked_as_such(broker):
    with Client(broker.url) as publisher:
        publisher.publish("state", "old", retain=True)
        eventually(lambda: publisher.published)
        with Client(broker.url, subscriptions=["state"]) as subscriber:
            eventually(lambda: subscriber.messages)
            publisher.publish("state", "new", retain=True)
            eventually(lambda: len(subscriber.messages) == 2)
    assert [(message.payload, message.retain) for message in subscriber.messages] == [(b"old", True), (b"new", False)]


def test_what_was_not_acknowledged_comes_again_in_order_and_only_that(broker, relay):
    with Client(relay.url, subscriptions=["q"]) as subscriber, Client(broker.url) as publisher:
        for n in range(6):
            publisher.publish("q", str(n))
        eventually(lambda: len(subscriber.messages) == 6)
        before = subscriber.messages[:]
        subscriber.session.ack_all(before[:2])
        subscriber.session.ack(before[2])
        publisher.publish("q", "6")
        eventually(lambda: len(subscriber.messages) == 7)
        subscriber.settle()
        relay.cut()
        eventually(lambda: len(subscriber.messages) == 11)
        assert subscriber.texts()[7:] == ["3", "4", "5", "6"]
        assert (subscriber.connects, len(subscriber.losses)) == ([False, True], 1)
        # Packet ids begin anew: acknowledging a message of the connection before must not touch one of this.
        subscriber.session.ack_all(before)
        subscriber.session.ack_all(subscriber.messages[7:9])
        publisher.publish("q", "7")
        eventually(lambda: len(subscriber.messages) == 12)
        subscriber.settle()
        relay.cut()
        eventually(lambda: len(subscriber.messages) == 15)
    assert subscriber.texts()[11:] == ["7", "5", "6", "7"]


def test_a_session_waits_at_the_broker_while_we_are_away_and_a_clean_start_forgets_it(broker):
    client_id = f"test-{uuid.uuid4().hex[:8]}"
    with Client(broker.url, client_id=client_id, subscriptions=["q"]) as before:
        pass
    with Client(broker.url) as publisher:
        publisher.publish("q", "meanwhile")
        eventually(lambda: publisher.published)
    with Client(broker.url, client_id=client_id, subscriptions=["q"]) as kept:
        eventually(lambda: kept.messages)
    with Client(broker.url, client_id=client_id, clean_start=True) as forgotten:
        pass
    assert (before.connects, kept.connects, forgotten.connects) == ([False], [True], [False])
    assert kept.texts() == ["meanwhile"]


def test_what_is_wanted_at_most_once_is_heard_while_we_are_there_only(broker):
    client_id = f"test-{uuid.uuid4().hex[:8]}"
    wanted = {"client_id": client_id, "subscriptions": ["live/a"], "qos": 0, "clean_start": True}
    with Client(broker.url, **wanted):
        pass
    with Client(broker.url) as publisher:
        publisher.publish("live/a", "missed")
        eventually(lambda: publisher.published)
        with Client(broker.url, **wanted) as back:
            publisher.publish("live/a", "heard")
            eventually(lambda: back.texts() == ["heard"])
            assert [one.qos for one in back.messages] == [0]


def test_the_will_speaks_when_we_vanish_but_not_when_we_stop(broker, relay):
    will = Message("status", b"gone", retain=True, content_type="text/plain")
    with Client(broker.url, subscriptions=["status"]) as watcher:
        with Client(broker.url, will=will) as orderly:
            assert orderly.session.stop(last=Message("status", b"bye"))
        eventually(lambda: watcher.texts() == ["bye"])
        with Client(relay.url, will=will) as cut_off:
            relay.cut()
            eventually(lambda: watcher.texts()[:2] == ["bye", "gone"])
            eventually(lambda: len(cut_off.losses) == 1)


def test_stopping_publishes_the_last_message_and_tells_no_loss(broker):
    with Client(broker.url, subscriptions=["status"]) as watcher:
        with Client(broker.url) as client:
            assert client.session.stop(last=Message("status", b"offline", retain=True))
            assert not client.session.connected
        eventually(lambda: watcher.texts() == ["offline"])
        assert client.losses == []
        assert len(client.published) == 1
        with pytest.raises(NotConnected):
            client.publish("status", "late")


def test_a_session_that_never_connected_stops_at_once():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = Client(f"mqtt://127.0.0.1:{silent.getsockname()[1]}")
        client.session.start()
        assert not client.session.stop(timeout_s=0.1, last=Message("status", b"offline"))
        assert not client.session._thread.is_alive()
    never_started = Client("mqtt://127.0.0.1:1")
    assert not never_started.session.stop()


def test_a_session_that_is_stopped_while_it_connects_ends(mosquitto):
    for wait_ms in range(20):
        session = Session(
            parse_broker(mosquitto.url), client_id=f"brief-{wait_ms}", clean_start=True, session_expiry_s=0
        )
        session.start()
        threading.Event().wait(wait_ms / 5000)
        session.stop()
        assert not [thread for thread in threading.enumerate() if thread.name == f"mqtt brief-{wait_ms}"]


def test_what_had_no_puback_is_published_again_by_its_owner_and_by_nobody_else(broker, relay):
    with Client(broker.url, subscriptions=["q"]) as subscriber, Client(relay.url) as publisher:
        publisher.publish("q", "first")
        eventually(lambda: len(publisher.published) == 1)
        relay.hold()
        waiting = {publisher.publish("q", f"lost {n}"): n for n in range(150)}
        relay.cut()
        relay.let_go()
        eventually(lambda: publisher.losses and len(publisher.connects) == 2)
        assert not waiting.keys() & set(publisher.published)
        again = [publisher.publish("q", f"again {n}") for n in range(3)]
        assert not set(again) & (waiting.keys() | set(publisher.published[:1]))
        eventually(lambda: set(again) <= set(publisher.published))
        eventually(lambda: len(subscriber.messages) >= 4)
    # What the line had taken before the cut may have arrived; nothing of it comes after the owner's own repetition.
    assert subscriber.texts()[0] == "first"
    assert subscriber.texts()[-3:] == ["again 0", "again 1", "again 2"]
    assert len(publisher.published) == 4


def test_messages_flow_beyond_the_windows_of_both_sides(broker):
    subscriber: Client
    arrived = []

    def take(message):
        arrived.append(int(message.payload))
        subscriber.session.ack(message)

    with Client(broker.url, subscriptions=["q"], receive_maximum=10, on_message=take) as subscriber:
        with Client(broker.url, max_inflight=7) as publisher:
            mids = [publisher.publish("q", str(n)) for n in range(500)]
            eventually(lambda: len(publisher.published) == 500)
        eventually(lambda: len(arrived) >= 500)
    assert arrived == list(range(500))
    assert sorted(publisher.published) == sorted(set(mids))


def test_a_broker_that_is_killed_loses_nothing_that_its_owners_repeat(mosquitto):
    subscriber_id = f"test-{uuid.uuid4().hex[:8]}"
    with (
        Client(mosquitto.url, client_id=subscriber_id, subscriptions=["q"]) as subscriber,
        Client(mosquitto.url) as publisher,
    ):
        waiting = {n: publisher.publish("q", str(n)) for n in range(300)}
        eventually(lambda: len(publisher.published) > 50)
        mosquitto.kill()
        eventually(lambda: publisher.losses and subscriber.losses)
        with pytest.raises(NotConnected):
            publisher.publish("q", "to nobody")
        mosquitto.restart()
        eventually(lambda: len(publisher.connects) == 2 and len(subscriber.connects) == 2)
        assert subscriber.connects == [False, True]
        again = [n for n, mid in waiting.items() if mid not in publisher.published]
        mids = {publisher.publish("q", str(n)) for n in again}
        eventually(lambda: mids <= set(publisher.published))
        eventually(lambda: set(subscriber.texts()) == {str(n) for n in range(300)})


def test_the_embedded_broker_forgets_and_says_so_by_session_present(embedded_broker):
    with Client(embedded_broker.url, subscriptions=["q"]) as client:
        embedded_broker.restart()
        eventually(lambda: client.connects == [False, False])
        client.publish("q", "subscribed again")
        eventually(lambda: client.texts() == ["subscribed again"])


def test_subscriptions_can_change_while_it_runs_and_outlive_a_reconnect(broker, relay):
    with Client(relay.url, subscriptions=["a", "b"]) as client, Client(broker.url) as publisher:
        client.session.subscribe(["b", "c/#"])
        for cut in (False, True):
            if cut:
                relay.cut()
                eventually(lambda: len(client.connects) == 2)
                client.messages.clear()
            eventually(lambda: publisher.publish("c/1", "c") and "c" in client.texts())
            publisher.publish("a", "a")
            publisher.publish("b", "b")
            eventually(lambda: "b" in client.texts())
            assert "a" not in client.texts()


def test_a_large_message_passes_and_one_that_the_broker_refuses_is_told_by_publish(mosquitto):
    with Client(mosquitto.url, subscriptions=["q"]) as client:
        payload = bytes(range(256)) * 4000
        client.session.publish(Message("q", payload))
        eventually(lambda: client.messages)
        with pytest.raises(TooLarge, match="q: 2000000 bytes"):
            client.session.publish(Message("q", b"x" * 2_000_000))
    assert client.messages[0].payload == payload
    assert client.losses == []


def test_a_peer_that_says_nothing_more_is_found_by_the_keepalive(mosquitto, request):
    relay = Relay(mosquitto.port)
    request.addfinalizer(relay.close)
    with Client(relay.url, keepalive_s=1) as client:
        relay.hold()
        eventually(lambda: client.losses == ["nothing was heard of it for 1 s"])
        relay.cut()
        relay.let_go()
        eventually(lambda: len(client.connects) == 2)


def test_a_callback_that_fails_costs_the_connection_not_the_message(mosquitto, caplog):
    taken = []

    def fail_once(message):
        taken.append(message.payload)
        if len(taken) == 1:
            raise LookupError("not today")

    with Client(mosquitto.url, subscriptions=["q"], on_message=fail_once) as client:
        with Client(mosquitto.url) as publisher:
            publisher.publish("q", "x")
        eventually(lambda: taken == [b"x", b"x"])
        assert client.losses == ["given up by us after LookupError"]
    assert "a callback failed" in caplog.text


def test_a_publish_from_a_callback_does_not_block(mosquitto):
    client: Client

    def answer(message):
        if message.topic == "question":
            client.publish("answer", "yes")

    with (
        Client(mosquitto.url, subscriptions=["question"], on_message=answer) as client,
        Client(mosquitto.url, subscriptions=["answer"]) as asker,
    ):
        asker.publish("question", "?")
        eventually(lambda: asker.texts() == ["yes"])


def test_each_change_is_said_once_with_what_to_do(mosquitto, lines):
    url = mosquitto.url
    mosquitto.stop()
    client = Client(url, client_id="said")
    client.session.start()
    unreachable = (
        "WARNING",
        f"{url}: cannot be reached: nothing listens there; is the broker running, and is the port right?; trying again",
    )
    eventually(lambda: lines() == [unreachable])
    eventually(lambda: client.session._connections >= 3)
    assert lines() == [unreachable]
    mosquitto.restart()
    eventually(lambda: client.session.connected)
    client.session.stop()
    assert lines()[1:] == [
        ("INFO", f"{url}: connected as said, a new session"),
        ("INFO", f"{url}: disconnected"),
    ]


def test_two_clients_of_one_id_are_told_what_happens(mosquitto, lines):
    with Client(mosquitto.url, client_id="twin") as first, Client(mosquitto.url, client_id="twin"):
        eventually(lambda: any("does another client run under the id twin?" in text for _, text in lines()))
    assert first.losses


CLOSED_BROKER = """\
listener {port} 127.0.0.1
allow_anonymous false
password_file {folder}/passwd
acl_file {folder}/acl
{more}
"""


@pytest.fixture
def closed_broker(tmp_path):
    """Starts a mosquitto that lets in user `gw`, password `s3:cret@`, to write `mine/#` and read `open/#`."""
    executable = find_mosquitto()
    if executable is None or shutil.which("mosquitto_passwd") is None:
        pytest.skip("mosquitto is not installed")
    started = []

    def start(more=""):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        (tmp_path / "passwd").touch(mode=0o600)
        subprocess.run(["mosquitto_passwd", "-b", tmp_path / "passwd", "gw", "s3:cret@"], check=True)
        (tmp_path / "acl").write_text("user gw\ntopic write mine/#\ntopic read open/#\n")
        conf = CLOSED_BROKER.format(port=port, folder=tmp_path, more=more)
        if os.geteuid() == 0:
            conf += "user root\n"
        (tmp_path / "mosquitto.conf").write_text(conf)
        log = (tmp_path / "log").open("wb")
        started.append((subprocess.Popen([executable, "-c", tmp_path / "mosquitto.conf"], stderr=log), log))
        return port

    yield start
    for process, log in started:
        process.terminate()
        process.wait()
        log.close()


def test_a_wrong_password_is_told_with_what_to_correct(closed_broker, lines):
    url = f"mqtt://gw:wrong@127.0.0.1:{closed_broker()}"
    client = Client(url)
    client.session.start()
    eventually(lambda: any("refuses the connection" in text for _, text in lines()))
    client.session.stop()
    (text,) = (text for _, text in lines() if "refuses" in text)
    assert "check user and password in HADIR_BROKER" in text
    assert "wrong" not in text.replace("is wrong", "")
    assert (client.connects, client.losses) == ([], [])


def test_what_the_access_list_forbids_is_told_and_never_called_published(closed_broker, lines):
    port = closed_broker()
    with Client(f"mqtt://gw:s3%3Acret%40@127.0.0.1:{port}", subscriptions=["open/#", "shut/#"]) as client:
        allowed = client.publish("mine/1", "x")
        forbidden = client.publish("theirs/1", "x")
        eventually(lambda: client.published and client.refused)
        assert client.published == [allowed]
        assert [mid for mid, _ in client.refused] == [forbidden]
    assert any("user gw may not write to this topic" in text for _, text in lines())


def certificate(folder, name):
    """A self-signed certificate for 127.0.0.1, and its key."""
    files = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-out", files[0], "-keyout", files[1]),
        ],
        check=True,
        capture_output=True,
    )
    return files


def test_tls_needs_a_certificate_of_a_trusted_root(closed_broker, tmp_path, monkeypatch, lines):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    trusted, key = certificate(tmp_path, "ours")
    other, _ = certificate(tmp_path, "other")
    port = closed_broker(f"certfile {trusted}\nkeyfile {key}\n")
    url = f"mqtts://gw:{{env:GW_PASSWORD}}@127.0.0.1:{port}"
    monkeypatch.setenv("GW_PASSWORD", "s3:cret@")
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    stranger = Client(url)
    stranger.session.start()
    eventually(lambda: any("its certificate is not trusted" in text for _, text in lines()))
    stranger.session.stop()
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with Client(url, subscriptions=["open/#"]) as client:
        mids = {client.session.publish(Message("mine/1", b"x" * 50_000)) for _ in range(40)}
        eventually(lambda: mids <= set(client.published))
