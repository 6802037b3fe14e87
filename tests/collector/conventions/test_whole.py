from __future__ import annotations

import pytest

from collector.conventions.whole import MOST_PARTS, NOTHING, OCCUPIED, UNKNOWN, VACANT, Parts, Whole, whole


@pytest.mark.parametrize(
    ("spoken", "others", "says"),
    [
        ([], [0.0], NOTHING),
        ([1.0], [0.0, None], OCCUPIED),
        ([None, 1.0], [], OCCUPIED),
        ([0.0], [], VACANT),
        ([0.0], [0.0, 0.0], VACANT),
        ([0.0], [1.0, None], NOTHING),
        ([None], [1.0], NOTHING),
        ([0.0], [0.0, None], UNKNOWN),
        ([0.0, None], [0.0], UNKNOWN),
    ],
)
def test_one_part_makes_it_occupied_and_all_make_it_vacant(
    spoken: list[float | None], others: list[float | None], says: Whole
) -> None:
    assert whole(spoken, others) == says


def test_the_last_word_of_each_part_is_known():
    parts = Parts(["a", "b"])
    assert parts.hear({"a": 0.0}) == UNKNOWN, "nobody knows of b"
    assert parts.hear({"b": 1.0}) == OCCUPIED
    assert parts.hear({"a": 0.0}) == NOTHING, "b sees somebody"
    assert parts.hear({"b": 0.0}) == VACANT
    assert parts.hear({"b": None}) == UNKNOWN


def test_parts_whose_word_was_lost_are_not_absent():
    parts = Parts(["a", "b"])
    parts.hear({"a": 0.0, "b": 0.0})
    parts.lose()
    assert parts.hear({"a": 0.0}) == UNKNOWN
    assert parts.hear({"b": 0.0}) == VACANT


def test_with_more_parts_than_are_remembered_it_is_never_vacant():
    parts = Parts()
    assert parts.hear({str(n): 0.0 for n in range(MOST_PARTS)}) == VACANT
    assert parts.hear({"one more": 0.0}) == UNKNOWN
    assert parts.hear({"one more": 1.0}) == OCCUPIED
    assert Parts([str(n) for n in range(MOST_PARTS + 1)]).hear({"0": 0.0}) == UNKNOWN
