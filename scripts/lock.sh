#!/bin/sh
# Writes requirements.lock anew: every package, for every platform, with hashes and without addresses.
set -eu
cd "$(dirname "$0")/.."
[ -x .venv/bin/uv ] || .venv/bin/python -m pip install --quiet uv
.venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
  --extra dev pyproject.toml --output-file requirements.lock "$@"
