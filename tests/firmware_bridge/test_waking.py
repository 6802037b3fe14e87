"""A device that was left silent by whoever spoke to it speaks again."""

from __future__ import annotations

import pytest

from firmware_bridge.commands import encode_command
from firmware_bridge.drivers import DRIVERS
from firmware_bridge.resync import Damage, Decoded
from firmware_bridge.waking import WAKE_MS, Waking
from tests.firmware_bridge.talk import Talk


@pytest.mark.parametrize("name", [name for name in DRIVERS if DRIVERS[name].SESSION.opening])
def test_a_session_that_was_left_open_is_ended_though_no_mode_is_configured(name: str) -> None:
    talk = Talk(name)
    for ask in talk.module.SESSION.opening:
        talk.device.receive(encode_command(talk.module, ask.command, ask.args))
    assert talk.go_on(1_000) == []
    talk.go_on(WAKE_MS)
    assert talk.go_on(3_000)


@pytest.mark.parametrize("name", ["sen0395", "c4001"])
def test_a_radar_that_was_left_stopped_over_unsaved_settings_is_restarted_and_nothing_is_saved(name: str) -> None:
    talk = Talk(name)
    talk.device.receive(b"sensorStop\r\nsetLatency 1.000 5.000\r\n")
    talk.go_on(2 * WAKE_MS + 3_000)
    assert talk.said == [b"sensorStart\r\n", b"resetSystem\r\n"]
    assert talk.go_on(WAKE_MS)
    assert talk.device.console.saves == 0


def test_only_one_that_has_been_silent_for_long_is_told_and_again_after_as_long() -> None:
    waking = Waking(b"go on")
    told = {}
    for at in range(0, 40_000, 100):
        waking.seen([Decoded({"presence": 1.0})] if at == 5_000 else [Damage(0, "noise")])
        if sending := waking.outgoing(at):
            told[at] = sending
    assert told == {15_000: b"go on", 25_000: b"go on", 35_000: b"go on"}
