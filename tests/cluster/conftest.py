"""The cluster that NIGHTJAR_TEST_CLUSTER names by its data directory, or one of its own; a test finds it empty."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.cluster.cluster import Cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The running cluster; one of its own where none is named."""
    named = os.environ.get("NIGHTJAR_TEST_CLUSTER")
    made = Cluster(Path(named) if named else tmp_path_factory.mktemp("cluster"))
    made.up()
    yield made
    if not named:
        made.down()


@pytest.fixture
def whole(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, which is put together again after the test."""
    cluster.up()
    yield cluster
    cluster.up()


@pytest.fixture
def settings(settings, cluster: Cluster, monkeypatch: pytest.MonkeyPatch):
    """The settings with the cluster's address, which is all that differs."""
    monkeypatch.setenv("NIGHTJAR_MILVUS_URI", cluster.uri)
    return replace(settings, milvus_uri=cluster.uri)


@pytest.fixture(scope="session")
def milvus_server(cluster: Cluster) -> Cluster:
    return cluster
