"""What devices can be asked: each driver's table of commands, and what all tables are made of.

A command turns arguments into the bytes of a request, and a whole reply into what it tells. Who sends it, and when, is
`firmware_bridge.conversation`'s matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from presence.errors import BadInput, DamagedFrame

Told = dict[str, Any]


class Arguments:
    """The arguments of one command, each checked when it is taken: all methods raise BadInput, naming the field."""

    def __init__(self, driver: str, command: str, args: Mapping[str, Any]) -> None:
        self._driver, self._command, self._args = driver, command, args
        self.taken: set[str] = set()

    def given(self, name: str) -> bool:
        """Whether it is there at all: for arguments that may be left out."""
        self.taken.add(name)
        return self._args.get(name) is not None

    def number(self, name: str, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        number = self._take(name)
        if type(number) is not int or not low <= number <= high:
            raise self._wrong(name, f"a whole number from {low} to {high}")
        return number

    def decimal(self, name: str, low: float, high: float) -> float:
        """A number from `low` to `high`."""
        number = self._take(name)
        if type(number) not in (int, float) or not low <= number <= high:
            raise self._wrong(name, f"a number from {low:g} to {high:g}")
        return float(number)

    def numbers(self, name: str, count: int, low: int, high: int) -> list[int]:
        """`count` whole numbers from `low` to `high`."""
        numbers = self._take(name)
        fits = isinstance(numbers, list) and len(numbers) == count
        if not fits or any(type(each) is not int or not low <= each <= high for each in numbers):
            raise self._wrong(name, f"a list of {count} whole numbers from {low} to {high}")
        return list(numbers)

    def rows(self, name: str, count: int, length: int, low: float, high: float) -> list[list[float]]:
        """`count` lists of `length` numbers from `low` to `high` each."""
        rows = self._take(name)
        fits = isinstance(rows, list) and len(rows) == count
        if not fits or any(not isinstance(row, list) or len(row) != length for row in rows):
            raise self._wrong(name, f"{count} lists of {length} numbers")
        if any(type(each) not in (int, float) or not low <= each <= high for row in rows for each in row):
            raise self._wrong(name, f"{count} lists of {length} numbers from {low:g} to {high:g}")
        return [[float(each) for each in row] for row in rows]

    def choice(self, name: str, choices: Mapping[Any, int]) -> int:
        """What `choices` has for the argument."""
        found = self._take(name)
        for known, index in choices.items():
            # True is 1 for Python, and so is 1.0, which cannot count gates; nobody who writes either means 1.
            if known == found and type(known) is type(found):
                return index
        raise self._wrong(name, "one of " + ", ".join(str(known).lower() for known in choices))

    def ascii(self, name: str, shortest: int, longest: int) -> bytes:
        """Printable ASCII text of so many characters. It stays out of the error: it may be secret."""
        text = self._take(name)
        fits = isinstance(text, str) and shortest <= len(text) <= longest and text.isascii() and text.isprintable()
        if not fits:
            length = f"{shortest}" if shortest == longest else f"{shortest} to {longest}"
            found = f"not {length} printable ASCII characters" if name in self._args else "is missing"
            raise BadInput(self._driver, found, field=f"{self._command}.{name}")
        return str(text).encode()

    def _take(self, name: str) -> Any:
        self.taken.add(name)
        return self._args.get(name)

    def _wrong(self, name: str, wanted: str) -> BadInput:
        found = f"{self._args[name]!r} cannot be used" if name in self._args else "is missing"
        return BadInput(self._driver, found, field=f"{self._command}.{name}", remedy=f"give {wanted}")

    def refuse_others(self) -> None:
        """Raises BadInput for an argument that was not taken: it would be forgotten in silence."""
        for name in self._args:
            if name not in self.taken:
                remedy = f"known: {', '.join(sorted(self.taken))}" if self.taken else "give no arguments"
                raise BadInput(self._driver, "not known", field=f"{self._command}.{name}", remedy=remedy)


class ReadBack(NamedTuple):
    """How a written setting is looked at again.

    `command`, `args`: what is asked, the latter being those of the writing command that are handed on.
    `differs`: arguments written and what was told -> in words what differs; None when nothing does.
    """

    command: str
    args: Sequence[str] = ()
    differs: Callable[[Mapping[str, Any], Told], str | None] | None = None


class Command(NamedTuple):
    """One thing that a device can be asked.

    `request`: arguments -> the bytes on the wire. `reply`: a whole reply (as the decoder's `Answer` gives it) and the
    arguments -> `{"ok": True, …}` or `{"ok": False}`; raises DamagedFrame when it answers something else; None for a
    command that is never answered. `writes`: it changes what the device keeps. `restarts`: the device starts anew,
    which ends a session. `read_back`: shows what was written. `answer_ms`: it may take so long to be answered, and is
    not sent again before; None: as the session says. `settle_ms`: so long after it nothing else is asked.
    """

    request: Callable[[Arguments], bytes]
    reply: Callable[[bytes, Mapping[str, Any]], Told] | None
    writes: bool = False
    restarts: bool = False
    read_back: ReadBack | None = None
    answer_ms: int | None = None
    settle_ms: int = 0


class Ask(NamedTuple):
    """A command with its arguments.

    `name`: in settings, where the one thing that it tells besides `ok` stands; None: all it tells, by its keys.
    `optional`: that it is refused is an answer like others, for not every firmware knows every command.
    """

    command: str
    args: Mapping[str, Any] = {}
    name: str | None = None
    optional: bool = False


@dataclass(frozen=True)
class Session:
    """What stands around the commands of one conversation.

    `opening` and `closing` are sent before and after; a closing is sent whatever happened. `saving`: after commands
    that write. `resend_ms`: a request is sent again when it was not answered so long; `limit_ms`: then it is given up.
    `pause_ms`: between an answer and the next request. `restart_ms`: silence that follows a restart. `saved_to_close`:
    it cannot be closed over settings that are not saved, so that they are saved whatever happened. `when_strayed`: the
    device is set up only once its stream shows that it must be, for what it keeps is worn by each writing.
    """

    opening: tuple[Ask, ...] = ()
    closing: tuple[Ask, ...] = ()
    saving: tuple[Ask, ...] = ()
    resend_ms: int = 250
    limit_ms: int = 2_000
    pause_ms: int = 0
    restart_ms: int = 1_000
    saved_to_close: bool = False
    when_strayed: bool = False


class Commands(Protocol):
    """The part of a driver module that this file and conversations need."""

    @property
    def NAME(self) -> str: ...  # noqa: N802
    @property
    def COMMANDS(self) -> Mapping[str, Command]: ...  # noqa: N802
    @property
    def SESSION(self) -> Session: ...  # noqa: N802


def command_of(driver: Commands, command: str) -> Command:
    """The command called `command`. Raises BadInput."""
    if command not in driver.COMMANDS:
        known = ", ".join(driver.COMMANDS)
        remedy = f"known: {known}" if known else "this device takes no commands"
        raise BadInput(driver.NAME, f'no command "{command}"', remedy=remedy)
    return driver.COMMANDS[command]


def encode_command(driver: Commands, command: str, args: Mapping[str, Any]) -> bytes:
    """The bytes that ask a device for `command`. Raises BadInput for one that it does not know or a wrong argument."""
    arguments = Arguments(driver.NAME, command, args)
    request = command_of(driver, command).request(arguments)
    arguments.refuse_others()
    return request


def decode_reply(driver: Commands, command: str, args: Mapping[str, Any], whole: bytes) -> Told:
    """What a whole reply says: `ok`, and what was asked for. Raises DamagedFrame when it does not answer that."""
    reply = command_of(driver, command).reply
    if reply is None:
        raise DamagedFrame(0, f"{command} is never answered")
    return reply(whole, args)


def difference(read_back: ReadBack, args: Mapping[str, Any], told: Told) -> str | None:
    """In words, what a device that was asked again tells otherwise than it was written; None when nothing."""
    return (read_back.differs or differing)(args, told)


def differing(written: Mapping[str, Any], told: Mapping[str, Any]) -> str | None:
    """In words, the first argument that `told` has under the same name otherwise; None when there is none."""
    for name, value in written.items():
        if name in told and told[name] != value:
            return f"{name} is {told[name]}, not {value}"
    return None
