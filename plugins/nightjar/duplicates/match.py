"""Two Chromaprint fingerprints laid over each other at the offset where they agree best. Arithmetic only.

A fingerprint is an array of uint32 words, one every WORD_S seconds. The search for the offset is AcoustID's (Lukáš
Lalinský, acoustid-server, `fingerprint_compare`): the words' top bits vote for offsets. Unlike there the offset is not
limited, several of the best are tried bit by bit, and what counts is the span in which the two agree, so that a
fragment of a song or a song with something else before it is found for what it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nightjar.thresholds import (
    MIN_DISTINCT_SHARE,
    MIN_DISTINCT_WORDS,
    MIN_OVERLAP_WORDS,
    OFFSETS_TRIED,
    SPAN_ERROR_BITS,
    VOTING_BITS,
    VOTING_MAX_REPEATS,
)

WORD_S = 1365 / 11025
"""Seconds from one word to the next: a third of a frame of 4096 samples at 11,025 Hz."""
FIRST_WORD_S = (4096 + 19 * 1365) / 11025
"""Seconds of sound that the first word needs: 20 frames, for chroma smoothing (5) and the image filters (16)."""


@dataclass(frozen=True)
class Alignment:
    """Where two prints agree: words [start, start + length) of a with those of b, `offset` words earlier."""

    offset: int
    """Where b begins in a, in words; negative where a begins in b."""
    start: int
    length: int
    similarity: float
    """1 - bit error rate within the span: 1 for the same bits, about 0.5 for unrelated ones."""
    share: float
    """The span's share of the shorter print, in (0, 1]."""

    @property
    def offset_s(self) -> float:
        return self.offset * WORD_S

    @property
    def length_s(self) -> float:
        """Seconds of sound that the span's words describe."""
        return FIRST_WORD_S + (self.length - 1) * WORD_S

    @property
    def gain(self) -> float:
        """Bits by which the span agrees better than SPAN_ERROR_BITS a word: the evidence for this alignment."""
        return self.length * (SPAN_ERROR_BITS - 32 * (1 - self.similarity))


def align(a: np.ndarray, b: np.ndarray) -> Alignment | None:
    """The alignment of two prints with the most evidence, or None where they are not comparable.

    `a` and `b` are uint32 of any length. Not comparable are prints that share no word, overlap in fewer than
    MIN_OVERLAP_WORDS, or repeat so few words (silence, a test tone) that agreeing means nothing.
    """
    best = None
    if min(len(a), len(b)) < MIN_OVERLAP_WORDS:
        return None
    for offset in _likely_offsets(a, b):
        found = _best_span(a, b, int(offset))
        if found and (best is None or found.gain > best.gain):
            best = found
    if best is None:
        return None
    stop = best.start + best.length
    spans = a[best.start : stop], b[best.start - best.offset : stop - best.offset]
    return None if any(map(_is_monotonous, spans)) else best


def similarity(a: np.ndarray, b: np.ndarray, at: Alignment) -> float | None:
    """1 - bit error rate of two other prints of the same two songs over the span `at`; None if they don't reach it."""
    low, high = max(at.start, at.offset, 0), min(at.start + at.length, len(a), at.offset + len(b))
    if high - low < min(MIN_OVERLAP_WORDS, at.length):
        return None
    return 1.0 - float(_errors(a, b, at.offset, low, high).mean()) / 32


def _is_monotonous(words: np.ndarray) -> bool:
    distinct = 1 + np.count_nonzero(np.diff(np.sort(words)))
    return distinct < MIN_DISTINCT_WORDS or distinct < MIN_DISTINCT_SHARE * len(words)


def _likely_offsets(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Up to OFFSETS_TRIED offsets of b in a, by how many more words vote for them than chance would."""
    keys_a, keys_b = ((print_ >> np.uint32(32 - VOTING_BITS)).astype(np.uint16) for print_ in (a, b))
    order = np.argsort(keys_a, kind="stable")
    counts = np.bincount(keys_a, minlength=1 << VOTING_BITS)
    first, times = (np.cumsum(counts) - counts)[keys_b], counts[keys_b]
    times[times > VOTING_MAX_REPEATS] = 0  # a word that is everywhere votes for every offset
    total = int(times.sum())
    if not total:
        return np.zeros(0, dtype=np.int64)
    in_b = np.repeat(np.arange(len(b)), times)
    in_a = order[np.arange(total) - np.repeat(np.cumsum(times) - times, times) + np.repeat(first, times)]
    votes = np.bincount(in_a - in_b + len(b) - 1, minlength=len(a) + len(b) - 1).astype(np.float64)
    votes = np.convolve(votes, np.ones(3), "same")  # the true offset mostly lies between two words
    offsets = np.arange(1 - len(b), len(a))
    overlap = np.minimum(len(a), offsets + len(b)) - np.maximum(0, offsets)
    chance = 3 * total / (len(a) * len(b)) * overlap
    surplus = np.where(overlap >= MIN_OVERLAP_WORDS, (votes - chance) / np.sqrt(chance + 1), -np.inf)
    best = np.argsort(-surplus, kind="stable")[:OFFSETS_TRIED]
    return offsets[best[surplus[best] > 0]]


def _best_span(a: np.ndarray, b: np.ndarray, offset: int) -> Alignment | None:
    """The span with the largest gain at one offset: the maximum-sum interval (Kadane), None if none is positive."""
    low, high = max(0, offset), min(len(a), offset + len(b))
    errors = _errors(a, b, offset, low, high)
    total = np.concatenate([[0], np.cumsum(SPAN_ERROR_BITS - errors.astype(np.int64))])
    lowest = np.minimum.accumulate(total)
    end = int(np.argmax(total - lowest))
    start = int(np.argmin(total[: end + 1]))
    if end - start < MIN_OVERLAP_WORDS:
        return None
    agree = 1.0 - float(errors[start:end].mean()) / 32
    return Alignment(offset, low + start, end - start, agree, (end - start) / min(len(a), len(b)))


def _errors(a: np.ndarray, b: np.ndarray, offset: int, low: int, high: int) -> np.ndarray:
    """(high - low,) wrong bits of each word of a[low:high] against b at `offset`."""
    return np.bitwise_count(a[low:high] ^ b[low - offset : high - offset])
