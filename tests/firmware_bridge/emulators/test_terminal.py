"""A pseudo-terminal behaves as a serial line with a device on it."""

from __future__ import annotations

import select
from pathlib import Path

import serial

from firmware_bridge.direct import DirectLine
from firmware_bridge.drivers import DRIVERS
from firmware_bridge.emulators.terminal import Terminal
from firmware_bridge.port import open_port
from tests.fixtures.hadir_command import eventually


def listen(port: Path) -> serial.Serial:
    return serial.Serial(str(port), 256_000, timeout=10)


def test_what_was_sent_before_anybody_listened_is_lost(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "radar")
    try:
        terminal.send(b"yesterday")
        with listen(tmp_path / "radar") as line:
            assert terminal.opened
            terminal.send(b"today")
            assert line.read(5) == b"today"
        assert not terminal.opened
        terminal.send(b"after closing")
        with listen(tmp_path / "radar") as line:
            terminal.send(b"again")
            assert line.read(5) == b"again"
    finally:
        terminal.close()


def test_a_host_that_takes_all_there_is_finds_nothing_of_before(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "radar")
    try:
        for sending in (b"first", b"second"):
            terminal.send(b"yesterday")
            port = open_port(terminal.name, 256_000)
            terminal.send(sending)
            assert select.select([port.fd], [], [], 10)[0]
            assert port.read() == sending
            terminal.send(b"left unread")
            port.close()
    finally:
        terminal.close()


def test_a_cut_frame_is_damage_unless_it_is_the_first(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "radar")
    report = bytes.fromhex("f4f3f2f10d0002aa0000000000003700005500f8f7f6f5")
    port = open_port(terminal.name, 256_000)
    try:
        line = DirectLine(port, "radar", DRIVERS["ld2410"], {})
        terminal.send(report[:9] + report)
        assert eventually(lambda: line.listen(0.1))
        assert line.damaged == 0
        terminal.send(report[:9] + report)
        assert eventually(lambda: line.listen(0.1))
        assert line.damaged == 1
    finally:
        port.close()
        terminal.close()


def test_a_host_that_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "radar")
    try:
        with listen(tmp_path / "radar"):
            taken = sum(terminal.send(bytes(1_000)) for _ in range(1_000))
            assert 0 < taken < 1_000_000
            # The kernel hands over to the host's end when it has time.
            assert eventually(lambda: terminal.unread) <= taken
    finally:
        terminal.close()


def test_the_name_goes_with_its_terminal_unless_another_took_it_over(tmp_path: Path) -> None:
    first, second = Terminal(tmp_path / "radar"), Terminal(tmp_path / "radar")
    first.close()
    assert (tmp_path / "radar").readlink() == Path(second.name)
    second.close()
    assert list(tmp_path.iterdir()) == []
