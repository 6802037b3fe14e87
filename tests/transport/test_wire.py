import contextlib
import socket
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from presence.errors import DamagedFrame
from transport.wire import LARGEST_PACKET, Frame, Frames, Received, Wire, received

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=20)


def varint(value):
    encoded = bytearray()
    while True:
        value, low = divmod(value, 128)
        encoded.append(low | (0x80 if value else 0))
        if not value:
            return bytes(encoded)


def packet(header, body):
    return bytes([header]) + varint(len(body)) + body


def publish(topic, payload, *, qos=1, retain=False, packet_id=1, properties=b"\0"):
    encoded = topic.encode()
    identifier = packet_id.to_bytes(2, "big") if qos else b""
    return packet(
        0x30 | qos << 1 | retain, len(encoded).to_bytes(2, "big") + encoded + identifier + properties + payload
    )


def only(data):
    (frame,) = Frames().feed(data)
    return frame


@st.composite
def publishes(draw):
    """A PUBLISH with every property that one may have, packed by paho, and what must come of it."""
    properties = Properties(PacketTypes.PUBLISH)
    content_type = draw(st.none() | TEXTS)
    expiry_s = draw(st.none() | st.integers(0, 2**32 - 1))
    if content_type is not None:
        properties.ContentType = content_type
    if expiry_s is not None:
        properties.MessageExpiryInterval = expiry_s
    response_topic, correlation = draw(st.none() | TEXTS), draw(st.none() | st.binary(max_size=200))
    if response_topic is not None:
        properties.ResponseTopic = response_topic
    if correlation is not None:
        properties.CorrelationData = correlation
    if draw(st.booleans()):
        properties.PayloadFormatIndicator = 1
        properties.SubscriptionIdentifier = draw(st.integers(1, 268_435_455))
        properties.UserProperty = (draw(TEXTS), draw(TEXTS))
        properties.UserProperty = ("b", "c")
    topic, payload = draw(TEXTS.filter(bool)), draw(st.binary(max_size=300))
    qos, retain, packet_id = draw(st.integers(0, 1)), draw(st.booleans()), draw(st.integers(1, 65_535))
    data = publish(topic, payload, qos=qos, retain=retain, packet_id=packet_id, properties=properties.pack())
    token = 7 << 16 | packet_id if qos else 0
    return data, Received(topic, payload, qos, retain, content_type, expiry_s, token, response_topic, correlation)


@given(publishes())
def test_a_publish_tells_topic_payload_flags_and_the_properties_that_matter(case):
    data, expected = case
    assert received(only(data), 7) == expected


@given(
    st.lists(st.tuples(st.sampled_from([0x20, 0x40, 0x90, 0xD0, 0x30]), st.binary(max_size=300)), max_size=8), st.data()
)
def test_a_stream_is_cut_alike_however_it_arrives(packets, data):
    stream = b"".join(packet(header, body) for header, body in packets)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    frames = Frames()
    cut = [
        (frame.header, frame.data[frame.body : frame.end], frame.data[frame.start : frame.end])
        for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for frame in frames.feed(stream[begin:end])
    ]
    assert cut == [(header, body, packet(header, body)) for header, body in packets]


def test_a_stream_is_cut_alike_byte_by_byte():
    stream = packet(0x30, b"x" * 200) + packet(0xD0, b"")
    frames = Frames()
    cut = [frame.end - frame.body for byte in stream for frame in frames.feed(bytes([byte]))]
    assert cut == [200, 0]


@pytest.mark.parametrize("header", [b"\x30\xff\xff\xff\xff\x01", b"\x30" + varint(LARGEST_PACKET + 1)])
def test_a_length_that_no_broker_may_send_is_damage(header):
    with pytest.raises(DamagedFrame):
        list(Frames().feed(header))


@pytest.mark.parametrize(
    "data",
    [
        packet(0x30, b""),
        packet(0x30, b"\0"),
        packet(0x30, b"\0\x05abc"),
        packet(0x32, b"\0\x01a\0"),
        packet(0x30, b"\0\x01a"),
        packet(0x30, b"\0\x01a\x05\x02\0\0\0") + b"\xd0\0",
        packet(0x30, b"\0\x01a\x03\x03\0\x09") + b"\xd0\0\xd0\0\xd0\0\xd0\0\xd0\0",
        packet(0x30, b"\0\x01a\x02\x7f\0"),
        packet(0x30, b"\0\x01a\xff\xff\xff\xff\xff\x01"),
        packet(0x30, b"\0\x01\xff\0"),
        packet(0x34, b"\0\x01a\0\x01\0"),
    ],
)
def test_a_publish_that_does_not_keep_its_lengths_is_damage(data):
    frame = next(iter(Frames().feed(data)))
    with pytest.raises(DamagedFrame):
        received(frame, 1)


@given(st.binary(max_size=60), st.sampled_from([0x30, 0x31, 0x32, 0x3B]))
def test_noise_in_a_publish_is_read_or_damage(body, header):
    with contextlib.suppress(DamagedFrame):
        received(Frame(header, body, 0, 0, len(body)), 1)


def test_long_properties_are_told_and_not_kept():
    """A thousand senders of four megabytes each would else fill the memory of all who listen."""
    tracemalloc.start()
    try:
        for number in range(50):
            noise = number.to_bytes(2, "big") * 30_000
            properties = b"\x26\0\1a" + len(noise).to_bytes(2, "big") + noise + b"\x09\0\2me"
            frame = only(publish("a", b"", properties=varint(len(properties)) + properties))
            assert received(frame, 1).correlation == b"me"
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.settimeout(5)
    yield Wire(ours), theirs
    ours.close()
    theirs.close()


def test_what_is_sent_and_acknowledged_leaves_together_in_order(ends):
    wire, broker = ends
    assert wire.send(b"first") == 5
    wire.ack([1, 65_535])
    wire.send(bytearray(b"last"))
    assert wire.unsent == 17
    assert wire.flush()
    assert broker.recv(100) == b"first\x40\x02\x00\x01\x40\x02\xff\xfflast"
    assert wire.unsent == 0


def test_what_the_socket_does_not_take_waits_for_the_next_flush(ends):
    wire, broker = ends
    sent = bytes(range(256)) * 20_000
    wire.send(sent)
    assert not wire.flush()
    arrived = b""
    while not wire.flush():
        arrived += broker.recv(1 << 20)
    wire.close()
    while piece := broker.recv(1 << 20):
        arrived += piece
    assert arrived == sent


def test_closing_sends_the_last_words(ends):
    wire, broker = ends
    wire.send(b"\xe0\x00")
    wire.close()
    assert broker.recv(100) == b"\xe0\x00"


def test_paho_reads_what_was_offered_and_then_the_end(ends):
    wire, broker = ends
    with pytest.raises(BlockingIOError):
        wire.recv(1)
    wire.offer(b"\x20\x03abc")
    assert (wire.recv(1), wire.recv(100)) == (b"\x20", b"\x03abc")
    assert wire.receive() == b""
    assert not wire.ended
    broker.close()
    assert wire.receive() == b""
    assert wire.ended
    assert wire.recv(1) == b""
