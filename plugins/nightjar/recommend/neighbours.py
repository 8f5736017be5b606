"""Which songs sound alike: cosines of the embeddings.

The table is a sparse matrix (songs, songs) whose row is the song that is heard and whose column the one it brings, with
values in (0, 1], the diagonal empty and at most NEIGHBOURS_PER_SEED entries a row. Values are rounded, so that the
order in which a product happens to add is never seen in a list.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from nightjar.thresholds import NEIGHBOURS_PER_SEED

_DECIMALS = 6
_BLOCK = 1024


def similar(vectors: np.ndarray, seeds: np.ndarray, found: np.ndarray, allowed: np.ndarray) -> csr_array:
    """By sound. `vectors` (songs, d) of unit length; `seeds` and `found` (k,) rows: found[i] is near seeds[i].

    Where `found` came from does not matter: the cosines are computed again here, in double precision, since a search
    engine's last digits depend on how its queries were batched. Songs not `allowed` (songs,) are left out.
    """
    keep = (seeds != found) & allowed[found]
    seeds, found = seeds[keep], found[keep]
    values = np.empty(len(seeds))
    for start in range(0, len(seeds), _BLOCK):
        block = slice(start, start + _BLOCK)
        values[block] = (vectors[seeds[block]].astype(np.float64) * vectors[found[block]]).sum(axis=1)
    return _top(seeds, found, values, len(allowed))


def _top(rows: np.ndarray, columns: np.ndarray, values: np.ndarray, size: int) -> csr_array:
    """The NEIGHBOURS_PER_SEED largest positive values of each row, ties by column; a pair given twice counts once."""
    values = np.minimum(np.round(values, _DECIMALS), 1.0)
    order = np.lexsort((columns, -values, rows))
    order = order[values[order] > 0]
    rows, columns, values = rows[order], columns[order], values[order]
    fresh = np.ones(len(rows), dtype=bool)
    fresh[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    rows, columns, values = rows[fresh], columns[fresh], values[fresh]
    starts = np.searchsorted(rows, rows)  # where each entry's row begins
    keep = np.arange(len(rows)) - starts < NEIGHBOURS_PER_SEED
    made = csr_array((values[keep], (rows[keep], columns[keep])), shape=(size, size))
    made.sort_indices()
    return made
