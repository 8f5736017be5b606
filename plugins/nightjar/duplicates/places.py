"""Where two prints may agree: words with the same key vote for places. Compiled by numba; arithmetic only.

The search for an offset by votes is AcoustID's; see `match` for what is different.
"""

from __future__ import annotations

import threading

import numpy as np

from nightjar.compiled import compiled
from nightjar.thresholds import OFFSETS_TRIED, VOTING_MAX_REPEATS, VOTING_SEGMENT_WORDS

BLOCK_WORDS = 4096
"""Words of a, 8.5 minutes, in which places are looked for at a time."""
DIAGONALS = 4
"""Offsets in one cell of votes; a place counts the votes of two neighbouring cells."""
_KEY_BITS = 13


@compiled
def _key(word):
    """The bits of a word that vote: the high bits of its thirteen upper two-bit filters, which survive most.

    A filter's two bits are a Gray code: the high one changes only where the value crosses the middle. In 260 copies
    (equaliser, echo, compression, noise, codecs, pitch) the odd bits were wrong in 3 to 10 % of words, the even ones in
    8 to 14 %.
    """
    odd = (word >> np.uint32(1)) & np.uint32(0x55555555)
    odd = (odd | (odd >> np.uint32(1))) & np.uint32(0x33333333)
    odd = (odd | (odd >> np.uint32(2))) & np.uint32(0x0F0F0F0F)
    odd = (odd | (odd >> np.uint32(4))) & np.uint32(0x00FF00FF)
    odd = (odd | (odd >> np.uint32(8))) & np.uint32(0x0000FFFF)
    return np.int64(odd >> np.uint32(16 - _KEY_BITS))


@compiled
def lookup_table(words, starts):
    """For each key the prints and positions of the words that have it: (first, print_of, position), CSR.

    `words` (n,) uint32 are several prints behind each other, print p at [starts[p], starts[p + 1]). Keys that a print
    has more than VOTING_MAX_REPEATS times are left out for it: they would vote for every offset.
    """
    counts = np.zeros((1 << _KEY_BITS) + 1, np.int32)
    useful = np.zeros(len(words), np.bool_)
    repeats = np.zeros(1 << _KEY_BITS, np.int32)
    for p in range(len(starts) - 1):
        for at in range(starts[p], starts[p + 1]):
            repeats[_key(words[at])] += 1
        for at in range(starts[p], starts[p + 1]):
            useful[at] = repeats[_key(words[at])] <= VOTING_MAX_REPEATS
            counts[_key(words[at]) + 1] += useful[at]
        for at in range(starts[p], starts[p + 1]):
            repeats[_key(words[at])] = 0
    first = np.cumsum(counts).astype(np.int32)
    free = first[:-1].copy()
    print_of = np.empty(first[-1], np.int32)
    position = np.empty(first[-1], np.int32)
    for p in range(len(starts) - 1):
        for at in range(starts[p], starts[p + 1]):
            if useful[at]:
                key = _key(words[at])
                print_of[free[key]] = p
                position[free[key]] = at - starts[p]
                free[key] += 1
    return first, print_of, position


@compiled
def _insert(ranked, places, worth, place):
    """Put a place, which is better than the last of them, among the best."""
    rank = len(ranked) - 1
    while rank > 0 and ranked[rank - 1] < worth:
        ranked[rank] = ranked[rank - 1]
        places[rank] = places[rank - 1]
        rank -= 1
    ranked[rank] = worth
    for column in range(4):
        places[rank, column] = place[column]


