"""`hadir decode`: bytes of a sensor in, readings out, as JSON lines."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec

from firmware_bridge.commands import decode_reply, encode_command
from firmware_bridge.drivers import DRIVERS, driver_named
from firmware_bridge.resync import Damage, Decoded, Result
from hadir.output import json_line
from hadir.settings import Settings
from presence.errors import BadInput, DamagedFrame
from presence.quantities import TRUTHS

NAME = "decode"
HELP = "bytes of a sensor in, readings out; commands to bytes and replies to words"

_CHUNK = 64 * 1024
_STDIN = "-"
_T = TypeVar("_T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    serial = kinds.add_parser("serial", help="bytes of a serial line to readings")
    serial.add_argument("--driver", metavar="D", help=f"whose bytes they are: {', '.join(DRIVERS)}")
    serial.add_argument(
        "--driver-config",
        metavar="JSON",
        default="{}",
        help="the driver's configuration, as `config` of a source in a site file",
    )
    serial.add_argument(
        "--hex", action="store_true", help="the input is hexadecimal text, spaces and lines as you like"
    )
    serial.add_argument("--batch", metavar="FILE", help="a vectors file: JSON list of id, driver, hex, config")
    serial.add_argument("file", nargs="?", default=_STDIN, metavar="FILE", help="default: standard input")
    command = kinds.add_parser("command", help="commands to bytes, replies to words")
    command.add_argument("--batch", metavar="FILE", required=True, help="a commands file: id, driver, command, args, …")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.kind == "command":
        return _told(_commands(arguments.batch))
    if arguments.batch is not None:
        return _told(_vectors(arguments.batch))
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
        yield _unhexed(line.decode("ascii", errors="replace"), _name(file), line=number)


def _unhexed(text: str, source: str, *, line: int | None = None, field: str | None = None) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise BadInput(
            source, "no hexadecimal bytes", line=line, field=field, remedy="write two digits 0-9 a-f a byte"
        ) from None


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


def _told(lines: Iterable[dict[str, Any]]) -> int:
    """Prints them; status 1 when one is an error."""
    status = 0
    for line in lines:
        print(json_line(line))
        status |= "error" in line
    return status


class _Vector(msgspec.Struct):
    id: str
    driver: str
    hex: str
    config: dict[str, Any] = {}  # msgspec copies it


class _Asked(msgspec.Struct):
    id: str
    driver: str
    command: str
    args: dict[str, Any] = {}
    reply_hex: str | None = None


def _vectors(file: str) -> Iterator[dict[str, Any]]:
    for place, vector in enumerate(_list_in(file, _Vector)):
        stream = _unhexed(vector.hex, file, field=f"[{place}].hex")
        try:
            decoder = driver_named(vector.driver, file).driver(vector.config)
        except BadInput as error:
            yield {"id": vector.id, "error": _without_source(error)}
        else:
            yield {"id": vector.id, "readings": list(result_lines(decoder.feed(stream)))}


def _commands(file: str) -> Iterator[dict[str, Any]]:
    for place, asked in enumerate(_list_in(file, _Asked)):
        reply = None if asked.reply_hex is None else _unhexed(asked.reply_hex, file, field=f"[{place}].reply_hex")
        told: dict[str, Any] = {"id": asked.id}
        try:
            driver = driver_named(asked.driver, file)
            told["hex"] = encode_command(driver, asked.command, asked.args).hex()
            if reply is not None:
                told["reply"] = decode_reply(driver, asked.command, asked.args, reply)
        except BadInput as error:
            told["error"] = _without_source(error)
        except DamagedFrame as error:
            told["error"] = str(error)
        yield told


def _list_in(file: str, kind: type[_T]) -> list[_T]:
    try:
        return msgspec.json.decode(Path(file).read_bytes(), type=list[kind])  # type: ignore[valid-type]
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise BadInput(file, str(error), remedy="write a JSON list as in tests/vectors/serial") from None


def _without_source(error: BadInput) -> str:
    """The line names the vector, so the file need not stand in it too."""
    return str(error).removeprefix(f"{error.source}: ").removeprefix(f"{error.source}:")
