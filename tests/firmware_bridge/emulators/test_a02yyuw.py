"""The emulated A02YYUW behaves as the sheet says: its reports are read by the driver."""

from __future__ import annotations

import pytest

from firmware_bridge.drivers import a02yyuw
from firmware_bridge.emulators.a02yyuw import INTERVAL_MS, A02yyuwEmulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Answer, Decoded


@pytest.mark.parametrize(
    ("target", "distance_m"), [(Target(), 3.2), (Target("moving", 2, 70), 2), (Target("still", 0.9, 60), 0.9)]
)
def test_its_reports_are_read_by_the_driver(target: Target, distance_m: float) -> None:
    sensor, decoder = A02yyuwEmulator(1), a02yyuw.driver({})
    sensor.target = target
    for at in range(0, 30_000, INTERVAL_MS):
        (read,) = decoder.feed(sensor.report(at))
        assert isinstance(read, Decoded)
        assert read.values["distance"] == pytest.approx(distance_m, abs=0.006)


def test_soft_clothing_often_throws_no_echo_back() -> None:
    sensor, decoder = A02yyuwEmulator(1), a02yyuw.driver({})
    sensor.target = Target("still", 0.9, 20)
    read = [result for at in range(0, 60_000, INTERVAL_MS) for result in decoder.feed(sensor.report(at))]
    silent = sum(isinstance(result, Answer) for result in read)
    assert len(read) == 200
    assert 60 < silent < 140


def test_one_that_is_asked_says_nothing_by_itself_and_the_other_answers_nothing() -> None:
    asked, speaking = A02yyuwEmulator(1, on_request=True), A02yyuwEmulator(1)
    assert (asked.report(0), speaking.receive(b"\x55")) == (b"", b"")
    assert len(asked.receive(b"\x00\x55\x55")) == 8


def test_equal_seeds_give_equal_reports() -> None:
    assert [A02yyuwEmulator(7).report(0)] * 2 == [A02yyuwEmulator(7).report(0) for _ in range(2)]
