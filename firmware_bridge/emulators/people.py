"""Who is before an emulated sensor: nobody, somebody who moves or sits still, or one who comes and goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from firmware_bridge.emulators.target import Target

_DISTANCE_M = 0.8
_FURTHEST_M, _STEP_M_S = 5.0, 0.8
_SITS_S, _AWAY_S = 20.0, 15.0
_WAY_S = (_FURTHEST_M - _DISTANCE_M) / _STEP_M_S
_ROUND_S = _WAY_S + _SITS_S + _WAY_S + _AWAY_S


def walk(at_s: float) -> Target:
    """Walks up, sits for 20 s, walks off, and comes again after 15 s."""
    since_s = at_s % _ROUND_S
    if since_s < _WAY_S:
        return Target("moving", _FURTHEST_M - _STEP_M_S * since_s, 80)
    if since_s < _WAY_S + _SITS_S:
        return Target("still", _DISTANCE_M, 55)
    if since_s < _ROUND_S - _AWAY_S:
        return Target("moving", _DISTANCE_M + _STEP_M_S * (since_s - _WAY_S - _SITS_S), 80)
    return Target()


PEOPLE: Final[Mapping[str, Callable[[float], Target]]] = {
    "nobody": lambda _: Target(),
    "still": lambda _: Target("still", _DISTANCE_M, 55),
    "moving": lambda _: Target("moving", _DISTANCE_M, 80),
    "walk": walk,
}
