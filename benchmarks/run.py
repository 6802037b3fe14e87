"""Runs every benchmark beside it and writes RESULTS.md: date, machine, commit, versions, and what each one printed."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = ("paho-mqtt", "SQLAlchemy", "msgspec", "fastapi", "iotcore")


def main() -> int:
    parts = [_head()]
    failed = False
    for script in sorted(path for path in HERE.glob("*.py") if path.name != "run.py"):
        print(f"{script.stem} …", flush=True)
        done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=HERE.parent)
        failed |= done.returncode != 0
        what = _docstring(script)
        printed = (done.stdout if done.returncode == 0 else done.stderr).strip()
        parts.append(f"## {script.stem}\n\n{what}\n\n```\n{printed}\n```\n")
    (HERE / "RESULTS.md").write_text("\n".join(parts))
    print(f"written to {HERE.name}/RESULTS.md")
    return int(failed)


def _head() -> str:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
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
        f"- {datetime.now(UTC):%Y-%m-%d}, commit {commit}\n"
        f"- {processor}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}\n"
        f"- Python {platform.python_version()}\n"
        f"- {versions}\n"
    )


def _docstring(script: Path) -> str:
    return script.read_text().split('"""')[1].strip()


if __name__ == "__main__":
    sys.exit(main())
