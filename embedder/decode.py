"""Any upload to float32 stereo at one rate, by the ffmpeg that imageio-ffmpeg brings, into a temporary file.

The file is read back piece by piece, so that memory does not grow with the song.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from embedder import downmix, signal
from nightjar import thresholds
from nightjar.errors import NightjarError

_BYTES_PER_FRAME = 4 * signal.CHANNELS
_BLOCK = 30 * signal.RATE


class SongRejected(NightjarError):
    """One song cannot be processed; the night goes on. `reason` is a code of the `rejects` table."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}")


@dataclass(frozen=True)
class Pcm:
    """Decoded audio in a file of interleaved little-endian float32: `frames` of `signal.CHANNELS` at `signal.RATE`."""

    path: Path
    frames: int
    turned: bool = False
    """Whether a channel was inverted somewhere, and is no more."""

    @property
    def seconds(self) -> float:
        return self.frames / signal.RATE

    def read(self, start: int, count: int) -> np.ndarray:
        """Frames from `start` on, shape (channels, up to `count`), float32; shorter at the end of the song."""
        wanted = max(0, min(count, self.frames - start)) * signal.CHANNELS
        samples = np.fromfile(self.path, dtype="<f4", count=wanted, offset=start * _BYTES_PER_FRAME)
        return samples.reshape(-1, signal.CHANNELS).T

    def blocks(self) -> Iterator[np.ndarray]:
        """The whole song in consecutive pieces of 30 s, each (channels, frames)."""
        for start in range(0, self.frames, _BLOCK):
            yield self.read(start, _BLOCK)


def ffmpeg(*arguments: str | Path) -> list[str]:
    """A command line of the bundled ffmpeg that says nothing but errors; give it no terminal as stdin."""
    quiet = ["-hide_banner", "-loglevel", "error", "-y"]
    return [imageio_ffmpeg.get_ffmpeg_exe(), *quiet, *map(str, arguments)]


def decode(source: Path, target: Path) -> Pcm:
    """Decode the first audio stream of `source` into the raw file `target`; 1 to 8 channels are mixed to two.

    What can be read of a damaged file counts, and no more than the longest song that ingest lets through. Where a
    channel is inverted, it is turned (`downmix`). Raises SongRejected with the reason `unreadable`, `too_short` or
    `silent`.
    """
    shape = ("-map", "0:a:0", "-ac", signal.CHANNELS, "-ar", signal.RATE, "-t", thresholds.MAX_DURATION_S)
    command = ffmpeg("-i", source, *shape, "-f", "f32le", target)
    try:
        run = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=thresholds.PROBE_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise SongRejected("unreadable", f"decoding takes longer than {thresholds.PROBE_TIMEOUT_S:.0f} s") from late
    pcm = Pcm(target, target.stat().st_size // _BYTES_PER_FRAME if target.exists() else 0)
    if run.returncode or not pcm.frames:
        said = run.stderr.decode(errors="replace").replace(str(source), source.name).strip().splitlines()
        raise SongRejected("unreadable", f"ffmpeg finds no audio in it ({said[-1] if said else 'no data'})")
    if pcm.seconds < thresholds.MIN_DURATION_S:
        raise SongRejected("too_short", f"{pcm.seconds:.1f} s; a song has at least {thresholds.MIN_DURATION_S:.0f} s")
    peak = max(float(np.abs(block).max()) for block in pcm.blocks())
    if not np.isfinite(peak):
        raise SongRejected("unreadable", "its samples are not finite numbers")
    if peak < signal.SILENT_PEAK:
        raise SongRejected("silent", f"its loudest sample is {peak:.1e} of full scale")
    turned = downmix.inverted(downmix.powers(pcm.blocks()))
    if turned.any():
        downmix.restore(target, turned)
    return replace(pcm, turned=bool(turned.any()))
