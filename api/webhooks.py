"""Whether a body that came by HTTP is from whom it says: the signatures of the clouds that post to us.

Disruptive Technologies sign with a secret that both sides know: `X-Dt-Signature` is a JWT (HS256) with the digest of
the body in it, `checksum_sha256`, or from older connectors `checksum`, its SHA-1.
Source: developer.disruptive-technologies.com, Data Connectors, Receiving Events.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

SIGNATURE_HEADER: Final = "x-dt-signature"
NAMED_SO: Final = "HADIR_WEBHOOK_SECRET_"
_CLOCKS_APART_S = 300
_HOLDS_S = 3600
_DIGESTS = {"checksum_sha256": hashlib.sha256, "checksum": hashlib.sha1}


class NotSigned(Exception):
    """The signature is not of this body, or not by who has the secret; in words."""


def secret_name(site: str) -> str:
    """The environment's variable with the secret of a site: HADIR_WEBHOOK_SECRET_MPP_CONTOH for `mpp-contoh`.

    No two sites share one: an underscore of the id is `_u_`, whose small letter stands for nothing else.
    """
    return NAMED_SO + site.upper().replace("_", "_u_").replace("-", "_")


class Taken:
    """The signatures whose events were handed on, as long as they hold: the same again is no other event.

    The newest `most` are remembered. One that is spelled otherwise is the same: only what was signed counts.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._until_s: dict[str, float] = {}
        self._under_way: dict[str, asyncio.Event] = {}

    async def once(
        self, signature: str, until_s: float, now_s: float, hand_on: Callable[[], Coroutine[None, None, None]]
    ) -> None:
        """Hand its event on, unless that was done. `until_s`: it holds, epoch seconds. Raises what `hand_on` raises.

        Of several at once one hands on; the others wait for it, and take its place when it fails: what is answered as
        taken the broker has.
        """
        signed = _signed_part(signature)
        while (other := self._under_way.get(signed)) is not None:
            await other.wait()
        if signed in self._until_s:
            return
        # Nothing is awaited between the look and the claim.
        over = self._under_way[signed] = asyncio.Event()
        try:
            await hand_on()
            self._add(signed, until_s, now_s)
        finally:
            del self._under_way[signed]
            over.set()

    def _add(self, signed: str, until_s: float, now_s: float) -> None:
        kept = {one: until for one, until in self._until_s.items() if until > now_s}
        kept[signed] = until_s
        self._until_s = dict([*kept.items()][-self._most :])


def _signed_part(signature: str) -> str:
    return signature.rpartition(".")[0]


def check_signature(signature: str, body: bytes, secret: str, now_s: float) -> float:
    """Until when it holds, epoch seconds. Raises NotSigned unless it is by `secret`, of `body`, and of our time.

    Without an end of its own (`exp`) it holds for an hour from when it was made (`iat`).
    """
    try:
        claims = jwt.decode(signature, OctKey.import_key(secret), algorithms=["HS256"]).claims
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise NotSigned("the signature is not by our secret; compare it with that of the connector") from None
    if not _is_of(claims, body):
        raise NotSigned("the signature is of another body; send the body as it was signed")
    made: Any = claims.get("iat")
    ends: Any = claims.get("exp")
    if made is None and ends is None:
        raise NotSigned("the signature does not say when it was made; sign with iat or exp")
    if not all(_is_number(one) for one in (made, ends) if one is not None):
        raise NotSigned("the signature has expired, or its times are no numbers; sign again")
    until_s: float = (made + _HOLDS_S if ends is None else ends) + _CLOCKS_APART_S
    if now_s >= until_s:
        raise NotSigned("the signature has expired; sign again, and compare the clocks")
    if made is not None and made > now_s + _CLOCKS_APART_S:
        raise NotSigned("the signature is made in the future; compare the clocks")
    return until_s


def _is_of(claims: Mapping[str, Any], body: bytes) -> bool:
    """Whether the strongest digest that is given is that of `body`."""
    for name, digest in _DIGESTS.items():
        if name in claims:
            given = str(claims[name]).lower().encode()
            return hmac.compare_digest(given, digest(body).hexdigest().encode())
    return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
