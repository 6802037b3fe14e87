"""The fields of a form that a browser sends."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

_MOST_FIELDS = 100


async def form_of(request: Request) -> dict[str, str]:
    """The fields by name, the last of those that have the same one; empty for what is no form. Raises 400."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        return {}
    body = await request.body()
    try:
        found = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise HTTPException(400, "the form cannot be read; send it again from its page") from None
    if any("\0" in value for _, value in found):
        raise HTTPException(400, "the form holds a NUL character; leave it out")
    return dict(found)
