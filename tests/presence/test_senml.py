import json
import math
from pathlib import Path

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from presence import senml
from presence.errors import DamagedFrame
from presence.quantities import TRUTHS
from presence.readings import Reading
from presence.senml import CBOR_TYPE, JSON_TYPE

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/senml/payloads.json").read_text())
AT = 1_793_000_000_123
ENCODERS = pytest.mark.parametrize(
    ("encode", "content_type"), [(senml.encode_json, JSON_TYPE), (senml.encode_cbor, CBOR_TYPE)]
)


def payload_of(vector):
    match vector["payload"]:
        case str(text):
            return text.encode()
        case {"hex": digits}:
            return bytes.fromhex(digits)
        case {"gen": {"repeat_hex": repeated, "times": times, "suffix_hex": suffix}}:
            return bytes.fromhex(repeated) * times + bytes.fromhex(suffix)


def decode(records, *, sensor="s1", received_ms=AT, waited_ms=0, content_type=JSON_TYPE):
    payload = records if isinstance(records, bytes) else json.dumps(records).encode()
    return senml.decode(payload, content_type=content_type, sensor=sensor, received_ms=received_ms, waited_ms=waited_ms)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
@pytest.mark.parametrize("told", [True, False], ids=["told", "by first byte"])
def test_vectors_resolve_as_the_rfc_says(vector, told):
    content_type = vector["content_type"] if told else None
    if vector.get("rejected"):
        with pytest.raises(DamagedFrame):
            senml.resolve(payload_of(vector), content_type)
    else:
        resolved = [tuple(record) for record in vector["resolved"]]
        assert senml.resolve(payload_of(vector), content_type) == resolved


INSTANTS = st.integers(2**28 * 1000, 2**32 * 1000)
VALUES = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**40), 2**40).map(float),
    st.integers(0, 10_000).map(lambda hundredths: hundredths / 100),
)
QUANTITIES = st.sampled_from(
    ["presence", "online", "distance", "x1", "speed", "moving_energy_g3", "light_raw", "battery", "rssi", "seq", "boot"]
)


SENSORS = st.sampled_from(["s1", "s2", "gw-1"])


@st.composite
def readings(draw, sensors=SENSORS, instants=INSTANTS):
    keys = draw(st.lists(st.tuples(sensors, instants), max_size=8, unique=True))
    made = []
    for sensor, at_ms in keys:
        names = draw(st.lists(QUANTITIES, min_size=1, max_size=5, unique=True))
        values = {name: draw(st.sampled_from([0.0, 1.0]) if name in TRUTHS else VALUES) for name in names}
        made.append(Reading(sensor, at_ms, values))
    return made


@ENCODERS
@given(pack=readings())
def test_a_gateways_pack_comes_back_to_the_millisecond_oldest_first(encode, content_type, pack):
    payload = encode(pack, many_sensors=True)
    for told in (content_type, None):
        decoded = senml.decode(payload, content_type=told, sensor=None, received_ms=AT)
        assert decoded == sorted(pack, key=lambda reading: reading.at_ms)


@ENCODERS
@given(pack=readings(sensors=st.just("s1")))
def test_a_sensors_pack_has_bare_names(encode, content_type, pack):
    payload = encode(pack, many_sensors=False)
    decoded = senml.decode(payload, content_type=content_type, sensor="s1", received_ms=AT)
    assert decoded == sorted(pack, key=lambda reading: reading.at_ms)


@ENCODERS
@given(
    pack=readings(instants=st.integers(-(2**40), 2**20)),
    received_ms=INSTANTS,
    waited_ms=st.integers(0, 30 * 24 * 3600 * 1000),
)
def test_ages_count_from_receipt_less_what_the_broker_kept_the_message(
    encode, content_type, pack, received_ms, waited_ms
):
    payload = encode(pack, many_sensors=True, relative_to_ms=5000)
    decoded = senml.decode(
        payload, content_type=content_type, sensor=None, received_ms=received_ms, waited_ms=waited_ms
    )
    shift = received_ms - waited_ms - 5000
    expected = [Reading(reading.sensor, reading.at_ms + shift, reading.values) for reading in pack]
    assert decoded == sorted(expected, key=lambda reading: reading.at_ms)


