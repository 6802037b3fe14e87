"""A floor as a drawing: where the marks of its outlets stand, on the picture of the floor or on a plain ground."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from presence.site import Outlet
from presence.site_inactive import SHOWN_PLAN

PICTURES = {".svg": "image/svg+xml", ".png": "image/png"}
_LARGEST = 8 * 1024 * 1024
_PNG = b"\x89PNG\r\n\x1a\n"
_HEAD = 64 * 1024  # within so much a picture says its size
_SVG = re.compile(rb"<svg\b[^<>]*>")
_VIEW_BOX = re.compile(rb"\bviewBox\s*=\s*[\"']([^\"']*)[\"']")
_SIZES_KEPT = 100

_CELL = 120.0  # of outlets without a place, in a drawing without a picture
_IN_A_ROW = 8
_FULL = 0.86  # of the distance to its nearest neighbour is a mark wide
_SMALLEST, _LARGEST_MARK = 1 / 36, 1 / 9  # of the wider side of the drawing


class Picture(NamedTuple):
    """A picture of a floor: where it is read, and its size in its own pixels."""

    href: str
    width: float
    height: float


class Mark(NamedTuple):
    """Where the mark of an outlet stands: its upper left corner."""

    outlet: str
    x: float
    y: float


class Drawing(NamedTuple):
    """`view_box`: of the SVG, in the pixels in which positions are given; `side`: of a mark."""

    view_box: str
    side: float
    marks: Sequence[Mark]
    picture: Picture | None


class Pictures:
    """The folder in which the pictures of floors lie; None: there is none. Any thread may ask."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._sizes: dict[str, tuple[tuple[int, int], tuple[float, float] | None]] = {}

    def read(self, name: str) -> bytes | None:
        """The file `name`; None when there is none that could be shown."""
        try:
            path = self._path(name)
            return None if path is None or path.stat().st_size > _LARGEST else path.read_bytes()
        except OSError:
            return None

    def of(self, name: str | None) -> Picture | None:
        """The picture that a site calls `name`; None when it has none, or none whose size is known."""
        size = None if name is None else self._size_of(name)
        return None if size is None else Picture(f"/plans/{name}", *size)

    def _size_of(self, name: str) -> tuple[float, float] | None:
        """Looked up in the file when it is another one than before."""
        try:
            path = self._path(name)
            if path is None or (stat := path.stat()).st_size > _LARGEST:
                return None
            state = (stat.st_mtime_ns, stat.st_size)
            held = self._sizes.get(name)
            if held is not None and held[0] == state:
                return held[1]
            with path.open("rb") as file:
                size = _size(file.read(_HEAD))
        except OSError:
            return None
        if len(self._sizes) >= _SIZES_KEPT:
            self._sizes.clear()
        self._sizes[name] = state, size
        return size

    def _path(self, name: str) -> Path | None:
        return self._folder / name if self._folder is not None and SHOWN_PLAN.fullmatch(name) else None


def _size(content: bytes) -> tuple[float, float] | None:
    """What the beginning of a picture says of its size."""
    if content.startswith(_PNG) and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
    elif root := _SVG.search(content):
        width, height = _svg_size(root[0])
    else:
        return None
    return (width, height) if width > 0 and height > 0 else None


def _svg_size(root: bytes) -> tuple[float, float]:
    """Of the root element of an SVG, in pixels; noughts when it says none."""
    given = [re.search(rb"\s%s\s*=\s*[\"']([\d.]+)(?:px)?[\"']" % side, root) for side in (b"width", b"height")]
    sides = [one[1] for one in given if one]
    if len(sides) < 2:
        box = _VIEW_BOX.search(root)
        sides = [] if box is None else re.split(rb"[\s,]+", box[1].strip())[2:]
    try:
        width, height = (float(side) for side in sides)
    except ValueError:
        return 0.0, 0.0
    return width, height


def drawing(outlets: Sequence[Outlet], picture: Picture | None) -> Drawing:
    """The drawing of a floor. Outlets without a position stand in rows below those that have one."""
    placed = [(outlet.id, *outlet.position) for outlet in outlets if outlet.position is not None]
    loose = [outlet.id for outlet in outlets if outlet.position is None]
    left, top, right, bottom = _extent([(x, y) for _, x, y in placed], picture)
    side = _side([(x, y) for _, x, y in placed], max(right - left, bottom - top))
    if picture is None and placed:
        left, top, right, bottom = left - side, top - side, right + side, bottom + side
    step = side / _FULL
    in_a_row = max(_IN_A_ROW if not placed else int((right - left) // step), 1)
    if loose:
        right = max(right, left + step * min(len(loose), in_a_row))
    for n, outlet in enumerate(loose):
        placed.append((outlet, left + step * (n % in_a_row + 0.5), bottom + step * (n // in_a_row + 0.5)))
    bottom += step * -(-len(loose) // in_a_row)
    marks = [Mark(outlet, round(x - side / 2, 2), round(y - side / 2, 2)) for outlet, x, y in placed]
    return Drawing(f"{left:g} {top:g} {right - left:g} {bottom - top:g}", round(side, 2), marks, picture)


def _extent(places: Sequence[tuple[float, float]], picture: Picture | None) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the picture and of all `places`."""
    corners = list(places)
    if picture is not None:
        corners += [(0.0, 0.0), (picture.width, picture.height)]
    if not corners:
        return 0.0, 0.0, 0.0, 0.0
    return (
        min(x for x, _ in corners),
        min(y for _, y in corners),
        max(x for x, _ in corners),
        max(y for _, y in corners),
    )


def _side(places: Sequence[tuple[float, float]], widest: float) -> float:
    """As large as may be without one mark covering another, and neither a speck nor a wall."""
    if widest <= 0:
        return _CELL * _FULL
    distances = [
        max(abs(x - other_x), abs(y - other_y))
        for n, (x, y) in enumerate(places)
        for other_x, other_y in places[n + 1 :]
        if (x, y) != (other_x, other_y)
    ]
    nearest = min(distances, default=widest)
    return min(max(nearest * _FULL, widest * _SMALLEST), widest * _LARGEST_MARK)
