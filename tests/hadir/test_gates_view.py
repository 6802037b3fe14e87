"""The picture of a radar's gates: bars, the threshold's mark, the state; and the same in one line."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from hadir.gates_view import Scene, line, picture, thresholds

SETTINGS = {
    "moving_sensitivity": [50, 50, 40],
    "still_sensitivity": [0, 0, 40],
    "max_moving_gate": 8,
    "timeout": 5,
}
VALUES = {
    "presence": 1.0, "moving": 1.0, "still": 0.0, "distance": 1.23,
    "moving_energy_g0": 0.0, "moving_energy_g1": 50.0, "moving_energy_g2": 100.0,
    "still_energy_g0": 25.0, "still_energy_g1": 0.0, "still_energy_g2": 39.0,
}  # fmt: skip


def scene(values: dict[str, float] = VALUES, **fields: Any) -> Scene:
    return Scene(**({"sensor": "radar", "at_ms": 1_790_000_000_000, "values": values, "settings": SETTINGS} | fields))


def drawn(shown: Scene) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=100, color_system=None).print(picture(shown))
    return [row.rstrip() for row in out.getvalue().splitlines()]


def test_each_gate_has_its_bars_with_a_mark_where_the_threshold_is() -> None:
    assert drawn(scene(rate_hz=10.04, damaged=3)) == [
        "radar  moving  1.23 m  10.0 reports/s  3 damaged",
        "gate  moving energy                          still energy",
        "   0                ▏                  0/50  ▏██████                         25/0",
        "   1  ██████████████▏                 50/50  ▏                                0/0",
        "   2  ███████████▏████████████████   100/40  ███████████▏                   39/40",
        "▏ threshold; a bar beyond it is seen",
    ]


def test_without_thresholds_there_are_bars_alone() -> None:
    rows = drawn(scene({"presence": 0.0, "moving_energy_g0": 50.0}, settings={}))
    assert rows[0] == "radar  nobody  0.0 reports/s"
    assert rows[2] == "   0  ██████████████                 50"
    assert rows[3] == "Its thresholds are not known."


def test_amplitudes_are_shown_against_the_largest() -> None:
    rows = drawn(scene({"strength_g0": 1_000.0, "strength_g1": 4_000.0}, settings={"strength_threshold_g1": 2_000}))
    assert rows[0].startswith("radar  state unknown")
    assert rows[2] == "   0  ███████                             1000"
    assert rows[3] == "   1  ██████████████▏█████████████   4000/2000"


def test_a_radar_that_reports_no_energies_is_told_why() -> None:
    assert drawn(scene({"presence": 1.0, "still": 1.0}))[1].startswith("No energies by gate are reported")


def test_one_line_holds_the_same() -> None:
    assert line(scene()) == (
        "2026-09-21T14:13:20.000Z  radar  moving  1.23 m  "
        "moving energy: 0/50 50/50 100/40  still energy: 25/0 0/0 39/40"
    )


def test_thresholds_are_found_under_the_names_that_drivers_give_them() -> None:
    assert thresholds(SETTINGS, "still") == {0: 0.0, 1: 0.0, 2: 40.0}
    numbered = {"move_threshold_g0": 60, "move_threshold_g12": 70, "moving_gate": 3}
    assert thresholds(numbered, "moving") == {0: 60, 12: 70}
    assert thresholds(numbered, "strength") == {0: 60, 12: 70}
    assert thresholds({}, "moving") == {}


def test_bars_are_shortened_before_numbers_are_cut() -> None:
    values = {f"{side}_energy_g{gate}": 90.0 for side in ("moving", "still") for gate in range(9)}
    settings = {"moving_sensitivity": [100] * 9, "still_sensitivity": [100] * 9}
    for columns in (30, 60, 80):
        console = Console(width=columns, file=io.StringIO())
        with console.capture() as shown:
            console.print(picture(Scene("radar", 0, values, settings), columns))
        rows = [line.split() for line in shown.get().splitlines()[2:11]]
        assert [row[0] for row in rows] == [str(gate) for gate in range(9)]
        assert all(shown_row.count("90/100") == 2 for shown_row in shown.get().splitlines()[2:11])
