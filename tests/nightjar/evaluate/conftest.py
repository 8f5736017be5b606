"""Songs that take no time to make."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

RATE = 22_050


@pytest.fixture(scope="session")
def compose() -> Callable[..., Path]:
    """`compose(path, seed, seconds)`: broken chords over a bass and noise that keeps time, by chance of the seed."""

    def make(path: Path, seed: int, seconds: float) -> Path:
        random = np.random.default_rng(seed)
        times = np.arange(int(RATE * 0.2)) / RATE
        notes = []
        for note in random.integers(48, 80, size=int(seconds / 0.2)):
            pitch, bass = (440 * 2 ** ((each - 69) / 12) for each in (note, note % 12 + 36))
            tone = np.sin(2 * np.pi * pitch * times) + 0.5 * np.sin(4 * np.pi * pitch * times)
            drum = random.standard_normal(len(times)) * np.exp(-60 * times)
            notes.append((0.3 * tone + 0.3 * np.sin(2 * np.pi * bass * times)) * np.exp(-3 * times) + 0.1 * drum)
        samples = np.round(np.clip(np.concatenate(notes), -1, 1) * 32_000).astype("<i2")
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(samples.tobytes())
        return path

    return make
