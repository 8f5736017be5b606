"""Where two songs agree: spans of two Chromaprint prints that lie over each other, at any offset, tempo and pitch.

A print is an array of uint32 words, one every WORD_S seconds. The younger song's prints at several speeds (its sound
played slower and faster) meet the older one's print: at the speed that undoes an alteration the pitches agree. Words
with the same key vote for a place, as in AcoustID's search for the offset (Lukáš Lalinský, acoustid-server,
`fingerprint_compare`), but for a print and a segment of it too, so that neither a limit on the offset nor a constant
tempo is needed. From the best places a line is followed through both prints, which may run a little faster in one; what
counts is how much better than SPAN_ERROR_BITS its words agree (the maximum-scoring segment of Karlin and Altschul,
Methods for assessing the statistical significance of molecular sequence features, 1990). What two prints agree by
chance is measured on the prints themselves: two white noises are never as unlike as two songs.
Arithmetic only; the loops are in `places` and `lines`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nightjar.duplicates.lines import best_line, chance_bits, wrong_bits
from nightjar.duplicates.loops import loop_bits
from nightjar.duplicates.places import lookup_table, work_space
from nightjar.thresholds import (
    ALTERED_MIN_CHANGE,
    GAIN_PER_WORD,
    GAIN_PER_WORD_ALTERED,
    INFORMATIVE_FLIPS,
    MATCH_MIN_GAIN,
    MAX_SPANS,
    MIN_CHANCE_BITS,
    MIN_DISTINCT_SHARE,
    MIN_DISTINCT_WORDS,
    MIN_OVERLAP_WORDS,
    PRINT_SPEEDS,
    RATE_MARGIN,
    SPAN_ERROR_BITS,
    SPAN_MIN_GAIN,
    TEMPO_MARGIN,
    USUAL_CHANCE_BITS,
)

WORD_S = 1365 / 11025
"""Seconds from one word to the next: a third of a frame of 4096 samples at 11,025 Hz."""
FIRST_WORD_S = (4096 + 19 * 1365) / 11025
"""Seconds of sound that the first word needs: 20 frames, for chroma smoothing (5) and the image filters (16)."""
SPEEDS = (1.0, *(1 + percent / 100 for percent in PRINT_SPEEDS))
"""The speeds that prints of the younger song undo; the first is the song as it is."""
_LEAST_S = MIN_OVERLAP_WORDS * WORD_S
"""Less is not compared."""
_LAG = 4
"""Words, half a second, over which change is measured: neighbouring words share most of their sound."""


@dataclass(frozen=True)
class Span:
    """Words [start, start + length) of b's print at `speed` agree with a's from word `start_a` on."""

    speed: float
    """How much faster than a's pitch b's is: b's print was taken with this undone."""
    start_a: float
    start: int
    length: int
    rate: float
    """Words of a for a word of b's print."""
    similarity: float
    """1 - bit error rate: 1 for the same bits, about 0.5 for unrelated ones."""
    information: float
    """In (0, 1]: how much the words change along the span; little in held chords, which agree by chance."""
    chance: float = USUAL_CHANCE_BITS
    """Wrong bits a word that the two prints have around the span where they do not match: see `lines.chance_bits`. If
    they agree because both play one loop, those at the best other place: see `loops`."""

    @property
    def agreement(self) -> float:
        """Bits by which the span agrees better than SPAN_ERROR_BITS a word, as far as they carry information."""
        return self._gained(1.0)

    @property
    def gain(self) -> float:
        """The agreement, where it is more than chance.

        SPAN_ERROR_BITS suits prints that differ by USUAL_CHANCE_BITS a word where they do not match. Where chance gives
        fewer wrong bits, each weighs as much more: what counts is their share of those that chance would give. Sound
        that changes little has less information and fewer wrong bits by chance, for one and the same reason, and must
        not pay for it twice: so the weight falls with the root of the information. Of 34,980 pairs of different
        look-alikes none is false then, and 15 are with the information itself in place of its root; without either a
        true copy of held chords, a semitone lower, is lost.
        """
        chance = min(max(self.chance, MIN_CHANCE_BITS), USUAL_CHANCE_BITS)
        return self._gained(max(1.0, USUAL_CHANCE_BITS / chance * math.sqrt(self.information)))

    @property
    def excess(self) -> float:
        """Bits that the span gains beyond what is asked of one of its length: from 0 on it is evidence."""
        return self.gain - self._asked

    @property
    def is_chance(self) -> bool:
        """Whether it would be evidence if chance did not give so much."""
        return self.excess < 0 <= self.agreement - self._asked

    @property
    def _asked(self) -> float:
        """Held chords and loops agree for long, so that more is asked of long spans."""
        unaltered = self.speed == 1 and abs(self.rate - 1) <= max(ALTERED_MIN_CHANGE, 1 / self.length)
        return MATCH_MIN_GAIN + (GAIN_PER_WORD if unaltered else GAIN_PER_WORD_ALTERED) * self.length

    def _gained(self, weight: float) -> float:
        return self.length * (SPAN_ERROR_BITS - 32 * (1 - self.similarity) * weight) * self.information

    @property
    def tempo(self) -> float:
        """How much faster b runs than a."""
        return self.rate * self.speed

    @property
    def a_s(self) -> float:
        """Second of a at which the span begins."""
        return self.start_a * WORD_S

    @property
    def b_s(self) -> float:
        """Second of b at which the span begins, as b plays."""
        return self.start * WORD_S / self.speed

    @property
    def seconds(self) -> float:
        """Seconds of a that the span's words describe."""
        return FIRST_WORD_S + (self.length - 1) * WORD_S * self.rate


