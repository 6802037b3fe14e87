"""The few errors that every floor shares.

HadirError            something a person is told in one line
├── BadInput          what was given is wrong: where, what, what to do (exit status 2)
│   └── BadInputs     several of them, told together
└── DamagedFrame      bytes or a payload that break their protocol: counted, decoding goes on
"""

from __future__ import annotations

from collections.abc import Sequence


class HadirError(Exception):
    """Root of all errors that are told to a person in one line."""


class BadInput(HadirError):
    """Input that cannot be used.

    `source`: file or device, `line` counted from 1, `field`: path of the key or column. `remedy` says what to do.
    `key` says the same to a page that tells it in another language, where a person can come to it by a form.
    """

    def __init__(
        self,
        source: str,
        problem: str,
        *,
        line: int | None = None,
        field: str | None = None,
        remedy: str | None = None,
        key: str = "",
    ) -> None:
        self.key = key
        self.source = source
        self.line = line
        self.field = field
        self.problem = problem
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        where = self.source if self.line is None else f"{self.source}:{self.line}"
        field = f" {self.field}:" if self.field else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{where}:{field} {self.problem}{remedy}"


class BadInputs(BadInput):
    """All that is wrong with one input, in the order of its lines; reads as one line each."""

    def __init__(self, found: Sequence[BadInput]) -> None:
        self.problems = list(found)
        first = self.problems[0]
        super().__init__(first.source, first.problem, line=first.line, field=first.field, remedy=first.remedy)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class DamagedFrame(HadirError):
    """Bytes that break their protocol, `offset` counted from the first byte that was ever fed."""

    def __init__(self, offset: int, reason: str) -> None:
        self.offset = offset
        self.reason = reason
        super().__init__(f"byte {offset}: {reason}")
