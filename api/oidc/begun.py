"""A log-in that was begun in one browser, as its cookie keeps it until the issuer sends the person back."""

from __future__ import annotations

import hmac
import secrets
from typing import NamedTuple

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from api.oidc.errors import NotProved

LIFE_S = 600
_ALGORITHM = "HS256"


class Begun(NamedTuple):
    """`state`: comes back in the address; `nonce`: within the ID token; `verifier`: proves that the code is ours.

    `then`: the page of ours that was asked for, and is come to when in.
    """

    state: str
    nonce: str
    verifier: str
    then: str | None


def begin(then: str | None) -> Begun:
    """A new one, which nobody can guess."""
    return Begun(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), then)


def signed(begun: Begun, key: bytes, now_ms: int) -> str:
    """The value of the cookie."""
    claims = {**begun._asdict(), "exp": now_ms // 1000 + LIFE_S}
    return jwt.encode({"alg": _ALGORITHM}, claims, OctKey.import_key(key), [_ALGORITHM])


def opened(cookie: str | None, state: str, key: bytes, now_ms: int) -> Begun:
    """What `cookie` keeps. Raises NotProved unless we made it, lately, and it belongs to `state`."""
    if not cookie:
        raise NotProved("stale", "the browser shows no log-in that was begun")
    try:
        claims = jwt.decode(cookie, OctKey.import_key(key), [_ALGORITHM]).claims
        jwt.JWTClaimsRegistry(now_ms // 1000, exp={"essential": True}).validate(claims)
    except (JoseError, ValueError) as error:
        raise NotProved(
            "stale", f"what the browser keeps of the log-in does not hold ({type(error).__name__})"
        ) from None
    begun = Begun(claims["state"], claims["nonce"], claims["verifier"], claims.get("then"))
    if not hmac.compare_digest(begun.state.encode(), state.encode()):
        raise NotProved("stale", "the state is not of this browser")
    return begun
