"""Prints and vectors made to measure: words that follow each other as those of music do, copies with wrong bits."""

from __future__ import annotations

import numpy as np

from nightjar.duplicates.verdict import Prints

NOBODY_DB = -55.0
SINGER_DB = -5.0


def words(seed: int, count: int = 300) -> np.ndarray:
    """A print of one song, another for each seed: a fifth of the bits changes from word to word."""
    rng = np.random.default_rng(seed)
    flips = rng.random((count, 32)) < 0.2
    flips[0] = rng.random(32) < 0.5
    return packed(np.cumsum(flips, axis=0) % 2)


def worse(print_: np.ndarray, share: float, seed: int = 0) -> np.ndarray:
    """The print with this share of its bits wrong."""
    wrong = np.random.default_rng(10_000 + seed).random((len(print_), 32)) < share
    return print_ ^ packed(wrong)


def packed(bits: np.ndarray) -> np.ndarray:
    """(n, 32) bits to (n,) uint32."""
    return (bits.astype(np.uint64) << np.arange(32, dtype=np.uint64)).sum(axis=1).astype(np.uint32)


def song(seed: int, count: int = 300, voice: int | None = None) -> Prints:
    """A song with a backing of its own and, if `voice` is given, that singing on it."""
    backing = words(seed, count)
    if voice is None:
        return Prints(backing, worse(backing, 0.01), worse(words(90_000 + seed, count), 0.05), NOBODY_DB)
    sung = words(50_000 + voice, count)
    mixed = np.where(np.random.default_rng(voice).random(count) < 0.5, backing, sung).astype(np.uint32)
    return Prints(mixed, worse(backing, 0.02, voice), sung, SINGER_DB)


def copied(original: Prints, share: float = 0.03, start: int = 0, stop: int | None = None) -> Prints:
    """A copy of a song, or of words [start, stop) of it, with this share of wrong bits in each part."""
    parts = (original.mix, original.accompaniment, original.vocals)
    return Prints(*(worse(part[start:stop], share, seed) for seed, part in enumerate(parts)), original.vocals_db)
