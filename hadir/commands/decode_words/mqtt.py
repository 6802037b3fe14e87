"""`hadir decode mqtt`: one payload of a convention, or a file of them, to what it says, as JSON lines."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from hadir.output import json_line
from hadir.settings import Settings
from hadir.source_config import source_config
from hadir.vectors_file import VectorsFile, told
from presence.errors import BadInput, DamagedFrame
from presence.foreign_text import printable
from presence.site_values import did_you_mean

if TYPE_CHECKING:
    from hadir.one_message import Said

HELP = "one MQTT payload to readings"

_WHERE = "hadir decode mqtt"
_STATUS = """A damaged payload is told by a line {"error": …}, and why one says nothing on stderr. The exit status is
0 all the same, as of `hadir decode serial`; it is 2 when the command is wrong."""
_STDIN = "-"
_LARGEST_GIANT = 64 * 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _STATUS
    parser.add_argument("--topic", metavar="T", help="the topic on which it came")
    parser.add_argument("--convention", metavar="C", help="whose way of speaking it is; default: told by the topic")
    parser.add_argument("--profile", metavar="P", help="the payload profile of the device's model")
    parser.add_argument("--source-config", metavar="JSON", help="as `config` of a source in a site file")
    parser.add_argument("--retain", action="store_true", help="it came retained: of the past")
    parser.add_argument(
        "--batch", metavar="FILE", help="a payloads file: JSON list of id, topic, payload, convention, …"
    )
    parser.add_argument("file", nargs="?", default=_STDIN, metavar="FILE", help="the payload; default: standard input")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.batch is not None:
        if arguments.topic is not None or arguments.file != _STDIN:
            remedy = "leave --topic and FILE out"
            raise BadInput(_WHERE, "the vectors have their own topics and payloads", field="--batch", remedy=remedy)
        return told(_batch(arguments.batch))
    if arguments.topic is None:
        raise BadInput(_WHERE, "no topic", field="--topic", remedy="give --topic T, or --batch FILE")
    return _single(arguments)


# One payload


def _single(arguments: argparse.Namespace) -> int:
    from collector.conventions.convention import Message
    from hadir.composition import now_ms
    from hadir.heard_lines import whole_line
    from hadir.one_message import why_nobody
    from hadir.silence import Asked, hint

    _check_convention(arguments.convention)
    config = None if arguments.source_config is None else source_config(arguments.source_config, _WHERE)
    asked = Asked(arguments.topic, arguments.convention, arguments.profile, config)
    decoders = asked.decoders()
    if not decoders.listens(arguments.topic):
        problem, remedy = why_nobody(arguments.topic, arguments.convention)
        raise BadInput(_WHERE, f'"{printable(arguments.topic)}" {problem}', field="--topic", remedy=remedy)
    payload = sys.stdin.buffer.read() if arguments.file == _STDIN else Path(arguments.file).read_bytes()
    message = Message(arguments.topic, payload, None, None, arguments.retain, now_ms())
    heard: list[Said] | None = None
    damage: DamagedFrame | None = None
    try:
        heard = decoders.hear(message) or []
    except DamagedFrame as error:
        damage = error
    if (problem_of_source := decoders.wrong_profile(arguments.topic, heard or [])) is not None:
        raise BadInput(_WHERE, problem_of_source, field="--source-config" if arguments.profile is None else "--profile")
    if damage is not None:
        print(json_line({"error": damage.reason, "offset": damage.offset}))
    for said in heard or []:
        for one in said.heard:
            line = whole_line(one, message.received_ms)
            print(json_line(line if arguments.convention else {**line, "convention": said.convention}))
    # No failure: much of what a device sends says nothing of a sensor. But nobody should have to guess.
    if (told_of_it := hint(asked, message, heard)) is not None:
        print(told_of_it, file=sys.stderr)
    return 0


def _check_convention(name: str | None) -> None:
    from hadir.one_message import NAMES

    if name is not None and name not in NAMES:
        raise BadInput(_WHERE, f'no convention "{name}"', field="--convention", remedy=did_you_mean(name, NAMES))


# A payloads file


class _Vector(msgspec.Struct):
    id: str
    topic: str
    payload: str | dict[str, Any]
    convention: str | None = None
    profile: str | None = None
    config: dict[str, Any] | None = None
    retain: bool = False
    needs: list[str] = []  # msgspec copies it


class _Giant(msgspec.Struct):
    prefix: str
    repeat: str
    times: int
    suffix: str


def _batch(name: str) -> Iterator[dict[str, Any]]:
    from collector.conventions.convention import Message
    from hadir.composition import now_ms
    from hadir.heard_lines import summary
    from hadir.one_message import Decoders, why_nobody

    file = VectorsFile(name, _Vector, "tests/vectors/conventions")
    places = _places(file)
    received_ms = now_ms()

    def message_of(place: int) -> Message:
        vector = file.vectors[place]
        return Message(vector.topic, _payload(file, place), None, None, vector.retain, received_ms)

    for place, vector in enumerate(file.vectors):
        decoders = Decoders(vector.convention, vector.profile, vector.config)
        for needed in _needed(file, places, place):
            try:
                decoders.hear(message_of(needed))
            except DamagedFrame:
                continue  # of what cannot be understood nothing is learnt
        message = message_of(place)
        try:
            heard = decoders.hear(message)
        except DamagedFrame as error:
            yield {"id": vector.id, "rejected": True, "error": error.reason}
            continue
        if heard is None:
            problem, _ = why_nobody(vector.topic, vector.convention)
            yield {"id": vector.id, "rejected": True, "error": f"its topic {problem}"}
        else:
            yield {"id": vector.id, **summary([one for said in heard for one in said.heard], received_ms)}


def _places(file: VectorsFile) -> dict[str, int]:
    """Where the vectors stand, by id; all that can be wrong with them is told before the first is decoded."""
    from hadir.one_message import NAMES

    places: dict[str, int] = {}
    for place, vector in enumerate(file.vectors):
        if places.setdefault(vector.id, place) != place:
            raise file.wrong(place, "id", f'"{vector.id}" is taken by [{places[vector.id]}]', "write another")
        if vector.convention is not None and vector.convention not in NAMES:
            remedy = did_you_mean(vector.convention, NAMES)
            raise file.wrong(place, "convention", f'no convention "{vector.convention}"', remedy)
    for place, vector in enumerate(file.vectors):
        for n, needed in enumerate(vector.needs):
            if needed not in places:
                raise file.wrong(place, f"needs[{n}]", f'no vector "{needed}"', did_you_mean(needed, places))
        if not isinstance(vector.payload, str):
            _payload(file, place)
    return places


def _needed(file: VectorsFile, places: dict[str, int], place: int) -> list[int]:
    """The places of what a vector needs, and of what those need before them, each once."""
    found: dict[int, None] = {}
    below = {place}

    def add(needs: list[str]) -> None:
        for needed in needs:
            at = places[needed]
            if at not in below:
                below.add(at)
                add(file.vectors[at].needs)
                found[at] = None

    add(file.vectors[place].needs)
    return list(found)


def _payload(file: VectorsFile, place: int) -> bytes:
    """The bytes of a payload: text, `{"hex": …}`, or `{"gen": {prefix, repeat, times, suffix}}`. Raises BadInput."""
    payload = file.vectors[place].payload
    if isinstance(payload, str):
        return payload.encode()
    if payload.keys() == {"hex"} and isinstance(payload["hex"], str):
        return file.bytes_of(payload["hex"], place, "payload.hex")
    if payload.keys() != {"gen"}:
        remedy = 'write text, {"hex": …} or {"gen": {"prefix": …, "repeat": …, "times": …, "suffix": …}}'
        raise file.wrong(place, "payload", "is no payload", remedy)
    try:
        giant = msgspec.convert(payload["gen"], _Giant)
    except msgspec.ValidationError as error:
        raise file.wrong(place, "payload.gen", str(error), "write prefix, repeat, times, suffix") from None
    if not 0 <= giant.times * len(giant.repeat.encode()) <= _LARGEST_GIANT:
        raise file.wrong(place, "payload.gen.times", f"makes no payload of at most {_LARGEST_GIANT:,} bytes")
    return (giant.prefix + giant.repeat * giant.times + giant.suffix).encode()
