"""How often somebody may try to log in: a guess costs time, and nobody is kept out by what others guess.

Kept in the memory of the process; whoever restarts it may try anew. Pure: instants in, waiting times out.
"""

from __future__ import annotations

from collections import deque
from ipaddress import IPv6Address, ip_address
from typing import Any, Literal, TypeVar

Kept = TypeVar("Kept")

FAILURES_OF_NAME = 5
FAILURES_OF_ADDRESS = 20
FAILURES_ANYWHERE = 20
WITHIN_MS = 15 * 60_000
SLOW_MS = 30_000
_MOST_KEPT = 20_000
_IPV6_SITE_BITS = 64

_Key = tuple[Literal["there", "name", "address"], str, str]


class LogInLimits:
    """Failed log-ins of the last 15 minutes. Not thread-safe: one event loop owns it.

    Five of a name from one address, or twenty from an address, and this address waits. Twenty of a name from anywhere,
    and it is tried at most twice a minute, but by those addresses from which it has got in before.
    """

    def __init__(self) -> None:
        self._failures: dict[_Key, deque[int]] = {}
        self._familiar: dict[tuple[str, str], None] = {}

    def wait_ms(self, name: str | None, address: str, now_ms: int) -> int:
        """How long until another try may be made; 0: at once. `name`: None where none is guessed at."""
        where = _network(address)
        waits = [self._wait_ms(key, most, now_ms) for key, most in _limits(name, where)]
        if name is not None and (name, where) not in self._familiar and self._is_slow(name, now_ms):
            waits.append(self._failures[_of_name(name)][-1] + SLOW_MS - now_ms)
        return max(0, *waits)

    def begin(self, name: str | None, address: str, now_ms: int) -> bool:
        """Count a try as failed until it succeeds, so that many at once are not free; whether it reaches a limit."""
        where = _network(address)
        was_slow = name is None or self._is_slow(name, now_ms)
        for key in _keys(name, where):
            # Tried again it moves to the end: those of long ago stand in front.
            self._failures[key] = deque((*self._failures.pop(key, ()), now_ms), maxlen=FAILURES_ANYWHERE)
        _forget_oldest(self._failures)
        held_up = any(self._wait_ms(key, most, now_ms) for key, most in _limits(name, where))
        return held_up or (not was_slow and name is not None and self._is_slow(name, now_ms))

    def succeeded(self, name: str | None, address: str) -> None:
        """Forget the failures of the name there, and this try of all others; the address is familiar from now on."""
        self.not_tried(name, address)
        where = _network(address)
        if name is not None:
            self._failures.pop(("there", name, where), None)
            self._familiar.pop((name, where), None)
            self._familiar[name, where] = None
            _forget_oldest(self._familiar)

    def not_tried(self, name: str | None, address: str) -> None:
        """Take back what was begun: it was no guess."""
        for key in _keys(name, _network(address)):
            if kept := self._failures.get(key):
                kept.pop()

    def _is_slow(self, name: str, now_ms: int) -> bool:
        return self._wait_ms(_of_name(name), FAILURES_ANYWHERE, now_ms) > 0

    def _wait_ms(self, key: _Key, most: int, now_ms: int) -> int:
        recent = [at_ms for at_ms in self._failures.get(key, ()) if at_ms > now_ms - WITHIN_MS]
        return recent[-most] + WITHIN_MS - now_ms if len(recent) >= most else 0


def _limits(name: str | None, where: str) -> list[tuple[_Key, int]]:
    of_address: tuple[_Key, int] = (("address", "", where), FAILURES_OF_ADDRESS)
    return [of_address] if name is None else [of_address, (("there", name, where), FAILURES_OF_NAME)]


def _keys(name: str | None, where: str) -> list[_Key]:
    keys = [key for key, _ in _limits(name, where)]
    return keys if name is None else [*keys, _of_name(name)]


def _of_name(name: str) -> _Key:
    return "name", name, ""


def _forget_oldest(kept: dict[Kept, Any]) -> None:
    while len(kept) > _MOST_KEPT:
        del kept[next(iter(kept))]


def _network(address: str) -> str:
    """The address; of IPv6 its network, for a house has as many addresses there as it likes."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(int(parsed) >> _IPV6_SITE_BITS)
    return str(parsed)
