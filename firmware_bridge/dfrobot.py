"""What the DFRobot radars SEN0395 and C4001 share: sentences, and a command line on the same wire.

    $ID,field,field,…*      a sentence; blank fields; nothing checks it
    sensorStop              the echo of a command, then its answer, then a prompt without an end of line
    Done
    leapMMW:/>              (SEN0395; DFRobot:/> C4001)

A sentence may stand anywhere: behind a prompt, or inside an echo. It is taken out with its end of line; what remains
are the lines of the command line. An answer lasts until a line that ends one, or until the prompt; whose it is, its
echo says. The device takes settings only while it is stopped, and does not start over some that are not saved.

Sources: DFRobot SEN0395, SEN0609, SEN0610 wikis; esphome/esphome@33fdbbe dfrobot_sen0395; cdjq/DFRobot_C4001@6d88eba;
esphome/esphome pull request 9810 (log).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from firmware_bridge.commands import Arguments, Ask, Command, ReadBack, Session, Told
from firmware_bridge.resync import Answer, Damage, Decoded, Result
from firmware_bridge.waking import Waking
from presence.errors import DamagedFrame

Values = dict[str, float]
Sentences = Mapping[str, Callable[[Sequence[str]], Values]]
"""Name of a sentence -> what its fields say, nothing for one without a reading; raises DamagedFrame."""

LONGEST_SENTENCE = 80
LONGEST_LINE, LONGEST_ANSWER = 160, 512
START_LINE = b"sensorStart\r\n"  # to one that runs it does no harm
RESTART_LINE = b"resetSystem\r\n"

_SENTENCE_END = re.compile(rb"[*$\r\n\x80-\xff]")
_TEXT_END = re.compile(rb"[\x00-\x1f$>\x7f-\xff]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_PROMPT = b":/"  # before the >

_DONE = (b"Done", b"sensor stopped already", b"sensor started already", b"no parameter has changed")
_UNSAVED = b"new parameter isn't save, can't startSensor"
_REFUSED = (b"Error", b"sensor is not stopped", _UNSAVED)
_UNKNOWN = b"is not recognized as a CLI command"


class Radar:
    """The stream of one radar.

    `sentences`: those that are read; others are let pass. `wanted`: the one that it shall speak, None for any.
    """

    def __init__(self, sentences: Sentences, wanted: str | None = None) -> None:
        self._sentences = sentences
        self._wanted = wanted
        self._spoken: str | None = None
        self._unread = b""  # the beginning of a sentence
        self._offset = 0  # of `_unread` in all that was fed
        self._after_sentence = False
        self._line = b""
        self._lines: deque[bytes] = deque()
        self._gathered = 0  # bytes in them
        self._waking = Waking(START_LINE)
        self._unsaved = False

    @property
    def strayed(self) -> bool:
        """Whether the newest sentence is another than was asked for."""
        return self._wanted is not None and self._spoken not in (None, self._wanted)

    def outgoing(self, at_ms: int) -> bytes:
        """A start for one that has been silent for long, else nothing: it speaks by itself.

        One that would not start over what somebody set and did not save is restarted, which forgets that.
        """
        sending = self._waking.outgoing(at_ms)
        if sending and self._unsaved:
            self._unsaved = False
            return RESTART_LINE
        return sending

    def feed(self, data: bytes) -> list[Result]:
        """Readings, damages and answers in their order; `data` in chunks of any size."""
        buffer = self._unread + data
        at, end = 0, len(buffer)
        results: list[Result] = []
        while at < end:
            if buffer.startswith(b"$", at):
                after = self._sentence(buffer, at, results)
                if after is None:
                    break
                at = after
            else:
                at = self._text(buffer, at, results)
        self._unread = buffer[at:]
        self._offset += at
        self._waking.seen(results)
        self._unsaved = self._unsaved or any(isinstance(each, Answer) and _UNSAVED in each.whole for each in results)
        return results

    def _sentence(self, buffer: bytes, at: int, results: list[Result]) -> int | None:
        """Where to go on after the sentence at `at`; None to wait for more bytes."""
        found = _SENTENCE_END.search(buffer, at + 1, at + LONGEST_SENTENCE)
        if found is None:
            if len(buffer) - at < LONGEST_SENTENCE:
                return None
            results.append(Damage(self._offset + at, f"no end in {LONGEST_SENTENCE} characters"))
            return at + LONGEST_SENTENCE
        to = found.start()
        if buffer[to : to + 1] != b"*":
            results.append(Damage(self._offset + at, "cut off"))
            return to
        self._after_sentence = True
        name, *fields = (field.strip() for field in buffer[at + 1 : to].decode("ascii").split(","))
        if name in self._sentences:
            try:
                values = self._sentences[name](fields)
            except DamagedFrame as damage:
                results.append(Damage(self._offset + at, damage.reason))
            else:
                self._spoken = name
                if values:
                    results.append(Decoded(values))
        return to + 1

    def _text(self, buffer: bytes, at: int, results: list[Result]) -> int:
        """Where to go on after a piece of the command line's text at `at`."""
        if self._after_sentence and buffer[at] in b"\r\n":
            return at + 1
        self._after_sentence = False
        found = _TEXT_END.search(buffer, at)
        to = found.start() if found else len(buffer)
        self._line = (self._line + buffer[at:to])[-LONGEST_LINE:]
        match buffer[to : to + 1]:
            case b"" | b"$":
                return to
            case b"\r" | b"\n":
                self._end_line(results)
            case b">" if self._line.endswith(_PROMPT):
                self._line = b""
                self._end_answer(results)
            case b">":
                self._line += b">"
            case _:
                self._line = b""  # noise, as at power-on
        return to + 1

    def _end_line(self, results: list[Result]) -> None:
        line, self._line = self._line.strip(), b""
        if not line:
            return
        self._lines.append(line)
        self._gathered += len(line)
        while self._gathered > LONGEST_ANSWER:
            self._gathered -= len(self._lines.popleft())
        if _ends_answer(line):
            self._end_answer(results)

    def _end_answer(self, results: list[Result]) -> None:
        if self._lines:
            results.append(Answer(b"".join(line + b"\r\n" for line in self._lines)))
            self._lines.clear()
            self._gathered = 0


