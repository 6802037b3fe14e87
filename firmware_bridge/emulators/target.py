"""Who is before an emulated sensor: what whoever plays the room hands to any emulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Target:
    """`distance_m`: of somebody who is there. `energy`: of the reflection, 0-100 %."""

    state: Literal["nobody", "moving", "still"] = "nobody"
    distance_m: float = 0.0
    energy: int = 0


def share_in_gate(target: Target, gate: int, gate_m: float) -> float:
    """How much of its reflection, 0 to 1, a gate of `gate_m` metres sees; it spills into the neighbours."""
    if target.state == "nobody":
        return 0.0
    away = abs((gate + 0.5) * gate_m - target.distance_m) / gate_m
    return max(0.0, 1 - away / 2)
