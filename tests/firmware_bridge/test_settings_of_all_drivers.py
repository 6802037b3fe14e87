"""Whatever driver there is: what its devices keep can be read, and told as JSON, from its emulator."""

from __future__ import annotations

import json

import pytest

from firmware_bridge.dialogue import Dialogue, Outcome
from firmware_bridge.drivers import DRIVERS
from firmware_bridge.emulators import EMULATORS
from firmware_bridge.requests import settings_asks, settings_in, settings_message
from firmware_bridge.resync import Answer

_STEP_MS = 50
_PATIENCE_MS = 60_000


@pytest.mark.parametrize("name", [name for name, module in DRIVERS.items() if module.SETTINGS and name in EMULATORS])
def test_the_settings_of_a_set_up_device_are_read(name: str) -> None:
    module, device = DRIVERS[name], EMULATORS[name].make(1)
    driver = module.driver(module.EXAMPLE)
    dialogue = Dialogue(module, driver, module.EXAMPLE)
    outcomes: list[Outcome] = []
    dialogue.ask(settings_asks(module), outcomes.append)
    for at_ms in range(0, _PATIENCE_MS, _STEP_MS):
        heard = device.report(at_ms) if at_ms % EMULATORS[name].interval_ms == 0 else b""
        if asked := dialogue.outgoing(at_ms):
            heard += device.receive(asked)
        for result in driver.feed(heard):
            if isinstance(result, Answer):
                dialogue.answered(result.whole)
        if outcomes:
            break
    (outcome,) = outcomes
    assert outcome.problem is None
    told = json.loads(settings_message(module, settings_in(outcome.replies), firmware=dialogue.firmware, at_ms=0))
    assert told["settings"]
    assert None not in [value for key, value in told["settings"].items() if key != "mac"]
