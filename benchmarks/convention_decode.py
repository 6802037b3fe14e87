"""Payloads decoded per CPU-second by each convention, beside a plain decoder of the same bytes, in turns.

The payloads are vectors of tests/vectors/conventions, varied so that each one is news: other values than the one
before, a later time, the next number. Ours goes from topic and bytes to what was heard, with all its memory; the peer
goes from the bytes alone to plain values: msgspec for JSON, cbor2 for CBOR, protobuf (upb; from PyPI, only where it is
installed) for Sparkplug, struct with this one layout for BTHome, and for a bare word `bytes.decode`. `told`: the share
of the payloads of which something was told. Figure: 50,000 a CPU-second, a convention.

Run: .venv/bin/python benchmarks/convention_decode.py
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from struct import Struct
from typing import Any, NamedTuple

import cbor2
import msgspec

from collector.conventions import CONVENTIONS
from collector.conventions.convention import ANY, Convention, Entry, Message
from hadir.output import table
from presence.errors import DamagedFrame
from presence.instants import parse_instant

PAYLOADS, RUNS = 10_000, 7
VECTORS = Path(__file__).parents[1] / "tests" / "vectors" / "conventions" / "payloads.json"
NOW_MS = parse_instant("2026-11-24T03:00:00Z")

Vector = dict[str, Any]
Decode = Callable[[bytes], Any]
BY_ID: dict[str, Vector] = {vector["id"]: vector for vector in json.loads(VECTORS.read_text())}


class Case(NamedTuple):
    """Payloads of one device. `vary`: the nth of them, from the bytes of a vector; of several vectors each in turn."""

    vectors: tuple[str, ...]
    peer: str
    vary: Callable[[bytes, int], bytes]


def text(*changes: tuple[str, str, str]) -> Callable[[bytes, int], bytes]:
    """Each (found, put in its place, and every second time), where # stands for the number of the payload."""

    def vary(payload: bytes, n: int) -> bytes:
        varied = payload.decode()
        for found, even, odd in changes:
            if n == 0 and found not in varied:
                raise SystemExit(f"{found} is not in the payload any more")
            varied = varied.replace(found, (odd if n % 2 else even).replace("#", f"{n:07}"))
        return varied.encode()

    return vary


def bthome(payload: bytes, n: int) -> bytes:
    """The next packet number, and the other motion."""
    return payload[:2] + bytes((n % 256,)) + payload[3:-1] + bytes((n % 2,))


def cbor_pack(payload: bytes, n: int) -> bytes:
    pack = cbor2.loads(payload)
    pack[0] |= {-3: pack[0][-3] + n, 4: n % 2 == 0}
    return cbor2.dumps(pack)


def sparkplug(payload: bytes, n: int) -> bytes:
    """The other presence, and the next seq after that of the birth."""
    seq = (2 + n) % 256
    written = bytes((seq,)) if seq < 128 else bytes((seq & 0x7F | 0x80, 1))
    return payload[:-2].replace(b"\x70\x01", bytes((0x70, n % 2))) + b"\x18" + written


