"""How often somebody may try to log in: a guess costs time, for one name and from one address.

Kept in the memory of the process; whoever restarts it may try anew. Pure: instants in, waiting times out.
"""

from __future__ import annotations

from collections import deque
from ipaddress import IPv6Address, ip_address

FAILURES_OF_NAME = 5
FAILURES_OF_ADDRESS = 20
WITHIN_MS = 15 * 60_000
_MOST_KEPT = 20_000
_IPV6_SITE_BITS = 64


class LogInLimits:
    """Failed log-ins of the last 15 minutes by name and by address. Not thread-safe: one event loop owns it."""

    def __init__(self) -> None:
        self._failures: dict[tuple[str, str], deque[int]] = {}

    def wait_ms(self, name: str | None, address: str, now_ms: int) -> int:
        """How long until another try may be made; 0: at once. `name`: None where none is guessed at."""
        return max(self._wait_ms(key, most, now_ms) for key, most in _keys(name, address))

    def begin(self, name: str | None, address: str, now_ms: int) -> bool:
        """Count a try as failed until it succeeds, so that many at once are not free; whether none is left after it."""
        for key, _ in _keys(name, address):
            # Tried again it moves to the end: those of long ago stand in front.
            self._failures[key] = deque((*self._failures.pop(key, ()), now_ms), maxlen=FAILURES_OF_ADDRESS)
        while len(self._failures) > _MOST_KEPT:
            del self._failures[next(iter(self._failures))]
        return self.wait_ms(name, address, now_ms) > 0

    def succeeded(self, name: str | None, address: str) -> None:
        """Forget the failures of the name, and this try from the address."""
        *of_name, of_address = (key for key, _ in _keys(name, address))
        for key in of_name:
            self._failures.pop(key, None)
        if kept := self._failures.get(of_address):
            kept.pop()

    def _wait_ms(self, key: tuple[str, str], most: int, now_ms: int) -> int:
        recent = [at_ms for at_ms in self._failures.get(key, ()) if at_ms > now_ms - WITHIN_MS]
        return recent[-most] + WITHIN_MS - now_ms if len(recent) >= most else 0


def _keys(name: str | None, address: str) -> list[tuple[tuple[str, str], int]]:
    """The address last."""
    of_name = [] if name is None else [(("name", name), FAILURES_OF_NAME)]
    return [*of_name, (("address", _network(address)), FAILURES_OF_ADDRESS)]


def _network(address: str) -> str:
    """The address; of IPv6 its network, for a house has as many addresses there as it likes."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(int(parsed) >> _IPV6_SITE_BITS)
    return str(parsed)
