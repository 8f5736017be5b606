"""Audio files out of samples, by ffmpeg with its bit-exact switches: the same samples give the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deploy.demo.sound import RATE
from nightjar import ffmpeg

CODECS: dict[str, tuple[str, ...]] = {
    "mp3": ("-c:a", "libmp3lame"),
    "ogg": ("-c:a", "libvorbis"),
    "m4a": ("-c:a", "aac"),
    "opus": ("-c:a", "libopus"),
    "flac": ("-c:a", "flac"),
    "wav": ("-c:a", "pcm_s16le"),
}
"""What ffmpeg is told for each file extension."""


@dataclass(frozen=True)
class Encoding:
    """How a file is written: extension (a key of CODECS), kbit/s (0 for lossless), Hz, channels (1 or 2)."""

    extension: str
    kbits: int = 0
    rate: int = RATE
    channels: int = 2


def encode(stereo: np.ndarray, path: Path, encoding: Encoding) -> None:
    """Write `stereo`, (n, 2) within -1 and 1 at RATE, to `path` without tags. Raises NightjarError if that fails."""
    samples = np.round(np.clip(stereo, -1.0, 1.0) * 32767).astype("<i2")
    bitrate = ("-b:a", f"{encoding.kbits}k") if encoding.kbits else ()
    ffmpeg.encode(
        samples.tobytes(),
        RATE,
        path,
        [
            *("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"),
            *(*CODECS[encoding.extension], *bitrate),
            *("-ar", str(encoding.rate), "-ac", str(encoding.channels)),
        ],
        kind="s16le",
    )
