# One entry point for every chore. `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
HOST   ?= 127.0.0.1
PORT   ?= 9000
DATA   ?= ./data
FUZZ_SECONDS ?= 60
CODEC_SOURCES := $(shell find codec -path codec/target -prune -o \( -name '*.rs' -o -name '*.toml' -o -name '*.lock' -o -name '*.py' -o -name '*.pyi' \) -print 2>/dev/null)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup run test test-rust test-python lint fmt bench fuzz docs clean check-python check-rust

help: ## list the chores
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

check-python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "OpenMogr needs Python 3.11 or newer; install it, or name one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "OpenMogr needs Python 3.11 or newer, but $(PYTHON) is $$($(PYTHON) -V 2>&1); name another: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing; on Debian: apt install python3-venv"; exit 1; }

check-rust:
	@command -v cargo >/dev/null 2>&1 || { echo "The TPG codec is built with Rust 1.89 or newer, and cargo was not found; install it with rustup (https://rustup.rs)"; exit 1; }

$(VENV)/.python: pyproject.toml | check-python
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[heif]' --group dev
	@touch $@

# The Node SDK is one of the clients under test; without npm its tests are skipped with a reason.
$(VENV)/.node: tests/clients/package.json | $(VENV)/.python
	@if command -v npm >/dev/null 2>&1; then \
	  npm install --prefix tests/clients --no-package-lock --no-audit --no-fund --silent \
	  || echo "npm could not install the COS Node SDK; its tests will be skipped"; \
	fi
	@touch $@

$(VENV)/.codec: $(VENV)/.python $(CODEC_SOURCES) | check-rust
	cd codec && VIRTUAL_ENV="$(CURDIR)/$(VENV)" ../$(BIN)/maturin develop --release --quiet
	@touch $@

setup: $(VENV)/.codec ## make .venv with the service, the codec and the development tools

run: setup ## start the server with embedded storage and a sample picture
	$(BIN)/openmogr serve --host $(HOST) --port $(PORT) --data $(DATA) --demo

test: setup test-rust test-python ## run every test

test-rust: | check-rust
	cd codec && cargo test --release --quiet --workspace

test-python: setup $(VENV)/.node
	COSCMD_PATH="$(CURDIR)/$(BIN)" $(BIN)/python -m pytest -q

lint: setup ## ruff, mypy --strict, stubtest, generated documentation, cargo fmt, clippy
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	cd codec && ../$(BIN)/python -m mypy.stubtest pillow_tpg._pillow_tpg
	$(BIN)/python docs/generate.py --check
	cd codec && cargo fmt --all --check
	cd codec && cargo clippy --workspace --all-targets --quiet -- -D warnings

fmt: setup ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	cd codec && cargo fmt --all

bench: setup ## measure; every table names the machine
	$(BIN)/python bench/engine.py
	$(BIN)/python bench/http.py
	$(BIN)/python bench/decode.py
	$(BIN)/python bench/quality.py

fuzz: setup ## fuzz the codec's decoder, a minute a target (FUZZ_SECONDS)
	codec/fuzz/run.sh header $(FUZZ_SECONDS)
	codec/fuzz/run.sh decode $(FUZZ_SECONDS)
	codec/fuzz/run.sh animation $(FUZZ_SECONDS)

docs: setup ## make again the generated parts of the documentation
	$(BIN)/python docs/generate.py

clean: ## remove what setup and builds made (never ./data)
	rm -rf $(VENV) codec/target
