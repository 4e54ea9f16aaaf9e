# What people do here. A bare clone needs only make and Python 3.11 or newer; the first call of a target sets up the rest.

PYTHON ?= python3
VENV ?= .venv
DATA ?= digits
OUT ?= report
ARGS ?=
PARALLEL ?= -n auto --maxprocesses 4 --dist loadfile

BIN := $(VENV)/bin
CORE := $(VENV)/.installed
TEST := $(VENV)/.installed-test
DOCS := $(VENV)/.installed-docs

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help examine setup test setup-test setup-docs lint bench results docs pages

help:
	@echo "make examine   examine a data set, write $(OUT)/report.html    (DATA=digits OUT=report ARGS=--force)"
	@echo "make test      run the tests that take seconds               (ARGS=\"-m slow\" for the others)"
	@echo "make lint      style, formatting, types, order of the imports"
	@echo "make bench     measure against what a user would pick instead"
	@echo "make results   write the tables of README.md and results/README.md from the files in results/"
	@echo "make docs      run the Python of README.md and docs/, build the site into build/site, check its links"
	@echo "make pages     write the pages of docs/ that are made: scripts run, results and names read (PAGES=twin for one)"

examine: $(CORE)
	@echo "== Examining $(DATA); the report goes to $(OUT)/report.html"
	$(BIN)/zeroloss examine $(DATA) --out $(OUT) $(ARGS)

test: $(TEST)
	@echo "== Running the tests that take seconds; .ci/run runs all of them"
	$(BIN)/python -m pytest -m "not slow" $(PARALLEL) $(ARGS)

lint: $(TEST)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(TEST)
	@set -e; for file in $$(grep -l __main__ benchmarks/*.py); do \
	  echo "== $$file"; $(BIN)/python "$$file" $(ARGS); \
	done

results: $(BIN)/python
	$(BIN)/python results/collect.py

docs: $(DOCS)
	@echo "== README.md and docs/: their Python is run, the pages that are made are held against what makes them"
	$(BIN)/python -m pytest -m "not slow" tests/test_readme.py tests/test_docs_snippets.py tests/docs $(ARGS)
	@echo "== The site goes to build/site; open build/site/index.html"
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	$(BIN)/python docs/make/links.py build/site

pages: $(DOCS)
	@echo "== Running the scripts of docs/tutorials and docs/concepts: several minutes for all of them"
	$(BIN)/python docs/make/scripts.py $(PAGES)
	$(BIN)/python docs/make/pages.py

setup: $(CORE)
setup-test: $(TEST)
setup-docs: $(DOCS)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "zeroloss needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..."; exit 2; }
	@echo "== Making a Python environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "That needs Python's venv module; on Debian and Ubuntu: apt-get install python3-venv"; exit 2; }

$(CORE): pyproject.toml | $(BIN)/python
	@echo "== Installing zeroloss and what it stands on: about 1 GB, a minute or two on a quick line"
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable .
	@touch $@

$(TEST): pyproject.toml | $(BIN)/python
	@echo "== Installing zeroloss with what its tests need: about 1 GB, a minute or two on a quick line"
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[test]'
	@touch $(CORE) $@

$(DOCS): $(TEST)
	@echo "== Installing what the site is built with"
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[docs]'
	@touch $@
