"""Lines through two prints: how well they agree along one, and the best through a likely place. Compiled by numba;
arithmetic only.

A *line* lays print b over print a: word j of b against word round(offset + rate * j) of a. Its gain over an interval of
b is the sum of SPAN_ERROR_BITS minus the wrong bits of each word: positive where the two agree better than that.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numba.extending import intrinsic

from nightjar.compiled import compiled
from nightjar.duplicates.places import BLOCK_WORDS, is_on, likely_places, shifts_tried
from nightjar.thresholds import (
    CHANCE_MIN_SHIFT,
    CHANCE_MIN_WORDS,
    CHANCE_SHIFTS,
    PLACE_MIN_GAIN,
    SIMPLER_GAIN,
    SPAN_ERROR_BITS,
    VOTING_SEGMENT_WORDS,
)

_RATE_STEP = 0.02
"""From one rate to the next within a segment: so fine that its ends are off by less than half a word."""
_ROUNDING = 1e-6
"""Words by which floating point errs at most, and much more."""
_BLOCK = 64
"""Words whose gains are bounded together."""
_GOOD_GAIN = SPAN_ERROR_BITS - 4.5
"""Bits a word: 4.5 wrong ones of 32, fewer than any two different sounds have for long, noises included."""


@intrinsic
def set_bits(typing, word):  # the processor has an instruction for it; numba has no name for that
    def generate(context, builder, signature, arguments):
        return builder.zext(builder.ctpop(arguments[0]), context.get_value_type(types.int64))

    return types.int64(types.uint32), generate


@compiled
def _on_both(a, offset, rate, low, high):
    """The words of b in [low, high) that a line lays on some word of `a`: [low, high)."""
    low = max(low, int(np.ceil((-0.5 - offset) / rate)) - 1)
    while low < high and np.floor(offset + rate * low + 0.5) < 0:
        low += 1
    high = min(high, int(np.ceil((len(a) - 0.5 - offset) / rate)) + 1)
    while low < high and np.floor(offset + rate * (high - 1) + 0.5) >= len(a):
        high -= 1
    return low, max(low, high)


@compiled
def _is_plain(offset, rate):
    """Whether all words of b are shifted alike, so that arithmetic on whole numbers, eight at a time, is exact."""
    return rate == 1.0 and 2 * offset == np.floor(2 * offset)


@compiled
def _word_gains(a, b, offset, rate, low, high, gains):
    """Write what the words [low, high) of b, which lie on both prints, gain along a line to gains[low:high]."""
    b, gains = b[low:high], gains[low:high]
    if _is_plain(offset, rate):
        shift = int(np.floor(offset + 0.5))
        a = a[low + shift : high + shift]
        for j in range(len(b)):
            gains[j] = SPAN_ERROR_BITS - set_bits(a[j] ^ b[j])
    else:
        for j in range(len(b)):
            i = np.uint64(np.int64(np.floor(offset + rate * (low + j) + 0.5)))  # unsigned: never counted from the end
            gains[j] = SPAN_ERROR_BITS - set_bits(a[i] ^ b[j])


@compiled
def _gain(a, b, offset, rate, low, high):
    """The line's gain over words [low, high) of b, as far as they lie on a."""
    low, high = _on_both(a, offset, rate, low, high)
    gain = SPAN_ERROR_BITS * (high - low)
    if _is_plain(offset, rate):
        shift = int(np.floor(offset + 0.5))
        a, b = a[low + shift : high + shift], b[low:high]
        for j in range(len(b)):
            gain -= set_bits(a[j] ^ b[j])
    else:
        for j in range(low, high):
            gain -= set_bits(a[int(np.floor(offset + rate * j + 0.5))] ^ b[j])
    return gain


@compiled
def _shiftable(a, offset, rate, low, high, first_shift, last_shift, at):
    """Write the numbers of the words of a that a line lays words [low, high) of b on to `at`.

    Returns whether these numbers, shifted, are those of the line so shifted, and all of them on a: they may not be
    where a word lies so close to the border of two that rounding decides.
    """
    for k in range(high - low):
        place = offset + rate * (low + k) + 0.5
        at[k] = int(np.floor(place))
        if not _ROUNDING < place - at[k] < 1 - _ROUNDING:
            return False
    return at[0] + first_shift >= 0 and at[high - low - 1] + last_shift < len(a)


