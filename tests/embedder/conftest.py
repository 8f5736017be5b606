"""Real weights where the environment names them, and audio that ffmpeg makes up everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embedder import signal
from embedder.decode import Pcm
from nightjar.ffmpeg import command

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def python() -> Callable[..., str]:
    """`python(code, *arguments)` runs code in a process of its own that imports what we import; gives its output."""

    def run(code: str, *arguments: object) -> str:
        command = [sys.executable, "-c", code, *map(str, arguments)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=1800
        ).stdout

    return run


@pytest.fixture(scope="session")
def weights_dir() -> Path:
    """The folder of htdemucs."""
    folder = os.environ.get("NIGHTJAR_WEIGHTS_DIR")
    if not folder:
        pytest.skip("NIGHTJAR_WEIGHTS_DIR names no folder that has htdemucs")
    return Path(folder)


@pytest.fixture(scope="session")
def network(weights_dir: Path):
    """The trained separator."""
    from embedder import weights
    from embedder.htdemucs import Htdemucs
    from nightjar.settings import Settings

    return Htdemucs(weights.load(Settings(weights_dir=str(weights_dir))))


@pytest.fixture(scope="session")
def cnn():
    """The trained CNN."""
    from embedder.msd_musicnn import MsdMusicnn

    return MsdMusicnn()


@pytest.fixture
def synth(tmp_path: Path) -> Callable[..., Path]:
    """`synth(name, seconds, *options)` makes a file of a melody, encoded by its ending and ffmpeg's `options`."""

    def make(name: str, seconds: float = 5.0, *options: object, sound: str = "") -> Path:
        sound = sound or "aevalsrc=0.4*sin(2*PI*440*t*(1+floor(mod(t*2\\,4))/4))+0.05*(random(0)-0.5):s=44100"
        target = tmp_path / name
        made = command("-f", "lavfi", "-i", sound, "-t", seconds, "-bitexact", *options, target)
        subprocess.run(made, stdin=subprocess.DEVNULL, check=True, timeout=120)
        return target

    return make


@pytest.fixture
def pcm_of(tmp_path: Path) -> Callable[[np.ndarray], Pcm]:
    """Decoded audio of given samples, shape (2, frames)."""

    def make(samples: np.ndarray) -> Pcm:
        target = tmp_path / "given.raw"
        samples.T.astype("<f4").tofile(target)
        return Pcm(target, samples.shape[1])

    return make


@pytest.fixture
def noise() -> Callable[[float], np.ndarray]:
    """`noise(seconds)`: stereo noise with a swell, (2, frames) at signal.RATE, the same every time."""

    def make(seconds: float) -> np.ndarray:
        frames = int(seconds * signal.RATE)
        made = np.random.default_rng(7).normal(0.02, 0.2, (2, frames))
        return (made * np.linspace(0.3, 1.0, frames)).astype(np.float32)

    return make
