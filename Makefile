# make: set up everything in .venv (once) and start the agent.     make test: the same with the tests' tools, and run them.
# make WORKSPACE=~/notes starts it on a folder of yours; without, it gets a new folder with a few sample files.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
CPU_INDEX := https://download.pytorch.org/whl/cpu
TORCH := torch==2.13.0
PYTEST_ARGS ?=

.PHONY: run test check snapshots screenshots clean

run: $(VENV)/ready
	@$(VENV)/bin/localnpm app $(if $(WORKSPACE),--workspace "$(WORKSPACE)",--sample)

test: $(VENV)/ready-dev
	@$(VENV)/bin/python -m pytest $(PYTEST_ARGS)

check: $(VENV)/ready-dev
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy

# What the tests compare the app's screens with; look at the difference before you commit it.
snapshots: $(VENV)/ready-dev
	@LOCALNPM_UPDATE_SNAPSHOTS=1 $(VENV)/bin/python -m pytest -q tests/tui/test_snapshots.py

# The pictures in the README.
screenshots: $(VENV)/ready
	@$(VENV)/bin/python -m localnpm.tui.screenshots

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	@[ -n "$(PYTHON)" ] || { echo "localnpm needs Python 3.11 or newer: install it, or say make PYTHON=/path/to/python3"; exit 1; }
	@command -v c++ > /dev/null || { echo "llama.cpp is compiled here and needs a C++ compiler: apt install g++ (Debian), xcode-select --install (macOS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2> /dev/null \
		|| { $(PYTHON) -m venv --clear --without-pip $(VENV) && $(PYTHON) -m pip --python $(VENV)/bin/python install --quiet pip; } 2> /dev/null \
		|| { rm -rf $(VENV); echo "This Python cannot make a virtual environment: apt install python3-venv, then make again"; exit 1; }

# PyTorch first, and a CPU build: what pip takes by itself on Linux brings gigabytes of CUDA along.
$(VENV)/torch: | $(VENV)/bin/python
	@$(PIP) install --quiet --upgrade "pip>=25"
	@echo "Installing PyTorch (CPU build, 200 MB) ..."
	@$(PIP) install --quiet --no-deps --timeout 5 --retries 0 --index-url $(CPU_INDEX) $(TORCH) 2> /dev/null \
		|| { $(PIP) install --quiet --dry-run --ignore-installed --report $(VENV)/report.json $(TORCH) > /dev/null \
			&& ! grep -qiE '"name": "(nvidia|cuda|triton)' $(VENV)/report.json \
			&& $(PIP) install --quiet $(TORCH); } \
		|| { echo "No CPU build of $(TORCH) was found: $(CPU_INDEX) does not answer, and the default index has none."; \
			echo "Install one into $(VENV) by hand ($(VENV)/bin/python -m pip install ...), then: touch $(VENV)/torch && make"; exit 1; }
	@touch $@

$(VENV)/ready: pyproject.toml $(VENV)/torch
	@echo "Installing localnpm and compiling llama.cpp (about 10 minutes on two cores, once) ..."
	@$(PIP) install --quiet --editable .
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready
	@$(PIP) install --quiet --editable '.[dev]'
	@touch $@
