"""Two performances over one loop are two recordings; copies of looped music are found as before."""

from __future__ import annotations

import numpy as np
import pytest

from nightjar.duplicates.loops import _least_elsewhere
from nightjar.duplicates.verdict import DISTINCT, DUPLICATE, FRAGMENT, Prints, compare
from nightjar.thresholds import CHANCE_MIN_SHIFT, LOOP_MIN_WORDS
from tests.nightjar.duplicates.made import NOBODY_DB, words, worse

LOOP = np.tile(words(1, 64), 5)
"""A vamp of 8 s, five times."""


def performance(seed: int) -> np.ndarray:
    """Something of its own over the loop changes a twelfth of the bits, other ones each time round."""
    return worse(LOOP, 0.08, seed)


def prints(mix: np.ndarray) -> Prints:
    return Prints(mix, mix, np.zeros(0, np.uint32), NOBODY_DB)


@pytest.mark.parametrize("shift", [0, 20, 64])
def test_two_performances_over_one_loop_are_two(shift: int):
    assert compare(prints(performance(1)), prints(performance(2)[shift:])).verdict == DISTINCT


@pytest.mark.parametrize("wrong", [0.02, 0.08, 0.12])
def test_a_copy_of_a_performance_is_found(wrong: float):
    copy = worse(performance(1), wrong, 3)
    assert compare(prints(performance(1)), prints(copy)).verdict == DUPLICATE
    assert compare(prints(performance(1)), prints(copy[:80])).verdict == FRAGMENT


@pytest.mark.parametrize("wrong", [0.02, 0.08, 0.12])
def test_a_copy_of_an_exact_loop_is_found(wrong: float):
    assert compare(prints(LOOP), prints(worse(LOOP, wrong))).verdict == DUPLICATE


@pytest.mark.parametrize("rate", [0.97, 1.0, 1.04])
def test_the_best_other_place_is_found_as_far_as_it_matters(rate: float):
    a, own = performance(1), performance(2)[20:280]
    at = np.floor(12 + rate * np.arange(len(own)) + 0.5).astype(int)
    at, own = at[at < len(a)], own[at < len(a)]
    of_shift = []
    for shift in {*range(-len(a), len(a))} - {*range(1 - CHANCE_MIN_SHIFT, CHANCE_MIN_SHIFT)}:
        lies = (at + shift >= 0) & (at + shift < len(a))
        if lies.sum() >= max(LOOP_MIN_WORDS, len(at) // 3):
            of_shift.append(np.bitwise_count(a[at[lies] + shift] ^ own[lies]).mean())
    least = min(of_shift)
    assert _least_elsewhere(a, at, own, 32.0) == _least_elsewhere(a, at, own, least) == pytest.approx(least, rel=1e-12)
    assert _least_elsewhere(a, at, own, least - 0.01) == 32.0
