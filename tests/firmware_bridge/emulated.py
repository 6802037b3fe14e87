"""What a set-up device says on its port, by its emulator: for tests that take whatever drivers there are."""

from __future__ import annotations

import random
from collections.abc import Iterator

from firmware_bridge.dialogue import Dialogue
from firmware_bridge.drivers import DRIVERS
from firmware_bridge.emulators import EMULATORS
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Answer, Damage, Decoded

_STEP_MS = 50
_PATIENCE_MS = 3_600_000


def spoken(name: str, seed: int) -> Iterator[bytes]:
    """All that comes from a device which is configured as its driver's example, piece by piece, an hour long.

    It is set up and polled as a bridge does it, while people come and go before it.
    """
    dice = random.Random(seed)
    module, kind = DRIVERS[name], EMULATORS[name]
    driver, device = module.driver(module.EXAMPLE), kind.make(seed)
    dialogue = Dialogue(module, driver, module.EXAMPLE)
    report_due_ms = 0
    for at_ms in range(0, _PATIENCE_MS, min(_STEP_MS, kind.interval_ms)):
        if dice.random() < 0.1:
            device.target = dice.choice(
                [Target(), Target("moving", dice.uniform(0.5, 4), 80), Target("still", dice.uniform(0.5, 4), 50)]
            )
        heard = b""
        if asked := dialogue.outgoing(at_ms):
            heard += device.receive(asked)
        if at_ms >= report_due_ms:
            report_due_ms += kind.interval_ms
            heard += device.report(at_ms)
        for result in driver.feed(heard):
            if isinstance(result, Answer):
                dialogue.answered(result.whole)
        if heard:
            yield heard


def good_frames(name: str, seed: int, *, least_bytes: int) -> list[bytes]:
    """Undamaged pieces that each hold readings, with or without answers, `least_bytes` of them in all."""
    frames: list[bytes] = []
    held = 0
    for piece in spoken(name, seed):
        results = DRIVERS[name].driver(DRIVERS[name].EXAMPLE).feed(piece)
        if any(isinstance(result, Decoded) for result in results) and not any(
            isinstance(result, Damage) for result in results
        ):
            frames.append(piece)
            held += len(piece)
            if held >= least_bytes:
                return frames
    raise AssertionError(f"{name}: an hour of its emulator holds {held} bytes of readings")
