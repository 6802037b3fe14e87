"""What is wrong with a line that is not understood, told from its last bytes: the wrong rate, another device, or noise.

A receiver that samples another rate than was sent sees bits stretched or thrown together: bytes of one run (80, F8, FE,
FF), highest bits set where a start bit was taken for data, and 00 for a byte without its stop bit. Not all: at some
whole parts of the true rate the bytes look like any others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from firmware_bridge.drivers import DRIVERS, DriverModule
from firmware_bridge.resync import Damage, Decoded
from presence.errors import BadInput

Problem = Literal[
    "silent", "garbage", "wrong_baud", "other_device", "damaged", "not_set_up", "wrong_part",
    "unplugged", "missing", "held", "forbidden", "refused", "wrong",
]  # fmt: skip

KEPT_BYTES = 4096
WINDOW_MS = 10_000
_AGAIN_MS = 10_000
_FRAMES_OF_ANOTHER = 3
_DAMAGED_SHARE = 0.2
_DAMAGED_AT_LEAST = 5
_ENOUGH_BYTES = 16
_BROKEN_SHARE = 0.25
_STRETCHED_SHARE = 0.5
_HIGH_SHARE = 0.75


class Finding(NamedTuple):
    """`says`: what is the matter; `hint`: what to do about it."""

    problem: Problem
    says: str
    hint: str

    def __str__(self) -> str:
        return f"{self.says}; {self.hint}"


def _runs(byte: int) -> int:
    return 1 + bin((byte ^ (byte >> 1)) & 0x7F).count("1")


_STRETCHED = bytes(byte for byte in range(256) if _runs(byte) <= 2)
_HIGH = bytes(range(0x80, 0x100))


def at_another_rate(data: bytes) -> bool:
    """Whether `data`, which no driver understands, looks as if it was sent at another rate than it was received."""

    looks = ((b"\0", _BROKEN_SHARE), (_STRETCHED, _STRETCHED_SHARE), (_HIGH, _HIGH_SHARE))
    return len(data) >= _ENOUGH_BYTES and any(
        len(data) - len(data.translate(None, of)) >= share * len(data) for of, share in looks
    )


def speakers(data: bytes, *, but: str, drivers: Mapping[str, DriverModule] = DRIVERS) -> list[DriverModule]:
    """Whose frames `data` holds, three and more of them: of all but the driver named those that read most.

    Several where devices say the same; none when nobody understands it.
    """
    frames = {name: _frames(module, data) for name, module in drivers.items() if name != but}
    most = max(frames.values(), default=0)
    return [drivers[name] for name, count in frames.items() if count == most >= _FRAMES_OF_ANOTHER]


def _frames(module: DriverModule, data: bytes) -> int:
    """How many good frames, less the bad ones, `module` reads in `data`."""
    for config in (module.EXAMPLE, {}):
        try:
            results = module.driver(config).feed(data)
        except BadInput:
            continue
        good = sum(isinstance(result, Decoded) for result in results)
        return good - sum(isinstance(result, Damage) for result in results)
    return 0


class Diagnosis:
    """Watches one open line. `up_ms`: of a clock that never steps."""

    def __init__(self, module: DriverModule, baud: int, up_ms: int) -> None:
        self._module = module
        self._baud = baud
        self._kept = bytearray()
        self._due_up_ms = 0
        self._silence: Finding | None = None
        self._window_up_ms = up_ms
        self._good = self._bad = 0
        self._damage: Finding | None = None

    def received(self, data: bytes, good: int, bad: int) -> None:
        """Takes what was read: `good` frames and answers, and `bad` ones, were in it."""
        self._good += good
        self._bad += bad
        if good:
            self._kept.clear()
            self._silence = None
        else:
            self._kept += data
            del self._kept[:-KEPT_BYTES]

    def silence(self, up_ms: int) -> Finding:
        """Why nothing is understood. Looked at anew every 10 s only: it takes every driver to try."""
        if self._silence is None or up_ms >= self._due_up_ms:
            self._due_up_ms = up_ms + _AGAIN_MS
            self._silence = self._look(bytes(self._kept))
            self._kept.clear()
        return self._silence

    def damage(self, up_ms: int) -> Finding | None:
        """Whether a large part of the frames of 10 s was damaged; None when not."""
        if up_ms - self._window_up_ms >= WINDOW_MS:
            frames, bad = self._good + self._bad, self._bad
            self._window_up_ms, self._good, self._bad = up_ms, 0, 0
            self._damage = None
            if bad >= _DAMAGED_AT_LEAST and bad > _DAMAGED_SHARE * frames:
                says = f"{100 * bad // frames} % of its frames are damaged"
                self._damage = Finding("damaged", says, "use a shorter or shielded cable, and check ground and power")
        return self._damage

    def _look(self, data: bytes) -> Finding:
        seconds = self._module.SILENT_AFTER_MS // 1000
        if not data:
            hint = "check power, and that its TX is wired to RX here"
            return Finding("silent", f"nothing came in {seconds} s", hint)
        if others := speakers(data, but=self._module.NAME):
            names = " or ".join(other.NAME for other in others)
            hint = f"plug in the right one, or write driver: {names}"
            return Finding("other_device", f"speaks as {names} ({others[0].TITLE})", hint)
        factory = self._module.BAUD
        usual = f"it leaves the factory at {factory}; " if factory != self._baud else ""
        says = f"nothing understood in {seconds} s at {self._baud} baud"
        if at_another_rate(data):
            return Finding(
                "wrong_baud", f"{says}, which looks wrong", f"{usual}find its rate with `hadir bridge probe`"
            )
        hint = f"{usual}check driver and rate with `hadir bridge probe`, then ground and cable"
        return Finding("garbage", f"{says}, though {len(data)} bytes came", hint)
