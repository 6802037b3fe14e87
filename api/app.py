"""The web application: joins routes, pages and feed. Builds no store, reads no environment."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator

import uvicorn
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import answers, contract
from api.access import admit
from api.bounded_bodies import BoundedBodies
from api.feed import Feed
from api.floor import plan as floor_plan
from api.floor_plan import Pictures
from api.head_requests import HeadRequests
from api.log_in_limits import LogInLimits
from api.of_sites import OfSites
from api.pages import Pages
from api.parts import Parts
from api.password_work import PasswordWork
from api.public_answers import PublicAnswers
from api.routes import (
    account,
    admin,
    admin_days,
    admin_rules,
    admin_site,
    admin_users,
    agency,
    agency_forms,
    alerts,
    contests,
    declarations,
    docs,
    export,
    floor,
    health,
    inbox,
    ledger,
    live,
    login,
    oidc,
    outlet,
    outlet_maintenance,
    plans,
    public,
    readings,
    record,
    registry,
    sidak,
    sidak_links,
    static,
    substitutes,
    users,
    webhook,
    why,
)
from api.sidak_answers import SidakAnswers
from api.webhooks import Taken
from presence.declarations import NotAccepted
from storage.record import RecordUnavailable
from storage.record.refusals import NotNow, NotThere

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_GZIP_LEVEL = 5
_LAST_ANSWERS_S = 5
# A page whose machine went to sleep takes nothing and says nothing.
_UNACKNOWLEDGED_MS = 20_000


def create_app(parts: Parts) -> FastAPI:
    """The application over `parts`; its lifespan opens and closes the feed."""
    feed = Feed(parts.record, parts.broker, parts.now)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await feed.open()
        yield
        await feed.close()

    app = FastAPI(
        title="Hadir",
        description="Presence at service counters: live state, alerts and their answers, absences, the ledger.",
        version="1",
        openapi_url=None,
        generate_unique_id_function=contract.operation_id,
        dependencies=[Depends(admit)],
        lifespan=lifespan,
        # Of all routes, forms too, and of bodies that do not say how long they are.
    )
    app.state.parts, app.state.feed, app.state.pages = parts, feed, Pages()
    app.state.plans = OfSites(floor_plan)
    app.state.sidak = SidakAnswers(feed, app.state.pages, parts.now)
    app.state.pictures = Pictures(parts.plans)
    app.state.log_in_limits, app.state.password_limits = LogInLimits(), LogInLimits()
    app.state.password_work = PasswordWork()
    app.state.public = PublicAnswers(feed, parts.now)
    app.state.signatures_taken = Taken()
    # The router tries one after the other: first those that are asked most. `/sidak/links` is no ticket.
    for router in (sidak_links.pages, sidak_links.router, sidak.pages, sidak.router, public.router):
        app.include_router(router)
    for module in (
        health,
        live,
        alerts,
        declarations,
        record,
        ledger,
        why,
        login,
        oidc,
        floor,
        outlet,
        outlet_maintenance,
        readings,
        agency,
        agency_forms,
        contests,
        substitutes,
        registry,
        admin,
        admin_days,
        admin_rules,
        admin_site,
        admin_users,
        inbox,
        plans,
        account,
        users,
        static,
        docs,
        export,
        webhook,
    ):
        app.include_router(module.router)
    app.include_router(registry.sites)
    app.add_exception_handler(HTTPException, answers.on_http_error)
    app.add_exception_handler(RequestValidationError, answers.on_bad_request)
    for refusal in (NotAccepted, NotThere, NotNow):
        app.add_exception_handler(refusal, answers.on_refusal)
    for error in (SQLAlchemyError, RecordUnavailable):
        app.add_exception_handler(error, answers.on_record_error)
    app.add_exception_handler(Exception, answers.on_failure)
    app.add_middleware(BoundedBodies)
    app.add_middleware(GZipMiddleware, minimum_size=500, compresslevel=_GZIP_LEVEL)
    app.add_middleware(_SafeHeaders)
    app.add_middleware(HeadRequests)
    return app


class _SafeHeaders:
    """Every answer tells the browser to run and embed nothing but ours; what is not static is not kept."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_safely)


def serve(app: FastAPI, listening: socket.socket, stop: threading.Event) -> None:
    """Answer at `listening` (bound) until `stop` is set, in this thread. Raises what ended the feed, should it end."""
    # asyncio does this for sockets that were made for TCP by name alone; without it an answer waits 40 ms for its body.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)
    asyncio.run(_serve(app, listening, stop))


async def _serve(app: FastAPI, listening: socket.socket, stop: threading.Event) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def wait() -> None:
        stop.wait()
        with contextlib.suppress(RuntimeError):  # the server has ended before, and its loop with it
            loop.call_soon_threadsafe(stopped.set)

    threading.Thread(target=wait, name="stopping web", daemon=True).start()
    server = _Server(
        uvicorn.Config(
            app,
            lifespan="on",
            log_config=None,
            access_log=False,
            # Who is local is decided in `access`, from what the socket says.
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_LAST_ANSWERS_S,
        )
    )
    feed: Feed = app.state.feed
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    stopping = asyncio.create_task(stopped.wait())
    feed_ended = asyncio.create_task(feed.ended.wait())
    await asyncio.wait({serving, stopping, feed_ended}, return_when=asyncio.FIRST_COMPLETED)
    feed.stream.end()
    server.should_exit = True
    await serving
    stopping.cancel()
    feed_ended.cancel()
    if feed.failure is not None:
        raise feed.failure


class _Server(uvicorn.Server):
    """uvicorn, but signals are the business of who starts it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
