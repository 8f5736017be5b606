"""From a pool of candidates to a list: relevance against variety, under caps, covers apart, room for fresh songs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nightjar.compiled import compiled
from nightjar.recommend.library import Covers
from nightjar.recommend.quantized import WIDTH
from nightjar.thresholds import LIST_LENGTH, MAX_PER_ARTIST, MAX_PER_UPLOADER, VARIETY

UPLOADER, ARTIST, FAMILY, FRESH, OFFERED = range(5)
"""Columns of `Songs.facts`: codes, -1 where unknown (FAMILY: see `Covers.family`), and two that are 1 or 0."""


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


@compiled
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
    relevance = np.float32(1 - VARIETY) * pool.relevance
    worth = relevance.copy()  # beside what is chosen; less than any once a song may not be chosen any more
    columns, scale = _columns(pool, songs)
    inner = np.empty(size, np.float32)
    fresh_chosen = 0
    for place in range(len(chosen)):
        best = -1
        if fresh_chosen < int((place + 1) * fresh_share + 1e-9):
            best = _best(pool, worth, waits, place, True)
        if best < 0:
            best = _best(pool, worth, waits, place, False)
        if best < 0:
            return chosen[:place]
        chosen[place], worth[best] = best, -np.inf
        _inner_products(columns, best, inner)
        _beside(inner, scale, scale[best], relevance, worth)
        fresh_chosen += pool.facts[best, FRESH]
        _close(pool.facts[:, UPLOADER], chosen[: place + 1], worth, MAX_PER_UPLOADER)
        _close(pool.facts[:, ARTIST], chosen[: place + 1], worth, MAX_PER_ARTIST)
        if pool.facts[best, FAMILY] >= 0:
            _let_wait(pool, songs, best, waits, place + 1)
    return chosen


@compiled
def _columns(pool, songs):
    """The sketches of the pool, a song a column (WIDTH, m) float32, and what their steps count (m,)."""
    size = len(pool.songs)
    columns, scale = np.empty((WIDTH, size), np.float32), np.empty(size, np.float32)
    for at in range(size):
        scale[at] = songs.scale[pool.songs[at]]
        for k in range(WIDTH):
            columns[k, at] = songs.sketch[pool.songs[at], k]
    return columns, scale


@compiled(fastmath=True)
def _inner_products(columns, best, inner):
    """Of each column (m,) with column `best`: whole numbers below 2^24, so that no sum is rounded in whatever order."""
    inner[:] = 0
    for k in range(0, WIDTH, 4):
        a, b, c, d = columns[k, best], columns[k + 1, best], columns[k + 2, best], columns[k + 3, best]
        for at in range(len(inner)):
            inner[at] += a * columns[k, at] + b * columns[k + 1, at] + c * columns[k + 2, at] + d * columns[k + 3, at]


@compiled(fastmath={"nnan", "nsz"})
def _beside(inner, scale, own, relevance, worth):
    """Lower what songs are worth by how much they are like one that was chosen."""
    for at in range(len(worth)):
        cosine = max(inner[at] * (scale[at] * own), np.float32(0))
        worth[at] = min(worth[at], relevance[at] - np.float32(VARIETY) * cosine)


@compiled
def _best(pool, worth, waits, place, fresh):
    """The position to take next, of fresh songs only if so wanted: no filler unless nothing else is there; else -1."""
    best, most = -1, np.float32(-np.inf)
    for at in range(len(worth)):
        if at == pool.own and best >= 0:
            break
        if worth[at] > most and waits[at] != place and (not fresh or pool.facts[at, FRESH]):
            best, most = at, worth[at]
    return best


@compiled
def _close(codes, chosen, worth, cap):
    """Close the pool to the uploader or artist of the song chosen last, once they are at their cap."""
    code = codes[chosen[-1]]
    if code < 0 or len(chosen) < cap:
        return
    count = 0
    for each in chosen:
        count += codes[each] == code
    if count >= cap:
        for at in range(len(worth)):
            if codes[at] == code:
                worth[at] = -np.inf


@compiled
def _let_wait(pool, songs, best, waits, place):
    """Keep the covers of a song from the place behind it."""
    song = pool.songs[best]
    covers = songs.covers.others[songs.covers.starts[song] : songs.covers.starts[song + 1]]
    for each in range(len(waits)):
        at = np.searchsorted(covers, pool.songs[each])
        if at < len(covers) and covers[at] == pool.songs[each]:
            waits[each] = place
