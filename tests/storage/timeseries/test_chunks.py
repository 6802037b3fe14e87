from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.timeseries.chunks import Column, UnknownForm, pack_hour, unpack_hour

_NUMBERS = st.one_of(
    st.sampled_from([0.0, 1.0]),
    st.integers(0, 60_000).map(lambda cm: cm / 100),
    st.integers(-(2**40), 2**40).map(float),
    st.floats(allow_nan=False, allow_infinity=False),
)


@st.composite
def _hours(draw: st.DrawFn) -> dict[int, Column]:
    times = draw(st.lists(st.integers(0, 3_599_999), min_size=1, max_size=20, unique=True).map(sorted))
    columns = {}
    for quantity in draw(st.sets(st.integers(1, 40), min_size=1, max_size=5)):
        some = times if draw(st.booleans()) else draw(st.lists(st.sampled_from(times), min_size=1, unique=True))
        offsets = sorted(some)
        columns[quantity] = Column(offsets, [draw(_NUMBERS) for _ in offsets])
    return columns


@given(_hours())
def test_an_hour_comes_back_as_it_was(hour: dict[int, Column]) -> None:
    chunks = [(quantity, len(hour[quantity].values), data) for quantity, data in pack_hour(hour).items()]
    assert unpack_hour(reversed(chunks)) == hour


def test_an_hour_of_a_radar_takes_less_than_two_bytes_a_value() -> None:
    chance = random.Random(1)
    n = 360
    offsets = [10_000 * i + chance.randrange(50) for i in range(n)]
    hour = {
        1: Column(offsets, [float(i // 40 % 2) for i in range(n)]),
        2: Column(offsets, [chance.randrange(60, 120) / 100 for _ in range(n)]),
        3: Column(offsets, [float(chance.randrange(101)) for _ in range(n)]),
        4: Column(offsets, [float(i) for i in range(n)]),
    }
    assert sum(map(len, pack_hour(hour).values())) / (4 * n) < 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: bytes((2,)) + data[1:],
        lambda data: data[:1] + bytes((4,)) + data[2:],
        lambda data: data[:2] + bytes((0,)) + data[3:],
        lambda data: data[:2] + bytes((7,)) + data[3:],
        lambda data: data[:-1],
    ],
)
def test_a_chunk_of_another_form_or_a_broken_one_is_an_error(spoil: object) -> None:
    assert callable(spoil)
    (data,) = pack_hour({1: Column([5, 6], [1.0, 2.0])}).values()
    with pytest.raises(UnknownForm):
        unpack_hour([(1, 2, spoil(data))])


def test_a_chunk_that_holds_another_number_of_values_is_an_error() -> None:
    (data,) = pack_hour({1: Column([5, 6], [1.0, 2.0])}).values()
    with pytest.raises(UnknownForm, match="3 values"):
        unpack_hour([(1, 3, data)])
