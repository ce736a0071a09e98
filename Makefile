# Every target sets up its environment itself. Needed beforehand: make and Python 3.11 or later.
#
#   make PYTHON=python3.13           another Python than the first that fits
#   make VENV=.venv-3.13             another folder for the environment
#   make test ARGS="-k retry -x"     more arguments for pytest

VENV ?= .venv
PYTHON ?=
PROVIDER ?=
ARGS ?=

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PROVIDERS := $(patsubst %/pyproject.toml,%,$(wildcard providers/*/pyproject.toml))
PROJECTS := pyproject.toml $(PROVIDERS:%=%/pyproject.toml)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check lint types imports docs wheels format record clean

help: ## Say what there is (also what `make` alone does)
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(STAMP): $(PROJECTS)
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		python=$$(scripts/find-python $(PYTHON)) || exit 1; \
		echo "Setting up $(VENV) with $$python: once, a minute or two"; \
		"$$python" -m venv --clear $(VENV); \
	else \
		echo "Bringing $(VENV) up to date"; \
	fi
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-e '.[cli,imaging,testing,dev]' $(PROVIDERS:%=-e %)
	@touch $@

demo: $(STAMP) ## Draw, refine and save pictures against the emulator: no key, no cost
	@$(BIN)/python scripts/demo.py

test: $(STAMP) ## Run all tests
	$(BIN)/python -m pytest -n auto $(ARGS)

check: lint types imports docs wheels ## Run all checks but the tests: lint, types, imports, docs, wheels

lint: $(STAMP)
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: $(STAMP)
	$(BIN)/mypy

imports: $(STAMP)
	$(BIN)/lint-imports --no-logo --no-cache

docs: $(STAMP) ## Build the documentation into build/docs, warnings being errors
	@if [ -f docs/conf.py ]; then \
		$(BIN)/sphinx-build --quiet --fresh-env --fail-on-warning --keep-going -b html docs build/docs \
			&& echo "Documentation: build/docs/index.html"; \
	else \
		echo "No docs/conf.py yet: nothing to build"; \
	fi

wheels: $(STAMP)
	$(BIN)/python scripts/check_wheels.py

format: $(STAMP) ## Format the code and mend what the linter can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

record: $(STAMP) ## Record a provider's cassettes anew, live where a key is set: PROVIDER=gemini
	@test -n '$(PROVIDER)' || { echo "Which provider? make record PROVIDER=gemini" >&2; exit 2; }
	$(BIN)/python scripts/record.py '$(PROVIDER)' $(ARGS)

clean: ## Remove the environments and all that was built
	rm -rf .venv .venv-* build dist providers/*/dist demo-output
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
