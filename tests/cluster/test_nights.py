"""Nights on the cluster: the steps as they are, and the same tables as with Milvus Lite."""

from __future__ import annotations

from dataclasses import replace

from nightjar.duplicates.steps import sweep_duplicates
from nightjar.lake import Lake, Partition
from nightjar.recommend.similar import find_similar
from nightjar.settings import Settings
from nightjar.vectors.steps import load_vectors
from nightjar.vectors.store import VectorStore
from tests.nightjar.duplicates import nights
from tests.nightjar.duplicates.nights import DAYS, PAIRS, UPLOADS

TABLES = ("duplicate_pairs", "duplicate_groups", "similar")


def run(settings: Settings) -> dict:
    """All days in turn; the tables that they leave."""
    for day in DAYS:
        nights.write_day(settings, day)
        assert load_vectors(settings, day)["tracks"] == sum(upload.day == day for upload in UPLOADS)
        sweep_duplicates(settings, day)
        find_similar(settings, day)
    lake = Lake(settings)
    partitions = [(table, day) for table in TABLES for day in lake.days(table, model=settings.model)]
    return {(table, day): lake.read(Partition(table, day, settings.model)) for table, day in partitions}


def test_nights_leave_the_same_tables_as_with_milvus_lite(settings, milvus, milvus_lite):
    on_cluster = run(settings)
    pairs = {
        tuple(sorted((row["a"], row["b"]))): row["verdict"]
        for (table, _), rows in on_cluster.items()
        for row in (rows.to_pylist() if table == "duplicate_pairs" else [])
    }
    assert {pair: verdict for pair, verdict in pairs.items() if verdict != "distinct"} == PAIRS
    with VectorStore(settings) as store:
        assert store.count() == len(UPLOADS)
        assert store.is_live()
    lake = Lake(settings)
    for table, day in on_cluster:
        lake.remove(Partition(table, day, settings.model))
    on_lite = run(replace(settings, milvus_uri=milvus_lite.uri))
    assert on_lite.keys() == on_cluster.keys()
    for key, rows in on_cluster.items():
        assert rows.equals(on_lite[key]), key


def test_a_night_that_runs_again_changes_nothing(settings, milvus):
    first, again = run(settings), run(settings)
    assert again.keys() == first.keys()
    for key, rows in again.items():
        assert rows.equals(first[key]), key
