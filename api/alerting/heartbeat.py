"""A dead-man's switch: a URL that is called as long as alerts are raised, so that its owner hears of our silence.

Services such as Healthchecks or Uptime Kuma expect a call every so often and tell people when none comes. What is wrong
is not said here: whoever is dead says nothing.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from storage.secret import secret

_log = logging.getLogger("hadir.engine")

EVERY_MS = 60_000
_TIMEOUT_S = 10.0
_REFERENCE = re.compile(r"\{env:\w+\}")


class Heartbeat:
    """`url`: http or https, with `{env:NAME}` for what is secret in it. `pace`: ms of a clock that nobody sets."""

    def __init__(self, url: str, environ: Mapping[str, str], pace: Callable[[], int]) -> None:
        self._url = _REFERENCE.sub(lambda found: secret(found[0], environ, source="HADIR_HEARTBEAT"), url)
        self._pace = pace
        self._called_ms: int | None = None
        self._calling: threading.Thread | None = None
        self._failing: str | None = None
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=_TIMEOUT_S, read=_TIMEOUT_S))

    def beat(self) -> None:
        """All is well at this moment: call the URL when the last call was a minute ago. Returns at once."""
        now_ms = self._pace()
        under_way = self._calling is not None and self._calling.is_alive()
        if under_way or (self._called_ms is not None and now_ms - self._called_ms < EVERY_MS):
            return
        self._called_ms = now_ms
        self._calling = threading.Thread(target=self._call, name="heartbeat", daemon=True)
        self._calling.start()

    def _call(self) -> None:
        try:
            answer = self._http.request("GET", self._url, headers={"User-Agent": "Hadir"}, redirect=False)
            why = None if 200 <= answer.status < 300 else f"answered {answer.status}"
        except HTTPError as error:
            why = f"cannot be called ({type(error).__name__})"
        if why != self._failing:
            self._failing = why
            # Its path is a secret: it lets anybody keep the switch alive.
            host = urlsplit(self._url).hostname
            _log.warning("heartbeat to %s: %s", host, "is taken again" if why is None else f"{why}; trying again")
