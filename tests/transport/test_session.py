import logging
import shutil
import signal
import socket
import subprocess
import threading
import uuid

import pytest

from presence.errors import BadInput
from tests.fixtures.hadir_command import eventually
from transport.session import BrokerAddress, Message, NotConnected, Session, TooLarge, parse_broker


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
        try:
            while data := source.recv(65_536):
                self._open.wait()
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        for end in self._sockets:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

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
        relay.cut()
        eventually(lambda: len(subscriber.messages) == 11)
        assert subscriber.texts()[7:] == ["3", "4", "5", "6"]
        assert (subscriber.connects, len(subscriber.losses)) == ([False, True], 1)
        # Packet ids begin anew: acknowledging a message of the connection before must not touch one of this.
        subscriber.session.ack_all(before)
        subscriber.session.ack_all(subscriber.messages[7:9])
        publisher.publish("q", "7")
        eventually(lambda: len(subscriber.messages) == 12)
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


def test_the_will_speaks_when_we_vanish_but_not_when_we_stop(broker, relay):
    will = Message("status", b"gone", retain=True, content_type="text/plain")
    with Client(broker.url, subscriptions=["status"]) as watcher:
        with Client(broker.url, will=will) as orderly:
            assert orderly.session.stop(last=Message("status", b"bye"))
        eventually(lambda: watcher.texts() == ["bye"])
        with Client(relay.url, will=will) as cut_off:
            relay.cut()
            eventually(lambda: watcher.texts()[:2] == ["bye", "gone"])
            assert len(cut_off.losses) == 1


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
            mids = [publisher.publish("q", str(n)) for n in range(2000)]
            eventually(lambda: len(publisher.published) == 2000)
        eventually(lambda: len(arrived) >= 2000)
    assert arrived == list(range(2000))
    assert sorted(publisher.published) == sorted(set(mids))