@compiled
def _wrong_at(a, b, at, first_shift, wrong):
    """Write the wrong bits of words b on words at + shift of a to `wrong`, for each shift from `first_shift` on."""
    wrong[:] = 0
    for k in range(len(b)):  # the shifts inside: they are neighbours in memory
        word, part = b[k], a[at[k] + first_shift : at[k] + first_shift + len(wrong)]
        for turn in range(len(wrong)):
            wrong[turn] += set_bits(part[turn] ^ word)


@compiled
def _may_gain(gains, at_least):
    """Whether some interval of `gains` may sum up to `at_least`: an upper bound of Kadane's algorithm, by blocks."""
    running = 0
    for begin in range(0, len(gains), _BLOCK):
        block = gains[begin : begin + _BLOCK]
        total = positive = 0
        for j in range(len(block)):
            gain = np.int64(block[j])
            total += gain
            positive += gain & ~(gain >> 63)  # 0 for negative ones: without a branch, the loop does several at a time
        if running + positive >= at_least:
            return True
        running = max(positive, running + total)
    return False


@compiled
def best_interval(a, b, offset, rate, gains, at_least=1):
    """(gain, low, high): the interval of b in which the line gains most (Kadane's maximum subarray); gain 0 where that
    is less than `at_least`. `gains` (len(b) or more, int16) is work space.

    A word that only repeats the one before, in both prints, adds nothing: a held note or silence is no evidence.
    """
    begin, end = _on_both(a, offset, rate, 0, len(b))
    _word_gains(a, b, offset, rate, begin, end, gains)
    if not _may_gain(gains[begin:end], at_least):
        return 0, 0, 0
    best, best_low, best_high, running, low = 0, 0, 0, 0, begin
    for j in range(begin, end):
        gained = np.int64(gains[j])
        if gained > 0 and j > begin and b[j] == b[j - 1]:
            i = int(np.floor(offset + rate * j + 0.5))
            if a[i] == a[int(np.floor(offset + rate * (j - 1) + 0.5))]:
                gained = 0
        running += gained
        if running <= 0:
            running, low = 0, j + 1
        elif running > best:
            best, best_low, best_high = running, low, j + 1
    return (best, best_low, best_high) if best >= at_least else (0, 0, 0)


@compiled
def follow(a, b, start, stop, diagonal, low_rate, high_rate):
    """(gain, offset, rate, low, high): the best line through a likely place, extended as far as it gains.

    The place is words [start, stop) of b, `diagonal` (or a little more) words further on in a. First a grid of offsets
    and rates within it; then the line is extended, and its rate made finer as it grows longer. Rates stay within
    [low_rate, high_rate].
    """
    middle, best, offset, rate = (start + stop) / 2, -(1 << 40), 0.0, 1.0
    gains, at = np.empty(len(b), np.int16), np.empty(VOTING_SEGMENT_WORDS, np.int64)
    first_shift, last_shift = shifts_tried(start, stop)
    # a whole print is tried at its own tempo
    steps = 0 if stop - start > VOTING_SEGMENT_WORDS else int((high_rate - low_rate) / _RATE_STEP) + 1
    wrong = np.empty(last_shift + 1 - first_shift, np.int64)
    for step in range(steps + 1):
        tried_rate = low_rate + step * (high_rate - low_rate) / steps if steps else 1.0
        shiftable = steps > 0 and _shiftable(
            a, diagonal + (1 - tried_rate) * middle, tried_rate, start, stop, first_shift, last_shift, at
        )
        if shiftable:
            _wrong_at(a, b[start:stop], at, first_shift, wrong)
        for shift in range(first_shift, last_shift + 1):
            tried = diagonal + shift + (1 - tried_rate) * middle
            if shiftable:
                gain = SPAN_ERROR_BITS * (stop - start) - wrong[shift - first_shift]
            else:
                gain = _gain(a, b, tried, tried_rate, start, stop)
            if gain > best:
                best, offset, rate = gain, tried, tried_rate
    best, low, high = best_interval(a, b, offset, rate, gains, PLACE_MIN_GAIN)
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
                    gain, tried_low, tried_high = best_interval(a, b, tried, tried_rate, gains, best + 1)
                    if gain > best:
                        best, low, high, improved = gain, tried_low, tried_high, True
                        best_offset, best_rate = tried, tried_rate
            offset, rate = best_offset, best_rate
    return _simplest(a, b, best, offset, rate, low, high, gains)


