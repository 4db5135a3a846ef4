# The front door. `make help` lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
# One more than two processors: many tests wait for a process, a socket or a lease.
WORKERS ?= 3
STAMP := .venv/.setup
# Trust whom the machine trusts, as pip does: behind a company's proxy uv's and Node's own lists know too few.
export UV_SYSTEM_CERTS ?= 1
export NODE_USE_SYSTEM_CA ?= 1
# Where a machine forbids byte code, each of the suite's processes would compile the whole product anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo dev up down test deep chaos fuzz bench check fix docs clean

help: ## Show this
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(STAMP) ## Install everything into .venv (needs Python 3.11 to 3.13 and pip; nothing global)

$(STAMP): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
		|| { echo "Python 3.11 to 3.13 is needed; name one: make setup PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.13,<1'
	@echo "installing the locked packages into .venv (a minute or two the first time)"
	@$(UV) sync --quiet --frozen --all-extras --python $(BIN)/python --inexact --compile-bytecode
	@echo "parsing the dbt project"
	@$(BIN)/python -c 'from assets.warm.project import prepare_manifest; prepare_manifest()'
	@echo "installing Kusto's language service into .venv"
	@$(BIN)/python -c 'from quality.kql.packages import install; install()'
	@touch $@

demo: setup ## The main job: hub to warm tables with local endpoints, and the ledger (EVENTS=200000)
	$(BIN)/lakehouse demo --events $(or $(EVENTS),200000)

up: setup ## Start local Event Hubs and Kusto
	$(BIN)/lakehouse up

down: setup ## End them
	$(BIN)/lakehouse down

dev: setup ## Dagster's UI on http://127.0.0.1:3000, with local endpoints and a bronze worker
	$(BIN)/lakehouse dev --local

check: setup ## Format, lint, types, layers, SQL, rendered files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd dbt_warm && DBT_TARGET_PATH=target/sqlfluff DBT_LOG_PATH=target/sqlfluff ../$(BIN)/sqlfluff lint --disable-progress-bar models
	cd dbt_warm && ../$(BIN)/dbt compile --quiet --target sqlserver --no-introspect --no-populate-cache \
		--project-dir . --profiles-dir . --target-path target/sqlserver --log-path target/sqlserver
	$(BIN)/python -m quality.marts dbt_warm/target/sqlserver
	$(BIN)/lakehouse contracts render --check
	$(BIN)/lakehouse mapping test
	$(BIN)/lakehouse entities test
	$(BIN)/lakehouse adx check

fix: setup ## Let the tools mend what they can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/lakehouse contracts render

chaos: setup ## Three workers, eight partitions, 220 faults of 22 kinds: lost 0 duplicated 0 (SEED=1; about 6 minutes)
	PYTHONPATH=. $(BIN)/python tests/chaos/ingest/run.py --seed $(or $(SEED),1)

fuzz: setup ## A million spoilt messages through every decoder and spec: lost 0 twice 0 (SEED=1; about 6 minutes)
	PYTHONPATH=. $(BIN)/python tests/chaos/fuzz/run.py --seed $(or $(SEED),1)

test: setup ## All tests (LAKE_REAL_DATA names a folder of field data; without it those tests are skipped)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal

deep: setup ## All tests, with the long proofs beside the short ones (every file of the field data, every seed)
	LAKE_DEEP_TESTS=1 $(BIN)/pytest -n $(WORKERS) --dist worksteal

bench: setup ## Measure ingest into benchmarks/RESULTS.md (10 minutes; QUICK=1: 2, shown only; WHAT=silver or gold: the tiers above)
	$(if $(WHAT),$(UV) sync --quiet --frozen --all-extras --group bench --inexact)
	$(BIN)/python -m benchmarks$(if $(WHAT),.$(WHAT)) $(if $(QUICK),--quick,--write)

docs: setup ## Render the pages that are made from the contracts
	$(BIN)/lakehouse contracts render

clean: setup ## End what runs and remove what the demo and dev made
	-$(BIN)/lakehouse down
	rm -rf .lakehouse
