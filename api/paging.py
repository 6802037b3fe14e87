"""Long lists in pages: `limit` at once, and a `Link` to the next ones, whose `cursor` is ours to read alone.

A cursor is the key of the last entry that was given, so that what is added meanwhile moves nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar
from urllib.parse import urlencode

from fastapi import HTTPException, Query, Request

Row = TypeVar("Row")
Key = tuple[str | int, ...]

MOST = 10_000
_LONGEST_CURSOR = 500

Limit = Annotated[int, Query(ge=1, le=MOST, description="At most this many at once.")]
Cursor = Annotated[
    str | None,
    Query(
        max_length=_LONGEST_CURSOR,
        description="Where the list goes on: as the `Link` header of the answer before has it.",
    ),
]


def write_cursor(key: Key) -> str:
    """`key` as it goes to the outside."""
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def read_cursor(text: str, *kinds: type) -> Key:
    """The key in a cursor, whose parts are of `kinds`. Raises 400."""
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or [type(part) for part in found] != list(kinds) or not all(map(_is_plain, found)):
        raise HTTPException(400, "cursor: is none of this list; take it from the Link header of the answer before")
    return tuple(found)


def following(request: Request, key: Key | None, **fixed: str) -> dict[str, str]:
    """The header that leads to what comes after `key`, None at the end. `fixed`: parameters as they were understood,
    so that the next page does not ask for another time.
    """
    if key is None:
        return {}
    query = dict(request.query_params) | fixed | {"cursor": write_cursor(key)}
    return {"Link": f'<{request.url.path}?{urlencode(query)}>; rel="next"'}


def cut(rows: Sequence[Row], key: Callable[[Row], Key], after: Key | None, limit: int) -> tuple[list[Row], Key | None]:
    """`limit` of `rows`, ordered by `key`, behind `after`; and the key of the last of them unless the list ends."""
    left = rows if after is None else [row for row in rows if key(row) > after]
    some = list(left[:limit])
    return some, key(some[-1]) if len(left) > limit else None


def page(
    request: Request,
    rows: Sequence[Row],
    key: Callable[[Row], Key],
    kinds: tuple[type, ...],
    *,
    limit: int,
    cursor: str | None,
    **fixed: str,
) -> tuple[list[Row], dict[str, str]]:
    """The page of `rows`, ordered by `key` with parts of `kinds`, that `cursor` opens, and the header to the next one.

    `fixed`: as in `following`. Raises 400.
    """
    after = None if cursor is None else read_cursor(cursor, *kinds)
    some, last = cut(rows, key, after, limit)
    return some, following(request, last, **fixed)


def _is_plain(part: str | int) -> bool:
    """Whether databases can hold it: text without NUL and half characters, a number of 64 bits."""
    if isinstance(part, int):
        return abs(part) < 2**63
    return "\0" not in part and part.isprintable()
