"""Uploads that are hard to tell apart: noises, machines, weather, clocks, loops, test signals. Each seed gives another.

Each is a recording of its own: what a seed draws are the sound's samples, and parameters such as a tempo or a hum's
pitch unless the kind's name gives them. KINDS are the recordings that are never one; SIGNALS are so simple that two of
them may be one sound, the same or faster.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import signal

RATE = 22_050
"""Hz."""

Random = np.random.Generator
Sound = Callable[[Random, int], np.ndarray]
"""So many samples, at any level."""


def sound(kind: str, seed: int, seconds: float = 30.0) -> np.ndarray:
    """(n,) float32 at RATE, at half of full scale."""
    makers = KINDS | SIGNALS
    random = np.random.default_rng([seed, list(makers).index(kind)])
    made = makers[kind](random, round(seconds * RATE))
    return (0.5 * made / np.abs(made).max()).astype(np.float32)


# --- what sounds are made of ------------------------------------------------------------------------------------------
def _times(count: int) -> np.ndarray:
    return np.arange(count) / RATE


def _sine(hertz: float, count: int, phase: float = 0.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * _times(count) + phase)


def _coloured(random: Random, count: int, slope: float) -> np.ndarray:
    """Noise whose amplitude falls with frequency to the power of `slope`, at level 1."""
    spectrum = np.fft.rfft(random.standard_normal(count)) * np.maximum(np.fft.rfftfreq(count, 1 / RATE), 15) ** -slope
    made = np.fft.irfft(spectrum, count)
    return made / made.std()


def _band(random: Random, count: int, low: float, high: float) -> np.ndarray:
    filters = signal.butter(2, [low, high], "bandpass", fs=RATE, output="sos")
    return signal.sosfilt(filters, random.standard_normal(count))


def _decaying(hertz: float, per_second: float, seconds: float = 0.05) -> np.ndarray:
    count = round(seconds * RATE)
    return _sine(hertz, count) * np.exp(-per_second * _times(count))


def _placed(at_s: np.ndarray, piece: np.ndarray, count: int, levels: np.ndarray | float = 1.0) -> np.ndarray:
    """The piece at each of some seconds."""
    hits = np.zeros(count)
    at = (np.asarray(at_s) * RATE).astype(int)
    inside = (at >= 0) & (at < count)
    np.add.at(hits, at[inside], np.broadcast_to(levels, at.shape)[inside])
    return signal.oaconvolve(hits, piece)[:count]


def _anywhere(random: Random, per_second: float, count: int) -> np.ndarray:
    return random.uniform(0, count / RATE, max(1, round(per_second * count / RATE)))


def _swelling(random: Random, count: int, every_s: float) -> np.ndarray:
    """A level in [0, 1] that wanders."""
    known = np.arange(0, count / RATE + every_s, every_s)
    return np.interp(_times(count), known, random.uniform(0, 1, len(known)))


# --- noises, weather, machines ----------------------------------------------------------------------------------------
def _rain(random: Random, count: int) -> np.ndarray:
    made = random.uniform(0.2, 1) * _coloured(random, count, random.uniform(0, 0.5))
    for _ in range(25):
        drop, at = _decaying(random.uniform(1000, 6000), random.uniform(200, 800), 0.012), _anywhere(random, 4, count)
        made += _placed(at, drop, count, random.uniform(0.1, 1.5, len(at)))
    return made


def _thunder(random: Random, count: int) -> np.ndarray:
    made = 0.5 * _coloured(random, count, 0.3)
    roll = _coloured(random, 5 * RATE, 1.2) * np.exp(-0.8 * _times(5 * RATE))
    return made + _placed(_anywhere(random, 0.15, count), 4 * roll, count)


def _humming(random: Random, count: int, hertz: float, slope: float, level: float) -> np.ndarray:
    hum = sum(_sine(hertz * k, count, random.uniform(0, 6)) / k for k in range(1, 9))
    return level * hum + _coloured(random, count, slope)


def _drone(random: Random, count: int, root: float, detuned: float, hiss: float) -> np.ndarray:
    made = hiss * random.standard_normal(count)
    for ratio in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8):
        swell = 1 + 0.6 * _sine(random.uniform(0.03, 0.5), count, random.uniform(0, 6))
        made += swell * _sine(root * ratio * (1 + random.uniform(-detuned, detuned)), count)
    return made


def _crowd(random: Random, count: int) -> np.ndarray:
    bands = (200, 400, 800, 1600)
    return sum(_band(random, count, low, 1.4 * low) * _swelling(random, count, 0.25) for low in bands)


def _applause(random: Random, count: int) -> np.ndarray:
    made = np.zeros(count)
    for _ in range(20):
        clap = _band(random, 500, random.uniform(400, 1000), random.uniform(1500, 4000))
        clap *= np.exp(-np.arange(500) / random.uniform(40, 120))
        pace = random.uniform(3, 6)
        at = np.cumsum(random.normal(1 / pace, 0.04, round(pace * count / RATE)))
        made += _placed(at, clap, count, random.uniform(0.3, 1, len(at)))
    return made


def _train(random: Random, count: int) -> np.ndarray:
    joint = random.standard_normal(1500) * np.exp(-np.arange(1500) / 300)
    at = np.arange(random.random(), count / RATE, random.uniform(0.6, 1.2))
    return 2 * _placed(np.concatenate([at, at + 0.15]), joint, count) + _coloured(random, count, 0.9)


def _engine(random: Random, count: int) -> np.ndarray:
    pace = 2 * np.pi * np.cumsum(random.uniform(20, 60) * (1 + 0.05 * _swelling(random, count, 1.0))) / RATE
    return sum(np.sin(k * pace + random.uniform(0, 6)) / k for k in range(1, 20)) + 0.3 * _coloured(random, count, 0.5)


# --- animals, crackle, clicks -----------------------------------------------------------------------------------------
def _crickets(random: Random, count: int) -> np.ndarray:
    made = 0.02 * random.standard_normal(count)
    for _ in range(4):
        gate = _sine(random.uniform(2, 4), count, random.uniform(0, 6)) > random.uniform(-0.3, 0.5)
        pulses = _sine(random.uniform(25, 60), count) > 0
        made += random.uniform(0.2, 1) * gate * pulses * _sine(random.uniform(2200, 3400), count)
    return made


def _birds(random: Random, count: int) -> np.ndarray:
    made = 0.01 * random.standard_normal(count)
    for at in _anywhere(random, 0.8, count):
        length = round(random.uniform(0.05, 0.4) * RATE)
        sweep = 2 * np.pi * np.cumsum(np.linspace(*random.uniform(1500, 3400, 2), length)) / RATE
        made += _placed(np.array([at]), np.sin(sweep) * np.hanning(length), count)
    return made


def _crackle(random: Random, count: int, per_second: float, hiss: float, slope: float = 0.7) -> np.ndarray:
    at = _anywhere(random, per_second, count)
    click = np.exp(-np.arange(60) / random.uniform(4, 15))
    return _placed(at, click, count, random.exponential(0.4, len(at))) + hiss * _coloured(random, count, slope)


def _heart(random: Random, count: int) -> np.ndarray:
    at = np.arange(0, count / RATE, 60 / random.uniform(55, 110))
    beat = _decaying(random.uniform(40, 70), 30, 0.09)
    return _placed(np.concatenate([at, at + 0.3]), beat, count) + 0.003 * random.standard_normal(count)


# --- clocks and loops -------------------------------------------------------------------------------------------------
def _metronome(
    random: Random, count: int, bpm: float | None = None, hertz: float | None = None, hiss: float = 0.003
) -> np.ndarray:
    bpm, hertz = bpm or random.uniform(50, 200), hertz or random.uniform(600, 3000)
    at = np.arange(random.uniform(0, 60 / bpm), count / RATE, 60 / bpm)
    return _placed(at, _decaying(hertz, random.uniform(60, 200)), count) + hiss * random.standard_normal(count)


def _bars(random: Random, count: int) -> np.ndarray:
    at, hertz = np.arange(0, count / RATE, 60 / random.uniform(60, 200)), random.uniform(800, 1500)
    first = _placed(at[:: random.integers(2, 6)], _decaying(1.5 * hertz, 120), count)
    return _placed(at, _decaying(hertz, 120), count) + first + 0.004 * random.standard_normal(count)


def _drum_loop(random: Random, count: int, bpm: float | None = None) -> np.ndarray:
    """A bar of sixteen steps of kick, snare and hat, again and again."""
    times = _times(RATE // 4)
    sweep = np.cumsum(random.uniform(80, 160) * np.exp(-25 * times) + random.uniform(40, 60)) / RATE
    kick = np.sin(2 * np.pi * sweep) * np.exp(-random.uniform(8, 15) * times)
    snare = random.standard_normal(len(times)) + _sine(random.uniform(160, 240), len(times))
    snare *= np.exp(-random.uniform(15, 30) * times)
    hat = np.diff(random.standard_normal(len(times) + 1)) * np.exp(-random.uniform(40, 90) * times)
    step = round(15 / (bpm or random.uniform(70, 175)) * RATE)
    bar = np.zeros(16 * step + len(times))
    for at in range(16):
        odds = ((kick, 0.9 if at % 8 == 0 else 0.15), (snare, 0.9 if at % 8 == 4 else 0.1), (hat, 0.7))
        for drum, likely in odds:
            if random.random() < likely:
                bar[at * step : at * step + len(times)] += random.uniform(0.6, 1) * drum
    return np.tile(bar[: 16 * step], count // (16 * step) + 1)[:count]


# --- test signals -----------------------------------------------------------------------------------------------------
def _tones(random: Random, count: int) -> np.ndarray:
    """Test tones of random length, one after the other."""
    lengths = (random.uniform(0.3, 3, count // RATE * 4) * RATE).astype(int)
    hertz = random.choice([250, 315, 400, 440, 500, 630, 800, 1000, 1250, 1600, 2000], len(lengths))
    return np.sin(2 * np.pi * np.cumsum(np.repeat(hertz, lengths)[:count]) / RATE)


def _dialled(random: Random, count: int) -> np.ndarray:
    made, length = 0.001 * random.standard_normal(count), RATE // 5
    for start in range(0, count - length, 2 * length):
        made[start : start + length] += _sine(random.choice([697, 770, 852, 941]), length)
        made[start : start + length] += _sine(random.choice([1209, 1336, 1477]), length)
    return made


def _held_chords(random: Random, count: int) -> np.ndarray:
    """A synthesizer's chords, five seconds each, all in one key."""
    made, length, roots = np.zeros(count), 5 * RATE, [0, 5, 7, 9, 2, 4]
    for start in range(0, count, length):
        degree = random.choice(roots)
        for interval in (0, 4 if degree in (0, 5, 7) else 3, 7, 12):
            note = _sine(130.8 * 2 ** ((degree + interval) / 12), length, random.uniform(0, 6))
            made[start : start + length] += note[: count - start]
    return made + 0.002 * random.standard_normal(count)


