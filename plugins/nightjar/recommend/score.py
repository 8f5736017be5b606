"""Scores of candidates from a user's seeds, and the reasons: what each seed contributed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, diags_array

from nightjar.recommend.behaviour import Behaviour
from nightjar.thresholds import BECAUSE, DISLIKE_SHARE, MIN_SOURCE_SHARE, SOUND_HALF_LISTENERS, SOUND_WEIGHT

_DECIMALS = 8


@dataclass(frozen=True)
class Neighbours:
    """What each song says for others: by its sound, and by who plays it."""

    similar: csr_array
    """(songs, songs), cosines: see `nightjar.recommend.neighbours`."""
    behaviour: Behaviour
    blended: csr_array
    """Both, but for the tastes: those speak for any song, and are asked only about the candidates."""
    sound: np.ndarray
    """(songs,) what the sound of each counts."""

    @classmethod
    def of(cls, similar: csr_array, behaviour: Behaviour) -> Neighbours:
        """The more people play a song, the less its sound counts: SOUND_WEIGHT for a new one, half of it from
        SOUND_HALF_LISTENERS on. What the plays say grows by itself: of a song with few listeners the regression and the
        factorization dare say little."""
        sound = SOUND_WEIGHT * SOUND_HALF_LISTENERS / (SOUND_HALF_LISTENERS + behaviour.listeners)
        blended = csr_array(similar @ diags_array(sound) + behaviour.neighbours)
        blended.sort_indices()
        return cls(similar, behaviour, blended, sound)


@dataclass(frozen=True)
class Contribution:
    """What one seed did for one candidate. `score` is its part of the candidate's, negative for a disliked seed, and
    `by_sound` what of that is the sound's."""

    song: int
    weight: float
    similarity: float
    co_listening: float
    score: float
    by_sound: float


def signed(weights: np.ndarray) -> np.ndarray:
    """(k,) weights of seeds as they enter a score: liked ones add up to 1, disliked ones are damped alike."""
    scale = weights[weights > 0].sum() or 1.0
    return np.where(weights > 0, weights, DISLIKE_SHARE * weights) / scale


def candidates(neighbours: Neighbours, seeds: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All songs that the seeds bring, best first, ties by row, and their scores, all above 0.

    A candidate is a neighbour of a seed. Its score is the sum over seeds of the seed's weight times what the seed says
    for it. Tastes speak for liked seeds only: what is unlike a disliked song is not therefore liked.
    """
    weighed = signed(weights)
    row = csr_array((weighed, (np.zeros(len(seeds), dtype=int), seeds)), shape=(1, neighbours.blended.shape[0]))
    product = (row @ neighbours.blended).tocoo()
    songs, scores = product.col.astype(np.int64), product.data
    known = neighbours.behaviour
    # In double precision, so that no rounding hangs on the order in which a machine adds.
    taste = np.maximum(weighed, 0) @ known.tastes[seeds].astype(np.float64)
    scores = np.round(scores + known.damped[songs].astype(np.float64) @ taste, _DECIMALS)
    songs, scores = songs[scores > 0], scores[scores > 0]
    order = np.lexsort((songs, -scores))
    return songs[order], scores[order]


def contributions(
    neighbours: Neighbours, seeds: np.ndarray, weights: np.ndarray, songs: np.ndarray
) -> list[list[Contribution]]:
    """For each of `songs` what each seed with any effect on it contributed, strongest first, ties by row."""
    known = neighbours.behaviour
    similar, played = (table[seeds][:, songs].toarray() for table in (neighbours.similar, known.neighbours))
    weighed = signed(weights)[:, None]
    tastes = np.where(weighed > 0, known.tastes[seeds].astype(np.float64), 0)
    played = played + tastes @ known.damped[songs].T.astype(np.float64)
    by_sound = weighed * similar * neighbours.sound[songs]
    parts = np.round(by_sound + weighed * played, _DECIMALS)
    made: list[list[Contribution]] = []
    for at in range(len(songs)):
        effective = np.flatnonzero(parts[:, at])
        order = effective[np.lexsort((effective, -parts[effective, at]))]
        each = (similar[order, at], played[order, at], parts[order, at], by_sound[order, at])
        columns = (seeds[order], weights[order], *each)
        made.append([Contribution(*row) for row in zip(*(column.tolist() for column in columns), strict=True)])
    return made


def source_and_reasons(made: list[Contribution]) -> tuple[str, list[int]]:
    """Of a song's contributions: similar, co_listened, or both if each is a share of MIN_SOURCE_SHARE at least; and the
    rows of the BECAUSE strongest seeds for it."""
    reasons = [each for each in made if each.score > 0]
    sound = sum(each.by_sound for each in reasons) / (sum(each.score for each in reasons) or 1.0)
    source = "co_listened" if sound < MIN_SOURCE_SHARE else "similar" if sound > 1 - MIN_SOURCE_SHARE else "both"
    return source, [each.song for each in reasons[:BECAUSE]]
