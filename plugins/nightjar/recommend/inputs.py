"""Reads what ranking needs of a day from the lake.

Songs and listens are those of days up to `day`, so that an old day run again is the same. Takedowns are those of any
day: forgetting holds for the past as well.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nightjar import days, schemas
from nightjar.errors import PartitionMissing
from nightjar.lake import Lake, Partition
from nightjar.recommend import cold, seeds, tables
from nightjar.recommend.library import COLUMNS, Library, build
from nightjar.recommend.ranking import Context
from nightjar.recommend.related import VERDICTS
from nightjar.takedowns import ledger
from nightjar.thresholds import LISTEN_WINDOW_DAYS

_LISTEN_COLUMNS = ["user_id", "track_id", "listened_at", "played_s", "kind"]
_PAIR_COLUMNS = ["a", "b", "verdict", "overlap_s"]


def library(lake: Lake, model: str, day: str) -> Library:
    """The embedded songs of every day up to `day` whose duplicates have been swept.

    Neither those that the embedder rejected, nor those with which such a day is being run again. Raises
    PartitionMissing unless the day's own duplicate groups and pairs are committed.
    """
    groups = lake.read(Partition("duplicate_groups", day, model))
    swept = lake.days("duplicate_groups", model=model, upto=day)
    embedded = lake.read_days("embeddings", swept, model=model, columns=["track_id"])["track_id"].to_pylist()
    related = _related(lake, model, swept, day)
    tracks = lake.read_days("tracks", swept, columns=COLUMNS)
    return build(tracks, groups, related, embedded, ledger.forgotten(lake), day)


def _related(lake: Lake, model: str, swept: list[str], day: str) -> pa.Table:
    """The related songs that the sweeps of these days found; that of `day` itself must be committed.

    Each day is cut down to them before the next is read: most pairs are copies.
    """
    found, wanted = [schemas.empty("duplicate_pairs").select(_PAIR_COLUMNS)], pa.array(VERDICTS)
    for each in swept:
        try:
            pairs = lake.read(Partition("duplicate_pairs", each, model), _PAIR_COLUMNS)
        except PartitionMissing:  # a late day in the middle of its sweep: its groups are written before its pairs
            if each == day:
                raise
            continue
        found.append(pairs.filter(pc.is_in(pairs["verdict"], wanted)))
    return pa.concat_tables(found)


def tastes(lake: Lake, songs: Library, day: str) -> tuple[np.ndarray, pd.DataFrame, int]:
    """What `seeds.taste` makes of the window's listens, read a day at a time; and how many listens could not be used.

    Days that are not committed are left out. Raises PartitionMissing unless those of `day` itself are.
    """
    window = days.before(day, LISTEN_WINDOW_DAYS)
    gone, found, ignored = ledger.forgotten(lake), [], 0
    for each in window:
        if each != day and not lake.exists(Partition("listens", each)):
            continue
        known, unusable = seeds.known(lake.read(Partition("listens", each), _LISTEN_COLUMNS), songs, gone)
        found.append(known)
        ignored += unusable
    return *seeds.taste(found, day), ignored


def vectors(lake: Lake, model: str, day: str, songs: Library) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of the library (k,) and their vectors (k, d) float32, a day at a time."""
    for each in lake.days("duplicate_groups", model=model, upto=day):
        table = lake.read(Partition("embeddings", each, model), ["track_id", "vector"])
        rows = songs.rows(table["track_id"].to_pylist())
        if len(rows):
            made = np.stack(table["vector"].to_numpy(zero_copy_only=False))
            yield rows[rows >= 0], made[rows >= 0]


def context(lake: Lake, model: str, day: str) -> Context:
    """What all users of a day share. Raises PartitionMissing if the day's neighbours have not been learned."""
    songs = library(lake, model, day)
    neighbours, sketch, unit = tables.neighbours_of(songs, lake.read(Partition("neighbours", day, model)))
    return Context.of(songs, neighbours, cold.rank(songs, neighbours.listeners), sketch, unit)


def uploaders_of(songs: Library, offered: cold.Cold) -> list[str]:
    """Who uploaded a song that new users may be offered, or a copy of one: their list could show them their own, and so
    they get another."""
    names = {code: name for name, code in songs.uploaders.items()}
    there = np.isin(songs.canonical, offered.songs)
    return sorted({names[code] for code in np.unique(songs.uploader[there]).tolist() if code >= 0})
