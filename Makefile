# `make run` shows the product, `make test` proves it. Both need no more than Python 3.11+ and make on Debian or Ubuntu:
# what else is missing is installed, or named.

PYTHON = .venv/bin/python
# A worker more than there are cores in CI: browsers and processes are often waited for.
PYTEST = $(PYTHON) -m pytest -n 3 --dist loadfile --no-loadscope-reorder
LOCK = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --system-certs \
	--custom-compile-command "make lock"
PORT ?= 8000
SIZE ?= small
ARGS ?=
REQUESTS ?= 1000000
FIRST ?= 0

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup services run test lint types migrations test-postgres test-plain-cursor test-sqlite test-long fuzz bench format readme access lock clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: ## make .venv and install the locked packages into it
	@bin/setup

run: setup ## run the demo at http://127.0.0.1:8000 (PORT=… for another port)
	@PORT=$(PORT) $(PYTHON) -m torii_settings.serve

test: setup services lint types migrations test-postgres test-plain-cursor test-sqlite ## run every check (ARGS=… goes to pytest)

services: setup
	@bin/install-services

lint: services ## check style, that every import is a declared requirement, and that migrations stop no traffic; ask for vulnerabilities
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m deptry . --config deptry.toml
	$(PYTHON) -m deptry . --config deptry.toml --exclude '\.venv' --exclude var --ignore DEP002 \
		--requirements-files requirements-dev.in
	DJANGO_SETTINGS_MODULE=tests.settings $(PYTHON) -m tests.services $(PYTHON) -m tests.migration_linter
	$(PYTHON) -m tests.advisories

types: setup ## check types
	$(PYTHON) -m mypy

migrations: setup
	DJANGO_SETTINGS_MODULE=tests.settings $(PYTHON) manage.py makemigrations --check --dry-run

test-postgres: services ## run the tests on a throwaway PostgreSQL and Redis
	$(PYTHON) -m tests.services $(PYTEST) $(ARGS)

# The machines' doors, and what is below them. The other doors run hardly any statement that is made once.
test-plain-cursor: services ## run the tests of the machines' doors without the cursor on libpq
	DATABASE_FAST_CURSOR=off $(PYTHON) -m tests.services $(PYTEST) tests/scim tests/api tests/apikeys tests/members \
		--ignore tests/api/test_schema_fuzz.py \
		tests/project/test_database.py tests/project/test_statement.py tests/project/test_watching.py $(ARGS)

# Without the tests that start processes or a browser: those see little of the database, and have run on PostgreSQL.
test-sqlite: setup ## run the tests on SQLite, without a broker
	env -u DATABASE_URL -u REDIS_URL $(PYTEST) --ignore tests/browser --ignore tests/processes --ignore tests/deployment $(ARGS)

test-long: services ## repeat often what `make test` does a few times
	$(PYTHON) -m tests.services $(PYTEST) -m long $(ARGS)

fuzz: services ## send odd requests to every door (REQUESTS=20000, SEED=7, FIRST=4000, ONLY="scim staff")
	$(PYTHON) -m tests.fuzz --requests $(REQUESTS) --first $(FIRST) $(addprefix --seed=,$(SEED)) \
		$(if $(ONLY),--only $(ONLY))

bench: setup services ## measure the service beside its peers (SIZE=small, or full)
	@command -v wrk >/dev/null || bin/apt-install wrk || echo "Our own client does instead."
	$(PYTHON) -m benchmarks --size $(SIZE) $(ARGS)

format: setup ## rewrite the code in the house style
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

readme: setup ## write README's table of variables anew
	$(PYTHON) -m torii_settings.environment

access: setup ## write docs/access.md, who may do what where, anew
	DJANGO_SETTINGS_MODULE=tests.settings $(PYTHON) -m torii_settings.access_table

lock: setup ## resolve requirements*.in anew (ARGS=--upgrade takes newer versions)
	$(LOCK) $(ARGS) requirements.in --output-file requirements.txt
	$(LOCK) $(ARGS) --constraints requirements.txt requirements-dev.in --output-file requirements-dev.txt

clean: ## remove .venv and var, the demo's data with it
	rm -rf .venv var
