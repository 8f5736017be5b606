"""Chromaprint words of algorithm 1 (its number in the API), `fpcalc`'s default, of a sound that comes in pieces.

Written from the publication (Lalinsky: "How does Chromaprint work?", https://oxygene.sk/2011/01/how-does-chromaprint-work)
and the constants in Chromaprint's sources. The words are those of the library but for a bit in some thousands where
sound is silent or a pure tone: the Fourier transforms round differently. A test holds them against ffmpeg's muxer.

The steps: resample to 11,025 Hz, the power of each pitch class in overlapping frames, smooth and normalise it (all
here), and compare areas of that picture (`chromaprint_words`).
"""

from __future__ import annotations

from math import ceil

import numpy as np
from scipy.fft import rfft
from scipy.special import i0

from embedder.chromaprint_words import words
from embedder.compiled import compiled

RATE = 11_025
"""Hz at which Chromaprint listens."""

# --- resampling -------------------------------------------------------------------------------------------------------
CUTOFF = 0.8
"""Where the low-pass falls to a half, as a share of half the lower rate."""
ZEROS = 16
"""Length of the filter in samples of the cutoff's own rate."""
KAISER_BETA = 9.0
PHASES = 256
"""Places between two samples for which there is a filter; the nearest below is taken, nothing is interpolated."""
TAP_BITS = 15
"""A tap is a whole number of 2^-15."""
LOW_CUTOFF, LOW_ZEROS = 0.85, 32
"""The same of a low-pass that leaves alone what Chromaprint hears at any of our speeds, up to 3.9 kHz: a sound is first
brought to RATE by it where it is to be printed at several."""
TAP_GROUP = 32
"""Taps that are summed by straight code; filters are filled up to it with zeros."""

# --- chroma -----------------------------------------------------------------------------------------------------------
FRAME = 4096
HOP = 1365
MIN_HZ, MAX_HZ = 28, 3520
LOWEST_A_HZ = 27.5
CLASSES = 12
FULL_SCALE = 32_767.0
BATCH = 32
"""Frames in one pass: half a megabyte of samples. A frame is always transformed at the same place of a batch, so that
the result does not depend on the pieces in which a sound comes."""


