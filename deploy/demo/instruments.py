"""Instruments: each function gives one note or one drum hit as mono float64 of RATE with a peak of about 1.

Equal notes are computed once: the functions are cached and their results must not be written to.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from deploy.demo.sound import RATE, band, clock, fade
from deploy.demo.theory import hertz


@dataclass(frozen=True)
class Timbre:
    """A struck or plucked sound: partials that fall off and die away, the higher ones faster."""

    partials: int
    fall: float  # amplitude of partial k is k ** -fall
    decay: float  # seconds until the first partial has died by 60 dB, at 200 Hz
    damping: float  # how much faster partial k dies
    stretch: float = 0.0  # inharmonicity of a stiff string
    knock: float = 0.0  # noise of the hammer or finger
    attack: float = 0.003


PIANO = Timbre(14, 1.35, 3.2, 0.32, 4e-4, knock=0.10)
NYLON = Timbre(16, 1.2, 1.6, 0.55, 5e-5, knock=0.14)
UPRIGHT = Timbre(10, 1.5, 1.4, 0.35, 5e-5, knock=0.06)
BELL = Timbre(6, 1.1, 4.0, 0.3, 6e-3)
PIZZICATO = Timbre(12, 1.2, 0.6, 0.4, knock=0.1)


@lru_cache(maxsize=256)
def struck(timbre: Timbre, midi: int, seconds: float) -> np.ndarray:
    """A note of a struck or plucked string; the string rings 0.15 s after its key is let go."""
    t = clock(seconds + 0.15)
    hz = float(hertz(midi))
    out = np.zeros(len(t))
    speed = 6.9 / timbre.decay * (hz / 200.0) ** 0.4
    for k in range(1, timbre.partials + 1):
        at = hz * k * np.sqrt(1 + timbre.stretch * k**2)
        if at > 15000:
            break
        out += k**-timbre.fall * np.sin(2 * np.pi * at * t) * np.exp(-t * speed * (1 + timbre.damping * (k - 1)))
    knock = np.random.default_rng(midi).standard_normal(len(t)) * np.exp(-t / 0.012)
    out += timbre.knock * band(knock, 80, 3500)
    return fade(out, timbre.attack, 0.12) / 1.6


def _saw(hz: float, t: np.ndarray, shift: float = 0.0) -> np.ndarray:
    return 2.0 * ((hz * t + shift) % 1.0) - 1.0


@lru_cache(maxsize=256)
def saws(midi: int, seconds: float, cutoff: float, attack: float, release: float) -> np.ndarray:
    """Three detuned saws through a low-pass: pads and synth chords. It sounds on for `release` seconds."""
    t = clock(seconds + release)
    hz = float(hertz(midi))
    out = sum(_saw(hz * detune, t, shift) for detune, shift in ((0.996, 0.1), (1.0, 0.4), (1.004, 0.8)))
    return fade(band(out, 60.0, cutoff), attack, release) / 2.2


@lru_cache(maxsize=256)
def bowed(midi: int, seconds: float) -> np.ndarray:
    """A string section: three players with vibrato of their own, body resonance, slow attack."""
    t = clock(seconds + 0.12)
    hz = float(hertz(midi))
    out = np.zeros(len(t))
    for player, (rate, detune) in enumerate(((5.1, -5), (5.6, 2), (4.7, 6))):
        cents = detune + 11 * np.sin(2 * np.pi * rate * t + player) * np.clip(t / 0.4, 0, 1)
        phase = np.cumsum(hz * 2 ** (cents / 1200)) / RATE + 0.3 * player
        out += 2.0 * (phase % 1.0) - 1.0
    out = band(out, 150.0, 3800.0) + 0.4 * band(out, 900.0, 2200.0)
    return fade(out, 0.07, 0.12) / 2.5


@lru_cache(maxsize=256)
def pulse(midi: int, seconds: float, duty: float, decay: float) -> np.ndarray:
    """A game console's pulse wave, with steps in its volume as such a chip had."""
    t = clock(seconds)
    wave = np.where((float(hertz(midi)) * t) % 1.0 < duty, 1.0, -1.0)
    volume = np.round(15 * np.exp(-t / decay)) / 15
    return fade(wave * volume, 0.001, 0.003)


