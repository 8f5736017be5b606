"""Why a song is on a list: what each seed said for it, by its sound and by its listeners."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from nightjar.recommend.neighbours import Neighbours, sound_weights
from nightjar.recommend.quantized import dot
from nightjar.recommend.score import signed
from nightjar.thresholds import MIN_SOURCE_SHARE

SOURCES = ("similar", "co_listened", "both", "fresh", "popular")
_SIMILAR, _CO_LISTENED, _BOTH = range(3)
_DECIMALS = 8
_BUCKETS = 4096


@dataclass(frozen=True)
class Contribution:
    """What one seed did for one candidate. `score` is its part of the candidate's, negative for a disliked seed."""

    song: int
    weight: float
    similarity: float
    co_listening: float
    score: float


@njit(cache=True, nogil=True)
def said(neighbours, seeds, weights, songs):
    """(songs, seeds) float32 twice: what each seed (k,) says by its sound, and by its listeners, for each of `songs`.

    `weights` (k,) are `signed`, and not yet in what is said but for disliked seeds, whose tastes say nothing.
    """
    sound = np.zeros((len(songs), len(seeds)), np.float32)
    played = np.zeros((len(songs), len(seeds)), np.float32)
    first = np.full(_BUCKETS, -1, np.int32)  # the songs by their last digits: nearly every neighbour is none of them
    following = np.empty(len(songs), np.int32)
    for at in range(len(songs)):
        bucket = songs[at] & (_BUCKETS - 1)
        first[bucket], following[at] = at, first[bucket]
    for s in range(len(seeds)):
        for k in range(neighbours.starts[seeds[s]], neighbours.starts[seeds[s] + 1]):
            at = first[neighbours.songs[k] & (_BUCKETS - 1)]
            while at >= 0:
                if songs[at] == neighbours.songs[k]:
                    sound[at, s], played[at, s] = neighbours.sound[k], neighbours.played[k]
                at = following[at]
        if weights[s] > 0 and neighbours.unit[seeds[s]] > 0:
            for at in range(len(songs)):
                inner = dot(neighbours.tastes, songs[at], neighbours.tastes, seeds[s])
                played[at, s] += neighbours.unit[seeds[s]] * neighbours.reach[songs[at]] * inner
    return sound, played


@njit(cache=True, nogil=True)
def reasons(neighbours, seeds, weights, songs, sources, because):
    """Fill in for each of `songs` (k,) its source, a position in SOURCES, and the BECAUSE seeds that say most for it.

    It is similar, co-listened, or both if each is a share of MIN_SOURCE_SHARE at least of what speaks for it.
    """
    sound, played = said(neighbours, seeds, weights, songs)
    found = np.empty(because.shape[1], np.float32)
    for at in range(len(songs)):
        by_sound = total = 0.0
        found[:] = 0
        for s in range(len(seeds)):
            part = np.float32(weights[s]) * (sound[at, s] + played[at, s])
            if part <= 0:
                continue
            total += part
            by_sound += weights[s] * sound[at, s]
            if part > found[-1]:
                _insert(found, because[at], part, seeds[s])
        share = by_sound / total if total else 0.0
        sources[at] = _CO_LISTENED if share < MIN_SOURCE_SHARE else _SIMILAR if share > 1 - MIN_SOURCE_SHARE else _BOTH


@njit(cache=True, nogil=True)
def _insert(largest, names, value, name):
    """Put a value that is larger than the last among the largest, behind its equals."""
    k = len(largest) - 1
    while k > 0 and value > largest[k - 1]:
        largest[k], names[k] = largest[k - 1], names[k - 1]
        k -= 1
    largest[k], names[k] = value, name


def contributions(neighbours: Neighbours, seeds: np.ndarray, weights: np.ndarray, song: int) -> list[Contribution]:
    """What each seed (k,) of these weights with any effect on a song contributed, strongest first, ties by row."""
    weighed = signed(weights)
    sound, played = (table[0] for table in said(neighbours, seeds, weighed, np.array([song])))
    parts = np.round(weighed * (sound + played), _DECIMALS)
    cosines = sound / sound_weights(neighbours.listeners[[song]])
    effective = np.flatnonzero(parts)
    order = effective[np.lexsort((effective, -parts[effective]))]
    columns = (each[order].tolist() for each in (seeds, weights, cosines.round(6), played, parts))
    return [Contribution(*row) for row in zip(*columns, strict=True)]
