from __future__ import annotations

import struct
from pathlib import Path

import pytest

from api.floor_plan import Picture, Pictures, drawing
from presence.site import Floor
from tests.builders import outlet, site
from tests.fixtures.web import Web

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 640, 480, 8, 2, 0, 0, 0)
SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" %s><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("name", "content", "size"),
    [
        ("a.png", PNG, (640, 480)),
        ("a.svg", SVG % b'width="860" height="420px"', (860, 420)),
        ("a.svg", SVG % b"viewBox='0 0 12.5 8'", (12.5, 8)),
        ("a.svg", SVG % b'width="100%" height="100%" viewBox="0,0,30,20"', (30, 20)),
        ("a.svg", SVG % b"", None),
        ("a.svg", SVG % b'width="0" height="1"', None),
        ("a.svg", SVG % b'width="1.2.3" height="1"', None),
        ("a.png", PNG[:20], None),
        ("a.svg", b"", None),
        ("a.svg", b"<svg " * 1_000_000, None),
        ("a.svg", b'<svg viewBox="' + b"0 " * 30_000 + b'">', None),
        ("a.gif", PNG, None),
    ],
)
def test_the_size_of_a_picture_is_its_own(tmp_path: Path, name: str, content: bytes, size: tuple[float, float] | None):
    (tmp_path / name).write_bytes(content)
    picture = Pictures(tmp_path).of(name)
    assert (picture and picture[1:]) == size


@pytest.mark.parametrize(
    "name", ["../a.svg", "b/a.svg", ".a.svg", "", "a.svg\n", "missing.svg", "/etc/a.svg", "a.svg/"]
)
def test_nothing_outside_the_folder_is_read(tmp_path: Path, name: str):
    (tmp_path / "plans").mkdir()
    (tmp_path / "a.svg").write_bytes(SVG)
    (tmp_path / "plans" / "a.svg").write_bytes(SVG)
    assert Pictures(tmp_path / "plans").read(name) is None
    assert Pictures(None).read("a.svg") is None


def places(
    *positions: tuple[float, float] | None, picture: Picture | None = None
) -> tuple[str, float, list[tuple[float, float]]]:
    """The box, the side of a mark, and the middle of each."""
    drawn = drawing([outlet(f"a-{n}", position=one) for n, one in enumerate(positions)], picture)
    half = drawn.side / 2
    return drawn.view_box, drawn.side, [(round(one.x + half), round(one.y + half)) for one in drawn.marks]


def test_marks_stand_where_the_registry_says_on_the_picture():
    box, side, found = places((100, 50), (200, 50), picture=Picture("/plans/a.svg", 860, 420))
    assert box == "0 0 860 420"
    assert found == [(100, 50), (200, 50)]
    assert side < 100


def test_a_position_beside_the_picture_is_seen_too():
    box, _, _ = places((900, -20), picture=Picture("/plans/a.svg", 860, 420))
    assert box == "0 -20 900 440"


def test_outlets_without_a_position_stand_in_rows_below():
    box, side, found = places((100, 50), None, None, picture=Picture("/plans/a.svg", 860, 420))
    assert found[0] == (100, 50)
    assert all(y > 420 for _, y in found[1:])
    assert float(box.split()[3]) > 420 + side


@pytest.mark.parametrize("count", [1, 8, 9, 40])
def test_without_any_position_there_is_a_plain_grid(count: int):
    box, side, found = places(*[None] * count)
    assert len(set(found)) == count
    left, top, width, height = (float(one) for one in box.split())
    assert all(left < x - side / 2 + 1 and x + side / 2 < left + width + 1 for x, _ in found)
    assert all(top < y and y < top + height for _, y in found)


def test_outlets_at_one_place_do_not_make_marks_vanish():
    _, side, _ = places((10, 10), (10, 10), (10.001, 10), (500, 300))
    assert side > 10


def plan_of(web: Web, folder: Path, name: str = "lantai-1.svg") -> None:
    folder.mkdir(exist_ok=True)
    web.app.state.pictures = Pictures(folder)
    web.apply(site(outlets=[outlet("a-1", number=1, floor=1, position=(30, 40))], floors=(Floor(floor=1, plan=name),)))


def test_a_picture_is_shown_and_can_do_nothing(demo: Web, tmp_path: Path):
    plan_of(demo, tmp_path)
    (tmp_path / "lantai-1.svg").write_bytes(SVG % b'width="860" height="420"')
    (tmp_path / "other.svg").write_bytes(SVG)
    browser = demo.ask(accept="text/html")
    answer = browser.get("/plans/lantai-1.svg")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert browser.get("/plans/other.svg").status_code == 404  # of no floor
    html = browser.get("/?view=plan").text
    assert '<image href="/plans/lantai-1.svg" width="860.0" height="420.0"/>' in html
    assert 'id="o-a-1"' in html
    assert "<image" not in browser.get("/").text


def test_a_floor_without_its_picture_is_drawn_all_the_same(demo: Web, tmp_path: Path):
    plan_of(demo, tmp_path)
    html = demo.ask(accept="text/html").get("/?view=plan").text
    assert "<image" not in html
    assert 'class="mark"' in html
