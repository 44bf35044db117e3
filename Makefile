# Every target sets up what it needs. PYTHON chooses the interpreter: Python 3.11 or newer.
PYTHON ?= python3
# Paths are relative, so that a checkout below a folder with a space in its name works too.
BIN := .venv/bin
READY := .venv/ready

.PHONY: demo test check audit check-access chaos fuzz up bench bench-codecs bench-cost calibrate \
	check-memory lock clean

demo: $(READY) ## compress the sample photographs on embedded real servers
	@$(BIN)/python -m infra.dev.demo tests/samples

test: $(READY) check ## everything that CI runs
	@$(BIN)/python -m pytest

check: $(READY)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

fuzz: $(READY) ## images broken at random, through the engine: make fuzz SECONDS=300 SEED=1
	@$(BIN)/python -m tests.hostile.fuzz $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(SEED),--seed $(SEED))

up: $(READY) ## the whole service in the foreground
	@$(BIN)/fluximage up

audit: $(READY) ## known vulnerabilities of what the lock file names; needs the network
	@$(BIN)/python -m infra.dev.audit

check-access: $(READY) ## ten thousand reads across accounts
	@READS=10000 $(BIN)/python -m pytest tests/api/test_strangers.py

bench: $(READY) ## throughput and latency through HTTP: make bench PHOTOS=folder
	@$(BIN)/python -m infra.benchmarks.service "$(or $(PHOTOS),tests/samples)"

bench-codecs: $(READY) .bench/ready ## the encoders against sharp: make bench-codecs PHOTOS=folder
	@$(BIN)/python -m infra.benchmarks.codecs "$(or $(PHOTOS),tests/samples)" $(if $(SIDE),--side $(SIDE)) $(MORE)

calibrate: $(READY) ## the quality tables anew, as docs/quality.md says: make calibrate PHOTOS=folder
	@$(BIN)/python -m infra.benchmarks.codecs.calibrate "$(or $(PHOTOS),tests/samples)" \
		$(if $(SIDE),--side $(SIDE)) $(MORE)

# What the engine is compared with. Without npm the bench says so, and goes on alone.
.bench/ready: infra/benchmarks/codecs/package.json infra/benchmarks/codecs/package-lock.json
	@mkdir -p .bench && cp $^ .bench
	@if command -v npm >/dev/null; then \
		npm ci --prefix .bench --silent --no-audit --no-fund && touch $@; fi

bench-cost: $(READY) ## how near workers/cost/estimate.py comes: make bench-cost PHOTOS=folder COUNT=400
	@$(BIN)/python -m infra.benchmarks.cost "$(or $(PHOTOS),tests/samples)" "$(or $(COUNT),400)"

chaos: $(READY) ## break everything and count: make chaos SEED=7 ONLY=kill_workers COUNT=1000
	@$(BIN)/python -m infra.chaos $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY)) \
		$(if $(COUNT),--count $(COUNT))

check-memory: $(READY) ## peaks at 50 megapixels, growth over 500 images: make check-memory PHOTOS=folder
	@$(BIN)/python -m infra.benchmarks.memory "$(or $(PHOTOS),tests/samples)"

$(READY): infra/requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "fluximage needs Python 3.11 or newer: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || \
		{ echo "Python's venv module is missing (Debian: apt install python3-venv)" >&2; exit 1; }
	@echo "Installing what the lock file names into .venv" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		--requirement infra/requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --editable .
	@touch $(READY)

# Keeps the pins that still fit; UPGRADE=--upgrade looks for newer ones.
COMPILE = PATH="$$PWD/$(BIN):$$PATH" uv pip compile --universal --python-version 3.11 \
	--generate-hashes --no-strip-extras --no-emit-index-url --quiet $(UPGRADE)
lock: $(READY) ## write the lock files anew
	@$(COMPILE) pyproject.toml infra/requirements-build.in --all-extras \
		--custom-compile-command "make lock" --output-file infra/requirements-dev.lock
	@$(COMPILE) pyproject.toml --constraint infra/requirements-dev.lock \
		--custom-compile-command "make lock" --output-file infra/requirements.lock
	@$(COMPILE) infra/requirements-build.in --constraint infra/requirements-dev.lock \
		--custom-compile-command "make lock" --output-file infra/requirements-build.lock

clean: ## forget what was installed
	@rm -rf .venv .bench .fuzz
