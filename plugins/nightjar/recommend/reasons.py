"""Why a song is on a list: what each seed said for it, by its sound and by its listeners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nightjar.compiled import borrowing, compiled
from nightjar.recommend.neighbours import Neighbours, sound_weights
from nightjar.recommend.quantized import WIDTH, dot
from nightjar.recommend.score import signed
from nightjar.thresholds import MIN_SOURCE_SHARE

SOURCES = ("similar", "co_listened", "both", "fresh", "popular")
_SIMILAR, _CO_LISTENED, _BOTH = range(3)
_DECIMALS = 8
_BUCKETS = 8192


@dataclass(frozen=True)
class Contribution:
    """What one seed did for one candidate. `score` is its part of the candidate's, negative for a disliked seed."""

    song: int
    weight: float
    similarity: float
    co_listening: float
    score: float


class _Asked(NamedTuple):
    """The songs (k,) that seeds are asked about, found by their last digits: nearly every neighbour is none of them."""

    songs: np.ndarray
    first: np.ndarray  # (_BUCKETS,) int16: a position in `songs`, -1 for none; few enough to stay in the nearest cache
    following: np.ndarray  # (k,) int16: the next position with the same digits
    tastes: np.ndarray  # (k, WIDTH) int16
    reach: np.ndarray  # (k,) float32


@compiled
def _asked(neighbours, songs):
    first, following = np.full(_BUCKETS, -1, np.int16), np.empty(len(songs), np.int16)
    tastes, reach = np.empty((len(songs), WIDTH), np.int16), np.empty(len(songs), np.float32)
    for at in range(len(songs)):
        bucket = songs[at] & (_BUCKETS - 1)
        first[bucket], following[at] = at, first[bucket]
        reach[at] = neighbours.reach[songs[at]]
        for k in range(WIDTH):
            tastes[at, k] = neighbours.tastes[songs[at], k]
    return _Asked(songs, first, following, tastes, reach)


@borrowing
def _say(neighbours, seed, liked, asked, sound, played):
    """Fill in what a seed says by its sound, and by its listeners, for each song that is asked about (k,) float32.

    The tastes of a seed that is not liked say nothing.
    """
    sound[:] = 0
    played[:] = 0
    unit = neighbours.unit[seed]
    if liked and unit > 0:
        for at in range(len(asked.songs)):
            played[at] = unit * asked.reach[at] * dot(asked.tastes, at, neighbours.tastes, seed)
    for k in range(neighbours.starts[seed], neighbours.starts[seed + 1]):
        at = asked.first[neighbours.songs[k] & (_BUCKETS - 1)]
        while at >= 0:
            if asked.songs[at] == neighbours.songs[k]:
                sound[at] = neighbours.sound[k]
                played[at] += neighbours.played[k]
            at = asked.following[at]


@compiled
def reasons(neighbours, seeds, weights, songs, sources, because):
    """Fill in for each of `songs` (k,) its source, a position in SOURCES, and the BECAUSE seeds that say most for it.

    It is similar, co-listened, or both if each is a share of MIN_SOURCE_SHARE at least of what speaks for it.
    """
    asked = _asked(neighbours, songs)
    sound, played = np.empty(len(songs), np.float32), np.empty(len(songs), np.float32)
    total, by_sound = np.zeros(len(songs), np.float32), np.zeros(len(songs), np.float32)
    part, least = np.empty(len(songs), np.float32), np.zeros(len(songs), np.float32)
    largest = np.zeros((len(songs), because.shape[1]), np.float32)
    for s in range(len(seeds)):
        weight = np.float32(weights[s])
        if weight <= 0:
            continue
        _say(neighbours, seeds[s], True, asked, sound, played)
        for at in range(len(songs)):
            part[at] = weight * (sound[at] + played[at])
            total[at] += part[at] if part[at] > 0 else np.float32(0)
            by_sound[at] += weight * sound[at] if part[at] > 0 else np.float32(0)
        for at in range(len(songs)):
            if part[at] > least[at]:
                _insert(largest[at], because[at], part[at], seeds[s])
                least[at] = largest[at, -1]
    for at in range(len(songs)):
        share = by_sound[at] / total[at] if total[at] else np.float32(0)
        sources[at] = _CO_LISTENED if share < MIN_SOURCE_SHARE else _SIMILAR if share > 1 - MIN_SOURCE_SHARE else _BOTH


@borrowing
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
    asked = _asked(neighbours, np.array([song], np.int32))
    sound, played = np.zeros((2, len(seeds), 1), np.float32)
    for s, seed in enumerate(seeds):
        _say(neighbours, seed, weighed[s] > 0, asked, sound[s], played[s])
    sound, played = sound[:, 0], played[:, 0]
    parts = np.round(weighed * (sound + played), _DECIMALS)
    cosines = sound / sound_weights(neighbours.listeners[[song]])
    effective = np.flatnonzero(parts)
    order = effective[np.lexsort((effective, -parts[effective]))]
    columns = (each[order].tolist() for each in (seeds, weights, cosines.round(6), played, parts))
    return [Contribution(*row) for row in zip(*columns, strict=True)]