class Query:
    """The younger song's prints at some speeds, made ready to be compared with many songs."""

    def __init__(self, prints: Sequence[np.ndarray], speeds: Sequence[float] = SPEEDS) -> None:
        """`prints` (uint32 each) were taken with `speeds` undone, as many of them as there are prints."""
        self.prints = [np.ascontiguousarray(each, np.uint32) for each in prints]
        self._speeds = tuple(speeds[: len(self.prints)])
        self._starts = np.concatenate([[0], np.cumsum([len(each) for each in self.prints])]).astype(np.int64)
        self._words = np.concatenate([*self.prints, np.zeros(0, np.uint32)])
        self._rates = np.array([_rates(speed) for speed in self._speeds])
        self._table = lookup_table(self._words, self._starts)

    def best(self, a: np.ndarray) -> Span | None:
        """The span with the largest gain in words of `a`, whatever the speed; None where nothing agrees."""
        found = best_line(a, self._words, self._starts, self._rates, self._table, *work_space(self._starts))
        _, which, offset, rate, low, high = found
        if high - low < MIN_OVERLAP_WORDS:
            return None
        b = self.prints[which]
        wrong, compared = wrong_bits(a, b, offset, rate, low, high)
        start_a = offset + rate * low
        found = Span(
            speed=self._speeds[which],
            start_a=start_a,
            start=low,
            length=high - low,
            rate=rate,
            similarity=1 - wrong / (32 * compared),
            information=min(_information(a, start_a, start_a + rate * (high - low)), _information(b, low, high)),
            chance=chance_bits(a, b, offset, rate, low, high),
        )
        if found.excess < 0:
            return found
        return replace(found, chance=min(found.chance, loop_bits(a, b, offset, rate, low, high, wrong / compared)))

    def at(self, speed: float) -> np.ndarray:
        """The print with `speed`, one of its own, undone."""
        return self.prints[self._speeds.index(speed)]

    def beyond_chance(self, a: np.ndarray) -> Span | None:
        """The best span; where that is one of chance, as two noises have, the best before or after it, if it exceeds
        more: a song may follow minutes of rain. MAX_SPANS places are looked at."""
        found, parts = None, [(0.0, len(self.prints[0]) * WORD_S / self._speeds[0])]
        for _ in range(MAX_SPANS):
            if not parts:
                break
            parts.sort(key=lambda part: part[1] - part[0])
            low_s, high_s = parts.pop()
            span = self._best_between(a, low_s, high_s)
            if span is None:
                continue
            if found is None or span.excess > found.excess:
                found = span
            if span.excess >= 0:
                break
            if span.is_chance:
                end_s = span.b_s + span.length * WORD_S / span.speed
                parts += [each for each in ((low_s, span.b_s), (end_s, high_s)) if each[1] - each[0] >= _LEAST_S]
        return found

    def _best_between(self, a: np.ndarray, low_s: float, high_s: float) -> Span | None:
        """The best span in some seconds of the song, as it plays."""
        if low_s <= 0 and len(self.prints[0]) * WORD_S / self._speeds[0] <= high_s:
            return self.best(a)
        first = {speed: round(low_s * speed / WORD_S) for speed in self._speeds}
        parts = [self.at(speed)[at : round(high_s * speed / WORD_S)] for speed, at in first.items()]
        span = Query(parts, self._speeds).best(a)
        return span and replace(span, start=span.start + first[span.speed])


