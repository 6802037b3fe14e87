from __future__ import annotations

import re
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from presence.quantities import quantity
from storage.timeseries.points import (
    Series,
    Unwritable,
    finite_numbers,
    require_names,
    require_series,
    require_time,
)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=9))
def test_finite_numbers_pass_as_they_are(numbers: list[float]) -> None:
    assert finite_numbers({f"q{i}": n for i, n in enumerate(numbers)}) == tuple(numbers)


def test_whole_numbers_and_truth_values_become_floats() -> None:
    assert [repr(n) for n in finite_numbers({"seq": 7, "presence": True})] == ["7.0", "1.0"]


@pytest.mark.parametrize("bad", [nan, inf, -inf, None, 10**400, "three"])
def test_what_is_no_finite_number_is_refused_by_name(bad: Any) -> None:
    with pytest.raises(Unwritable, match=r"distance is .* no finite number"):
        finite_numbers({"presence": 1.0, "distance": bad})


def test_two_infinities_do_not_cancel_out() -> None:
    with pytest.raises(Unwritable, match="x1 is inf"):
        finite_numbers({"x1": inf, "y1": -inf})


@pytest.mark.parametrize("slug", ["", "A", "a b", "-a", "a\\", "a,b", "é", "a\n"])
def test_tags_are_slugs(slug: str) -> None:
    require_series(Series("balai", "loket-1", "staff", "s_1"))
    with pytest.raises(Unwritable, match=re.escape(f"sensor {slug!r}")):
        require_series(Series("balai", "loket-1", "staff", slug))


@pytest.mark.parametrize("name", ["", "time", "sensor", "site", "Distance", "a b", "a=b", "#a", "a\n"])
def test_names_of_quantities_do_not_clash_with_the_store(name: str) -> None:
    assert quantity("moving_energy_g3") is not None
    require_names(["presence", "moving_energy_g3", "x1"])
    with pytest.raises(Unwritable):
        require_names(["presence", name])


def test_a_reading_without_quantities_is_no_point() -> None:
    with pytest.raises(Unwritable, match="without quantities"):
        require_names([])


@pytest.mark.parametrize("at_ms", [-1, 7_258_118_400_000, 1_793_000_000_000_000])
def test_instants_in_other_units_are_refused(at_ms: int) -> None:
    require_time(0)
    require_time(1_793_000_000_000)
    with pytest.raises(Unwritable, match="1970 to 2199"):
        require_time(at_ms)
