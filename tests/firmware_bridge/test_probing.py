"""The search on a true port."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from firmware_bridge import probe
from firmware_bridge.direct import PortLost
from firmware_bridge.probing import probe_port
from tests.fixtures.hadir_command import eventually
from tests.fixtures.pseudo_terminal import PseudoTerminal


def test_a_port_that_is_lost_while_it_is_written_to_is_named(
    pseudo_terminal: Callable[[str], PseudoTerminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "LISTEN_S", 0.01)
    terminal = pseudo_terminal("radar")

    def tell(doing: str) -> None:
        if doing.startswith("asking"):  # which is followed by the end of what is asked
            eventually(lambda: terminal.opened)
            terminal.unplug()

    with pytest.raises(PortLost, match=f"^{terminal.path}: was unplugged"):
        probe_port(str(terminal.path), threading.Event(), tell=tell)
