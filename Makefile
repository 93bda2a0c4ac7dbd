# Every target works from a fresh clone: the first one that needs the virtual environment makes it.
# Extra arguments go through ARGS: make test ARGS='tests/unit -k clock'

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DISTS := shared services/ingest services/scoring services/router services/sla-monitor services/standalone
PROJECTS := $(DISTS:%=%/pyproject.toml)

# Ruff's cache, like the others', under the one folder that git ignores and `make clean` empties.
export RUFF_CACHE_DIR := .cache/ruff

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

## Setting up

.PHONY: install
install: $(STAMP) ## Make .venv with everything pinned (instant when nothing changed)

$(STAMP): requirements/dev.txt $(PROJECTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Baton needs Python 3.11 or newer, and '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Say which one to use: make install PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  rm -rf $(VENV); \
	  echo "Could not make $(VENV). On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(DISTS:%=-e ./%)
	@touch $@

## Running

.PHONY: up
up: install ## Run all of Baton in one process at http://localhost:8000
	$(BIN)/baton up $(ARGS)

.PHONY: demo
demo: install ## Run it with a sample playbook and leads that come in
	$(BIN)/baton demo $(ARGS)

.PHONY: migrate
migrate: install ## Bring the database's schemas up to date
	$(BIN)/baton migrate $(ARGS)

## Checking

.PHONY: test
test: install ## Run the tests
	$(BIN)/pytest $(ARGS)

.PHONY: check
check: lint types imports drift coverage ## All that must hold before a change lands

.PHONY: lint
lint: install ## Check style and formatting (ruff)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

.PHONY: format
format: install ## Format the code and mend what can be mended (ruff)
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

.PHONY: types
types: install ## Check the types (mypy, strict)
	$(BIN)/mypy

.PHONY: imports
imports: install ## Check who may import whom (import-linter)
	$(BIN)/lint-imports --cache-dir .cache/import-linter --no-logo

.PHONY: drift
drift: install ## Check that the JSON Schemas match the models
	$(BIN)/python -m baton.leads.schemas shared/schemas --check

.PHONY: coverage
coverage: install ## Run the tests and show what they don't reach
	@mkdir -p .cache/coverage
	$(BIN)/pytest --cov --cov-report=term $(ARGS)

.PHONY: bench
bench: install ## Measure throughput and latency
	$(BIN)/python -m tests.bench $(ARGS)

.PHONY: bench-quarter
bench-quarter: install ## Measure the simulator on a quarter of a year with 20,000 leads
	$(BIN)/python -m tests.bench.quarter $(ARGS)

.PHONY: faults
faults: install ## Kill databases, brokers and services under load and count the leads
	$(BIN)/python -m tests.faults $(ARGS)

## Generated files

.PHONY: schemas
schemas: install ## Write the JSON Schemas from the models
	$(BIN)/python -m baton.leads.schemas shared/schemas

# Extras stay: the pip of Python 3.11 takes `coverage[toml]` of a dependency for another package than the pinned
# `coverage`, and refuses to install as soon as there is a newer release than the pinned one.
COMPILE = $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --universal --python-version 3.11 \
	--no-strip-extras \
	--custom-compile-command 'make requirements' \
	--no-emit-package baton --no-emit-package baton-ingest --no-emit-package baton-scoring \
	--no-emit-package baton-router --no-emit-package baton-sla-monitor

.PHONY: requirements
requirements: install ## Pin the requirements anew (newest versions: ARGS=--upgrade)
	$(COMPILE) $(ARGS) --output-file requirements/runtime.txt $(PROJECTS)
	$(COMPILE) $(ARGS) --output-file requirements/dev.txt --constraint requirements/runtime.txt $(PROJECTS) requirements/dev.in

.PHONY: clean
clean: ## Remove caches and build outputs (.venv and data/ stay)
	rm -rf .cache .hypothesis .coverage .coverage.* htmlcov .mypy_cache .pytest_cache .ruff_cache $(DISTS:%=%/dist) $(DISTS:%=%/build)
	find shared services tests -name __pycache__ -type d -prune -exec rm -rf {} +
