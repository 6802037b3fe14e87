"""Style sheets, modules and pictures, kept by browsers for ever: their address changes when they do."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from api.pages import Pages

router = APIRouter(include_in_schema=False)


@router.get("/static/{digest}/{name}")
async def static(request: Request, digest: str, name: str) -> Response:
    pages: Pages = request.app.state.pages
    asset = pages.assets.get(name)
    if asset is None or digest != pages.digest:
        raise HTTPException(404, "no such file")
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.zipped, media_type=asset.content_type, headers=headers | {"Content-Encoding": "gzip"})
    return Response(asset.plain, media_type=asset.content_type, headers=headers)
