"""Passwords as argon2id hashes, by the parameters that OWASP recommends for servers with little memory."""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Each takes 19 MiB for its while, and takes no more whoever calls; a crowd waits in line before it comes here.
_at_once = threading.BoundedSemaphore(2)
# Of nobody's password, and as much work as a true one.
_NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$DZ1I2Q0kBceTr2TRbx0nHg$R0Vh9j9EZWbkzkaa5NL4hl4gmi4LghmbQnaEJPUghys"


def hashed(password: str) -> str:
    """The hash of `password`, in the PHC form, with a salt of its own."""
    with _at_once:
        return _hasher.hash(password)


def verified(kept: str | None, password: str) -> bool:
    """Whether `kept` is a hash of `password`. None, an account without one or that there is not, takes as long."""
    with _at_once:
        try:
            right = _hasher.verify(kept or _NOBODYS, password)
        except (VerificationError, InvalidHashError):
            return False
    return right and kept is not None
