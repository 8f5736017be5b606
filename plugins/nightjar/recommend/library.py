"""The songs that lists are made from, as arrays: everything after this works with a song's row, not its id."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from nightjar.errors import NightjarError
from nightjar.takedowns.forgotten import Forgotten
from nightjar.thresholds import FRESH_DAYS


class Covers(NamedTuple):
    """Which songs are covers of each other, on the same backing track. Row i's are others[starts[i] : starts[i + 1]].

    Each pair is there both ways, between canonical songs: a cover of a copy is a cover of its canonical song. It is
    not passed on, so two covers of one song are covers of each other only where the sweep found them to be.
    """

    starts: np.ndarray  # (n + 1,) int64
    others: np.ndarray  # (k,) int32, ascending within a row

    def of(self, song: int) -> np.ndarray:
        """Rows of the covers of a song, ascending."""
        return self.others[self.starts[song] : self.starts[song + 1]]

    def family(self, songs: np.ndarray) -> np.ndarray:
        """(k,) int64: of each of `songs` the first row among itself and its covers, -1 for a song without any.

        Songs that are all covers of each other have the same.
        """
        codes = np.full(len(songs), -1, dtype=np.int64)
        if len(self.others):
            begins = self.starts[songs]
            some = begins < self.starts[songs + 1]
            codes[some] = np.minimum(songs[some], self.others[begins[some]])
        return codes


@dataclass(frozen=True)
class Library:
    """All songs known on a day. Row i of every array is `ids[i]`; ids ascend, so the order of rows is that of ids."""

    ids: np.ndarray  # (n,) str
    age_days: np.ndarray  # (n,) int32: days since the upload, 0 on its own day
    duration_s: np.ndarray  # (n,) float64
    uploader: np.ndarray  # (n,) int32: code of the uploader, -1 where unknown
    artist: np.ndarray  # (n,) int32: code of the artist's name, -1 where unknown
    canonical: np.ndarray  # (n,) int32: row of the duplicate group's canonical song, its own row without a group
    removed: np.ndarray  # (n,) bool: the song or its uploader is taken down
    covers: Covers
    uploaders: dict[str, int]  # code by user id

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def fresh(self) -> np.ndarray:
        """(n,) bool: uploaded within the last FRESH_DAYS days."""
        return self.age_days < FRESH_DAYS

    @property
    def offered(self) -> np.ndarray:
        """(n,) bool: may stand on somebody's list: canonical and not taken down."""
        return (self.canonical == np.arange(len(self))) & ~self.removed

    def rows(self, ids: Collection[str]) -> np.ndarray:
        """(k,) int64: the row of each id, -1 for a song that is not in the library."""
        return pd.Index(self.ids, dtype=object).get_indexer(pd.Index(list(ids), dtype=object))


def build(
    tracks: pa.Table, groups: pa.Table, covers: pa.Table, embedded: Collection[str], forgotten: Forgotten, day: str
) -> Library:
    """The library of `day` from rows of `tracks` and `duplicate_groups`; tracks that are not `embedded` are left out.

    `covers` has the columns a and b of those `duplicate_pairs` that are covers. An artist is a name: capitals and outer
    spaces make no difference. Raises NightjarError where a group's canonical song is not among the tracks.
    """
    frame = tracks.select(["track_id", "day", "uploader", "artist", "duration_s"]).to_pandas()
    frame = frame[frame["track_id"].isin(list(embedded))].drop_duplicates("track_id")
    frame = frame.sort_values("track_id", ignore_index=True)
    ids = frame["track_id"].to_numpy(dtype=object)
    uploader, names = pd.factorize(frame["uploader"], sort=True)
    artist, _ = pd.factorize(frame["artist"].str.strip().str.casefold().replace("", None), sort=True)
    today = date.fromisoformat(day).toordinal()
    uploaded = np.array([date.fromisoformat(each).toordinal() for each in frame["day"]], dtype=np.int32)
    removed = frame["track_id"].isin(list(forgotten.tracks)) | frame["uploader"].isin(list(forgotten.users))
    canonical = _canonical(ids, groups)
    return Library(
        ids=ids,
        age_days=(today - uploaded).astype(np.int32),
        duration_s=frame["duration_s"].to_numpy(dtype=np.float64),
        uploader=uploader.astype(np.int32),
        artist=artist.astype(np.int32),
        canonical=canonical,
        removed=removed.to_numpy(dtype=bool),
        covers=_covers(ids, canonical, covers),
        uploaders={name: code for code, name in enumerate(names)},
    )


def _canonical(ids: np.ndarray, groups: pa.Table) -> np.ndarray:
    index = pd.Index(ids, dtype=object)
    member = index.get_indexer(pd.Index(groups["track_id"].to_pylist(), dtype=object))
    canonical = index.get_indexer(pd.Index(groups["canonical_id"].to_pylist(), dtype=object))
    if lost := np.flatnonzero((canonical < 0) & (member >= 0)).tolist():
        raise NightjarError(
            f"the duplicate group of {groups['track_id'][lost[0]]} has a canonical song that is not in the library: "
            f"{groups['canonical_id'][lost[0]]}",
            "Run sweep_duplicates for the day again",
        )
    rows = np.arange(len(ids), dtype=np.int32)
    rows[member[member >= 0]] = canonical[member >= 0]
    return rows


def _covers(ids: np.ndarray, canonical: np.ndarray, pairs: pa.Table) -> Covers:
    """Pairs with a song that is not in the library, or whose songs are copies of one song, are left out."""
    index, size = pd.Index(ids, dtype=object), len(ids)
    a, b = (index.get_indexer(pd.Index(pairs[name].to_pylist(), dtype=object)) for name in ("a", "b"))
    known = (a >= 0) & (b >= 0)
    a, b = canonical[a[known]].astype(np.int64), canonical[b[known]].astype(np.int64)
    a, b = a[a != b], b[a != b]
    both_ways = np.unique(np.concatenate([a * size + b, b * size + a]))  # one number a pair: sorted by row, then other
    rows, others = np.divmod(both_ways, max(size, 1))
    return Covers(np.searchsorted(rows, np.arange(size + 1)), others.astype(np.int32))
