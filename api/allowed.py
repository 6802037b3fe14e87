"""Which methods an address takes, for the `Allow` of a 405 and of the answer to OPTIONS."""

from __future__ import annotations

from starlette.routing import compile_path

from api.access import RULES

_ADDRESSES = [(method, compile_path(path)[0]) for method, path in (operation.split(" ") for operation in RULES)]


def allowed(path: str) -> str:
    """The methods as `Allow` lists them. Whatever can be got can be asked for its head."""
    methods = {method for method, address in _ADDRESSES if address.match(path)}
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods | {"OPTIONS"}))
