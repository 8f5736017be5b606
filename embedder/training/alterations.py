"""What happens to a song on its way to us, done to its mel spectrogram: gain, equaliser, noise, codec, pitch, tempo,
leftovers of vocals.

Sources add up in power, so that all of it is arithmetic on mel power, hundreds of times cheaper than on samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from embedder import signal

VOICES = 512
"""Made-up snatches of singing that leftovers are drawn from."""


@dataclass(frozen=True)
class Alterations:
    """How far patches are altered. A pair of levels is the range in dB, relative to the patch, of what is added."""

    stretch: float
    """Tempo and pitch change by at most this factor, each by itself and each for half of the patches."""
    music: tuple[float, float, float]
    """Share of the patches that other music is added to, and its level."""
    singing: tuple[float, float, float]
    noise: tuple[float, float, float]
    equaliser: float
    """Standard deviation in dB of each of the four waves that make up the curve."""
    cut_off: float
    """Share of the patches that lose what is above 3.5 to 8 kHz."""
    gain: tuple[float, float, float]
    codec: float
    """dB of deviation that a codec leaves in each band and frame, at most."""

    @property
    def frames(self) -> int:
        """Of the context from which any altered patch is made."""
        return int(np.ceil(signal.PATCH_FRAMES * self.stretch)) + 1


SLIGHT = Alterations(
    stretch=1.06,  # a semitone
    music=(0.1, -25, -12),
    singing=(0.4, -25, 0),
    noise=(0.4, -35, -12),
    equaliser=1.0,
    cut_off=0.15,
    gain=(0.7, -12, 8),
    codec=1.5,
)
"""What leaves a song the same: the embedding should hardly change."""
WIDE = Alterations(
    stretch=1.3,
    music=(0.6, -12, 0),
    singing=(0.3, -12, 6),
    noise=(0.15, -30, -5),
    equaliser=3.0,
    cut_off=0.15,
    gain=(1.0, -18, 10),
    codec=0.0,
)
"""What makes other music out of the music that there is: the embedding should become what the teacher says of it."""


def altered(
    context: np.ndarray, others: np.ndarray, chance: np.random.Generator, how: Alterations = SLIGHT
) -> np.ndarray:
    """Patches (n, signal.PATCH_FRAMES, signal.N_MELS) of log mel `context` (n, how.frames, N_MELS), each altered in
    its own way; `others` (n, PATCH_FRAMES, N_MELS) are patches of other songs that may be added. All float32.

    A context of PATCH_FRAMES keeps its tempo and pitch.
    """
    n = len(context)
    power = _power(context if context.shape[1] == signal.PATCH_FRAMES else _warped(context, chance, how))
    loud = power.mean(axis=(1, 2)) + 1e-12
    power = _mixed(power, loud, _power(others), _some(chance, n, *how.music))
    power = _mixed(power, loud, _voices()[chance.integers(VOICES, size=n)], _some(chance, n, *how.singing))
    power = _mixed(power, loud, _noise(n, chance), _some(chance, n, *how.noise))
    power *= _equaliser(n, chance, how.equaliser) * _cut_off(n, chance, how.cut_off)
    power *= _decibel(_some(chance, n, *how.gain, otherwise=0.0))[:, None, None]
    power *= _decibel(chance.normal(0, chance.uniform(0, how.codec, (n, 1, 1)), power.shape))
    return np.log10(np.float32(signal.LOG_GAIN) * power + np.float32(1)).astype(np.float32)


def _power(log_mel: np.ndarray) -> np.ndarray:
    return ((10.0**log_mel - 1) / signal.LOG_GAIN).astype(np.float32)


def _decibel(value: np.ndarray) -> np.ndarray:
    return (10.0 ** (value / 10)).astype(np.float32)


def _some(
    chance: np.random.Generator, n: int, share: float, low: float, high: float, otherwise: float = -200.0
) -> np.ndarray:
    """dB for each of n: drawn for a share of them, `otherwise` for the rest."""
    return np.where(chance.random(n) < share, chance.uniform(low, high, n), otherwise)


def _mixed(power: np.ndarray, loud: np.ndarray, added: np.ndarray, level: np.ndarray) -> np.ndarray:
    """`added` on top of `power`, at so many dB relative to it."""
    scale = loud * _decibel(level) / (added.mean(axis=(1, 2)) + 1e-12)
    return power + added * scale[:, None, None]


def _warped(context: np.ndarray, chance: np.random.Generator, how: Alterations) -> np.ndarray:
    """Another tempo and another pitch for half of the patches, each by itself; the middle of the rest."""
    n = len(context)
    changes = np.exp(chance.uniform(-1, 1, (n, 2)) * np.log(how.stretch) * (chance.random((n, 2)) < 0.5))
    out = np.empty((n, signal.PATCH_FRAMES, signal.N_MELS), np.float32)
    steps = np.arange(signal.PATCH_FRAMES) - (signal.PATCH_FRAMES - 1) / 2
    middle = (context.shape[1] - 1) / 2
    for each, (tempo, pitch) in enumerate(changes):
        in_time = _between(context[each], middle + steps * tempo)
        out[each] = in_time if pitch == 1 else _between(in_time.T, _bands_at(pitch)).T
    return out


def _between(rows: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Rows at fractional places, linearly between their neighbours."""
    low = np.clip(at.astype(int), 0, len(rows) - 2)
    part = np.clip(at - low, 0, 1)[:, None].astype(np.float32)
    return rows[low] * (1 - part) + rows[low + 1] * part


