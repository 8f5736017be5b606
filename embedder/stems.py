"""Stems as they are stored: FLAC, 16 bit, mono, one rate.

Everything downstream reads these, never the unquantised ones, so that a run that finds them gives the same bytes as the
run that made them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from embedder import signal

PARTS = ("accompaniment", "vocals")
_TURNED = "an inverted channel was turned"
"""The comment in stems of such a song: those that were made without turning it are not taken for whole ones."""


@dataclass(frozen=True)
class Stems:
    """The two stored stems of a song as local files; equally long."""

    accompaniment: Path
    vocals: Path

    @classmethod
    def within(cls, folder: Path) -> Stems:
        return cls(*(folder / f"{part}.flac" for part in PARTS))


def write(pieces: Iterable[tuple[np.ndarray, np.ndarray]], folder: Path, turned: bool = False) -> Stems:
    """Write (accompaniment, vocals) pieces as they come, each (2, frames) at `signal.RATE`. Same sound, same bytes.

    `turned` says in the files that a channel was inverted, and is no more.
    """
    stems = Stems.within(folder)
    with _Writer(stems.accompaniment, turned) as accompaniment, _Writer(stems.vocals, turned) as vocals:
        for one, other in pieces:
            accompaniment.write(one)
            vocals.write(other)
    return stems


class _Writer:
    """A stem on its way into its file: mixed to mono, resampled, rounded to 16 bits."""

    def __init__(self, target: Path, turned: bool) -> None:
        self._resampler = soxr.ResampleStream(signal.RATE, signal.STEM_RATE, 1, dtype="float32")
        self._file = soundfile.SoundFile(target, "w", signal.STEM_RATE, 1, "PCM_16", format="FLAC")
        if turned:
            self._file.comment = _TURNED

    def write(self, piece: np.ndarray, last: bool = False) -> None:
        resampled = self._resampler.resample_chunk(piece.mean(axis=0, dtype=np.float32), last=last)
        self._file.write(np.clip(resampled, -1.0, 1.0))  # a loud song may exceed full scale once it is decoded

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        if failed is None:
            self.write(np.zeros((1, 0), np.float32), last=True)
        self._file.close()


def read(stem: Path, start: int = 0, count: int = -1) -> np.ndarray:
    """`count` samples of a stored stem from `start` on, float32 in [-1, 1); all that follow if `count` is negative."""
    return soundfile.read(stem, frames=count, start=start, dtype="float32")[0]


def fit(stems: Stems, seconds: float, turned: bool = False) -> bool:
    """Whether both files are stored stems of a song of that length, to 10 ms, whose inverted channel was `turned` or
    who has none."""
    try:
        return all(_fits(stem, seconds, turned) for stem in (stems.accompaniment, stems.vocals))
    except soundfile.LibsndfileError:
        return False


def _fits(stem: Path, seconds: float, turned: bool) -> bool:
    with soundfile.SoundFile(stem) as file:
        same_length = abs(file.frames / file.samplerate - seconds) < 0.01
        return file.samplerate == signal.STEM_RATE and same_length and (file.comment == _TURNED) == turned


def check(stem: Path) -> None:
    """Raises LibsndfileError unless the file is a stored stem to its end."""
    info = soundfile.info(stem)
    with soundfile.SoundFile(stem) as file:
        file.seek(max(info.frames - 1, 0))
        if info.samplerate != signal.STEM_RATE or len(file.read(1)) != min(info.frames, 1):
            raise soundfile.LibsndfileError(0, f"{stem.name} is cut off: ")


@dataclass(frozen=True)
class Levels:
    """RMS of the parts and of the mix that they add up to, as shares of full scale."""

    accompaniment: float
    vocals: float
    mix: float


def levels(stems: Stems) -> Levels:
    """The levels of stored stems over the whole song."""
    sums, count = np.zeros(3), 0
    for accompaniment, vocals in zip(_blocks(stems.accompaniment), _blocks(stems.vocals), strict=True):
        for index, part in enumerate((accompaniment, vocals, accompaniment + vocals)):
            sums[index] += np.square(part, dtype=np.float64).sum()
        count += len(vocals)
    return Levels(*(float(value) for value in np.sqrt(sums / max(count, 1))))


def relative_db(part: float, whole: float) -> float:
    """The level of `part` relative to `whole` (both RMS) in dB, not below `signal.LEVEL_FLOOR_DB`."""
    if part <= 0 or whole <= 0:
        return signal.LEVEL_FLOOR_DB
    return max(float(20 * np.log10(part / whole)), signal.LEVEL_FLOOR_DB)


def _blocks(stem: Path) -> Iterator[np.ndarray]:
    yield from soundfile.blocks(stem, blocksize=30 * signal.STEM_RATE, dtype="float32")
