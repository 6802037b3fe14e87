"""DFRobot C4001 (SEN0609, SEN0610): 24 GHz presence radar, 9600 baud (some lots 115200), one to ten sentences a second.

    $DFHPD,1, , , *                                         presence mode: somebody 1, nobody 0
    $DFDMD,n,i,distance m,speed m/s,energy, , *             speed mode: n 1 somebody; n 0 nobody, the rest blank

In speed mode single lines say n 0 though somebody is there: they are passed on. Another n, a distance beyond 30 m or an
energy of many millions is a corrupted line.
Sentences, command line and sources: `firmware_bridge.dfrobot`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from firmware_bridge import dfrobot
from firmware_bridge.commands import Arguments, Ask, Command
from firmware_bridge.dfrobot import Radar, Values, number, whole_number
from presence.errors import BadInput

NAME: Final = "c4001"
TITLE: Final = "DFRobot C4001 (SEN0609, SEN0610): presence radar"
BAUD: Final = 9_600
SILENT_AFTER_MS: Final = 5_000
EXAMPLE: Final[Mapping[str, Any]] = {"mode": "presence"}

MODES: Final = {"presence": 0, "speed": 1}
_SPOKEN = {"presence": "DFHPD", "speed": "DFDMD"}
_LONGEST_RANGE_M = 25
_FARTHEST_M, _FASTEST_M_S, _STRONGEST = 30, 100, 10_000_000


def _target(fields: Sequence[str]) -> Values:
    if whole_number(fields, 0, 0, 1) == 0:
        return {"presence": 0.0, "target_count": 0.0}
    return {
        "presence": 1.0,
        "target_count": 1.0,
        "distance": number(fields, 2, 0, _FARTHEST_M),
        "speed": number(fields, 3, -_FASTEST_M_S, _FASTEST_M_S),
        "strength": number(fields, 4, 0, _STRONGEST),
    }


SENTENCES: Final[dfrobot.Sentences] = {"DFHPD": dfrobot.presence, "DFDMD": _target}


def driver(config: Mapping[str, Any]) -> Radar:
    """`config`: `{"mode": "presence"}`, or "speed", or neither. Raises BadInput."""
    for key in config:
        if key != "mode":
            raise BadInput(NAME, "not known", field=f"config.{key}", remedy="known: mode")
    mode = config.get("mode")
    if mode is not None and mode not in tuple(MODES):
        raise BadInput(NAME, f"{mode!r} cannot be used", field="config.mode", remedy="give one of presence, speed")
    return Radar(SENTENCES, None if mode is None else _SPOKEN[mode])


def setup(config: Mapping[str, Any]) -> Sequence[Ask]:
    """The configured mode, once another one was heard; nothing without one: the device is left alone then."""
    return (Ask("set_mode", {"mode": config["mode"]}),) if config.get("mode") is not None else ()


def _range(args: Arguments) -> str:
    low = args.decimal("min", 0.3, _LONGEST_RANGE_M)
    return f"setRange {low:.3f} {args.decimal('max', low, _LONGEST_RANGE_M):.3f}"


def _trigger_range(args: Arguments) -> str:
    return f"setTrigRange {args.decimal('trigger_max', 0.3, _LONGEST_RANGE_M):.3f}"


def _sensitivity(args: Arguments) -> str:
    return f"setSensitivity {args.number('hold', 0, 9)} {args.number('trigger', 0, 9)}"


COMMANDS: Final[Mapping[str, Command]] = {
    **dfrobot.commands("saveConfig"),
    "set_range": dfrobot.command(_range, writes=True, read_back=dfrobot.read_back("read_range")),
    "set_trigger_range": dfrobot.command(
        _trigger_range, writes=True, read_back=dfrobot.read_back("read_trigger_range")
    ),
    "read_trigger_range": dfrobot.numbers("getTrigRange", "trigger_max"),
    "set_latency": dfrobot.command(
        dfrobot.latency(2, 0.5, 1_500), writes=True, read_back=dfrobot.read_back("read_latency")
    ),
    "read_latency": dfrobot.numbers("getLatency", "on", "off"),
    "set_sensitivity": dfrobot.command(_sensitivity, writes=True, read_back=dfrobot.read_back("read_sensitivity")),
    "read_sensitivity": dfrobot.numbers("getSensitivity", "hold", "trigger"),
    # Its sentences show the mode.
    "set_mode": dfrobot.command(lambda args: f"setRunApp {args.choice('mode', MODES)}", writes=True),
}
SESSION: Final = dfrobot.session(when_strayed=True)
SETTINGS: Final = (Ask("read_range"), Ask("read_trigger_range"), Ask("read_latency"), Ask("read_sensitivity"))
