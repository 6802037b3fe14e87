"""Readings made coarse: whatever was read, no peak is lost, nothing is made up, and silence stays silence."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.plots import Bucket, Line, bucket_ms, lines
from presence.intervals import Span
from storage.timeseries import Point, Series, Store, open_store
from tests.builders import outlet, sensor
from tests.fixtures.mall import MINUTE, NOW

# Around midnight, and longer than what is read at a time.
START, LONGEST_MS = NOW, 150 * MINUTE
readings = st.dictionaries(
    st.integers(START - 5 * MINUTE, START + LONGEST_MS + 5 * MINUTE),
    st.floats(-1e6, 1e6, allow_nan=False) | st.sampled_from((0.0, 1.0)),
    max_size=60,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('readings')}")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def sites() -> Iterator[str]:
    """A site without readings, each time another one."""
    return (f"balai-{n}" for n in itertools.count())


def lines_of(store: Store, site: str, said: dict[int, float], span: Span, points: int, **of: int) -> list[Line]:
    counter = outlet("a-1", sensors=[sensor("s-1", **of)])
    series = Series(site, "a-1", "staff", "s-1")
    assert store.write([Point(series, at_ms, {"distance": value}) for at_ms, value in sorted(said.items())]) == []
    return lines(store, site, counter, span, points)


@given(said=readings, length_ms=st.integers(1, LONGEST_MS), points=st.integers(1, 2000))
def test_each_bucket_tells_the_least_the_greatest_and_the_last_of_its_time(
    store: Store, sites: Iterator[str], said: dict[int, float], length_ms: int, points: int
):
    span = Span(START, START + length_ms)
    width_ms = bucket_ms(span, points)
    # As many as were asked for cover the span, and narrower ones would not.
    assert points * width_ms >= length_ms
    assert width_ms == 1 or points * (width_ms - 1) < length_ms
    expected = []
    for from_ms in range(span.start_ms, span.end_ms, width_ms):
        to_ms = min(from_ms + width_ms, span.end_ms)
        inside = [value for at_ms, value in sorted(said.items()) if from_ms <= at_ms < to_ms]
        if inside:
            expected.append(Bucket(from_ms, min(inside), max(inside), inside[-1]))
    found = lines_of(store, next(sites), said, span, points)
    assert [line.buckets for line in found] == ([expected] if expected else [])
    assert all(len(line.buckets) <= points for line in found)


@given(silent=st.integers(5, 100), before=st.integers(3, 30), behind=st.integers(3, 30), every=st.integers(1, 20))
def test_where_nothing_was_said_the_line_is_cut(
    store: Store, sites: Iterator[str], silent: int, before: int, behind: int, every: int
):
    """A sensor that speaks every so many seconds, and then not for `silent` times as long."""
    step_ms = every * 1000
    spoken = [*range(before), *range(before + silent, before + silent + behind)]
    said = {START + n * step_ms: 1.0 for n in spoken}
    (line,) = lines_of(store, next(sites), said, Span(START, max(said) + 1), 2000, stale_after_given_ms=3 * step_ms)
    steps = [after.at_ms - one.at_ms for one, after in itertools.pairwise(line.buckets)]
    assert [step > line.gap_ms for step in steps].count(True) == 1
    assert steps[before - 1] > line.gap_ms
