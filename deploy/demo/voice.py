"""A voice-like lead by formant synthesis: a glottal source, a vocal tract that moves from vowel to vowel, consonants.

The tract is Klatt's cascade of resonators (D. H. Klatt, "Software for a cascade/parallel formant synthesizer", JASA
67, 1980) with the vowel formants of Peterson and Barney (JASA 24, 1952); it is applied to each harmonic of the source
by itself, so that formants and pitch may both glide without artefacts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import istft, resample_poly, stft

from deploy.demo.sound import RATE
from deploy.demo.theory import Note, gaps

SOURCE_RATE = RATE // 2
"""Hz at which the voiced part is made: it has nothing above TOP_HZ."""
FRAME = 63
"""Samples of SOURCE_RATE between two states of the tract: 350 states a second."""
TOP_HZ = 9000.0

VOWELS = {
    "a": (730, 1090, 2440),
    "e": (460, 1890, 2500),
    "i": (280, 2250, 3000),
    "o": (520, 860, 2410),
    "u": (320, 800, 2240),
    "ae": (660, 1720, 2410),
    "er": (490, 1350, 1690),
}
"""The first three formants of a man, Hz."""
NEUTRAL, CLOSED = np.array([500.0, 1500.0, 2500.0]), np.array([250.0, 1600.0, 2500.0])
"""The same of a mouth at rest, and of one that closes for a consonant."""
UPPER_FORMANTS = (3400, 4400, 5400, 6500, 7600)
BANDWIDTHS = (70, 90, 130, 180, 250, 350, 500, 700)


class Consonant(NamedTuple):
    """The start of a syllable: seconds of closure, band and loudness of its noise, whether the voice stops for it."""

    seconds: float
    low: float = 0.0
    high: float = 0.0
    noise: float = 0.0
    stops: bool = True


CONSONANTS = {
    "": Consonant(0.0, stops=False),
    "m": Consonant(0.07, stops=False),
    "l": Consonant(0.05, stops=False),
    "v": Consonant(0.05, 1500, 7000, 0.06, stops=False),
    "s": Consonant(0.11, 5000, 10000, 0.16),
    "sh": Consonant(0.12, 2200, 6500, 0.18),
    "h": Consonant(0.07, 500, 4500, 0.10),
    "t": Consonant(0.06, 3000, 8000, 0.30),
    "k": Consonant(0.07, 1300, 4000, 0.28),
    "d": Consonant(0.04, 2500, 6000, 0.16),
}


@dataclass(frozen=True)
class Voice:
    """A singer. `tract` scales the formants (1 a man, 1.17 a woman); pitches are MIDI numbers; depth is in cents."""

    name: str
    low: int
    high: int
    tract: float = 1.0
    tilt: float = 5.0  # dB per octave that the source falls: 4 is pressed, 9 is soft
    breath: float = 0.01
    vibrato_hz: float = 5.5
    vibrato_cents: float = 45.0
    vowels: tuple[str, ...] = ("a", "e", "i", "o", "u")
    consonants: tuple[str, ...] = ("", "m", "l", "s", "t", "k", "h", "d")


def sing(notes: Sequence[Note], voice: Voice, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """`notes` sung one syllable each: float64 mono of RATE, `seconds` long, peak about 1."""
    frames = int(seconds * SOURCE_RATE) // FRAME + 2
    clock = np.arange(frames) * FRAME / SOURCE_RATE
    syllables = [(str(rng.choice(voice.consonants)), str(rng.choice(voice.vowels))) for _ in notes]
    pitch = _pitch(notes, voice, clock, rng)
    formants = _formants(notes, syllables, voice, clock)
    loudness = _loudness(notes, syllables, clock)
    voiced = _voiced(pitch, formants, loudness, voice)
    voiced = resample_poly(voiced, 2, 1)[: int(seconds * RATE)]
    voiced /= np.max(np.abs(voiced)) + 1e-9
    noise = _noise(notes, syllables, (clock, loudness * voice.breath), len(voiced), rng)
    return voiced + noise


def _pitch(notes: Sequence[Note], voice: Voice, clock: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fundamental in Hz by frame: glides between notes, scoops up after a breath, vibrato that sets in late, drift."""
    rate = SOURCE_RATE / FRAME
    midi = np.full(len(clock), float(notes[0].midi))
    vibrato = np.zeros(len(clock))
    for note, gap in zip(notes, gaps(notes), strict=True):
        here = clock >= note.start - 0.03
        midi[here] = note.midi
        age = clock - note.start
        if gap > 0.15:
            midi -= np.where(here & (age < 0.09), 1.2, 0.0)
        inside = here & (age < note.seconds)
        vibrato[inside] = np.clip((age[inside] - 0.22) / 0.3, 0.0, 1.0)
    midi = gaussian_filter1d(midi, 0.028 * rate)
    depth = gaussian_filter1d(vibrato, 0.04 * rate) * voice.vibrato_cents / 100
    wander = gaussian_filter1d(rng.standard_normal(len(clock)), 0.35 * rate)
    wander *= 0.12 / (np.std(wander) + 1e-9)
    jitter = gaussian_filter1d(rng.standard_normal(len(clock)), 2.0) * 0.06
    phase = 2 * np.pi * np.cumsum(voice.vibrato_hz * (1 + 0.5 * wander)) / rate
    return 440.0 * 2.0 ** ((midi + depth * np.sin(phase) + wander + jitter - 69) / 12)


