"""Days that an earlier version of Nightjar swept, whose tables lack columns, are read and swept on."""

from __future__ import annotations

import pyarrow as pa

from nightjar import schemas
from nightjar.duplicates.steps import sweep_duplicates
from nightjar.lake import Lake, Partition
from nightjar.settings import Settings
from nightjar.vectors.steps import load_vectors
from tests.nightjar.duplicates import nights
from tests.nightjar.duplicates.nights import DAYS


def _night(settings: Settings, day: str) -> None:
    nights.write_day(settings, day)
    load_vectors(settings, day)
    sweep_duplicates(settings, day)


def test_days_that_were_swept_before_pairs_had_lengths_of_sound_are_swept_on(settings, milvus, monkeypatch):
    lake, later = Lake(settings), {"different", "a_sound_s", "b_sound_s"}
    plain = schemas.TABLES["duplicate_pairs"]
    older = pa.schema([column for column in plain if column.name not in later], plain.metadata)
    rows = 0
    for day in DAYS[:2]:
        _night(settings, day)
        partition = Partition("duplicate_pairs", day, settings.model)
        with monkeypatch.context() as before:
            before.setitem(schemas.TABLES, "duplicate_pairs", older)
            lake.write(partition, lake.read(partition))
        aged = lake.read(partition)
        assert all(aged[name].null_count == aged.num_rows for name in later)
        rows += aged.num_rows
    assert rows
    _night(settings, DAYS[2])
    found = lake.read_days("duplicate_pairs", DAYS, model=settings.model).to_pylist()
    assert {tuple(sorted((row["a"], row["b"]))): row["verdict"] for row in found} == nights.PAIRS
    found = lake.read(Partition("duplicate_groups", DAYS[2], settings.model)).to_pylist()
    assert {row["track_id"]: row["canonical_id"] for row in found} == nights.GROUPS
