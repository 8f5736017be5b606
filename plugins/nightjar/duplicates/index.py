"""Candidates from the prints themselves: songs that share keys, at places that fit each other.

A key is 16 bits each of two words half a second apart, so that different songs seldom share one; of all keys every
second, chosen by the key itself, is kept. The younger songs' keys at all speeds go into one table in memory; the keys
of the older songs are read once, day by day, and looked up. What it costs per older song is reading and probing some
hundred keys; everything else grows with the younger ones. Unlike vectors it finds copies at another pitch.
Arithmetic only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from nightjar.thresholds import INDEX_KEY_SAMPLE, INDEX_LAG_WORDS, INDEX_MIN_HITS

_DIAGONALS = 4
"""Offsets, half a second, within which hits fit each other: a tempo changed by 4 % drifts as far in 12 s."""


def keys_of(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sampled keys of a print and the positions of their words: (n,) uint32 and (n,) uint32."""
    if len(words) <= INDEX_LAG_WORDS:
        return np.zeros(0, np.uint32), np.zeros(0, np.uint32)
    odd = _odd_bits(words)
    keys = (odd[:-INDEX_LAG_WORDS] << np.uint32(16)) | odd[INDEX_LAG_WORDS:]
    fresh = np.ones(len(keys), np.bool_)
    fresh[1:] = keys[1:] != keys[:-1]  # silence and held notes say nothing more by lasting
    at = np.flatnonzero(fresh & (_scrambled(keys) % np.uint32(INDEX_KEY_SAMPLE) == 0))
    return keys[at], at.astype(np.uint32)


def _odd_bits(words: np.ndarray) -> np.ndarray:
    """The high bit of each of a word's sixteen two-bit filters, the one that survives most: (n,) uint32 below 2**16."""
    odd = (words >> np.uint32(1)) & np.uint32(0x55555555)
    for shift, mask in ((1, 0x33333333), (2, 0x0F0F0F0F), (4, 0x00FF00FF), (8, 0x0000FFFF)):
        odd = (odd | (odd >> np.uint32(shift))) & np.uint32(mask)
    return odd


def _scrambled(keys: np.ndarray) -> np.ndarray:
    """The upper half of a multiplication by the golden ratio: every bit of a key counts (Knuth, TAOCP 6.4)."""
    return ((keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)).astype(np.uint32)


class Index:
    """The keys of some younger songs at all their speeds, to be met by the keys of older songs."""

    def __init__(self, prints: Sequence[Sequence[np.ndarray]]) -> None:
        """`prints[i]` are the prints of song i, one a speed."""
        keys, places = [], []
        for song, speeds in enumerate(prints):
            for number, words in enumerate(speeds):
                found, at = keys_of(words)
                keys.append(found)
                places.append((np.uint64(song) << np.uint64(40)) | (np.uint64(number) << np.uint64(32)) | at)
        every = np.concatenate([*keys, np.zeros(0, np.uint32)])
        order = np.argsort(every, kind="stable")
        self._keys = every[order]
        self._places = np.concatenate([*places, np.zeros(0, np.uint64)]).astype(np.uint64)[order]
        self._shift = max(0, 32 - max(1, len(every).bit_length()))
        self._first = np.searchsorted(self._keys >> np.uint32(self._shift), np.arange((1 << (32 - self._shift)) + 1))
        self._first = self._first.astype(np.int64)

    def meet(self, keys: np.ndarray, positions: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, ...]:
        """The pairs with at least INDEX_MIN_HITS hits at one speed and about one offset: (older, younger, hits).

        `keys` and `positions` are those of several older songs behind each other, song i at [starts[i], starts[i + 1]).
        Releases the interpreter's lock, so that threads can meet several days at a time.
        """
        return _meet(keys, positions, starts, self._keys, self._places, self._first, self._shift)


@njit(cache=True, nogil=True)
def _meet(keys, positions, starts, own_keys, own_places, first, shift):
    older, younger, counts = [], [], []
    hits = np.empty(1024, np.uint64)
    for song in range(len(starts) - 1):
        many = 0
        for k in range(starts[song], starts[song + 1]):
            key = keys[k]
            bucket = key >> shift
            for at in range(first[bucket], first[bucket + 1]):
                if own_keys[at] == key:
                    if many == len(hits):
                        larger = np.empty(2 * many, np.uint64)
                        larger[:many] = hits
                        hits = larger
                    place = own_places[at]
                    offset = np.uint64(positions[k]) + np.uint64(1 << 31) - (place & np.uint64(0xFFFFFFFF))
                    hits[many] = (place & ~np.uint64(0xFFFFFFFF)) | offset
                    many += 1
        if many < INDEX_MIN_HITS:
            continue
        found = np.sort(hits[:many])
        low, best, last = 0, 0, np.int64(-1)
        for at in range(many):
            while found[at] - found[low] >= _DIAGONALS:  # another song, speed or offset is farther away than that
                low += 1
            own = np.int64(found[at] >> np.uint64(40))
            if own != last:
                if best >= INDEX_MIN_HITS:
                    older.append(song)
                    younger.append(last)
                    counts.append(best)
                best, last = 0, own
            best = max(best, at - low + 1)
        if best >= INDEX_MIN_HITS:
            older.append(song)
            younger.append(last)
            counts.append(best)
    return np.array(older, np.int64), np.array(younger, np.int64), np.array(counts, np.int64)
