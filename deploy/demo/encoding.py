"""Audio files out of samples, by ffmpeg with its bit-exact switches: the same samples give the same bytes."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from deploy.demo.sound import RATE
from nightjar.errors import NightjarError

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
    """Write `stereo`, (n, 2) within -1 and 1 at RATE, to `path` without tags. Raises NightjarError if ffmpeg fails."""
    samples = np.round(np.clip(stereo, -1.0, 1.0) * 32767).astype("<i2")
    bitrate = ("-b:a", f"{encoding.kbits}k") if encoding.kbits else ()
    command = [
        *(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-threads", "1"),
        *("-f", "s16le", "-ar", str(RATE), "-ac", "2", "-i", "-"),
        *("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"),
        *(*CODECS[encoding.extension], *bitrate),
        *("-ar", str(encoding.rate), "-ac", str(encoding.channels), str(path)),
    ]
    done = subprocess.run(command, input=samples.tobytes(), capture_output=True, check=False)
    if done.returncode:
        raise NightjarError(
            f"ffmpeg could not write {path}: {done.stderr.decode(errors='replace').strip()}",
            "Check the free space, and that imageio-ffmpeg is the version of requirements.txt",
        )
