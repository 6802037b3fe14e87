from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from presence.sequence import Sequence


def test_what_comes_again_is_known_and_what_is_missing_is_counted():
    sequence = Sequence()
    assert [sequence.take(1, seq) for seq in (5, 6, 6, 9, 7, 7)] == [True, True, False, True, True, False]
    assert sequence.missing == 1


def test_a_new_epoch_begins_anew():
    sequence = Sequence()
    for boot, seq in ((1, 5), (1, 8), (2, 0), (2, 1)):
        assert sequence.take(boot, seq)
    assert sequence.missing == 2
    assert not sequence.take(2, 1)


def test_a_hole_that_is_no_longer_kept_is_taken_when_it_fills():
    sequence = Sequence()
    for seq in range(0, 2_000, 2):
        sequence.take(1, seq)
    assert sequence.missing == 999
    assert sequence.take(1, 1)


@given(st.lists(st.integers(0, 60), max_size=60))
def test_each_number_is_new_once_in_any_order(numbers: list[int]):
    sequence, seen = Sequence(), set()
    for at, seq in enumerate(numbers):
        assert sequence.take(1, seq) == (seq not in seen)
        seen.add(seq)
        assert sequence.missing == max(seen) - min(seen) + 1 - len(seen)
        if at % 7 == 0:
            sequence = Sequence.load(sequence.dump())
