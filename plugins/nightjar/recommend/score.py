"""Scores of candidates from a user's seeds, and the reasons: what each seed contributed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from nightjar.thresholds import BECAUSE, CO_LISTEN_SHARE, DISLIKE_SHARE

_DECIMALS = 6


@dataclass(frozen=True)
class Neighbours:
    """Both neighbour tables of `nightjar.recommend.neighbours`, and what they give together."""

    similar: csr_array
    co_listened: csr_array
    blended: csr_array

    @classmethod
    def of(cls, similar: csr_array, co_listened: csr_array) -> Neighbours:
        """The blend gives co-listening CO_LISTEN_SHARE and the sound the rest."""
        blended = csr_array((1 - CO_LISTEN_SHARE) * similar + CO_LISTEN_SHARE * co_listened)
        blended.sort_indices()
        return cls(similar, co_listened, blended)


@dataclass(frozen=True)
class Contribution:
    """What one seed did for one candidate. `score` is its part of the candidate's, negative for a disliked seed."""

    song: int
    weight: float
    similarity: float
    co_listening: float
    score: float


def signed(weights: np.ndarray) -> np.ndarray:
    """(k,) weights of seeds as they enter a score: liked ones add up to 1, disliked ones are damped alike."""
    scale = weights[weights > 0].sum() or 1.0
    return np.where(weights > 0, weights, DISLIKE_SHARE * weights) / scale


def candidates(neighbours: Neighbours, seeds: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All songs that the seeds bring, best first, ties by row, and their scores, all above 0 and at most 1.

    A candidate's score is the sum over seeds of the seed's weight times its blended similarity.
    """
    row = csr_array((signed(weights), (np.zeros(len(seeds), dtype=int), seeds)), shape=(1, neighbours.blended.shape[0]))
    product = (row @ neighbours.blended).tocoo()
    songs, scores = product.col.astype(np.int64), np.round(product.data, _DECIMALS)
    songs, scores = songs[scores > 0], scores[scores > 0]
    order = np.lexsort((songs, -scores))
    return songs[order], scores[order]


def contributions(
    neighbours: Neighbours, seeds: np.ndarray, weights: np.ndarray, songs: np.ndarray
) -> list[list[Contribution]]:
    """For each of `songs` what each seed with any effect on it contributed, strongest first, ties by row."""
    tables = (neighbours.similar, neighbours.co_listened, neighbours.blended)
    similar, co_listened, blended = (table[seeds][:, songs].toarray() for table in tables)
    parts = signed(weights)[:, None] * blended
    made: list[list[Contribution]] = []
    for at in range(len(songs)):
        effective = np.flatnonzero(blended[:, at])
        order = effective[np.lexsort((effective, -parts[effective, at]))]
        columns = (seeds[order], weights[order], similar[order, at], co_listened[order, at], parts[order, at])
        made.append([Contribution(*row) for row in zip(*(column.tolist() for column in columns), strict=True)])
    return made


def source_and_reasons(made: list[Contribution]) -> tuple[str, list[int]]:
    """Of a song's contributions: similar, co_listened or both, and the rows of the BECAUSE strongest seeds for it."""
    reasons = [each for each in made if each.score > 0]
    by_sound = any(each.similarity > 0 for each in reasons)
    by_people = any(each.co_listening > 0 for each in reasons)
    source = "both" if by_sound and by_people else "similar" if by_sound else "co_listened"
    return source, [each.song for each in reasons[:BECAUSE]]
