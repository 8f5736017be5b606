"""Integrated loudness after ITU-R BS.1770-4 (EBU R 128) of a song that comes piece by piece; pure arithmetic.

Measured over the samples as they are decoded, so that it is of the whole, however often the file changes its rate or
channels. ffmpeg's own measure begins anew at each change.
"""

from __future__ import annotations

import math

import numpy as np

FLOOR_LUFS = -70.0
"""The scale's absolute gate: what is quieter is not measured."""
_RELATIVE_GATE = 10 ** (-10 / 10)
_PER_BLOCK = 4
"""Steps of 100 ms in one block of 400 ms; blocks begin 100 ms apart."""


_FRAMES = 1 << 16
"""Frames of one Fourier transform, by which the filters are applied: importing scipy's takes longer than most songs."""


class Loudness:
    """Feeds on samples (frames, channels) at `rate`; `lufs` is of all so far."""

    def __init__(self, rate: int, channels: int) -> None:
        self._step = rate // 10
        self._steps = (_FRAMES - rate // 6) // self._step  # after a sixth of a second nothing of the filters rings
        self._history = _FRAMES - self._steps * self._step
        self._response = _k_weighting(rate)[:, None]
        self._samples = np.zeros((self._history, channels), np.float32)
        self._powers: list[np.ndarray] = []

    def add(self, samples: np.ndarray) -> None:
        """The next finite samples."""
        self._samples = np.concatenate([self._samples, samples])
        while len(self._samples) >= _FRAMES:
            self._powers.append(self._weighted(self._samples[:_FRAMES]))
            self._samples = self._samples[_FRAMES - self._history :]

    def _weighted(self, samples: np.ndarray) -> np.ndarray:
        """The power of each step that follows the history in `samples` (up to _FRAMES, channels)."""
        spectrum = np.fft.rfft(samples.astype(np.float64), _FRAMES, axis=0) * self._response
        filtered = np.fft.irfft(spectrum, _FRAMES, axis=0)[self._history :]
        return np.square(filtered).reshape(self._steps, -1).sum(axis=1) / self._step

    @property
    def lufs(self) -> float:
        """Loudness units relative to full scale; FLOOR_LUFS if nothing is above it, or less than 400 ms came."""
        left = (len(self._samples) - self._history) // self._step
        powers = np.concatenate([*self._powers, self._weighted(self._samples)[:left]])
        if len(powers) < _PER_BLOCK:
            return FLOOR_LUFS
        blocks = np.convolve(powers, np.full(_PER_BLOCK, 1 / _PER_BLOCK), "valid")
        heard = blocks[blocks > _power(FLOOR_LUFS)]
        if not len(heard):
            return FLOOR_LUFS
        heard = heard[heard > heard.mean() * _RELATIVE_GATE]
        return max(FLOOR_LUFS, -0.691 + 10 * math.log10(heard.mean()))


def _power(lufs: float) -> float:
    return 10 ** ((lufs + 0.691) / 10)


def _k_weighting(rate: int) -> np.ndarray:
    """What the two filters of BS.1770, a shelf and a high-pass, do to each frequency of a transform.

    The analogue prototypes are those whose coefficients at 48 kHz are the standard's (De Man 2018, as in libebur128).
    """
    gain, quality, k = 3.999843853973347, 0.7071752369554196, math.tan(math.pi * 1681.974450955533 / rate)
    high = 10 ** (gain / 20)
    band = high**0.4996667741545416
    scale = 1 + k / quality + k * k
    shelf = (
        *((high + band * k / quality + k * k) / scale, 2 * (k * k - high) / scale),
        (high - band * k / quality + k * k) / scale,
        *(2 * (k * k - 1) / scale, (1 - k / quality + k * k) / scale),
    )
    quality, k = 0.5003270373238773, math.tan(math.pi * 38.13547087602444 / rate)
    scale = 1 + k / quality + k * k
    high_pass = (1.0, -2.0, 1.0, 2 * (k * k - 1) / scale, (1 - k / quality + k * k) / scale)
    later = np.exp(-2j * np.pi * np.arange(_FRAMES // 2 + 1) / _FRAMES)  # z to the power of -1
    response = np.ones_like(later)
    for b0, b1, b2, a1, a2 in (shelf, high_pass):
        response *= (b0 + later * (b1 + later * b2)) / (1 + later * (a1 + later * a2))
    return response