def test_a_pack_of_the_bridge_looks_as_designed():
    pack = [
        Reading("a", AT, {"presence": 1.0, "distance": 1.25, "seq": 7.0}),
        Reading("a", AT + 100, {"presence": 0.0}),
        Reading("b", AT + 100, {"light_raw": 85.0}),
    ]
    assert json.loads(senml.encode_json(pack, many_sensors=True)) == [
        {"bn": "a/", "bt": 1793000000.123, "n": "presence", "vb": True},
        {"n": "distance", "u": "m", "v": 1.25},
        {"n": "seq", "u": "count", "v": 7},
        {"bt": 1793000000.223, "n": "presence", "vb": False},
        {"bn": "b/", "n": "light_raw", "v": 85},
    ]


def test_base_time_unit_and_value_hold_until_replaced():
    assert decode(
        [
            {"bt": 1793000000, "bu": "m", "bv": 1, "n": "distance", "v": 0.5},
            {"n": "moving_distance", "v": 1, "t": 0.25},
            {"bt": 1793000010, "bv": 0, "bu": "%", "n": "moving_energy", "v": 40},
            {"n": "presence", "vb": True},
        ]
    ) == [
        Reading("s1", 1_793_000_000_000, {"distance": 1.5}),
        Reading("s1", 1_793_000_000_250, {"moving_distance": 2.0}),
        Reading("s1", 1_793_000_010_000, {"moving_energy": 40.0, "presence": 1.0}),
    ]


@pytest.mark.parametrize(
    ("time", "at_ms"),
    [
        ({}, AT - 2000),
        ({"t": 0}, AT - 2000),
        ({"t": -5}, AT - 7000),
        ({"t": -0.0005}, AT - 2000),
        ({"t": 2**28 - 1}, AT - 2000 + (2**28 - 1) * 1000),
        ({"t": 2**28}, 2**28 * 1000),
        ({"t": 1793000000.0014}, 1_793_000_000_001),
        ({"bt": 1793000000, "t": -5}, 1_792_999_995_000),
        ({"bt": -10, "t": 5}, AT - 7000),
    ],
)
def test_times_below_two_to_28_count_from_now(time, at_ms):
    assert decode([{"n": "presence", "vb": True, **time}], waited_ms=2000) == [Reading("s1", at_ms, {"presence": 1.0})]


def test_a_truth_may_come_as_number_one_or_zero():
    assert decode([{"n": "presence", "v": 1}, {"n": "moving", "v": 0}]) == [
        Reading("s1", AT, {"presence": 1.0, "moving": 0.0})
    ]


def test_what_hadir_does_not_know_and_text_data_and_sums_are_left_out():
    assert decode(
        [
            {"bn": "", "bt": 0},
            {"n": "voltage", "u": "V", "v": 3.1},
            {"n": "label", "vs": "x"},
            {"n": "raw", "vd": "aGk"},
            {"n": "distance", "s": 12.5},
            {"n": "presence", "vb": True, "other": {"nested": []}},
        ]
    ) == [Reading("s1", AT, {"presence": 1.0})]
    assert decode([{"n": "voltage", "v": 1}]) == []
    assert decode([]) == []


def test_in_a_gateways_pack_each_name_tells_its_sensor():
    assert decode(
        [{"bn": "s-2/", "n": "presence", "vb": True}, {"bn": "", "n": "gw1/online", "vb": False}], sensor=None
    ) == [Reading("s-2", AT, {"presence": 1.0}), Reading("gw1", AT, {"online": 0.0})]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"n": "distance", "v": 1, "u": "cm"}, 'measured in m, not in "cm"'),
        ({"n": "light_raw", "v": 1, "u": "lx"}, "no unit"),
        ({"n": "presence", "v": 2}, "true or false"),
        ({"n": "distance", "vb": True}, "is a number"),
        ({"n": "distance", "v": 1, "vb": True}, "two values"),
        ({"n": "distance", "v": 1, "vs": "1"}, "two values"),
        ({"n": "presence", "vb": True, "vd": ""}, "two values"),
        ({"n": "distance"}, "no value"),
        ({"n": "distance", "v": None}, "Expected `float`"),
        ({"n": "distance", "v": "1"}, "Expected `float`"),
        ({"n": "distance", "v": True}, "Expected `float`"),
        ({"n": "presence", "vb": "true"}, "Expected `bool`"),
        ({"n": "distance", "v": 1e308, "bv": 1e308}, "no finite number"),
        ({"n": "distance", "v": 1, "t": 1e300}, "a time that is none"),
        ({"n": "distance", "v": 1, "bver": 11}, "SenML version 11"),
        ({"n": "distance", "v": 1, "x_": 1}, "must be understood"),
        ({"n": "dist ance", "v": 1}, "a name that SenML does not allow"),
        ({"n": "x" * 300, "v": 1}, "a name that SenML does not allow"),
        ({"v": 1}, "a name that SenML does not allow"),
    ],
)
def test_what_cannot_be_used_is_refused_whole(record, reason):
    with pytest.raises(DamagedFrame, match=reason):
        decode([{"n": "presence", "vb": True}, record])


