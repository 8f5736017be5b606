"""Which songs a song brings: by its sound and by who plays it, in one table. Arithmetic only.

Two sources are blended into one table of at most NEIGHBOURS_PER_SEED neighbours a song. The more people play a song,
the less its sound counts; what the plays say grows by itself, since of a song with few listeners the regression and the
factorization dare say little.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from nightjar.compiled import compiled
from nightjar.recommend.behaviour import Behaviour
from nightjar.recommend.quantized import quantize
from nightjar.thresholds import NEIGHBOURS_PER_SEED, SOUND_HALF_LISTENERS, SOUND_WEIGHT

_DECIMALS = 6


class Neighbours(NamedTuple):
    """What each of n songs says for others. Song i's neighbours are those from `starts[i]` to `starts[i + 1]`."""

    starts: np.ndarray  # (n + 1,) int64
    songs: np.ndarray  # (k,) int32: rows of the neighbours, ascending within a song
    sound: np.ndarray  # (k,) float32: what the song's sound says for the neighbour
    played: np.ndarray  # (k,) float32: what its listeners say
    tastes: np.ndarray  # (n, WIDTH) int8: the song's taste, `quantized`
    unit: np.ndarray  # (n,) float32: what a step of its taste counts; 0 for a song that nobody plays
    reach: np.ndarray  # (n,) float32: the same where it is the candidate, less for songs that are widely known
    listeners: np.ndarray  # (n,) int64: people who play it

    @classmethod
    def of(cls, similar: csr_array, behaviour: Behaviour) -> Neighbours:
        """From cosines (n, n), rows sorted, and from what the plays say."""
        weights = sound_weights(behaviour.listeners)
        starts, songs, sound, played = _blend(
            *(similar.indptr.astype(np.int64), similar.indices.astype(np.int32), similar.data.astype(np.float32)),
            *(behaviour.neighbours.indptr.astype(np.int64), behaviour.neighbours.indices.astype(np.int32)),
            *(behaviour.neighbours.data.astype(np.float32), weights, NEIGHBOURS_PER_SEED),
        )
        tastes, unit = quantize(behaviour.tastes)
        return cls.with_reach(starts, songs, sound, played, tastes, unit, behaviour.listeners)

    @classmethod
    def with_reach(cls, starts, songs, sound, played, tastes, unit, listeners) -> Neighbours:
        """With `reach` from the others."""
        return cls(starts, songs, sound, played, tastes, unit, Behaviour.reach(listeners) * unit, listeners)


def sound_weights(listeners: np.ndarray) -> np.ndarray:
    """(n,) float32: what a cosine of 1 counts for each song, by how many play it."""
    return (SOUND_WEIGHT * SOUND_HALF_LISTENERS / (SOUND_HALF_LISTENERS + listeners)).astype(np.float32)


def similar(size: int, sources: np.ndarray, targets: np.ndarray, cosines: np.ndarray) -> csr_array:
    """(size, size): who is near whom, from pairs (k,) of rows in any order, each also taken the other way round.

    Of each row the NEIGHBOURS_PER_SEED largest above 0, ties by column; of a pair given twice the larger; no song is
    its own.
    """
    cosines = np.minimum(np.round(cosines, _DECIMALS), 1).astype(np.float32)
    kept = (sources != targets) & (cosines > 0)
    made = _nearest(
        *(size, sources[kept].astype(np.int32), targets[kept].astype(np.int32), cosines[kept], NEIGHBOURS_PER_SEED)
    )
    starts, columns, values = made
    return csr_array((values, columns, starts), shape=(size, size))


@compiled
def _nearest(size, sources, targets, values, most):
    starts = np.zeros(size + 1, np.int64)
    for k in range(len(sources)):
        starts[sources[k] + 1] += 1
        starts[targets[k] + 1] += 1
    starts = np.cumsum(starts)
    place = starts[:-1].copy()
    columns, found = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32)
    for k in range(len(sources)):
        for a, b in ((sources[k], targets[k]), (targets[k], sources[k])):
            columns[place[a]] = b
            found[place[a]] = values[k]
            place[a] += 1
    made = np.zeros(size + 1, np.int64)
    end = 0
    for row in range(size):  # what is kept of a row goes where rows before it have left room
        own = slice(starts[row], starts[row + 1])
        order = np.argsort(columns[own], kind="mergesort")
        column, value = columns[own][order], found[own][order]
        count = 0
        for k in range(len(order)):
            if count and column[count - 1] == column[k]:
                value[count - 1] = max(value[count - 1], value[k])
            else:
                column[count], value[count] = column[k], value[k]
                count += 1
        chosen = _largest(value[:count], most)
        for k in range(len(chosen)):
            columns[end + k], found[end + k] = column[chosen[k]], value[chosen[k]]
        end += len(chosen)
        made[row + 1] = end
    return made, columns[:end].copy(), found[:end].copy()


@compiled
def _blend(near_starts, near, cosines, play_starts, plays, says, weights, most):
    """Of each row the `most` neighbours for which both sources together say most."""
    size = len(near_starts) - 1
    starts = np.zeros(size + 1, np.int64)
    room = 0
    for row in range(size):
        both = near_starts[row + 1] - near_starts[row] + play_starts[row + 1] - play_starts[row]
        room += min(both, most)
    songs, sound, played = np.empty(room, np.int32), np.empty(room, np.float32), np.empty(room, np.float32)
    end = 0
    for row in range(size):
        i, i_end, j, j_end = near_starts[row], near_starts[row + 1], play_starts[row], play_starts[row + 1]
        column = np.empty(i_end - i + j_end - j, np.int32)
        by_sound, by_plays = np.zeros(len(column), np.float32), np.zeros(len(column), np.float32)
        count = 0
        while i < i_end or j < j_end:
            song = min(near[i] if i < i_end else plays[j], plays[j] if j < j_end else near[i])
            column[count] = song
            if i < i_end and near[i] == song:
                by_sound[count] = cosines[i] * weights[song]
                i += 1
            if j < j_end and plays[j] == song:
                by_plays[count] = says[j]
                j += 1
            count += 1
        for k in _largest(by_sound[:count] + by_plays[:count], most):
            songs[end], sound[end], played[end] = column[k], by_sound[k], by_plays[k]
            end += 1
        starts[row + 1] = end
    return starts, songs[:end], sound[:end], played[:end]


@compiled
def _largest(values, most):
    """Positions of the `most` largest, ascending; ties go to the first."""
    if len(values) <= most:
        return np.arange(len(values))
    return np.sort(np.argsort(-values, kind="mergesort")[:most])
