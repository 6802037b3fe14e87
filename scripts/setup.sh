#!/bin/sh
# Makes .venv with the pinned packages and the command `hadir`, and node_modules with what the pages need of npm;
# `setup.sh test` adds what the tests need.
# Says what it does; does nothing, and needs no network, when nothing has changed since the last time.
set -eu
cd "$(dirname "$0")/.."
what=${1:-run}
python=${PYTHON:-python3}

say() { printf '%s\n' "$*"; }

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  say "setup: $python is older than Python 3.11; name a newer one: make PYTHON=python3.12 $what" >&2
  exit 2
}

# The stamp changes when the lock, the project file, the interpreter or the place of the checkout does.
wanted=$( (cat requirements.lock pyproject.toml; "$python" -VV; pwd) | cksum)
stamp=.venv/.hadir-setup
if [ ! -x .venv/bin/hadir ] || [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
  [ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null || {
    say "setup: making .venv with $("$python" -V)"
    rm -rf .venv
    "$python" -m venv .venv
  }
  say "setup: installing $(grep -c '==' requirements.lock) pinned packages (a minute on a fresh machine)"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
  printf '%s' "$wanted" > "$stamp"
  say "setup: done; the command is .venv/bin/hadir"
fi

# What is there for the tests is enough to run, too; `npm ci` takes the stamp away with all the rest.
wanted=$(cksum < package-lock.json)
stamp=node_modules/.hadir-setup
have=$(cat "$stamp" 2>/dev/null || true)
if [ "$have" != "test $wanted" ] && [ "$have" != "$what $wanted" ]; then
  omit=""
  [ "$what" = test ] || omit="--omit=dev"
  if npm --version >/dev/null 2>&1; then say "setup: installing what the pages need from npm"
  else say "setup: installing what the pages need from npm, by an npm from PyPI, since there is none here (60 MB)"
  fi
  mkdir -p .setup
  sh scripts/npm.sh ci --ignore-scripts $omit > .setup/npm.log 2>&1 || {
    why=$(grep -im 1 error .setup/npm.log || tail -n 1 .setup/npm.log)
    say "setup: npm failed ($why); are the registries within reach? All that it said: .setup/npm.log" >&2
    exit 2
  }
  printf '%s' "$what $wanted" > "$stamp"
fi
# What of it the pages serve stands among their own files, so that it is part of the package.
vendor=api/pages/static/vendor
mkdir -p "$vendor"
place() { cmp -s "node_modules/$1" "$vendor/$2" || cp "node_modules/$1" "$vendor/$2"; }
place uplot/dist/uPlot.iife.min.js uplot.js
place uplot/dist/uPlot.min.css uplot.css
place uplot/LICENSE uplot.LICENSE.txt

[ "$what" = test ] || exit 0

# Real brokers, stores, databases and browsers for the tests, from Debian where we may install them.
missing=""
command -v mosquitto >/dev/null 2>&1 || [ -x /usr/sbin/mosquitto ] || missing="$missing mosquitto"
command -v influxd >/dev/null 2>&1 || missing="$missing influxdb"
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
command -v curl >/dev/null 2>&1 || missing="$missing curl"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  say "setup: installing for the tests:$missing"
  export DEBIAN_FRONTEND=noninteractive
  # The packages must not start services: the tests start their own, on free ports.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod +x "$policy"
  fi
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 $missing >/dev/null
else
  say "setup: not here:$missing (needs root and apt-get); the tests that use them will be skipped and say so"
fi
