# One entry point for every chore. `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
HOST   ?= 127.0.0.1
PORT   ?= 9000
DATA   ?= ./data
CLIENTS := tests/clients
rust_sources = $(shell find $(1) -name target -prune -o \( -name '*.rs' -o -name '*.toml' -o -name '*.lock' -o -name '*.py' -o -name '*.pyi' \) -print 2>/dev/null)
FUZZ_SECONDS ?= 60
# Test files are shared out to so many processes, in the order of tests/conftest.py. More than half of their time they
# wait for servers, clients, browsers and the disk.
TEST_PROCESSES ?= $(shell expr 2 + 2 '*' `getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2`)
CODEC_SOURCES := $(filter-out codec/wasm/%,$(call rust_sources,codec))
WASM_SOURCES := $(call rust_sources,codec/avs2) $(call rust_sources,codec/tpg) $(wildcard codec/wasm/*.mjs codec/wasm/Cargo.* codec/wasm/src/* codec/wasm/.cargo/* codec/wasm/npm/*.js)
WASM_TARGET := wasm32-unknown-unknown
PIXELS_SOURCES := $(call rust_sources,pixels)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Where the environment forbids it, each of the hundreds of processes of the tests would compile the service anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup clients wasm wasm-tools run test test-rust test-neon test-python lint fmt bench reliability fuzz docs sheet clean check-python check-rust check-nasm check-fonts goldens notices lock site

help: ## list the chores
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

check-python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "OpenMogr needs Python 3.11 or newer; install it, or name one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "OpenMogr needs Python 3.11 or newer, but $(PYTHON) is $$($(PYTHON) -V 2>&1); name another: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing; on Debian: apt install python3-venv"; exit 1; }

check-rust:
	@command -v cargo >/dev/null 2>&1 || { echo "The native modules are built with Rust 1.89 or newer, and cargo was not found; install it with rustup (https://rustup.rs)"; exit 1; }

# Only x86 needs it; libjpeg-turbo's SIMD for ARM is C and GNU assembler.
check-nasm:
	@case "$$(uname -m)" in x86_64|i?86|amd64) command -v nasm >/dev/null 2>&1 \
	  || echo "nasm was not found, so JPEG will be slower; on Debian: apt install nasm, then make clean setup";; esac

# Where they are looked for is a setting; this is where Debian has them.
check-fonts:
	@ls /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc >/dev/null 2>&1 \
	  || echo "Noto CJK was not found, so texts may not be written on pictures, and their tests are skipped; on Debian: apt install fonts-noto-cjk"

$(VENV)/.tools: pyproject.toml | check-python
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

# After the native modules, which the service would otherwise have from PyPI.
$(VENV)/.python: pyproject.toml $(VENV)/.tools | $(VENV)/.codec $(VENV)/.pixels
	$(BIN)/python -m pip install --quiet --editable '.[heif,jxl,stores,postgres,faces]'
	@touch $@

# The clients under test. Where a toolchain or a registry is missing, their tests are skipped with a reason.
$(VENV)/.node: $(CLIENTS)/package.json | $(VENV)/.tools
	@if command -v npm >/dev/null 2>&1; then \
	  npm install --prefix $(CLIENTS) --no-package-lock --no-audit --no-fund --silent \
	  || echo "npm could not install the COS SDKs for JavaScript and Azurite; their tests will be skipped"; \
	fi
	@touch $@

$(VENV)/.go: $(wildcard $(CLIENTS)/go/*) | $(VENV)/.tools
	@rm -f $(CLIENTS)/build/go_client
	@if ! command -v go >/dev/null 2>&1; then echo "no Go; the tests of its COS SDK will be skipped"; \
	elif ! (cd $(CLIENTS)/go && go mod download); then echo "Go could not fetch the COS SDK; its tests will be skipped"; \
	else cd $(CLIENTS)/go && go build -o ../build/go_client .; fi
	@touch $@

$(VENV)/.java: $(CLIENTS)/java/pom.xml $(wildcard $(CLIENTS)/java/src/*) | $(VENV)/.tools
	@rm -rf $(CLIENTS)/build/java
	@if ! command -v mvn >/dev/null 2>&1 || ! command -v javac >/dev/null 2>&1; then \
	  echo "no Maven or JDK; the tests of the COS SDK for Java will be skipped"; \
	elif ! mvn -q -B -f $(CLIENTS)/java/pom.xml dependency:copy-dependencies; then \
	  echo "Maven could not fetch the COS SDK for Java; its tests will be skipped"; \
	else javac --release 11 -encoding UTF-8 -cp '$(CLIENTS)/build/java/lib/*' -d $(CLIENTS)/build/java/classes $(CLIENTS)/java/src/*.java; fi
	@touch $@

# An S3 server for the tests of the gateway. Built once for all clones of a user, since that takes minutes.
VERSITYGW := v1.8.0
VERSITYGW_BUILT := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/openmogr/versitygw-$(VERSITYGW)
$(VENV)/.versitygw-$(VERSITYGW): | $(VENV)/.tools
	@mkdir -p $(CLIENTS)/build $(VERSITYGW_BUILT) && rm -f $(CLIENTS)/build/versitygw
	@if [ ! -x $(VERSITYGW_BUILT)/versitygw ] && ! command -v go >/dev/null 2>&1; then \
	  echo "no Go; the tests of the gateway over S3 will be skipped"; \
	elif [ ! -x $(VERSITYGW_BUILT)/versitygw ] && ! GOBIN=$(VERSITYGW_BUILT) go install github.com/versity/versitygw/cmd/versitygw@$(VERSITYGW); then \
	  echo "Go could not build versitygw; the tests of the gateway over S3 will be skipped"; \
	else ln -sf $(VERSITYGW_BUILT)/versitygw $(CLIENTS)/build/versitygw; fi
	@touch $@

# Google Cloud Storage for the tests of the gateway, kept in the same way.
FAKE_GCS := v1.56.1
FAKE_GCS_BUILT := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/openmogr/fake-gcs-server-$(FAKE_GCS)
$(VENV)/.fake-gcs-server-$(FAKE_GCS): | $(VENV)/.tools
	@mkdir -p $(CLIENTS)/build $(FAKE_GCS_BUILT) && rm -f $(CLIENTS)/build/fake-gcs-server
	@if [ ! -x $(FAKE_GCS_BUILT)/fake-gcs-server ] && ! command -v go >/dev/null 2>&1; then \
	  echo "no Go; the tests of the gateway over Google Cloud Storage will be skipped"; \
	elif [ ! -x $(FAKE_GCS_BUILT)/fake-gcs-server ] && ! GOBIN=$(FAKE_GCS_BUILT) go install github.com/fsouza/fake-gcs-server@$(FAKE_GCS); then \
	  echo "Go could not build fake-gcs-server; the tests of the gateway over Google Cloud Storage will be skipped"; \
	else ln -sf $(FAKE_GCS_BUILT)/fake-gcs-server $(CLIENTS)/build/fake-gcs-server; fi
	@touch $@

# For the tests of the chart (deploy/helm), and kept in the same way.
HELM := v3.22.0
HELM_BUILT := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/openmogr/helm-$(HELM)
$(VENV)/.helm-$(HELM): | $(VENV)/.tools
	@mkdir -p $(CLIENTS)/build $(HELM_BUILT) && rm -f $(CLIENTS)/build/helm
	@if [ ! -x $(HELM_BUILT)/helm ] && ! command -v go >/dev/null 2>&1; then \
	  echo "no Go; the tests of the chart will be skipped"; \
	elif [ ! -x $(HELM_BUILT)/helm ] && ! GOBIN=$(abspath $(HELM_BUILT)) go install helm.sh/helm/v3/cmd/helm@$(HELM); then \
	  echo "Go could not build Helm; the tests of the chart will be skipped"; \
	else ln -sf $(HELM_BUILT)/helm $(CLIENTS)/build/helm; fi
	@touch $@

clients: $(VENV)/.node $(VENV)/.go $(VENV)/.java $(VENV)/.versitygw-$(VERSITYGW) $(VENV)/.fake-gcs-server-$(FAKE_GCS) $(VENV)/.helm-$(HELM) ## install and build the clients that the tests drive

# wasm-bindgen has to be of the version that the crate is locked to.
WASM_BINDGEN = $(shell sed -n '/^name = "wasm-bindgen"/{n;s/version = "\(.*\)"/\1/p}' codec/wasm/Cargo.lock)

wasm-tools: | check-rust ## install what `make wasm` needs: Rust for WebAssembly, and wasm-bindgen
	rustup target add $(WASM_TARGET)
	@codec/wasm/target/tools/bin/wasm-bindgen --version 2>/dev/null | grep -qx 'wasm-bindgen $(WASM_BINDGEN)' \
	  || cargo install --quiet --debug --root codec/wasm/target/tools --version '=$(WASM_BINDGEN)' wasm-bindgen-cli

wasm: | check-rust ## build @openmogr/tpg, the package for browsers and Node (codec/wasm/npm), and the console's decoder
	node codec/wasm/build.mjs

# For the tests, which are skipped where the tools are missing.
$(VENV)/.wasm: $(WASM_SOURCES) | $(VENV)/.tools
	@if ! command -v node >/dev/null 2>&1; then echo "no Node; the tests of WebAssembly will be skipped"; \
	elif ! [ -d "$$(rustc --print sysroot)/lib/rustlib/$(WASM_TARGET)" ] || ! { [ -x codec/wasm/target/tools/bin/wasm-bindgen ] || command -v wasm-bindgen >/dev/null 2>&1; }; then \
	  echo "no Rust for WebAssembly or no wasm-bindgen, see make wasm-tools; the tests of WebAssembly will be skipped"; \
	else $(MAKE) --no-print-directory wasm; fi
	@touch $@

$(VENV)/.codec: $(VENV)/.tools $(CODEC_SOURCES) | check-rust
	cd codec && VIRTUAL_ENV="$(CURDIR)/$(VENV)" ../$(BIN)/maturin develop --release --quiet
	@touch $@

$(VENV)/.pixels: $(VENV)/.tools $(PIXELS_SOURCES) | check-rust check-nasm
	cd pixels && VIRTUAL_ENV="$(CURDIR)/$(VENV)" ../$(BIN)/maturin develop --release --quiet
	@touch $@

setup: $(VENV)/.codec $(VENV)/.pixels $(VENV)/.python | check-fonts ## make .venv with the service, its native modules and the development tools

run: setup ## start the server with embedded storage and a sample picture
	$(BIN)/openmogr serve --host $(HOST) --port $(PORT) --data $(DATA) --demo

# Tests of Python wait for more than they compute, so those of Rust run beside them, and are shown after them. Python's
# tests that have to be alone wait for Rust's by the lock of tests/conftest.py.
ifneq ($(shell command -v flock),)
test: setup clients $(VENV)/.wasm ## run every test, with a floor under the branch coverage of Python
	@mkdir -p build
	@flock --no-fork --shared tests/conftest.py $(MAKE) --no-print-directory test-rust test-neon >build/test-rust.log 2>&1 & \
	rust=$$!; trap "kill $$rust" INT TERM; \
	$(MAKE) --no-print-directory test-python; python=$$?; \
	wait $$rust; rust=$$?; cat build/test-rust.log; exit $$((python + rust))
else
test: setup test-rust test-neon test-python
endif

test-rust: | check-rust
	cd codec && cargo test --profile quick --quiet --workspace
	cd pixels && cargo test --release --quiet --workspace

test-neon: | check-rust ## run the codec as 64-bit ARM does, with QEMU; says so where that cannot be done
	codec/test_neon.sh

test-python: setup clients $(VENV)/.wasm
	COSCMD_PATH="$(CURDIR)/$(BIN)" $(BIN)/python -m pytest -q -rs -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder --cov --cov-report=

goldens: setup ## make the pictures that tests compare with anew; look at what changed before committing it
	$(BIN)/python -m tests.golden.remake

lint: setup ## ruff, mypy --strict, stubtest, documentation, links, typos, YAML, cargo fmt, clippy
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	cd codec && ../$(BIN)/python -m mypy.stubtest pillow_tpg._pillow_tpg
	$(BIN)/python tools/generate_docs.py --check
	$(BIN)/python tools/chart.py --check
	$(BIN)/python tools/third_party.py --check
	$(BIN)/python tools/check_links.py
	$(BIN)/typos
	$(BIN)/hadolint --config .hadolint.yaml deploy/Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/feature.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml deploy/compose.cluster.yaml
	cd codec && cargo fmt --all --check
	cd codec && cargo clippy --workspace --all-targets --quiet -- -D warnings
	cd codec/fuzz && cargo metadata --locked --format-version 1 >/dev/null # its Cargo.lock goes with the codec's crates
	cd codec/wasm && cargo fmt --check
	@if [ -d "$$(rustc --print sysroot)/lib/rustlib/$(WASM_TARGET)" ]; then cd codec/wasm && cargo clippy --quiet -- -D warnings; \
	else echo "no Rust for WebAssembly: codec/wasm is not checked by clippy"; fi
	cd pixels && cargo fmt --all --check
	cd pixels && cargo clippy --workspace --all-targets --quiet -- -D warnings

fmt: setup ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	cd codec && cargo fmt --all
	cd codec/wasm && cargo fmt
	cd pixels && cargo fmt --all

bench: setup ## measure; tables and bench/results/*.json name the machine
	@mkdir -p bench/results
	$(BIN)/python -m bench.engine --json bench/results/engine.json
	$(BIN)/python -m bench.pixels --json bench/results/pixels.json
	$(BIN)/python -m bench.http --json bench/results/http.json
	$(BIN)/python -m bench.hits --json bench/results/hits.json
	$(BIN)/python -m bench.decode --json bench/results/decode.json
	$(BIN)/python -m tools.calibrate.quality --json bench/results/quality.json

reliability: setup ## soak the server, kill it, starve it and overload it, for about two hours; docs/reliability.md has the figures
	@mkdir -p bench/results
	$(BIN)/python -m bench.soak --seconds 1800 --requests 10000 --json bench/results/soak.json
	$(BIN)/python -m bench.kills --rounds 200 --json bench/results/kills.json
	$(BIN)/python -m bench.faults --json bench/results/faults.json
	$(BIN)/python -m bench.overload --json bench/results/overload.json
	$(BIN)/python -m bench.equal --json bench/results/equal.json
	$(BIN)/python -m bench.shortage --json bench/results/shortage.json
	$(BIN)/python -m bench.slow_clients --json bench/results/slow_clients.json
	$(BIN)/python -m bench.responsiveness --json bench/results/responsiveness.json
	$(BIN)/python -m bench.bulk --json bench/results/bulk.json

fuzz: setup ## fuzz the codec's decoder, a minute a target (FUZZ_SECONDS)
	codec/fuzz/run.sh header $(FUZZ_SECONDS)
	codec/fuzz/run.sh decode $(FUZZ_SECONDS)
	codec/fuzz/run.sh animation $(FUZZ_SECONDS)

docs: setup ## make again the generated parts of the documentation
	$(BIN)/python tools/generate_docs.py
	$(BIN)/python tools/chart.py

sheet: setup ## make the sheet of all operations again (docs/use/operations-sheet.webp)
	$(BIN)/python tools/contact_sheet.py

notices: setup ## make THIRD_PARTY.txt of the native modules again, after a change of Rust dependencies
	$(BIN)/python tools/third_party.py

site: setup ## build the documentation's site into site/, strictly
	$(BIN)/python tools/build_site.py

lock: $(VENV)/.tools ## write anew, with hashes, what the image and the tools of a release install
	$(BIN)/python -m pip install --quiet --group release
	$(BIN)/python -m tools.release.lock

clean: ## remove what setup and builds made (never ./data)
	rm -rf $(VENV) build dist site codec/target codec/wasm/target codec/wasm/npm/dist src/openmogr/console/decoder pixels/target $(CLIENTS)/build $(CLIENTS)/node_modules