@pytest.mark.parametrize("name", ["presence", "S1/presence", "/presence", "a/b/presence"])
def test_a_name_without_a_sensor_is_refused_in_a_gateways_pack(name):
    with pytest.raises(DamagedFrame, match=r"names no sensor|does not allow"):
        decode([{"n": name, "vb": True}], sensor=None)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"[1]",
        b"[null]",
        b"[{}",
        b'[{"n":"distance","v":NaN}]',
        b'[{"n":"distance","v":1e400}]',
        b'[{"n":"distance","v":' + b"9" * 5000 + b"}]",
        b'[{"n":"presence","vb":true,"crit\\u005f":1}]',
        b'[{"n":"presence","vb":true,"crit_" : 1}]',
        b'[{"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}]",
        b"[" + b"{}," * 70_000 + b"{}]",
        b"[" + b" " * senml.LARGEST_PAYLOAD + b"]",
        '[{"n":"pr\ud800"}]'.encode("utf-8", "surrogatepass"),
    ],
)
def test_json_that_is_no_pack_is_refused(payload):
    with pytest.raises(DamagedFrame):
        decode(payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"\x80\x80",
        b"\x81\x00",
        b"\xa0",
        cbor2.dumps([{0: "distance", 2: math.nan}]),
        cbor2.dumps([{0: "distance", 2: math.inf}]),
        cbor2.dumps([{0: "distance", 2: "1"}]),
        cbor2.dumps([{0: "presence", 4: 1}]),
        cbor2.dumps([{0: "presence", 4: True, "x_": 1}]),
        cbor2.dumps([{"n": "presence", "vb": True}, {0: "distance"}]),
        cbor2.dumps([{0: "distance", 2: cbor2.CBORTag(35, "a+")}]),
        cbor2.dumps([{0: "distance", 2: 2**70}]),
        b"\x81\xa1\x00\xd8\x1c\x81\xd8\x1d\x00",
        b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\x9a\x00\x01\x11\x70" + b"\xa0" * 70_000,
        cbor2.dumps([{0: "presence", 4: True}])[:-1],
    ],
)
def test_cbor_that_is_no_pack_is_refused(payload):
    with pytest.raises(DamagedFrame):
        decode(payload, content_type=CBOR_TYPE)


def test_cbor_may_write_numbers_as_integers_halves_and_decimal_fractions():
    pack = [{-3: 1793000000, 0: "distance", 2: cbor2.CBORTag(4, [-2, 125])}, {0: "seq", 2: 2**40}]
    assert decode(cbor2.dumps(pack), content_type=CBOR_TYPE) == [
        Reading("s1", 1_793_000_000_000, {"distance": 1.25, "seq": float(2**40)})
    ]


def test_the_content_type_decides_before_the_first_byte():
    with pytest.raises(DamagedFrame):
        decode(cbor2.dumps([]), content_type=JSON_TYPE)
    assert decode(b"[]", content_type="application/senml+json; charset=utf-8") == []
    assert decode(b" []", content_type="text/plain") == []


@given(st.binary(max_size=60))
def test_noise_is_refused_or_read_but_never_breaks(noise):
    for content_type in (JSON_TYPE, CBOR_TYPE, None):
        try:
            decoded = senml.decode(noise, content_type=content_type, sensor=None, received_ms=AT)
        except DamagedFrame:
            continue
        assert all(math.isfinite(value) for reading in decoded for value in reading.values.values())


@ENCODERS
@pytest.mark.parametrize(
    "reading",
    [
        Reading("s", AT, {"voltage": 1.0}),
        Reading("s", AT, {"distance": math.nan}),
        Reading("s", AT, {}),
        Reading("s", 1000, {"distance": 1.0}),
    ],
)
def test_what_no_pack_can_say_is_not_written(encode, content_type, reading):
    with pytest.raises(ValueError):
        encode([reading], many_sensors=True)
