"""Digests of what the stages have written, from the manifests of their tables; records for a lake that has none yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nightjar import schemas
from nightjar.converge import records
from nightjar.converge.stages import (
    CHAIN,
    EMBED,
    INGEST,
    LISTENS,
    LOAD,
    PUBLISH,
    SWEEP,
    At,
    Known,
    Record,
    digest,
    inputs,
)
from nightjar.errors import PartitionMissing
from nightjar.lake import Lake, Partition

_WRITES = {
    INGEST: ("tracks",),
    LISTENS: ("listens", "takedowns"),
    EMBED: ("embeddings", "windows", "fingerprints", "speed_prints", "stems"),
    LOAD: ("embeddings", "windows"),
    SWEEP: ("tracks", "embeddings", "fingerprints", "duplicate_pairs"),
    PUBLISH: ("lists",),
}
"""The tables that say what a stage made. What load read is in Milvus; a day's songs count once they are swept."""

_LAST = {LOAD: "duplicate_pairs"}
"""Where a stage leaves nothing of its own in the lake: a table that is written only after it."""


def made(lake: Lake, model: str, at: At) -> str:
    """Digest of what the stage has written. Raises PartitionMissing."""
    partitions = [Partition(table, at.day, *_model(table, model)) for table in _WRITES[at.stage]]
    return digest({str(each): digest({"": lake.manifest(each).to_json().decode()}) for each in partitions})


def adopt(lake: Lake, model: str, known: Known, of_days: Iterable[str], rules: Mapping[str, str]) -> None:
    """Take for made what was committed before there were records of it, by day and in the order of the chain."""
    seen = {day: dict(stages) for day, stages in known.items()}
    for day in sorted(of_days):
        found = seen.setdefault(day, {})
        for stage in CHAIN:
            if stage in found:
                continue
            try:
                if table := _LAST.get(stage):
                    lake.manifest(Partition(table, day, model))
                of_tables = made(lake, model, At(day, stage))
            except PartitionMissing:
                continue
            found[stage] = Record(made=of_tables, made_from=inputs(seen, rules, At(day, stage)))
        records.begin_with(lake.objects, model, day, found)


def _model(table: str, model: str) -> tuple[str, ...]:
    return (model,) if table in schemas.BY_MODEL else ()
