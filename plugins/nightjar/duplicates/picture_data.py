"""What the picture of a pair shows, as numbers: where the bits of two prints agree, and what the parts have to reach.

Arithmetic only; `nightjar.duplicates.picture` draws it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from nightjar.duplicates.match import SPEEDS, WORD_S
from nightjar.duplicates.verdict import Prints
from nightjar.thresholds import SAME_MIX_SIMILARITY, SAME_PART_SIMILARITY, SAME_VOCALS_SIMILARITY

MOST_CELLS = 900
"""Rows and columns of a matrix at most: about the pixels that the picture has for it, so that no line falls between."""
CHANCE_BITS = 16
"""Wrong bits of 32 between words that have nothing to do with each other."""
PARTS = ("mix", "accompaniment", "vocals")
LINES = {
    "mix": {"match": SAME_PART_SIMILARITY, "same": SAME_MIX_SIMILARITY},
    "accompaniment": {"match": SAME_PART_SIMILARITY},
    "vocals": {"same": SAME_VOCALS_SIMILARITY},
}
"""The similarities from which on a part counts as alike, with what that means."""

_WORDS_A_DIAGONAL = 8  # of a block, spread evenly over it: more would cost more and look no different


@dataclass(frozen=True)
class Matrix:
    """Wrong bits of 32 between the words of b (rows) and of a (columns), 0 to 32, from the beginnings of both on."""

    errors: np.ndarray
    a_s: float
    """Seconds of a that the columns are."""
    b_s: float
    """Seconds of b, as it was uploaded, that the rows are."""


@dataclass(frozen=True)
class Span:
    """A stretch that agrees: where it begins and ends in either song, in that song's own seconds."""

    a_s: float
    a_end_s: float
    b_s: float
    b_end_s: float
    similarity: float


@dataclass(frozen=True)
class Excerpt:
    """The log mel spectrogram (frames, bands) of a song from a second on, of so many of its own seconds."""

    mel: np.ndarray
    start_s: float
    seconds: float


@dataclass(frozen=True)
class PictureData:
    """All that is drawn of a pair; in the order of `Pair`."""

    a: str
    b: str
    title: str
    part: str
    """Which part the matrix and the spectrograms are of."""
    matrix: Matrix
    spans: list[Span]
    scores: dict[str, float | None]
    """Similarity of each of PARTS, None where it is not comparable."""
    decided_by: frozenset[str]
    rate: float = 1.0
    """By how much the matrix has b slower than it is."""
    excerpts: list[Excerpt] = field(default_factory=list)
    """Of a and of b; empty where there is no sound."""
    note: str = ""
    """Why there are no excerpts."""


def rate_of(pitch: float) -> float:
    """How much faster a recording runs that sounds so many semitones higher, to the percent that prints are taken at.

    Only this is undone: a song that is faster at its own pitch has its own print, and a diagonal that is steeper.
    """
    return round(2 ** (pitch / 12), 2)


def words_at(song: Prints, part: str, rate: float) -> tuple[np.ndarray, float]:
    """The words of a song's `part` as if it were played `rate` times slower, b at the pitch of a; and that rate.

    A song that has no print at that rate is shown as it is, at rate 1.
    """
    rate = rate if song.speeds and rate in SPEEDS else 1.0
    return getattr(song.at(rate), part), rate


def part_shown(decided_by: frozenset[str]) -> str:
    """The part to look at: the mix, but the accompaniment where that alone decided, as it does on a cover."""
    return "accompaniment" if decided_by == {"accompaniment"} else "mix"


def spans_of(spans: list[dict], speed: float) -> list[Span]:
    """Spans with their ends. Rows say how long one is in a; b plays `speed` times as fast and takes less for it."""
    return [
        Span(
            each["a_s"],
            each["a_s"] + each["seconds"],
            each["b_s"],
            each["b_s"] + each["seconds"] / speed,
            each["similarity"],
        )
        for each in spans
    ]


def matrix(a: np.ndarray, b: np.ndarray, rate: float = 1.0, most: int = MOST_CELLS) -> Matrix:
    """Wrong bits between all words of two prints, of which b's was taken `rate` times slower.

    A long song's words are taken together by blocks. Of a block the best diagonal counts, by its mean: an agreement is
    a diagonal, which the mean of a whole block would drown, and the least of its words is low by chance anywhere.
    """
    block = max(1, -(-max(len(a), len(b)) // most))
    rows = [_row(a, b[at : at + block], block) for at in range(0, len(b), block)]
    errors = np.stack(rows) if rows else np.zeros((0, -(-len(a) // block)), np.float32)
    columns, lines = errors.shape[1] * block, errors.shape[0] * block
    return Matrix(errors, columns * WORD_S, lines * WORD_S / rate)


def _row(a: np.ndarray, words: np.ndarray, block: int) -> np.ndarray:
    """A row of blocks: for every word of a the mean along the diagonal that begins there, then the best of a block."""
    used = np.unique(np.linspace(0, len(words) - 1, _WORDS_A_DIAGONAL).astype(int))
    total = np.zeros(-(-len(a) // block) * block, np.float32)
    for at in used:
        total[: max(len(a) - at, 0)] += np.bitwise_count(a[at:] ^ words[at])
        total[max(len(a) - at, 0) :] += CHANCE_BITS  # past the end of a
    return (total / len(used)).reshape(-1, block).min(axis=1)
