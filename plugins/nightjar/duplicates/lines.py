"""Lines through two prints: how well they agree along one, and the best through a likely place. Compiled by numba;
arithmetic only.

A *line* lays print b over print a: word j of b against word round(offset + rate * j) of a. Its gain over an interval of
b is the sum of SPAN_ERROR_BITS minus the wrong bits of each word: positive where the two agree better than that.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from nightjar.duplicates.places import BLOCK_WORDS, DIAGONALS, likely_places
from nightjar.thresholds import PLACE_MIN_GAIN, SIMPLER_GAIN, SPAN_ERROR_BITS, VOTING_SEGMENT_WORDS

_RATE_STEP = 0.02
"""From one rate to the next within a segment: so fine that its ends are off by less than half a word."""


@intrinsic
def _set_bits(typing, word):  # the processor has an instruction for it; numba has no name for that
    def generate(context, builder, signature, arguments):
        return builder.zext(builder.ctpop(arguments[0]), context.get_value_type(types.int64))

    return types.int64(types.uint32), generate


@njit(cache=True)
def _gain(a, b, offset, rate, low, high):
    """The line's gain over words [low, high) of b, as far as they lie on a."""
    gain = 0
    for j in range(low, high):
        i = int(np.floor(offset + rate * j + 0.5))
        if 0 <= i < len(a):
            gain += SPAN_ERROR_BITS - _set_bits(a[i] ^ b[j])
    return gain


@njit(cache=True)
def best_interval(a, b, offset, rate):
    """(gain, low, high): the interval of b in which the line gains most (Kadane's maximum subarray).

    A word that only repeats the one before, in both prints, adds nothing: a held note or silence is no evidence.
    """
    best, best_low, best_high, running, low = 0, 0, 0, 0, 0
    before = -1
    for j in range(len(b)):
        i = int(np.floor(offset + rate * j + 0.5))
        if i < 0 or i >= len(a):
            running, low, before = 0, j + 1, -1
            continue
        gained = SPAN_ERROR_BITS - _set_bits(a[i] ^ b[j])
        if before >= 0 and gained > 0 and a[i] == a[before] and b[j] == b[j - 1]:
            gained = 0
        before = i
        running += gained
        if running <= 0:
            running, low = 0, j + 1
        elif running > best:
            best, best_low, best_high = running, low, j + 1
    return best, best_low, best_high


@njit(cache=True)
def follow(a, b, start, stop, diagonal, low_rate, high_rate):
    """(gain, offset, rate, low, high): the best line through a likely place, extended as far as it gains.

    The place is words [start, stop) of b, `diagonal` (or a little more) words further on in a. First a grid of offsets
    and rates within it; then the line is extended, and its rate made finer as it grows longer. Rates stay within
    [low_rate, high_rate].
    """
    middle, best, offset, rate = (start + stop) / 2, -(1 << 40), 0.0, 1.0
    if stop - start > VOTING_SEGMENT_WORDS:  # a whole print: at its own tempo
        steps, first_shift, last_shift = 0, -1, 2
    else:
        steps, first_shift, last_shift = int((high_rate - low_rate) / _RATE_STEP) + 1, -2, 2 * DIAGONALS + 1
    for step in range(steps + 1):
        tried_rate = low_rate + step * (high_rate - low_rate) / steps if steps else 1.0
        for shift in range(first_shift, last_shift + 1):
            tried = diagonal + shift + (1 - tried_rate) * middle
            gain = _gain(a, b, tried, tried_rate, start, stop)
            if gain > best:
                best, offset, rate = gain, tried, tried_rate
    best, low, high = best_interval(a, b, offset, rate)
    if best < PLACE_MIN_GAIN:
        return 0, 0.0, 1.0, 0, 0
    for fineness in (1.0, 0.5, 0.25):
        improved = True
        while improved:
            improved = False
            step, centre = fineness / max(high - low, 16), (low + high) / 2
            best_offset, best_rate = offset, rate
            for turn in range(-2, 3):
                tried_rate = rate + turn * step
                if not low_rate <= tried_rate <= high_rate:
                    continue
                for shift in range(-2, 3):
                    tried = offset + (rate - tried_rate) * centre + shift * 0.5
                    gain, tried_low, tried_high = best_interval(a, b, tried, tried_rate)
                    if gain > best:
                        best, low, high, improved = gain, tried_low, tried_high, True
                        best_offset, best_rate = tried, tried_rate
            offset, rate = best_offset, best_rate
    return _simplest(a, b, best, offset, rate, low, high)


@njit(cache=True)
def _simplest(a, b, gain, offset, rate, low, high):
    """The line at rate 1 and a whole offset instead, where that is about as good: many round to the same words."""
    plain = np.floor(offset + (rate - 1) * (low + high) / 2 + 0.5)
    if abs(rate - 1) * (high - low) <= 2:
        for tried in (plain, plain - 1, plain + 1):
            found, tried_low, tried_high = best_interval(a, b, tried, 1.0)
            if found >= SIMPLER_GAIN * gain:
                return found, tried, 1.0, tried_low, tried_high
    return gain, offset, rate, low, high


@njit(cache=True)
def best_line(a, words, starts, rates, table, cells, touched):
    """(gain, print, offset, rate, low, high): the line with the largest gain of all prints' likely places, or that of
    the first print, the song as it is, where it is about as good.

    `rates` (prints, 2) float64 are the least and the largest rate of each print's lines. Places are looked for in
    blocks of `a`, so that the work space stays small; a line goes on through all of it.
    """
    first, print_of, position = table
    best = own = (0, 0, 0.0, 1.0, 0, 0)
    for begin in range(0, len(a), BLOCK_WORDS):
        block = a[begin : begin + BLOCK_WORDS]
        places = likely_places(block, starts, first, print_of, position, cells, touched)
        for at in range(len(places)):
            p, start, stop, diagonal = places[at]
            b = words[starts[p] : starts[p + 1]]
            gain, offset, rate, low, high = follow(a, b, start, stop, begin + diagonal, rates[p, 0], rates[p, 1])
            if gain > best[0]:
                best = (gain, p, offset, rate, low, high)
            if p == 0 and gain > own[0]:
                own = (gain, p, offset, rate, low, high)
    return own if own[0] >= SIMPLER_GAIN * best[0] else best


@njit(cache=True)
def wrong_bits(a, b, offset, rate, low, high):
    """(wrong bits, words compared) of a line over words [low, high) of b, as far as they lie on both prints."""
    wrong = compared = 0
    for j in range(max(low, 0), min(high, len(b))):
        i = int(np.floor(offset + rate * j + 0.5))
        if 0 <= i < len(a):
            wrong += _set_bits(a[i] ^ b[j])
            compared += 1
    return wrong, compared