def spans(a: np.ndarray, query: Query) -> list[Span]:
    """Where `a` (uint32) and the song of the query agree: the span with the largest gain, then others at its speed
    before and after it in b, each with SPAN_MIN_GAIN, in order of their gain.

    Empty for prints that are not comparable: shorter than MIN_OVERLAP_WORDS, or of silence.
    """
    if len(a) < MIN_OVERLAP_WORDS or len(query.prints[0]) < MIN_OVERLAP_WORDS:
        return []
    a = np.ascontiguousarray(a, np.uint32)
    best = query.beyond_chance(a)
    if best is None:
        return []
    words = query.at(best.speed)
    if _is_monotonous(words[best.start : best.start + best.length]):
        return []
    found, gaps = [best], [(0, best.start), (best.start + best.length, len(words))]
    while gaps and len(found) < MAX_SPANS and best.gain >= SPAN_MIN_GAIN:
        low, high = gaps.pop()
        if high - low < MIN_OVERLAP_WORDS:
            continue
        part = Query([words[low:high]], [best.speed]).beyond_chance(a)
        if part is not None and part.gain >= SPAN_MIN_GAIN:
            part = replace(part, start=part.start + low)
            found.append(part)
            gaps += [(low, part.start), (part.start + part.length, high)]
    return sorted(found, key=lambda span: (-span.gain, span.start))


def similarity(a: np.ndarray, b: np.ndarray, at: Sequence[Span]) -> float | None:
    """1 - bit error rate of other prints of the same two songs over the spans, `b` at the spans' speed; None if they
    are shorter than the spans by half or more (a part that is silent has no words)."""
    wrong = compared = 0
    for span in at:
        offset = span.start_a - span.rate * span.start
        found = wrong_bits(a, b, offset, span.rate, span.start, span.start + span.length)
        wrong, compared = wrong + found[0], compared + found[1]
    if not compared or compared < 0.5 * sum(span.length for span in at):
        return None
    return 1 - wrong / (32 * compared)


def _is_monotonous(words: np.ndarray) -> bool:
    distinct = len(set(words.tolist()))  # numpy sorts them
    return distinct < MIN_DISTINCT_WORDS or distinct < MIN_DISTINCT_SHARE * len(words)


def _rates(speed: float) -> tuple[float, float]:
    """The least and the largest words of a for one of b's print at a speed.

    Who changes the pitch by s changes the tempo as much, or not at all; who leaves the pitch may change the tempo.
    """
    margin = TEMPO_MARGIN if speed == 1 else RATE_MARGIN
    return (min(1.0, speed) - margin) / speed, (max(1.0, speed) + margin) / speed


def _information(words: np.ndarray, start: float, stop: float) -> float:
    """How much words [start, stop) change: bits that differ from the fourth word before, of INFORMATIVE_FLIPS, in
    (0, 1]. Held chords change little, and so agree with other held chords for long."""
    part = words[max(0, int(start)) : max(0, int(np.ceil(stop)))]
    if len(part) <= _LAG:
        return 1.0
    flips = int(np.bitwise_count(part[_LAG:] ^ part[:-_LAG]).sum()) / (len(part) - _LAG)
    return min(1.0, flips / INFORMATIVE_FLIPS)
