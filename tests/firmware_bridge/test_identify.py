"""The sensor that somebody waves at is the one that leaves its usual level, however busy the others are."""

from __future__ import annotations

from firmware_bridge.drivers import DRIVERS
from firmware_bridge.emulators.ld2410 import Ld2410Emulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.identify import Attention
from firmware_bridge.resync import Decoded
from presence.readings import Reading

NOBODY, SITTING, WAVING = Target(), Target("still", 0.8, 50), Target("moving", 0.4, 95)


class Counters:
    """A radar at each counter, read as a bridge does."""

    def __init__(self, count: int, *, engineering: bool = False) -> None:
        self.at_ms = 0
        self._radars = [Ld2410Emulator(seed) for seed in range(count)]
        self._decoders = [DRIVERS["ld2410"].driver({}) for _ in range(count)]
        for radar in self._radars:
            radar.engineering = engineering

    def pass_seconds(self, seconds: int, *targets: Target) -> list[Reading]:
        readings = []
        for _ in range(seconds * 10):
            self.at_ms += 100
            for number, (radar, decoder, target) in enumerate(zip(self._radars, self._decoders, targets, strict=True)):
                radar.target = target
                for result in decoder.feed(radar.report(self.at_ms)):
                    assert isinstance(result, Decoded)
                    readings.append(Reading(f"s-{number}", self.at_ms, result.values))
        return readings


def test_the_one_waved_at_is_named_among_empty_and_busy_counters() -> None:
    for engineering in (False, True):
        counters, attention = Counters(3, engineering=engineering), Attention()
        for reading in counters.pass_seconds(5, NOBODY, SITTING, NOBODY):
            attention.learn(reading)
        for reading in counters.pass_seconds(3, NOBODY, SITTING, NOBODY):
            attention.watch(reading)
        assert attention.answer(counters.at_ms) is None
        for reading in counters.pass_seconds(3, NOBODY, SITTING, WAVING):
            attention.watch(reading)
        assert attention.answer(counters.at_ms) == "s-2"


def test_an_officer_who_moves_all_the_time_is_no_wave() -> None:
    counters, attention = Counters(2), Attention()
    for _ in range(3):
        for target in (SITTING, Target("moving", 0.8, 80)):
            for reading in counters.pass_seconds(1, NOBODY, target):
                attention.learn(reading)
    for reading in counters.pass_seconds(3, NOBODY, Target("moving", 0.8, 80)):
        attention.watch(reading)
    assert attention.answer(counters.at_ms) is None


def test_two_that_change_alike_are_not_told_apart() -> None:
    counters, attention = Counters(2), Attention()
    for reading in counters.pass_seconds(5, NOBODY, NOBODY):
        attention.learn(reading)
    for reading in counters.pass_seconds(3, WAVING, WAVING):
        attention.watch(reading)
    assert attention.answer(counters.at_ms) is None
    assert [each.sensor for each in attention.ranking(counters.at_ms)] in (["s-0", "s-1"], ["s-1", "s-0"])


def test_a_sensor_that_knows_distances_alone_is_told_by_them() -> None:
    attention = Attention()
    for at_ms in range(0, 5_000, 100):
        attention.learn(Reading("far", at_ms, {"distance": 2.0}))
        attention.learn(Reading("near", at_ms, {"distance": 2.1}))
    for at_ms in range(5_000, 8_000, 100):
        attention.watch(Reading("far", at_ms, {"distance": 2.02}))
        attention.watch(Reading("near", at_ms, {"distance": 0.4}))
    assert attention.answer(8_000) == "near"


def test_what_is_long_past_counts_no_more() -> None:
    attention = Attention()
    attention.learn(Reading("a", 0, {"presence": 0.0}))
    attention.watch(Reading("a", 100, {"presence": 1.0}))
    assert attention.answer(200) == "a"
    assert attention.answer(10_000) is None
    assert attention.known == {"a"}
