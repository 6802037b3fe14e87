"""Where the broker is, as `HADIR_BROKER` says it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from presence.errors import BadInput


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and who we are to it. With `tls` its certificate must be of `host` and of a trusted root."""

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """For people and logs: without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def parse_broker(url: str, *, source: str = "HADIR_BROKER", environ: Mapping[str, str] = os.environ) -> BrokerAddress:
    """The address in `mqtt://[user:password@]host[:port]`, or `mqtts://`; ports 1883 and 8883 when none is given.

    A password `{env:NAME}` is taken from `environ`; any other is percent-decoded. Raises BadInput, `source` being where
    the URL was found; the password never reaches its text.
    """
    remedy = "write mqtt://[user:password@]host:port or mqtts://…"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadInput(source, "no URL of a broker", remedy=remedy) from None
    if parts.scheme not in ("mqtt", "mqtts"):
        raise BadInput(source, f'"{parts.scheme}" is no scheme of a broker', remedy=remedy)
    if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment or port == 0:
        raise BadInput(source, "names no host and port alone", remedy=remedy)
    password = parts.password
    if password is not None and (reference := re.fullmatch(r"\{env:(\w+)\}", password)):
        password = environ.get(reference[1])
        if password is None:
            raise BadInput(
                source, f"the environment has no {reference[1]}", remedy=f"set {reference[1]} to the password"
            )
    elif password is not None:
        password = unquote(password)
    if password is not None and not parts.username:
        raise BadInput(source, "has a password but no user", remedy=remedy)
    tls = parts.scheme == "mqtts"
    user = unquote(parts.username) if parts.username else None
    return BrokerAddress(parts.hostname, port or (8883 if tls else 1883), tls, user, password)
