# Everything runs in .venv, which is made when it is missing or pyproject.toml has changed.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
PEERS := .venv-peers
# Tests in so many processes; each needs about 2 GB.
WORKERS ?= 2
# Named here so that pip takes the tried builds; pyproject.toml states the range that works.
TORCH := torch==2.14.1 torchvision==0.29.1

.PHONY: demo test peers browser app lint clean

demo: $(READY)
	$(BIN)/python -m xad_agent.demo demo

# They need no weights; those at hand are hidden, so that a test that does shows itself here, too.
test: $(READY)
	XAD_HOME=.venv/no-home OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not data and not peers" -n $(WORKERS) --dist loadfile

# What agrees with other people's packages; they pull in much, so they have an environment of their own.
peers: $(PEERS)/.ready
	$(PEERS)/bin/python -m pytest -m peers

# The app's page as a person uses it; needs Debian's chromium and the real data.
browser: $(READY)
	$(BIN)/python -m pytest -m browser

app: $(READY)
	$(BIN)/python -m xad_agent.cli models pull embedded demo
	$(BIN)/python app.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(READY): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet $(TORCH) --editable ".[dev]"
	touch $@

$(PEERS)/.ready: pyproject.toml
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --upgrade pip
	$(PEERS)/bin/python -m pip install --quiet $(TORCH) --editable ".[dev,peers]"
	touch $@

clean:
	rm -rf .venv $(PEERS) build dist *.egg-info demo
