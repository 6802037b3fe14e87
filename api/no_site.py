"""The page for whoever sees no site: there is none yet, or none of which the account is to see anything."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import Response

from api.answers import page


async def no_site(request: Request, links: dict[str, Any]) -> Response:
    """What to do next. It gives way by itself to the first site that is seen. `links`: of the page's footer."""
    return await page(request, "welcome.html", unseen=bool(request.app.state.feed.live.sites), **links)
