"""One request to the device on a port that no bridge holds: opened, asked, closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from firmware_bridge.commands import Ask
from firmware_bridge.direct import DirectLine, PortLost, open_by_hand
from firmware_bridge.drivers import DriverModule
from firmware_bridge.requests import (
    DeviceWork,
    ListCommands,
    ReadSettings,
    Reply,
    Stream,
    failure,
    list_reply,
    outcome_reply,
    settings_reply,
    work_of,
)
from presence.errors import BadInput


def ask_port(
    name: str, baud: int, module: DriverModule, config: Mapping[str, Any], asks: Sequence[Ask], *, timeout_s: float
) -> Reply:
    """The reply to `asks` of the device at port `name`. Raises BadInput for what cannot be asked, or opened."""
    work = work_of(module, asks)
    match work:
        case ListCommands():
            return list_reply(module, None, asks)
        case Stream():
            remedy = "see `hadir bridge stream --help`"
            raise BadInput(module.NAME, "is done by a bridge", field="stream", remedy=remedy)
    try:
        with closing(open_by_hand(name, baud)) as port:
            outcome = DirectLine(port, name, module, config).ask(work.asks, timeout_s=timeout_s)
    except PortLost as lost:
        return failure(None, asks, str(lost), "port")
    match work:
        case ReadSettings():
            return settings_reply(None, asks, outcome)
        case DeviceWork():
            return outcome_reply(None, asks, outcome)