def presence(fields: Sequence[str]) -> Values:
    """`$JYBSS` and `$DFHPD`: 0 or 1, then blanks."""
    if fields[:1] not in (["0"], ["1"]) or any(fields[1:]):
        raise DamagedFrame(0, f"{','.join(fields)!r} is no presence")
    return {"presence": float(fields[0])}


def number(fields: Sequence[str], index: int, low: float, high: float) -> float:
    """The number in that field. Raises DamagedFrame when it is missing, none, or outside of the range."""
    field = fields[index] if index < len(fields) else ""
    if not _NUMBER.fullmatch(field) or not low <= float(field) <= high:
        raise DamagedFrame(0, f"{field!r} is no number from {low:g} to {high:g}")
    return float(field)


def whole_number(fields: Sequence[str], index: int, low: int, high: int) -> int:
    """As `number`, of digits alone."""
    found = number(fields, index, low, high)
    if not fields[index].isdigit():
        raise DamagedFrame(0, f"{fields[index]!r} is no whole number")
    return int(found)


def _ends_answer(line: bytes) -> bool:
    return line in _DONE or _refuses(line)


def _refuses(line: bytes) -> bool:
    return line in _REFUSED or line.endswith(_UNKNOWN)


# Commands: a line, and what the numbers of its answer are.

MAGIC = "0x45670123 0xCDEF89AB 0x956128C6 0xDF54AC89"
_SAVE_MS = 3_500


