"""Our webhook: JSON by POST, with a key that makes a repeat recognisable, and signed.

    hadir+https://:{env:SECRET}@host[:port]/path     hadir+http://… to this machine only

Idempotency-Key: the message's key. Hadir-Signature: `t=…,v1=…`, t the epoch second of sending, v1 the hex HMAC-SHA256
of `t.rawbody` under the URL's password; without a password nothing is signed. `{env:NAME}` may also stand in path and
query. Redirects are not followed: the signature is meant for one host.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import ssl
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from api.channels.errors import NotDelivered

SCHEMES = ("hadir+http", "hadir+https")

TIMEOUT_S = 10.0
_AGAIN = (408, 425, 429)
# However long a receiver asks us to wait, a message is not to sleep through its own day.
_LONGEST_RETRY_AFTER_S = 3600.0
_REFERENCE = re.compile(r"\{env:([A-Za-z_][A-Za-z0-9_]*)\}")


class _Target(NamedTuple):
    url: str
    secret: bytes | None


class Webhook:
    """Delivers to `hadir+http` and `hadir+https`. Threads may share it. `environ`: where secrets are."""

    grouped = False

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=TIMEOUT_S, read=TIMEOUT_S))

    def send(self, url: str, key: str, body: bytes, at_ms: int) -> None:
        """POST `body`; done when the answer is 2xx. Raises NotDelivered."""
        target = _target(url, self._environ)
        headers = {"Content-Type": "application/json", "User-Agent": "Hadir", "Idempotency-Key": key}
        if target.secret is not None:
            headers["Hadir-Signature"] = signature(target.secret, at_ms // 1000, body)
        try:
            answer = self._http.request(
                "POST", target.url, body=body, headers=headers, redirect=False, preload_content=False
            )
        except LocationValueError:
            raise _no_url() from None
        except HTTPError as error:
            raise NotDelivered(_words(error), again=True) from None
        answer.close()
        if not 200 <= answer.status < 300:
            raise _refusal(answer.status, answer.headers.get("Retry-After"), at_ms)


def signature(secret: bytes, at_s: int, body: bytes) -> str:
    """The value of `Hadir-Signature` for `body` sent at epoch second `at_s`."""
    digest = hmac.new(secret, f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


def _target(url: str, environ: Mapping[str, str]) -> _Target:
    """Where to POST and with which secret. Raises NotDelivered."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _no_url() from None
    scheme = parts.scheme.removeprefix("hadir+")
    if scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise NotDelivered("hadir+http goes to this machine only; write hadir+https in the site file", again=False)
    secret = None
    if parts.password:
        whole = _REFERENCE.fullmatch(parts.password)
        secret = (_looked_up(whole[1], environ) if whole else unquote(parts.password)).encode()
    path, query = (
        _REFERENCE.sub(lambda found: quote(_looked_up(found[1], environ), safe=""), part)
        for part in (parts.path, parts.query)
    )
    host = parts.netloc.rpartition("@")[2]
    return _Target(urlunsplit((scheme, host, path or "/", query, "")), secret)


def _no_url() -> NotDelivered:
    return NotDelivered("its channel is no URL of a host; correct it in the site file", again=False)


def _looked_up(name: str, environ: Mapping[str, str]) -> str:
    # May be set at the next start: the message waits.
    if not environ.get(name):
        raise NotDelivered(f"the environment has no {name}; set it and start again", again=True)
    return environ[name]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _refusal(status: int, retry_after: str | None, at_ms: int) -> NotDelivered:
    if 300 <= status < 400:
        return NotDelivered(f"answered {status}; redirects are not followed, correct the URL", again=False)
    again = status in _AGAIN or status >= 500
    return NotDelivered(f"answered {status}", again=again, after_s=_wait_s(retry_after, at_ms))


def _wait_s(retry_after: str | None, at_ms: int) -> float | None:
    """`Retry-After` as seconds from `at_ms`, within an hour; None when it says nothing that is understood."""
    if retry_after is None:
        return None
    if retry_after.strip().isascii() and retry_after.strip().isdigit():
        seconds = float(retry_after)
    else:
        try:
            seconds = parsedate_to_datetime(retry_after).timestamp() - at_ms / 1000
        except ValueError:
            return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER_S)


def _words(error: HTTPError) -> str:
    """What went wrong, without the URL, whose path may be a secret."""
    match error:
        case NameResolutionError():
            return "its host name cannot be resolved"
        case NewConnectionError():
            cause = error.__cause__
            return f"cannot be reached: {cause.strerror}" if isinstance(cause, OSError) else "cannot be reached"
        case ConnectTimeoutError():
            return f"no connection within {TIMEOUT_S:g} s"
        case ReadTimeoutError():
            return f"no answer within {TIMEOUT_S:g} s"
        case SSLError():
            cause = error.args[0] if error.args else None
            reason = cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else "no TLS on its side"
            return f"no trusted connection: {reason}"
        case _:
            return f"the connection broke ({type(error).__name__})"
