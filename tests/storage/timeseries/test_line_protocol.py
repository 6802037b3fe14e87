from __future__ import annotations

from math import nan
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.timeseries import Point, Series
from storage.timeseries.line_protocol import LineEncoder
from storage.timeseries.points import Unwritable

RADAR = Series("mpp-contoh", "disdukcapil-1", "staff", "radar-1")
AT = 1_793_000_000_000


def test_a_point_is_one_line_with_sorted_tags_and_float_fields() -> None:
    point = Point(RADAR, AT, {"distance": 1.25, "presence": 1})
    assert LineEncoder().encode(point) == (
        "reading,outlet=disdukcapil-1,sensor=radar-1,site=mpp-contoh,zone=staff "
        "distance=1.25,presence=1.0 1793000000000"
    )


@pytest.mark.parametrize(
    "point",
    [
        Point(RADAR, AT, {}),
        Point(RADAR, AT, {"distance": nan}),
        Point(RADAR, AT, {"time": 1.0}),
        Point(RADAR, AT, {"a b": 1.0}),
        Point(RADAR, -AT, {"distance": 1.0}),
        Point(RADAR._replace(sensor="radar\\"), AT, {"distance": 1.0}),
        Point(RADAR._replace(zone=""), AT, {"distance": 1.0}),
    ],
)
def test_what_the_server_would_not_keep_as_it_is_becomes_no_line(point: Point) -> None:
    encoder = LineEncoder()
    for _ in range(2):
        with pytest.raises(Unwritable):
            encoder.encode(point)


_slugs = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
_names = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True).filter(
    lambda name: name not in {"time", "site", "outlet", "zone", "sensor"}
)
_numbers = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    series=st.builds(Series, _slugs, _slugs, _slugs, _slugs),
    at_ms=st.integers(0, 7_258_118_399_999),
    values=st.dictionaries(_names, _numbers, min_size=1, max_size=6),
)
def test_a_real_influxd_reads_every_line_as_it_was_meant(
    influxd: Any, influx_database: str, series: Series, at_ms: int, values: dict[str, float]
) -> None:
    # One database for all examples: a point of an example that came before has the same name and time at most.
    influxd.query("DROP SERIES FROM reading", influx_database)
    line = LineEncoder().encode(Point(series, at_ms, values))
    assert influxd.request("POST", f"/write?db={influx_database}&precision=ms", line) == (204, b"")
    (table,) = influxd.query("SELECT * FROM reading", influx_database)
    (row,) = table["values"]
    got = dict(zip(table["columns"], row, strict=True))
    assert {tag: got.pop(tag) for tag in series._fields} == series._asdict()
    assert got.pop("time") == at_ms
    assert {name: float(number) for name, number in got.items() if number is not None} == values
