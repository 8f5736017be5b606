"""Stems as they are stored: FLAC, 16 bit, mono, one rate. Everything downstream reads these, never the unquantised ones,
so that a repeated run that finds them gives the same bytes as the run that made them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from embedder import signal
from embedder.decode import ffmpeg
from nightjar.errors import NightjarError

PARTS = ("accompaniment", "vocals")


@dataclass(frozen=True)
class Stems:
    """The two stored stems of a song as local files; equally long."""

    accompaniment: Path
    vocals: Path

    @classmethod
    def within(cls, folder: Path) -> Stems:
        return cls(*(folder / f"{part}.flac" for part in PARTS))


def write(pieces: Iterable[tuple[np.ndarray, np.ndarray]], folder: Path) -> Stems:
    """Write (accompaniment, vocals) pieces, each (2, frames) at `signal.RATE`, as they come. The same pieces, the same bytes."""
    stems = Stems.within(folder)
    encoders = [_encoder(target) for target in (stems.accompaniment, stems.vocals)]
    try:
        for piece in pieces:
            for encoder, part in zip(encoders, piece, strict=True):
                encoder.stdin.write(part.mean(axis=0).astype("<f4").tobytes())
    finally:
        for encoder in encoders:
            encoder.stdin.close()
        codes = [encoder.wait() for encoder in encoders]
    if any(codes):
        raise NightjarError(f"ffmpeg could not write the stems in {folder}", "See the log above; is the disk full?")
    return stems


def _encoder(target: Path) -> subprocess.Popen:
    source = ("-f", "f32le", "-ar", signal.RATE, "-ac", 1, "-i", "-")
    flac = (
        "-ar",
        signal.STEM_RATE,
        "-sample_fmt",
        "s16",
        "-c:a",
        "flac",
        "-fflags",
        "+bitexact",
        "-flags:a",
        "+bitexact",
    )
    return subprocess.Popen(ffmpeg(*source, *flac, target), stdin=subprocess.PIPE)


def read(stem: Path, start: int = 0, count: int = -1) -> np.ndarray:
    """`count` samples of a stored stem from `start` on, float32 in [-1, 1); all that follow if `count` is negative."""
    return soundfile.read(stem, frames=count, start=start, dtype="float32")[0]


def levels(stems: Stems) -> tuple[float, float, float]:
    """RMS of accompaniment, vocals and their sum, as shares of full scale."""
    sums, count = np.zeros(3), 0
    for accompaniment, vocals in zip(_blocks(stems.accompaniment), _blocks(stems.vocals), strict=True):
        for index, part in enumerate((accompaniment, vocals, accompaniment + vocals)):
            sums[index] += np.square(part, dtype=np.float64).sum()
        count += len(vocals)
    rms = np.sqrt(sums / max(count, 1))
    return float(rms[0]), float(rms[1]), float(rms[2])


def relative_db(part: float, whole: float) -> float:
    """The level of `part` relative to `whole` (both RMS) in dB, not below `signal.LEVEL_FLOOR_DB`."""
    if part <= 0 or whole <= 0:
        return signal.LEVEL_FLOOR_DB
    return max(float(20 * np.log10(part / whole)), signal.LEVEL_FLOOR_DB)


def _blocks(stem: Path) -> Iterator[np.ndarray]:
    yield from soundfile.blocks(stem, blocksize=30 * signal.STEM_RATE, dtype="float32")