def _formants(
    notes: Sequence[Note], syllables: Sequence[tuple[str, str]], voice: Voice, clock: np.ndarray
) -> np.ndarray:
    """Formant frequencies in Hz, (frames, 8): each vowel's, with a closed mouth at its start, smoothed."""
    track = np.tile(np.array([*NEUTRAL, *UPPER_FORMANTS]), (len(clock), 1))
    for note, (consonant, vowel) in zip(notes, syllables, strict=True):
        here = clock >= note.start - 0.04
        target = np.array(VOWELS[vowel], dtype=float)
        track[here, :3] = target
        closed = here & (clock < note.start + 0.5 * CONSONANTS[consonant].seconds)
        if consonant:
            track[closed, :3] = 0.5 * target + 0.5 * CLOSED
        late = here & (clock > note.start + 0.55 * note.seconds)
        track[late, :3] = 0.85 * target + 0.15 * NEUTRAL
    return voice.tract * gaussian_filter1d(track, 0.022 * SOURCE_RATE / FRAME, axis=0)


def _loudness(notes: Sequence[Note], syllables: Sequence[tuple[str, str]], clock: np.ndarray) -> np.ndarray:
    """Amplitude of the voiced part by frame, 0 to about 1: swells on long notes, stops in hard consonants."""
    level = np.zeros(len(clock))
    for note, (consonant, _) in zip(notes, syllables, strict=True):
        length, stops = CONSONANTS[consonant].seconds, CONSONANTS[consonant].stops
        age = clock - note.start
        inside = (age >= 0) & (age < note.seconds)
        swell = 0.75 + 0.25 * np.sin(np.pi * np.clip(age / note.seconds, 0, 1))
        level[inside] = (note.loudness * swell)[inside]
        if consonant:
            level[(age >= -0.5 * length) & (age < 0.5 * length)] *= 0.0 if stops else 0.35
    return gaussian_filter1d(level, 0.014 * SOURCE_RATE / FRAME)


def _voiced(pitch: np.ndarray, formants: np.ndarray, loudness: np.ndarray, voice: Voice) -> np.ndarray:
    """The harmonics of the source, each with the tract's complex gain at its frequency; mono at SOURCE_RATE."""
    ramp = np.arange(FRAME) / FRAME
    hz = pitch[:-1, None] + (pitch[1:] - pitch[:-1])[:, None] * ramp
    turn = np.exp(2j * np.pi * np.cumsum(hz) / SOURCE_RATE).reshape(hz.shape)
    wave = np.ones_like(turn)
    out = np.zeros(hz.shape)
    widths = np.array(BANDWIDTHS)
    for harmonic in range(1, int(TOP_HZ / pitch.min()) + 1):
        wave *= turn
        at = harmonic * pitch[:, None]
        tract = np.prod(1.0 / (1.0 - (at / formants) ** 2 + 1j * at * widths / formants**2), axis=1)
        source = 10.0 ** (-voice.tilt * np.log2(harmonic) / 20.0)
        fade = np.clip((TOP_HZ - at[:, 0]) / 1500.0, 0.0, 1.0)
        gain = tract * source * fade * loudness
        out += (wave * (gain[:-1, None] + (gain[1:] - gain[:-1])[:, None] * ramp)).real
    return out.ravel()


def _noise(
    notes: Sequence[Note],
    syllables: Sequence[tuple[str, str]],
    breath: tuple[np.ndarray, np.ndarray],
    samples: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Friction and bursts of the consonants, breath in the tone and before phrases; mono at RATE.

    `breath` is the times in seconds, and how loud the breath is at them.
    """
    hz, times, grid = stft(rng.standard_normal(samples), RATE, nperseg=512, noverlap=384)
    gain = np.interp(times, *breath)[None, :] * (1.0 / (1.0 + (hz / 3500.0) ** 2))[:, None]
    for note, (consonant, _), gap in zip(notes, syllables, gaps(notes), strict=True):
        length, low, high, level, _ = CONSONANTS[consonant]
        if level:
            shape = np.exp(-(((times - note.start) / (0.35 * length)) ** 2))
            spectrum = 1.0 / (1.0 + (2.0 * (hz - (low + high) / 2) / (high - low)) ** 8)
            gain += level * note.loudness * np.outer(spectrum, shape)
        if gap > 0.35 and note.start > 0.3:
            inhale = np.exp(-(((times - note.start + 0.2) / 0.08) ** 2))
            gain += 0.02 * np.outer((hz > 800) & (hz < 6000), inhale)
    return 3.0 * istft(grid * gain, RATE, nperseg=512, noverlap=384)[1][:samples]
