"""Payloads of strangers, read strictly: JSON, truth values, numbers, instants; sizes and depths are bounded.

What Python takes too easily is refused: `float("1_0")`, `float("nan")`, `bool("false")`, NaN in JSON, endless nesting.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Any, TypeVar

import msgspec

from presence.errors import DamagedFrame
from presence.instants import parse_instant

LARGEST_PAYLOAD = 256 * 1024
LONGEST_TOPIC = 512

T = TypeVar("T")

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_LONGEST_NUMBER = 64
_TRUE = frozenset(("true", "on", "1", "online", "occupied"))
_FALSE = frozenset(("false", "off", "0", "offline", "vacant"))
_JSON = msgspec.json.Decoder()


def damaged(reason: str, offset: int = 0) -> DamagedFrame:
    """A DamagedFrame at `offset` of the payload."""
    return DamagedFrame(offset, reason)


def text(payload: bytes, largest: int = LARGEST_PAYLOAD) -> str:
    """The payload as text. Raises DamagedFrame when it is too large or no UTF-8."""
    if len(payload) > largest:
        raise damaged(f"{len(payload)} bytes, more than {largest}")
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise damaged("no UTF-8 text", error.start) from None


def typed(decoder: msgspec.json.Decoder[T], payload: bytes | msgspec.Raw, largest: int = LARGEST_PAYLOAD) -> T:
    """The one JSON document that the payload is, as `decoder` wants it; what that does not declare is not built.

    Raises DamagedFrame.
    """
    if len(payload) > largest:
        raise damaged(f"{len(payload)} bytes, more than {largest}")
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise damaged(f"not of its shape: {error}") from None
    except msgspec.DecodeError as error:
        raise damaged(f"no JSON: {error}") from None
    except UnicodeDecodeError as error:
        raise damaged("no UTF-8 text", error.start) from None
    except (RecursionError, ValueError) as error:
        raise damaged(f"no JSON that can be read: {type(error).__name__}") from None


def json_value(payload: bytes, largest: int = LARGEST_PAYLOAD) -> Any:
    """The one JSON document that the payload is. Raises DamagedFrame."""
    return typed(_JSON, payload, largest)


def json_object(payload: bytes, largest: int = LARGEST_PAYLOAD) -> dict[str, Any]:
    """The one JSON object that the payload is. Raises DamagedFrame."""
    found = json_value(payload, largest)
    if not isinstance(found, dict):
        raise damaged("no JSON object")
    return found


def truth(value: object) -> float | None:
    """1.0 or 0.0 of a truth value as devices write them (true, 1, "ON", "false", "Online", "vacant"); else None."""
    if value is True or value is False:
        return float(value)
    if isinstance(value, str):
        word = value.strip().lower() if len(value) <= _LONGEST_NUMBER else ""
        return 1.0 if word in _TRUE else 0.0 if word in _FALSE else None
    if isinstance(value, int | float) and value in (0, 1):
        return float(value)
    return None


def number(value: object) -> float | None:
    """The finite number that `value` is, or writes in ASCII decimals; else None."""
    if value is True or value is False:
        return None
    if isinstance(value, str):
        if len(value) > _LONGEST_NUMBER or not _NUMBER.fullmatch(value):
            return None
        value = float(value)
    if isinstance(value, int | float):
        try:
            found = float(value)
        except OverflowError:
            return None
        return found if isfinite(found) else None
    return None


def within(value: object, least: float, most: float) -> float | None:
    """The number that `value` is when it lies in [`least`, `most`]; else None."""
    found = number(value)
    return found if found is not None and least <= found <= most else None


def instant_ms(value: object) -> int | None:
    """Epoch ms of RFC 3339 text with an offset; None for any other value, also text without an offset."""
    if not isinstance(value, str) or len(value) > _LONGEST_NUMBER or "T" not in value:
        return None
    try:
        return parse_instant(value)
    except (ValueError, OverflowError):
        return None


def availability(payload: bytes) -> bool | None:
    """Online or not, of a payload that is the word, or `{"state":word}`, in any case; None for any other."""
    if len(payload) > LONGEST_TOPIC:
        return None
    word: object = payload.decode(errors="replace").strip()
    if str(word).startswith("{"):
        try:
            word = json_object(payload).get("state")
        except DamagedFrame:
            return None
    if not isinstance(word, str):
        return None
    return {"online": True, "offline": False}.get(word.strip().lower())


def levels(topic: str) -> list[str]:
    """The levels of a topic that a device can have. Raises DamagedFrame for wildcards, NUL and what is too long."""
    if len(topic) > LONGEST_TOPIC:
        raise damaged(f"a topic of {len(topic)} characters, more than {LONGEST_TOPIC}")
    if "+" in topic or "#" in topic or "\0" in topic:
        raise damaged("no topic of a message: it holds a wildcard or NUL")
    return topic.split("/")
