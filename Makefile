# Every target installs what it needs. PYTHON chooses the interpreter: Python 3.11 or newer.
PYTHON ?= python3
# Paths are relative, so that the path of the checkout may contain a space.
BIN := .venv/bin
# Packages are installed without byte code, which Python writes when it first imports them. Where it
# must not, every process would compile them anew: the service then starts three times as slowly.
unexport PYTHONDONTWRITEBYTECODE
# What runs the service is a third of what develops it. An environment that has both stays so.
DEV := .venv/ready
RUN := $(if $(wildcard $(DEV)),$(DEV),.venv/ready-to-run)

.PHONY: help demo test test-full test-image screenshots picture check audit check-access attack chaos fuzz up bench \
	bench-archive bench-road bench-codecs bench-cost bench-cost-worst bench-lossless bench-peers calibrate check-memory crops lock \
	settings api-tables clear clean

demo: $(RUN) ## compress the sample photographs, on real embedded servers
	@$(BIN)/python -m infra.dev.demo tests/samples

help: ## print what every target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# Each test process has servers of its own. The quick tests wait more than they compute.
test: $(DEV) check ## check the code and run the quick tests, some minutes
	@$(BIN)/python -m pytest --numprocesses $(or $(PROCESSES),3) -m "not full and not live"

test-full: $(DEV) check ## run everything that CI runs: the quick tests and the slow ones
	@$(BIN)/python -m pytest --numprocesses $(or $(PROCESSES),2)

check: $(DEV) ## linter, formatter and strict types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

test-image: $(DEV) ## build the container image with buildah and try it; needs root, takes minutes
	@$(BIN)/python -m pytest tests/infra/test_image.py

screenshots: $(DEV) ## take pictures of the page in all its states, for a person to look at
	@rm -rf .screenshots && mkdir .screenshots
	@PAGE_SCREENSHOTS=$$PWD/.screenshots $(BIN)/python -m pytest --quiet -m screenshots tests/page
	@echo "The pictures are in .screenshots"

picture: $(DEV) ## take the README's pictures of the page: docs/page.webp, docs/page-dark.webp
	@$(BIN)/python -m infra.dev.picture tests/samples docs

fuzz: $(DEV) ## run randomly broken images through the engine: make fuzz SECONDS=300 SEED=1
	@$(BIN)/python -m tests.hostile.fuzz $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(SEED),--seed $(SEED))

up: $(RUN) ## run the whole service in the foreground
	@$(BIN)/fluximage up

audit: $(DEV) ## look for known vulnerabilities in the dependencies; needs the network
	@$(BIN)/python -m infra.dev.audit

check-access: $(DEV) ## try ten thousand reads across accounts
	@READS=10000 $(BIN)/python -m pytest tests/api/test_strangers.py

bench: $(DEV) ## measure throughput and latency over HTTP: make bench PHOTOS=folder
	@$(BIN)/python -m infra.benchmarks.service "$(or $(PHOTOS),tests/samples)"

bench-road: $(DEV) ## measure what the service costs around the engine: make bench-road COUNT=10000
	@$(BIN)/python -m infra.benchmarks.road "$(or $(COUNT),2000)"

bench-codecs: $(DEV) .bench/ready ## compare the encoders with sharp: make bench-codecs PHOTOS=folder
	@$(BIN)/python -m infra.benchmarks.codecs "$(or $(PHOTOS),tests/samples)" $(if $(SIDE),--side $(SIDE)) $(MORE)

bench-peers: $(DEV) .bench/ready ## compare the service with sharp and imgproxy: make bench-peers PHOTOS=folder IMGPROXY=binary
	@$(BIN)/python -m infra.benchmarks.peers "$(or $(PHOTOS),tests/samples)" \
		$(if $(IMGPROXY),--imgproxy "$(IMGPROXY)") $(MORE)

calibrate: $(DEV) ## measure the quality tables again (docs/quality.md): make calibrate PHOTOS=folder
	@$(BIN)/python -m infra.benchmarks.codecs.calibrate "$(or $(PHOTOS),tests/samples)" \
		$(if $(SIDE),--side $(SIDE)) $(MORE)