def command(
    line: Callable[[Arguments], str],
    told: Callable[[Sequence[str]], Told] = lambda _: {},
    *,
    writes: bool = False,
    read_back: ReadBack | None = None,
    answer_ms: int | None = None,
) -> Command:
    """The command that `line` writes; `told` reads the words of its `Response …`, none when there is no such line."""

    def reply(whole: bytes, args: Mapping[str, Any]) -> Told:
        sent = line(Arguments("", "", args))
        words: list[str] = []
        done = False
        for each in _lines_after(sent.encode(), whole):
            if _refuses(each):
                return {"ok": False}
            done = done or each in _DONE
            if each.startswith(b"Response"):
                words += each.decode("ascii", "replace").split()[1:]
        if not done and not words:
            raise DamagedFrame(0, f"no end of an answer to {sent}")
        return {"ok": True, **told(words)}

    return Command(
        lambda args: f"{line(args)}\r\n".encode(), reply, writes=writes, read_back=read_back, answer_ms=answer_ms
    )


def words(line: str, *, writes: bool = False, answer_ms: int | None = None) -> Command:
    """A command without arguments, which tells nothing."""
    return command(lambda _: line, writes=writes, answer_ms=answer_ms)


def numbers(line: str, *names: str) -> Command:
    """A question without arguments, which is answered with these numbers."""

    def told(words: Sequence[str]) -> Told:
        found = {name: number(words, index, 0, 1e9) for index, name in enumerate(names)}
        return {name: int(value) if value.is_integer() else value for name, value in found.items()}

    return command(lambda _: line, told)


def read_back(question: str, tolerance: float = 0.001) -> ReadBack:
    """`question` shows what was written under the same names, rounded by up to `tolerance`."""

    def differs(written: Mapping[str, Any], told: Told) -> str | None:
        for name, value in written.items():
            if name in told and abs(told[name] - value) > tolerance:
                return f"{name} is {told[name]:g}, not {value:g}"
        return None

    return ReadBack(question, differs=differs)


def latency(longest_on_s: float, shortest_off_s: float, longest_off_s: float) -> Callable[[Arguments], str]:
    """`setLatency`: seconds until presence is told, and until absence is."""

    def line(args: Arguments) -> str:
        on_s = args.decimal("on", 0, longest_on_s)
        return f"setLatency {on_s:.3f} {args.decimal('off', shortest_off_s, longest_off_s):.3f}"

    return line


def _raw(args: Arguments) -> str:
    return args.ascii("line", 1, 100).decode().strip()


def _raw_told(words: Sequence[str]) -> Told:
    return {"response": " ".join(words)} if words else {}


def _led(args: Arguments) -> str:
    return f"setLedMode 1 {args.choice('on', {True: 0, False: 1})}"


def commands(save: str) -> Mapping[str, Command]:
    """What both devices know; `save`: the command that saves."""
    return {
        "stop": words("sensorStop"),
        "start": words("sensorStart"),
        "save": words(f"{save} {MAGIC}", answer_ms=_SAVE_MS),
        "read_range": numbers("getRange", "min", "max"),
        "set_led": command(_led, writes=True),
        # Saved, for the device would not start over what such a line may have set.
        "raw": command(_raw, _raw_told, writes=True),
        "factory_reset": words(f"factoryReset {MAGIC}", writes=True, answer_ms=_SAVE_MS),
        # It starts anew at once, and of its answer only the prompt is sure to come.
        "restart": Command(lambda _: RESTART_LINE, None, restarts=True),
    }


def session(*, when_strayed: bool = False) -> Session:
    """How they are asked."""
    return Session(
        opening=(Ask("stop"),),
        saving=(Ask("save"),),
        closing=(Ask("start"),),
        resend_ms=1_000,
        limit_ms=3_000,
        pause_ms=100,
        restart_ms=3_000,
        saved_to_close=True,
        when_strayed=when_strayed,
    )


def _lines_after(echo: bytes, whole: bytes) -> list[bytes]:
    """The lines that follow the last echo of a command, without prompts. Raises DamagedFrame without such an echo."""
    lines = [line.rpartition(_PROMPT + b">")[2].strip() for line in re.split(rb"[\r\n]+", whole)]
    if echo not in lines:
        raise DamagedFrame(0, f"no answer to {echo.decode()}")
    last = len(lines) - 1 - lines[::-1].index(echo)
    return [line for line in lines[last + 1 :] if line]
