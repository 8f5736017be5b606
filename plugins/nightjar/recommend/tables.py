"""From arrays to rows of the lake's tables and back: `tastes`, `similar`, `neighbours`, `lists`. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from nightjar import schemas
from nightjar.recommend.library import Library
from nightjar.recommend.neighbours import Neighbours
from nightjar.recommend.quantized import WIDTH, room
from nightjar.recommend.ranking import Lists, Users
from nightjar.recommend.reasons import SOURCES


# --- tastes -----------------------------------------------------------------------------------------------------------
def taste_rows(library: Library, users: np.ndarray, tastes: pd.DataFrame) -> pa.Table:
    """Of `seeds.taste`."""
    columns = {
        "user_id": _taken(users, tastes["user"].to_numpy()),
        "track_id": _taken(library.ids, tastes["song"].to_numpy()),
        "weight": pa.array(tastes["weight"].to_numpy(dtype=np.float32)),
    }
    return schemas.conform("tastes", pa.table(columns))


def users_of(library: Library, table: pa.Table, further: Sequence[str] = ()) -> tuple[list[str], Users]:
    """Who is in rows of `tastes`, in order, and what they heard; and `further` users, who heard nothing.

    Songs that the library no longer has are left out, as are users who heard no other.
    """
    user, track = (table[name].combine_chunks().dictionary_encode() for name in ("user_id", "track_id"))
    song = library.rows(track.dictionary.to_pylist())[track.indices.to_numpy()]
    there = song >= 0
    there[there] &= ~library.removed[song[there]]
    heard = np.asarray(user.dictionary.to_pylist(), dtype=object)
    present = np.unique(user.indices.to_numpy()[there])
    names = sorted({*heard[present].tolist(), *further})
    place = pd.Index(names, dtype=object).get_indexer(pd.Index(heard, dtype=object))
    owner = place[user.indices.to_numpy()[there]]
    order = np.lexsort((song[there], owner))
    users = Users(
        np.searchsorted(owner[order], np.arange(len(names) + 1)).astype(np.int64),
        song[there][order].astype(np.int32),
        table["weight"].to_numpy()[there][order].astype(np.float32),
        np.array([library.uploaders.get(name, -1) for name in names], np.int32),
    )
    return names, users


# --- similar ----------------------------------------------------------------------------------------------------------
def similar_rows(ids: Sequence[str], near: Sequence[Sequence[str]], cosines: Sequence[np.ndarray]) -> pa.Table:
    """Of a day's songs `ids` the songs near each, nearest first, and how near."""
    named = sorted({*ids, *(each for found in near for each in found)})
    place = {each: row for row, each in enumerate(named)}
    lists: list[list[int]] = [[] for _ in named]
    values: list[np.ndarray] = [np.zeros(0, np.float32) for _ in named]
    for track_id, found, said in zip(ids, near, cosines, strict=True):
        lists[place[track_id]] = [place[each] for each in found]
        values[place[track_id]] = said.astype(np.float32)
    return schemas.conform("similar", pa.table({"track_id": named, "neighbours": lists, "cosines": values}, _SIMILAR))


_SIMILAR = pa.schema([field.remove_metadata() for field in schemas.SIMILAR])


