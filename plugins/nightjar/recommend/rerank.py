"""From a pool of candidates to a list: relevance against variety, under caps, covers apart, room for fresh songs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from nightjar.thresholds import LIST_LENGTH, MAX_PER_ARTIST, MAX_PER_UPLOADER, VARIETY

_DECIMALS = 6


@dataclass(frozen=True)
class Pool:
    """Candidates, best first; ties are resolved by this order. m songs, each once."""

    songs: np.ndarray  # (m,) int64
    relevance: np.ndarray  # (m,) float64, 0 to 1
    vectors: np.ndarray  # (m, d), of unit length
    uploader: np.ndarray  # (m,) int32, -1 where unknown
    artist: np.ndarray  # (m,) int32, -1 where unknown
    fresh: np.ndarray  # (m,) bool
    filler: np.ndarray  # (m,) bool: chosen only when nothing else is left that may stand there, or no other fresh song
    covers: dict[int, np.ndarray] = field(default_factory=dict)
    """By position the positions of its covers, both ways; only of those that have any."""


def rerank(pool: Pool, fresh_share: float) -> list[int]:
    """Positions in the pool of the list's songs, in order; LIST_LENGTH of them or as many as there are.

    Greedy maximal marginal relevance (Carbonell and Goldstein 1998): each step takes the song with the largest
    (1 - VARIETY) * relevance - VARIETY * largest cosine to a song already taken. No uploader has more than
    MAX_PER_UPLOADER songs, no artist more than MAX_PER_ARTIST (unknown ones are not counted). After n songs at least
    floor(n * fresh_share) are fresh, as long as the pool has fresh songs left that the caps and the covers allow.

    Two covers of each other never stand side by side: after a song its covers wait for one more song, a filler if
    there is nothing better, and come back into play behind it. Where only covers of the last song are left, the list
    ends, shorter than it might be: what stands is not rearranged to make room for them.
    """
    vectors = pool.vectors.astype(np.float64)
    cosines = np.round(vectors @ vectors.T, _DECIMALS)
    gain = (1 - VARIETY) * pool.relevance
    nearest = np.zeros(len(gain))
    left = np.ones(len(gain), dtype=bool)
    by_uploader: dict[int, int] = {}
    by_artist: dict[int, int] = {}
    chosen: list[int] = []
    fresh_chosen = 0
    while len(chosen) < LIST_LENGTH:
        need_fresh = fresh_chosen < int((len(chosen) + 1) * fresh_share + 1e-9)
        choices = _choices(pool, _apart(pool, left, chosen), need_fresh)
        if not len(choices):
            break
        best = int(choices[np.argmax((gain - VARIETY * nearest)[choices])])
        chosen.append(best)
        left[best] = False
        fresh_chosen += int(pool.fresh[best])
        nearest = np.maximum(nearest, cosines[best])
        _count(left, pool.uploader, best, by_uploader, MAX_PER_UPLOADER)
        _count(left, pool.artist, best, by_artist, MAX_PER_ARTIST)
    return chosen


def _apart(pool: Pool, left: np.ndarray, chosen: list[int]) -> np.ndarray:
    """(m,) bool: of what is left, the songs that are no covers of the one chosen last."""
    covers = pool.covers.get(chosen[-1]) if chosen else None
    if covers is None:
        return left
    allowed = left.copy()
    allowed[covers] = False
    return allowed


def _choices(pool: Pool, left: np.ndarray, need_fresh: bool) -> np.ndarray:
    """The positions that the next song is taken from: of the first kind that has any left."""
    kinds = [left & ~pool.filler, left & pool.filler]
    if need_fresh:
        kinds = [kind & pool.fresh for kind in kinds] + kinds
    return next((found for kind in kinds if len(found := np.flatnonzero(kind))), np.zeros(0, dtype=np.int64))


def _count(left: np.ndarray, codes: np.ndarray, best: int, counts: dict[int, int], cap: int) -> None:
    """Count the chosen song for its uploader or artist, and close the pool to them at their cap."""
    code = int(codes[best])
    if code < 0:
        return
    counts[code] = counts.get(code, 0) + 1
    if counts[code] >= cap:
        left &= codes != code
