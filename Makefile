# Every target sets up what it needs, once; needs python3 (3.11 or newer), make and a network that reaches PyPI.
# Another interpreter: make test PYTHON=/path/to/python3.12

export PYTHON ?= python3
# adelie needs numpy<2, nemos takes plain dicts of features from 0.2.9 on, which needs Python 3.12.
BENCH_PYTHON ?= python3.12
BENCH ?=
DEMO ?=

BIN := .venv/bin
# A stamp is made when an environment is complete, and is out of date when the requirements change.
RUN_STAMP := .venv/.installed-run
TEST_STAMP := .venv/.installed-test
BENCH_STAMP := .venv-bench/.installed
CHECKED := src tests benchmarks examples tools

.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z]+):[^#]*## */  make \1\t/' | expand -t 16

demo: $(RUN_STAMP) ## Select the covariates of 15 recorded cells; prints a table, writes a figure
	@$(BIN)/spikesieve demo $(DEMO)

test: lint ## Style, types, then all tests and documented examples, as CI runs them
	@$(BIN)/python -m pytest -n 2 -q

lint: $(TEST_STAMP) ## Style and types only
	@$(BIN)/ruff check --quiet $(CHECKED)
	@$(BIN)/ruff format --check --quiet $(CHECKED) || { echo "Run 'make format' to format these files:"; \
		$(BIN)/ruff format --check $(CHECKED); exit 1; }
	@$(BIN)/basedpyright --level error

format: $(TEST_STAMP) ## Format the code and sort its imports
	@$(BIN)/ruff check --quiet --fix --exit-zero $(CHECKED)
	@$(BIN)/ruff format $(CHECKED)

bench: $(BENCH_STAMP) ## Compare with adelie and nemos, in an environment of their own
	@.venv-bench/bin/python benchmarks/bench_path.py $(BENCH)
	@.venv-bench/bin/python benchmarks/bench_process.py

$(RUN_STAMP): pyproject.toml tools/setup_venv.sh
	@tools/setup_venv.sh .venv
	@touch $@

$(TEST_STAMP): pyproject.toml tools/setup_venv.sh
	@tools/setup_venv.sh .venv test
	@touch $@ $(RUN_STAMP)

$(BENCH_STAMP): pyproject.toml tools/setup_venv.sh
	@PYTHON="$(BENCH_PYTHON) $(PYTHON)" tools/setup_venv.sh .venv-bench bench
	@touch $@
