# The environment lives in .venv; every target makes it first, from the exact versions in constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made
# DVC runs its stages with the `python` it finds first.
export PATH := $(CURDIR)/$(BIN):$(PATH)

# DVC runs a study in its own folder, so a mirror that is a folder of this machine is named in full.
MIRROR = $(if $(wildcard $(ABLATION_DATA_MIRROR)),$(abspath $(ABLATION_DATA_MIRROR)),$(ABLATION_DATA_MIRROR))

# In an archive of the sources, DVC has to be told that there is no git.
WITHOUT_GIT = @test -e .git || dvc config --local core.no_scm true

.PHONY: repro study env test test-fast lint check docs ui clean
repro: env  ## everything: data, every ablation, the report
	$(WITHOUT_GIT)
	dvc repro

study: env  ## one of the studies in studies/, as in `make study NAME=mnist_mlp`
	@test -f "studies/$(NAME)/dvc.yaml" || { echo "make study NAME=...: one of $(notdir $(wildcard studies/*))" >&2; exit 2; }
	$(WITHOUT_GIT)
	ABLATION_DATA_MIRROR="$(MIRROR)" dvc repro "studies/$(NAME)/dvc.yaml"

env: $(STAMP)  ## the environment alone

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --compile --constraint constraints.txt --editable ".[dev]"
	touch $@

# Each file of tests stays in one process, where its tests share what TensorFlow compiled; two processes, as tests
# measure their own memory and start processes of their own.
PYTEST = pytest --numprocesses 2 --dist loadfile

test: env  ## the tests
	$(PYTEST)

test-fast: env  ## the tests without those that train for long, start other programs or open a browser
	$(PYTEST) -m "not slow and not browser"

lint: env  ## format, lint and types
	ruff format --check .
	ruff check .
	mypy

check: lint test  ## format, lint, types, tests, and what dvc repro would do
	dvc repro --dry

docs: env  ## the documents as a site, docs/_site/index.html
	sphinx-build --quiet --fail-on-warning --keep-going docs docs/_site

ui: env  ## MLflow's UI on this project's database
	keras-ablation ui

clean:  ## remove results and reports; finished runs in .runs stay
	rm -rf results reports/*.html reports/*.csv reports/*.json
