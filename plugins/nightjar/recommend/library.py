"""The songs that lists are made from, as arrays: everything after this works with a song's row, not its id."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

from nightjar.errors import NightjarError
from nightjar.recommend.related import Related, Relations, relations
from nightjar.takedowns.forgotten import Forgotten
from nightjar.thresholds import FRESH_DAYS

COLUMNS = ["track_id", "day", "uploaded_at", "uploader", "artist", "duration_s"]
"""Of the table `tracks`: all that a library is made from."""
_HIDDEN = ("Cf", "Cc")
"""Categories of characters of which nothing is seen."""


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
    related: Relations
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

    @property
    def owners(self) -> Related:
        """Of each canonical song who uploaded copies of it, by their codes as uploaders: to them it is their own."""
        theirs = np.flatnonzero((self.canonical != np.arange(len(self))) & (self.uploader >= 0))
        return Related.pairs(len(self), self.canonical[theirs], self.uploader[theirs])

    def rows(self, ids: Collection[str]) -> np.ndarray:
        """(k,) int64: the row of each id, -1 for a song that is not in the library."""
        return pd.Index(self.ids, dtype=object).get_indexer(pd.Index(list(ids), dtype=object))


def build(
    tracks: pa.Table, groups: pa.Table, pairs: pa.Table, embedded: Collection[str], forgotten: Forgotten, day: str
) -> Library:
    """The library of `day` from rows of `tracks` and `duplicate_groups`; tracks that are not `embedded` are left out.

    `pairs` are rows of `duplicate_pairs` as `relations` wants them. An artist is a name as it looks
    (`_folded`). Raises NightjarError where a group's canonical song is not among the tracks.
    """
    frame = tracks.select(COLUMNS).to_pandas()
    frame = frame[frame["track_id"].isin(list(embedded))].drop_duplicates("track_id")
    frame = frame.sort_values("track_id", ignore_index=True)
    ids = frame["track_id"].to_numpy(dtype=object)
    uploader, names = pd.factorize(frame["uploader"], sort=True)
    artists = pd.Categorical(frame["artist"])
    folded = np.array([*map(_folded, artists.categories), ""], dtype=object)[artists.codes]
    artist, _ = pd.factorize(pd.Series(folded, dtype=object).replace("", None), sort=True)
    today = date.fromisoformat(day).toordinal()
    uploaded = np.array([date.fromisoformat(each).toordinal() for each in frame["day"]], dtype=np.int32)
    removed = frame["track_id"].isin(list(forgotten.tracks)) | frame["uploader"].isin(list(forgotten.users))
    canonical, duration_s = _canonical(ids, groups), frame["duration_s"].to_numpy(dtype=np.float64)
    return Library(
        ids=ids,
        age_days=(today - uploaded).astype(np.int32),
        duration_s=duration_s,
        uploader=uploader.astype(np.int32),
        artist=artist.astype(np.int32),
        canonical=canonical,
        removed=removed.to_numpy(dtype=bool),
        related=relations(ids, canonical, duration_s, frame["uploaded_at"].to_numpy("datetime64[us]"), pairs),
        uploaders={name: code for code, name in enumerate(names)},
    )


def _folded(name: str) -> str:
    """A name without what makes no difference to the eye: width and style of letters, capitals, spaces, hidden marks.

    Letters of other scripts that look alike, as the Cyrillic A, stay different: telling those apart needs Unicode's
    table of confusables, which the standard library has not.
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(letter for letter in plain if not letter.isspace() and unicodedata.category(letter) not in _HIDDEN)


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
