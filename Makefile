# Two commands matter: `make demo` and `make test`. Each sets up .venv by itself, the first time.
# PYTHON=python3.12 chooses an interpreter; PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu spares
# a machine without a GPU the download of the CUDA libraries.

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow bench check format clean distclean

# Idle OpenMP threads sleep instead of spinning: on shared cores that is the difference between 25 ms and
# 700 ms for one training step.
export OMP_WAIT_POLICY := PASSIVE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

BIN := .venv/bin
JOBS ?= 2

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: .venv/.runtime ## fit, generate and judge on the Breast Cancer table; writes demo-output/
	@$(BIN)/synthetic-healthcare demo

test: .venv/.dev ## the tests (under ten minutes on two cores)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile -q

test-slow: .venv/.dev ## the tests that take minutes each
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow -n $(JOBS) --dist loadfile -q

# Parts of it, and other tables: see benchmarks/README.md.
bench: .venv/.dev ## compare all models on two tables; PEERS="ctgan=/path/to/python ..." adds peers
	$(BIN)/python benchmarks/compare.py --out benchmarks/results --tables heart wdbc --seeds 3 \
	  --only imports quality $(foreach peer,$(PEERS),--peer $(peer))

check: .venv/.dev ## style, types, import contracts, sizes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict src
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/architecture -q

format: .venv/.dev ## put the code into the house's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove what the tools and the demo leave behind
	rm -rf demo-output build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean ## remove .venv as well
	rm -rf .venv src/*.egg-info

.venv/.made:
	@python="$(PYTHON)"; \
	for candidate in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	  [ -z "$$python" ] || break; \
	  if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    python=$$candidate; \
	  fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "Python 3.11 or newer is needed and none was found. Install one, or name it: make PYTHON=/path/to/python3.11" >&2; \
	  exit 1; \
	fi; \
	if ! $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
	  echo "$$python does not run, or is older than Python 3.11." >&2; exit 1; \
	fi; \
	if ! $$python -c 'import venv, ensurepip' >/dev/null 2>&1; then \
	  echo "$$python has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	fi; \
	echo "Setting up .venv with $$python (once; a few minutes, mostly the download of PyTorch)"; \
	$$python -m venv --clear .venv
	@touch $@

.venv/.runtime: .venv/.made requirements.txt pyproject.toml
	$(BIN)/python -m pip install -r requirements.txt
	$(BIN)/python -m pip install --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: .venv/.runtime requirements-dev.txt
	$(BIN)/python -m pip install -r requirements-dev.txt
	@touch $@
