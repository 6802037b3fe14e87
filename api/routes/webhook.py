"""What other clouds post to us, handed to the collector by the broker."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path, Request
from starlette.responses import JSONResponse, Response

from api.access import is_signed
from api.answered import Taken
from api.asked import site_of
from api.feed import Feed
from api.parts import Parts
from api.publishing import NotPublished
from api.routes.record import SiteId
from api.webhooks import SIGNATURE_HEADER, NotSigned, check_signature, secret_name
from api.webhooks import Taken as TakenSignatures
from presence import topics
from transport.session import Message

router = APIRouter(prefix="/api/v1/sites/{site}/webhook", tags=["webhook"])

_EVENT = {
    "event": {
        "eventId": "9j53jlv4kkik00ft5m10",
        "targetName": "projects/ci42/devices/emucd6kqtpfg8",
        "eventType": "motion",
        "data": {"motion": {"state": "MOTION_DETECTED", "updateTime": "2026-11-24T03:41:58.595777Z"}},
        "timestamp": "2026-11-24T03:41:58.595777Z",
    },
    "labels": {},
}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "As the cloud sends it; at most 64 KiB. The collector reads it.",
        "content": {"application/json": {"schema": {"type": "object"}, "example": _EVENT}},
    }
}


@router.post(
    "/{kind}",
    status_code=202,
    summary="Take an event of another cloud for the collector",
    description="For its data connector: either with a token of scope `write`, or signed (`X-Dt-Signature`, with the "
    "secret that stands in the environment as HADIR_WEBHOOK_SECRET_ and the site's id). It is taken when the broker "
    "has it; after a 503 send it again.",
    openapi_extra=_BODY,
    responses={
        202: {"model": Taken, "content": {"application/json": {"example": {"taken": True}}}},
        503: {"description": "The broker did not take it; send it again."},
    },
)
async def take_webhook(
    request: Request,
    site: SiteId,
    kind: Annotated[Literal["disruptive"], Path(description="Whose form the body has.", examples=["disruptive"])],
) -> Response:
    feed: Feed = request.app.state.feed
    body = await request.body()
    signed_until_s = _check(request, site, body) if is_signed(request) else None
    site_of(request, site)
    if not body.lstrip().startswith(b"{"):
        raise HTTPException(400, "body: is no JSON object; send the event as it is")
    message = Message(topics.webhook(site, kind), body, qos=1, content_type="application/json")
    try:
        if signed_until_s is None:
            await feed.publishing.publish(message)
        else:
            signature, now_s = request.headers[SIGNATURE_HEADER], request.app.state.parts.now() / 1000
            taken: TakenSignatures = request.app.state.signatures_taken
            await taken.once(signature, signed_until_s, now_s, lambda: feed.publishing.publish(message))
    except NotPublished as error:
        raise HTTPException(503, f"{error}; send it again", {"Retry-After": "10"}) from None
    return JSONResponse({"taken": True}, 202)


def _check(request: Request, site: str, body: bytes) -> float:
    """Until when the signature holds. Raises 401 unless the body is signed with the secret of the site."""
    parts: Parts = request.app.state.parts
    secret = parts.webhook_secrets.get(secret_name(site))
    if not secret:
        # The same for a site that there is not: who has no secret learns of none.
        raise HTTPException(401, f"signatures are not taken for this site; set {secret_name(site)}, or send a token")
    try:
        return check_signature(request.headers[SIGNATURE_HEADER], body, secret, parts.now() / 1000)
    except NotSigned as error:
        raise HTTPException(401, str(error)) from None
