"""Echoprint codes of a song: the rhythm of its onsets in eight frequency bands.

Written from the publications (Ellis, Whitman, Jehan, Lamere: "The Echoprint music fingerprint", and Ellis, Whitman,
Porter: "Echoprint: an open music identification service", both ISMIR 2011, late-breaking session). Chromaprint
describes harmony, this describes when something begins in each band: a second opinion that fails on other songs. The
codes are not those of the Echo Nest's service: two intervals and the band fill the 20 bits without hashing, so that a
comparison can allow an interval to be off by a frame.

The steps: whiten (linear prediction), split into bands, follow each band's energy, find onsets, code their intervals.
"""

from __future__ import annotations

import itertools

import numpy as np
from numba import njit
from scipy.linalg import solve_toeplitz

RATE = 11_025
"""Hz of the mono samples, as published."""

# --- whitening --------------------------------------------------------------------------------------------------------
LPC_ORDER = 40
"""Poles of the linear prediction, as published: enough to flatten the tuning of a room or of an equaliser."""
LPC_BLOCK = RATE
"""Samples that share a filter: 1 s."""
LPC_DECAY_S = 8.0
"""Time constant with which blocks count in their neighbours' filters: the filter follows the recording's colour and
not its notes."""
LPC_REGULARISER = 1e-4
"""White noise, as a share of the power, that is added before prediction: no line is flattened by more than 40 dB."""

# --- bands ------------------------------------------------------------------------------------------------------------
BANDS = 8
"""Bands of 689 Hz from 0 to 5512 Hz, as published."""
TAPS = 128
HOP = 4
"""Samples from one output of the filter bank to the next."""
HOPS_PER_STEP = 8
"""Outputs averaged into one energy: a step of 2.9 ms."""
STEP_S = HOP * HOPS_PER_STEP / RATE
STEPS_PER_FRAME = 8
"""Steps in one unit of time of a code: 23.2 ms, as published."""
ENERGY_FLOOR = 1e-10
"""Energy below which nothing begins: -100 dB of full scale, less than one step of 16 bits."""

# --- onsets -----------------------------------------------------------------------------------------------------------
SMOOTHING = 4
"""Steps on either side over which an energy is smoothed, Hann-weighted: 12 ms."""
OVERSHOOT = 1.05
"""The threshold jumps to so many times the energy that passed it."""
ONSETS_PER_S = 2.0
"""Onsets in each band that the threshold's decay is steered to. Published: 1. Of altered copies of 20 songs 2 found
more than 1, 1.5 or 3: shorter intervals survive a change of tempo, and a fragment of 5 s has more of them."""
DEAD_S = 0.05
"""Least time between two onsets of a band; 0.08 found a little less."""
RATE_MEMORY_S = 4.0
"""Time constant over which onsets are counted for the steering."""
STEERING = 0.5
"""Relative change of the decay's time constant, per second and per onset a second too many."""
DECAY_S, DECAY_MIN_S, DECAY_MAX_S = 1.0, 0.05, 10.0
"""The decay's time constant at the beginning, and its limits."""
WARM_UP_S = 8.0
"""The beginning is first followed backwards for so long, so that threshold and decay suit the first onsets too: more
fragments of 5 s are found than with 2 s or none."""

# --- codes ------------------------------------------------------------------------------------------------------------
FOLLOWING = 4
"""Onsets after each that make pairs with it: two of four, six codes an onset, as published."""
FIRST_BITS, SECOND_BITS = 8, 9
"""Bits of the first and second interval; with three for the band a code has 20. An onset whose intervals are longer
than 5.9 s and 11.9 s makes no code."""


