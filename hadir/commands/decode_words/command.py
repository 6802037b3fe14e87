"""`hadir decode command`: commands to bytes, and replies to what they say, as JSON lines."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import msgspec

from firmware_bridge.commands import decode_reply, encode_command
from firmware_bridge.drivers import driver_named
from hadir.settings import Settings
from hadir.vectors_file import VectorsFile, told, without_source
from presence.errors import BadInput, DamagedFrame

HELP = "commands to bytes, replies to words"


class _Asked(msgspec.Struct):
    id: str
    driver: str
    command: str
    args: dict[str, Any] = {}
    reply_hex: str | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batch", metavar="FILE", required=True, help="a commands file: id, driver, command, args, …")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    return told(_commands(VectorsFile(arguments.batch, _Asked, "tests/vectors/serial")))


def _commands(file: VectorsFile) -> Iterator[dict[str, Any]]:
    for place, asked in enumerate(file.vectors):
        reply = None
        if asked.reply_hex is not None:
            reply = file.bytes_of(asked.reply_hex, place, "reply_hex")
        line: dict[str, Any] = {"id": asked.id}
        try:
            driver = driver_named(asked.driver, file.name)
            line["hex"] = encode_command(driver, asked.command, asked.args).hex()
            if reply is not None:
                line["reply"] = decode_reply(driver, asked.command, asked.args, reply)
        except BadInput as error:
            line["error"] = without_source(error)
        except DamagedFrame as error:
            line["error"] = str(error)
        yield line
