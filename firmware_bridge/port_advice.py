"""What there is to do about the serial ports of a machine, from what is known of them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from firmware_bridge.ports import Access, SerialPort

_BRLTTY_TAKES = (0x1A86, 0x7523)


class Heard(NamedTuple):
    """What came from a port. `driver` None: nobody understands it; `refused`: why it could not be opened."""

    driver: str | None = None
    baud: int | None = None
    size: int = 0
    refused: str | None = None


class Wanted(NamedTuple):
    """A port that settings name, and for which sensor."""

    port: str
    node: str
    sensor: str
    driver: str


class Advice(NamedTuple):
    """`urgent`: nothing works before it is done; else it will go wrong one day."""

    port: str | None
    problem: str
    remedy: str
    urgent: bool = True


def advice(
    ports: Sequence[SerialPort],
    accesses: Mapping[str, Access],
    heard: Mapping[str, Heard],
    wanted: Sequence[Wanted],
    meddlers: Sequence[str],
    user: str,
) -> Iterator[Advice]:
    """All there is to do. `accesses`: by device; `heard`: by the port's name, as wanted or as device."""
    if not ports and not wanted:
        yield Advice(
            None,
            "this machine has no serial port",
            "plug a sensor's USB adapter in and look at `dmesg | tail`; one without driver shows in `lsusb` only",
        )
    yield from _programs(ports, meddlers)
    yield from _names(ports, wanted)
    for port in ports:
        yield from _access(port.device, accesses[port.device], user)
    yield from _wanted(wanted, accesses, heard)


def _programs(ports: Sequence[SerialPort], meddlers: Sequence[str]) -> Iterator[Advice]:
    if "ModemManager" in meddlers and ports:
        remedy = "sudo systemctl disable --now ModemManager, where no modem is used"
        yield Advice(None, "ModemManager runs and asks every new port whether it is a modem", remedy, urgent=False)
    if any((port.vendor, port.product) == _BRLTTY_TAKES for port in ports) and "brltty" in meddlers:
        remedy = "sudo apt remove brltty, where no braille display is used"
        yield Advice(None, "brltty runs and takes CH340 adapters for braille displays", remedy)


def _names(ports: Sequence[SerialPort], wanted: Sequence[Wanted]) -> Iterator[Advice]:
    alike = Counter(_identity(port) for port in ports if port.vendor is not None)
    by_id = {one.port for one in wanted if one.port.startswith("/dev/serial/by-id/")}
    for port in ports:
        count = alike[_identity(port)]
        if count > 1 or (port.by_id in by_id and port.serial is None):
            why = "no serial number" if port.serial is None else f"the serial number {port.serial} as {count - 1} more"
            remedy = f"name it by its USB socket: {port.by_path or 'its link below /dev/serial/by-path'}"
            yield Advice(
                port.device, f"its adapter has {why}, so that by-id cannot tell it from another", remedy, False
            )
    for one in wanted:
        if one.port.startswith(("/dev/ttyUSB", "/dev/ttyACM")):
            better = next((port.by_path for port in ports if port.device == one.node), None)
            remedy = f"name {better or 'its link below /dev/serial/by-path'}"
            yield Advice(one.port, f"sensor {one.sensor} is named by a number that changes", remedy, urgent=False)


def _identity(port: SerialPort) -> tuple[int | None, int | None, str | None]:
    return port.vendor, port.product, port.serial


def _access(device: str, access: Access, user: str) -> Iterator[Advice]:
    if not access.may_open:
        remedy = f"sudo usermod -aG {access.group} {user}, then log in again"
        yield Advice(device, f"user {user} may not open it; members of group {access.group} may", remedy)
    if others := [holder for holder in access.holders if not holder.startswith("hadir")]:
        yield Advice(device, f"is held by {', '.join(others)}", "end that program, or name another port")


def _wanted(wanted: Sequence[Wanted], accesses: Mapping[str, Access], heard: Mapping[str, Heard]) -> Iterator[Advice]:
    first: dict[str, Wanted] = {}
    for one in wanted:
        before = first.setdefault(one.node, one)
        if before.port != one.port:
            problem = f"sensor {one.sensor}: is the same port as {before.port}, which is sensor {before.sensor}'s"
            yield Advice(one.port, problem, "name each port once")
        found = heard.get(one.port)
        held = accesses.get(one.node)
        if found is None or (held and (held.holders or not held.may_open)):
            continue  # said above, or in the hands of a bridge
        if found.refused is not None:
            says, _, remedy = found.refused.partition("; ")
            yield Advice(one.port, f"sensor {one.sensor}: {says}", remedy or "plug it in, or name another port")
        elif found.driver is None and found.size:
            problem = f"sensor {one.sensor}: {found.size} bytes came that are not understood"
            yield Advice(one.port, problem, "check driver and rate with `hadir bridge probe`, then ground and cable")
        elif found.driver is None:
            problem, remedy = f"sensor {one.sensor}: nothing came", "check power, and that its TX is wired to RX here"
            yield Advice(one.port, problem, f"{remedy}; one that speaks only when asked is heard by the bridge alone")
        elif found.driver != one.driver:
            problem = f"sensor {one.sensor}: speaks as {found.driver}, not as {one.driver}"
            yield Advice(one.port, problem, f"plug in the right one, or write driver: {found.driver}")
