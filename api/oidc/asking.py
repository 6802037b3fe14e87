"""JSON from an issuer, within limits of time and size. Redirects are not followed: a code is meant for one address."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from api.oidc.errors import NotProved

_TIMEOUT_S = 5.0
_LARGEST_BYTES = 512 * 1024


class Answer(NamedTuple):
    """`body`: a JSON object."""

    status: int
    body: dict[str, Any]


class Asking:
    """Asks over connections that it keeps. Threads may share it."""

    def __init__(self) -> None:
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=_TIMEOUT_S, read=_TIMEOUT_S))

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What is at `url`. Raises NotProved unless that is a JSON object."""
        answer = self.ask("GET", url, headers or {})
        if answer.status != 200:
            raise NotProved("away", f"{_where(url)} answered {answer.status}")
        return answer.body

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: str | None = None) -> Answer:
        """Status and body, whatever the status. Raises NotProved when nothing comes that can be read."""
        sent = {"User-Agent": "Hadir", "Accept": "application/json"} | dict(headers)
        try:
            answer = self._http.request(
                method, url, body=body, headers=sent, redirect=False, preload_content=False, decode_content=True
            )
            raw = answer.read(_LARGEST_BYTES + 1)
            answer.close()
        except HTTPError as error:
            raise NotProved("away", f"{_where(url)} cannot be asked ({type(error).__name__})") from None
        return Answer(answer.status, _object(raw, url, answer.status))


def _object(raw: bytes, url: str, status: int) -> dict[str, Any]:
    if len(raw) > _LARGEST_BYTES:
        raise NotProved("away", f"{_where(url)} says more than {_LARGEST_BYTES} bytes")
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise NotProved("away", f"{_where(url)} answered {status} without a JSON object")
    return body


def _where(url: str) -> str:
    """The address without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"
