"""A few seconds of a song that is in the lake, as the mel spectrogram that the CNN would see of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import soundfile

from embedder import mel, signal, stems
from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.objects import ObjectMissing
from nightjar.settings import Settings


def write_mel(settings: Settings, track: str, day: str, start: float, seconds: float, part: str, out: Path) -> None:
    """Write the log mel spectrogram (frames, signal.N_MELS) of so many `seconds` of a part, from `start` on, as .npy.

    It is shorter where the song ends before. Raises NightjarError if there are no stems, or no sound at `start`.
    """
    lake = Lake(settings)
    rows = lake.read(Partition("stems", day, settings.model)).to_pylist()
    row = next((row for row in rows if row["track_id"] == track), None)
    if row is None:
        raise NightjarError(f"there are no stems of track {track!r} on {day}", f"See nightjar rejects {day}")
    wanted = stems.PARTS if part == "mix" else (part,)
    begin, count = round(start * signal.STEM_RATE), round(seconds * signal.STEM_RATE)
    samples = sum(_samples(lake, row[f"{each}_key"], begin, count) for each in wanted)
    if len(samples) < signal.N_FFT:
        raise NightjarError(f"track {track!r} has no sound {start:.1f} s into it", "Ask for an earlier second")
    with out.open("wb") as file:
        np.save(file, mel.log_mel(samples))


def _samples(lake: Lake, key: str, begin: int, count: int) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        stem = Path(folder) / "stem.flac"
        try:
            lake.objects.download(key, stem)
        except ObjectMissing as error:
            raise NightjarError(f"the stem {key} is gone", "Run embed_tracks of the day again") from error
        return stems.read(stem, min(begin, soundfile.info(stem).frames), count)
