"""The payload vectors of `tests/vectors/conventions/`: how one is decoded, and what right answers it has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from collector.conventions import CONVENTIONS
from collector.conventions.convention import ANY, Convention, Entry, Message
from hadir.heard_lines import summary
from presence.errors import DamagedFrame
from presence.instants import parse_instant

Vector = dict[str, Any]

PAYLOADS: list[Vector] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "conventions" / "payloads.json").read_text()
)
BY_ID = {vector["id"]: vector for vector in PAYLOADS}
NOW_MS = parse_instant("2026-11-24T03:00:00Z")


def payload_of(vector: Vector) -> bytes:
    """The bytes of a vector's payload: text, hexadecimal, or a giant that is made here."""
    payload = vector["payload"]
    if isinstance(payload, str):
        return payload.encode()
    if "hex" in payload:
        return bytes.fromhex(payload["hex"])
    gen = payload["gen"]
    return str(gen["prefix"] + gen["repeat"] * gen["times"] + gen["suffix"]).encode()


def message_of(vector: Vector, *, retain: bool | None = None, received_ms: int = NOW_MS) -> Message:
    """The message of a vector; `retain`: as it says, unless given."""
    flag = bool(vector.get("retain")) if retain is None else retain
    return Message(vector["topic"], payload_of(vector), None, None, flag, received_ms)


def convention_for(vector: Vector) -> Convention:
    """A fresh convention as the vector wants it: its profile and config, and what it `needs` has been heard."""
    convention = CONVENTIONS[vector["convention"]]()
    if "profile" in vector or "config" in vector:
        convention.follow([Entry(ANY, None, vector.get("profile"), vector.get("config"))])
    for needed in vector.get("needs", ()):
        message = message_of(BY_ID[needed])
        if convention.owns(message.topic):
            convention.decode(message)
    return convention


def said(convention: Convention, message: Message) -> Vector | None:
    """The line of what is heard in `message`; None when it is rejected."""
    if not convention.owns(message.topic):
        return None
    try:
        return summary(convention.decode(message), message.received_ms)
    except DamagedFrame:
        return None


def wrong(vector: Vector, line: Vector | None) -> dict[str, tuple[Any, Any]]:
    """Where `line` is no right answer to `vector`: key -> (said, expected)."""
    if line is None:
        return {} if vector.get("reject") else {"rejected": (True, False)}
    if vector.get("reject") is True:
        return {"rejected": (False, True)}
    found = {}
    for key in line.keys() | vector["expect"].keys():
        right = [vector["expect"].get(key), *_others(vector, key)]
        if not any(_same(key, line.get(key), one) for one in right):
            found[key] = (line.get(key), vector["expect"].get(key))
    return found


def _others(vector: Vector, key: str) -> list[Any]:
    """Other right answers."""
    name = {"timestamp": "accept_ts", "distance_m": "accept_distance", "occupied": "accept", "online": "accept_online"}
    return list(vector.get(name.get(key, ""), ()))


def _same(key: str, said: Any, right: Any) -> bool:
    if said is None or right is None:
        return said is right
    if key == "onboard":
        return all(said.get(name) == value for name, value in right.items())  # it may tell more than the vector asks
    if key == "timestamp":
        return bool(parse_instant(said) == int(parse_instant(right)))
    if isinstance(right, float) or isinstance(said, float):
        return bool(abs(said - right) < 1e-9 * max(1.0, abs(right)))
    return bool(said == right)
