"""The serial ports of this machine as they are: adapter, lasting names, who may open them and who has them open.

Beside port.py the only place that knows pyserial. Source of USB ids: linux/drivers/usb/serial, brltty's udev rules.
"""

from __future__ import annotations

import contextlib
import grp
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from serial.tools import list_ports

_PROC = Path("/proc")
_TTYS = Path("/sys/class/tty")
_LINKS = Path("/dev/serial")
_ADAPTERS = {
    (0x1A86, 0x7523): "CH340", (0x1A86, 0x5523): "CH341", (0x1A86, 0x55D3): "CH343", (0x1A86, 0x55D4): "CH9102",
    (0x10C4, 0xEA60): "CP2102", (0x10C4, 0xEA70): "CP2105", (0x0403, 0x6001): "FT232R", (0x0403, 0x6010): "FT2232",
    (0x0403, 0x6011): "FT4232", (0x0403, 0x6015): "FT-X", (0x067B, 0x2303): "PL2303", (0x303A, 0x1001): "ESP32",
    (0x2341, 0x0043): "Arduino Uno",
}  # fmt: skip
_UNDESCRIBED = "n/a"  # as pyserial says it
# They open what they find, to ask whether it is a modem, or a braille display.
MEDDLERS = ("ModemManager", "brltty")


class SerialPort(NamedTuple):
    """`adapter`: in words; `serial`: the adapter's own number, None for one without, as all CH340 are."""

    device: str
    adapter: str
    vendor: int | None = None
    product: int | None = None
    serial: str | None = None
    by_id: str | None = None
    by_path: str | None = None


class Access(NamedTuple):
    """`may_open`: whether this user may; `group`: whose members may; `holders`: programs that have it open."""

    may_open: bool
    group: str
    holders: tuple[str, ...] = ()


def serial_ports() -> list[SerialPort]:
    """Those with a device behind them, by name."""
    found = []
    for one in sorted(list_ports.comports(), key=lambda one: str(one.device)):
        if is_placeholder(one.device):
            continue
        known = _ADAPTERS.get((one.vid, one.pid))
        said = "on the board itself" if one.description == _UNDESCRIBED else one.description
        adapter = " ".join(filter(None, (known, one.product or (None if known else said))))
        links = {name: lasting_name(one.device, _LINKS / name) for name in ("by-id", "by-path")}
        number = one.serial_number or None
        found.append(SerialPort(one.device, adapter, one.vid, one.pid, number, links["by-id"], links["by-path"]))
    return found


def is_placeholder(device: str, tty_class: Path = _TTYS) -> bool:
    """Whether the kernel keeps the name for a UART that the board does not have (PORT_UNKNOWN)."""
    try:
        return (tty_class / Path(device).name / "type").read_text().strip() == "0"
    except OSError:
        return False


def lasting_name(device: str, folder: Path) -> str | None:
    """The link in `folder` that leads to `device`; None when there is none."""
    with contextlib.suppress(OSError):
        for link in sorted(folder.iterdir()):
            if os.path.realpath(link) == os.path.realpath(device):
                return str(link)
    return None


def access(device: str, proc: Path = _PROC) -> Access:
    """Who may open `device`, and who has. Raises FileNotFoundError when it is not there."""
    gid = os.stat(device).st_gid
    try:
        group = grp.getgrgid(gid).gr_name
    except KeyError:
        group = str(gid)
    return Access(os.access(device, os.R_OK | os.W_OK), group, tuple(_holders(os.path.realpath(device), proc)))


def _holders(node: str, proc: Path) -> Iterator[str]:
    """As far as this user may see them: root sees all, others their own."""
    for process in _processes(proc):
        with contextlib.suppress(OSError):
            if any(os.path.realpath(fd) == node for fd in (process / "fd").iterdir()):
                yield f"{_name(process)} ({process.name})"


def meddlers(proc: Path = _PROC) -> list[str]:
    """Programs that run here and are known to open ports that are not theirs."""
    running = {_name(process) for process in _processes(proc)}
    return [name for name in MEDDLERS if name in running]


def _processes(proc: Path) -> Iterable[Path]:
    return sorted(entry for entry in proc.iterdir() if entry.name.isdigit())


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return ""
