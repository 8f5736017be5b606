"""Two songs' Echoprint codes compared: how many agree at one offset. Arithmetic only.

`embedder.echoprint` makes the codes. As published (Ellis, Whitman, Porter: "Echoprint: an open music identification
service", ISMIR 2011) the codes that two songs have in common vote for a difference of times, and the votes of the best
one count. Added here: an interval may be off by a frame, and a code that a song repeats weighs less, because a drum
pattern would agree with itself at every bar, and with that of any other song of its tempo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nightjar.thresholds import (
    ECHOPRINT_MATCH_SCORE,
    ECHOPRINT_MAX_REPEATS,
    ECHOPRINT_MIN_CODES,
    ECHOPRINT_TOLERANCE,
)

FRAME_S = 256 / 11025
"""Seconds of one unit of the codes' times and intervals."""
SECOND_BITS = 9
"""Bits of a code's second interval: the first interval begins above them."""


@dataclass(frozen=True)
class Agreement:
    """How two songs agree at the offset with the most weight."""

    codes: int
    """Pairs of codes, one of each song, that agree at this offset."""
    offset_s: float
    """Where b begins in a; negative where a begins in b."""
    share: float
    """Share of the distinct codes of the song with fewer of them that agree at this offset, in [0, 1]."""
    score: float
    """The agreeing pairs, each weighing 1 / (times its code occurs in the song that has it more often), divided by the
    square root of the number of codes of the song with fewer. For equal songs the weights sum up to at least the number
    of distinct codes; for different ones the sum grows about as the root."""

    @property
    def matches(self) -> bool:
        """Whether this is one recording. A score below says little of a changed speed or tempo: see the tolerance."""
        return self.score >= ECHOPRINT_MATCH_SCORE


def compare(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> Agreement | None:
    """How well two songs agree; None if one has fewer than ECHOPRINT_MIN_CODES.

    Each song is its codes, uint32 (n,), and their times in frames, uint32 (n,), as `embedder.echoprint.codes` gives
    them. Changing the places of a and b changes the sign of the offset; of equally good offsets another may be taken.
    """
    fewer = min(len(a[0]), len(b[0]))
    if fewer < ECHOPRINT_MIN_CODES:
        return None
    in_a, in_b, weights = _agreeing(a[0], b[0])
    if not len(in_a):
        return Agreement(0, 0.0, 0.0, 0.0)
    difference = a[1][in_a].astype(np.int64) - b[1][in_b].astype(np.int64)
    first = int(difference.min())
    votes = np.bincount(difference - first, weights, minlength=2)
    joined = votes[:-1] + votes[1:]  # the true offset lies between two frames
    best = int(np.argmax(joined))
    here = (difference - first == best) | (difference - first == best + 1)
    place = float(np.average(difference[here], weights=weights[here]))
    agreeing = [np.unique(codes[at[here]]) for codes, at in ((a[0], in_a), (b[0], in_b))]
    distinct = [len(np.unique(codes)) for codes, _ in (a, b)]
    smaller = int(distinct[1] < distinct[0])
    if distinct[0] == distinct[1]:
        smaller = int(len(agreeing[1]) > len(agreeing[0]))
    return Agreement(
        codes=int(np.count_nonzero(here)),
        offset_s=place * FRAME_S,
        share=len(agreeing[smaller]) / distinct[smaller],
        score=float(joined[best]) / fewer**0.5,
    )


def _agreeing(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places in a and in b of all pairs of codes that agree, and the pairs' weights: three arrays of one length."""
    order_a, order_b = np.argsort(a, kind="stable"), np.argsort(b, kind="stable")
    values_a, first_a, count_a = np.unique(a[order_a], return_index=True, return_counts=True)
    values_b, first_b, count_b = np.unique(b[order_b], return_index=True, return_counts=True)
    steps = np.arange(-ECHOPRINT_TOLERANCE, ECHOPRINT_TOLERANCE + 1)
    near = values_b.astype(np.int64) + ((steps[:, None] << SECOND_BITS) + steps).reshape(-1, 1)
    place = np.minimum(np.searchsorted(values_a, near), len(values_a) - 1)
    alike = (values_a[place] == near) & (count_b <= ECHOPRINT_MAX_REPEATS) & (count_a[place] <= ECHOPRINT_MAX_REPEATS)
    from_a, from_b = place[alike], np.nonzero(alike)[1]
    pairs = count_a[from_a] * count_b[from_b]
    which = np.arange(pairs.sum()) - np.repeat(np.cumsum(pairs) - pairs, pairs)  # number of a pair within its two codes
    along_b = np.repeat(count_b[from_b], pairs)
    in_a = order_a[np.repeat(first_a[from_a], pairs) + which // along_b]
    in_b = order_b[np.repeat(first_b[from_b], pairs) + which % along_b]
    return in_a, in_b, np.repeat(1 / np.maximum(count_a[from_a], count_b[from_b]), pairs)
