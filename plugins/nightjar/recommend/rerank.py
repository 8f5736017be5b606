"""From a pool of candidates to a list: relevance against variety, under caps, covers apart, room for fresh songs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nightjar.compiled import borrowing, compiled
from nightjar.recommend.quantized import WIDTH, dot
from nightjar.recommend.related import Related
from nightjar.thresholds import (
    BEGINNING,
    LIST_LENGTH,
    MAX_PER_ARTIST,
    MAX_PER_FAMILY,
    MAX_PER_FAMILY_IN_BEGINNING,
    MAX_PER_UPLOADER,
    VARIETY,
)

FACTS = 6
UPLOADER, ARTIST, FAMILY, FRESH, OFFERED, HOLDS = range(FACTS)
"""Columns of `Songs.facts`: codes, -1 where unknown (FAMILY: see `Relations`), and three that are 1 or 0."""

_TOGETHER = 16
"""Songs that a processor compares with one number at a time."""
_CAPS = ((UPLOADER, MAX_PER_UPLOADER), (ARTIST, MAX_PER_ARTIST), (FAMILY, MAX_PER_FAMILY))


class Songs(NamedTuple):
    """What has to be known of each of n songs."""

    facts: np.ndarray  # (n, FACTS) int32: the columns above, side by side since they are looked at together
    sketch: np.ndarray  # (n, WIDTH) int8: its vector along the principal axes of all, `quantized`
    scale: np.ndarray  # (n,) float32: what a step of it counts
    covers: Related
    holds: Related
    owners: Related
    """Of each song who uploaded copies of it, by their codes as uploaders."""


class Pool(NamedTuple):
    """Candidates, m songs, each once: those that the seeds brought, best first; behind them fillers, best first.

    Ties are resolved by this order. A filler is chosen only when nothing else is left that may stand there, or no other
    fresh song.
    """

    songs: np.ndarray  # (m,) int32
    relevance: np.ndarray  # (m,) float32, 0 to 1
    facts: np.ndarray  # (m, FACTS) int32: their rows of `Songs.facts`
    own: int  # so many are no fillers


@compiled
def rerank(pool, songs, fresh_share):
    """Positions in the pool of the list's songs (k,), in order; LIST_LENGTH of them or as many as there are.

    Greedy maximal marginal relevance (Carbonell and Goldstein 1998): each step takes the song with the largest
    (1 - VARIETY) * relevance - VARIETY * largest cosine to a song already taken. No uploader has more than
    MAX_PER_UPLOADER songs, no artist more than MAX_PER_ARTIST (unknown ones are not counted), no family of covers more
    than MAX_PER_FAMILY, and MAX_PER_FAMILY_IN_BEGINNING in the first BEGINNING places. After n songs at least
    floor(n * fresh_share) are fresh, as long as the pool has fresh songs left that the caps and the covers allow.

    Two covers of each other never stand side by side: after a song its covers wait for one more song, a filler if there
    is nothing better, and come back into play behind it. Where only songs are left that wait, the list ends, shorter
    than it might be: what stands is not rearranged to make room for them.

    A song that holds another of the pool gives way to it, wherever the two would stand.
    """
    taken = _nothing(pool)
    waits = np.zeros(len(pool.songs), np.int32)  # the first place that a song may take
    fresh_chosen = 0
    _give_way(pool, songs, taken)
    for place in range(len(taken.chosen)):
        best = -1
        if fresh_chosen < int((place + 1) * fresh_share + 1e-9):
            best = _best(pool, songs, taken, place, waits, True)
        if best < 0:
            best = _best(pool, songs, taken, place, waits, False)
        if best < 0:
            return taken.chosen[:place]
        _take(pool, songs, taken, place, best)
        fresh_chosen += pool.facts[best, FRESH]
        for kind, cap in _CAPS:
            _close(pool, taken, place, kind, cap)
        if pool.facts[best, FAMILY] >= 0:
            _let_wait(pool, songs, taken, place, waits)
    return taken.chosen


class _Taken(NamedTuple):
    """What a list has so far, of at most k songs, and what the m songs of the pool are worth beside it."""

    chosen: np.ndarray  # (k,) int32: positions in the pool
    sketch: np.ndarray  # (k, WIDTH) int16: their sketches, the wider since it is multiplied so
    scale: np.ndarray  # (k,) float32
    codes: np.ndarray  # (3, k) int32: their uploaders, artists and families
    alone: np.ndarray  # (m,) float32: what a song is worth on an empty list
    worth: np.ndarray  # (m,) float32: what it is worth beside the first of those chosen; -inf if it may not be chosen
    beside: np.ndarray  # (m,) int32: so many are the first; m is rounded up to a multiple of _TOGETHER, with -inf


@compiled
def _nothing(pool):
    size, most = len(pool.songs), min(LIST_LENGTH, len(pool.songs))
    alone = np.full(-(-size // _TOGETHER) * _TOGETHER, -np.inf, np.float32)
    alone[:size] = np.float32(1 - VARIETY) * pool.relevance
    return _Taken(
        np.empty(most, np.int32),
        np.empty((most, WIDTH), np.int16),
        np.empty(most, np.float32),
        np.empty((len(_CAPS), most), np.int32),
        alone,
        alone.copy(),
        np.zeros(len(alone), np.int32),
    )


@borrowing
def _take(pool, songs, taken, place, best):
    """Put a song of the pool at the next place of the list."""
    song = pool.songs[best]
    taken.chosen[place], taken.worth[best], taken.scale[place] = best, -np.inf, songs.scale[song]
    for kind in range(len(_CAPS)):
        taken.codes[kind, place] = pool.facts[best, kind]
    for k in range(WIDTH):
        taken.sketch[place, k] = songs.sketch[song, k]


@borrowing
def _best(pool, songs, taken, place, waits, fresh):
    """The position to take next, of fresh songs only if so wanted: no filler unless nothing else is there; else -1.

    With each song taken the others are worth less, never more. So a song is compared with those taken since it was
    last looked at only if it might be the best without; and none behind it, once what they are worth alone is too low.
    """
    best, most = -1, np.float32(-np.inf)
    for begin in range(0, len(taken.worth), _TOGETHER):
        if begin >= pool.own > best >= 0 or taken.alone[begin] <= most:
            break
        above = 0
        for at in range(begin, begin + _TOGETHER):
            above += taken.worth[at] > most
        if above:
            best, most = _better(pool, songs, taken, place, waits, fresh, begin, best, most)
    return best


@borrowing
def _better(pool, songs, taken, place, waits, fresh, begin, best, most):
    """The best so far and what it is worth, after the _TOGETHER songs from `begin` on."""
    for at in range(begin, min(begin + _TOGETHER, len(pool.songs))):
        if at >= pool.own > best >= 0:
            break
        if taken.worth[at] > most and waits[at] <= place and (not fresh or pool.facts[at, FRESH]):
            _compare(pool, songs, taken, place, at, most)
            if taken.worth[at] > most:
                best, most = at, taken.worth[at]
    return best, most


@borrowing
def _compare(pool, songs, taken, place, at, most):
    """Lower what a song is worth by how much it is like those of the list that it was not compared with yet, until that
    is no more than `most`."""
    song, other, worth = pool.songs[at], taken.beside[at], taken.worth[at]
    while other < place and worth > most:
        cosine = np.float32(dot(taken.sketch, other, songs.sketch, song)) * (songs.scale[song] * taken.scale[other])
        worth = min(worth, taken.alone[at] - np.float32(VARIETY) * cosine)
        other += 1
    taken.worth[at], taken.beside[at] = worth, other


@borrowing
def _close(pool, taken, place, kind, cap):
    """Close the pool to the uploader, artist or family, by `kind`, of the song chosen last, once it is at its cap."""
    code = taken.codes[kind, place]
    if code < 0 or place + 1 < cap:
        return
    if _count(taken, place, kind) >= cap:
        for at in range(len(pool.songs)):
            if pool.facts[at, kind] == code:
                taken.worth[at] = -np.inf


@borrowing
def _count(taken, place, kind):
    """How many of the list have the uploader, artist or family of the song chosen last, itself included."""
    count = 0
    for each in range(place + 1):
        count += taken.codes[kind, each] == taken.codes[kind, place]
    return count


@borrowing
def _let_wait(pool, songs, taken, place, waits):
    """Keep the covers of the song chosen last from the place behind it, and its family from the rest of the beginning
    once it has its places there."""
    song, family = pool.songs[taken.chosen[place]], taken.codes[FAMILY, place]
    full = place + 1 < BEGINNING and _count(taken, place, FAMILY) >= MAX_PER_FAMILY_IN_BEGINNING
    for at in range(len(waits)):
        if full and pool.facts[at, FAMILY] == family:
            waits[at] = BEGINNING
        elif _is_related(songs.covers, song, pool.songs[at]):
            waits[at] = max(waits[at], place + 2)


@borrowing
def _give_way(pool, songs, taken):
    """Close the pool to songs that hold another of it."""
    for at in range(len(pool.songs)):
        if pool.facts[at, HOLDS]:
            for other in pool.songs:
                if _is_related(songs.holds, pool.songs[at], other):
                    taken.worth[at] = -np.inf


@borrowing
def _is_related(related, song, other):
    """Whether a row names another, by bisection."""
    low, high = related.starts[song], related.starts[song + 1]
    while low < high:
        middle = (low + high) // 2
        if related.others[middle] == other:
            return True
        if related.others[middle] < other:
            low = middle + 1
        else:
            high = middle
    return False
