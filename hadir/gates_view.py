"""What a radar sees gate by gate, beside the thresholds it keeps: a picture for a terminal, or one line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from presence.instants import rfc3339

_PER_GATE = re.compile(r"((?:moving|still)_)?(energy|strength)_g(\d{1,2})")
# As settings call them; where there is one amplitude a gate, what it must exceed to be noticed.
_SIDES = {"moving": ("moving", "move"), "still": ("still",), "strength": ("strength", "move")}
_BAR = 28
_GATE, _VALUES = 5, 9  # columns of a gate's number, and of `100/100` beside a bar, with what is between them
_FULL = 100.0
_DAMAGED_STYLE = "bold red"


class Gates(NamedTuple):
    """Values by gate of one detector; `limits` has the thresholds that are known."""

    name: str
    values: Mapping[int, float]
    limits: Mapping[int, float]


@dataclass
class Scene:
    """All that is shown of one sensor. `rate_hz`: of its reports; `damaged`: None when nobody counts."""

    sensor: str
    at_ms: int
    values: Mapping[str, float]
    settings: Mapping[str, Any] = field(default_factory=dict)
    rate_hz: float = 0.0
    damaged: int | None = None

    @property
    def detectors(self) -> list[Gates]:
        found: dict[str, dict[int, float]] = {}
        for name, value in self.values.items():
            if gate := _PER_GATE.fullmatch(name):
                detector = f"{gate[1] or ''}{gate[2]}".replace("_", " ")
                found.setdefault(detector, {})[int(gate[3])] = value
        return [Gates(name, values, thresholds(self.settings, name.split()[0])) for name, values in found.items()]


def thresholds(settings: Mapping[str, Any], side: str) -> dict[int, float]:
    """The thresholds of `side` (moving, still) by gate, as settings read from a device have them; none when unknown."""
    marks = _SIDES.get(side, (side,))
    found: dict[int, float] = {}
    for name, value in settings.items():
        if not name.startswith(marks) or not re.search("sensitivity|threshold", name):
            continue
        gate = re.search(r"_g?(\d{1,2})$", name)
        if isinstance(value, list):
            found |= {place: float(each) for place, each in enumerate(value) if isinstance(each, int | float)}
        elif gate and isinstance(value, int | float):
            found[int(gate[1])] = float(value)
    return found


def picture(scene: Scene, columns: int = 100) -> RenderableType:
    """Bars of each gate, a mark where its threshold is, what was decided, and how well the line works.

    Where `columns` are few the bars are short: numbers are never cut.
    """
    detectors = scene.detectors
    if not detectors:
        return Group(_head(scene), Text("No energies by gate are reported."))
    bar = max(1, min(_BAR, (columns - _GATE) // len(detectors) - _VALUES - 2))
    table = Table(box=None, pad_edge=False, expand=False)
    table.add_column("gate", justify="right")
    for each in detectors:
        table.add_column(each.name, width=bar + 1, no_wrap=True)
        table.add_column("", justify="right", no_wrap=True)
    for gate in sorted({gate for each in detectors for gate in each.values}):
        cells: list[RenderableType] = [str(gate)]
        for each in detectors:
            cells += _cells(each, gate, bar)
        table.add_row(*cells)
    known = any(each.limits for each in detectors)
    legend = "▏ threshold; a bar beyond it is seen" if known else "Its thresholds are not known."
    return Group(_head(scene), table, Text(legend, style="dim"))


def line(scene: Scene) -> str:
    """The same in one line, for files and pipes."""
    parts = [rfc3339(scene.at_ms), scene.sensor, _state(scene.values), _distance(scene.values)]
    for each in scene.detectors:
        gates = " ".join(_against(each, gate) for gate in sorted(each.values))
        parts.append(f"{each.name}: {gates}")
    return "  ".join(part for part in parts if part)


def _head(scene: Scene) -> Text:
    told = [each for each in (_state(scene.values), _distance(scene.values)) if each]
    head = Text.assemble((scene.sensor, "bold"), *(f"  {each}" for each in told), no_wrap=True, overflow="crop")
    head.append(f"  {scene.rate_hz:.1f} reports/s", style="dim")
    if scene.damaged is not None:
        head.append(f"  {scene.damaged:,} damaged", style=_DAMAGED_STYLE if scene.damaged else "dim")
    return head


def _cells(gates: Gates, gate: int, width: int) -> list[RenderableType]:
    value, limit = gates.values.get(gate), gates.limits.get(gate)
    if value is None:
        return [Text(), Text()]
    return [_bar(value, limit, _scale(gates), width), Text(_against(gates, gate))]


def _bar(value: float, limit: float | None, scale: float, width: int) -> Text:
    filled = round(min(value / scale, 1.0) * width)
    mark = None if limit is None else round(min(limit / scale, 1.0) * width)
    style = "green" if limit is not None and value > limit else "blue"
    plain = "█" * filled + " " * (width + 1 - filled)
    if mark is None:
        return Text(plain, style=style)
    return Text.assemble((plain[:mark], style), ("▏", "yellow"), (plain[mark + 1 :], style))


def _scale(gates: Gates) -> float:
    """Energies are per cent; amplitudes have no end, and are shown against the largest there is."""
    if gates.name.endswith("energy"):
        return _FULL
    return max((*gates.values.values(), *gates.limits.values(), 1.0))


def _against(gates: Gates, gate: int) -> str:
    limit = gates.limits.get(gate)
    return f"{gates.values[gate]:.0f}" + ("" if limit is None else f"/{limit:.0f}")


def _state(values: Mapping[str, float]) -> str:
    seen = [name for name in ("moving", "still") if values.get(name)]
    if seen:
        return " and ".join(seen)
    if "presence" not in values:
        return "state unknown"
    return "somebody" if values["presence"] else "nobody"


def _distance(values: Mapping[str, float]) -> str:
    return f"{values['distance']:.2f} m" if values.get("distance") else ""