def codes(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes, uint32 below 2**20, and the times of their onsets, uint32 in frames of 23.2 ms, ordered by time.

    `samples` is mono float32 of shape (n,) at RATE. A code is band << 17 | first << 9 | second: the intervals, in
    frames, from an onset to a later one of its band and from there to a third. Silence, or a sound without three onsets
    in a band, has none.
    """
    energy = _energies(_whitened(np.ascontiguousarray(samples, np.float32)))
    found = [_coded(band, _onsets(energy[:, band])) for band in range(BANDS)]
    made, times = (np.concatenate(each) for each in zip(*found, strict=True))
    order = np.lexsort((made, times))
    return made[order], times[order]


def _whitened(samples: np.ndarray) -> np.ndarray:
    """The error of linear prediction, float32 of the same shape. Each block's filter is a mean of all blocks', weighted
    by their distance in both directions of time, so that cutting off a beginning changes little."""
    edges = np.linspace(0, len(samples), max(1, round(len(samples) / LPC_BLOCK)) + 1).astype(int)
    spans = list(itertools.pairwise(edges))
    correlations = _smoothed(np.stack([_autocorrelation(samples[start:stop]) for start, stop in spans]))
    padded = np.concatenate([np.zeros(LPC_ORDER, np.float32), samples])
    white = np.zeros_like(samples)
    for (start, stop), correlation in zip(spans, correlations, strict=True):
        if correlation[0] <= ENERGY_FLOOR:
            continue
        correlation[0] *= 1 + LPC_REGULARISER
        predictor = solve_toeplitz(correlation[:-1], correlation[1:])
        error = np.concatenate([[1.0], -predictor]).astype(np.float32)
        white[start:stop] = np.convolve(padded[start : stop + LPC_ORDER], error, "valid")
    return white


def _autocorrelation(block: np.ndarray) -> np.ndarray:
    """(LPC_ORDER + 1,) float64: mean products of samples 0 to LPC_ORDER apart."""
    size = 1 << (len(block) + LPC_ORDER).bit_length()
    power = np.abs(np.fft.rfft(block, size)) ** 2
    return np.fft.irfft(power, size)[: LPC_ORDER + 1] / max(1, len(block))


def _smoothed(rows: np.ndarray) -> np.ndarray:
    """Rows (blocks, any) averaged over time with weights that fall exponentially on both sides."""
    keep = float(np.exp(-LPC_BLOCK / RATE / LPC_DECAY_S))
    weighted = np.column_stack([rows, np.ones(len(rows))])  # the last column sums the weights themselves
    before, after = weighted.copy(), weighted.copy()
    for at in range(1, len(rows)):
        before[at] += keep * before[at - 1]
        after[-1 - at] += keep * after[-at]
    total = before + after - weighted
    return total[:, :-1] / total[:, -1:]


def _prototype() -> np.ndarray:
    """(TAPS,) float32: a low-pass of half a band's width, a sinc with a Hann window."""
    times = np.arange(TAPS) - (TAPS - 1) / 2
    taps = np.sinc(times / (2 * BANDS)) * np.hanning(TAPS + 2)[1:-1]
    return (taps / taps.sum()).astype(np.float32)


def _modulation() -> np.ndarray:
    """(BANDS, 2, 2 * BANDS) float32: cosine and sine at the middle of each band, over half of their common period."""
    angles = np.pi / BANDS * (np.arange(BANDS)[:, None] + 0.5) * np.arange(2 * BANDS)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


_PROTOTYPE, _MODULATION = _prototype(), _modulation()


def _energies(white: np.ndarray) -> np.ndarray:
    """(steps, BANDS) float32: mean squared magnitude of each band."""
    steps = max(0, (len(white) - TAPS) // HOP + 1) // HOPS_PER_STEP
    return _filter_bank(white, steps, _PROTOTYPE, _MODULATION)


@njit(fastmath=True)
def _filter_bank(white: np.ndarray, steps: int, prototype: np.ndarray, modulation: np.ndarray) -> np.ndarray:
    """After half a period all modulations change sign, so that the windowed samples are folded before they are
    modulated: the usual polyphase form."""
    half = modulation.shape[2]
    energy = np.zeros((steps, BANDS), np.float32)
    folded = np.empty(half, np.float32)
    for hop in range(steps * HOPS_PER_STEP):
        start = hop * HOP
        for phase in range(half):
            total = np.float32(0.0)
            sign = np.float32(1.0)
            for tap in range(phase, TAPS, half):
                total += sign * prototype[tap] * white[start + tap]
                sign = -sign
            folded[phase] = total
        for band in range(BANDS):
            real, imaginary = np.float32(0.0), np.float32(0.0)
            for phase in range(half):
                real += modulation[band, 0, phase] * folded[phase]
                imaginary += modulation[band, 1, phase] * folded[phase]
            energy[hop // HOPS_PER_STEP, band] += (real * real + imaginary * imaginary) / HOPS_PER_STEP
    return energy


def _onsets(energy: np.ndarray) -> np.ndarray:
    """Steps at which something begins in a band, int64, from its energies (steps,)."""
    if len(energy) <= 2 * SMOOTHING:
        return np.zeros(0, np.int64)
    window = np.hanning(2 * SMOOTHING + 3)[1:-1]
    return _passings(np.convolve(energy, window / window.sum(), "same"), int(WARM_UP_S / STEP_S))


@njit
def _passings(energy: np.ndarray, warm_up: int) -> np.ndarray:
    """Where the energy passes a threshold that decays exponentially and is lifted by each energy above it.

    The decay is steered to ONSETS_PER_S. It is slow where too much passes and quick where too little does.
    """
    found = np.empty(len(energy), np.int64)
    count, last, above = 0, -len(energy), False
    threshold, decay, rate = ENERGY_FLOOR, DECAY_S, ONSETS_PER_S
    forget = np.exp(-STEP_S / RATE_MEMORY_S)
    for step in range(-min(warm_up, len(energy) - 1), len(energy)):
        rate *= forget
        if energy[abs(step)] > threshold:
            threshold = energy[abs(step)] * OVERSHOOT
            if not above and (step - last) * STEP_S >= DEAD_S:
                rate += 1 / RATE_MEMORY_S
                last = step
                if step >= 0:
                    found[count] = step
                    count += 1
            above = True
        else:
            above = False
        decay *= np.exp(STEERING * STEP_S * (rate - ONSETS_PER_S))
        decay = min(max(decay, DECAY_MIN_S), DECAY_MAX_S)
        threshold = max(threshold * np.exp(-STEP_S / decay), ENERGY_FLOOR)
    return found[:count].copy()


def _coded(band: int, onsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes and times of one band's onsets: of each onset with every two of the FOLLOWING ones."""
    made, times = [np.zeros(0, np.uint32)], [np.zeros(0, np.uint32)]
    for third in range(2, FOLLOWING + 1):
        for second in range(1, third):
            begin, middle, end = (onsets[skip : max(0, len(onsets) - third) + skip] for skip in (0, second, third))
            intervals = [np.rint(gap / STEPS_PER_FRAME).astype(np.int64) for gap in (middle - begin, end - middle)]
            short = (intervals[0] < 1 << FIRST_BITS) & (intervals[1] < 1 << SECOND_BITS)
            code = (band << FIRST_BITS | intervals[0]) << SECOND_BITS | intervals[1]
            made.append(code[short].astype(np.uint32))
            times.append((begin[short] // STEPS_PER_FRAME).astype(np.uint32))
    return np.concatenate(made), np.concatenate(times)
