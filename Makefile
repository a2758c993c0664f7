# The commands of this project: `make` alone lists them. Each installs first what it needs, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCAL_READY := $(VENV)/.ready-local
READY := $(VENV)/.ready

# The real Storage queue for the tests, where there is node: the newest release that runs on Node 20.
AZURITE := .azurite/node_modules/.bin/azurite
AZURITE_VERSION := 3.35.0

# The compiler of the queries in infra/, where there is node.
KUSTO := .kusto/node_modules/@kusto/language-service-next
KUSTO_VERSION := 12.4.1

# What judges the pages for those who cannot see them, where there is node.
AXE := .axe/node_modules/axe-core/axe.min.js
AXE_VERSION := 4.14.1

# What judges infra/ pins too much to live with the rest.
INFRA := .venv-infra
INFRA_READY := $(INFRA)/.ready

# What keeps the lock and asks for known vulnerabilities, apart from what it judges.
SUPPLY := .venv-supply
SUPPLY_READY := $(SUPPLY)/.ready

# The tests wait more than they compute: more workers than cores.
TOGETHER := --numprocesses 5 --dist worksteal

.PHONY: help demo serve cancel azurite test test-live soak compat histories bench picture screenshots lint format clean node lint-infra lock audit another-python
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

help:
	@echo 'make demo       one cancellation on an emulated workspace; needs no account'
	@echo 'make serve      the app at port 7071 until Ctrl-C; PORT=0 takes a free port'
	@echo 'make cancel     cancels RUN=455644833 of the workspace that the settings name;'
	@echo '                WORKSPACE=name REASON="over budget" TIMEOUT=seconds, if need be'
	@echo 'make azurite    a Storage queue for `make serve`, until Ctrl-C (needs npm)'
	@echo
	@echo 'make test       the tests'
	@echo 'make lint       what CI checks beside tests; `make format` mends some of it'
	@echo 'make test-live  asks a host elsewhere: BASE=https://... KEY=...'
	@echo 'make soak       the tests that have two sizes, at their full size'
	@echo 'make compat     this release and BASE=COMMIT take over from each other'
	@echo 'make histories  records the golden histories of VERSION=0.3'
	@echo 'make bench      measures this app beside its peers'
	@echo 'make picture    draws docs/how-it-works.svg'
	@echo 'make screenshots  takes the pictures of the pages, where there is a Chromium'
	@echo 'make lock       locks what is installed; `make audit` asks what is known of it'
	@echo 'make clean      removes .venv and whatever else these commands have made'
	@echo
	@echo 'PYTHON=python3.12 names a Python (3.11 to 3.13); another than the one of .venv'
	@echo 'makes .venv anew.'
	@echo 'From another directory: make -sC PATH demo'

# make itself tells nobody that port=0 is not PORT=0
$(foreach name,port run workspace reason timeout base key run_id version up python,\
$(if $(findstring command,$(origin $(name))),$(error $(name)= means nothing here: it is written in capitals)))

# .venv stays as it is for as long as it has its Python and nobody names another
ifneq ($(wildcard $(LOCAL_READY)),)
ifeq ($(realpath $(BIN)/python),)
$(LOCAL_READY): another-python
endif
endif
WHICH := import os, sys; print(sys.version, os.path.realpath(sys.base_prefix))
MADE_WITH = $(shell $(BIN)/python -c '$(WHICH)' 2>/dev/null)
ifneq ($(origin PYTHON),file)
ifneq ($(wildcard $(VENV)),)
ifneq ($(shell $(PYTHON) -c '$(WHICH)' 2>/dev/null),$(MADE_WITH))
$(LOCAL_READY): another-python
endif
endif
endif

# --no-compile: Python compiles what it imports, which is a part of what is installed, and a third of the time; it keeps
# what it has compiled, whatever the shell says, or each start would take seconds longer
export PYTHONDONTWRITEBYTECODE =
INSTALL := -m pip install --quiet --disable-pip-version-check --no-compile

$(LOCAL_READY): requirements.txt requirements-local.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else "Python 3.11, 3.12 or 3.13 is needed; this is %d.%d. Name one: make PYTHON=python3.12 ..." % v)'
	@if [ -n '$(filter another-python,$^)' ] || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		echo "Making $(VENV) with $$($(PYTHON) --version), once ..." >&2; $(PYTHON) -m venv --clear $(VENV); fi
	@echo "Installing requirements-local.txt into $(VENV): about half a minute the first time ..." >&2
	@$(BIN)/python $(INSTALL) -r requirements-local.txt
	@touch $@

$(READY): $(LOCAL_READY) requirements-dev.txt
	@echo "Installing requirements-dev.txt into $(VENV), for tests and checks: about a minute the first time ..." >&2
	@$(BIN)/python $(INSTALL) -r requirements-dev.txt
	@touch $@

another-python:

demo: $(LOCAL_READY)
	@$(BIN)/python -m local_host demo

# what is asked for goes through the environment as it was typed: neither make nor a shell reads what is in a value
unexport PORT RUN WORKSPACE REASON TIMEOUT BASE KEY RUN_ID VERSION
serve: export SERVE_PORT = $(value PORT)
serve: $(LOCAL_READY)
	@exec $(BIN)/python -m local_host serve $(if $(value PORT),"--port=$$SERVE_PORT")

