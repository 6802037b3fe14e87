"""The `hadir` command: finds the command, its arguments and settings, and turns errors into one line and a status.

Exit status: 0 done; 1 the work failed; 2 wrong use, bad input, or a port or folder that cannot be used.
"""

from __future__ import annotations

import argparse
import difflib
import importlib.metadata
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from hadir import logs
from hadir import settings as setting_table
from hadir.commands import COMMANDS, load
from hadir.entry import INTERRUPTED
from hadir.traces import kept
from presence.errors import BadInput, HadirError

DONE, FAILED, MISUSED = 0, 1, 2
PIPE_CLOSED = 141  # 128 + the signal, as shells say it


class CommandParser(argparse.ArgumentParser):
    """Errors in one line; every leaf of the tree takes the settings of `hadir.settings`."""

    def __init__(self, **options: object) -> None:
        super().__init__(allow_abbrev=False, **options)  # type: ignore[arg-type]  # passed through to argparse
        setting_table.add_flags(self)

    def error(self, message: str) -> NoReturn:
        if refused := _CHOICE.fullmatch(message):
            self.exit(MISUSED, f"{self.prog}: {_no_such_word(**refused.groupdict())}\n")
        if valueless := _VALUELESS.fullmatch(message):
            flag = valueless["of"]
            self.exit(MISUSED, f"{self.prog}: {flag}: wants a value; one that begins with - is written {flag}=VALUE\n")
        self.exit(MISUSED, f"{self.prog}: {message}; see `{self.prog} --help`\n")


# As argparse says it; Python 3.12 no longer quotes what there is to choose from.
_CHOICE = re.compile(r"argument (?P<of>.+?): invalid choice: (?P<word>.+) \(choose from (?P<known>.+)\)")

_VALUELESS = re.compile(r"argument (?P<of>.+?): expected one argument")


def _no_such_word(of: str, word: str, known: str) -> str:
    word = word[1:-1]
    words = [each.strip("'") for each in known.split(", ")]
    near = difflib.get_close_matches(word, words, 1)
    hint = f'did you mean "{near[0]}"?' if near else f"write one of {', '.join(words)}"
    where = f"{of}: " if of.startswith("-") else ""
    return f'{where}no word "{word}"; {hint}'


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        status = _run(words)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`); Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    return status


def _run(words: Sequence[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return DONE if words else MISUSED
    if words[0] == "--version":
        print(f"hadir {importlib.metadata.version('hadir')}")
        return DONE
    if words[0] not in COMMANDS:
        near = difflib.get_close_matches(words[0], COMMANDS, 1)
        hint = f'did you mean "{near[0]}"?' if near else "see `hadir --help`"
        return _say(f'hadir: no command "{words[0]}"; {hint}', MISUSED)

    errors_in: Path | None = None
    try:
        command = load(words[0])
        parser = CommandParser(prog=f"hadir {words[0]}", description=command.HELP)
        command.add_arguments(parser)
        arguments = parser.parse_args(words[1:])
        settings = setting_table.load(arguments, os.environ)
        errors_in = settings.data
        logs.configure(settings.log_level, settings.log_format)
        return command.run(arguments, settings)
    except BadInput as error:
        return _say(str(error), MISUSED)
    except HadirError as error:
        return _say(str(error), FAILED)
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except OSError as error:
        if error.filename is None:
            return _say(f"hadir: {kept(error, errors_in)}", FAILED)
        return _say(f"{error.filename}: {error.strerror}", MISUSED)
    except Exception as error:  # noqa: BLE001  (the top of the command: nobody sees a traceback)
        return _say(f"hadir: {kept(error, errors_in)}", FAILED)


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {load(name).HELP}" for name in COMMANDS]
    return "\n".join(
        [
            "usage: hadir COMMAND …",
            "",
            *lines,
            "",
            "`hadir COMMAND --help` tells the rest; `hadir up --demo` shows it all.",
        ]
    )


def _say(line: str, status: int) -> int:
    print(line, file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
