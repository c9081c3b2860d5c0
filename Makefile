# Everything runs in a virtual environment that this file makes, so that a machine whose Python is
# externally managed works too. Another interpreter: make PYTHON=/path/to/python3 TARGET
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
SERVICES_TESTS := tests/processes tests/sessions tests/logout tests/test_cleanup.py tests/test_callback.py

# The newest Python that can make a virtual environment. Each is run, not just looked up: a shim of a
# version manager is found even when it has no version behind it.
PYTHON ?= $(shell for python in python3.14 python3.13 python3.12 python3.11 python3; do \
	"$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& echo "$$python" && break; done)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "  ARGS is passed on: make test ARGS='tests/protocol -x', make demo ARGS='--base-port 9000'"

.PHONY: demo
demo: $(VENV)/.group-demo ## run the demo: an OP and two sites
	$(BIN)/python manage.py demo $(ARGS)

# The coverage threshold means nothing for a part of the tests.
.PHONY: test
test: $(VENV)/.group-test ## run the tests, with coverage unless ARGS picks some
	$(BIN)/python -m pytest $(or $(ARGS),--cov --numprocesses auto)

# PostgreSQL and Redis are started for it and stopped after it (Debian: apt install postgresql redis-server).
.PHONY: services-test
services-test: $(VENV)/.group-services ## run the session tests on PostgreSQL and Redis, and with two processes
	$(BIN)/python -m tests.services $(BIN)/python -m pytest --force-enable-socket $(or $(ARGS),$(SERVICES_TESTS))

# Needs npm as well, for the OP. The full run takes as long as the machine needs for twice 10,000 requests; --quick a
# minute.
.PHONY: proof
proof: $(VENV)/.group-services ## prove that no race loses a user: thousands of requests against a strict OP
	$(BIN)/python -m tests.services $(BIN)/python -m tests.proof $(ARGS)

.PHONY: e2e
e2e: $(VENV)/.group-e2e ## drive the demo with Chromium
	$(BIN)/python -m pytest --force-enable-socket $(or $(ARGS),tests/e2e)

# The OPs are installed into .interop/ at the first run: npm, Maven, Java 17 and, for Glewlwyd, Debian's apt.
.PHONY: interop
interop: $(VENV)/.group-interop ## run two sites against real OPs, and compare with docs/interop.md
	$(BIN)/python -m pytest --force-enable-socket tests/interop $(ARGS)

# Longer, and one target: make fuzz ARGS='--seconds 3600 id_token'
.PHONY: fuzz
fuzz: $(VENV)/.group-fuzz ## fuzz what takes foreign bytes, a minute for each target
	$(BIN)/python -m tests.fuzz $(ARGS)

.PHONY: mutants
mutants: $(VENV)/.group-mutants ## see whether the tests notice small changes of the protocol
	$(BIN)/python -m tests.mutants $(ARGS)

.PHONY: lint
lint: $(VENV)/.group-lint ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: format
format: $(VENV)/.group-lint ## correct style and formatting
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: typing
typing: $(VENV)/.group-typing ## check the types
	$(BIN)/mypy $(ARGS)

.PHONY: docs
docs: $(VENV)/.group-docs ## build the documentation into site/
	$(BIN)/mkdocs build --strict $(ARGS)

.PHONY: bench
bench: $(VENV)/.group-bench ## print the ratios against the baselines
	$(BIN)/python -m benchmarks $(ARGS)

.PHONY: matrix
matrix: $(VENV)/.group-matrix ## run tox: the tests on each Python found here and each Django
	$(BIN)/tox run $(ARGS)

.PHONY: ci
ci: ## run what CI runs
	bash .ci/run

.PHONY: clean
clean: ## remove everything that was made here
	rm -rf $(VENV) .tox .demo .fuzz .interop .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist site
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip installs dependency groups since 25.1.
$(VENV)/.pip:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer with the venv module was found." \
		"Install one (Debian, Ubuntu: apt install python3-venv) or name one: make PYTHON=/path/to/python3" >&2; \
		exit 1; }
	"$(PYTHON)" -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

.PRECIOUS: $(VENV)/.group-%
$(VENV)/.group-%: pyproject.toml $(VENV)/.pip
	$(BIN)/python -m pip install --quiet --editable . --group $*
	@touch $@
