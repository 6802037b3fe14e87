"""Errors for programs: RFC 9457, `application/problem+json`.

    {"type":"about:blank","title":"Bad Request","status":400,"detail":"to: is not after from","instance":"/api/v1/…",
     "error":"to: is not after from","errors":{"to":"is not after from"}}

`detail` says what to do next, `error` is the same sentence for programs from before; `errors`, of a 400 alone, has what
is wrong with each field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"
# The one address whose answers the pages of any site may read, also when they say what was asked wrongly.
OPEN_DATA = "/api/v1/public"
TO_ANY_PAGE = {"Access-Control-Allow-Origin": "*"}
_FIELD = re.compile(r"([a-z_]+(?:\.\w+)*): (.+)", re.DOTALL)


def problem(
    status: int,
    detail: str,
    instance: str,
    *,
    errors: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    **further: Any,
) -> JSONResponse:
    """The answer. `instance`: the path that was asked for. `errors`: by field, else found in `detail` of a 400."""
    title = HTTPStatus(status).phrase
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    body |= {"instance": instance, "error": detail} | further
    if status == 400 and (named := errors or _fields(detail)):
        body["errors"] = dict(named)
    open_to_any = TO_ANY_PAGE if instance == OPEN_DATA else {}
    return JSONResponse(body, status, {**(headers or {}), **open_to_any}, MEDIA_TYPE)


def _fields(detail: str) -> dict[str, str]:
    """What `field: problem; field: problem` says of each; nothing when it does not begin with a field."""
    found: dict[str, str] = {}
    last = ""
    for part in detail.split("; "):
        if (match := _FIELD.fullmatch(part)) is not None:
            last = match[1]
            found[last] = f"{found[last]}; {match[2]}" if last in found else match[2]
        elif last:
            found[last] += f"; {part}"
        else:
            return {}
    return found
