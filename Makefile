# One set of verbs for a person and for CI. Each verb does the set-up it still needs; stamp files make a second run quick.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# Workers times BLAS threads must not exceed the cores: SuperLU slows 2 to 20 times where they do.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1

.PHONY: help setup ngspice demo test lint bench notebooks wheel clean

help: ## show these verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.dev ngspice ## Python environment with the developer tools, and ngspice

demo: $(VENV)/.base ngspice ## the quick start: sets up what is missing, then runs it
	@$(BIN)/aimc-spice doctor
	@$(BIN)/aimc-spice sweep calibration/studies/demo.toml

test: $(VENV)/.dev ngspice ## all tests; ngspice is required (ARGS="-k wire" picks some)
	@$(BIN)/python -m pytest -q $(ARGS)

lint: $(VENV)/.dev ## style, format and types
	@failed=0; $(BIN)/ruff check . || failed=1; $(BIN)/ruff format --check . || failed=1; $(BIN)/mypy || failed=1; exit $$failed

bench: $(VENV)/.dev ngspice ## all benchmarks as one table (ARGS=--quick: under 10 minutes)
	@$(BIN)/python benchmarks $(ARGS)

notebooks: $(VENV)/.notebooks ngspice ## execute every notebook in place
	@shopt -s nullglob; books=(notebooks/*.ipynb); \
	if (( $${#books[@]} )); then $(BIN)/jupyter nbconvert --to notebook --execute --inplace "$${books[@]}"; \
	else echo "no notebooks yet"; fi

wheel: $(VENV)/.dev ## build the wheel into dist/
	@$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist . && ls dist/*.whl

clean: ## remove what the other verbs can make again (runs/ and results/ stay)
	@rm -rf $(VENV) .tools build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

ngspice: $(VENV)/.base
	@.ci/get-ngspice

$(BIN)/python:
	@.ci/make-venv $(VENV)

# A stamp is older than pyproject.toml when the dependencies may have changed.
$(VENV)/.base: pyproject.toml | $(BIN)/python
	@echo "installing the package"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . && touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo "installing the package and the developer tools"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' && touch $(VENV)/.base $@

$(VENV)/.notebooks: $(VENV)/.dev
	@echo "installing what the notebooks need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[notebooks]' && touch $@
