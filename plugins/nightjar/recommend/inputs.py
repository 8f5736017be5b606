"""Reads what ranking needs of a day from the lake and from Milvus."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nightjar import days, schemas
from nightjar.duplicates.verdict import COVER
from nightjar.errors import NightjarError, PartitionMissing
from nightjar.lake import Lake, Partition
from nightjar.recommend import behaviour, behaviour_table, cold, neighbours, seeds
from nightjar.recommend.behaviour import Behaviour
from nightjar.recommend.cold import Cold
from nightjar.recommend.filters import User
from nightjar.recommend.library import Library, build
from nightjar.recommend.ranking import Context
from nightjar.recommend.score import Neighbours
from nightjar.settings import Settings
from nightjar.takedowns import ledger
from nightjar.thresholds import LISTEN_WINDOW_DAYS, NEIGHBOURS_PER_SEED
from nightjar.vectors.store import VectorStore

_LISTEN_COLUMNS = ["user_id", "track_id", "listened_at", "played_s", "kind"]
_TRACK_COLUMNS = ["track_id", "day", "uploader", "artist", "duration_s"]
_PAIR_COLUMNS = ["a", "b", "verdict"]


@dataclass(frozen=True)
class Inputs:
    """A day's songs and tastes, from the lake alone."""

    library: Library
    taste: pd.DataFrame
    """What `seeds.taste` gives: user_id, song, weight; by user_id."""
    listeners: np.ndarray
    offered: Cold
    ignored_listens: int

    def users(self) -> list[str]:
        """Who gets a list of their own, in order.

        Everybody with a listen of a known song in the window, and whoever uploaded a song that new users may be
        offered: the list of new users could show them their own.
        """
        names = {code: name for name, code in self.library.uploaders.items()}
        uploaders = {names[code] for code in self.library.uploader[self.offered.songs].tolist() if code >= 0}
        return sorted(uploaders | set(self.taste["user_id"]))

    def known(self, user_ids: Iterable[str]) -> list[User]:
        """What is known of each of these users."""
        where = self.taste.groupby("user_id").indices
        songs, weights = (self.taste[name].to_numpy() for name in ("song", "weight"))
        made = []
        for user_id in user_ids:
            rows = where.get(user_id, np.zeros(0, dtype=np.int64))
            chosen, chosen_weights = seeds.choose(songs[rows], weights[rows])
            made.append(User(user_id, chosen, chosen_weights, songs[rows], self.library.uploaders.get(user_id, -1)))
        return made


def read(settings: Settings, day: str) -> Inputs:
    """The day's inputs. Songs and listens are those of days up to `day`, so that an old day run again is the same.

    The library is the embedded songs of every day whose duplicates have been swept: neither those that the embedder
    rejected, nor those with which such a day is being run again.
    Takedowns are those of any day: forgetting holds for the past as well. Raises PartitionMissing unless the day's own
    listens, duplicate groups and duplicate pairs are committed.
    """
    lake = Lake(settings)
    groups = lake.read(Partition("duplicate_groups", day, settings.model))
    listens = _listens(lake, day)
    swept = lake.days("duplicate_groups", model=settings.model, upto=day)
    embedded = lake.read_days("embeddings", swept, model=settings.model, columns=["track_id"])["track_id"].to_pylist()
    forgotten = ledger.forgotten(lake)
    covers = _covers(lake, settings.model, swept, day)
    library = build(lake.read_days("tracks", swept, columns=_TRACK_COLUMNS), groups, covers, embedded, forgotten, day)
    usable, ignored = seeds.known(listens.to_pandas(), library, forgotten)
    taste = seeds.taste(usable, library, day)
    counts = cold.listeners(library, taste)
    return Inputs(library, taste, counts, cold.rank(library, counts), ignored)


def _listens(lake: Lake, day: str) -> pa.Table:
    """The window's listens. Days that are not committed are left out, but `day` itself must be."""
    window = days.before(day, LISTEN_WINDOW_DAYS)
    there = [each for each in window if each == day or lake.exists(Partition("listens", each))]
    return lake.read_days("listens", there, columns=_LISTEN_COLUMNS)


