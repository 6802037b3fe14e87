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
