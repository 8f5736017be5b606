"""The table `similar`: which songs are near each new song, by their vectors in Milvus. A song is searched for once.

Nights search for their own songs among all of days up to theirs, so that a night costs what it brings. An older song
gets to know a newer one from the newer one's row, which is why rows are read both ways.
"""

from __future__ import annotations

import logging

import numpy as np
import pyarrow as pa

from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.recommend import tables
from nightjar.settings import Settings
from nightjar.takedowns.ledger import taken_down
from nightjar.takedowns.purge import tidy
from nightjar.thresholds import NEIGHBOURS_PER_SEED
from nightjar.vectors.store import VectorStore

log = logging.getLogger(__name__)

_BATCH = 1000


def find_similar(settings: Settings, day: str) -> dict:
    """Find what is near the day's songs, and near those of earlier days of which it is not known.

    {"songs", "pairs", "days"}. An earlier day is searched for again where its songs are others than those of which it
    is known, as after a late upload. Then, and when a day comes late, what is known of days after it is incomplete:
    theirs is removed, and found again by the next of them that runs. Raises NightjarError if Milvus fails or lacks a
    song of the lake.
    """
    lake, model = Lake(settings), settings.model
    swept = lake.days("duplicate_pairs", model=model, upto=day)
    gone = taken_down(lake)
    summary = {"songs": 0, "pairs": 0, "days": 0}
    with VectorStore(settings) as store:
        for each in swept:
            partition = Partition("similar", each, model)
            there = lake.exists(partition)
            embedded = lake.read(Partition("embeddings", each, model), ["track_id"])["track_id"].to_pylist()
            ids = [track_id for track_id in embedded if track_id not in gone]
            if there and each != day and _songs(lake, partition) - gone == set(ids):
                continue
            rows = _near(store, ids, each)
            if not there or not lake.read(partition).equals(rows):
                for later in lake.days("similar", model=model):
                    if later > each:
                        lake.remove(Partition("similar", later, model))
                lake.write(partition, rows)
                tidy(lake, [partition])
            summary["songs"] += len(ids)
            summary["pairs"] += len(rows["neighbours"].combine_chunks().flatten())
            summary["days"] += 1
    log.info("find_similar %s: %d songs, %d pairs, of %d days", day, *summary.values())
    return summary


def _songs(lake: Lake, partition: Partition) -> set[str]:
    return set(lake.read(partition, ["track_id"])["track_id"].to_pylist())


def _near(store: VectorStore, ids: list[str], day: str) -> pa.Table:
    """Of each song the NEIGHBOURS_PER_SEED nearest of days up to `day`, as rows of `similar`.

    The cosines are computed again here, in double precision, since a search engine's last digits depend on how its
    queries were batched.
    """
    near: list[list[str]] = []
    cosines: list[np.ndarray] = []
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        vectors = _vectors(store, batch)
        asked = np.stack([vectors[each] for each in batch])
        hits = store.search(asked, NEIGHBOURS_PER_SEED + 1, upto_day=day, own=batch)
        found = [[hit.track_id for hit in each] for each in hits]
        vectors |= _vectors(store, sorted({track_id for each in found for track_id in each} - set(vectors)))
        for track_id, others in zip(batch, found, strict=True):
            others = [each for each in others if each != track_id]
            said = np.round(_stacked(vectors, others) @ vectors[track_id].astype(np.float64), 6)
            order = sorted(range(len(others)), key=lambda at: (-said[at], others[at]))[:NEIGHBOURS_PER_SEED]
            near.append([others[at] for at in order])
            cosines.append(said[order])
    return tables.similar_rows(ids, near, cosines)


def _stacked(vectors: dict[str, np.ndarray], ids: list[str]) -> np.ndarray:
    return np.stack([vectors[each] for each in ids]) if ids else np.zeros((0, len(next(iter(vectors.values())))))


def _vectors(store: VectorStore, ids: list[str]) -> dict[str, np.ndarray]:
    found = store.vectors_of(ids) if ids and store.exists() else {}
    if missing := [each for each in ids if each not in found]:
        raise NightjarError(
            f"{len(missing)} songs of the library have no vector of {store.model} in Milvus, {missing[0]} first",
            "Clear load_vectors of the day of that song, which loads them again",
        )
    return found
