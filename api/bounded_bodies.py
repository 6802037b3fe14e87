"""No request brings more than a form or a change can have: 413, before it is read when it says how much it brings."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.answers import on_http_error
from api.fields import LARGEST_BODY_BYTES

_TOO_LARGE = "the body is too large; send less at once"


class BoundedBodies:
    """Lets no more than `LARGEST_BODY_BYTES` of a body through."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > LARGEST_BODY_BYTES:
            answer = await on_http_error(Request(scope), HTTPException(413, _TOO_LARGE))
            await answer(scope, receive, send)
            return
        came = 0

        async def receive_bounded() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > LARGEST_BODY_BYTES:
                raise HTTPException(413, _TOO_LARGE)
            return message

        await self._app(scope, receive_bounded, send)
