"""A whole new collection by bulk import, on Milvus servers; and what Milvus Lite says of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from nightjar.errors import NightjarError
from nightjar.lake import Partition
from nightjar.objects import Objects
from nightjar.vectors import bulk, filled
from nightjar.vectors.connection import Connection
from nightjar.vectors.imports import importer
from nightjar.vectors.store import VectorStore
from tests.nightjar.vectors.test_store import DAYS, songs, vectors, windows

ROWS = 3000  # more than the 1024 from which on a server indexes a segment


@pytest.fixture
def store(settings, milvus) -> Iterator[VectorStore]:
    with VectorStore(settings) as made:
        if importer(made.milvus, settings) is None or not settings.milvus_bucket:
            pytest.skip("this Milvus imports nothing, or from a bucket that is not known")
        yield made


def many(day: str, first: int = 0) -> pa.Table:
    return songs(day, *(f"s{number:05d}" for number in range(first, first + ROWS)), seed=first)


def stored(settings) -> list[str]:
    """What is left of the files for the server."""
    return [seen.key for seen in Objects(replace(settings, bucket=settings.milvus_bucket)).list("import/")]


def test_what_a_milvus_can_is_asked_of_it(settings, milvus_server):
    found = Connection(settings)
    imports = importer(found, settings)
    assert (imports is None) == found.lite
    if (nodes := getattr(milvus_server, "query_nodes", 1)) is not None:  # None: it is somebody else's
        assert found.query_nodes == nodes
    assert not bulk.is_worth_it(replace(settings, milvus_bucket=""), VectorStore(settings), 10**9)
    assert bulk.is_worth_it(settings, VectorStore(settings), 10**9) == (
        imports is not None and settings.milvus_bucket != ""
    )
    assert not bulk.is_worth_it(settings, VectorStore(settings), 1)


def test_the_days_of_the_lake_become_a_collection_that_nights_go_on_with(store, settings, lake, monkeypatch):
    monkeypatch.setattr(bulk, "_FILE_BYTES", 4 * 8 * 2000)
    first, second = many(DAYS[0]), many(DAYS[1], ROWS)
    for day, rows in zip(DAYS, (first, second), strict=True):
        lake.write(Partition("embeddings", day, settings.model), rows)
        lake.write(Partition("windows", day, settings.model), windows(day, "s00001" if day == DAYS[0] else "z", 12))
    assert bulk.fill_missing(settings, store, DAYS, set()) == {}, "it is not worth it"
    monkeypatch.setattr(bulk, "BULK_MIN_ROWS", 20)
    assert bulk.fill_missing(settings, store, DAYS, {"z"}) == {"windows": 12, "tracks": 2 * ROWS}
    assert bulk.fill_missing(settings, store, DAYS, set()) == {}, "they are there"
    assert stored(settings) == []
    assert sorted(store.milvus.client.list_collections()) == [store.collection("tracks"), store.collection("windows")]
    assert (store.count(), store.count(day=DAYS[1]), store.count("windows")) == (2 * ROWS, ROWS, 12)
    hits = store.search(vectors(second)[:50], 3, own=second["track_id"].to_pylist()[:50])
    assert [each[0].day for each in hits] == [DAYS[1]] * 50
    assert np.allclose(store.vectors_of(["s00007"])["s00007"], vectors(first)[7], atol=1e-6)
    store.make_live()
    store.ensure(8)
    store.upsert("tracks", again := songs(DAYS[1], "s03000", "zoe", seed=9))
    assert store.count() == 2 * ROWS + 1
    assert np.allclose(store.vectors_of(["s03000"])["s03000"], vectors(again)[0], atol=1e-6)
    assert store.delete_tracks(["s00001"]) == 1 + 12


def test_a_key_that_comes_twice_is_noticed_before_anything_is_imported(store, settings):
    with pytest.raises(NightjarError, match="would hold 1 keys twice"):
        bulk.fill(settings, store, "tracks", [many(DAYS[0]), songs(DAYS[1], "s00003")])
    assert store.milvus.client.list_collections() == []
    assert stored(settings) == []


def test_of_a_collection_that_is_there_nothing_is_touched(store, settings):
    store.ensure(8)
    store.upsert("tracks", songs(DAYS[0], "a"))
    with pytest.raises(NightjarError, match="there is a collection"):
        bulk.fill(settings, store, "tracks", [many(DAYS[0])])
    assert store.count() == 1


def test_what_a_killed_run_left_is_no_part_of_the_next(store, settings, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(bulk, "_forget", lambda *_: None)  # as if it had been killed before its end
        patched.setattr(bulk, "_settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            bulk.fill(settings, store, "tracks", [many(DAYS[0])])
    assert not store.exists()
    assert store.models() == []
    assert bulk.fill(settings, store, "tracks", [many(DAYS[1], 5)]) == ROWS
    assert store.milvus.client.list_collections() == [store.collection("tracks")]
    assert stored(settings) == []


@pytest.mark.parametrize("lost", ["a file", "a file twice"])
def test_a_server_that_imports_otherwise_is_noticed(store, settings, monkeypatch, lost):
    monkeypatch.setattr(bulk, "_FILE_BYTES", 4 * 8 * 1500)
    real = bulk._import

    def other(store, by, filling, files):
        real(store, by, filling, files[:1] if lost == "a file" else [files[0], files[0]])

    monkeypatch.setattr(bulk, "_import", other)
    monkeypatch.setattr(bulk, "_settle", lambda store, filling, rows, real=bulk._settle: real(store, filling, 1500))
    with pytest.raises(NightjarError, match="that were written"):
        bulk.fill(settings, store, "tracks", [many(DAYS[0])])
    assert store.milvus.client.list_collections() == []


def test_a_collection_that_finds_too_little_is_not_taken(store, settings, monkeypatch):
    monkeypatch.setattr(filled, "_search", lambda milvus, name, queries: [["s00001"]] * len(queries))
    with pytest.raises(NightjarError, match=r"find \d% of what is nearest"):
        bulk.fill(settings, store, "tracks", [many(DAYS[0])])
    assert store.milvus.client.list_collections() == []


def test_nothing_makes_no_collection(store, settings):
    assert bulk.fill(settings, store, "tracks", []) == 0
    assert store.milvus.client.list_collections() == []
