"""Chromaprint words of a whole song (Lalinsky; https://acoustid.org/chromaprint) by the muxer of the bundled ffmpeg.

The muxer has no limit of 120 s as `fpcalc` has. The words are those of algorithm 1 (its number in the API), `fpcalc`'s
default. A song that was made faster or higher shares no words with its original; so each song is also printed as it
would sound with some per cent of speed undone.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from embedder import signal
from embedder.decode import Pcm, ffmpeg
from nightjar.errors import NightjarError
from nightjar.thresholds import PRINT_SPEEDS

_RATE = 11_025
"""Hz at which Chromaprint listens: what is kept of a sound to print it again at other speeds."""


def of_mix(pcm: Pcm) -> np.ndarray:
    """Words of decoded audio, uint32."""
    return _words(*_source(pcm))


def of_stem(stem: Path, rms: float) -> np.ndarray:
    """Words of a stored stem, uint32; none if its level `rms` says that it is silent."""
    if rms < signal.PART_SILENT_RMS:
        return np.zeros(0, np.uint32)
    return _words("-i", str(stem))


def of_mix_at_speeds(pcm: Pcm, folder: Path) -> list[np.ndarray]:
    """Words of the song with each of PRINT_SPEEDS undone. `folder` takes a temporary file."""
    return _at_speeds(_source(pcm), folder)


def of_stem_at_speeds(stem: Path, rms: float, folder: Path) -> list[np.ndarray]:
    """The same of a stored stem."""
    if rms < signal.PART_SILENT_RMS:
        return [np.zeros(0, np.uint32)] * len(PRINT_SPEEDS)
    return _at_speeds(("-i", str(stem)), folder)


def samples(pcm: Pcm) -> np.ndarray:
    """The song as a fingerprint hears it: (n,) float32, mono, 11,025 Hz."""
    return np.frombuffer(_run(*_source(pcm), "-ac", "1", "-ar", str(_RATE), "-f", "f32le", "-"), "<f4")


def _source(pcm: Pcm) -> tuple[str, ...]:
    return ("-f", "f32le", "-ar", str(signal.RATE), "-ac", str(signal.CHANNELS), "-i", str(pcm.path))


def _at_speeds(source: tuple[str, ...], folder: Path) -> list[np.ndarray]:
    """The sound is resampled once; then ffmpeg is told that it has another rate, which plays it slower or faster."""
    low = folder / "low.raw"
    _run(*source, "-ac", "1", "-ar", str(_RATE), "-f", "s16le", str(low))
    try:
        rates = [round(_RATE / (1 + percent / 100)) for percent in PRINT_SPEEDS]
        return [_words("-f", "s16le", "-ar", str(rate), "-ac", "1", "-i", str(low)) for rate in rates]
    finally:
        low.unlink()


def _words(*source: str) -> np.ndarray:
    return np.frombuffer(_run(*source, "-f", "chromaprint", "-fp_format", "raw", "-"), "<u4")


def _run(*arguments: str) -> bytes:
    run = subprocess.run(ffmpeg(*arguments), stdin=subprocess.DEVNULL, capture_output=True)
    if run.returncode:
        said = run.stderr.decode(errors="replace").strip()[-200:]
        raise NightjarError(
            f"ffmpeg made no fingerprint: {said}", "Is the disk full? Else install the locked imageio-ffmpeg"
        )
    return run.stdout
