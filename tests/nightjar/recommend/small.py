"""Small libraries that one can check by eye."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.sparse import csr_array

from nightjar import schemas
from nightjar.duplicates.verdict import COVER
from nightjar.recommend.behaviour import Behaviour
from nightjar.recommend.cold import Cold
from nightjar.recommend.library import Library, build
from nightjar.recommend.neighbours import Neighbours
from nightjar.recommend.quantized import quantize
from nightjar.recommend.ranking import Context
from nightjar.recommend.related import CONTAINS
from nightjar.takedowns.forgotten import Forgotten

DAY = "2026-11-22"
_COLUMNS = ("track_id", "day", "uploaded_at", "uploader", "artist", "duration_s")


def library(
    songs: dict[str, tuple[str, str | None, str | None]],
    copies: dict[str, str] | None = None,
    rejected: tuple[str, ...] = (),
    forgotten: Forgotten | None = None,
    covers: Iterable[tuple[str, str]] = (),
    contains: Iterable[tuple[str, str]] = (),
    overlap_s: float = 100.0,
    seconds: dict[str, float] | None = None,
) -> Library:
    """Of `songs` {id: (day, uploader, artist)}, 100 s long or as many `seconds`, `copies` {id: canonical id}, and pairs
    of `covers` that share `overlap_s`, and of songs of which the longer `contains` the other."""
    tracks = pa.Table.from_pylist(
        [
            {
                "track_id": each,
                "day": day,
                "uploaded_at": datetime.fromisoformat(day).replace(tzinfo=UTC),
                "uploader": uploader,
                "artist": artist,
                "duration_s": (seconds or {}).get(each, 100.0),
            }
            for each, (day, uploader, artist) in songs.items()
        ],
        schema=pa.schema([schemas.TRACKS.field(name) for name in _COLUMNS]),
    )
    groups = [{"track_id": each, "canonical_id": canonical} for each, canonical in (copies or {}).items()]
    found = [(*pair, COVER, overlap_s) for pair in covers] + [(*pair, CONTAINS, overlap_s) for pair in contains]
    columns = [schemas.DUPLICATE_PAIRS.field(name) for name in ("a", "b", "verdict", "overlap_s")]
    pairs = pa.Table.from_pylist(
        [dict(zip(("a", "b", "verdict", "overlap_s"), row, strict=True)) for row in found], pa.schema(columns)
    )
    embedded = songs.keys() - set(rejected)
    return build(tracks, schemas.table("duplicate_groups", groups), pairs, embedded, forgotten or Forgotten(), DAY)


def plain(count: int) -> Library:
    """`count` songs a00, a01, ... of one old day and nobody."""
    return library({f"a{number:02d}": ("2026-01-01", None, None) for number in range(count)})


def listens(rows: list[tuple[str, str, str, float, str]]) -> pa.Table:
    """Of (user, track, time, seconds played, kind)."""
    columns = dict(zip(schemas.LISTENS.names, map(list, zip(*rows, strict=True)) if rows else [[]] * 5, strict=True))
    columns["listened_at"] = pd.to_datetime(columns["listened_at"], utc=True, format="ISO8601").to_list()
    return pa.table(columns, schemas.LISTENS)


def tables(size: int, similar: dict, co_listened: dict | None = None) -> Neighbours:
    """Of `size` songs, {(seed, candidate): value} by sound and by listeners; nobody has a taste."""

    def matrix(values: dict) -> csr_array:
        dense = np.zeros((size, size))
        for (a, b), value in values.items():
            dense[a, b] = value
        return csr_array(dense)

    played = Behaviour(matrix(co_listened or {}), np.zeros((size, 1), np.float32), np.zeros(size, int))
    return Neighbours.of(matrix(similar), played)


def context(library: Library, neighbours: Neighbours, offered: Cold, vectors: np.ndarray) -> Context:
    """With the vectors (songs, d <= 64) of the songs themselves."""
    return Context.of(library, neighbours, offered, *quantize(vectors))
