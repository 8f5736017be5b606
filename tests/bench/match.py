"""Whole songs that one core compares in a second, beside pyacoustid's own comparison: `python -m tests.bench.match`.

A younger song is made ready once and compared with many older ones, as the sweep does it; the rate with the making
ready is that of a younger song with a single older one. Songs are of four minutes, as `Query` has them at one speed
(the song as it is) and at all of SPEEDS. Processor seconds; what numba compiles is compiled before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import acoustid
import numpy as np

from nightjar.duplicates.match import SPEEDS, Query, spans
from tests.nightjar.duplicates.made import words, worse

WORDS = 1900
"""Four minutes."""
OLDER, YOUNGER = 100, 20
COPY_ERROR = 0.05
"""Share of a copy's bits that are wrong: about what a lossy codec does."""
CUT_WORDS = 100
"""A copy begins so many words later than its original."""
GOAL = 10_000
"""Comparisons a second of different songs, at one speed."""
ROUNDS = 5
"""Of each measurement the best is told: what else the machine does slows single ones down."""

Task = Callable[[], object]


def main() -> None:
    older = [words(seed, WORDS) for seed in range(OLDER)]
    younger = [[words(1000 + len(SPEEDS) * seed + at, WORDS) for at in range(len(SPEEDS))] for seed in range(YOUNGER)]
    copies = [[worse(older[at][CUT_WORDS:], COPY_ERROR), *prints[1:]] for at, prints in enumerate(younger)]
    print(f"comparisons a second on one core, {WORDS} words a song (goal: {GOAL:,} of different songs, at 1 speed)\n")
    print(f"{'':<34}{'Query ready':>13}{'with making it':>16}")
    for speeds in (1, len(SPEEDS)):
        _row(f"different songs, {_speeds(speeds)}", older, [prints[:speeds] for prints in younger], range(OLDER))
        _row(f"a song and its copy, {_speeds(speeds)}", older, [prints[:speeds] for prints in copies], None)
    pairs = [(a.tolist(), prints[0].tolist()) for a, prints in zip(older[:3], younger, strict=False)]
    rate = _rate([lambda a=a, b=b: acoustid._match_fingerprints(a, b) for a, b in pairs])
    print(f"{'pyacoustid, different songs':<34}{rate:>13,.2f}")
    pairs = [(a.tolist(), prints[0].tolist()) for a, prints in zip(older[:3], copies, strict=False)]
    rate = _rate([lambda a=a, b=b: acoustid._match_fingerprints(a, b) for a, b in pairs])
    print(f"{'pyacoustid, a song and its copy':<34}{rate:>13,.2f}")


def _row(name: str, older: list[np.ndarray], younger: list[list[np.ndarray]], against: Iterable[int] | None) -> None:
    """`against`: the older songs that each younger one is compared with; None for the one that it is a copy of."""
    ready = [Query(prints) for prints in younger]
    pairs = [(at, b) for b in range(len(younger)) for at in ([b] if against is None else against)]
    repeated = pairs * (20 if against is None else 1)
    compared = _rate([lambda at=at, b=b: spans(older[at], ready[b]) for at, b in repeated])
    made = _rate([lambda at=at, b=b: spans(older[at], Query(younger[b])) for at, b in pairs[:200]])
    print(f"{name:<34}{compared:>13,.0f}{made:>16,.0f}")


def _speeds(count: int) -> str:
    return "1 speed" if count == 1 else f"{count} speeds"


def _rate(tasks: list[Task]) -> float:
    """Tasks a processor second, in the best of ROUNDS; the first of them is done once more before."""
    tasks[0]()
    seconds = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        for task in tasks:
            task()
        seconds.append(time.process_time() - begun)
    return len(tasks) / min(seconds)


if __name__ == "__main__":
    main()
