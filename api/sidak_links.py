"""Links that open `/sidak` of one site for whoever holds them, until an instant: for visitors without an account.

A link opens nothing but that one page, to read. What is made and taken back is `storage.record.sidak_links`'.
"""

from __future__ import annotations

import segno

HOUR_MS = 3_600_000
LONGEST_MS = 7 * 24 * HOUR_MS


def path_of(secret: str) -> str:
    """Where a link leads."""
    return f"/sidak/{secret}"


def qr_code(address: str) -> str:
    """`address` as inline SVG, dark on light in every theme: telephones do not read it the other way round."""
    return segno.make(address, micro=False, error="m").svg_inline(dark="#000", light="#fff", border=3, omitsize=True)
