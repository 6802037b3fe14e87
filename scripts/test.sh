#!/bin/sh
# Style, types, floors, then the tests; ends with pytest's own closing line.
set -eu
cd "$(dirname "$0")/.."
sh scripts/lint.sh
exec .venv/bin/python -m pytest -n auto -q "$@"