CASES: dict[str, tuple[Case, ...]] = {
    "zigbee2mqtt": (
        Case(
            ("z2m-028",),
            "msgspec",
            text(('"presence":true', '"presence":true', '"presence":false'), ("1760601600123", "17606#0", "17606#0")),
        ),
        Case(("z2m-006", "z2m-007"), "msgspec", text()),
    ),
    "esphome": (
        Case(("esp-003", "esp-004"), "decode", text()),
        Case(("esp-006",), "msgspec", text(("75", "75", "150"))),
    ),
    "ha_discovery": (Case(("had-001",), "msgspec", text(('"2.4"', '"2.4"', '"2.5"'))),),
    "tasmota": (
        Case(
            ("tas-001",),
            "msgspec",
            text(
                ('"ON"', '"ON"', '"OFF"'),
                ('[75.0,73.0,72.0],"Energy":[94,100]', '[75.0,73.0,72.0],"Energy":[94,100]', '[0,0,0],"Energy":[0,0]'),
            ),
        ),
    ),
    "shelly": (
        Case(
            ("she-005",),
            "msgspec",
            text(
                ('"value":true,"num_objects":1', '"value":true,"num_objects":1', '"value":false,"num_objects":0'),
                ("1760601600.12", "176#.12", "176#.12"),
            ),
        ),
        Case(
            ("she-002",),
            "msgspec",
            text(('"motion":true', '"motion":true', '"motion":false'), ("1622300251", "162#", "162#")),
        ),
    ),
    "bthome": (Case(("bth-001",), "struct", bthome),),
    "theengs": (
        Case(
            ("the-001",),
            "msgspec",
            text(('"motion":true', '"motion":true', '"motion":false'), ('"packet":2', '"packet":1#', '"packet":1#')),
        ),
    ),
    "chirpstack": (
        Case(("chs-002", "chs-003"), "msgspec", text(("3ac7e3c4", "3#", "3#"), ("15.775023242", "15.77#", "15.77#"))),
    ),
    "ttn_v3": (
        Case(
            ("ttn-002",),
            "msgspec",
            text(("Abs0", "Abs0", "ALs0"), ('"status":1', '"status":1', '"status":0'), ("45.787Z", "45.#Z", "45.#Z")),
        ),
    ),
    "disruptive": (
        Case(
            ("dis-001",),
            "msgspec",
            text(
                ("og4fac7ug", "og#", "og#"),
                ("MOTION_DETECTED", "MOTION_DETECTED", "NO_MOTION_DETECTED"),
                ("18.595777Z", "18.#Z", "18.#Z"),
            ),
        ),
    ),
    "homie": (
        Case(("hom-004",), "msgspec", text(("true", "true", "false"))),
        Case(("hom-005",), "msgspec", text(("1.25", "1.25", "0.75"))),
    ),
    "senml": (
        Case(
            ("sen-003",),
            "msgspec",
            text(('"vb":true', '"vb":true', '"vb":false'), ("1276020076.001", "127#.001", "127#.001")),
        ),
        Case(("sen-006",), "cbor2", cbor_pack),
    ),
    "sparkplug_b": (Case(("spb-007",), "protobuf", sparkplug),),
}


def peers() -> dict[str, Decode]:
    """By name; protobuf only where it is installed."""
    layout = Struct("<BBBBBBHBBB").unpack
    names = ("info", "pid_id", "pid", "battery_id", "battery", "lux_id", "lux", "lux_high", "motion_id", "motion")
    found: dict[str, Decode] = {
        "msgspec": msgspec.json.decode,
        "cbor2": cbor2.loads,
        "decode": bytes.decode,
        "struct": lambda payload: dict(zip(names, layout(payload), strict=True)),
    }
    with suppress(ImportError):
        found["protobuf"] = _protobuf()
    return found


