"""Loading a day against the real lake and Milvus."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from nightjar import schemas
from nightjar.errors import NightjarError, PartitionMissing
from nightjar.lake import Lake, Partition
from nightjar.vectors.steps import load_vectors
from nightjar.vectors.store import VectorStore
from tests.nightjar.duplicates import nights
from tests.nightjar.duplicates.nights import DAYS, UPLOADS


@pytest.fixture
def written(settings, milvus):
    for day in DAYS:
        nights.write_day(settings, day)
    return settings


def loaded(settings) -> dict[str, list[float]]:
    """Every song's vector."""
    with VectorStore(settings) as store:
        found = store.vectors_of([upload.track_id for upload in UPLOADS])
    return {name: vector.tolist() for name, vector in found.items()}


def windows(settings, day: str) -> int:
    with VectorStore(settings) as store:
        return store.count("windows", day)


def test_a_day_is_loaded_and_a_second_run_changes_nothing(written, caplog):
    caplog.set_level(logging.INFO, "nightjar")
    first = load_vectors(written, DAYS[0])
    assert first == {"tracks": 3, "windows": 36, "removed": 0, "checked": 3}
    assert "load_vectors 2026-11-20: 3 songs and 36 windows of nightjar_pair-2" in caplog.text
    before = loaded(written)
    assert sorted(before) == ["alpha", "beta", "gamma"]
    assert load_vectors(written, DAYS[0]) == first
    assert loaded(written) == before
    assert windows(written, DAYS[0]) == 36


def test_what_vanished_from_the_day_is_removed_and_other_days_stay(written):
    load_vectors(written, DAYS[0])
    load_vectors(written, DAYS[1])
    left = [upload for upload in UPLOADS if upload.track_id != "beta"]
    nights.write_day(written, DAYS[0], left)
    assert load_vectors(written, DAYS[0])["removed"] == 1 + 12
    assert sorted(loaded(written)) == ["alpha", "alpha-again", "beta-begin", "delta", "gamma"]
    assert windows(written, DAYS[0]) == 24


def test_takedowns_of_any_day_hold_for_every_day(written):
    for day in DAYS:
        load_vectors(written, day)
    nights.take_down(written, DAYS[1], tracks=["gamma"])
    nights.take_down(written, DAYS[2], users=["ann"])
    load_vectors(written, DAYS[2])
    assert {"alpha", "gamma"}.isdisjoint(loaded(written))
    assert windows(written, DAYS[0]) == 12
    load_vectors(written, DAYS[0])
    assert {"alpha", "gamma"}.isdisjoint(loaded(written))


def test_empty_days_work_even_as_the_first(settings, milvus):
    nothing = {"tracks": 0, "windows": 0, "removed": 0, "checked": 0}
    nights.write_day(settings, "2026-11-19")
    assert load_vectors(settings, "2026-11-19") == nothing
    nights.write_day(settings, DAYS[0])
    load_vectors(settings, DAYS[0])
    nights.write_day(settings, DAYS[0], [])
    assert load_vectors(settings, DAYS[0]) == nothing | {"removed": 3 + 36}


def test_a_day_that_is_not_embedded_is_named(written):
    with pytest.raises(PartitionMissing, match="embeddings/dt=2026-11-25"):
        load_vectors(written, "2026-11-25")


def test_vectors_of_two_lengths_are_named(written):
    rows = [{"track_id": name, "day": DAYS[0], "vector": np.ones(n, np.float32)} for name, n in (("a", 3), ("b", 4))]
    Lake(written).write(Partition("embeddings", DAYS[0], written.model), schemas.table("embeddings", rows))
    with pytest.raises(NightjarError, match=r"dimensions \[3, 4\]"):
        load_vectors(written, DAYS[0])


def test_a_store_that_lost_rows_is_noticed(written, monkeypatch):
    real = VectorStore.upsert
    monkeypatch.setattr(VectorStore, "upsert", lambda self, kind, rows: real(self, kind, rows.slice(1)))
    with pytest.raises(NightjarError, match="holds 2 vectors of 2026-11-20 instead of 3"):
        load_vectors(written, DAYS[0])
