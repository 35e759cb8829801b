# Two commands: `make demo` and `make test`. Everything they need goes into .venv, from the versions in constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt

.PHONY: demo test test-slow fuzz chaos test-gpu check perf lock clean

demo: .venv/demo.stamp  ## compare candidates on the two embedded tasks, without a network
	@$(BIN)/bench compare --task support-intents --offline --effort quick
	@$(BIN)/bench compare --task digits --offline --effort quick
	@echo
	@echo "Reports, to be opened in a browser:"
	@for task in support-intents digits; do echo "  $(CURDIR)/reports/$$task/latest/report.html"; done
	@echo "Frozen features were compared. To train the best candidate too, which takes minutes on a processor:"
	@echo "  $(BIN)/bench compare --task support-intents --offline --budget 20m"

test: .venv/dev.stamp  ## what CI runs, together with `make check`
	@$(BIN)/python -m compileall -q harness candidates  # once for all processes, also where Python may not write what it compiled
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest --cov --cov-report= -n 2 --dist loadfile
	@$(BIN)/python -m coverage report --fail-under=90 --skip-covered --format=total | sed 's/^/coverage of the pure layers, percent: /'

test-slow: .venv/dev.stamp
	@$(BIN)/python -m pytest -m slow

fuzz: .venv/dev.stamp  ## over 10,000 inputs for the parsers: each outcome is a value or an error of three lines
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz.hunt

chaos: .venv/dev.stamp  ## 200 comparisons with faults drawn at random, each ended in some way and resumed: nothing may be lost
	@$(BIN)/python -m compileall -q harness
	@$(BIN)/python -m tests.chaos.storm --runs 200

test-gpu: .venv/dev.stamp
	@$(BIN)/python -m pytest -m gpu

check: .venv/dev.stamp  ## format, lint, types, import contracts
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports > .import_linter_cache.log || { cat .import_linter_cache.log; exit 1; }

perf: .venv/perf.stamp  ## what bench claims about its own speed, as ratios measured in one run
	@$(BIN)/python benchmarks/run.py

lock: .venv/bin/uv  ## choose the newest versions that pyproject.toml allows
	@$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --quiet --no-annotate --no-header \
	  --upgrade --output-file constraints.txt

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "bench needs Python 3.11 or newer: make PYTHON=python3.11 …"; exit 1; }
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -W ignore -m pip install --quiet --disable-pip-version-check uv==0.13.9

.venv/demo.stamp: .venv/bin/uv pyproject.toml constraints.txt
	@echo "installing into .venv (a few minutes, once)"
	@$(INSTALL) --editable '.[demo]'
	@touch $@

.venv/dev.stamp: .venv/demo.stamp
	@$(INSTALL) --editable '.[demo,dev]'
	@touch $@

.venv/perf.stamp: .venv/dev.stamp
	@$(INSTALL) --editable '.[demo,dev,perf]'
	@touch $@
