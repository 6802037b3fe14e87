"""Runs the benchmarks beside it and writes RESULTS.md: date, machine, commit, versions, and what each one printed.

    run.py [NAME…]

With names those alone; what RESULTS.md says of the others stays, each with its own date and commit.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = ("paho-mqtt", "SQLAlchemy", "msgspec", "fastapi", "iotcore")


def main() -> int:
    results = HERE / "RESULTS.md"
    asked = set(sys.argv[1:])
    scripts = sorted(path for path in HERE.glob("*.py") if path.name != "run.py")
    if unknown := asked - {script.stem for script in scripts}:
        print(f"{min(unknown)}: there is no such benchmark", file=sys.stderr)
        return 2
    parts = _sections(results.read_text()) if asked and results.exists() else {}
    failed = False
    for script in scripts:
        if asked and script.stem not in asked:
            continue
        print(f"{script.stem} …", flush=True)
        done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=HERE.parent)
        failed |= done.returncode != 0
        printed = (done.stdout if done.returncode == 0 else done.stderr).strip()
        when = f"{datetime.now(UTC):%Y-%m-%d}, commit {_commit()}"
        parts[script.stem] = f"## {script.stem}\n\n{_docstring(script)}\n\n```\n{printed}\n```\n\n{when}\n"
    results.write_text("\n".join([_head(), *(parts[name] for name in sorted(parts))]))
    print(f"written to {HERE.name}/RESULTS.md")
    return int(failed)


def _sections(text: str) -> dict[str, str]:
    """What was written of each benchmark, by its name."""
    found = re.findall(r"^(## (\w+)\n.*?)(?=\n## |\Z)", text, re.DOTALL | re.MULTILINE)
    return {name: section.rstrip() + "\n" for section, name in found}


def _commit() -> str:
    return subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()


def _head() -> str:
    processor = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        "# Results\n\nMade by `make bench`; one file in `benchmarks/` for each figure.\n\n"
        f"- {processor}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}\n"
        f"- Python {platform.python_version()}\n"
        f"- {versions}\n"
    )


def _docstring(script: Path) -> str:
    return script.read_text().split('"""')[1].strip()


if __name__ == "__main__":
    sys.exit(main())