crops: $(DEV) ## draw what the encoders do in faint texture and in the dark: make crops PHOTOS=folder QUALITY=60
	@$(BIN)/python -m infra.benchmarks.codecs.crops "$(or $(PHOTOS),tests/samples)" \
		--quality "$(or $(QUALITY),60)" $(if $(SIDE),--side $(SIDE)) $(MORE)

# What the engine is compared with. Without npm, the benchmark runs without it and says so.
.bench/ready: infra/benchmarks/codecs/package.json infra/benchmarks/codecs/package-lock.json
	@mkdir -p .bench && cp $^ .bench
	@if command -v npm >/dev/null; then \
		npm ci --prefix .bench --silent --no-audit --no-fund && touch $@; fi

bench-cost: $(DEV) ## compare estimated with real cost: make bench-cost PHOTOS=folder COUNT=400
	@$(BIN)/python -m infra.benchmarks.cost "$(or $(PHOTOS),tests/samples)" "$(or $(COUNT),400)"

bench-cost-worst: $(DEV) ## search for pixels that cost more than the estimate says they can: make bench-cost-worst COUNT=300 SEED=1
	@$(BIN)/python -m infra.benchmarks.cost_worst "$(or $(COUNT),300)" "$(or $(SEED),1)"

bench-archive: $(DEV) ## measure the API's memory while it sends an archive: make bench-archive COUNT=10000
	@$(BIN)/python -m infra.benchmarks.archive "$(or $(COUNT),10000)"

bench-lossless: $(DEV) ## check WebP's choice of lossy or lossless: make bench-lossless PICTURES=folder
	@$(BIN)/python -m infra.benchmarks.lossless "$(or $(PICTURES),tests/samples)"

chaos: $(DEV) ## inject faults and check every rule: make chaos SEED=7 ONLY=kill_workers COUNT=1000
	@$(BIN)/python -m infra.chaos $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY)) \
		$(if $(COUNT),--count $(COUNT))

attack: $(DEV) ## attack the service and measure what others feel: make attack SEED=7 ONLY=hostile_png
	@$(BIN)/python -m infra.attacks $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

check-memory: $(DEV) ## measure peak memory and its growth: make check-memory PHOTOS=folder
	@$(BIN)/python -m infra.benchmarks.memory "$(or $(PHOTOS),tests/samples)"

define INSTALL
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "fluximage needs Python 3.11 or newer: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || \
		{ echo "Python's venv module is missing (Debian: apt install python3-venv)" >&2; exit 1; }
	@$(BIN)/python -m infra.dev.install $<
	@touch $@
endef

$(DEV): infra/requirements-dev.lock pyproject.toml
	$(INSTALL)

.venv/ready-to-run: infra/requirements-run.lock pyproject.toml
	$(INSTALL)

# Keeps the pins that still fit; UPGRADE=--upgrade takes newer versions.
COMPILE = PATH="$$PWD/$(BIN):$$PATH" uv pip compile --universal --python-version 3.11 \
	--generate-hashes --no-strip-extras --no-emit-index-url --quiet $(UPGRADE)
lock: $(DEV) ## write the lock files: make lock UPGRADE=--upgrade
	@$(COMPILE) pyproject.toml infra/requirements-build.in --all-extras \
		--custom-compile-command "make lock" --output-file infra/requirements-dev.lock
	@$(COMPILE) pyproject.toml infra/requirements-build.in --extra embedded \
		--constraint infra/requirements-dev.lock \
		--custom-compile-command "make lock" --output-file infra/requirements-run.lock
	@$(COMPILE) pyproject.toml --constraint infra/requirements-dev.lock \
		--custom-compile-command "make lock" --output-file infra/requirements.lock
	@$(COMPILE) infra/requirements-build.in --constraint infra/requirements-dev.lock \
		--custom-compile-command "make lock" --output-file infra/requirements-build.lock

settings: $(DEV) ## write docs/settings.md from shared/settings.py
	@$(BIN)/python -m infra.dev.settings_table > docs/settings.md

api-tables: $(DEV) ## write the tables of docs/api.md from the calls, fields and codes
	@$(BIN)/python -m infra.dev.api_tables

clear: $(RUN) ## delete the data of a finished trial; asks first
	@$(BIN)/fluximage clear

clean: ## delete everything that was installed
	@rm -rf .venv .bench .crops .fuzz .screenshots
