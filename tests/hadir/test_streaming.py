"""What is told of a stream beside its readings."""

from __future__ import annotations

from hadir.streaming import Rate


def test_a_rate_is_that_of_the_last_seconds_and_not_of_a_burst() -> None:
    rate = Rate()
    assert max(rate.add(at_ms) for at_ms in range(0, 100, 2)) == 0.0
    told = [rate.add(at_ms) for at_ms in range(100, 10_000, 100)]
    assert told[-1] == 10.0
