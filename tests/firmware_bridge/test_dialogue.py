"""How a device is set up: what it keeps already is not written again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from firmware_bridge.commands import encode_command
from firmware_bridge.drivers import ld2410s, ld2420, ld2450
from tests.firmware_bridge.talk import Talk

SET = {
    "ld2410s": encode_command(ld2410s, "set_output", {"standard": True}),
    "ld2420": encode_command(ld2420, "set_mode", {"mode": "energy"}),
    "ld2450": encode_command(ld2450, "set_tracking", {"tracking": "single"}),
}


@pytest.mark.parametrize(
    ("name", "config"),
    [("ld2410s", {"output": "standard"}), ("ld2420", {"mode": "energy"}), ("ld2450", {"tracking": "single"})],
)
def test_what_a_device_keeps_is_written_once_and_not_at_each_start(name: str, config: Mapping[str, Any]) -> None:
    first = Talk(name, config)
    first.go_on(60_000)
    assert first.said.count(SET[name]) == 1
    assert (first.dialogue.set_up, first.driver.strayed) == (True, False)

    again = Talk(name, config, device=first.device)
    again.go_on(60_000)
    assert again.said.count(SET[name]) == 0
    assert (again.dialogue.set_up, again.driver.strayed) == (True, False)
    assert again.dialogue.firmware is not None