@cache
def _centres() -> np.ndarray:
    """The bands' centre frequencies in Hz."""
    import librosa

    return librosa.mel_frequencies(signal.N_MELS + 2, fmax=signal.STEM_RATE / 2)[1:-1]


def _bands_at(pitch: float) -> np.ndarray:
    """For each band, the fractional band where its content lay before the pitch was changed."""
    return np.interp(_centres() / pitch, _centres(), np.arange(signal.N_MELS))


def _equaliser(n: int, chance: np.random.Generator, deviation: float) -> np.ndarray:
    """Smooth curves over the bands of up to 12 dB, for two thirds of the patches."""
    places = np.linspace(0, np.pi, signal.N_MELS)
    waves = np.cos(places * np.arange(1, 5)[:, None])
    size = chance.normal(0, deviation, (n, 4)) * (chance.random((n, 1)) < 0.67)
    return _decibel(np.clip(size @ waves, -12, 12))[:, None, :]


def _cut_off(n: int, chance: np.random.Generator, share: float) -> np.ndarray:
    """Nothing above 3.5 to 8 kHz, for a share of the patches."""
    highest = np.where(chance.random(n) < share, chance.uniform(3500, 8000, n), np.inf)
    return np.where(_centres() > highest[:, None], np.float32(1e-5), np.float32(1))[:, None, :]


def _noise(n: int, chance: np.random.Generator) -> np.ndarray:
    """Noise of any colour from red to blue."""
    slope = chance.uniform(-6, 3, (n, 1)) * np.log2(_centres() / 1000)
    ripple = chance.chisquare(8, (n, signal.PATCH_FRAMES, signal.N_MELS)).astype(np.float32) / 8
    return ripple * _decibel(slope)[:, None, :]


# --- singing ----------------------------------------------------------------------------------------------------------
@cache
def _voices() -> np.ndarray:
    """Mel power (VOICES, signal.PATCH_FRAMES, signal.N_MELS) of made-up singing: notes of gliding harmonics, shaped by
    three formants, with breath between them. The same for every run."""
    chance = np.random.default_rng(7)
    return np.stack([_voice(chance) for _ in range(VOICES)])


def _voice(chance: np.random.Generator) -> np.ndarray:
    frames = np.arange(signal.PATCH_FRAMES)
    ends = np.sort(chance.integers(0, signal.PATCH_FRAMES, chance.integers(2, 9)))
    note = np.searchsorted(ends, frames, side="right")
    lowest = chance.uniform(90, 350)
    pitches = lowest * 2 ** (chance.integers(0, 13, len(ends) + 1) / 12)
    vibrato = 1 + 0.02 * np.sin(2 * np.pi * chance.uniform(4, 7) * frames * signal.HOP / signal.STEM_RATE)
    fundamental = _smooth(pitches[note]) * vibrato
    sung = _smooth((chance.random(len(ends) + 1) < 0.8)[note].astype(float))
    ranges = ((300, 900), (900, 2300), (2300, 3500))
    formants = np.stack([chance.uniform(low, high, len(ends) + 1) for low, high in ranges])
    harmonics = np.arange(1, 41)[:, None] * fundamental
    near = ((harmonics[None] - formants[:, None, note]) / (0.12 * formants[:, None, note] + 60)) ** 2
    strength = (1 / (1 + near)).sum(axis=0) / np.arange(1, 41)[:, None] ** 0.7 * sung
    power = np.zeros((signal.PATCH_FRAMES, signal.N_MELS))
    at = np.interp(harmonics, _centres(), np.arange(signal.N_MELS))
    inside = harmonics < signal.STEM_RATE / 2
    low = np.clip(at.astype(int), 0, signal.N_MELS - 2)
    when = np.broadcast_to(frames, harmonics.shape)
    for side, share in ((0, 1 - (at - low)), (1, at - low)):
        np.add.at(power, (when[inside], low[inside] + side), (strength**2 * share)[inside])
    breath = _decibel(-6 * np.log2(5000 / _centres()).clip(0)) * chance.chisquare(4, power.shape) / 4
    return (power + 0.01 * power.mean() * breath * (1 - sung)[:, None]).astype(np.float32)


def _smooth(values: np.ndarray) -> np.ndarray:
    return np.convolve(np.pad(values, 3, mode="edge"), np.ones(7) / 7, mode="valid")
