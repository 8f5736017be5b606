# Two commands do everything: `make demo` and `make test`. Both install what is missing first.
SHELL := /bin/bash
PYTHON ?= python3.11
UV_VERSION := 0.13.9
UV := .tools/bin/uv
# uv does not read pip's configuration: hand on where pip finds further wheels (a CPU build of torch, say).
FIND_LINKS = $(or $(UV_FIND_LINKS),$(PIP_FIND_LINKS),$(shell .tools/bin/pip config get global.find-links 2>/dev/null))
INSTALL = $(if $(strip $(FIND_LINKS)),UV_FIND_LINKS="$(strip $(FIND_LINKS))") $(UV) pip install --quiet --no-deps
CLUSTER := .nightjar/cluster-test

.PHONY: help install music demo stop cluster cluster-stop test test-services test-cluster lint bench bench-sweep bench-rank bench-publish \
    bench-vectors test-images lock clean

help:  ## what the targets do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 15

install: .venv/installed .venv-embedder/installed  ## two locked environments and .venv/bin/nightjar

.tools/bin/uv:
	@command -v $(PYTHON) >/dev/null || { echo "Nightjar needs Python 3.11: install it, or say make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "installing uv $(UV_VERSION)"
	@$(PYTHON) -m venv .tools && .tools/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/installed: requirements.txt pyproject.toml | $(UV)
	@echo "installing Airflow and the library (1.2 GB)"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv
	@$(INSTALL) --python .venv/bin/python --requirement requirements.txt
	@$(INSTALL) --python .venv/bin/python --editable .
	@touch $@

.venv-embedder/installed: embedder/requirements.txt | $(UV)
	@echo "installing the embedder's environment (2.4 GB)"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv-embedder
	@$(INSTALL) --python .venv-embedder/bin/python --requirement embedder/requirements.txt
	@echo "$(CURDIR)/plugins" > .venv-embedder/lib/python3.11/site-packages/nightjar.pth
	@touch $@

music:  # a wrong SONGS is refused before anything is installed
	@[ -z "$(SONGS)" ] || [ -d "$(SONGS)" ] || { echo "SONGS=$(SONGS) is not a folder: give one with music, as in SONGS=~/Music" >&2; exit 1; }

demo: music install  ## three days of songs through the whole system; SONGS=DIR takes your own, LIMIT=N of them
	@.venv/bin/python -m deploy.demo $(if $(SONGS),--songs "$(SONGS)") $(if $(LIMIT),--limit $(LIMIT))

stop:  ## end everything that make demo and make cluster left running
	@if [ -x .venv/bin/python ]; then .venv/bin/python -m deploy.embedded down; .venv/bin/python -m deploy.cluster down; fi

cluster: install  ## a Milvus cluster on this machine, with two query nodes; prints NIGHTJAR_MILVUS_URI
	@.venv/bin/python -m deploy.cluster up

cluster-stop:  ## end it; its data stays in .nightjar/cluster
	@.venv/bin/python -m deploy.cluster down

test: install lint  ## all tests, on real services; ends with a whole night through Airflow
	@mkdir -p .nightjar; log=.nightjar/tests-embedder.log; echo "the embedder's tests run beside the others, into $$log"; \
	NIGHTJAR_PORTS=18000-19999 .venv-embedder/bin/python -m pytest tests/embedder >$$log 2>&1 & beside=$$!; trap 'kill $$beside 2>/dev/null' EXIT; \
	.venv/bin/python -m pytest tests --ignore tests/embedder --ignore tests/bench --ignore tests/cluster; failed=$$?; \
	wait $$beside || failed=$$?; cat $$log; exit $$failed

test-cluster: install  ## the vector store's tests on a Milvus cluster, nights on it, and what it must stand: twenty minutes
	@trap '.venv/bin/python -m deploy.cluster down --data $(CLUSTER)' EXIT; \
	    .venv/bin/python -m deploy.cluster up --data $(CLUSTER) && \
	    NIGHTJAR_TEST_MILVUS=$$(.venv/bin/python -m deploy.cluster uri --data $(CLUSTER)) \
	        .venv/bin/python -m pytest tests/nightjar/vectors && \
	    NIGHTJAR_TEST_CLUSTER=$(CLUSTER) .venv/bin/python -m pytest -rP tests/cluster

test-services: install  ## the adapters' tests on what production runs: a Milvus server, a Valkey cluster, PostgreSQL: nine minutes
	@.venv/bin/python -m pytest tests/nightjar/vectors tests/nightjar/publish/test_store.py tests/nightjar/test_objects.py \
	    tests/nightjar/doctor/test_metadata.py -m "" -k "not milvus_lite"

lint: install
	@.venv/bin/ruff check --quiet . && .venv/bin/ruff format --quiet --check .

bench: install  ## seconds per song by stage, and the share that is Airflow's
	@.venv/bin/python -m tests.bench.night

bench-sweep: install  # what a sweep costs as the library grows: minutes to an hour; ARGS="--library 10000,100000 --new 2000"
	@.venv/bin/python -m tests.bench.sweep $(ARGS)

bench-rank: install  # lists for a million people beside implicit: ten minutes; ARGS="--users 100000"
	@.venv/bin/python -m tests.bench.rank $(ARGS)

bench-publish: install  # what publishing costs; ARGS="--users 1000000"
	@.venv/bin/python -m tests.bench.publish $(ARGS)

bench-vectors: install  # bulk import, inserts and upserts; searches by server, Lite and Faiss: ten minutes; ARGS="--vectors 1000000 --searches"
	@.venv/bin/python -m tests.bench.vectors $(ARGS)

test-images: install  # the install steps of the images' recipes in fresh environments: 4 GB, five minutes; ARGS=embedder
	@.venv/bin/python -m tests.deploy.images.steps $(ARGS)

lock: | $(UV)  ## resolve pyproject.toml's groups into the lock files
	@$(UV) pip compile --quiet --python-version 3.11 --no-header --no-emit-find-links --group airflow --group embedded --group test \
	    pyproject.toml --output-file requirements.txt
	@$(UV) pip compile --quiet --python-version 3.11 --no-header --no-annotate --no-emit-find-links --group airflow --group image \
	    --constraint requirements.txt pyproject.toml --output-file deploy/images/airflow/requirements.txt
	@$(if $(strip $(FIND_LINKS)),UV_FIND_LINKS="$(strip $(FIND_LINKS))") $(UV) pip compile --quiet --python-version 3.11 --no-header \
	    --no-emit-find-links --group embedder --output-file embedder/requirements.txt
	@sed -i 's/+cpu$$//' embedder/requirements.txt
	@echo 'musicnn==0.1.0  # for its checkpoint; what it depends on is obsolete and not wanted: locks install with --no-deps' >> embedder/requirements.txt

clean: stop  ## remove the environments and all data
	@rm -rf .venv .venv-embedder .tools .nightjar
