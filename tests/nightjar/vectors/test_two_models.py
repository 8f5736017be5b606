"""Two models never meet in one search, be their vectors of one dimension or of two."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pymilvus.client.types import LoadState

from nightjar.errors import NightjarError
from nightjar.lake import Lake
from nightjar.models import live
from nightjar.vectors.steps import load_vectors
from nightjar.vectors.store import VectorStore
from tests.nightjar.duplicates import nights
from tests.nightjar.duplicates.nights import DAYS
from tests.nightjar.vectors.test_store import songs, vectors, windows

LONG = ("2026-11-20", "2026-11-21")


@pytest.mark.parametrize("dimension", [8, 5])
def test_a_search_finds_songs_of_its_own_model_only(settings, milvus, dimension):
    """The other model has the same vectors, as far as they go, of other songs."""
    own, other = songs(LONG[0], "a", "b", "c"), songs(LONG[0], "x", "y", "z")
    other = other.set_column(2, "vector", [[vector[:dimension] for vector in own["vector"].to_pylist()]])
    with VectorStore(settings) as first, VectorStore(replace(settings, model="other-2")) as second:
        for store, rows, name in ((first, own, "a"), (second, other, "x")):
            store.ensure(len(rows["vector"][0]))
            store.upsert("tracks", rows)
            found = windows(LONG[0], name, 3)
            found = found.set_column(
                4, "vector", [[vector[: len(rows["vector"][0])] for vector in found["vector"].to_pylist()]]
            )
            store.upsert("windows", found)
        for store, rows, names in ((first, own, "abc"), (second, other, "xyz")):
            for hits in store.search(vectors(rows), 100):
                assert {hit.track_id for hit in hits} == set(names)
            for hits in store.search(vectors(rows), 100, kind="windows"):
                assert {hit.track_id for hit in hits} == {names[0]}
            assert sorted(store.vectors_of(list("abcxyz"))) == list(names)
            assert store.count() == 3
        assert second.delete_day_except("tracks", LONG[0], other.slice(1)) == 1
        assert (first.count(), second.count()) == (3, 2)
        if dimension != 8:
            with pytest.raises(NightjarError, match="failed"):
                second.search(vectors(own), 3)


@pytest.mark.parametrize("dimension", [nights.DIMENSION, 7])
def test_loading_a_candidate_does_not_touch_the_live_model(settings, milvus, monkeypatch, dimension):
    for day in DAYS[:2]:
        nights.write_day(settings, day)
        load_vectors(settings, day)
    before = everything(milvus)
    candidate = replace(settings, model="candidate-1")
    with monkeypatch.context() as patched:
        whole = nights.vector
        patched.setattr(nights, "vector", lambda *of: whole(*of)[:dimension] / np.linalg.norm(whole(*of)[:dimension]))
        for day in DAYS[:2]:
            nights.write_day(candidate, day)
    for day in (*DAYS[:2], DAYS[0]):
        load_vectors(candidate, day)
    after = everything(milvus)
    assert {name: rows for name, rows in after.items() if "candidate" not in name} == before
    assert len(after) == 2 * len(before) == 4
    assert milvus.describe_alias("tracks")["collection_name"] == "tracks__nightjar_pair_x2d_2"
    assert milvus.describe_alias("windows")["collection_name"] == "windows__nightjar_pair_x2d_2"
    assert live.read(Lake(settings).objects).model == settings.model


def everything(milvus) -> dict[str, list[dict]]:
    """All rows of all collections."""
    found = {}
    for name in milvus.list_collections():
        if milvus.get_load_state(name)["state"] != LoadState.Loaded:  # with as many replicas as it may have
            milvus.load_collection(name)
        fields = ["id", "track_id", "day", "vector"]
        rows = milvus.query(name, filter="", limit=10_000, output_fields=fields)
        found[name] = sorted(({key: str(row[key]) for key in fields} for row in rows), key=lambda row: row["id"])
    return found
