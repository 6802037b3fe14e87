"""Faults come as often as asked, again with the same seed, and all that was done to frames is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from firmware_bridge.dialogue import Dialogue
from firmware_bridge.drivers import DRIVERS, ld2410, modbus, mysensors, ndjson
from firmware_bridge.emulators import EMULATORS
from firmware_bridge.emulators.faults import Faulty, Rates, lines
from firmware_bridge.emulators.ld2410 import Ld2410Emulator
from firmware_bridge.emulators.modbus import CONFIG, ModbusEmulator
from firmware_bridge.emulators.mysensors import MySensorsEmulator
from firmware_bridge.emulators.ndjson import NdjsonEmulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Answer, Damage, Decoded, Gap, Result

ALL_BAD = {"cut": 0.1, "noise": 0.2, "flip": 0.1, "wrong_baud": 0.05, "silence": 0.05}
REPORTS = 500


def reports(device: Faulty, count: int = REPORTS) -> list[bytes]:
    return [device.report(100 * number) for number in range(count)]


def decoded(results: Sequence[Result]) -> list[Decoded]:
    return [result for result in results if isinstance(result, Decoded)]


@pytest.mark.parametrize("name", EMULATORS)
def test_without_faults_every_device_is_what_it_is_alone(name: str) -> None:
    alone, device = EMULATORS[name].make(3), Faulty(EMULATORS[name].make(3), 1, frames=lines)
    assert reports(device, 20) == [alone.report(100 * number) for number in range(20)]
    assert (device.done.damaged, device.done.silenced, device.done.resets) == (0, 0, 0)


def test_a_seed_does_the_same_again_and_another_one_something_else() -> None:
    first, again, other = (reports(Faulty(Ld2410Emulator(1), seed, Rates(**ALL_BAD))) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(("fault", "rate"), [("cut", 0.3), ("flip", 0.3), ("wrong_baud", 0.3), ("silence", 0.3)])
def test_a_fault_comes_as_often_as_its_rate_and_is_counted(fault: str, rate: float) -> None:
    device = Faulty(Ld2410Emulator(1), 1, Rates(**{fault: rate}))
    reports(device)
    assert device.done.sent == REPORTS
    assert abs((device.done.damaged + device.done.silenced) / REPORTS - rate) < 0.06
    setattr(device.rates, fault, 0.0)
    before = device.done.damaged + device.done.silenced
    reports(device)
    assert device.done.damaged + device.done.silenced == before


def test_of_a_numbered_board_the_lost_and_the_stored_lines_are_those_that_were_sent() -> None:
    device, decoder, found = Faulty(NdjsonEmulator(1), 1, frames=lines), ndjson.driver({}), list[Result]()
    for number in range(REPORTS):
        # What is missing is seen between two lines that came.
        device.rates = Rates(**ALL_BAD) if 1 <= number < REPORTS - 2 else Rates()
        found += decoder.feed(device.report(500 * number))
    stored, lost = decoded(found), sum(result.lost for result in found if isinstance(result, Gap))
    assert len(stored) + lost == 2 * REPORTS
    assert lost >= device.done.damaged > 0
    assert {reading.values["presence"] for reading in stored} == {0.0}
    assert any(isinstance(result, Damage) for result in found)


def test_of_a_line_with_checksums_exactly_the_frames_that_came_whole_are_readings() -> None:
    device, decoder, found = Faulty(ModbusEmulator(1), 1, Rates(**ALL_BAD)), modbus.driver(CONFIG), list[Result]()
    for at in range(0, 120_000, 100):
        if sent := decoder.outgoing(at):
            found += decoder.feed(device.receive(sent))
    assert len(decoded(found)) == device.done.whole > 300
    assert device.done.damaged + device.done.silenced > 50


@pytest.mark.parametrize("name", ["ld2410", "mysensors", "ndjson"])
def test_at_a_wrong_rate_nothing_is_understood_and_at_the_right_one_again_everything(name: str) -> None:
    device, decoder = Faulty(EMULATORS[name].make(1), 1, Rates(wrong_baud=1), lines), DRIVERS[name].driver({})
    for number in range(50):
        assert not decoded(decoder.feed(device.report(1_000 * number)))
    device.rates.wrong_baud = 0.0
    decoder.feed(device.report(50_000))
    assert decoded(decoder.feed(device.report(51_000)))


class Talk:
    """An LD2410 that shall be in engineering mode, and its host."""

    def __init__(self, rates: Mapping[str, float]) -> None:
        self.device = Faulty(Ld2410Emulator(1), 1, Rates(**rates))
        config: dict[str, Any] = {"engineering": True}
        self.decoder = ld2410.driver(config)
        self.dialogue = Dialogue(ld2410, self.decoder, config)

    def go_on(self, from_ms: int, to_ms: int) -> list[Decoded]:
        read: list[Decoded] = []
        for at in range(from_ms, to_ms, 50):
            arriving = self.device.report(at) if at % 100 == 0 else b""
            if sent := self.dialogue.outgoing(at):
                arriving += self.device.receive(sent)
            for result in self.decoder.feed(arriving):
                if isinstance(result, Answer):
                    self.dialogue.answered(result.whole)
                elif isinstance(result, Decoded):
                    read.append(result)
        return read


def test_a_device_that_was_reset_has_lost_its_mode_and_is_set_up_again() -> None:
    talk = Talk({})
    assert "light_raw" in talk.go_on(0, 1_000)[-1].values
    talk.device.rates.reset = 1.0
    talk.go_on(1_000, 1_100)
    talk.device.rates.reset = 0.0
    assert talk.device.done.resets == 1
    assert "light_raw" not in talk.go_on(1_100, 2_000)[-1].values
    assert "light_raw" in talk.go_on(2_000, 40_000)[-1].values


def test_a_device_that_is_stuck_goes_on_reporting_and_cannot_be_set_up_until_it_is_not() -> None:
    talk = Talk({"stuck": 1.0})
    assert "light_raw" not in talk.go_on(0, 5_000)[-1].values
    assert talk.dialogue.trouble == "enable_config was not answered"
    talk.device.rates.stuck = 0.0
    assert "light_raw" in talk.go_on(5_000, 40_000)[-1].values
    assert talk.dialogue.trouble is None


def test_who_is_before_the_device_stays_there_when_it_is_reset() -> None:
    device = Faulty(MySensorsEmulator(1), 1, Rates(reset=1.0), lines)
    device.target = Target("moving", 1.0, 50)
    first, second = device.report(0), device.report(1_000)
    assert first == second
    assert b"12;1;1;0;16;1\n" in second
    assert device.receive(mysensors.ASK_VERSION) == b"0;255;3;0;2;2.3.2\n"
