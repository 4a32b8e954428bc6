# The environment lives in .venv; every target makes it first, from the exact versions in constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made
# DVC runs its stages with the `python` it finds first.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: repro env test check ui clean
repro: env  ## everything: data, every ablation, the report
	dvc repro

env: $(STAMP)  ## the environment alone

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --compile --constraint constraints.txt --editable ".[dev]"
	touch $@

test: env  ## the tests
	pytest

check: env  ## format, lint, types, tests, and what dvc repro would do
	ruff format --check .
	ruff check .
	mypy
	pytest
	dvc repro --dry

ui: env  ## MLflow's UI on this project's database
	python -m pipeline ui

clean:  ## remove results and reports; finished runs in .runs stay
	rm -rf results reports/*.html reports/*.csv reports/*.json
