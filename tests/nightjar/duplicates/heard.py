"""Uploads made of samples, and their prints as the embedder takes them."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from embedder import fingerprint
from embedder.decode import decode
from nightjar import ffmpeg
from nightjar.duplicates.verdict import Prints
from tests.nightjar.duplicates.made import NOBODY_DB

_NOTHING = np.zeros(0, np.uint32)

ENCODINGS: dict[str, tuple[str, ...]] = {
    "mp3": (".mp3", "-c:a", "libmp3lame", "-b:a", "64k"),
    "ogg": (".ogg", "-c:a", "libvorbis", "-b:a", "64k"),
    "opus-24": (".opus", "-c:a", "libopus", "-b:a", "24k", "-ar", "48000"),
    "wav": (".wav", "-c:a", "pcm_s16le"),
}
"""The ending of the file, and what ffmpeg is told."""


def upload(samples: np.ndarray, rate: int, encoding: str = "wav", *filters: str) -> Prints:
    """The prints, at all speeds, of mono (n,) or stereo (n, 2) samples after an encoding. `filters` are ffmpeg's."""
    extension, *encode = ENCODINGS[encoding]
    stereo = samples if samples.ndim == 2 else np.repeat(samples[:, None], 2, axis=1)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"upload{extension}"
        ffmpeg.encode(np.clip(stereo, -1, 1).astype("<f4").tobytes(), rate, file, [*filters, *encode])
        return prints(file)


def prints(file: Path) -> Prints:
    """The prints of a song that has not been separated, so that its accompaniment is the mix; at all speeds."""
    with tempfile.TemporaryDirectory() as folder:
        pcm = decode(file, Path(folder) / "raw")
        own, *speeds = (
            Prints(each, each, _NOTHING, NOBODY_DB)
            for each in (fingerprint.of_mix(pcm), *fingerprint.of_mix_at_speeds(pcm))
        )
    return replace(own, speeds=speeds)
