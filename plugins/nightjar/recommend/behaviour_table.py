"""The table `behaviour`: what is known of the plays, from a model to rows and back. No I/O."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from nightjar import schemas
from nightjar.recommend.behaviour import Behaviour
from nightjar.recommend.library import Library


def rows(library: Library, behaviour: Behaviour) -> pa.Table:
    """One row for each song that somebody plays, by their ids."""
    songs = np.flatnonzero(behaviour.listeners)
    known = behaviour.neighbours[songs][:, songs]  # neighbours are played, so that none is lost
    offsets = pa.array(known.indptr.astype(np.int32))
    tastes = behaviour.tastes[songs]
    width = np.arange(len(songs) + 1, dtype=np.int32) * tastes.shape[1]
    columns = {
        "track_id": pa.array(library.ids[songs].tolist(), pa.string()),
        "listeners": pa.array(behaviour.listeners[songs].astype(np.int64)),
        "neighbours": pa.ListArray.from_arrays(offsets, pa.array(known.indices.astype(np.int32))),
        "weights": pa.ListArray.from_arrays(offsets, pa.array(known.data.astype(np.float32))),
        "taste": pa.ListArray.from_arrays(pa.array(width), pa.array(tastes.ravel())),
    }
    return schemas.conform("behaviour", pa.table(columns))


def behaviour(library: Library, table: pa.Table) -> Behaviour:
    """What the rows say, by the songs of a library; a copy has what its canonical song has.

    Songs that the library no longer has or offers, as those taken down meanwhile, are nobody's neighbours.
    """
    size = len(library)
    if not table.num_rows:
        return Behaviour.nobody(size)
    table = table.combine_chunks()
    at = library.rows(table["track_id"].to_pylist())
    there = at >= 0
    counts = table["neighbours"].chunk(0).value_lengths().to_numpy()
    source = np.repeat(at, counts)
    target = at[table["neighbours"].chunk(0).flatten().to_numpy()]
    kept = (source >= 0) & (target >= 0)
    kept[kept] &= library.offered[target[kept]]
    weights = table["weights"].chunk(0).flatten().to_numpy()
    neighbours = csr_array((weights[kept], (source[kept], target[kept])), shape=(size, size))
    taste = table["taste"].chunk(0).flatten().to_numpy().reshape(table.num_rows, -1)
    tastes = np.zeros((size, taste.shape[1]), np.float32)
    tastes[at[there]] = taste[there]
    listeners = np.zeros(size, np.int64)
    listeners[at[there]] = table["listeners"].to_numpy()[there]
    of = library.canonical
    return Behaviour.of(csr_array(neighbours[of]), tastes[of], listeners[of])
