# The verbs of this project. Each makes .venv first when there is none or a list of requirements changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# The real Storage queue for the tests, where there is node: the newest release that runs on Node 20.
AZURITE := .azurite/node_modules/.bin/azurite
AZURITE_VERSION := 3.35.0

# The tests wait more than they compute: more workers than cores.
TOGETHER := --numprocesses 4 --dist worksteal

.PHONY: demo serve test soak lint format clean azurite
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

test: $(READY) azurite
	$(BIN)/python -m pytest $(TOGETHER)

# The same tests with other numbers; at the end it prints what they counted. A test may take minutes here.
soak: $(READY) azurite
	$(BIN)/python -m pytest $(TOGETHER) --soak -o faulthandler_timeout=900

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy function_app.py tests

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

azurite:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(AZURITE); \
	else echo "There is no npm here: the tests against a real Storage queue are skipped."; fi

$(AZURITE):
	npm install --silent --no-fund --no-audit --prefix .azurite azurite@$(AZURITE_VERSION)

clean:
	rm -rf $(VENV) .azurite .mypy_cache .ruff_cache .pytest_cache .hypothesis
