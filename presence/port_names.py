"""Names of serial ports, /dev/…, socket://host:port, rfc2217://host:port: what is wrong with the form of one."""

from __future__ import annotations

import re

from presence.site_values import did_you_mean

SCHEMES = ("socket", "rfc2217")
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<slashes>/*)(?P<rest>.*)", re.DOTALL)
_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(:(?P<port>[^/?#]*))?(?P<more>[/?#].*)?", re.DOTALL)


def port_problem(name: str) -> str | None:
    """What is wrong with the form of a port's name and what to write; None when nothing is."""
    if not name.strip():
        return "is empty; write the port, such as /dev/serial/by-path/…"
    if name.startswith("/"):
        return None
    if url := _URL.fullmatch(name):
        return _url_problem(name, **url.groupdict())
    if "/" not in name:
        return f'"{name}" is no path; write /dev/{name}, or better its name below /dev/serial/by-path'
    return f'"{name}" does not begin with /; write the whole path'


def _url_problem(name: str, scheme: str, slashes: str, rest: str) -> str | None:
    if scheme not in SCHEMES:
        return f'"{scheme}:" is not known for ports; {did_you_mean(scheme.lower(), SCHEMES)}'
    write = f"write {scheme}://HOST:PORT"
    if slashes != "//":
        return f'"{name}" is no URL: two slashes come after the colon; {write}'
    address = _ADDRESS.fullmatch(rest)
    if address is None:
        return f'"{name}" names no host; {write}'
    if not address["port"]:
        return f'"{name}" names no TCP port; {write}'
    if not re.fullmatch(r"\d{1,5}", address["port"]) or not 1 <= int(address["port"]) <= 65_535:
        return f'"{address["port"]}" in "{name}" is no TCP port; write a number from 1 to 65535'
    return None
