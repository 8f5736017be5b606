"""Whether Milvus holds just what the lake says of a model, and how well it finds it: keys, counts, recall."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightjar.lake import Lake, Partition
from nightjar.models import state
from nightjar.models.exact import Nearest
from nightjar.settings import Settings
from nightjar.thresholds import CHECK_DAYS, CHECK_SONGS, RECALL_AT
from nightjar.vectors import names
from nightjar.vectors.names import KINDS, TABLES
from nightjar.vectors.steps import without
from nightjar.vectors.store import Hit, VectorStore

_TIMED = 30
"""Searches whose time is taken."""

Sample = dict[str, list[str]]
"""Songs by their days."""


@dataclass
class Checked:
    """What was found of a model."""

    vectors: dict[str, int] = field(default_factory=dict)
    """In the lake, by kind."""
    wrong: list[str] = field(default_factory=list)
    """What Milvus has otherwise, in clauses."""
    recall: dict[str, float | None] = field(default_factory=dict)
    """Mean share, by kind, of the RECALL_AT exactly nearest that a search finds."""
    near: dict[str, list[str]] = field(default_factory=dict)
    """Of each song of the sample the RECALL_AT exactly nearest songs."""
    milliseconds: float | None = None
    """The median time of a search for one song."""


def sample(lake: Lake, models: Sequence[str], days: Sequence[str]) -> Sample:
    """Up to CHECK_SONGS songs that all the models have, evenly from up to CHECK_DAYS days."""
    chosen = _even(list(days), CHECK_DAYS)
    most = -(-CHECK_SONGS // max(1, len(chosen)))
    found: Sample = {}
    for day in chosen:
        ids = [set(_read(lake, model, "tracks", day, ["track_id"])["track_id"].to_pylist()) for model in models]
        if common := _even(sorted(set.intersection(*ids)), most):
            found[day] = common
    return found


def check(settings: Settings, days: Sequence[str], songs: Sample) -> Checked:
    """Compare the collections of the settings' model with its `days` in the lake, key by key, and the answers to
    searches for the sample's songs (and a window of each) with exact ones. Raises NightjarError if Milvus fails."""
    lake, found = Lake(settings), Checked()
    gone = state.pending(lake)
    with VectorStore(settings) as store:
        if not store.exists():
            found.wrong.append(f"{settings.model} has no collections")
            return found
        for kind in KINDS:
            _check(lake, store, kind, days, songs, gone, found)
    return found


def _check(
    lake: Lake, store: VectorStore, kind: str, days: Sequence[str], songs: Sample, gone: set[str], found: Checked
) -> None:
    keys, queries = queries_of(lake, store.model, kind, songs, gone)
    hits = found_near(store, kind, keys, queries)
    nearest, tracks, total = Nearest(keys, queries, RECALL_AT, hits), [], 0
    for day in days:
        rows = without(_read(lake, store.model, kind, day), gone)
        own = names.keys(kind, rows)
        if said := _other_keys(own, store.day_keys(kind, day)):
            found.wrong.append(f"{store.collection(kind)} {said} of {day}")
        if own:
            nearest.show(own, _vectors(rows))
        tracks.append(pc.unique(rows["track_id"]))
        total += len(own)
    ids = pa.concat_arrays([pa.array([], pa.string()), *tracks])
    if pc.count_distinct(ids).as_py() != len(ids):
        found.wrong.append(f"{store.collection(kind)} would need a key twice: two days have the same song")
    if (there := store.count(kind)) != total:
        found.wrong.append(f"{store.collection(kind)} holds {there} vectors, the lake {total}")
    found.vectors[kind], found.recall[kind] = total, nearest.recall()
    if kind == "tracks":
        found.near = dict(zip(keys, nearest.names(), strict=True))
        found.milliseconds = _milliseconds(store, queries)


def found_near(store: VectorStore, kind: str, keys: list[str], queries: np.ndarray) -> list[list[str]]:
    """For each query the keys of the RECALL_AT others that a search finds."""
    answers = store.search(queries, RECALL_AT + 1, kind=kind)
    return [
        [each for each in map(_key, answer) if each != own][:RECALL_AT]
        for own, answer in zip(keys, answers, strict=True)
    ]


def _other_keys(ours: list[str], theirs: list[str]) -> str:
    """How the keys of a day in Milvus differ from the lake's; "" if they do not."""
    if len(set(theirs)) != len(theirs):
        return f"holds {len(theirs) - len(set(theirs))} keys twice"
    if len(ours) != len(theirs):
        return f"holds {len(theirs)} vectors instead of {len(ours)}"
    if strange := sorted(set(theirs) - set(ours)):
        return f"holds {len(strange)} keys that the lake does not have, {strange[0]} first,"
    return ""


def queries_of(lake: Lake, model: str, kind: str, songs: Sample, gone: set[str]) -> tuple[list[str], np.ndarray]:
    """Keys and vectors of the sample; of a song's windows the middle one."""
    keys, made = [], []
    for day, ids in songs.items():
        rows = without(_read(lake, model, kind, day), gone)
        rows = rows.filter(pc.is_in(rows["track_id"], pa.array(ids, pa.string())))
        if kind == "windows":
            places: dict[str, list[int]] = {}
            for place, track_id in enumerate(rows["track_id"].to_pylist()):
                places.setdefault(track_id, []).append(place)
            rows = rows.take(pa.array([each[len(each) // 2] for each in places.values()], pa.int64()))
        if rows.num_rows:
            keys += names.keys(kind, rows)
            made.append(_vectors(rows))
    return keys, np.concatenate(made) if made else np.zeros((0, 1), np.float32)


def _milliseconds(store: VectorStore, queries: np.ndarray) -> float | None:
    taken = []
    for query in queries[:_TIMED]:
        begun = time.perf_counter()
        store.search(query[None, :], RECALL_AT)
        taken.append(1000 * (time.perf_counter() - begun))
    return float(np.median(taken)) if taken else None


def _key(hit: Hit) -> str:
    return hit.track_id if hit.window is None else f"{hit.track_id}#{hit.window:04d}"


def _read(lake: Lake, model: str, kind: str, day: str, columns: list[str] | None = None) -> pa.Table:
    return lake.read(Partition(TABLES[kind], day, model), columns)


def _vectors(rows: pa.Table) -> np.ndarray:
    return np.stack(rows["vector"].to_numpy(zero_copy_only=False))


def _even(items: list[str], most: int) -> list[str]:
    return [items[place] for place in np.unique(np.linspace(0, len(items) - 1, min(len(items), most)).astype(int))]
