#!/bin/sh
# Style, types, floors, then the tests; ends with pytest's own closing line.
set -eu
cd "$(dirname "$0")/.."
sh scripts/lint.sh
# Most tests wait for processes and for time to pass: two a core are faster than one.
PYTEST_XDIST_AUTO_NUM_WORKERS="${PYTEST_XDIST_AUTO_NUM_WORKERS:-$(($(getconf _NPROCESSORS_ONLN) * 2))}"
export PYTEST_XDIST_AUTO_NUM_WORKERS
exec .venv/bin/python -m pytest -n auto -q "$@"
