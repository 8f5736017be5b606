"""A new collection by bulk import on a cluster: it is then in both query nodes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nightjar.vectors import bulk
from nightjar.vectors.store import VectorStore
from tests.nightjar.vectors.test_store import DAYS, songs, vectors

ROWS = 3000


@pytest.fixture
def settings(settings, cluster, monkeypatch):
    """With the object storage that the cluster keeps its own files in."""
    storage = cluster.backing[0]
    for name, value in storage.keys.items():
        monkeypatch.setenv(name, value)
    return replace(settings, s3_endpoint=storage.endpoint, bucket=storage.bucket, milvus_bucket=storage.bucket)


def test_both_query_nodes_have_what_was_imported(settings, milvus):
    rows = songs(DAYS[0], *(f"s{number:05d}" for number in range(ROWS)))
    with VectorStore(settings) as store:
        assert bulk.fill(settings, store, "tracks", [rows]) == ROWS
        assert bulk.fill(settings, store, "windows", []) == 0
        replicas = milvus.describe_replica(store.collection("tracks"))
        assert len(replicas) == 2
        assert len({node for replica in replicas for node in replica.group_nodes}) == 2
        store.ensure(8)
        own = rows["track_id"].to_pylist()[:50]
        assert [hits[0].track_id for hits in store.search(vectors(rows)[:50], 3, own=own)] == own
        assert np.allclose(store.vectors_of(["s00007"])["s00007"], vectors(rows)[7], atol=1e-6)
