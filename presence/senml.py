"""SenML packs (RFC 8428), JSON and CBOR, to readings and back.

A pack is an array of records; base fields (bn, bt, bu, bv) hold from their record on. Names are bare on a sensor's own
topic (`distance`) and `{sensor}/{quantity}` in a gateway's pack, where the base name is `{sensor}/`. Records of one
sensor and one time are one reading. Times are seconds, since 1970 or, below 2**28, counted from now.

What cannot be used is refused whole: a damaged part leaves no trust in the rest.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import Any, NoReturn, TypeAlias

import cbor2
import msgspec
from msgspec import UNSET, UnsetType

from presence.errors import DamagedFrame
from presence.quantities import Quantity, quantity
from presence.readings import Reading
from presence.site import SLUG

JSON_TYPE = "application/senml+json"
CBOR_TYPE = "application/senml+cbor"

LARGEST_PAYLOAD = 1024 * 1024
_VERSION = 10
_RELATIVE_BELOW_S = 2**28
# Further away a float of seconds no longer tells milliseconds, and no instant is meant.
_FURTHEST_S = 2**40
_DEEPEST = 8
_MOST_RECORDS = 65_536

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*")
# A key that ends with "_" must be understood (RFC 8428, 4.4); only a key is followed by a colon.
_MUST_BE_UNDERSTOOD = re.compile(rb'(?:_|\\u005[fF])"\s*:')
# RFC 8428, 6: labels of the fields that count here.
_LABELS = {-1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", 0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t"}
_DATA_LABEL = 8


# A record with its base fields in it: name, unit, value (None for text, data and sums), time in seconds.
Resolved: TypeAlias = tuple[str, str | None, float | bool | None, float]


def decode(
    payload: bytes,
    *,
    content_type: str | None,
    sensor: str | None,
    received_ms: int,
    waited_ms: int = 0,
    dated_only: bool = False,
) -> list[Reading]:
    """The readings of one pack, oldest first.

    `content_type`: as the message says, None to judge by the first byte. `sensor`: whose topic it came on, None for a
    gateway's pack. `received_ms`: epoch ms; relative times, and records without one, count from `waited_ms` before it,
    which is how long the broker kept the message; with `dated_only` they are left out, as are quantities that Hadir
    does not know, text and data.
    The `clock` rule is not applied here. Raises DamagedFrame.
    """
    now_ms = received_ms - waited_ms
    values_of: dict[tuple[str, int], dict[str, float]] = {}
    last_sensor, last_time_s = None, None
    values: dict[str, float] = {}
    gateway = sensor is None
    for name, unit, value, time_s in resolve(payload, content_type):
        known = _native(name, gateway)
        if known is None or value is None or (dated_only and time_s < _RELATIVE_BELOW_S):
            continue
        named, what = known
        if what.truth:
            if value not in (0, 1):
                raise _damaged(f'"{name[:40]}" is true or false, not {value!r}')
        elif value is True or value is False:
            raise _damaged(f'"{name[:40]}" is a number, not {value!r}')
        elif unit is not None and unit != what.unit:
            raise _damaged(f'"{name[:40]}" is measured in {what.unit or "no unit"}, not in "{str(unit)[:40]}"')
        if named != last_sensor or time_s != last_time_s:
            last_sensor, last_time_s = named, time_s
            at_ms = round(time_s * 1000)
            if time_s < _RELATIVE_BELOW_S:
                at_ms += now_ms
            values = values_of.setdefault((sensor or named, at_ms), {})
        values[what.name] = float(value)
    readings = [Reading(of, at, values) for (of, at), values in values_of.items()]
    readings.sort(key=_at_ms)
    return readings


def resolve(payload: bytes, content_type: str | None) -> list[Resolved]:
    """The records of any SenML pack, with values or without, in its order. Raises DamagedFrame."""
    if len(payload) > LARGEST_PAYLOAD:
        raise _damaged(f"{len(payload)} bytes, more than {LARGEST_PAYLOAD}")
    resolved: list[Resolved] = []
    base_name, base_time_s, base_value = "", 0.0, 0.0
    base_unit: str | None = None
    for record in _records(payload, content_type):
        if record.bn is not UNSET:
            base_name = record.bn
        if record.bt is not UNSET:
            base_time_s = record.bt
        if record.bu is not UNSET:
            base_unit = record.bu
        if record.bv is not UNSET:
            base_value = record.bv
        if record.bver > _VERSION:
            raise _damaged(f"SenML version {record.bver}, more than {_VERSION}")
        name, time_s = base_name + record.n, base_time_s + record.t
        if not -_FURTHEST_S < time_s < _FURTHEST_S:
            raise _damaged(f'"{name[:40]}" has a time that is none')
        number, truth = record.v, record.vb
        other = record.vs is not UNSET or record.vd is not UNSET
        if number is not UNSET:
            if other or truth is not UNSET:
                raise _damaged(f'"{name[:40]}" has two values')
            number += base_value
            if not isfinite(number):
                raise _damaged(f'"{name[:40]}" is no finite number')
            resolved.append((name, record.u or base_unit, number, time_s))
        elif truth is not UNSET:
            if other:
                raise _damaged(f'"{name[:40]}" has two values')
            resolved.append((name, record.u, truth, time_s))
        elif other or record.s is not UNSET:
            resolved.append((name, record.u, None, time_s))
        elif record.n:
            raise _damaged(f'"{name[:40]}" has no value')
    return resolved


def encode_json(readings: Sequence[Reading], *, many_sensors: bool, relative_to_ms: int | None = None) -> bytes:
    """One pack of `readings`, each with at least one value.

    `many_sensors`: names with their sensor, as a gateway sends them; else bare ones, all of one sensor.
    `relative_to_ms`: write ages counted from that instant, for a host without a clock.
    Raises ValueError for what no pack can say.
    """
    parts: list[str] = []
    for base, values in _grouped(readings, many_sensors, relative_to_ms):
        fields = "".join(f'"{key}":{_json_number(v) if key == "bt" else _json_text(v)},' for key, v in base.items())
        parts.append("{" + fields + "},{".join([_json_value(name, value) for name, value in values.items()]) + "}")
    return f"[{','.join(parts)}]".encode()


def encode_cbor(readings: Sequence[Reading], *, many_sensors: bool, relative_to_ms: int | None = None) -> bytes:
    """As `encode_json`, in CBOR."""
    pack: list[dict[int, Any]] = []
    for base, values in _grouped(readings, many_sensors, relative_to_ms):
        record: dict[int, Any] = {-2 if key == "bn" else -3: _shortest(v) for key, v in base.items()}
        for name, value in values.items():
            what = _known(name)
            record[0] = name
            if what.truth:
                record[4] = bool(value)
            else:
                if what.unit is not None:
                    record[1] = what.unit
                record[2] = _shortest(value)
            pack.append(record)
            record = {}
    return cbor2.dumps(pack)


class _Record(msgspec.Struct, gc=False):
    """One record as it stands in the pack; fields without meaning for us are skipped."""

    bn: str | UnsetType = UNSET
    bt: float | UnsetType = UNSET
    bu: str | UnsetType = UNSET
    bv: float | UnsetType = UNSET
    bver: int = _VERSION
    n: str = ""
    u: str | None = None
    t: float = 0.0
    v: float | UnsetType = UNSET
    vb: bool | UnsetType = UNSET
    vs: Any = UNSET
    vd: Any = UNSET
    s: Any = UNSET


_decode_json: Callable[[bytes], list[_Record]] = msgspec.json.Decoder(list[_Record]).decode


def _records(payload: bytes, content_type: str | None) -> list[_Record]:
    kind = content_type.partition(";")[0].strip().lower() if content_type else None
    cbor = kind == CBOR_TYPE if kind in (JSON_TYPE, CBOR_TYPE) else payload[:1] >= b"\x80"
    try:
        if cbor:
            return msgspec.convert(_cbor_records(payload), list[_Record])
        if (b'_"' in payload or b"\\u005" in payload) and _MUST_BE_UNDERSTOOD.search(payload):
            raise _damaged('a field ending in "_" that must be understood')
        if payload.count(b"{") > _MOST_RECORDS:
            raise _damaged(f"more than {_MOST_RECORDS} records")
        return _decode_json(payload)
    except (msgspec.MsgspecError, cbor2.CBORError, RecursionError, UnicodeDecodeError, OverflowError) as error:
        raise _damaged(f"no SenML pack: {str(error)[:80]}") from None


def _cbor_records(payload: bytes) -> list[dict[str, Any]]:
    stream = io.BytesIO(payload)
    pack = cbor2.CBORDecoder(stream, max_depth=_DEEPEST, semantic_decoders=_REFUSED_TAGS).decode()
    if stream.tell() != len(payload):
        raise _damaged("more than one CBOR item")
    if not isinstance(pack, list) or not all(isinstance(record, dict) for record in pack):
        raise _damaged("no array of maps")
    if len(pack) > _MOST_RECORDS:
        raise _damaged(f"more than {_MOST_RECORDS} records")
    return [_with_names(record) for record in pack]


def _with_names(record: dict[object, Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for label, value in record.items():
        if isinstance(label, str) and label.endswith("_"):
            raise _damaged('a field ending in "_" that must be understood')
        if label == _DATA_LABEL:
            named["vd"] = value
        elif isinstance(label, int) and (name := _LABELS.get(label)):
            named[name] = float(value) if isinstance(value, Decimal) else value
    return named


def _refused(*_: object) -> NoReturn:
    raise ValueError("a tag that SenML does not use")


# Of the tags that the library understands SenML uses decimal fractions alone (4). Big integers as keys may be made to
# collide, regular expressions and shared references do work that a reading has no need of.
_REFUSED_TAGS: dict[int, Any] = dict.fromkeys(
    (0, 1, 2, 3, 5, 25, 28, 29, 30, 35, 36, 37, 100, 256, 258, 260, 261, 1004, 43000), _refused
)


@lru_cache(maxsize=65_536)
def _native(name: str, gateway: bool) -> tuple[str, Quantity] | None:
    """Sensor ("" for a bare name) and quantity of a resolved name; None when Hadir does not know the quantity."""
    if len(name) > 256 or not _NAME.fullmatch(name):
        raise _damaged("a name that SenML does not allow")
    sensor, quantity_name = "", name
    if gateway:
        sensor, _, quantity_name = name.rpartition("/")
        if not SLUG.fullmatch(sensor):
            raise _damaged(f'"{name[:40]}" names no sensor; in a gateway\'s pack it is "sensor/quantity"')
    known = quantity(quantity_name)
    return None if known is None else (sensor, known)


def _grouped(
    readings: Sequence[Reading], many_sensors: bool, relative_to_ms: int | None
) -> Iterable[tuple[dict[str, Any], dict[str, float]]]:
    """For each reading the base fields that change with it, and its values."""
    base_name = base_time_s = None
    for reading in readings:
        time_s = reading.at_ms / 1000 if relative_to_ms is None else (reading.at_ms - relative_to_ms) / 1000
        if (time_s < _RELATIVE_BELOW_S) != (relative_to_ms is not None):
            raise ValueError(f"{reading.at_ms} ms cannot be told from a relative time")
        if not reading.values:
            raise ValueError(f"a reading of {reading.sensor} without values")
        base: dict[str, Any] = {}
        if many_sensors and reading.sensor != base_name:
            base_name = reading.sensor
            base["bn"] = f"{base_name}/"
        if time_s != base_time_s:
            base_time_s = time_s
            base["bt"] = time_s
        yield base, reading.values


# Sensors repeat themselves: of a radar's thirty values one or two have not been written a moment ago.
@lru_cache(maxsize=8192)
def _json_value(name: str, value: float) -> str:
    what = _known(name)
    if what.truth:
        return f'"n":"{name}","vb":{"true" if value else "false"}'
    unit = "" if what.unit is None else f'"u":"{what.unit}",'
    return f'"n":"{name}",{unit}"v":{_json_number(value)}'


def _known(name: str) -> Quantity:
    if (known := quantity(name)) is None:
        raise ValueError(f'"{name}" is no quantity')
    return known


def _json_number(value: float) -> str:
    if not isfinite(value):
        raise ValueError(f"{value} is no finite number")
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text


def _json_text(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _shortest(value: Any) -> Any:
    """A number as CBOR writes it in the fewest bytes without loss; text as it is."""
    if isinstance(value, str):
        return value
    if not isfinite(value):
        raise ValueError(f"{value} is no finite number")
    return int(value) if value == int(value) and abs(value) < 2**32 else float(value)


def _at_ms(reading: Reading) -> int:
    return reading.at_ms


def _damaged(reason: str) -> DamagedFrame:
    return DamagedFrame(0, reason)
