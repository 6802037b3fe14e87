"""Secrets in URLs: they stand there as `{env:NAME}`, and are looked up when a connection is made."""

from __future__ import annotations

import re
from collections.abc import Mapping

from presence.errors import BadInput


def secret(text: str, environ: Mapping[str, str], *, source: str) -> str:
    """`text`, or what `environ` has in its place. Raises BadInput, naming `source`, when it has nothing."""
    named = re.fullmatch(r"\{env:(\w+)\}", text)
    if named is None:
        return text
    if named[1] not in environ:
        raise BadInput(source, f"{text} names no environment variable", remedy=f"set {named[1]}")
    return environ[named[1]]
