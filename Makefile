# All set-up is here: each target works in a fresh clone, inside an activated virtual environment or without one.

PYTHON ?= python3
VENV ?= $(or $(VIRTUAL_ENV),.venv)
BIN := $(VENV)/bin
SERVERS ?=
# The versions that the tests run with. As environment variables they also apply to the build of the package.
LOCK := servers/locks/pypi.txt
PIP_INSTALL := PIP_CONSTRAINT=$(LOCK) PIP_BUILD_CONSTRAINT=$(LOCK) $(BIN)/python -m pip install --quiet

.PHONY: report test servers lint bench clean

report: $(BIN)/.lastcall-base  ## run the suite on the reference server and write the HTML report
	$(BIN)/python -m pytest --server reference --results=lastcall-results
	@echo "The report: lastcall-results/report.html"

test: $(BIN)/.lastcall-all servers  ## install every server that is available, and run the project's own tests
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m pytest

servers: $(BIN)/.lastcall-all  ## install servers (SERVERS="go-nethttp nginx" for some); a failure does not stop the others
	$(BIN)/python -m lastcall install $(SERVERS) || echo "Not every server could be installed: their tests are skipped, and say so."

lint: $(BIN)/.lastcall-all
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

bench: $(BIN)/.lastcall-base  ## measure the reference server's run, as a ratio to its longest play
	$(BIN)/python tests/bench.py scenarios/founding.py scenarios/http1.py scenarios/raced_stream.py
	$(BIN)/python tests/bench.py

clean:
	rm -rf .venv .cache lastcall-results build dist

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(BIN)/.lastcall-base: pyproject.toml $(LOCK) | $(BIN)/python
	$(PIP_INSTALL) --editable .
	touch $@

$(BIN)/.lastcall-all: pyproject.toml $(LOCK) | $(BIN)/python
	$(PIP_INSTALL) --editable '.[servers,tests]'
	touch $@
