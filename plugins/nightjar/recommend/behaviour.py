"""Which songs the same people play. Arithmetic only.

Two views of one matrix of plays, which are better together than either (docs/recommendations.md has the figures):

- *Neighbours*: a song's plays are predicted from those of the songs that it is played with most, by ridge regression.
  EASE (Steck 2019) does this with all songs at once, which takes the inverse of a matrix as large as the library;
  among a hundred songs it is as good (fsSLIM, Ning and Karypis 2011, chooses so), and each song is solved by itself.
- *Tastes*: factors of implicit-feedback matrix factorization (Hu, Koren and Volinsky 2008), whose inner products are
  what a play of one song says about another. They see beyond songs that anybody played together.

Both predict the same, how much somebody plays a song relative to what they play most, so that they add up; and both are
damped by how widely a song is known, since everybody finds those anyway.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numba
import numpy as np
from scipy.sparse import csc_array, csr_array, csr_matrix, diags_array

from nightjar.compiled import compiled
from nightjar.recommend.together import largest
from nightjar.thresholds import (
    BEHAVIOUR_DAMPING,
    NEIGHBOURS_PER_SEED,
    RIDGE_KEPT,
    RIDGE_NEIGHBOURS,
    RIDGE_PENALTY,
    RIDGE_SCALE,
    TASTE_CONFIDENCE,
    TASTE_FACTORS,
    TASTE_ITERATIONS,
    TASTE_PENALTY,
    TASTE_WEIGHT,
)

_BLOCK = 2048
_SEED = 20_261_124


@dataclass(frozen=True)
class Behaviour:
    """What plays say: one of song i says `neighbours[i, j] + reach(listeners)[j] * tastes[i] @ tastes[j]` for j."""

    neighbours: csr_array
    """(songs, songs) float32, positive, the diagonal empty, at most NEIGHBOURS_PER_SEED a row."""
    tastes: np.ndarray
    """(songs, TASTE_FACTORS) float32; zeros for a song that nobody plays."""
    listeners: np.ndarray
    """(songs,) int64: people who play each."""

    @classmethod
    def nobody(cls, size: int) -> Behaviour:
        """Of so many songs that nobody plays."""
        return cls(csr_array((size, size), dtype=np.float32), np.zeros((size, 1), np.float32), np.zeros(size, int))

    @staticmethod
    def reach(listeners: np.ndarray) -> np.ndarray:
        """(songs,) float32: what an inner product of tastes counts for each, less for songs that are widely known."""
        return (TASTE_WEIGHT * _damping(listeners)).astype(np.float32)


def relative(users: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(k,) weights of plays, all positive, relative to the largest of the same user: 0 to 1."""
    most = np.zeros(int(users.max(initial=-1)) + 1)
    np.maximum.at(most, users, weights)
    return weights / most[users]


def fit(users: np.ndarray, songs: np.ndarray, weights: np.ndarray, offered: np.ndarray) -> Behaviour:
    """From plays (k,): codes of users and songs, each pair once, and weights as `relative` gives them.

    Songs that are not `offered` (songs,) are nobody's neighbours. The same plays in the same order give the same
    numbers.
    """
    people = int(users.max(initial=-1)) + 1
    plays = csr_array((weights.astype(np.float32), (users, songs)), shape=(people, len(offered)))
    listeners = np.bincount(songs, minlength=len(offered))
    if not plays.nnz:
        return Behaviour.nobody(len(offered))
    return Behaviour(_neighbours(plays, listeners, offered), _tastes(plays), listeners)


def _damping(listeners: np.ndarray) -> np.ndarray:
    return np.maximum(listeners, 1) ** -BEHAVIOUR_DAMPING


def _neighbours(plays: csr_array, listeners: np.ndarray, offered: np.ndarray) -> csr_array:
    size = plays.shape[1]
    # Songs are scaled, so that the penalty bears on the little known ones no more than on the others.
    scale = np.maximum(listeners, 1) ** -RIDGE_SCALE
    together, own = _together(csr_array(plays @ diags_array(scale)))
    chosen, weights = _ridges(together, own)
    target, place = np.nonzero((weights > 0) & offered[:, None])
    source = chosen[target, place]
    values = weights[target, place] * scale[source] / scale[target] * _damping(listeners)[target]
    return _largest(source, target, values, size, NEIGHBOURS_PER_SEED)