def _warble(random: Random, count: int) -> np.ndarray:
    swing = random.uniform(200, 400) * _sine(random.uniform(0.2, 1), count)
    return np.sin(2 * np.pi * np.cumsum(700 + swing) / RATE)


def _sweep(random: Random, count: int) -> np.ndarray:
    return np.sin(
        2 * np.pi * np.cumsum(np.geomspace(random.uniform(20, 100), random.uniform(3000, 10_000), count)) / RATE
    )


def _walk(random: Random, count: int) -> np.ndarray:
    """Wind: a band of noise that wanders up and down, louder and softer."""
    bands = [_band(random, count, low, 2 * low) * _swelling(random, count, 0.9) ** 2 for low in (90, 180, 360, 720)]
    return sum(bands) + 0.02 * random.standard_normal(count)


KINDS: dict[str, Sound] = {
    "white noise": lambda random, count: random.standard_normal(count),
    "pink noise": lambda random, count: _coloured(random, count, 0.5),
    "brown noise": lambda random, count: _coloured(random, count, 1.0),
    "blue noise": lambda random, count: _coloured(random, count, -0.5),
    "noise of some colour": lambda random, count: _coloured(random, count, random.uniform(-0.3, 1.4)),
    "a band of noise": lambda random, count: _band(random, count, random.uniform(100, 900), random.uniform(1200, 3400)),
    "rain": _rain,
    "thunder": _thunder,
    "wind": _walk,
    "surf": lambda random, count: _coloured(random, count, 0.6) * _swelling(random, count, 4.0),
    "fan": lambda random, count: _humming(random, count, random.uniform(60, 200), random.uniform(0.4, 0.9), 0.2),
    "fan of 118 Hz": lambda random, count: _humming(random, count, 118.0, 0.6, 0.2),
    "mains hum": lambda random, count: _humming(random, count, 50.0, 0.5, 5.0),
    "drone": lambda random, count: _drone(random, count, random.uniform(50, 110), 0.002, 0.0),
    "drone on C": lambda random, count: _drone(random, count, 65.4, 0.0, 0.01),
    "engine": _engine,
    "train": _train,
    "crowd": _crowd,
    "applause": _applause,
    "crickets": _crickets,
    "birds": _birds,
    "vinyl crackle": lambda random, count: _crackle(random, count, random.uniform(5, 40), 0.03),
    "clicks in silence": lambda random, count: _crackle(random, count, random.uniform(0.3, 4), 0.0),
    "heartbeat": _heart,
    "metronome": _metronome,
    "metronome at 120": lambda random, count: _metronome(random, count, bpm=120.0),
    "metronome of 1 kHz": lambda random, count: _metronome(random, count, hertz=1000.0),
    "metronome in silence": lambda random, count: _metronome(random, count, hiss=0.0),
    "metronome with accents": _bars,
    "drum loop": _drum_loop,
    "drum loop at 120": lambda random, count: _drum_loop(random, count, bpm=120.0),
    "test tones": _tones,
    "tone and hiss": lambda random, count: (
        _sine(random.choice([440, 1000]), count) + 0.05 * random.standard_normal(count)
    ),
    "telephone keys": _dialled,
    "held chords": _held_chords,
}
SIGNALS: dict[str, Sound] = {
    "tone": lambda random, count: _sine(random.uniform(100, 3000), count),
    "siren": _warble,
    "sweep": _sweep,
}
