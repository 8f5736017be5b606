"""Parts of the cluster die and come back while threads read: no answer fails, none lacks anything, no row is lost."""

from __future__ import annotations

import signal
import threading
import time
from dataclasses import replace
from os import kill

import numpy as np
import pyarrow as pa
import pytest

from nightjar.vectors.store import VectorStore
from tests.cluster.readers import DAYS, DIMENSION, Songs, reading

SONGS = Songs(per_day=300)
JOIN_S = 40.0
"""A node that joins was seen to answer without its sealed segments for up to 29 s."""


@pytest.fixture
def loaded(settings, milvus, whole):
    """The settings of a store with all songs: two days in sealed segments, one in a growing one."""
    with VectorStore(settings) as store:
        store.ensure(DIMENSION)
        for day in DAYS:
            store.upsert("tracks", SONGS.rows(day))
            store.attest("tracks", day, SONGS.rows(day))
            if day != DAYS[-1]:
                milvus.flush(store.collection("tracks"))
    return settings


def leaders(milvus) -> set[int]:
    """The query nodes that answer for the songs."""
    [name] = [each for each in milvus.list_collections() if each.startswith("tracks__")]
    return {shard.shard_leader for replica in milvus.describe_replica(name) for shard in replica.shards}


def killed(service) -> None:
    kill(service.process.pid, signal.SIGKILL)


def restarted(service) -> None:
    service.start()
    service.wait()


def test_collections_have_two_replicas(loaded, milvus):
    assert len(leaders(milvus)) == 2
    with VectorStore(loaded) as store:
        store.ensure(DIMENSION)
        assert store.milvus.query_nodes == 2
        assert len(milvus.describe_replica(store.collection("windows"))) == 2


@pytest.mark.parametrize("dead_s", [2, 20], ids=["before it is missed", "after its session has ended"])
def test_a_query_node_dies_and_comes_back(loaded, milvus, whole, dead_s):
    before = leaders(milvus)
    with reading(loaded, SONGS) as seen:
        time.sleep(5)
        killed(whole.query_nodes[1])
        time.sleep(dead_s)
        restarted(whole.query_nodes[1])
        deadline = time.monotonic() + 60
        while not _two_without(milvus, before) and time.monotonic() < deadline:
            time.sleep(0.5)
        after = leaders(milvus)
        time.sleep(JOIN_S)
    assert len(after) == 2
    assert len(after & before) == 1
    assert seen.wrong == []
    assert seen.right.total() > 100


def _two_without(milvus, before: set[int]) -> bool:
    try:
        found = leaders(milvus)
    except Exception:  # none is told while a node is missing
        return False
    return len(found) == 2 and found != before


def test_takedowns_hold_while_a_query_node_joins(loaded, milvus, whole):
    """Milvus looks for what it deletes with the same nodes that search."""
    rows = SONGS.rows(DAYS[0])
    names = [f"other-{name}" for name in rows["track_id"].to_pylist()]
    with VectorStore(replace(loaded, model="other-1")) as store:
        store.ensure(DIMENSION)
        rows = rows.set_column(0, "track_id", pa.array(names))
        store.upsert("tracks", rows)
        store.attest("tracks", DAYS[0], rows)
        milvus.flush(store.collection("tracks"))
        killed(whole.query_nodes[1])
        time.sleep(2)
        restarted(whole.query_nodes[1])
        for number in range(0, 200, 10):
            assert store.delete_tracks(names[number : number + 10]) == 10
            assert store.count() == 300 - number - 10
        assert sorted(store.day_keys("tracks", DAYS[0])) == sorted(names[200:])


def test_the_proxy_restarts(loaded, whole):
    with reading(loaded, SONGS) as seen:
        time.sleep(5)
        killed(whole.roles["proxy"])
        time.sleep(2)
        restarted(whole.roles["proxy"])
        time.sleep(20)
    assert seen.wrong == []
    assert seen.right.total() > 100


@pytest.mark.parametrize("role", ["querycoord", "rootcoord", "datacoord"])
def test_a_coordinator_restarts(loaded, whole, role):
    with reading(loaded, SONGS) as seen:
        time.sleep(3)
        killed(whole.roles[role])
        time.sleep(2)
        restarted(whole.roles[role])
        time.sleep(40)
    assert seen.wrong == []
    assert seen.right.total() > 100


def test_the_data_node_dies_in_the_middle_of_a_load(loaded, whole):
    """Songs of another model are loaded meanwhile, so that what the readers must find stays the same."""
    other, batches = replace(loaded, model="other-1"), 12
    rows = pa.concat_tables([SONGS.rows(day) for day in DAYS])
    size = rows.num_rows // batches
    acknowledged = []
    with VectorStore(other) as store, reading(loaded, SONGS) as seen:
        store.ensure(DIMENSION)

        def load() -> None:
            for number in range(batches):
                part = rows.slice(number * size, size)
                store.upsert("tracks", part)
                acknowledged.extend(part["track_id"].to_pylist())
                if number == batches // 2:
                    store._client.flush(store.collection("tracks"))
                time.sleep(1.0)

        writing = threading.Thread(target=load)
        writing.start()
        time.sleep(3)
        killed(whole.roles["datanode"])
        time.sleep(2)
        restarted(whole.roles["datanode"])
        writing.join()
        assert len(acknowledged) == rows.num_rows
        found = store.vectors_of(acknowledged)
        assert store.count() == rows.num_rows
    assert sorted(found) == sorted(acknowledged)
    assert np.allclose(np.stack([found[each] for each in SONGS.names]), SONGS.vectors, atol=1e-6)
    assert seen.wrong == []
    assert seen.right.total() > 100
