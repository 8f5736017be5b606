"""Chromaprint words of a whole song (Lalinsky; https://acoustid.org/chromaprint) by the muxer of the bundled ffmpeg.

The muxer has no limit of 120 s as `fpcalc` has. The words are those of algorithm 1 (its number in the API), `fpcalc`'s
default.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from embedder import signal
from embedder.decode import Pcm, ffmpeg
from nightjar.errors import NightjarError


def of_mix(pcm: Pcm) -> np.ndarray:
    """Words of decoded audio, uint32."""
    return _words("-f", "f32le", "-ar", str(signal.RATE), "-ac", str(signal.CHANNELS), "-i", str(pcm.path))


def of_stem(stem: Path, rms: float) -> np.ndarray:
    """Words of a stored stem, uint32; none if its level `rms` says that it is silent."""
    if rms < signal.PART_SILENT_RMS:
        return np.zeros(0, np.uint32)
    return _words("-i", str(stem))


def _words(*source: str) -> np.ndarray:
    command = ffmpeg(*source, "-f", "chromaprint", "-fp_format", "raw", "-")
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    if run.returncode:
        said = run.stderr.decode(errors="replace").strip()[-200:]
        raise NightjarError(
            f"ffmpeg made no fingerprint: {said}", "Is the disk full? Else install the locked imageio-ffmpeg"
        )
    return np.frombuffer(run.stdout, "<u4")
