"""Whether two prints agree because both play one loop: compiled by numba; arithmetic only.

Two solos over one vamp agree as well a round later, and each agrees with itself a round later as well as with the
other. A copy agrees best at its own place, unless the loop is exact: then each print agrees with itself better still.
"""

from __future__ import annotations

import numpy as np

from nightjar.compiled import compiled
from nightjar.duplicates.lines import set_bits
from nightjar.thresholds import CHANCE_MIN_SHIFT, LOOP_EXACT, LOOP_MIN_WORDS, LOOP_RATIO, SAME_MIX_SIMILARITY


def loop_bits(a: np.ndarray, b: np.ndarray, offset: float, rate: float, low: int, high: int, wrong: float) -> float:
    """Wrong bits a word, of 32, of words [low, high) of b at the best other place of `a`, where they agree with `wrong`
    bits along a line because both play one loop; 32 where that is not so."""
    if wrong <= 32 * (1 - SAME_MIX_SIMILARITY):
        return 32.0
    own = np.arange(low, high)
    at = np.floor(offset + rate * own + 0.5).astype(np.int64)
    lies = (at >= 0) & (at < len(a))
    own, at = own[lies], at[lies]
    elsewhere = _least_elsewhere(a, at, b[own])
    if wrong < LOOP_RATIO * elsewhere:
        return 32.0
    exact = min(_least_elsewhere(a, at, a[at]), _least_elsewhere(b, own, b[own])) < LOOP_EXACT * wrong
    return 32.0 if exact else elsewhere


@compiled
def _least_elsewhere(a, at, words):
    """Least wrong bits a word of `words`, which belong on words `at` of a, if all are shifted alike, CHANCE_MIN_SHIFT
    words or more; 32 where a has no room for a third of them and LOOP_MIN_WORDS."""
    best, least = 32.0, max(LOOP_MIN_WORDS, len(at) // 3)
    for shift in range(-len(a), len(a)):
        if abs(shift) < CHANCE_MIN_SHIFT:
            continue
        wrong = compared = 0
        for k in range(len(at)):
            i = at[k] + shift
            if 0 <= i < len(a):
                wrong += set_bits(a[i] ^ words[k])
                compared += 1
        if compared >= least:
            best = min(best, wrong / compared)
    return best
