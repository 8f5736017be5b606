"""Our measure of loudness beside ffmpeg's."""

from __future__ import annotations

import re
import subprocess

import numpy as np
import pytest

from nightjar.ffmpeg import command
from nightjar.ingest.loudness import FLOOR_LUFS, Loudness

RATE = 44_100


def _of(samples: np.ndarray, pieces: int = 7) -> float:
    loudness = Loudness(RATE, samples.shape[1])
    for piece in np.array_split(samples, pieces):
        loudness.add(piece)
    return loudness.lufs


def _theirs(samples: np.ndarray) -> float:
    read = ("-f", "f32le", "-ar", RATE, "-ac", samples.shape[1], "-i", "-")
    measured = command("-v", "info", *read, "-af", "ebur128=framelog=quiet", "-f", "null", "-")
    log = subprocess.run(
        [each for each in measured if each != "-nostdin"], input=samples.tobytes(), capture_output=True
    )
    return float(re.findall(rb"^    I: +(\S+) LUFS", log.stderr, re.MULTILINE)[-1])


def _sound(seconds: float, hz: float, level: float) -> np.ndarray:
    times = np.arange(round(seconds * RATE)) / RATE
    left = level * np.sin(2 * np.pi * hz * times) * (1 + 0.5 * np.sin(times))
    return np.stack([left, 0.5 * left[::-1]], axis=1).astype("<f4")


@pytest.mark.parametrize(("seconds", "hz", "level"), [(3.0, 440, 0.3), (17.3, 60, 0.8), (12.0, 6000, 0.01)])
def test_it_is_what_ffmpeg_measures(seconds, hz, level):
    samples = _sound(seconds, hz, level)
    assert _of(samples) == pytest.approx(_theirs(samples), abs=0.06)


def test_pauses_do_not_count():
    samples = np.concatenate([_sound(5, 440, 0.3), np.zeros((20 * RATE, 2), "<f4"), _sound(5, 440, 0.003)])
    assert _of(samples) == pytest.approx(_theirs(samples), abs=0.06)


def test_pieces_make_no_difference():
    samples = _sound(9.7, 500, 0.2)
    assert _of(samples, 1) == pytest.approx(_of(samples, 400), abs=1e-9)


def test_silence_and_next_to_nothing_are_at_the_floor():
    assert _of(np.zeros((5 * RATE, 2), "<f4")) == FLOOR_LUFS
    assert _of(_sound(0.3, 440, 0.5)) == FLOOR_LUFS
