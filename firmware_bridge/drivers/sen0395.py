"""DFRobot SEN0395: 24 GHz presence radar, 115200 baud, a sentence a second.

    $JYBSS,1, , , *                          somebody 1, nobody 0
    $JYRPO,n,i,distance m, ,snr, , *         target i of n, at most 8; the first gives the reading, the others none

Sentences, command line and sources: `firmware_bridge.dfrobot`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from firmware_bridge import dfrobot
from firmware_bridge.commands import Arguments, Ask, Command
from firmware_bridge.dfrobot import Radar, Values, number, whole_number
from presence.errors import BadInput

NAME: Final = "sen0395"
TITLE: Final = "DFRobot SEN0395: presence radar"
BAUD: Final = 115_200
SILENT_AFTER_MS: Final = 5_000
EXAMPLE: Final[Mapping[str, Any]] = {}

RANGE_STEP_M: Final = 0.15
_LONGEST_RANGE_M = 9
_MOST_TARGETS = 8
_LONGEST_LATENCY_S = 1638.375


def _targets(fields: Sequence[str]) -> Values:
    count = whole_number(fields, 0, 0, _MOST_TARGETS)
    if whole_number(fields, 1, 0, count) != 1:
        return {}
    return {"target_count": count, "distance": number(fields, 2, 0, 100), "strength": number(fields, 4, -1e6, 1e6)}


SENTENCES: Final[dfrobot.Sentences] = {"JYBSS": dfrobot.presence, "JYRPO": _targets}


def driver(config: Mapping[str, Any]) -> Radar:
    """`config`: empty. Raises BadInput."""
    for key in config:
        raise BadInput(NAME, "not known", field=f"config.{key}", remedy="this sensor is not configured here")
    return Radar(SENTENCES)


def setup(config: Mapping[str, Any]) -> Sequence[Ask]:
    """Nothing: the device is left as it is."""
    return ()


def _range(args: Arguments) -> str:
    low = args.decimal("min", 0, _LONGEST_RANGE_M)
    high = args.decimal("max", low, _LONGEST_RANGE_M)
    return f"detRangeCfg -1 {round(low / RANGE_STEP_M)} {round(high / RANGE_STEP_M)}"


COMMANDS: Final[Mapping[str, Command]] = {
    **dfrobot.commands("saveCfg"),
    "set_range": dfrobot.command(
        _range, writes=True, read_back=dfrobot.read_back("read_range", RANGE_STEP_M / 2 + 0.001)
    ),
    "set_latency": dfrobot.command(dfrobot.latency(_LONGEST_LATENCY_S, 0, _LONGEST_LATENCY_S), writes=True),
    "set_sensitivity": dfrobot.command(lambda args: f"setSensitivity {args.number('level', 0, 9)}", writes=True),
    "set_uart_output": dfrobot.command(
        lambda args: f"setUartOutput 1 {args.choice('on', {True: 1, False: 0})}", writes=True
    ),
}
SESSION: Final = dfrobot.session()
SETTINGS: Final = (Ask("read_range"),)
