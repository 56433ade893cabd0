# Everything that a developer does often. It needs Python 3.11 or later, and make; `make help`.

# The first that is new enough, unless you name one: make PYTHON=/path/to/python install
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11 python
IS_NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in $(CANDIDATES); do \
	$$name -c '$(IS_NEW_ENOUGH)' 2>/dev/null && echo $$name && break; done)

VENV := .venv
BIN := $(VENV)/bin
# Tests start hundreds of processes, and none of them is to compile all of it again.
unexport PYTHONDONTWRITEBYTECODE
# What a target hands on: make up ARGS="--port 9000", make test ARGS="-k rush"
ARGS ?=
# Each has servers of its own. Three have something to do while one of them waits.
TEST_PROCESSES ?= 3

.DEFAULT_GOAL := help
.PHONY: help install up test proof check format lock api-lint api-fuzz protocol model crash chaos chaos-long bench bench-lock demo test-browser screenshots clean

help: ## List these targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(VENV)/.installed ## Create .venv with everything, pinned by requirements.txt

up: install ## Start everything on this machine, and a sale to try
	@$(BIN)/doorbuster up $(ARGS)

demo: install ## The same, and a crowd of 3000 that storms the sale: watch it
	@$(BIN)/doorbuster up --rush 3000 $(ARGS)

test: install ## Run the tests, on real servers
	$(BIN)/pytest -n $(TEST_PROCESSES) --dist worksteal -m 'not proof and not browser' $(ARGS)

test-browser: install ## Drive the pages in Chromium, where it is on PATH
	$(BIN)/pytest -m browser $(ARGS)

screenshots: install ## Take the pictures of the pages that README.md shows
	PYTHONPATH=tests $(BIN)/python -m browser.screenshots

proof: install ## Run what takes longer: crash points, a short chaos run, the protocol's model
	$(BIN)/pytest -n $(TEST_PROCESSES) --dist worksteal -m proof $(ARGS)

check: install ## Lint, formatting, types, and which package may import which
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install ## Format the code, and mend what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

LOCKING := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet

lock: install ## Write the locks anew from pyproject.toml (ARGS=--upgrade: newest versions)
	$(BIN)/pip install --quiet 'uv>=0.13,<1'
	$(BIN)/uv pip compile pyproject.toml --output-file requirements.txt \
		--extra embedded --extra client --extra otel --group dev $(LOCKING) $(ARGS)
	$(BIN)/uv pip compile pyproject.toml --output-file ops/image/requirements.txt \
		--extra otel --constraint requirements.txt $(LOCKING)
	$(BIN)/uv pip compile --group build --output-file ops/image/build-requirements.txt \
		--constraint requirements.txt $(LOCKING)

api-fuzz: install ## Fuzz the whole HTTP interface for some minutes, by its OpenAPI document
	API_FUZZ_EXAMPLES=50 $(BIN)/pytest -m proof -s -k api_fuzz $(ARGS)

# Pinned here, and fetched when it is asked for: it is no dependency of anything that we ship.
SPECTRAL := npx --yes @stoplight/spectral-cli@6.16.3
api-lint: install ## Hold the OpenAPI document against Spectral's rules, where there is Node
	@mkdir -p build && PYTHONPATH=tests $(BIN)/python -m away > build/openapi.json
	@if SCARF_ANALYTICS=false $(SPECTRAL) --version >/dev/null 2>&1; then \
		SCARF_ANALYTICS=false $(SPECTRAL) lint --fail-severity=warn build/openapi.json; \
	else echo "Spectral cannot be had here (it needs Node and npm's registry): nothing is linted"; fi

protocol: install ## Visit every state of the protocol's model; writes docs/evidence.md
	PYTHONPATH=tests $(BIN)/python -m protocol

model: install ## Let the scripts and their model live through 400 stories; writes docs/evidence.md
	LUA_MODEL_EXAMPLES=400 $(BIN)/pytest tests/lua/test_model.py $(ARGS)

crash: install ## Let a reconciler and a gateway die at every point, not just at some
	CRASH_POINTS=all $(BIN)/pytest -n $(TEST_PROCESSES) --dist worksteal -m proof -k crash_points $(ARGS)

OUTAGE_SECONDS ?= 300
outage: install ## Take Postgres away for minutes, in the middle of a sale; writes docs/evidence.md
	OUTAGE_SECONDS=$(OUTAGE_SECONDS) $(BIN)/pytest -q tests/acceptance/test_ledger_behind.py $(ARGS)

soak: install ## Sell for 10 minutes, and see whether anything grows; writes docs/evidence.md
	PYTHONPATH=tests $(BIN)/python -m soak --evidence $(ARGS)

chaos: install ## Hurt a whole shop for 20 seconds, and see whether it keeps its promises
	PYTHONPATH=tests $(BIN)/python -m chaos --seconds 20 $(ARGS)

# 200 kills and 50 failovers of each level: 5 to 15 minutes a level on two cores, so half an hour
# or more. What one run does not reach, the next one adds.
chaos-long: install ## The same, long enough for a claim, at each level; writes docs/evidence.md
	for level in memory fsync replicated ledger; do \
		PYTHONPATH=tests $(BIN)/python -m chaos --level $$level --runs 3 --seconds 1200 --enough \
			--keep build/chaos/$$level --evidence docs/evidence.md $(ARGS) || exit 1; done

bench: install ## Measure it beside its peers, in some 25 minutes; writes bench/RESULTS.md
	$(BIN)/python -m bench all --json bench/results.json --report bench/RESULTS.md $(ARGS)

bench-lock: install ## Write the locks of the benchmark's peers anew
	$(BIN)/pip install --quiet 'uv>=0.13,<1'
	$(BIN)/uv pip compile bench/requirements.in --output-file bench/requirements.txt \
		--universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet $(ARGS)
	npm install --prefix bench/peers --package-lock-only --ignore-scripts --no-audit --no-fund \
		--omit-lockfile-registry-resolved

clean: ## Remove .venv and caches; the state of `up` stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis bench/.venv bench/peers/node_modules

$(VENV)/.installed: requirements.txt pyproject.toml
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(IS_NEW_ENOUGH)' || { echo >&2 \
		"Doorbuster needs Python 3.11 or later. Name one: make PYTHON=/path/to/python install"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