class Print:
    """The words of a mono sound of `rate` Hz, whose samples are added piece by piece."""

    def __init__(self, rate: int) -> None:
        self._resampler = None if rate == RATE else Resampler(rate)
        self._sound = np.zeros(0, np.int16)
        """At RATE, from the first frame on that is not in a whole batch."""
        self._chroma = [np.zeros((0, CLASSES))]

    def add(self, samples: np.ndarray) -> None:
        """Add (any,) int16."""
        if self._resampler is not None:
            samples = self._resampler.resampled(samples)
        self._sound = np.concatenate([self._sound, samples])
        while len(self._sound) >= (BATCH - 1) * HOP + FRAME:
            self._chroma.append(_chroma(self._sound))
            self._sound = self._sound[BATCH * HOP :]

    def words(self) -> np.ndarray:
        """(words,) uint32 of all that was added: one every HOP / RATE s, none for less than 2.8 s."""
        left = max(0, (len(self._sound) - FRAME) // HOP + 1)
        padded = np.concatenate([self._sound, np.zeros(BATCH * HOP + FRAME, np.int16)])
        return words(np.concatenate([*self._chroma, _chroma(padded)[:left]]))


class Resampler:
    """From `rate` Hz to RATE as Chromaprint does it: a windowed sinc in whole numbers, whose low-pass is part of how it
    hears."""

    def __init__(self, rate: int, cutoff: float = CUTOFF, zeros: int = ZEROS) -> None:
        self._rate = rate
        self._filters, self._taps = _filters(rate, cutoff, zeros)
        self._before = (self._taps - 1) // 2  # taps before the middle one
        self.end = np.zeros(self._taps // 2, np.int16)
        """What may be added after a sound, so that it is not shorter by half a filter; Chromaprint does not."""
        self._kept: np.ndarray | None = None  # samples from the first on that is still needed
        self._first = -self._before  # its number in the sound
        self._done = 0  # samples that were made

    def resampled(self, samples: np.ndarray) -> np.ndarray:
        """(any,) int16 at RATE: all that can be told of (any,) int16 more."""
        if self._kept is None:
            samples = np.concatenate([samples[self._before : 0 : -1], samples])  # a mirror stands at the beginning
            self._kept = np.zeros(0, np.int16)
        kept = np.concatenate([self._kept, samples])
        # Sample k stands at k * rate / RATE, and needs what is `taps` from `before` samples before it.
        whole = self._first + len(kept) + self._before - self._taps + 1
        until = max(self._done, -(-whole * RATE // self._rate))
        made = np.empty(until - self._done, np.int16)
        padded = np.concatenate([kept, np.zeros(self._filters.shape[1], np.int16)])
        _resample(padded, self._filters, self._rate, self._done, self._first + self._before, made)
        self._done = until
        start = min(len(kept), until * self._rate // RATE - self._before - self._first)
        self._kept, self._first = kept[start:], self._first + start
        return made


def _filters(rate: int, cutoff: float, zeros: int) -> tuple[np.ndarray, int]:
    """(PHASES, a multiple of TAP_GROUP) int16 filters from `rate` to RATE, and how many taps are not filled up."""
    factor = min(RATE * cutoff / rate, 1.0)
    taps = ceil(zeros / factor)
    times = np.arange(taps) - (taps - 1) // 2 - np.arange(PHASES)[:, None] / PHASES
    inside = np.sqrt(np.maximum(0.0, 1 - (2 * times / taps) ** 2))
    made = np.sinc(times * factor) * i0(KAISER_BETA * inside)
    made *= (1 << TAP_BITS) / made.sum(axis=1, keepdims=True)
    filled = np.zeros((PHASES, -(-taps // TAP_GROUP) * TAP_GROUP), np.int16)
    filled[:, :taps] = np.clip(np.rint(made), -32_768, 32_767)
    return filled, taps


@compiled("void(int16[::1], int16[:, ::1], int64, int64, int64, int16[::1])")
def _resample(samples, filters, rate, first, skipped, made):
    """Fill `made` with the output samples from number `first` on; `samples` begins at number `skipped` less the taps
    before the middle one. Unsigned indices, because signed ones are tested for being negative."""
    flat = filters.ravel()
    taps = np.uint64(filters.shape[1])
    for number in range(np.uint64(len(made))):
        place = (np.uint64(first) + number) * np.uint64(rate * PHASES) // np.uint64(RATE)
        at = place // np.uint64(PHASES) - np.uint64(skipped)
        row = place % np.uint64(PHASES) * taps
        total = np.int32(1 << (TAP_BITS - 1))
        for group in range(taps // np.uint64(TAP_GROUP)):
            left, right = row + group * np.uint64(TAP_GROUP), at + group * np.uint64(TAP_GROUP)
            for tap in range(TAP_GROUP):
                product = np.int32(flat[left + np.uint64(tap)]) * np.int32(samples[right + np.uint64(tap)])
                total = np.int32(total + np.int32(product))
        made[number] = min(max(total >> TAP_BITS, -32_768), 32_767)


def _bins() -> tuple[np.ndarray, np.ndarray]:
    """Runs of bins of one pitch class: (runs + 1,) where they begin, (runs,) their classes, counted from A; int64."""
    bins = np.arange(round(MIN_HZ * FRAME / RATE), round(MAX_HZ * FRAME / RATE))
    octaves = np.log2(bins * RATE / FRAME / LOWEST_A_HZ)
    classes = (CLASSES * (octaves - np.floor(octaves))).astype(np.int64)
    begins = np.flatnonzero(np.diff(classes, prepend=-1))
    return np.append(bins[begins], bins[-1] + 1).astype(np.int64), classes[begins]


_WINDOW = (np.hamming(FRAME) / FULL_SCALE).astype(np.float32)
_BEGINS, _CLASSES = _bins()


def _chroma(sound: np.ndarray) -> np.ndarray:
    """(BATCH, CLASSES) float64: power of each pitch class in the first BATCH frames of a sound at RATE, int16."""
    frames = np.empty((BATCH, FRAME), np.float32)
    _cut(sound, _WINDOW, frames)
    power = np.zeros((BATCH, CLASSES))
    _sum(rfft(frames).view(np.float32), _BEGINS, _CLASSES, power)
    return power


@compiled("void(int16[::1], float32[::1], float32[:, ::1])")
def _cut(sound, window, frames):
    """Fill (any, FRAME) with windowed frames."""
    for number in range(len(frames)):
        frame = sound[number * HOP : number * HOP + FRAME]
        for at in range(FRAME):
            frames[number, at] = frame[at] * window[at]


@compiled("void(float32[:, ::1], int64[::1], int64[::1], float64[:, ::1])", fastmath=True)
def _sum(spectra, begins, classes, power):
    """Add the squares of real and imaginary parts, which take turns in a row, to their classes."""
    for number in range(len(spectra)):
        for run in range(len(classes)):
            total = np.float32(0.0)
            for at in range(2 * begins[run], 2 * begins[run + 1]):
                total += spectra[number, at] * spectra[number, at]
            power[number, classes[run]] += total
