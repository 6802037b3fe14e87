"""Whether a body that came by HTTP is from whom it says: the signatures of the clouds that post to us.

Disruptive Technologies sign with a secret that both sides know: `X-Dt-Signature` is a JWT (HS256) with the digest of
the body in it, `checksum_sha256`, or from older connectors `checksum`, its SHA-1.
Source: developer.disruptive-technologies.com, Data Connectors, Receiving Events.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

SIGNATURE_HEADER: Final = "x-dt-signature"
_CLOCKS_APART_S = 300
_DIGESTS = {"checksum_sha256": hashlib.sha256, "checksum": hashlib.sha1}


class NotSigned(Exception):
    """The signature is not of this body, or not by who has the secret; in words."""


def secret_name(site: str) -> str:
    """The environment's variable with the secret of a site: HADIR_WEBHOOK_SECRET_MPP_CONTOH."""
    return "HADIR_WEBHOOK_SECRET_" + re.sub(r"[^A-Z0-9]", "_", site.upper())


def check_signature(signature: str, body: bytes, secret: str, now_s: float) -> None:
    """Raises NotSigned unless `signature` is by `secret`, of `body`, and of our days."""
    try:
        claims = jwt.decode(signature, OctKey.import_key(secret), algorithms=["HS256"]).claims
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise NotSigned("the signature is not by our secret; compare it with that of the connector") from None
    if not _is_of(claims, body):
        raise NotSigned("the signature is of another body; send the body as it was signed")
    expires = claims.get("exp")
    if expires is not None and not (_is_number(expires) and now_s < expires + _CLOCKS_APART_S):
        raise NotSigned("the signature has expired; sign again, and compare the clocks")


def _is_of(claims: Mapping[str, Any], body: bytes) -> bool:
    """Whether the strongest digest that is given is that of `body`."""
    for name, digest in _DIGESTS.items():
        if name in claims:
            given = str(claims[name]).lower().encode()
            return hmac.compare_digest(given, digest(body).hexdigest().encode())
    return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
