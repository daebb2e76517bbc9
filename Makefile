# `make run` and `make test` do all the set-up on a machine with only Python 3.11+, make and git.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
SCENARIO ?= fall_in_bathroom
SECONDS ?= 600

.PHONY: run test check bench slow hardware fuzz setup clean
.DEFAULT_GOAL := help

help:
	@echo "make run [SCENARIO=name]  a simulated home through the real pipeline, until Ctrl-C"
	@echo "make test                 checks and tests"
	@echo "make check                ruff, mypy --strict, import rules"
	@echo "make bench                the measured claims, as tables"
	@echo "make slow                 the long suites"
	@echo "make hardware BENCH=file  the hardware tests on real ports (docs/how-to/hardware-in-the-loop.md)"
	@echo "make fuzz [SECONDS=600]   coverage-guided fuzzing of every serial driver (x86-64 Linux)"

$(VENV)/.run: requirements/run.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with its venv module is needed, and none was found"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --config-settings editable_mode=compat --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/dev.txt
	touch $@

setup: $(VENV)/.dev

run: $(VENV)/.run
	$(BIN)/hearthwatch demo --scenario $(SCENARIO)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(VENV)/.dev check
	$(BIN)/python -m pytest -n 2 --dist loadfile

slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow --timeout 3600

hardware: $(VENV)/.dev
	@test -f "$(BENCH)" || { echo "Which devices hang on which ports? Copy docs/how-to/bench.example.yaml to bench.yaml,"; \
		echo "write your port into it (ls /dev/serial/by-id), then: make hardware BENCH=bench.yaml"; \
		echo "Without hardware the same tests run on emulated devices in: make test"; exit 2; }
	HEARTHWATCH_BENCH="$(abspath $(BENCH))" $(BIN)/python -m pytest tests/hardware -m hardware -s -v -rs --timeout 0

fuzz: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/fuzz.txt
	$(BIN)/python -m bench.fuzz_guided --seconds $(SECONDS)

bench: $(VENV)/.dev
	$(BIN)/python -m bench.decode
	$(BIN)/python -m bench.parse
	$(BIN)/python -m bench.pipeline
	$(BIN)/python -m bench.store
	$(BIN)/python -m bench.falls
	$(BIN)/python -m bench.inactivity
	$(BIN)/python -m bench.leaks

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
