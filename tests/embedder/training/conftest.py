"""Songs to train on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from embedder import signal

KINDS = ("low", "high", "noise")


@pytest.fixture(scope="module")
def songs(tmp_path_factory) -> Path:
    """A folder in which `songs/` has four songs of each of KINDS, and a file that is none."""
    folder = tmp_path_factory.mktemp("training")
    chance = np.random.default_rng(2)
    times = np.arange(9 * signal.STEM_RATE) / signal.STEM_RATE
    for kind in KINDS:
        (folder / "songs" / kind).mkdir(parents=True)
        for number in range(4):
            pitch = {"low": 100, "high": 2000, "noise": 0}[kind] * chance.uniform(0.8, 1.2)
            sound = 0.3 * np.sin(2 * np.pi * pitch * times) if pitch else 0.1 * chance.standard_normal(len(times))
            soundfile.write(folder / "songs" / kind / f"{number}.wav", sound, signal.STEM_RATE)
    (folder / "songs" / "low" / "broken.wav").write_bytes(b"no music")
    return folder
