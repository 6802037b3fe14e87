"""The emulated board speaks as docs/ndjson.md says: two sensors on one line, numbered and sealed."""

from __future__ import annotations

import pytest

from firmware_bridge.drivers import ndjson
from firmware_bridge.emulators.ndjson import NdjsonEmulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Decoded


@pytest.mark.parametrize(
    ("target", "radar", "motion"),
    [(Target(), 0, 0), (Target("moving", 2.0, 70), 1, 1), (Target("still", 0.9, 60), 1, 0)],
)
def test_both_sensors_are_read_by_the_driver_and_no_line_is_missing(target: Target, radar: int, motion: int) -> None:
    board, decoder = NdjsonEmulator(1), ndjson.driver({})
    board.target = target
    for at in range(0, 5_000, 500):
        first, second = decoder.feed(board.report(at))
        assert isinstance(first, Decoded)
        assert (first.part, first.values["presence"]) == ("radar", radar)
        assert abs(first.values.get("distance", target.distance_m) - target.distance_m) <= 0.05
        assert second == Decoded({"presence": motion}, "pir")


def test_equal_seeds_give_equal_reports_and_it_takes_no_commands() -> None:
    assert NdjsonEmulator(7).report(0) == NdjsonEmulator(7).report(0)
    assert NdjsonEmulator(7).receive(b"AT\r\n") == b""
