"""`hadir decode serial`: bytes of a sensor in, readings out, as JSON lines."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import msgspec

from firmware_bridge.drivers import DRIVERS, driver_named
from firmware_bridge.resync import Damage, Decoded, Result
from hadir.output import json_line
from hadir.settings import Settings
from hadir.vectors_file import VectorsFile, told, without_source
from presence.errors import BadInput
from presence.quantities import TRUTHS

HELP = "bytes of a serial line to readings"

_CHUNK = 64 * 1024
_STDIN = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--driver", metavar="D", help=f"whose bytes they are: {', '.join(DRIVERS)}")
    parser.add_argument(
        "--driver-config",
        metavar="JSON",
        default="{}",
        help="the driver's configuration, as `config` of a source in a site file",
    )
    parser.add_argument(
        "--hex", action="store_true", help="the input is hexadecimal text, spaces and lines as you like"
    )
    parser.add_argument("--batch", metavar="FILE", help="a vectors file: JSON list of id, driver, hex, config")
    parser.add_argument("file", nargs="?", default=_STDIN, metavar="FILE", help="default: standard input")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.batch is not None:
        return told(_vectors(VectorsFile(arguments.batch, _Vector, "tests/vectors/serial")))
    if arguments.driver is None:
        raise BadInput("hadir decode serial", "no driver", field="--driver", remedy="give --driver D, or --batch FILE")
    return _stream(arguments.driver, _config(arguments.driver_config), arguments.file, is_hex=arguments.hex)


def _config(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        remedy = """write a JSON object, as in '{"unit": 1}'"""
        raise BadInput("hadir decode serial", str(error), field="--driver-config", remedy=remedy) from None


def _stream(driver: str, config: dict[str, Any], file: str, *, is_hex: bool) -> int:
    module = driver_named(driver, "hadir decode serial", "--driver")
    decoder = module.driver(config)
    size, understood = 0, False
    with _opened(file) as source:
        for chunk in _from_hex(source, file) if is_hex else iter(lambda: source.read1(_CHUNK), b""):
            size += len(chunk)
            if lines := [json_line(line) for line in result_lines(decoder.feed(chunk))]:
                understood = True
                print("\n".join(lines), flush=True)
    if not understood:
        # No failure: answers to commands, or a frame that goes on, say nothing either. But nobody should have to guess.
        hint = f"is the baud rate {module.BAUD}" + ("" if is_hex else ", or is it hexadecimal text (--hex)")
        said = f"no reading of {driver} in {size} bytes; {hint}?" if size else "is empty"
        print(f"{_name(file)}: {said}", file=sys.stderr)
    return 0


def _name(file: str) -> str:
    return "standard input" if file == _STDIN else file


@contextmanager
def _opened(file: str) -> Iterator[Any]:
    """A buffered binary stream; it has `read1`, which `BinaryIO` does not know."""
    if file == _STDIN:
        yield sys.stdin.buffer
    else:
        with open(file, "rb") as opened:
            yield opened


def _from_hex(source: BinaryIO, file: str) -> Iterator[bytes]:
    for number, line in enumerate(source, 1):
        try:
            yield bytes.fromhex(line.decode("ascii", errors="replace"))
        except ValueError:
            remedy = "write two digits 0-9 a-f a byte"
            raise BadInput(_name(file), "no hexadecimal bytes", line=number, remedy=remedy) from None


def result_lines(results: Iterable[Result]) -> Iterator[dict[str, Any]]:
    """What is said of readings and damages; answers to commands are valid and say nothing here."""
    for result in results:
        if isinstance(result, Damage):
            yield {"error": result.reason, "offset": result.offset}
        elif isinstance(result, Decoded):
            yield _reading(result)


def _reading(result: Decoded) -> dict[str, Any]:
    values = {name: bool(value) if name in TRUTHS else value for name, value in result.values.items()}
    return {"values": values} if result.part is None else {"values": values, "part": result.part}


class _Vector(msgspec.Struct):
    id: str
    driver: str
    hex: str
    config: dict[str, Any] = {}  # msgspec copies it


def _vectors(file: VectorsFile) -> Iterator[dict[str, Any]]:
    for place, vector in enumerate(file.vectors):
        stream = file.bytes_of(vector.hex, place, "hex")
        try:
            decoder = driver_named(vector.driver, file.name).driver(vector.config)
        except BadInput as error:
            yield {"id": vector.id, "error": without_source(error)}
        else:
            yield {"id": vector.id, "readings": list(result_lines(decoder.feed(stream)))}
