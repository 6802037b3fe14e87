"""The socket on which the pages are served: made before anything starts, so that a taken port is told at once."""

from __future__ import annotations

import errno
import os
import socket

from presence.errors import BadInput

_BACKLOG = 512


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at `host`, 0 being a free port. Raises BadInput when that cannot be."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except socket.gaierror:
        remedy = "name an address of this machine with --host"
        raise BadInput(f"--host {host}", "there is no such address", remedy=remedy) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            problem, remedy = "another program listens there", "choose another with --port; 0 takes a free one"
        elif error.errno == errno.EACCES:
            problem, remedy = "this user may not listen there", "choose one above 1023 with --port"
        else:
            problem, remedy = f"cannot be used on {host}: {os.strerror(error.errno or 0)}", "correct --host or --port"
        raise BadInput(f"port {port}", problem, remedy=remedy) from None


def page_address(host: str, port: int) -> str:
    """What to type into a browser on this machine."""
    seen_from_here = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104  (compared, not bound)
    name = seen_from_here.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}/"
