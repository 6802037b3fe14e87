from __future__ import annotations

import pytest

from collector.conventions.convention import Message
from collector.conventions.native import AGES_LIVE_S, Decoded, Status, decode
from presence.errors import DamagedFrame
from presence.readings import Reading

NOW_MS = 1_795_000_000_000


def message(topic: str, payload: bytes, *, retain: bool = False, expiry_s: int | None = None) -> Message:
    return Message(topic, payload, None, expiry_s, retain, NOW_MS)


def test_a_pack_of_a_sensor_and_one_of_a_gateway_say_the_same():
    alone = decode(message("hadir/1/mpp/sensor/r1/readings", b'[{"n":"presence","vb":true}]'))
    packed = decode(message("hadir/1/mpp/gateway/gw/readings", b'[{"bn":"r1/","n":"presence","vb":true}]'))
    assert alone == packed == Decoded("mpp", readings=[Reading("r1", NOW_MS, {"presence": 1.0})])


def test_what_is_retained_counts_at_its_own_time_or_not_at_all():
    undated = decode(message("hadir/1/mpp/sensor/r1/readings", b'[{"n":"presence","vb":true}]', retain=True))
    dated = b'[{"bt":1794999000,"n":"presence","vb":true}]'
    assert undated == Decoded("mpp", readings=[])
    assert decode(message("hadir/1/mpp/sensor/r1/readings", dated, retain=True)) == Decoded(
        "mpp", readings=[Reading("r1", 1_794_999_000_000, {"presence": 1.0})]
    )


def test_ages_count_from_when_the_broker_got_them():
    aged = b'[{"n":"presence","t":-5,"vb":true}]'
    waited = decode(message("hadir/1/mpp/sensor/r1/readings", aged, expiry_s=AGES_LIVE_S - 60))
    short = decode(message("hadir/1/mpp/sensor/r1/readings", aged, expiry_s=60))
    assert waited is not None
    assert short is not None
    assert waited.readings[0].at_ms == NOW_MS - 65_000
    assert short.readings[0].at_ms == NOW_MS - 5_000, "a life of a minute is no bridge's, and tells nothing"


def test_a_status_tells_who_is_gone():
    gone = decode(message("hadir/1/mpp/gateway/gw/status", b'{"state":"offline","since":null}'))
    assert gone == Decoded("mpp", statuses=[Status("gw", False, None)])
    assert decode(message("hadir/1/mpp/sensor/r1/status", b"")) == Decoded("mpp")


def test_a_status_may_say_more_than_is_needed():
    told = (
        b'{"state":"offline","since":null,"driver":"ld2410","sent":3,"reconnected":2,"problem":"garbage","hint":"look"}'
    )
    status = decode(message("hadir/1/mpp/sensor/r1/status", told))
    assert status == Decoded("mpp", statuses=[Status("r1", False, None)])


@pytest.mark.parametrize("payload", [b"no", b"{}", b'{"state":"asleep"}', b'{"state":"online","since":"today"}'])
def test_what_is_no_status_is_damage(payload: bytes):
    with pytest.raises(DamagedFrame):
        decode(message("hadir/1/mpp/sensor/r1/status", payload))


def test_other_topics_are_others_business():
    assert decode(message("hadir/1/mpp/outlet/o1/occupancy", b"{}")) is None
    assert decode(message("zigbee2mqtt/x", b"{}")) is None
