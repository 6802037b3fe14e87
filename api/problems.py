"""Errors of the API in the form of RFC 9457: `application/problem+json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse

CONTENT_TYPE = "application/problem+json"


def problem(
    status: int, title: str, detail: str, *, headers: Mapping[str, str] | None = None, **fields: Any
) -> JSONResponse:
    """The answer `status`: `title` says the kind of problem, `detail` this one and what to do; `fields`: more of it."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **fields}
    return JSONResponse(body, status, headers=headers, media_type=CONTENT_TYPE)
