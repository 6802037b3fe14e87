from __future__ import annotations

from collector.conventions.parts import MOST_PARTS, Parts


def test_one_part_is_enough_for_present_and_all_are_needed_for_absent():
    parts = Parts(["a", "b"])
    assert parts.whole({"a": 0.0}) is None, "nobody knows of b"
    assert parts.whole({"b": 1.0}) == 1.0
    assert parts.whole({"a": 0.0}) is None, "b sees somebody"
    assert parts.whole({"b": 0.0}) == 0.0


def test_a_part_that_was_lost_is_not_absent():
    parts = Parts(["a", "b"])
    parts.whole({"a": 0.0, "b": 0.0})
    parts.lose(["b", "unheard of"])
    assert parts.whole({"a": 0.0}) is None


def test_with_more_parts_than_are_remembered_nobody_says_absent():
    parts = Parts()
    assert parts.whole({str(n): 0.0 for n in range(MOST_PARTS)}) == 0.0
    assert parts.whole({"one more": 0.0}) is None
    assert parts.whole({"one more": 1.0}) == 1.0
    assert Parts([str(n) for n in range(MOST_PARTS + 1)]).whole({"0": 0.0}) is None
