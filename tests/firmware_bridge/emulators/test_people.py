"""Somebody who walks comes nearer, sits, goes, and is away for a while."""

from __future__ import annotations

from firmware_bridge.emulators.people import PEOPLE, walk
from firmware_bridge.emulators.target import Target


def test_a_walk_comes_sits_goes_and_begins_again() -> None:
    states = [walk(float(second)).state for second in range(46)]
    assert states == ["moving"] * 6 + ["still"] * 20 + ["moving"] * 5 + ["nobody"] * 15
    assert walk(45.5) == walk(0.0) == Target("moving", 5.0, 80)
    coming = [walk(float(second)).distance_m for second in range(6)]
    assert coming == sorted(coming, reverse=True)


def test_the_others_stay_as_they_are() -> None:
    assert {name: person(1e6).state for name, person in PEOPLE.items() if name != "walk"} == {
        "nobody": "nobody", "still": "still", "moving": "moving",
    }  # fmt: skip
