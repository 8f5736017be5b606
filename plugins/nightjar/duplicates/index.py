"""Candidates from the prints themselves: songs that share keys, at places that fit each other.

A key is 16 bits each of two words half a second apart, so that different songs seldom share one; of all keys every
second, chosen by the key itself, is kept. The younger songs' keys at all speeds go into one table in memory; the keys
of the older songs are read once, day by day, and looked up. What it costs per older song is reading and probing some
hundred keys; everything else grows with the younger ones. Unlike vectors it finds copies at another pitch.
Arithmetic only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nightjar.compiled import compiled
from nightjar.thresholds import (
    INDEX_CROWD,
    INDEX_CROWD_CHOSEN,
    INDEX_CROWD_HITS,
    INDEX_KEY_SAMPLE,
    INDEX_LAG_WORDS,
    INDEX_MAX_CANDIDATES,
    INDEX_MIN_HITS,
)

_DIAGONALS = 4
"""Offsets, half a second, within which hits fit each other: a tempo changed by 4 % drifts as far in 12 s."""


@compiled
def keys_of(words):
    """The sampled keys of a print and the positions of their words: (n,) uint32 and (n,) uint32.

    A key that is that of the word before is left out: silence and held notes say nothing more by lasting.
    """
    keys, positions = np.empty(len(words), np.uint32), np.empty(len(words), np.uint32)
    many, before = 0, np.uint32(0)
    for at in range(len(words) - INDEX_LAG_WORDS):
        key = np.uint32((_odd_bits(words[at]) << np.uint32(16)) | _odd_bits(words[at + INDEX_LAG_WORDS]))
        if (at == 0 or key != before) and _scrambled(key) % np.uint32(INDEX_KEY_SAMPLE) == 0:
            keys[many], positions[many] = key, at
            many += 1
        before = key
    return keys[:many].copy(), positions[:many].copy()


@compiled
def _odd_bits(word):
    """The high bit of each of a word's sixteen two-bit filters, the one that survives most, as a number below 2**16."""
    odd = (word >> np.uint32(1)) & np.uint32(0x55555555)
    odd = (odd | (odd >> np.uint32(1))) & np.uint32(0x33333333)
    odd = (odd | (odd >> np.uint32(2))) & np.uint32(0x0F0F0F0F)
    odd = (odd | (odd >> np.uint32(4))) & np.uint32(0x00FF00FF)
    return np.uint32((odd | (odd >> np.uint32(8))) & np.uint32(0x0000FFFF))


@compiled
def _scrambled(key):
    """The upper half of a multiplication by the golden ratio: every bit of a key counts (Knuth, TAOCP 6.4)."""
    return np.uint32((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32))


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


@dataclass(frozen=True)
class Met:
    """Pairs that share keys, in columns: the younger song's number, the hits, and the older one's number."""

    younger: np.ndarray
    hits: np.ndarray
    older: np.ndarray

    def take(self, rows: np.ndarray) -> Met:
        """Some of the pairs, by a mask or by their rows."""
        return Met(self.younger[rows], self.hits[rows], self.older[rows])

    def __len__(self) -> int:
        return len(self.younger)


class Best:
    """Of all pairs that are added the INDEX_MAX_CANDIDATES with the most hits of each younger song; and of a crowd, the
    songs with many hits, those that stand for it: the first and the longest.

    Of equally many hits that of the lower rank counts, so that the order of adding does not matter. Not much more is
    held than what is best, since a large library shares keys with every song.
    """

    def __init__(self, younger: int, rank: np.ndarray, place: np.ndarray, seconds: np.ndarray) -> None:
        """Of each older song its `rank` by id, its `place` in the order of songs, and its length."""
        self._rank, self._place, self._seconds = rank, place, seconds
        self._many = np.zeros(younger, np.int64)
        self._parts: list[Met] = []
        self._held, self._most = 0, max(1 << 20, 2 * younger * INDEX_MAX_CANDIDATES)

    def add(self, found: Met) -> None:
        self._parts.append(found)
        self._held += len(found)
        self._many += np.bincount(found.younger, minlength=len(self._many))
        if self._held > self._most:
            self._parts = [self.found()]
            self._held = len(self._parts[0])

    @property
    def left_out(self) -> int:
        """How many younger songs have more pairs than are kept."""
        return int((self._many > INDEX_MAX_CANDIDATES).sum())

    def found(self) -> Met:
        """The best, and those that stand for crowds, by younger song."""
        ordered, nearest, standing, _ = self._chosen()
        return ordered.take(nearest | standing)

    def crowded(self) -> tuple[Met, np.ndarray, np.ndarray]:
        """The same, but who stands for a crowd of INDEX_CROWD songs at most only if he is among the best; of each pair,
        whether its younger song is in a larger crowd, and whether the older one stands for that crowd."""
        ordered, nearest, standing, first = self._chosen()
        close = first < INDEX_CROWD_CHOSEN
        crowds = np.bincount(ordered.younger, self._strong(ordered, first), len(self._many)) > INDEX_CROWD
        crowded = crowds[ordered.younger]
        kept = nearest | (standing & crowded)
        return ordered.take(kept), crowded[kept], (standing | close)[kept]

    def _chosen(self) -> tuple[Met, np.ndarray, np.ndarray, np.ndarray]:
        """All pairs in order, which of them are the best, which stand for crowds, and the place of each by its hits."""
        parts = self._parts or [Met(*(np.zeros(0, np.int64),) * 3)]
        younger, hits, older = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("younger", "hits", "older")
        )
        ordered = Met(younger, hits, older).take(np.lexsort((self._rank[older], -hits, younger)))
        first = _within(ordered.younger)
        strong = np.flatnonzero(self._strong(ordered, first))
        standing = np.zeros(len(ordered), bool)
        for by in (self._place, -self._seconds):
            of = ordered.take(strong)
            order = strong[np.lexsort((self._place[of.older], by[of.older], of.younger))]
            standing[order[_within(ordered.younger[order]) < INDEX_CROWD_CHOSEN]] = True
        return ordered, first < INDEX_MAX_CANDIDATES, standing, first

    @staticmethod
    def _strong(ordered: Met, first: np.ndarray) -> np.ndarray:
        most = ordered.hits[np.arange(len(ordered)) - first]
        return (ordered.hits >= INDEX_CROWD_HITS) & (4 * ordered.hits >= most)


def _within(sorted_: np.ndarray) -> np.ndarray:
    """Of each of some sorted numbers, how many of the same are before it."""
    return np.arange(len(sorted_)) - np.searchsorted(sorted_, sorted_)


@compiled
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
