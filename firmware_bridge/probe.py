"""Which sensor sits on a port, and at which rate: what to send and how long to listen; bytes and time are handed in.

First it only listens: 1.5 s at each rate, all decoders at once; the one with three whole frames wins. Only where
nothing at all was heard are the devices asked that speak when asked, those first that are harmed least. Modbus units
are never looked for: on a live bus every question to the wrong unit costs the others time.
Source: the protocol sheets of the drivers; Hi-Link protocols for what `enable config` answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from firmware_bridge import hilink
from firmware_bridge.drivers import DRIVERS, Driver, DriverModule
from firmware_bridge.resync import Damage, Decoded, headers, next_header
from presence.errors import BadInput, DamagedFrame

RATES = (115_200, 256_000, 9_600, 57_600, 38_400, 19_200, 230_400, 460_800, 921_600)
ENOUGH = 3  # whole frames
LISTEN_S = 1.5
# Some speak once a second or two: where one frame was understood, the others are waited for.
PATIENCE_S = 6.0
_ANSWER_S = 0.5

END = hilink.END_SESSION
_HILINK_RATES = tuple(rate for rate in RATES if rate in hilink.BAUDS)
_HILINK_HEADER = headers(hilink.HEADER)
# By the protocol that `enable config` is answered with.
_HILINK_KINDS = {1: ("ld2410", "ld2412", "ld2450"), 3: ("ld2410s",), 2: ("ld2420", "ld2402")}
_ENABLE = {value: hilink.frame(hilink.ENABLE_CONFIG, value.to_bytes(2, "little")) for value in (1, 2)}
_SEEED_HEARTBEAT = bytes.fromhex("5359010100010fbe5443")
_TFMINI_VERSION = bytes.fromhex("5a04015f")
_TFMINI_ANSWER = bytes.fromhex("5a0701")
_TRIGGER = b"\x55"
_GET_RANGE = b"\r\ngetRange\r\n"  # first ends what the questions before have left in its line

# Where both understand every frame it is the first: an LD2410's engineering report has marks that an LD2420's frame of
# the same length has only by chance.
_STRICTER = {("ld2410", "ld2420")}
# The second tells a distance too as soon as it sees somebody, the first never.
_WITHOUT_DISTANCE = {("mr24hpc1", "mr60bha")}


class Recognised(NamedTuple):
    """`frames`: understood ones. `also`: drivers that the same bytes fit as well. `parts`: sensors on the one line."""

    driver: str
    frames: int
    also: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


class Ear:
    """All decoders on one stream. Drivers that need a configuration are left out: nobody can know it."""

    def __init__(self, drivers: Mapping[str, DriverModule] = DRIVERS) -> None:
        self.heard = 0
        self.tail = b""  # the newest bytes, for answers that no decoder tells
        self._decoders = dict(_decoders(drivers))
        self._frames = dict.fromkeys(self._decoders, 0)
        self._damages = dict.fromkeys(self._decoders, 0)
        self._parts: dict[str, set[str]] = {name: set() for name in self._decoders}
        self._somebody = False

    def hear(self, data: bytes) -> None:
        self.heard += len(data)
        self.tail = (self.tail + data)[-1024:]
        for name, decoder in self._decoders.items():
            for result in decoder.feed(data):
                if isinstance(result, Decoded):
                    self._frames[name] += 1
                    if result.part is not None:
                        self._parts[name].add(result.part)
                    self._somebody = self._somebody or result.values.get("presence") == 1.0
                elif isinstance(result, Damage):
                    self._damages[name] += 1

    @property
    def understood(self) -> int:
        """Frames of the decoder that understood most."""
        return max(self._frames.values(), default=0)

    def recognised(self, enough: int = ENOUGH) -> Recognised | None:
        """The driver that understood most; None when none understood `enough`, or all failed more often.

        Short check sums come right by chance once in 256 times, so that noise alone gives frames too, but more damage.
        """
        sure = {name: n for name, n in self._frames.items() if n >= enough and n > self._damages[name]}
        if not sure:
            return None
        most = max(sure.values())
        first, *also = self._told_apart([name for name, count in sure.items() if count == most])
        return Recognised(first, most, tuple(also), tuple(sorted(self._parts[first])))

    def _told_apart(self, alike: list[str]) -> list[str]:
        """Those of drivers that understood equally many frames that it may be."""
        known = _STRICTER | _WITHOUT_DISTANCE if self._somebody else _STRICTER
        not_it = {other for it, other in known if it in alike}
        return [name for name in alike if name not in not_it]


def recognise(chunks: Iterable[bytes], drivers: Mapping[str, DriverModule] = DRIVERS) -> Recognised | None:
    """Whose bytes these are; None when nobody understands them."""
    ear = Ear(drivers)
    for chunk in chunks:
        ear.hear(chunk)
    return ear.recognised()


def _decoders(drivers: Mapping[str, DriverModule]) -> Iterator[tuple[str, Driver]]:
    for name, module in drivers.items():
        try:
            yield name, module.driver({})
        except BadInput:
            continue


class Attempt(NamedTuple):
    """One thing to do with the port: open it at `baud`, write `sending`, let `ear` hear all that comes for `for_s`.

    It may end as soon as the ear has `recognised` something that can be nothing else.
    """

    baud: int
    sending: bytes
    for_s: float
    ear: Ear
    doing: str


@dataclass(frozen=True)
class Finding:
    """What is on the port. `driver` None: nothing was recognised; `heard` has the bytes that came at each rate then.

    `also`: drivers that it may be as well. `woken`: it was silent because a session had been left open. `echo`: what
    was written came straight back. `asked`: it was written to. `parts`: those heard of a line with several sensors.
    """

    driver: str | None = None
    baud: int | None = None
    also: tuple[str, ...] = ()
    heard: Mapping[int, int] = field(default_factory=dict)
    woken: bool = False
    echo: bool = False
    asked: bool = False
    parts: tuple[str, ...] = ()


class Probe:
    """The search on one port. Walk through `attempts`, do each as it says, then look at `finding`.

    `parting`: what must be written before the port is left in the middle of an attempt; mostly nothing.
    """

    def __init__(self, drivers: Mapping[str, DriverModule] = DRIVERS, *, passive: bool = False) -> None:
        self.finding = Finding()
        self.parting = b""
        self._drivers = drivers
        self._passive = passive
        self._heard: dict[int, int] = {}

    def attempts(self) -> Iterator[Attempt]:
        yield from self._listening()
        if self.finding.driver or self._passive or any(self._heard.values()):
            return
        for ask in (self._waking, self._sessions, self._heartbeat, self._version, self._trigger, self._text):
            yield from ask()
            if self.finding.driver or self.finding.echo:
                return

    def _listening(self) -> Iterator[Attempt]:
        for baud in RATES:
            ear = Ear(self._drivers)
            yield Attempt(baud, b"", LISTEN_S, ear, f"listening at {baud}")
            if ear.understood and not ear.recognised():
                yield Attempt(baud, b"", PATIENCE_S, ear, f"listening on at {baud}: something was understood")
            self._heard[baud] = ear.heard
            if found := ear.recognised():
                self._found(baud, found)
                return
        self.finding = Finding(heard=self._heard)

    def _waking(self) -> Iterator[Attempt]:
        """A module that somebody left in its configuration speaks again after `end config`, which harms nobody."""
        for baud in _HILINK_RATES:
            ear = Ear(self._drivers)
            yield Attempt(baud, END, _ANSWER_S, ear, f"waking a Hi-Link radar at {baud}")
            if ear.tail.startswith(END):
                self.finding = Finding(heard=self._heard, echo=True, asked=True)
                return
            if ear.heard:
                yield Attempt(baud, b"", LISTEN_S, ear, f"something stirs at {baud}")
            if found := ear.recognised():
                self._found(baud, found, woken=True)
                return

    def _sessions(self) -> Iterator[Attempt]:
        for value, rates in ((1, _HILINK_RATES), (2, _HILINK_RATES[:2])):
            for baud in rates:
                ear = Ear(self._drivers)
                self.parting = END
                yield Attempt(baud, _ENABLE[value], _ANSWER_S, ear, f"asking a Hi-Link radar at {baud}")
                kinds = self._known(_HILINK_KINDS.get(_protocol_in(ear.tail), ()))
                speaking = Ear(self._drivers)
                yield Attempt(baud, END, LISTEN_S if kinds else 0.0, speaking, "ending what was asked")
                self.parting = b""
                if found := speaking.recognised(1) if kinds else None:
                    self._found(baud, found, asked=True)
                elif kinds:
                    self._found(baud, Recognised(kinds[0], 0, kinds[1:]), asked=True)
                if kinds:
                    return

    def _heartbeat(self) -> Iterator[Attempt]:
        ear = Ear(self._drivers)
        yield Attempt(115_200, _SEEED_HEARTBEAT, _ANSWER_S, ear, "asking a Seeed radar")
        self._answered(115_200, _SEEED_HEARTBEAT in ear.tail, "mr24hpc1", "mr60bha")

    def _version(self) -> Iterator[Attempt]:
        ear = Ear(self._drivers)
        yield Attempt(115_200, _TFMINI_VERSION, _ANSWER_S, ear, "asking a TFmini")
        at = ear.tail.find(_TFMINI_ANSWER)
        answer = ear.tail[at : at + 7] if at >= 0 else b""
        self._answered(115_200, len(answer) == 7 and sum(answer[:6]) & 0xFF == answer[6], "tfmini")

    def _trigger(self) -> Iterator[Attempt]:
        ear = Ear(self._drivers)
        yield Attempt(9_600, _TRIGGER, _ANSWER_S, ear, "triggering an ultrasonic sensor")
        found = ear.recognised(1)
        self._answered(9_600, found is not None and found.driver == "a02yyuw", "a02yyuw")

    def _text(self) -> Iterator[Attempt]:
        kinds: tuple[str, ...]
        for baud, kinds in ((115_200, ("sen0395", "c4001")), (9_600, ("c4001", "sen0395"))):
            ear = Ear(self._drivers)
            yield Attempt(baud, _GET_RANGE, 1.0, ear, f"asking a DFRobot radar at {baud}")
            if b"leapMMW" in ear.tail:
                kinds = ("sen0395",)
            elif b"DFRobot" in ear.tail:
                kinds = ("c4001",)
            self._answered(baud, b"getRange" in ear.tail and b"Response" in ear.tail, *kinds)
            if self.finding.driver:
                return

    def _answered(self, baud: int, answered: bool, *kinds: str) -> None:
        known = self._known(kinds)
        if answered and known:
            self._found(baud, Recognised(known[0], 0, known[1:]), asked=True)
        else:
            self.finding = Finding(heard=self._heard, asked=True)

    def _known(self, kinds: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(kind for kind in kinds if kind in self._drivers)

    def _found(self, baud: int, found: Recognised, *, woken: bool = False, asked: bool = False) -> None:
        self.finding = Finding(
            found.driver, baud, found.also, self._heard, woken, asked=asked or woken, parts=found.parts
        )


def _protocol_in(heard: bytes) -> int:
    """The protocol that an answer to `enable config` tells; 0 when there is none."""
    at = 0
    while (at := next_header(_HILINK_HEADER, len(hilink.HEADER), heard, at)) + hilink.OVERHEAD <= len(heard):
        length = int.from_bytes(heard[at + 4 : at + 6], "little")
        try:
            answer = hilink.reply_in(*hilink.parse_frame(heard[at : at + length + hilink.OVERHEAD]))
        except DamagedFrame:
            answer = None
        if answer and answer.word == hilink.ENABLE_CONFIG and answer.ok and len(answer.value) >= 2:
            return int.from_bytes(answer.value[:2], "little")
        at += 1
    return 0


def why_nothing(port: str, finding: Finding) -> str:
    """Why nothing was recognised on `port`, and what to try."""
    if finding.echo:
        return f"{port}: what is written comes straight back; its wires TX and RX touch, or no sensor is on the adapter"
    spoke = {baud: count for baud, count in finding.heard.items() if count}
    if not spoke:
        asked = ", and no question was answered" if finding.asked else ""
        return (
            f"{port}: silent at every rate{asked}; is the sensor powered, and its TX on our RX? "
            "one that speaks only when asked, as on Modbus, is named in the site file by hand"
        )
    counted = ", ".join(f"{count:,} at {baud}" for baud, count in spoke.items())
    best = max(spoke, key=lambda baud: spoke[baud])
    return (
        f"{port}: bytes came that no driver understands: {counted}; is ground connected, is it a sensor that "
        f"`hadir decode serial --help` names? `hadir bridge record {port} --baud {best} --out FILE` keeps them"
    )
