# The commands of this project. Each makes .venv first when there is none or a list of requirements changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# The real Storage queue for the tests, where there is node: the newest release that runs on Node 20.
AZURITE := .azurite/node_modules/.bin/azurite
AZURITE_VERSION := 3.35.0

# The compiler of the queries in infra/, where there is node.
KUSTO := .kusto/node_modules/@kusto/language-service-next
KUSTO_VERSION := 12.4.1

# What judges infra/ pins too much to live with the rest.
INFRA := .venv-infra
INFRA_READY := $(INFRA)/.ready

# What keeps the lock and asks for known vulnerabilities, apart from what it judges.
SUPPLY := .venv-supply
SUPPLY_READY := $(SUPPLY)/.ready

# The tests wait more than they compute: more workers than cores.
TOGETHER := --numprocesses 4 --dist worksteal

.PHONY: demo serve test test-live soak compat histories bench picture lint format clean node lint-infra lock audit
.DELETE_ON_ERROR:

$(READY): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else "Python 3.11, 3.12 or 3.13 is needed; this is %d.%d. Name one: make PYTHON=python3.12 ..." % v)'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

demo: $(READY)
	@$(BIN)/python -m local_host demo

serve: $(READY)
	@$(BIN)/python -m local_host serve

test: export LIVE_BASE =
test: $(READY) node
	$(BIN)/python -m pytest $(TOGETHER)

# What can be asked of any host that runs the app: make test-live BASE=https://... KEY=..., or both in the environment,
# which no list of processes shows. It cancels nothing but RUN_ID= (in WORKSPACE=). Without BASE it asks the local host.
test-live: export LIVE_BASE = $(BASE)
test-live: export LIVE_KEY = $(KEY)
test-live: export LIVE_RUN_ID = $(RUN_ID)
test-live: export LIVE_WORKSPACE = $(WORKSPACE)
test-live: $(READY)
	@$(BIN)/python -m pytest tests/live

# The same tests with other numbers; at the end it prints what they counted. A test may take minutes here.
soak: $(READY) node
	$(BIN)/python -m pip install --quiet --dry-run --ignore-installed --require-hashes -r requirements.lock
	$(BIN)/python -m pytest $(TOGETHER) --soak -o faulthandler_timeout=900

# This release and the commit BASE (the last tag, or else the parent) go on with each other's cancellations under way.
compat: $(READY)
	@$(BIN)/python -m tests.support.releases compat "$(BASE)"

# The golden histories of a new version: make histories VERSION=0.3. Those of a released version are never written again.
histories: $(READY)
	@$(BIN)/python -m tests.support.releases record $(VERSION)

# Measures this app beside its peers and writes docs/benchmarks.md and its pictures: twelve minutes, on an idle machine.
bench: $(READY)
	$(BIN)/python -m bench

# docs/how-it-works.svg, from the text beside it
picture: $(READY)
	$(BIN)/python -m docs.picture

lint: $(READY) lint-infra
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy function_app.py tests

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# a parse error of checkov's is no failure of its own: it is counted
lint-infra: $(READY) $(INFRA_READY)
	$(INFRA)/bin/checkov --config-file infra/checkov.yaml >$(INFRA)/checkov.json || { cat $(INFRA)/checkov.json; exit 1; }
	@$(BIN)/python -c 'import json; s = json.load(open("$(INFRA)/checkov.json"))["summary"]; print("checkov:", s); assert s["passed"] and not s["parsing_errors"]'
	$(BIN)/shellcheck infra/smoke.sh .ci/run
	@if command -v bicep >/dev/null; then bicep build infra/main.bicep --stdout >/dev/null; \
	else echo "There is no Bicep compiler here: the templates are parsed and judged, not compiled."; fi

$(INFRA_READY): requirements-infra.txt
	$(PYTHON) -m venv --clear $(INFRA)
	$(INFRA)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-infra.txt
	@touch $@

# One lock for Python 3.11 to 3.13. Versions stay where they are unless something forces them; `make lock UP=--upgrade` moves them.
lock: $(SUPPLY_READY)
	$(SUPPLY)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url \
		--custom-compile-command "make lock" $(UP) requirements.txt --output-file requirements.lock

# strict: a package that could not be looked up is a failure, not a pass
audit: $(SUPPLY_READY)
	$(SUPPLY)/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r requirements.lock

$(SUPPLY_READY): requirements-supply.txt
	$(PYTHON) -m venv --clear $(SUPPLY)
	$(SUPPLY)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-supply.txt
	@touch $@

node:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(AZURITE) $(KUSTO); \
	else echo "There is no npm here: the tests against a real Storage queue and a Kusto compiler are skipped."; fi

$(AZURITE):
	npm install --silent --no-fund --no-audit --prefix .azurite azurite@$(AZURITE_VERSION)

$(KUSTO):
	npm install --silent --no-fund --no-audit --prefix .kusto @kusto/language-service-next@$(KUSTO_VERSION)

clean:
	rm -rf $(VENV) $(INFRA) $(SUPPLY) .azurite .kusto .mypy_cache .ruff_cache .pytest_cache .hypothesis