def similar_pairs(library: Library, table: pa.Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs (k,) of rows of the library that rows of `similar` name, and their cosines.

    A copy stands for its canonical song. Songs that the library lacks or does not offer are left out.
    """
    at = library.rows(table["track_id"].to_pylist())
    neighbours = table["neighbours"].combine_chunks()
    source = np.repeat(at, neighbours.value_lengths().to_numpy())
    target = at[neighbours.flatten().to_numpy()]
    there = (source >= 0) & (target >= 0)
    source, target = library.canonical[source[there]], library.canonical[target[there]]
    cosines = table["cosines"].combine_chunks().flatten().to_numpy()[there]
    offered = library.offered[source] & library.offered[target]
    return source[offered], target[offered], cosines[offered]


# --- neighbours -------------------------------------------------------------------------------------------------------
def neighbour_rows(library: Library, neighbours: Neighbours, sketch: np.ndarray, unit: np.ndarray) -> pa.Table:
    """One row for each song that is offered. `sketch` (songs, WIDTH) int8 and `unit` (songs,) are of the vectors."""
    rows = np.flatnonzero(library.offered)
    place = np.cumsum(library.offered) - 1
    counts = np.diff(neighbours.starts)
    assert not counts[~library.offered].any(), "a song that is not offered has neighbours"
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts[rows])]).astype(np.int32))
    steps = pa.array(np.arange(len(rows) + 1, dtype=np.int32) * WIDTH)
    columns = {
        "track_id": _taken(library.ids, rows),
        "listeners": pa.array(neighbours.listeners[rows].astype(np.int64)),
        "neighbours": pa.ListArray.from_arrays(offsets, pa.array(place[neighbours.songs].astype(np.int32))),
        "sound": pa.ListArray.from_arrays(offsets, pa.array(neighbours.sound)),
        "played": pa.ListArray.from_arrays(offsets, pa.array(neighbours.played)),
        "taste": pa.ListArray.from_arrays(steps, pa.array(neighbours.tastes[rows].ravel())),
        "taste_unit": pa.array(neighbours.unit[rows]),
        "sketch": pa.ListArray.from_arrays(steps, pa.array(sketch[rows].ravel())),
        "sketch_unit": pa.array(unit[rows]),
    }
    return schemas.conform("neighbours", pa.table(columns))


def neighbours_of(library: Library, table: pa.Table) -> tuple[Neighbours, np.ndarray, np.ndarray]:
    """What rows of `neighbours` say, by the songs of a library, and the sketches of the vectors and their units.

    Songs that the library no longer has or offers, as those taken down meanwhile, are nobody's neighbours.
    """
    size, table = len(library), table.combine_chunks()
    at = library.rows(table["track_id"].to_pylist())
    there = at >= 0
    lists = {name: table[name].combine_chunks() for name in ("neighbours", "sound", "played", "taste", "sketch")}
    source = np.repeat(at, lists["neighbours"].value_lengths().to_numpy())
    target = at[lists["neighbours"].flatten().to_numpy()]
    kept = (source >= 0) & (target >= 0)
    kept[kept] &= library.offered[target[kept]]
    sound, played = (lists[name].flatten().to_numpy()[kept] for name in ("sound", "played"))
    starts = np.searchsorted(source[kept], np.arange(size + 1))  # both are ordered by id
    listeners = np.zeros(size, np.int64)
    listeners[at[there]] = table["listeners"].to_numpy()[there]

    def steps(name: str) -> tuple[np.ndarray, np.ndarray]:
        rows, unit = room(size), np.zeros(size, np.float32)
        rows[at[there]] = lists[name].flatten().to_numpy().reshape(-1, WIDTH)[there]
        unit[at[there]] = table[f"{name}_unit"].to_numpy()[there]
        return rows, unit

    tastes, unit = steps("taste")
    found = Neighbours.with_reach(starts, target[kept].astype(np.int32), sound, played, tastes, unit, listeners)
    return found, *steps("sketch")


# --- lists ------------------------------------------------------------------------------------------------------------
def list_rows(library: Library, names: Sequence[str], lists: Lists) -> pa.Table:
    """The lists of users of these names."""
    counts = np.diff(lists.starts)
    given = lists.because >= 0
    ends = np.concatenate([[0], np.cumsum(given.sum(axis=1))]).astype(np.int32)
    columns = {
        "user_id": _taken(names, np.repeat(np.arange(len(names)), counts)),
        "rank": pa.array((np.arange(len(lists.songs)) - np.repeat(lists.starts[:-1], counts) + 1).astype(np.int32)),
        "track_id": _taken(library.ids, lists.songs),
        "score": pa.array(lists.scores),
        "because": pa.ListArray.from_arrays(pa.array(ends), _taken(library.ids, lists.because[given])),
        "source": _taken(SOURCES, lists.sources),
    }
    return schemas.conform("lists", pa.table(columns))


def _taken(names: Sequence[str] | np.ndarray, rows: np.ndarray) -> pa.Array:
    """(k,) strings."""
    return pa.array(names, pa.string()).take(pa.array(rows))