@compiled
def likely_places(a, starts, first, print_of, position, cells, touched):
    """Places worth a look, best first, as rows (print, first word, last word + 1, offset): segments, then whole prints.

    Each word of `a` votes, for each word of a print with the same key, twice: for the offset over the whole print, and
    for the offset over the segment of VOTING_SEGMENT_WORDS that the word lies in. The first finds the weakest
    agreement, where the tempo is the same; the second finds any tempo. Of both the OFFSETS_TRIED with the most votes
    beyond chance are kept. `cells` (uint16, all zero, and so again afterwards) and `touched` (int64) are work space.
    """
    prints = len(starts) - 1
    longest = 0
    for p in range(prints):
        longest = max(longest, starts[p + 1] - starts[p])
    segments = longest // VOTING_SEGMENT_WORDS + 1
    bins = (len(a) + VOTING_SEGMENT_WORDS) // DIAGONALS + 3
    offsets = len(a) + longest + 2
    lines = prints * segments * bins  # votes for whole prints lie behind those for segments
    many = total = 0
    for i in range(len(a)):
        key = _key(a[i])
        for entry in range(first[key], first[key + 1]):
            p, at = print_of[entry], position[entry]
            segment = at // VOTING_SEGMENT_WORDS
            diagonal = i - at + (segment + 1) * VOTING_SEGMENT_WORDS
            total += 1
            for cell in (
                (p * segments + segment) * bins + diagonal // DIAGONALS + 1,
                lines + p * offsets + i - at + longest + 1,
            ):
                if cells[cell] == 0:
                    touched[many] = cell
                    many += 1
                cells[cell] += 1
    worth = np.zeros((2, OFFSETS_TRIED))
    places = np.zeros((2, OFFSETS_TRIED, 4), np.int64)
    chance = total / max(1.0, len(a) * float(starts[prints]))  # votes for a pair of words
    for t in range(many):
        cell = touched[t]
        votes = int(cells[cell]) + int(cells[cell + 1])
        if votes < 2:
            continue
        if cell < lines:
            rest, column = divmod(cell, bins)
            p, segment = divmod(rest, segments)
            start = segment * VOTING_SEGMENT_WORDS
            stop = min(starts[p + 1] - starts[p], start + VOTING_SEGMENT_WORDS)
            if votes > worth[0, -1]:
                offset = column * DIAGONALS - VOTING_SEGMENT_WORDS - start
                _insert(worth[0], places[0], float(votes), (p, start, stop, offset))
        else:
            p, place = divmod(cell - lines, offsets)
            length, offset = starts[p + 1] - starts[p], place - longest - 1
            expected = 2 * chance * (min(len(a), offset + length) - max(0, offset))
            surplus = (votes - expected) / np.sqrt(expected + 1)
            if surplus > worth[1, -1]:
                _insert(worth[1], places[1], surplus, (p, 0, length, offset))
    for t in range(many):
        cells[touched[t]] = 0
    found = np.empty((2 * OFFSETS_TRIED, 4), np.int64)
    kept = 0
    for kind in range(2):
        for rank in range(OFFSETS_TRIED):
            if worth[kind, rank] > 0:
                found[kept] = places[kind, rank]
                kept += 1
    return found[:kept]


@compiled
def shifts_tried(start, stop):
    """The first and the last offset beyond a likely place's own that are tried: of a segment, or of a whole print."""
    return (-1, 2) if stop - start > VOTING_SEGMENT_WORDS else (-2, 2 * DIAGONALS + 1)


@compiled
def is_on(line, p, start, stop, diagonal):
    """Whether a line (gain, print, offset, rate, low, high) at the song's own tempo passes through a likely place, so
    that following the place would lead to it again: a copy has a dozen such places."""
    _, print_, offset, _, low, high = line
    first_shift, last_shift = shifts_tried(start, stop)
    inside = (low <= start and stop <= high) or stop - start > VOTING_SEGMENT_WORDS
    return p == print_ and inside and first_shift <= offset - diagonal <= last_shift


_own = threading.local()


def work_space(starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`cells` and `touched` that are large enough for any song against these prints: one pair a thread, used again and
    again, since a comparison leaves it as it found it."""
    prints, longest = len(starts) - 1, int(np.diff(starts).max(initial=0))
    segments = longest // VOTING_SEGMENT_WORDS + 1
    cells = prints * segments * ((BLOCK_WORDS + VOTING_SEGMENT_WORDS) // DIAGONALS + 3)
    cells += prints * (BLOCK_WORDS + longest + 2) + 1
    if len(getattr(_own, "cells", ())) < cells:
        _own.cells, _own.touched = np.zeros(cells, np.uint16), np.empty(cells, np.int64)
    return _own.cells, _own.touched
