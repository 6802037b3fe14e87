"""JSON of strangers read straight into a declared shape: what is not declared is skipped without being built."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from collector.conventions.payload import LARGEST_PAYLOAD, damaged

T = TypeVar("T")


def typed(decoder: msgspec.json.Decoder[T], payload: bytes) -> T:
    """The one JSON document that the payload is, as `decoder` wants it. Raises DamagedFrame."""
    if len(payload) > LARGEST_PAYLOAD:
        raise damaged(f"{len(payload)} bytes, more than {LARGEST_PAYLOAD}")
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