def _protobuf() -> Decode:
    """Sparkplug's Payload with the fields that DATA have, to a dict of alias to timestamp and value."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="sparkplug_b.proto", package="b", syntax="proto2")
    payload = file.message_type.add(name="Payload")
    metric = payload.nested_type.add(name="Metric")
    metric.oneof_decl.add(name="value")
    for number, name, kind in (
        (1, "name", kinds.TYPE_STRING),
        (2, "alias", kinds.TYPE_UINT64),
        (3, "timestamp", kinds.TYPE_UINT64),
        (4, "datatype", kinds.TYPE_UINT32),
        (5, "is_historical", kinds.TYPE_BOOL),
        (7, "is_null", kinds.TYPE_BOOL),
    ):
        metric.field.add(name=name, number=number, type=kind, label=kinds.LABEL_OPTIONAL)
    for number, name, kind in (
        (10, "int_value", kinds.TYPE_UINT32),
        (11, "long_value", kinds.TYPE_UINT64),
        (12, "float_value", kinds.TYPE_FLOAT),
        (13, "double_value", kinds.TYPE_DOUBLE),
        (14, "boolean_value", kinds.TYPE_BOOL),
        (15, "string_value", kinds.TYPE_STRING),
    ):
        metric.field.add(name=name, number=number, type=kind, label=kinds.LABEL_OPTIONAL, oneof_index=0)
    payload.field.add(name="timestamp", number=1, type=kinds.TYPE_UINT64, label=kinds.LABEL_OPTIONAL)
    payload.field.add(
        name="metrics", number=2, type=kinds.TYPE_MESSAGE, label=kinds.LABEL_REPEATED, type_name=".b.Payload.Metric"
    )
    payload.field.add(name="seq", number=3, type=kinds.TYPE_UINT64, label=kinds.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    made = message_factory.GetMessageClass(pool.FindMessageTypeByName("b.Payload"))

    def decode(data: bytes) -> dict[str, Any]:
        said = made.FromString(data)
        return {
            "timestamp": said.timestamp,
            "seq": said.seq,
            "metrics": {
                one.alias: (one.timestamp, getattr(one, one.WhichOneof("value") or "name")) for one in said.metrics
            },
        }

    return decode


def bytes_of(vector: Vector) -> bytes:
    payload = vector["payload"]
    return payload.encode() if isinstance(payload, str) else bytes.fromhex(payload["hex"])


def fresh(vector: Vector) -> Convention:
    """The convention of a vector, after its profile, its config and what it needs."""
    convention = CONVENTIONS[vector["convention"]]()
    if "profile" in vector or "config" in vector:
        convention.follow([Entry(ANY, None, vector.get("profile"), vector.get("config"))])
    for needed in vector.get("needs", ()):
        before = BY_ID[needed]
        if convention.owns(before["topic"]):
            convention.decode(Message(before["topic"], bytes_of(before), None, None, False, NOW_MS))
    return convention


def messages(case: Case) -> list[Message]:
    """A second apart."""
    vectors = [BY_ID[name] for name in case.vectors]
    return [
        Message(
            vectors[n % len(vectors)]["topic"],
            case.vary(bytes_of(vectors[n % len(vectors)]), n),
            None,
            None,
            False,
            NOW_MS + n * 1000,
        )
        for n in range(PAYLOADS)
    ]


def told(convention: Convention, said: Sequence[Message]) -> float:
    """The share of messages of which something is told: a value, a verdict, an announcement."""
    if not convention.owns(said[0].topic):
        return 0.0
    count = 0
    for message in said:
        try:
            heard = convention.decode(message)
        except DamagedFrame:
            continue
        count += any(one.values or one.presences or one.announced for one in heard)
    return count / len(said)


def ours(convention: Convention, said: Sequence[Message]) -> float:
    """Payloads per CPU-second."""
    decode = convention.decode
    began = time.process_time()
    for message in said:
        decode(message)
    return len(said) / (time.process_time() - began)


def theirs(decode: Decode, said: Sequence[Message]) -> float:
    """Payloads per CPU-second."""
    began = time.process_time()
    for message in said:
        decode(message.payload)
    return len(said) / (time.process_time() - began)


def measured(name: str, case: Case, known: dict[str, Decode]) -> tuple[object, ...] | None:
    """A row of the table; None when the convention says nothing of these payloads."""
    vector, said = BY_ID[case.vectors[0]], messages(case)
    share = told(fresh(vector), said)
    if not share:
        return None
    peer = known.get(case.peer)
    mine, plain = [], []
    for _ in range(RUNS):
        mine.append(ours(fresh(vector), said))
        if peer is not None:
            plain.append(theirs(peer, said))
    rate = statistics.median(mine)
    row = (name, case.vectors[0], f"{len(said[0].payload)}", f"{share:.0%}", f"{rate:,.0f}")
    if not plain:
        return (*row, f"{case.peer} is not installed", None, None)
    beside = statistics.median(plain)
    return (*row, case.peer, f"{beside:,.0f}", f"{rate / beside:.3f}")


def main() -> None:
    known, rows, silent = peers(), [], []
    for name in sorted(CONVENTIONS):
        for case in CASES.get(name, ()):
            row = measured(name, case, known)
            if row is None:
                silent.append(f"{name}: says nothing of {case.vectors[0]}; left out")
            else:
                rows.append(row)
        if name not in CASES:
            silent.append(f"{name}: no payloads are chosen for it; left out")
    print(f"payloads per CPU-second, median of {RUNS} runs of {PAYLOADS:,} payloads\n")
    columns = ["convention", "vector", "bytes", "told", "hadir", "peer", "alone", "ratio"]
    print(table(columns, rows))
    if silent:
        print("\n".join(["", *silent]))


if __name__ == "__main__":
    main()
