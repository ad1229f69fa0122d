# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
ARGS ?=

.PHONY: setup demo test test-xla faults containers fuzz bench bench-sweep bench-api bench-fleet check generate format lock clean

setup: $(STAMP)

# --no-build-isolation: the build backend is in the lock as well, so nothing unhashed is installed.
$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "noisesweep needs Python 3.11, 3.12 or 3.13; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	$(BIN)/noisesweep demo $(ARGS)

# In two processes: most tests wait for one process at a time. TEST_PROCESSES=0 runs them in this one.
TEST_PROCESSES ?= 2
test: setup
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadgroup --no-loadscope-reorder $(ARGS)

# The tests of the trainer on the program that a GPU runs, compiled by XLA for this machine's CPU.
test-xla: setup
	NOISESWEEP_XLA=true $(BIN)/python -m pytest tests/worker/trainer/test_network.py tests/worker/trainer/test_stack.py \
		tests/worker/trainer/test_noise_conditions.py tests/worker/trainer/test_loop.py \
		tests/worker/trainer/test_claim.py tests/worker/trainer/test_evaluation.py $(ARGS)

# Kills, stops, starves and floods every part, many times over; NOISESWEEP_FAULT_ROUNDS=1 for a short round of each.
faults: setup
	$(BIN)/python -m pytest tests/faults $(ARGS)

# The containers as `docker compose` makes them; needs a Docker engine, and takes ten minutes without the first build.
containers: setup
	$(BIN)/python -m pytest tests/containers $(ARGS)

# Schemathesis against the whole API; the seed changes from run to run, and NOISESWEEP_FUZZ_SEED gives one again.
fuzz: setup
	$(BIN)/python -m pytest -s tests/fuzz $(ARGS)

# Takes some minutes and all cores; leave the machine alone meanwhile.
bench: setup
	$(BIN)/python -m bench.training $(ARGS)

bench-sweep: setup
	$(BIN)/python -m bench.sweep $(ARGS)

# Needs wrk, which makes the load. Four minutes; leave the machine alone meanwhile.
bench-api: setup
	$(BIN)/python -m bench.api $(ARGS)

# How many training devices one Redis serves, by simulated trainers. Seven minutes, 4 GB of memory, 12 GB of TMPDIR's disk.
bench-fleet: setup
	$(BIN)/python -m bench.fleet $(ARGS)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/unasync.py --check

# The synchronous client from the asynchronous one.
generate: setup
	$(BIN)/python scripts/unasync.py

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Hashes and no addresses: a lock installs from whatever index the machine is set up with.
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate \
	--python-version 3.11 --custom-compile-command "make lock"
lock: setup
	$(LOCK) pyproject.toml --extra dev --no-emit-package noisesweep -o requirements/dev.txt
	$(LOCK) pyproject.toml --extra api --no-emit-package noisesweep -c requirements/dev.txt -o requirements/api.txt
	$(LOCK) pyproject.toml --extra worker-cpu --no-emit-package noisesweep -c requirements/dev.txt -o requirements/worker-cpu.txt
	$(LOCK) pyproject.toml --extra gpu --no-emit-package noisesweep -c requirements/dev.txt -o requirements/worker-gpu.txt

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
