"""From a pool of candidates to a list: relevance against variety, under caps, covers apart, room for fresh songs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from nightjar.recommend.library import Covers
from nightjar.recommend.quantized import WIDTH, dot
from nightjar.thresholds import LIST_LENGTH, MAX_PER_ARTIST, MAX_PER_UPLOADER, VARIETY

UPLOADER, ARTIST, FAMILY, FRESH, OFFERED = range(5)
"""Columns of `Songs.facts`: codes, -1 where unknown (FAMILY: see `Covers.family`), and two that are 1 or 0."""


_BLOCK = 16


class Songs(NamedTuple):
    """What has to be known of each of n songs."""

    facts: np.ndarray  # (n, 5) int32: the columns above, side by side since they are looked at together
    sketch: np.ndarray  # (n, WIDTH) int8: its vector along the principal axes of all, `quantized`
    scale: np.ndarray  # (n,) float32: what a step of it counts
    covers: Covers


class Pool(NamedTuple):
    """Candidates, m songs, each once: those that the seeds brought, best first; behind them fillers, best first.

    Ties are resolved by this order. A filler is chosen only when nothing else is left that may stand there, or no other
    fresh song.
    """

    songs: np.ndarray  # (m,) int32
    relevance: np.ndarray  # (m,) float32, 0 to 1
    facts: np.ndarray  # (m, 5) int32: their rows of `Songs.facts`
    own: int  # so many are no fillers


@njit(cache=True, nogil=True)
def rerank(pool, songs, fresh_share):
    """Positions in the pool of the list's songs (k,), in order; LIST_LENGTH of them or as many as there are.

    Greedy maximal marginal relevance (Carbonell and Goldstein 1998): each step takes the song with the largest
    (1 - VARIETY) * relevance - VARIETY * largest cosine to a song already taken. No uploader has more than
    MAX_PER_UPLOADER songs, no artist more than MAX_PER_ARTIST (unknown ones are not counted). After n songs at least
    floor(n * fresh_share) are fresh, as long as the pool has fresh songs left that the caps and the covers allow.

    Two covers of each other never stand side by side: after a song its covers wait for one more song, a filler if there
    is nothing better, and come back into play behind it. Where only covers of the last song are left, the list ends,
    shorter than it might be: what stands is not rearranged to make room for them.
    """
    size = len(pool.songs)
    chosen = np.empty(min(LIST_LENGTH, size), np.int32)
    waits = np.full(size, -1, np.int32)  # the one place that a song may not take
    values = _values(pool, songs)
    fresh_chosen = 0
    for place in range(len(chosen)):
        best = -1
        if fresh_chosen < int((place + 1) * fresh_share + 1e-9):
            best = _best(pool, values, chosen[:place], waits, True)
        if best < 0:
            best = _best(pool, values, chosen[:place], waits, False)
        if best < 0:
            return chosen[:place]
        chosen[place], values.now[best] = best, -np.inf
        fresh_chosen += pool.facts[best, FRESH]
        _close(pool.facts[:, UPLOADER], chosen[: place + 1], values.now, MAX_PER_UPLOADER)
        _close(pool.facts[:, ARTIST], chosen[: place + 1], values.now, MAX_PER_ARTIST)
        if pool.facts[best, FAMILY] >= 0:
            _let_wait(pool, songs, best, waits, place + 1)
    return chosen


class _Values(NamedTuple):
    """What each song of the pool is worth beside what was chosen before it was last looked at.

    Worth only falls as more is chosen, so that an old value is an upper bound (Minoux 1978, accelerated greedy): only
    songs whose old value is better than the best that is known are brought up to date.
    """

    now: np.ndarray  # (m,) float32; -inf once it may not be chosen any more
    alone: np.ndarray  # (m,) float32: beside nothing
    seen: np.ndarray  # (m,) int32: so many of the chosen are taken into account
    most: np.ndarray  # (blocks,) float32: no value of the _BLOCK songs of a block is larger
    sketch: np.ndarray  # (m, WIDTH) int8
    scale: np.ndarray  # (m,) float32


@njit(cache=True, nogil=True)
def _values(pool, songs):
    size = len(pool.songs)
    alone = np.float32(1 - VARIETY) * pool.relevance
    sketch, scale = np.empty((size, WIDTH), np.int8), np.empty(size, np.float32)
    for at in range(size):
        sketch[at], scale[at] = songs.sketch[pool.songs[at]], songs.scale[pool.songs[at]]
    blocks = size // _BLOCK + 2  # those of fillers begin anew
    return _Values(alone.copy(), alone, np.zeros(size, np.int32), np.full(blocks, np.inf, np.float32), sketch, scale)


@njit(cache=True, nogil=True)
def _best(pool, values, chosen, waits, fresh):
    """The position to take next, of fresh songs only if so wanted: no filler unless nothing else is there; else -1."""
    best = _best_within(pool, values, chosen, waits, fresh, 0, pool.own, 0)
    if best < 0:
        best = _best_within(pool, values, chosen, waits, fresh, pool.own, len(values.now), pool.own // _BLOCK + 1)
    return best


@njit(cache=True, nogil=True)
def _best_within(pool, values, chosen, waits, fresh, begin, end, block):
    """The same of the positions from `begin`, where a block begins, to `end`."""
    best, most = -1, np.float32(-np.inf)
    for at in range(begin, end):  # the best of the old values is likely to be the best
        if values.now[at] > most and waits[at] != len(chosen) and (not fresh or pool.facts[at, FRESH]):
            best, most = at, values.now[at]
    if best < 0:
        return best
    most = _update(values, chosen, best, np.float32(-np.inf))
    for start in range(begin, end, _BLOCK):
        if values.most[block] >= most:
            values.most[block] = -np.inf
            for at in range(start, min(start + _BLOCK, end)):
                if values.now[at] >= most and waits[at] != len(chosen) and (not fresh or pool.facts[at, FRESH]):
                    now = _update(values, chosen, at, most)
                    if now > most or (now == most and at < best):
                        best, most = at, now
                values.most[block] = max(values.most[block], values.now[at])
        block += 1
    return best


@njit(cache=True, nogil=True)
def _update(values, chosen, at, enough):
    """What a position is worth beside all that is chosen, or beside so much of it that it is less than `enough`."""
    now = values.now[at]
    seen = values.seen[at]
    while seen < len(chosen) and now >= enough:
        other = chosen[seen]
        seen += 1
        cosine = np.float32(dot(values.sketch, at, values.sketch, other)) * values.scale[at] * values.scale[other]
        now = min(now, values.alone[at] - np.float32(VARIETY) * cosine)
    values.now[at], values.seen[at] = now, seen
    return now


@njit(cache=True, nogil=True)
def _close(codes, chosen, value, cap):
    """Close the pool to the uploader or artist of the song chosen last, once they are at their cap."""
    code = codes[chosen[-1]]
    if code < 0 or len(chosen) < cap:
        return
    count = 0
    for each in chosen:
        count += codes[each] == code
    if count >= cap:
        for at in range(len(value)):
            if codes[at] == code:
                value[at] = -np.inf


@njit(cache=True, nogil=True)
def _let_wait(pool, songs, best, waits, place):
    """Keep the covers of a song from the place behind it."""
    song = pool.songs[best]
    covers = songs.covers.others[songs.covers.starts[song] : songs.covers.starts[song + 1]]
    for each in range(len(waits)):
        at = np.searchsorted(covers, pool.songs[each])
        if at < len(covers) and covers[at] == pool.songs[each]:
            waits[each] = place