def _together(plays: csr_array) -> tuple[csr_array, np.ndarray]:
    """How much songs are played by the same people: inner products of the columns, the RIDGE_KEPT largest of each song
    and whatever of them is another's; and of each with itself."""
    own = np.bincount(plays.indices, plays.data.astype(np.float64) ** 2, minlength=plays.shape[1])
    kept = largest(plays, RIDGE_KEPT)
    both = csr_array(kept.maximum(kept.T))
    both.sort_indices()
    return both, own


def _ridges(together: csr_array, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each song the rows of the songs it is played with most, and how much each of their plays speaks for it.

    Both (songs, RIDGE_NEIGHBOURS), zero where there are fewer. With A the inner products among those songs and b those
    with the song itself: (A + penalty) x = b. Each song is solved by itself, on all cores.
    """
    from threadpoolctl import threadpool_limits

    chosen = np.zeros((len(own), RIDGE_NEIGHBOURS), np.int32)
    weights = np.zeros((len(own), RIDGE_NEIGHBOURS), np.float32)
    cores = numba.config.NUMBA_NUM_THREADS
    table = (together.indptr, together.indices, together.data, own)
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(cores) as threads:
        parts = [(part, part + _BLOCK) for part in range(0, len(own), _BLOCK)]
        list(threads.map(lambda part: _solve(*table, *part, RIDGE_PENALTY, chosen, weights), parts))
    return chosen, weights


@compiled
def _solve(starts, others, together, own, begin, end, penalty, chosen, weights):
    """Fill in the rows from `begin` to `end`."""
    most = chosen.shape[1]
    place = np.full(len(own), -1, np.int32)
    for song in range(begin, min(end, len(own))):
        row = others[starts[song] : starts[song + 1]]
        value = together[starts[song] : starts[song + 1]]
        order = np.argsort(-value, kind="mergesort")[:most]
        near, count = row[order], len(order)
        if count == 0:
            continue
        place[near] = np.arange(count)
        matrix = np.zeros((count, count), np.float64)
        for at in range(count):
            matrix[at, at] = own[near[at]] + penalty
            for k in range(starts[near[at]], starts[near[at] + 1]):
                if place[others[k]] >= 0:
                    matrix[at, place[others[k]]] = together[k]
        place[near] = -1
        chosen[song, :count] = near
        weights[song, :count] = np.linalg.solve(matrix, value[order].astype(np.float64))


def _tastes(plays: csr_array) -> np.ndarray:
    """Factors whose inner products are y' (Y'Y + penalty)^-1 y of the factorization's Y.

    That is what one play does to the taste of somebody and to their score for another song, to first order; with many
    plays it ranks as the factorization itself does, and each play's part can be told.
    """
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):  # the factorization has threads of its own
        model = AlternatingLeastSquares(
            factors=TASTE_FACTORS,
            regularization=TASTE_PENALTY,
            alpha=TASTE_CONFIDENCE,
            iterations=TASTE_ITERATIONS,
            random_state=_SEED,
        )
        model.fit(csr_matrix(plays), show_progress=False)
    factors = model.item_factors.astype(np.float64)
    inverse = np.linalg.inv(factors.T @ factors + TASTE_PENALTY * np.eye(TASTE_FACTORS))
    made = (factors @ np.linalg.cholesky(inverse)).astype(np.float32)
    made[np.diff(csc_array(plays).indptr) == 0] = 0  # what is left of their random beginnings
    return made


def _largest(rows: np.ndarray, columns: np.ndarray, values: np.ndarray, size: int, most: int) -> csr_array:
    """The `most` largest values of each row, ties by column."""
    order = np.lexsort((columns, -values, rows))
    ordered = rows[order]
    kept = order[np.arange(len(order)) - np.searchsorted(ordered, ordered) < most]
    found = csr_array((values[kept].astype(np.float32), (rows[kept], columns[kept])), shape=(size, size))
    found.sort_indices()
    return found
