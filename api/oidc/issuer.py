"""An issuer as it describes itself, and the keys that it signs with: asked for when needed, kept for an hour.

One thread asks at a time. An issuer that fails is left alone for some seconds, so that people who wait for it are told
at once and a page that is opened again and again does not become a flood.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from authlib.oidc.discovery import get_well_known_url
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from api.oidc.addresses import is_safe
from api.oidc.asking import Asking
from api.oidc.errors import NotProved

KEPT_MS = 3_600_000
FRESH_MS = 10_000
LEFT_ALONE_MS = 5_000
_KEY_TYPES = ("RSA", "EC", "OKP")

Found = TypeVar("Found")


class Description(NamedTuple):
    """Where an issuer is asked what. `ways`: how clients may prove themselves there."""

    authorize: str
    token: str
    keys: str
    userinfo: str | None
    ways: tuple[str, ...]


class Issuer:
    """`url`: as it calls itself. `pace`: ms of a clock that nobody sets. Threads may share it."""

    def __init__(self, url: str, pace: Callable[[], int]) -> None:
        self.asking = Asking()
        self._url = url
        self._pace = pace
        self._lock = threading.Lock()
        self._description: tuple[int, Description] | None = None
        self._keys: tuple[int, KeySet] | None = None
        self._failed: tuple[int, str] | None = None

    def description(self, *, fresh: bool = False) -> Description:
        """`fresh`: of the last seconds, so that nobody is sent to an issuer that is away.

        Raises NotProved when it cannot be had.
        """
        with self._lock:
            return self._described(FRESH_MS if fresh else KEPT_MS)

    def keys(self, *, other_than: KeySet | None = None) -> KeySet:
        """Public keys for signatures; `other_than`: those that did not do, the issuer may have new ones by now.

        Raises NotProved when they cannot be had.
        """
        with self._lock:
            kept = self._keys
            if kept is not None and kept[1] is not other_than and self._pace() - kept[0] < KEPT_MS:
                return kept[1]
            keys = self._tried(lambda: _key_set(self.asking.get(self._described(KEPT_MS).keys)))
            self._keys = (self._pace(), keys)
            return keys

    def _described(self, within_ms: int) -> Description:
        kept = self._description
        if kept is not None and self._pace() - kept[0] < within_ms:
            return kept[1]
        where = get_well_known_url(self._url, external=True)
        found = self._tried(lambda: _description(self.asking.get(where), self._url))
        self._description = (self._pace(), found)
        return found

    def _tried(self, ask: Callable[[], Found]) -> Found:
        if self._failed is not None and self._pace() - self._failed[0] < LEFT_ALONE_MS:
            raise NotProved("away", self._failed[1])
        try:
            found = ask()
        except NotProved as error:
            self._failed = (self._pace(), str(error))
            raise
        self._failed = None
        return found


def _description(said: dict[str, Any], issuer: str) -> Description:
    if said.get("issuer") != issuer:
        raise NotProved("away", f"{issuer} calls itself {said.get('issuer')!r}; HADIR_OIDC_ISSUER must be the same")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        if not is_safe(said.get(name)):
            raise NotProved("away", f"{issuer} names no {name} with https")
    ways = said.get("token_endpoint_auth_methods_supported")
    userinfo = said.get("userinfo_endpoint")
    return Description(
        said["authorization_endpoint"],
        said["token_endpoint"],
        said["jwks_uri"],
        userinfo if is_safe(userinfo) else None,
        tuple(way for way in ways if isinstance(way, str)) if isinstance(ways, list) else ("client_secret_basic",),
    )


def _key_set(said: dict[str, Any]) -> KeySet:
    """Those of the keys that are public and for signatures."""
    listed = said.get("keys")
    chosen = [
        key
        for key in (listed if isinstance(listed, list) else ())
        if isinstance(key, dict) and key.get("kty") in _KEY_TYPES and key.get("use", "sig") == "sig"
    ]
    try:
        return KeySet.import_key_set({"keys": chosen})
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotProved("away", f"the issuer's keys cannot be read ({type(error).__name__})") from None
