"""What songs are to each other on a list: covers, families of covers, songs that hold others. Pure arithmetic."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from nightjar.duplicates.verdict import COVER
from nightjar.thresholds import FAMILY_MIN_SHARE

CONTAINS = "contains"
"""The verdict on a long upload and a song that is one of several in it."""
VERDICTS = (COVER, CONTAINS)
"""Those that relate songs on a list. Copies and fragments are one song: their groups say so."""


class Related(NamedTuple):
    """Of each of n songs some others. Row i's are others[starts[i] : starts[i + 1]]."""

    starts: np.ndarray  # (n + 1,) int64
    others: np.ndarray  # (k,) int32, ascending within a row

    def of(self, song: int) -> np.ndarray:
        """Rows of the others of a song, ascending."""
        return self.others[self.starts[song] : self.starts[song + 1]]

    @classmethod
    def pairs(cls, size: int, songs: np.ndarray, others: np.ndarray) -> Related:
        """Of pairs (k,) of rows, in any order and any number of times."""
        unique = np.unique(songs.astype(np.int64) * size + others)  # one number a pair: sorted by song, then other
        rows, related = np.divmod(unique, max(size, 1))
        return cls(np.searchsorted(rows, np.arange(size + 1)), related.astype(np.int32))

    @classmethod
    def none(cls, size: int) -> Related:
        """Of so many songs nothing."""
        return cls(np.zeros(size + 1, np.int64), np.zeros(0, np.int32))


class Relations(NamedTuple):
    """All relations between n canonical songs: a relation of a copy is one of its canonical song."""

    covers: Related
    """Songs on one backing track, each pair both ways. Covers of one song need not be covers of each other."""
    family: np.ndarray
    """(n,) int32: the first row of a song's family, -1 for a song without covers.

    A family is a connected component of covers that share FAMILY_MIN_SHARE of the longer song. A song has more than
    half of itself in common with one backing only, so that a medley joins no two families.
    """
    holds: Related
    """Of a long upload the songs in it that were there before it, or came with it. What was cut from a song later, or
    uploaded again, is none of them: nobody can push a song aside by uploading pieces of it."""

    @classmethod
    def none(cls, size: int) -> Relations:
        """Of so many songs that have nothing to do with each other."""
        return cls(Related.none(size), np.full(size, -1, np.int32), Related.none(size))


def relations(
    ids: np.ndarray, canonical: np.ndarray, duration_s: np.ndarray, uploaded: np.ndarray, pairs: pa.Table
) -> Relations:
    """Of rows `a`, `b`, `verdict`, `overlap_s` of duplicate_pairs, in any order. `uploaded` (n,) are times.

    Pairs with a song that is not among `ids` (n,), or whose songs are copies of one song, are left out, as are other
    verdicts than VERDICTS.
    """
    index, size = pd.Index(ids, dtype=object), len(ids)
    a, b = (index.get_indexer(pd.Index(pairs[name].to_pylist(), dtype=object)) for name in ("a", "b"))
    verdict = np.array(pairs["verdict"].to_pylist(), dtype=object)
    overlap_s = pairs["overlap_s"].to_numpy()
    known = (a >= 0) & (b >= 0)
    known[known] = canonical[a[known]] != canonical[b[known]]
    cover, contains = (np.flatnonzero(known & (verdict == each)) for each in VERDICTS)

    ones, others = canonical[a[cover]], canonical[b[cover]]
    covers = Related.pairs(size, np.concatenate([ones, others]), np.concatenate([others, ones]))
    longer_s = np.maximum(duration_s[a[cover]], duration_s[b[cover]])
    most = overlap_s[cover] >= FAMILY_MIN_SHARE * longer_s
    family = _components(size, ones[most], others[most])
    family[np.diff(covers.starts) == 0] = -1

    a, b = a[contains], b[contains]
    whole = np.where(duration_s[a] > duration_s[b], a, b)
    whole, part = canonical[whole], canonical[a + b - whole]
    later = uploaded[whole] >= uploaded[part]
    return Relations(covers, family, _one_way(size, whole[later], part[later]))


def _components(size: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(size,) int32: of each row the first that pairs lead to, itself included."""
    first = np.arange(size, dtype=np.int32)
    nodes, ends = np.unique(np.concatenate([a, b]), return_inverse=True)  # few songs have covers
    if len(nodes):
        graph = coo_array((np.ones(len(a), bool), (ends[: len(a)], ends[len(a) :])), shape=(len(nodes),) * 2)
        count, component = connected_components(graph, directed=False)
        lowest = np.empty(count, np.int32)
        lowest[component[::-1]] = nodes[::-1]  # the last one written stays
        first[nodes] = lowest[component]
    return first


def _one_way(size: int, songs: np.ndarray, others: np.ndarray) -> Related:
    """Pairs of which none is there both ways, as where a copy of either is the longer: then the first row holds."""
    pair, back = songs.astype(np.int64) * size + others, others.astype(np.int64) * size + songs
    kept = ~np.isin(back, pair) | (songs < others)
    return Related.pairs(size, songs[kept], others[kept])
