# Everything below runs `setup` first; it does nothing when nothing has changed, and then needs no network.
PYTHON ?= python3
N ?= 1000
BIN := .venv/bin

.PHONY: setup run test lint bench soak lock clean

setup: ; @PYTHON="$(PYTHON)" sh scripts/setup.sh run
run: setup ; @$(BIN)/hadir up --demo
test: ; @PYTHON="$(PYTHON)" sh scripts/setup.sh test && sh scripts/test.sh
lint: ; @PYTHON="$(PYTHON)" sh scripts/setup.sh test && sh scripts/lint.sh
bench: setup ; @$(BIN)/python benchmarks/run.py
soak: ; @PYTHON="$(PYTHON)" sh scripts/setup.sh test && N="$(N)" $(BIN)/python -m pytest -m soak -q
lock: ; @sh scripts/lock.sh
clean: ; rm -rf .venv .setup node_modules api/pages/static/vendor build *.egg-info
