"""Basic operations on sound: envelopes, filters, room, a mixing desk. Pure; float64, RATE samples a second."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

RATE = 44_100


def clock(seconds: float) -> np.ndarray:
    """Sample times in seconds."""
    return np.arange(int(seconds * RATE)) / RATE


def fade(samples: np.ndarray, attack: float, release: float) -> np.ndarray:
    """`samples` (n,) with a straight fade in and out of so many seconds, at most a half each."""
    out = samples.copy()
    for seconds, side in ((attack, 1), (release, -1)):
        length = min(int(seconds * RATE), len(out) // 2)
        if length:
            out[::side][:length] *= np.linspace(0.0, 1.0, length)
    return out


def band(samples: np.ndarray, low: float = 0.0, high: float = 0.0) -> np.ndarray:
    """Second-order Butterworth above `low` Hz and below `high` Hz; 0 leaves that side open."""
    for edge, kind in ((low, "highpass"), (high, "lowpass")):
        if edge:
            samples = sosfilt(_butter(edge, kind), samples, axis=0)
    return samples


@lru_cache(maxsize=256)
def _butter(edge: float, kind: str) -> np.ndarray:
    return butter(2, edge, kind, fs=RATE, output="sos")


@lru_cache(maxsize=8)
def _room(seconds: float) -> np.ndarray:
    """A stereo impulse response (n, 2): noise that dies by 60 dB in `seconds`."""
    rng = np.random.default_rng(60)
    t = clock(seconds)
    response = rng.standard_normal((len(t), 2)) * np.exp(-6.9 * t / seconds)[:, None]
    response = band(response, 200.0, 6000.0)
    return response / np.sqrt(np.sum(response**2) / 2)


def reverb(stereo: np.ndarray, seconds: float, wet: float) -> np.ndarray:
    """`stereo` (n, 2) with `wet` times its own reverberation added; the same length."""
    tail = fftconvolve(stereo, _room(seconds), axes=0)[: len(stereo)]
    return stereo + wet * tail


class Desk:
    """A stereo buffer (n, 2) of a fixed length that sounds are added to; what runs over the end is cut."""

    def __init__(self, seconds: float) -> None:
        self.stereo = np.zeros((int(seconds * RATE), 2))

    def add(self, samples: np.ndarray, at: float, gain: float = 1.0, pan: float = 0.0) -> None:
        """Add mono `samples` `at` seconds; `pan` from -1 (left) to 1, of equal power."""
        start = round(at * RATE)
        part = samples[: max(0, len(self.stereo) - start)] * gain
        angle = (pan + 1) * np.pi / 4
        self.stereo[start : start + len(part)] += part[:, None] * np.array([np.cos(angle), np.sin(angle)])


def level(samples: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(samples**2)))


def master(stereo: np.ndarray, loudness: float = 0.11) -> np.ndarray:
    """The finished mix: RMS `loudness`, peaks rounded off below full scale, the last 0.6 s faded out."""
    loud = stereo * (loudness / max(level(stereo), 1e-9))
    loud = np.tanh(1.1 * loud) / 1.1
    return np.stack([fade(side, 0.005, 0.6) for side in loud.T], axis=1)
