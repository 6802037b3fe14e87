"""Writes the table of drivers in docs/drivers.md anew: `.venv/bin/python -m scripts.driver_table`."""

from __future__ import annotations

import json
from pathlib import Path

from firmware_bridge.drivers import DRIVERS, DriverModule

DOCUMENT = Path(__file__).parents[1] / "docs" / "drivers.md"
BEGIN, END = "<!-- drivers: written by scripts/driver_table.py -->\n", "<!-- end of drivers -->\n"


def table() -> str:
    """The drivers, a row each, by name."""
    head = ["| driver | devices | baud | silent after | `config`, for example | commands |", "|" + " --- |" * 6]
    return "\n".join([*head, *(_row(DRIVERS[name]) for name in sorted(DRIVERS))]) + "\n"


def _row(module: DriverModule) -> str:
    example = f"`{json.dumps(dict(module.EXAMPLE))}`" if module.EXAMPLE else "none"
    commands = " ".join(f"`{command}`" for command in sorted(module.COMMANDS)) or "none"
    silent = f"{module.SILENT_AFTER_MS / 1000:g} s"
    return f"| `{module.NAME}` | {module.TITLE} | {module.BAUD} | {silent} | {example} | {commands} |"


def parts(text: str) -> tuple[str, str, str]:
    """What stands before the table, the table, and what stands after it."""
    before, rest = text.split(BEGIN)
    present, after = rest.split(END)
    return before, present, after


if __name__ == "__main__":
    before, _, after = parts(DOCUMENT.read_text())
    DOCUMENT.write_text(before + BEGIN + table() + END + after)
