"""Kinds of values that come in with requests, and what is said of those that cannot be used."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, WithJsonSchema

from presence.instants import parse_instant

# What every body keeps to: a key that is not known is a mistake, and no value is taken for another kind of value.
BODY = ConfigDict(extra="forbid", strict=True)
LARGEST_BODY_BYTES = 65_536


def _instant(text: object) -> int:
    if not isinstance(text, str):
        raise ValueError("is no text; write 2026-11-24T09:00:00+07:00 in quotes")
    # In an address a plus sign that nobody escaped arrives as a space.
    return parse_instant(text.strip().replace(" ", "+"))


# Epoch ms, written as RFC 3339 with an offset.
Instant = Annotated[int, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
