"""InfluxDB line protocol: one line a point.

    reading,outlet=disdukcapil-1,sensor=radar-1,site=mpp-contoh,zone=staff distance=1.25,presence=1.0 1793000000000

Tags sorted by key, all fields floats (never `1i`, never `true`: a field keeps its first type for ever), time in ms, to
be written with `precision=ms`. Names are checked, not escaped: a tag that ends in a backslash cannot be written at all.
influxdb-client's own encoder turns 1 into an integer and leaves NaN out without a word.
"""

from __future__ import annotations

from storage.timeseries.points import (
    Point,
    Series,
    finite_numbers,
    require_names,
    require_series,
    require_time,
)


class LineEncoder:
    """Points to lines; remembers what sensors and sets of quantities look like."""

    def __init__(self) -> None:
        self._heads: dict[Series, str] = {}
        self._fields: dict[tuple[str, ...], str] = {}

    def encode(self, point: Point) -> str:
        """The line of `point`, without an end of line. Raises Unwritable."""
        series, at_ms, values = point
        names = tuple(values)
        head = self._heads.get(series) or self._head(series)
        fields = self._fields.get(names) or self._layout(names)
        require_time(at_ms)
        return f"{head} {fields % finite_numbers(values)} {at_ms:d}"

    def _head(self, series: Series) -> str:
        require_series(series)
        site, outlet, zone, sensor = series
        head = f"reading,outlet={outlet},sensor={sensor},site={site},zone={zone}"
        self._heads[series] = head
        return head

    def _layout(self, names: tuple[str, ...]) -> str:
        require_names(names)
        layout = ",".join(f"{name}=%r" for name in names)
        self._fields[names] = layout
        return layout