@lru_cache(maxsize=256)
def triangle(midi: int, seconds: float) -> np.ndarray:
    """A game console's triangle wave of 16 steps."""
    t = clock(seconds)
    phase = (float(hertz(midi)) * t) % 1.0
    return fade(np.round(15 * (2 * np.abs(2 * phase - 1) - 1) / 2) / 7.5, 0.001, 0.003)


@lru_cache(maxsize=256)
def synth_bass(midi: int, seconds: float, cutoff: float) -> np.ndarray:
    """A saw and a sine below it through a low-pass."""
    t = clock(seconds)
    hz = float(hertz(midi))
    return fade(0.6 * band(_saw(hz, t), 0, cutoff) + 0.6 * np.sin(2 * np.pi * hz * t), 0.004, 0.03)


@lru_cache(maxsize=256)
def electric_bass(midi: int, seconds: float) -> np.ndarray:
    """A plucked bass guitar with a little growl."""
    return np.tanh(2.0 * struck(Timbre(12, 1.3, 2.5, 0.3, knock=0.05), midi, seconds))


@lru_cache(maxsize=256)
def power_chord(midi: int, seconds: float, drive: float, muted: bool) -> np.ndarray:
    """Root, fifth and octave of a distorted guitar through a cabinet; `muted` by the palm it is a short chug."""
    t = clock(seconds + 0.05)
    strings = sum(
        _saw(float(hertz(midi + up)) * detune, t, 0.37 * up) for up, detune in ((0, 1), (7, 1.001), (12, 0.9985))
    )
    ring = np.exp(-t / (0.09 if muted else 2.5))
    dirty = np.tanh(drive * band(strings, 70.0, 2500.0) * ring)
    cabinet = band(band(dirty, 90.0, 4200.0), 0.0, 5000.0)
    return fade(cabinet, 0.002, 0.04)


@lru_cache(maxsize=64)
def kick(punch: float = 1.0, low: float = 48.0) -> np.ndarray:
    """A bass drum: a sine that falls to `low` Hz."""
    t = clock(0.35)
    hz = low + 140 * punch * np.exp(-t / 0.025)
    click = band(np.random.default_rng(1).standard_normal(len(t)) * np.exp(-t / 0.003), 1500.0)
    return np.sin(2 * np.pi * np.cumsum(hz) / RATE) * np.exp(-t / 0.11) + 0.15 * punch * click


@lru_cache(maxsize=64)
def snare(tone: float = 185.0, tail: float = 0.09) -> np.ndarray:
    """A snare drum: two modes of its skin and the rattle."""
    t = clock(0.4)
    skin = (np.sin(2 * np.pi * tone * t) + 0.5 * np.sin(2 * np.pi * 1.6 * tone * t)) * np.exp(-t / 0.05)
    rattle = band(np.random.default_rng(2).standard_normal(len(t)), 1200.0, 9000.0) * np.exp(-t / tail)
    return 0.6 * skin + 0.7 * rattle


@lru_cache(maxsize=64)
def hiss(tail: float, low: float = 7000.0, high: float = 0.0, seed: int = 3) -> np.ndarray:
    """Hats, shakers, brushes, claps and cymbals: a burst of noise in a band."""
    t = clock(min(6 * tail, 2.0))
    return fade(band(np.random.default_rng(seed).standard_normal(len(t)), low, high) * np.exp(-t / tail), 0.001, 0.01)


@lru_cache(maxsize=8)
def rim() -> np.ndarray:
    """A stick on the rim."""
    t = clock(0.08)
    return (np.sin(2 * np.pi * 1700 * t) + np.sin(2 * np.pi * 1100 * t)) * np.exp(-t / 0.012)
