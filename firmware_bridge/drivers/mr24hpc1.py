"""Seeed MR24HPC1: 24 GHz presence radar, 115200 baud. Frames and common commands: `firmware_bridge.seeed`.

    08 01   still value 0-250 | still distance, 0.5 m | moving value | moving distance, 0.5 m | (speed + 10), 0.5 m/s
            in underlying mode only

Sensitivity and scene are its own scales; the timeout is how long it waits before it says that nobody is there.

Source: esphome/esphome@33fdbbe components/seeed_mr24hpc1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from firmware_bridge import seeed
from firmware_bridge.commands import Ask, Command
from firmware_bridge.resync import Answer, Decoded, Result
from firmware_bridge.seeed import PRESENCE, UNDERLYING, WORK, Radar, Report, Reports, Values, one_of, query, setting
from presence.errors import BadInput, DamagedFrame

NAME: Final = "mr24hpc1"
TITLE: Final = "Seeed MR24HPC1: presence radar"
BAUD: Final = seeed.BAUD
SILENT_AFTER_MS: Final = seeed.SILENT_AFTER_MS
EXAMPLE: Final[Mapping[str, Any]] = {"underlying": True}

_STRONGEST_STILL = 250
# In underlying mode its reports come all the time: so many others without one show that the mode is off.
_OTHERS_LIMIT = 10


def _underlying(data: bytes) -> Values:
    still, still_halves, moving, moving_halves, speed = data
    if still > _STRONGEST_STILL:
        raise DamagedFrame(6, f"still value {still} is more than {_STRONGEST_STILL}")
    return {
        "still_strength": still,
        "still_distance": still_halves * 0.5,
        "moving_strength": moving,
        "moving_distance": moving_halves * 0.5,
        "speed": (speed - 10) * 0.5,
    }


_REPORTS: Final[Reports] = {**seeed.REPORTS, (UNDERLYING, 0x01): Report(5, _underlying)}
_SCENES = {scene: scene for scene in range(1, 5)}  # living room, bedroom, bathroom, area
_LEVELS = {level: level for level in range(1, 4)}
_TIMEOUTS_S = {seconds: index for index, seconds in enumerate((0, 10, 30, 60, 120, 300, 600, 1_800, 3_600))}
_SWITCH = {True: 1, False: 0}

COMMANDS: Final[Mapping[str, Command]] = {
    **seeed.COMMANDS,
    "set_scene": setting(WORK, 0x07, "scene", _SCENES, "read_scene"),
    "read_scene": query(WORK, 0x87, one_of("scene", _SCENES)),
    "set_sensitivity": setting(WORK, 0x08, "level", _LEVELS, "read_sensitivity"),
    "read_sensitivity": query(WORK, 0x88, one_of("level", _LEVELS)),
    "set_timeout": setting(PRESENCE, 0x0A, "timeout", _TIMEOUTS_S, "read_timeout"),
    "read_timeout": query(PRESENCE, 0x8A, one_of("timeout", _TIMEOUTS_S)),
    # A mode, like engineering mode of other radars: not among what it keeps.
    "set_output": setting(UNDERLYING, 0x00, "open", _SWITCH, "read_output", writes=False),
    "read_output": query(UNDERLYING, 0x80, one_of("open", _SWITCH)),
}
SESSION: Final = seeed.SESSION
SETTINGS: Final = (
    *seeed.IDENTITY,
    Ask("read_scene"),
    Ask("read_sensitivity"),
    Ask("read_timeout"),
    Ask("read_output"),
)


class Mr24hpc1:
    """The stream of one radar. `underlying`: which mode it shall be in; None: either will do."""

    def __init__(self, underlying: bool | None = None) -> None:
        self._radar = Radar(_REPORTS)
        self._wanted = underlying
        self._seen: bool | None = None
        self._others = 0

    def feed(self, data: bytes) -> Sequence[Result]:
        """Readings, damages and answers in the order of their frames; `data` in chunks of any size."""
        results = self._radar.feed(data)
        for result in results:
            self._look(result)
        return results

    @property
    def strayed(self) -> bool:
        """Whether what came last is of the other mode than was asked for."""
        return self._wanted is not None and self._seen not in (None, self._wanted)

    def outgoing(self, at_ms: int) -> bytes:
        """A query when it has said nothing for a minute."""
        return self._radar.outgoing(at_ms)

    def _look(self, result: Result) -> None:
        """Learns of the mode: from reports that only one has, and from what is told of it."""
        match result:
            case Decoded(values) if "speed" in values:
                self._seen, self._others = True, 0
            case Answer(whole) if whole[2] == UNDERLYING and whole[3] in (0x00, 0x80):
                self._seen, self._others = whole[6] == 1, 0
            case Decoded() | Answer():
                self._others += 1
                if self._others >= _OTHERS_LIMIT:
                    self._seen = False


def driver(config: Mapping[str, Any]) -> Mr24hpc1:
    """`config`: `{"underlying": true}`, or false, or neither. Raises BadInput."""
    for key in config:
        if key != "underlying":
            raise BadInput(NAME, "not known", field=f"config.{key}", remedy="known: underlying")
    underlying = config.get("underlying")
    if underlying is not None and not isinstance(underlying, bool):
        raise BadInput(NAME, f"{underlying!r} cannot be used", field="config.underlying", remedy="give true or false")
    return Mr24hpc1(underlying)


def setup(config: Mapping[str, Any]) -> Sequence[Ask]:
    """Asks what it sees and who it is, and sets the mode where one is configured."""
    match config.get("underlying"):
        case None:
            return (*seeed.FIRST, *seeed.LAST)
        case underlying:
            return (*seeed.FIRST, Ask("set_output", {"open": underlying}), *seeed.LAST)
