"""Text files that commands read line by line: by name, packed as `.gz`, or `-` for standard input."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from presence.errors import BadInput


@contextmanager
def lines_of(name: str) -> Iterator[TextIO]:
    """The lines of a file, as `csv` wants them. Raises BadInput for a damaged `.gz`."""
    if name == "-":
        yield sys.stdin
    elif name.endswith(".gz"):
        with gzip.open(name, "rt", encoding="utf-8", newline="") as packed:
            assert isinstance(packed, io.TextIOWrapper)
            try:
                yield packed
            except (gzip.BadGzipFile, EOFError):
                raise BadInput(name, "is no whole gzip file", remedy="copy it again") from None
    else:
        with open(name, encoding="utf-8", newline="") as plain:
            yield plain
