"""HLK-LD2450, Ai-Thinker Rd-03D: 24 GHz radar that tells up to three bodies apart, 256000 baud, ten reports a second.

    AA FF 03 00 | 3 slots | 55 CC
    slot   x mm, y mm, speed cm/s: LE16, bit 15 set = positive | resolution mm LE16     eight 00: empty

y is in front of it, up to 6 m; a negative speed comes nearer. A body keeps its slot, so that the first may be empty
when the second is not. Who sits motionless fades out: it counts people who move, it does not prove that nobody is
there. No checksum. Some firmware leaves the factory at another rate until the rate is set anew; some units repeat one
report for seconds, or answer no command until their power is cut.

Sources: HLK-LD2450 instruction manual V1.00, serial protocol V1.03, user guide; Ai-Thinker Rd-03D V2 manual;
TillFleisch/ESPHome-HLK-LD2450@2b87f7f; esphome/esphome issue 12495.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from firmware_bridge import hilink
from firmware_bridge.commands import Arguments, Ask, Command, ReadBack, Told, differing
from firmware_bridge.frames import FrameKind, FrameStream
from firmware_bridge.resync import Answer, Decoded, Result
from firmware_bridge.waking import Waking
from presence.errors import DamagedFrame

NAME: Final = "ld2450"
TITLE: Final = "HLK-LD2450, Ai-Thinker Rd-03D: radar that follows up to three people"
BAUD: Final = 256_000
SILENT_AFTER_MS: Final = 5_000
EXAMPLE: Final[Mapping[str, Any]] = {"tracking": "multi"}

HEADER: Final = b"\xaa\xff\x03\x00"
TAIL: Final = b"\x55\xcc"
SLOTS: Final = 3
SLOT: Final = struct.Struct("<4H")
EMPTY: Final = bytes(SLOT.size)
LENGTH: Final = len(HEADER) + SLOTS * SLOT.size + len(TAIL)
_POSITIVE = 0x8000


class Ld2450:
    """Reports of one radar to readings. `tracking`: single or multi, whichever it shall do; None: either will do."""

    def __init__(self, tracking: str | None = None) -> None:
        self._tracking = tracking
        self._seen_tracking: str | None = None
        self._waking = Waking(hilink.END_SESSION)
        self._stream = FrameStream[Decoded | Answer](
            FrameKind(re.escape(HEADER), len(HEADER), lambda _buffer, _at: LENGTH, self._report), hilink.ANSWERS
        )

    def feed(self, data: bytes) -> Sequence[Result]:
        """Readings, damages and answers in the order of their frames; `data` in chunks of any size."""
        results = self._stream.feed(data)
        self._waking.seen(results)
        for result in results:
            self._look(result)
        return results

    @property
    def strayed(self) -> bool:
        """Whether it was last known to track otherwise than was asked for: two bodies at once show that it tracks
        several; that it tracks one, only its answer does."""
        return self._tracking is not None and self._seen_tracking not in (None, self._tracking)

    def outgoing(self, at_ms: int) -> bytes:
        """An end of its session for one that has been silent for long, else nothing: it speaks by itself."""
        return self._waking.outgoing(at_ms)

    def _report(self, whole: bytes) -> Decoded:
        if not whole.endswith(TAIL):
            raise DamagedFrame(LENGTH - len(TAIL), "wrong tail")
        return Decoded(_values(whole))

    def _look(self, result: Result) -> None:
        match result:
            case Decoded(values) if values["target_count"] > 1:
                self._seen_tracking = "multi"
            case Answer(whole):
                reply = hilink.reply_in(*hilink.parse_frame(whole))
                if reply and reply.ok and reply.word == _READ_TRACKING:
                    self._seen_tracking = _TOLD_TRACKING.get(int.from_bytes(reply.value[:2], "little"))


def _values(whole: bytes) -> dict[str, float]:
    values: dict[str, float] = {}
    count = 0
    for slot in range(SLOTS):
        at = len(HEADER) + slot * SLOT.size
        if whole.startswith(EMPTY, at):
            continue
        count += 1
        x, y, speed, resolution = SLOT.unpack_from(whole, at)
        values[f"x{slot + 1}"] = signed(x) / 1_000
        values[f"y{slot + 1}"] = signed(y) / 1_000
        values[f"speed{slot + 1}"] = signed(speed) / 100
        values[f"resolution{slot + 1}"] = resolution / 1_000
    values["target_count"] = count
    values["presence"] = float(count > 0)
    return values


def signed(raw: int) -> int:
    """The number that a report means by `raw`; both 0000 and 8000 are 0."""
    return raw & ~_POSITIVE if raw & _POSITIVE else -raw


def as_reported(number: int) -> int:
    """How a report writes `number`, -32767 to 32767."""
    return number | _POSITIVE if number >= 0 else -number


def driver(config: Mapping[str, Any]) -> Ld2450:
    """`config`: `{"tracking": "multi"}`, or "single", or neither. Raises BadInput."""
    arguments = Arguments(NAME, "config", config)
    if arguments.given("tracking"):
        arguments.choice("tracking", _TRACKING)
    arguments.refuse_others()
    return Ld2450(config.get("tracking"))


def setup(config: Mapping[str, Any]) -> Sequence[Ask]:
    """Nothing without a configured tracking: the device is left as it is then."""
    match config.get("tracking"):
        case None:
            return ()
        case tracking:
            return Ask("read_firmware"), Ask("read_tracking"), Ask("set_tracking", {"tracking": tracking})


# Commands: a word, what makes its value from the arguments, and what its reply's value tells. Zones are rectangles of
# two corners, x1 y1 x2 y2; unlike reports they are written in two's complement.

_TRACKING = {"single": 0x80, "multi": 0x90}
_TOLD_TRACKING = {1: "single", 2: "multi"}
_READ_TRACKING = 0x91
_ZONE_MODES = {"off": 0, "include": 1, "exclude": 2}
_ZONES = struct.Struct("<H12h")
_FARTHEST_M = 32.767


def _set_tracking() -> Command:
    """One word for each way, without a value."""
    by_way = {way: hilink.command(word) for way, word in _TRACKING.items()}

    def request(args: Arguments) -> bytes:
        return hilink.frame(args.choice("tracking", _TRACKING))

    def reply(whole: bytes, args: Mapping[str, Any]) -> Told:
        read = by_way[args["tracking"]].reply
        assert read is not None
        return read(whole, args)

    return Command(request, reply, writes=True, read_back=ReadBack("read_tracking"))


def _tracking_told(value: bytes) -> Told:
    return {"tracking": _TOLD_TRACKING[struct.unpack_from("<H", value)[0]]}


def _zones(args: Arguments) -> bytes:
    mode = args.choice("mode", _ZONE_MODES)
    zones = args.rows("zones", 3, 4, -_FARTHEST_M, _FARTHEST_M)
    return _ZONES.pack(mode, *(_mm(metres) for zone in zones for metres in zone))


def _mm(metres: float) -> int:
    return round(metres * 1_000)


def _zones_told(value: bytes) -> Told:
    mode, *corners = _ZONES.unpack_from(value)
    metres = [each / 1_000 for each in corners]
    return {"mode": tuple(_ZONE_MODES)[mode], "zones": [metres[at : at + 4] for at in range(0, 12, 4)]}


def _zones_differ(written: Mapping[str, Any], told: Told) -> str | None:
    rounded = [[_mm(metres) / 1_000 for metres in zone] for zone in written["zones"]]
    return differing({"mode": written["mode"], "zones": rounded}, told)


COMMANDS: Final[Mapping[str, Command]] = {
    "enable_config": hilink.enable_config(1),
    "end_config": hilink.END,
    "set_tracking": _set_tracking(),
    "read_tracking": hilink.command(_READ_TRACKING, told=_tracking_told),
    "set_zones": hilink.command(0xC2, _zones, writes=True, read_back=ReadBack("read_zones", differs=_zones_differ)),
    "read_zones": hilink.command(0xC1, told=_zones_told),
    **hilink.COMMON,
}
SESSION: Final = hilink.SESSION
SETTINGS: Final = (Ask("read_firmware"), Ask("read_tracking"), Ask("read_zones"), Ask("read_mac"))