@compiled
def _simplest(a, b, gain, offset, rate, low, high, gains):
    """The line at rate 1 and a whole offset instead, where that is about as good: many round to the same words."""
    plain = np.floor(offset + (rate - 1) * (low + high) / 2 + 0.5)
    if abs(rate - 1) * (high - low) <= 2:
        for tried in (plain, plain - 1, plain + 1):
            found, tried_low, tried_high = best_interval(a, b, tried, 1.0, gains)
            if found >= SIMPLER_GAIN * gain:
                return found, tried, 1.0, tried_low, tried_high
    return gain, offset, rate, low, high


@compiled
def _is_sharp(a, b, gain, offset, rate, low, high):
    """Whether a line at the song's own tempo agrees well, and far better than the same one word earlier or later: so no
    other line near it is as good. Held chords agree as well a word away."""
    if not _is_plain(offset, rate) or gain < _GOOD_GAIN * (high - low):
        return False
    return 2 * max(_gain(a, b, offset - 1, rate, low, high), _gain(a, b, offset + 1, rate, low, high)) < gain


@compiled
def best_line(a, words, starts, rates, table, cells, touched):
    """(gain, print, offset, rate, low, high): the line with the largest gain of all prints' likely places, or that of
    the first print, the song as it is, where it is about as good.

    `rates` (prints, 2) float64 are the least and the largest rate of each print's lines. Places are looked for in
    blocks of `a`, so that the work space stays small; a line goes on through all of it.
    """
    first, print_of, position = table
    best = own = (0, 0, 0.0, 1.0, 0, 0)
    sharp = False
    for begin in range(0, len(a), BLOCK_WORDS):
        block = a[begin : begin + BLOCK_WORDS]
        places = likely_places(block, starts, first, print_of, position, cells, touched)
        for at in range(len(places)):
            p, start, stop, diagonal = places[at]
            if sharp and is_on(best, p, start, stop, begin + diagonal):
                continue
            b = words[starts[p] : starts[p + 1]]
            gain, offset, rate, low, high = follow(a, b, start, stop, begin + diagonal, rates[p, 0], rates[p, 1])
            if gain > best[0]:
                best = (gain, p, offset, rate, low, high)
                sharp = _is_sharp(a, b, gain, offset, rate, low, high)
            if p == 0 and gain > own[0]:
                own = (gain, p, offset, rate, low, high)
    return own if own[0] >= SIMPLER_GAIN * best[0] else best


@compiled
def wrong_bits(a, b, offset, rate, low, high):
    """(wrong bits, words compared) of a line over words [low, high) of b, as far as they lie on both prints."""
    wrong = compared = 0
    for j in range(max(low, 0), min(high, len(b))):
        i = int(np.floor(offset + rate * j + 0.5))
        if 0 <= i < len(a):
            wrong += set_bits(a[i] ^ b[j])
            compared += 1
    return wrong, compared


@compiled
def chance_bits(a, b, offset, rate, low, high):
    """Wrong bits a word, of 32, of words [low, high) of b, some of them on `a`, where they lie on wrong places of `a`:
    what the two prints score by chance.

    Each print has a bias of its own, since the bits of Chromaprint compare the energy of neighbouring pitches and
    moments: in two white noises most of them come out alike. So the line is laid over `a` again at CHANCE_SHIFTS even
    distances from where it matches. The words that it passes are turned round as on a circle, so that each shift
    compares as many; near the match, CHANCE_MIN_SHIFT words, the sound is still the same. A short span is compared
    with CHANCE_MIN_WORDS of `a` around it.
    """
    low, high = _on_both(a, offset, rate, max(low, 0), min(high, len(b)))
    first, last = int(np.floor(offset + rate * low + 0.5)), int(np.floor(offset + rate * (high - 1) + 0.5))
    size = min(len(a), max(CHANCE_MIN_WORDS, last + 1 - first))
    begin = min(max(0, (first + last + 1 - size) // 2), len(a) - size)
    nearest, wrong = min(CHANCE_MIN_SHIFT, size // 3), 0
    for turn in range(CHANCE_SHIFTS):
        shift = nearest + turn * (size - 2 * nearest) // (CHANCE_SHIFTS - 1)
        for j in range(low, high):
            i = int(np.floor(offset + rate * j + 0.5)) - begin + shift
            wrong += set_bits(a[begin + (i - size if i >= size else i)] ^ b[j])
    return wrong / (CHANCE_SHIFTS * (high - low))
