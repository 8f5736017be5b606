"""The step of load_vectors: a day's vectors into Milvus, and what is gone out of it."""

from __future__ import annotations

import logging

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.models import live
from nightjar.settings import Settings
from nightjar.takedowns.ledger import purged, taken_down
from nightjar.thresholds import LOAD_CHECK_SONGS
from nightjar.vectors.names import KINDS, TABLES
from nightjar.vectors.store import VectorStore

log = logging.getLogger(__name__)


def load_vectors(settings: Settings, day: str) -> dict:
    """Make Milvus hold exactly the day's committed vectors: {"tracks", "windows", "removed", "checked"}.

    The first model of all is live from then on, and the aliases follow the live one; loading another changes neither.
    Vectors that the day had and has no more are removed, and so is every song that is taken down and not purged yet, of
    whatever day it is. Then all keys of the day must be there, and its songs (an even sample) find themselves.
    Running it again changes nothing. Raises PartitionMissing, and NightjarError if Milvus does not hold what it must.
    """
    lake = Lake(settings)
    gone = taken_down(lake)
    rows = {kind: without(lake.read(Partition(TABLES[kind], day, settings.model)), gone) for kind in KINDS}
    removed = checked = 0
    with VectorStore(settings) as store:
        if rows["tracks"].num_rows:
            store.ensure(dimension(rows["tracks"], day))
        if store.exists():  # else nothing was ever loaded, and this day is empty
            for kind in reversed(KINDS):  # a song is in `tracks` only once its windows are loaded
                store.upsert(kind, rows[kind])
            gone = taken_down(lake)  # again: what was taken down meanwhile was perhaps loaded after its purge
            rows = {kind: without(rows[kind], gone) for kind in KINDS}
            removed = sum(store.delete_day_except(kind, day, rows[kind]) for kind in KINDS)
            store.delete_tracks(gone - purged(lake.objects).tracks)
            checked = _check(store, day, rows["tracks"])
            for kind in KINDS:
                store.attest(kind, day, rows[kind])
            if live.begin(lake.objects, settings.model).model == settings.model and not store.is_live():
                store.make_live()
    summary = {kind: rows[kind].num_rows for kind in KINDS} | {"removed": removed, "checked": checked}
    log.info(
        "load_vectors %s: %d songs and %d windows of %s, %d vectors removed, %d songs found themselves",
        *(day, summary["tracks"], summary["windows"], settings.model, removed, checked),
    )
    return summary


def without(rows: pa.Table, gone: set[str]) -> pa.Table:
    """The rows of other songs than those that are `gone`."""
    return rows.filter(pc.invert(pc.is_in(rows["track_id"], pa.array(sorted(gone), pa.string()))))


def dimension(rows: pa.Table, day: str) -> int:
    """That of a day's vectors. Raises NightjarError if they have several."""
    sizes = pc.unique(pc.list_value_length(rows["vector"])).to_pylist()
    if len(sizes) != 1 or not sizes[0]:
        raise NightjarError(
            f"the embeddings of {day} have dimensions {sorted(sizes)}, not one", "Run embed_tracks of the day again"
        )
    return sizes[0]


def _check(store: VectorStore, day: str, tracks: pa.Table) -> int:
    """Raises NightjarError unless songs find themselves; how many were tried."""
    chosen = np.unique(np.linspace(0, tracks.num_rows - 1, min(tracks.num_rows, LOAD_CHECK_SONGS)).astype(int))
    if len(chosen):
        sample = tracks.take(chosen)
        vectors = np.stack(sample["vector"].to_numpy(zero_copy_only=False))
        store.search(vectors, 2, day, own=sample["track_id"].to_pylist())
    return len(chosen)
