"""Whole songs that one core compares in a second, beside pyacoustid's own way: `python -m tests.bench.match`."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import combinations

import acoustid
import numpy as np

from nightjar.duplicates.match import align
from tests.nightjar.duplicates.made import words, worse

SONGS, WORDS = 40, 1900  # four minutes


def main() -> None:
    songs = [words(seed, WORDS) for seed in range(SONGS)]
    different = list(combinations(songs, 2))
    copies = [(song, worse(song[100:], 0.05)) for song in songs]
    print(f"align, different songs:  {rate(align, different):8.0f} pairs/s")
    print(f"align, copies:           {rate(align, copies):8.0f} pairs/s")
    print(f"align, 40 s excerpts:    {rate(align, [(a[:302], b[:302]) for a, b in different]):8.0f} pairs/s")
    lists = [(a.tolist(), b.tolist()) for a, b in different[:3]]
    print(f"pyacoustid, its limits:  {rate(acoustid._match_fingerprints, lists):8.1f} pairs/s")


def rate(compare: Callable, pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Pairs a CPU second."""
    begun = time.process_time()
    for a, b in pairs:
        compare(a, b)
    return len(pairs) / (time.process_time() - begun)


if __name__ == "__main__":
    main()
