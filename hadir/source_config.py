"""`--source-config JSON`: the `config` of a `source` on a command line."""

from __future__ import annotations

from typing import Any

import msgspec

from presence.errors import BadInput


def source_config(text: str, where: str) -> dict[str, Any]:
    """The object that `text` is. Raises BadInput in the name of the command `where`."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        remedy = """write a JSON object, as in '{"input:0": "occupancy"}'"""
        raise BadInput(where, str(error), field="--source-config", remedy=remedy) from None