# make cancel RUN=455644833 WORKSPACE=prod
cancel: export CANCEL_RUN = $(value RUN)
cancel: export CANCEL_WORKSPACE = $(value WORKSPACE)
cancel: export CANCEL_REASON = $(value REASON)
cancel: export CANCEL_TIMEOUT = $(value TIMEOUT)
cancel: $(LOCAL_READY)
	@if [ -z "$$CANCEL_RUN" ]; then echo 'Which run? make cancel RUN=455644833' >&2; exit 2; fi; \
	set --; \
	if [ -n "$$CANCEL_WORKSPACE" ]; then set -- "$$@" "--workspace=$$CANCEL_WORKSPACE"; fi; \
	if [ -n "$$CANCEL_REASON" ]; then set -- "$$@" "--reason=$$CANCEL_REASON"; fi; \
	if [ -n "$$CANCEL_TIMEOUT" ]; then set -- "$$@" "--timeout=$$CANCEL_TIMEOUT"; fi; \
	exec $(BIN)/python -m local_host cancel "$$@" -- "$$CANCEL_RUN"

# in memory, reached by UseDevelopmentStorage=true; it tells nobody that it runs
azurite: node
	@[ -x $(AZURITE) ] || { echo 'There is no Azurite: npm is missing, or has failed.' >&2; exit 1; }
	@exec $(AZURITE) --inMemoryPersistence --skipApiVersionCheck --disableTelemetry --silent

test: export LIVE_BASE =
test: $(READY) node
	$(BIN)/python -m pytest $(TOGETHER)

# What can be asked of any host that runs the app: make test-live BASE=https://... KEY=..., or both in the environment,
# which no list of processes shows. It cancels nothing but RUN_ID= (in WORKSPACE=). Without BASE it asks the local host.
test-live: export LIVE_BASE = $(value BASE)
test-live: export LIVE_KEY = $(value KEY)
test-live: export LIVE_RUN_ID = $(value RUN_ID)
test-live: export LIVE_WORKSPACE = $(value WORKSPACE)
test-live: $(READY)
	@$(BIN)/python -m pytest tests/live

# The same tests with other numbers; at the end it prints what they counted. A test may take minutes here.
soak: $(READY) node
	$(BIN)/python -m pip install --quiet --dry-run --ignore-installed --require-hashes -r requirements.lock
	$(BIN)/python -m pytest $(TOGETHER) --soak -o faulthandler_timeout=900

# This release and the commit BASE (the last tag, or else the parent) go on with each other's cancellations under way.
compat: export COMPAT_BASE = $(value BASE)
compat: $(READY)
	@$(BIN)/python -m tests.support.releases compat "$$COMPAT_BASE"

# The golden histories of a new version: make histories VERSION=0.3. Those of a released version are never written again.
histories: export OF_VERSION = $(value VERSION)
histories: $(READY)
	@$(BIN)/python -m tests.support.releases record "$$OF_VERSION"

# Measures this app beside its peers and writes docs/benchmarks.md and its pictures: twelve minutes, on an idle machine.
bench: $(READY)
	$(BIN)/python -m bench

# docs/how-it-works.svg, from the text beside it
picture: $(READY)
	$(BIN)/python -m docs.picture

# docs/page-*.png, of pages that the app has made, by the Chromium of this machine
screenshots: $(READY)
	$(BIN)/python -m docs.screenshots

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
	$(BIN)/python -m tests.support.plain_bicep $(INFRA)/plain
	$(INFRA)/bin/checkov --config-file infra/checkov.yaml >$(INFRA)/checkov.json || { cat $(INFRA)/checkov.json; exit 1; }
	@$(BIN)/python -c 'import json; s = json.load(open("$(INFRA)/checkov.json"))["summary"]; print("checkov:", s); assert s["passed"] and not s["parsing_errors"]'
	$(BIN)/shellcheck infra/smoke.sh infra/compile.sh .ci/run
	@infra/compile.sh

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

# whatever npm says stays on the screen; what it could not bring is skipped
node:
	@if ! command -v npm >/dev/null; then \
		echo "There is no npm here: the tests against a real Storage queue, a Kusto compiler and axe-core are skipped."; \
	elif ! $(MAKE) --keep-going $(AZURITE) $(KUSTO) $(AXE); then \
		echo "npm has failed, and why stands above: the tests against what it did not bring are skipped."; \
	fi

NPM_INSTALL := npm install --loglevel=error --no-progress --no-fund --no-audit --no-update-notifier

$(AZURITE):
	@echo "Installing azurite@$(AZURITE_VERSION) into .azurite, once ..."
	@$(NPM_INSTALL) --prefix .azurite azurite@$(AZURITE_VERSION) >&2

$(KUSTO):
	@echo "Installing @kusto/language-service-next@$(KUSTO_VERSION) into .kusto, once ..."
	@$(NPM_INSTALL) --prefix .kusto @kusto/language-service-next@$(KUSTO_VERSION) >&2

$(AXE):
	@echo "Installing axe-core@$(AXE_VERSION) into .axe, once ..."
	@$(NPM_INSTALL) --prefix .axe axe-core@$(AXE_VERSION) >&2

clean:
	rm -rf $(VENV) $(INFRA) $(SUPPLY) .package .azurite .kusto .axe .mypy_cache .ruff_cache .pytest_cache .hypothesis
