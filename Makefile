# `make demo` and `make test` do all the set-up on a fresh machine. CONTRIBUTING.md describes the other targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SERVICE := $(VENV)/.service
STAMP := $(VENV)/.set-up
ARGS ?=

.PHONY: install setup demo test test-xla faults containers fuzz coverage coverage-of-intervals bench bench-sweep bench-parts \
	bench-api bench-fleet bench-class gpu-check ideal check check-page docs generate format lock release clean

# The environment has two stages: what the service needs, then the tools of developers, with the same versions.
# --no-build-isolation: the lock contains the build backend, so nothing is installed without a hash.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
install: $(SERVICE)
setup: $(STAMP)

$(SERVICE): requirements/local.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "noisesweep needs Python 3.11, 3.12 or 3.13; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --require-hashes -r requirements/local.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMP): $(SERVICE) requirements/dev.txt
	$(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(SERVICE)
	$(BIN)/noisesweep demo $(ARGS)

# Most tests wait for a process, so two run at a time. TEST_PROCESSES=0 runs all of them in this process.
TEST_PROCESSES ?= 2
PYTEST := $(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadgroup --no-loadscope-reorder
test: setup
	$(PYTEST) $(ARGS)

# The trainer's tests with the program for GPUs, compiled by XLA for the CPU.
test-xla: setup
	NOISESWEEP_XLA=true $(PYTEST) tests/worker/trainer/test_network.py tests/worker/trainer/test_stack.py \
		tests/worker/trainer/test_noise_conditions.py tests/worker/trainer/test_loop.py \
		tests/worker/trainer/test_claim.py tests/worker/trainer/test_evaluation.py $(ARGS)

# Kills, stops, starves and floods every part. NOISESWEEP_FAULT_ROUNDS=1 runs one short round of each.
faults: setup
	$(BIN)/python -m pytest tests/faults $(ARGS)

# The containers of `docker compose`. Needs a Docker engine; takes ten minutes after the first build.
containers: setup
	$(BIN)/python -m pytest tests/containers $(ARGS)

# Schemathesis against the whole API. The seed is random; NOISESWEEP_FUZZ_SEED repeats one.
fuzz: setup
	$(BIN)/python -m pytest -s tests/fuzz $(ARGS)

# Line coverage of all processes that the tests start. Fails below `fail_under` in pyproject.toml.
coverage: setup
	$(PYTEST) --cov --cov-report=term:skip-covered --cov-report=html:coverage $(ARGS)

# How often the confidence intervals contain their targets, on simulated sweeps. Fails if one is too narrow or too wide.
coverage-of-intervals: setup
	$(BIN)/python -m scripts.coverage_of_intervals $(ARGS)

# Benchmarks use all cores: leave the machine alone while they run. This one takes some minutes. It includes JAX if the
# extra `bench` is installed.
bench: setup
	$(BIN)/python -m bench.training $(ARGS)

bench-sweep: setup
	$(BIN)/python -m bench.sweep $(ARGS)

# Time of the parts of a training step on one core.
bench-parts: setup
	$(BIN)/python -m bench.parts $(ARGS)

# Checks and measurements for the first hour with a GPU. Without one, a short run of the same program on the CPU.
gpu-check: setup
	$(BIN)/python -m bench.gpu_check $(ARGS)

# Needs wrk, which makes the load. Four minutes.
bench-api: setup
	$(BIN)/python -m bench.api $(ARGS)

# Training devices that one Redis can serve, with simulated trainers. Seven minutes, 4 GB of memory, 12 GB in TMPDIR.
bench-fleet: setup
	$(BIN)/python -m bench.fleet $(ARGS)

# Thirty students and a greedy one on one service: when everybody has a first result.
bench-class: setup
	$(BIN)/python -m bench.classroom $(ARGS)

# The best possible accuracy on the built-in data sets, api/science/limit.json. Some minutes for each data set.
ideal: setup
	$(BIN)/python -m scripts.ideal $(ARGS)

check: setup check-page docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/unasync.py --check
	$(BIN)/python -m scripts.plain_words

# Types, format and lint of the page's JavaScript and CSS, and whether its copy of lit-html is that of the lock.
check-page: node_modules/.set-up
	npm run --silent check

node_modules/.set-up: package-lock.json
	@command -v npm >/dev/null || { echo "make check needs npm, from Node.js 20 or newer, for the page's JavaScript."; exit 1; }
	npm ci --silent --no-audit --no-fund
	@touch $@

# The documentation, in api/guide: the API serves it at /guide/. Fails on a broken link, and on an outdated reference.
docs: setup
	$(BIN)/python -m scripts.reference --check
	$(BIN)/zensical build --clean --strict

# Files that are generated from others: the synchronous client, the reference pages, and the page's copy of lit-html.
generate: setup node_modules/.set-up
	$(BIN)/python scripts/unasync.py
	$(BIN)/python -m scripts.reference
	npm run --silent bundle

format: setup node_modules/.set-up
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	npm run --silent format

# Locks contain hashes but no addresses, so they install from any package index.
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate \
	--python-version 3.11 --custom-compile-command "make lock"
lock: setup
	$(LOCK) pyproject.toml --extra dev --no-emit-package noisesweep -o requirements/dev.txt
	$(LOCK) pyproject.toml --extra local --extra build --no-emit-package noisesweep -c requirements/dev.txt -o requirements/local.txt
	$(LOCK) pyproject.toml --extra docs --no-emit-package noisesweep -c requirements/dev.txt -o requirements/docs.txt
	$(LOCK) pyproject.toml --extra api --no-emit-package noisesweep -c requirements/dev.txt -o requirements/api.txt
	$(LOCK) pyproject.toml --extra worker-cpu --no-emit-package noisesweep -c requirements/dev.txt -o requirements/worker-cpu.txt
	$(LOCK) pyproject.toml --extra gpu --no-emit-package noisesweep -c requirements/dev.txt -o requirements/worker-gpu.txt

# The wheel and the source distribution of a tagged version, in dist/. Publishing them is up to you.
release: check
	$(BIN)/python -m scripts.release
	$(BIN)/hatchling build

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache node_modules api/guide coverage dist
