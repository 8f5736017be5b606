"""Which songs go with which: by sound (cosine of the embeddings) and by who plays them (item-item cosine).

Both tables are sparse matrices (songs, songs) whose row is the song that is heard and whose column the one it
brings, with values in (0, 1], the diagonal empty and at most NEIGHBOURS_PER_SEED entries a row. Values are rounded, so
that the order in which a matrix product happens to add is never seen in a list.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from nightjar.thresholds import CO_LISTEN_MIN_SUPPORT, CO_LISTEN_SHRINK, NEIGHBOURS_PER_SEED

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


def co_listened(users: np.ndarray, songs: np.ndarray, wanted: np.ndarray, allowed: np.ndarray) -> csr_array:
    """By listeners: the cosine of two songs' sets of listeners, shrunk where few people are behind it.

    `users` and `songs` (k,) say who plays what; a pair given twice counts once. Rows are made for `wanted` songs only.
    With n common listeners of songs with a and b: n / sqrt(a b) * n / (n + CO_LISTEN_SHRINK), from
    CO_LISTEN_MIN_SUPPORT on. Sarwar et al. 2001, with the significance weighting of Herlocker et al. 1999.
    """
    size = len(allowed)
    people = int(users.max()) + 1 if len(users) else 0
    played = csr_array((np.ones(len(users)), (users, songs)), shape=(people, size))
    played.sum_duplicates()
    played.data[:] = 1.0
    listeners = np.asarray(played.sum(axis=0)).ravel()
    by_song = played.T.tocsr()
    parts = [
        _common(by_song[wanted[at : at + _BLOCK]] @ played, wanted[at : at + _BLOCK])
        for at in range(0, len(wanted), _BLOCK)
    ]
    rows, columns, common = (np.concatenate(each) for each in zip(*parts, strict=True)) if parts else _none()
    keep = (rows != columns) & allowed[columns] & (common >= CO_LISTEN_MIN_SUPPORT)
    rows, columns, common = rows[keep], columns[keep], common[keep]
    cosine = common / np.sqrt(listeners[rows] * listeners[columns])
    return _top(rows, columns, cosine * common / (common + CO_LISTEN_SHRINK), size)


def _common(product: csr_array, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    product = product.tocoo()
    return wanted[product.row], product.col.astype(np.int64), product.data


def _none() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0)


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
