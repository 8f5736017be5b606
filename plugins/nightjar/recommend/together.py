"""Which songs are played by the same people: of each song the largest inner products with all others.

A sparse matrix times its transpose, row by row (Gustavson 1978): the plays of everybody who plays a song are added up
in one array over all songs, of which only the largest are kept, so that the product is never held.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
from scipy.sparse import csc_array, csr_array

from nightjar.compiled import compiled
from nightjar.prefetch import prefetch

_BLOCK = 2048
_AHEAD = 8
"""So many people are asked for from memory ahead of the one whose plays are added."""


def largest(plays: csr_array, most: int) -> csr_array:
    """(songs, songs) float32: of each row of plays' * plays, plays (people, songs), the `most` largest entries off the
    diagonal, all of them positive; ties by column. On all cores."""
    by_song, size = csc_array(plays), plays.shape[1]
    columns, values = np.zeros((size, most), np.int32), np.zeros((size, most), np.float32)
    matrices = tuple(
        (each.indptr.astype(np.int64), each.indices.astype(np.int32), each.data.astype(np.float32))
        for each in (csr_array(plays), by_song)
    )
    with ThreadPoolExecutor(numba.config.NUMBA_NUM_THREADS) as threads:
        blocks = [(begin, min(begin + _BLOCK, size)) for begin in range(0, size, _BLOCK)]
        list(threads.map(lambda block: _rows(*matrices, *block, columns, values), blocks))
    found = csr_array((values.ravel(), columns.ravel(), np.arange(size + 1) * most), shape=(size, size))
    found.eliminate_zeros()
    found.sort_indices()
    return found


@compiled
def _rows(by_person, by_song, begin, end, columns, values):
    """Fill in the rows from `begin` to `end`, in no order. What is not filled is zero."""
    starts, songs, weights = by_person
    heads, people, shares = by_song
    most = columns.shape[1]
    total = np.zeros(len(heads) - 1, np.float32)
    touched, sums = np.empty(len(total), np.int32), np.empty(len(total), np.float32)
    for song in range(begin, end):
        count = 0
        last = heads[song + 1]
        for k in range(heads[song], last):
            if k + _AHEAD < last:
                ahead = starts[people[k + _AHEAD]]
                prefetch(songs, ahead)
                prefetch(weights, ahead)
            person, share = people[k], shares[k]
            for at in range(starts[person], starts[person + 1]):
                other = songs[at]
                before = total[other]
                if before == 0:
                    touched[count] = other
                    count += 1
                total[other] = before + share * weights[at]
        total[song] = 0
        for k in range(count):
            sums[k] = total[touched[k]]
        least = np.partition(sums[:count], count - most)[count - most] if count > most else np.float32(0)
        taken = _take(touched[:count], total, least, True, columns[song], values[song], 0)
        if taken < most and least > 0:
            equal = np.sort(touched[:count])
            _take(equal, total, least, False, columns[song], values[song], taken)
        for k in range(count):
            total[touched[k]] = 0


@compiled
def _take(songs, total, least, above, columns, values, taken):
    """Add the songs whose total is above `least`, or equal to it, from place `taken` on; returns where they end."""
    for song in songs:
        if taken < len(columns) and (total[song] > least if above else total[song] == least):
            columns[taken], values[taken] = song, total[song]
            taken += 1
    return taken