def _covers(lake: Lake, model: str, swept: list[str], day: str) -> pa.Table:
    """The pairs (a, b) of covers found by the sweeps of these days; that of `day` itself must be committed.

    Each day is cut down to its covers before the next is read: most pairs are none.
    """
    found = [schemas.empty("duplicate_pairs").select(["a", "b"])]
    for each in swept:
        try:
            pairs = lake.read(Partition("duplicate_pairs", each, model), _PAIR_COLUMNS)
        except PartitionMissing:  # a late day in the middle of its sweep: its groups are written before its pairs
            if each == day:
                raise
            continue
        found.append(pairs.filter(pc.equal(pairs["verdict"], COVER)).select(["a", "b"]))
    return pa.concat_tables(found)


def context(settings: Settings, day: str, inputs: Inputs, users: list[User]) -> Context:
    """What ranking `users` needs besides: neighbours of their distinct seeds, each looked up once, and vectors.

    Raises NightjarError if Milvus fails or lacks a song that it must have, PartitionMissing if what the day's plays say
    has not been committed.
    """
    library = inputs.library
    seed_rows = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *(user.seeds for user in users)]))
    played = behaviour_table.behaviour(library, Lake(settings).read(Partition("behaviour", day, settings.model)))
    reached = played.neighbours[seed_rows].indices
    with VectorStore(settings) as store:
        vectors = _fetch(store, library, [seed_rows, inputs.offered.songs, reached], None)
        at, near = _near(store, library, vectors, seed_rows, day)
        vectors = _fetch(store, library, [near], vectors)
    similar = neighbours.similar(vectors, at, near, library.offered)
    return Context(library, Neighbours.of(similar, played), inputs.offered, inputs.listeners, vectors)


def played(inputs: Inputs) -> Behaviour:
    """What the plays of the window say of each song. A copy's listeners count for its canonical song."""
    library = inputs.library
    liked = inputs.taste[inputs.taste["weight"] > 0]
    plays = liked.assign(song=library.canonical[liked["song"].to_numpy()])
    plays = plays.groupby(["user_id", "song"], sort=True, as_index=False)["weight"].max()
    people, _ = pd.factorize(plays["user_id"])
    weights = behaviour.relative(people, plays["weight"].to_numpy())
    return behaviour.fit(people, plays["song"].to_numpy(dtype=np.int64), weights, library.offered)


def _near(
    store: VectorStore, library: Library, vectors: np.ndarray, seed_rows: np.ndarray, day: str
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (seed row, row of a song near it). More than are needed: some of the nearest are copies or removed."""
    if not len(seed_rows):
        return seed_rows, seed_rows
    hits = store.search(vectors[seed_rows], 2 * NEIGHBOURS_PER_SEED, upto_day=day, own=library.ids[seed_rows].tolist())
    at = np.repeat(seed_rows, [len(found) for found in hits])
    near = library.rows([hit.track_id for found in hits for hit in found])
    kept = near >= 0  # loaded, but not swept yet
    kept[kept] &= library.offered[near[kept]]
    return at[kept], near[kept]


def _fetch(store: VectorStore, library: Library, wanted: list[np.ndarray], known: np.ndarray | None) -> np.ndarray:
    """(songs, d) float32: `known` with the wanted rows filled in; rows that nobody wanted stay zero."""
    rows = np.unique(np.concatenate(wanted).astype(np.int64))
    if known is not None:
        rows = rows[~known[rows].any(axis=1)]
    if not len(rows):
        return np.zeros((len(library), 1), dtype=np.float32) if known is None else known
    ids = library.ids[rows].tolist()
    found = store.vectors_of(ids) if store.exists() else {}
    if missing := [each for each in ids if each not in found]:
        raise NightjarError(
            f"{len(missing)} songs of the library have no vector of {store.model} in Milvus, {missing[0]} first",
            "Clear load_vectors of the day of that song, which loads them again",
        )
    filled = np.zeros((len(library), len(found[ids[0]])), dtype=np.float32) if known is None else known
    filled[rows] = np.stack([found[each] for each in ids])
    return filled
