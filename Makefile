# Ringback. `make help` lists what there is; every target does its own set-up.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SERVE  ?=

# The tests start hundreds of processes: each would compile the server anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo serve test check fmt bench sim kill kill-scale gateway descriptors fuzz screenshots lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/.server ## submit a job and watch its webhook arrive, start to finish
	@$(BIN)/ringback demo

serve: $(VENV)/.server ## keep the emulator running on 127.0.0.1:7464 (SERVE="--port 8000" for options)
	@$(BIN)/ringback dev $(SERVE)

test: $(VENV)/.dev ## run every check and every test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 4 --dist worksteal $(PYTEST) || $(ALONE)

check: test

# Four tests share two cores, on machines that others use too. What fails there runs once more,
# alone, and the report names it: a test on which the machine's load can tell is to be mended.
ALONE = { [ $$? = 1 ] && echo "Failed beside the others; once more, alone:" \
	&& $(BIN)/pytest --last-failed --last-failed-no-failures none --maxfail 1 $(PYTEST); }

fmt: $(VENV)/.dev ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python tools/unasync.py

bench: $(VENV)/.dev ## measure the figures that the README states
	$(BIN)/python -m bench

sim: $(VENV)/.dev ## simulate SEEDS lives of a server (default 200000), all faults, virtual time
	$(BIN)/python -m tests.sim --seeds $(or $(SEEDS),200000)

kill: $(VENV)/.dev ## kill -9 under load, CYCLES times (default 1000), and while pictures are made, KILLS times (default 90)
	CYCLES=$(or $(CYCLES),1000) KILLS=$(or $(KILLS),90) $(BIN)/pytest -p no:randomly --timeout=0 -s tests/e2e/test_kill.py tests/e2e/test_kill_campaign.py

kill-scale: $(VENV)/.dev ## kill -9 every kind of process and PostgreSQL, CYCLES times (default 200)
	CYCLES=$(or $(CYCLES),200) $(BIN)/pytest -p no:randomly --timeout=0 -s tests/e2e/test_kill_scale.py

gateway: $(VENV)/.dev ## a server in front of another over a bad road, and a shop with every fault, JOBS jobs (default 1000)
	JOBS=$(or $(JOBS),1000) $(BIN)/pytest -p no:randomly --timeout=0 -s tests/e2e/test_gateway.py tests/examples/test_fastapi_shop.py

descriptors: $(VENV)/.dev ## connections that fail at every stage, FAILURES of each kind (default 63), and RESETS beside other tenants (default 20000)
	FAILURES=$(or $(FAILURES),63) RESETS=$(or $(RESETS),20000) $(BIN)/pytest -p no:randomly -s tests/egress/test_descriptors.py tests/e2e/test_tenants_apart.py

fuzz: $(VENV)/.dev ## hostile requests made from the API's description, and lives of a store, EXAMPLES of each kind (default 100)
	EXAMPLES=$(or $(EXAMPLES),100) $(BIN)/pytest --timeout=0 tests/e2e/test_schemathesis.py tests/service/test_model.py

screenshots: $(VENV)/.dev ## make the screenshots of the page anew, in the system's Chromium
	$(BIN)/python tools/screenshots.py

lock: $(VENV)/.dev ## resolve the requirements anew, hashed and without index addresses
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra server --extra s3 --extra postgres --group build --universal --generate-hashes --no-emit-index-url --no-header --quiet --upgrade -o requirements/server.txt
	$(BIN)/uv pip compile pyproject.toml --extra server --extra s3 --extra postgres --extra mcp --group build --group dev --universal --generate-hashes --no-emit-index-url --no-header --quiet --upgrade -c requirements/server.txt -o requirements/dev.txt

clean: ## remove the virtual environment and the caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The environment in two layers: what the server needs, then what its developers need on top.
$(VENV)/.server: requirements/server.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Ringback needs Python 3.11 or later; name one with: make PYTHON=python3.12")'
	@echo "setting up $(VENV) ..." >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/server.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.server
	@echo "adding the development tools ..." >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@
