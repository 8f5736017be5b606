# Two commands do everything: `make demo` and `make test`. Both install what is missing first.
SHELL := /bin/bash
# Any Python 3 brings uv, and uv brings Python 3.11 if there is none; PYTHON names one to take.
PYTHON ?=
ANY_PYTHON = $(shell for each in $(PYTHON) python3.11 python3 python; do \
    "$$each" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null && echo "$$each" && break; done)
INSTALL = $(or $(ANY_PYTHON),$(error no Python 3.8 or newer is here to start with: install python3, or say make PYTHON=/path/to/it)) -m deploy.install
CLUSTER := .nightjar/cluster-test
# Bytecode is kept, also where the environment says not to: each process that imports TensorFlow takes half the time.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help install music demo stop cluster cluster-stop test test-services test-cluster fuzz lint bench bench-sweep bench-lookalikes bench-rank \
    bench-publish bench-vectors test-images lock sbom clean

help:  ## what the targets do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 15

install: .venv/compiled .venv-embedder/compiled  ## two locked environments and .venv/bin/nightjar

.tools/bin/uv: deploy/install/uv.txt
	@$(INSTALL) uv && touch $@

.venv/installed: requirements.txt pyproject.toml | .tools/bin/uv
	@$(INSTALL) airflow $(if $(PYTHON),--python "$(PYTHON)") && touch $@

.venv-embedder/installed: $(wildcard embedder/requirements*.txt) | .tools/bin/uv
	@$(INSTALL) embedder $(if $(PYTHON),--python "$(PYTHON)") && touch $@

# numba's functions, which a night would compile for a minute or two before its first comparison. They are kept by their
# sources, so that an edit elsewhere compiles nothing.
.venv/compiled: .venv/installed $(wildcard plugins/nightjar/*.py plugins/nightjar/duplicates/*.py plugins/nightjar/recommend/*.py plugins/nightjar/publish/*.py)
	@$(INSTALL) kernels && touch $@

.venv-embedder/compiled: .venv-embedder/installed embedder/fingerprint.py embedder/chromaprint.py embedder/mel.py
	@$(INSTALL) embedder-kernels && touch $@

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

# Three runs side by side that end at about the same time on two cores: these go with the two that would be the shorter ones.
AFTER_THE_NIGHT := $(addprefix tests/nightjar/,models rebuild vectors)
AFTER_THE_EMBEDDER := $(addprefix tests/nightjar/,publish recommend takedowns)

test: install lint  ## all tests, on real services, in three runs side by side; one is a whole night through Airflow
	@set -m; trap 'exit 130' INT TERM; trap 'for run in $$(jobs -p); do kill -- -$$run; done 2>/dev/null; wait' EXIT; \
	mkdir -p .nightjar; night=.nightjar/tests-night.log; embedder=.nightjar/tests-embedder.log; \
	echo "beside these tests run a night through Airflow, into $$night, and the embedder's, into $$embedder, with some more each"; \
	(export NIGHTJAR_PORTS=16000-17999; .venv/bin/python -m pytest tests/deploy/demo tests/end_to_end; failed=$$?; \
	    .venv/bin/python -m pytest $(AFTER_THE_NIGHT) || failed=$$?; exit $$failed) >$$night 2>&1 & first=$$!; \
	(export NIGHTJAR_PORTS=18000-19999; .venv-embedder/bin/python -m pytest tests/embedder; failed=$$?; \
	    .venv/bin/python -m pytest $(AFTER_THE_EMBEDDER) || failed=$$?; exit $$failed) >$$embedder 2>&1 & second=$$!; set +m; \
	.venv/bin/python -m pytest tests --ignore tests/embedder --ignore tests/bench --ignore tests/cluster \
	    --ignore tests/deploy/demo --ignore tests/end_to_end \
	    $(addprefix --ignore ,$(AFTER_THE_NIGHT) $(AFTER_THE_EMBEDDER)); failed=$$?; \
	wait $$first || failed=$$?; cat $$night; wait $$second || failed=$$?; cat $$embedder; exit $$failed

test-cluster: install  ## the vector store's tests on a Milvus cluster, nights on it, and what it must stand: twenty minutes
	@trap '.venv/bin/python -m deploy.cluster down --data $(CLUSTER)' EXIT; \
	    .venv/bin/python -m deploy.cluster up --data $(CLUSTER) && \
	    NIGHTJAR_TEST_MILVUS=$$(.venv/bin/python -m deploy.cluster uri --data $(CLUSTER)) \
	        .venv/bin/python -m pytest tests/nightjar/vectors && \
	    NIGHTJAR_TEST_CLUSTER=$(CLUSTER) .venv/bin/python -m pytest -rP tests/cluster

test-services: install  ## the tests of the marker services: on a Milvus server, of two runs of one day, of what operators do, of all bad files
	@.venv/bin/python -m pytest tests -m services --ignore tests/embedder --ignore tests/bench --ignore tests/cluster
	@.venv-embedder/bin/python -m pytest tests/embedder -m services

MINUTES ?= 10
fuzz: install  # files that chance makes of good ones, through the probe and the decoder: MINUTES=10
	@.venv/bin/python -m tests.corpus.fuzz --minutes $(MINUTES) $(ARGS)

lint: install
	@.venv/bin/ruff check --quiet . && .venv/bin/ruff format --quiet --check .

bench: install  ## seconds per song by stage, and the share that is Airflow's
	@.venv/bin/python -m tests.bench.night

bench-sweep: install  # what a sweep costs as the library grows: minutes to an hour; ARGS="--library 10000,100000 --new 2000"
	@.venv/bin/python -m tests.bench.sweep $(ARGS)

bench-lookalikes: install  # noises, loops and clocks that are no copies, and compilations: ten minutes; ARGS="--songs FOLDER"
	@.venv/bin/python -m tests.bench.lookalikes $(ARGS)

bench-rank: install  # lists for a million people beside implicit: ten minutes; ARGS="--users 100000"
	@.venv/bin/python -m tests.bench.rank $(ARGS)

bench-publish: install  # what publishing costs; ARGS="--users 1000000"
	@.venv/bin/python -m tests.bench.publish $(ARGS)

bench-vectors: install  # bulk import, inserts and upserts; searches by server, Lite and Faiss: ten minutes; ARGS="--vectors 1000000 --searches"
	@.venv/bin/python -m tests.bench.vectors $(ARGS)

test-images: install  # the install steps of the images' recipes in fresh environments; ARGS=embedder
	@.venv/bin/python -m tests.deploy.images.steps $(ARGS)

lock: | .tools/bin/uv  ## resolve pyproject.toml's groups into the lock files, with hashes
	@$(INSTALL) lock

sbom: install  ## what is installed, as CycloneDX SBOMs in .nightjar/sbom, and its licences
	@.venv/bin/python -m deploy.sbom

clean: stop  ## remove the environments and all data
	@rm -rf .venv .venv-embedder .tools .nightjar
