"""Links that open `/sidak` of one site for whoever holds them, until an instant: for visitors without an account.

A link says site and end, and proves both by an HMAC with a key of the record. Nothing about it is kept, so that it
cannot be taken back, and it opens nothing but that one page, to read.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from typing import NamedTuple

import segno
from sqlalchemy import Connection

from presence.instants import rfc3339
from storage.record import audit
from storage.record.signing_keys import key_for, make_key_for

HOUR_MS = 3_600_000
LONGEST_MS = 7 * 24 * HOUR_MS
# Of 256 bits of proof 128 are sent: short enough for a code that a telephone reads from across a desk.
_PROOF_BYTES = 16


class Opened(NamedTuple):
    """What a link that is ours opens; `until_ms` may have passed."""

    site: str
    until_ms: int


def make_link(connection: Connection, site: str, until_ms: int, *, author: str, now_ms: int) -> str:
    """The path of a link to the sidak of `site` that ends at `until_ms`, cut to seconds; with its audit row."""
    until_s = until_ms // 1000
    body = {"event": "sidak_link_made", "site": site, "until": rfc3339(until_s * 1000), "author": author}
    audit.append(connection, now_ms, body)
    proof = _proof(make_key_for(connection, "sidak link", now_ms), site, until_s)
    return f"/sidak/{site}.{until_s}.{proof}"


def opened_by(connection: Connection, ticket: str) -> Opened | None:
    """What the last part of a link's path opens; None when it was altered, or is none of ours."""
    site, _, rest = ticket.partition(".")
    until, _, proof = rest.partition(".")
    key = key_for(connection, "sidak link")
    if key is None or not until.isascii() or not until.isdecimal() or len(until) > 12:
        return None
    if not hmac.compare_digest(_proof(key, site, int(until)).encode(), proof.encode()):
        return None
    return Opened(site, int(until) * 1000)


def qr_code(address: str) -> str:
    """`address` as inline SVG, dark on light in every theme: telephones do not read it the other way round."""
    return segno.make(address, micro=False, error="m").svg_inline(dark="#000", light="#fff", border=3, omitsize=True)


def _proof(key: bytes, site: str, until_s: int) -> str:
    digest = hmac.digest(key, f"sidak {site} {until_s}".encode(), hashlib.sha256)
    return urlsafe_b64encode(digest[:_PROOF_BYTES]).rstrip(b"=").decode()
