"""What a technician is advised to do, from what is known of the ports."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from firmware_bridge.port_advice import Advice, Heard, Wanted, advice
from firmware_bridge.ports import Access, SerialPort, access, is_placeholder, lasting_name, meddlers
from tests.fixtures.pseudo_terminal import PseudoTerminal

CH340 = (0x1A86, 0x7523)
MINE = Access(may_open=True, group="dialout")


def adapter(number: int, usb: tuple[int, int] = CH340, serial: str | None = None) -> SerialPort:
    path = f"/dev/serial/by-path/usb-{number}-port0"
    return SerialPort(f"/dev/ttyUSB{number}", "CH340", *usb, serial, "/dev/serial/by-id/usb-1a86-port0", path)


def advised(
    *ports: SerialPort,
    accesses: dict[str, Access] | None = None,
    heard: dict[str, Heard] | None = None,
    wanted: Sequence[Wanted] = (),
    meddling: Sequence[str] = (),
) -> list[Advice]:
    known = {port.device: MINE for port in ports} | (accesses or {})
    return list(advice(ports, known, heard or {}, wanted, meddling, "budi"))


def wants(port: str, sensor: str = "a", node: str | None = None) -> Wanted:
    return Wanted(port, node or port, sensor, "ld2410")


def test_a_machine_without_ports_is_told_where_to_look() -> None:
    (none,) = advised()
    assert none.problem == "this machine has no serial port"
    assert none.remedy.startswith("plug a sensor's USB adapter in and look at `dmesg | tail`")


def test_one_port_that_is_ours_needs_nothing() -> None:
    assert advised(adapter(0)) == []


def test_adapters_that_cannot_be_told_apart_are_named_by_their_sockets() -> None:
    first, second = advised(adapter(0), adapter(1))
    assert first == Advice(
        "/dev/ttyUSB0",
        "its adapter has no serial number, so that by-id cannot tell it from another",
        "name it by its USB socket: /dev/serial/by-path/usb-0-port0",
        urgent=False,
    )
    assert second.port == "/dev/ttyUSB1"
    clones = [adapter(number, (0x10C4, 0xEA60), "0001") for number in range(2)]
    assert [each.problem for each in advised(*clones)] == [
        "its adapter has the serial number 0001 as 1 more, so that by-id cannot tell it from another"
    ] * 2
    assert advised(adapter(0, serial="A1"), adapter(1, serial="A2")) == []


def test_a_port_that_may_not_be_opened_names_its_group() -> None:
    (told,) = advised(adapter(0), accesses={"/dev/ttyUSB0": Access(may_open=False, group="dialout")})
    assert told.problem == "user budi may not open it; members of group dialout may"
    assert told.remedy == "sudo usermod -aG dialout budi, then log in again"


def test_a_port_in_other_hands_is_told_but_not_one_in_those_of_a_bridge() -> None:
    held = Access(may_open=True, group="dialout", holders=("getty (7)",))
    (told,) = advised(adapter(0), accesses={"/dev/ttyUSB0": held})
    assert (told.problem, told.remedy) == ("is held by getty (7)", "end that program, or name another port")
    assert advised(adapter(0), accesses={"/dev/ttyUSB0": held._replace(holders=("hadir (8)",))}) == []


def test_programs_that_meddle_are_named_where_they_can() -> None:
    both = ("ModemManager", "brltty")
    assert [each.urgent for each in advised(adapter(0), meddling=both)] == [False, True]
    assert [each.problem[:12] for each in advised(adapter(0, (0x403, 0x6001), "A1"), meddling=both)] == ["ModemManager"]


PORT = "/dev/serial/by-path/usb-0-port0"


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (Heard("ld2410", 256_000, 300), None),
        (Heard("ld2450", 256_000, 300), "sensor a: speaks as ld2450, not as ld2410"),
        (Heard(size=300), "sensor a: 300 bytes came that are not understood"),
        (Heard(), "sensor a: nothing came"),
        (Heard(refused="is not there; is it plugged in?"), "sensor a: is not there"),
    ],
)
def test_what_is_heard_is_held_against_what_is_wanted(found: Heard, problem: str | None) -> None:
    told = advised(adapter(0), heard={PORT: found}, wanted=[wants(PORT, node="/dev/ttyUSB0")])
    assert [each.problem for each in told] == ([] if problem is None else [problem])


def test_names_that_change_and_ports_that_are_named_twice_are_told() -> None:
    told = advised(adapter(0), wanted=[wants("/dev/ttyUSB0"), wants(PORT, "b", node="/dev/ttyUSB0")])
    assert [(each.problem, each.remedy) for each in told] == [
        ("sensor a is named by a number that changes", f"name {PORT}"),
        ("sensor b: is the same port as /dev/ttyUSB0, which is sensor a's", "name each port once"),
    ]


def test_who_has_a_port_open_is_read_from_the_kernel(pseudo_terminal: Callable[[str], PseudoTerminal]) -> None:
    device = os.path.realpath(pseudo_terminal("radar").path)
    assert access(device).holders == ()
    opened = os.open(device, os.O_RDWR | os.O_NOCTTY)
    try:
        (holder,) = access(device).holders
    finally:
        os.close(opened)
    assert holder.endswith(f"({os.getpid()})")
    with pytest.raises(FileNotFoundError):
        access(device + "-gone")


def test_names_of_ports_and_programs_are_read_from_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "comm").write_text("ModemManager\n")
    (tmp_path / "8").mkdir()
    assert meddlers(tmp_path) == ["ModemManager"]
    (tmp_path / "tty").touch()
    (tmp_path / "by-path").mkdir()
    (tmp_path / "by-path" / "usb-1").symlink_to("../tty")
    assert lasting_name(str(tmp_path / "tty"), tmp_path / "by-path") == str(tmp_path / "by-path" / "usb-1")
    assert lasting_name(str(tmp_path / "other"), tmp_path / "by-path") is None
    assert lasting_name(str(tmp_path / "tty"), tmp_path / "none") is None
    (tmp_path / "ttyS1").mkdir()
    (tmp_path / "ttyS1" / "type").write_text("0\n")
    assert is_placeholder("/dev/ttyS1", tmp_path)
    assert not is_placeholder("/dev/ttyUSB0", tmp_path)
