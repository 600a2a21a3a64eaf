# `make demo` and `make test` need python3 (3.11 or newer), venv and make, and the package index.
PYTHON ?= python3
BIN := .venv/bin
# Files of tests that run side by side.
JOBS ?= 3

.PHONY: demo test lint format bench faults lock clean

demo: .venv/runtime
	@$(BIN)/rescind demo $(ARGS)

test: .venv/dev
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile tests/unit tests/integration tests/e2e $(ARGS)

lint: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: .venv/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/dev
	$(BIN)/python -m tests.bench $(ARGS)

# The whole campaign takes about an hour; `make faults ARGS=--smoke` a few minutes.
faults: .venv/dev
	$(BIN)/python -m pytest tests/faults $(ARGS)

# Pins every dependency with its hashes, and no address of any index.
lock: .venv/dev
	$(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
		--no-annotate --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--no-emit-options --build-deps-for editable --output-file requirements.lock pyproject.toml
	$(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
		--no-annotate --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--no-emit-options --extra dev --constraint requirements.lock \
		--output-file requirements-dev.lock pyproject.toml

clean:
	rm -rf .venv var .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv .venv

# The package itself needs no index: its build backend is pinned among the requirements.
.venv/runtime: .venv/bin/python requirements.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/runtime requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	@touch $@
