"""Whether two prints agree because both play one loop: compiled by numba; arithmetic only.

Two solos over one vamp agree as well a round later, and each agrees with itself a round later as well as with the
other. A copy agrees best at its own place, unless the loop is exact: then each print agrees with itself better still.
"""

from __future__ import annotations

import numpy as np

from nightjar.compiled import compiled
from nightjar.duplicates.lines import set_bits
from nightjar.thresholds import CHANCE_MIN_SHIFT, LOOP_EXACT, LOOP_MIN_WORDS, LOOP_RATIO, SAME_MIX_SIMILARITY

_BLOCK = 16
"""Words after which it is asked whether a shift may still be the best."""
_ROUNDING = 1e-6
"""More than floating point errs where wrong bits a word are bounded."""


def loop_bits(a: np.ndarray, b: np.ndarray, offset: float, rate: float, low: int, high: int, wrong: float) -> float:
    """Wrong bits a word, of 32, of words [low, high) of b at the best other place of `a`, where they agree with `wrong`
    bits along a line because both play one loop; 32 where that is not so."""
    if wrong <= 32 * (1 - SAME_MIX_SIMILARITY):
        return 32.0
    own = np.arange(low, high)
    at = np.floor(offset + rate * own + 0.5).astype(np.int64)
    lies = (at >= 0) & (at < len(a))
    own, at = own[lies], at[lies]
    elsewhere = _least_elsewhere(a, at, b[own], wrong / LOOP_RATIO)
    if wrong < LOOP_RATIO * elsewhere:
        return 32.0
    repeated = (
        _least_elsewhere(a, at, a[at], LOOP_EXACT * wrong),
        _least_elsewhere(b, own, b[own], LOOP_EXACT * wrong),
    )
    return 32.0 if min(repeated) < LOOP_EXACT * wrong else elsewhere


@compiled
def _least_elsewhere(a, at, words, most):
    """Least wrong bits a word of `words`, which belong on words `at` of a, in rising order, if all are shifted alike,
    CHANCE_MIN_SHIFT words or more. 32 where that is more than `most`, so that a shift is left as soon as it is worse,
    and where a has no room for a third of the words and LOOP_MIN_WORDS."""
    best, limit, least = 32.0, most + _ROUNDING, max(LOOP_MIN_WORDS, len(at) // 3)
    first = end = len(at)  # of the words that a shift lays on a
    for shift in range(-len(a), len(a)):
        while first > 0 and at[first - 1] + shift >= 0:
            first -= 1
        while end > 0 and at[end - 1] + shift >= len(a):
            end -= 1
        if abs(shift) < CHANCE_MIN_SHIFT or end - first < least:
            continue
        allowed, wrong, k = limit * (end - first), 0, first
        while k < end and wrong <= allowed:
            for each in range(k, min(k + _BLOCK, end)):
                wrong += set_bits(a[at[each] + shift] ^ words[each])
            k += _BLOCK
        if wrong <= allowed:
            best = limit = wrong / (end - first)
    return best
