"""Any upload to float32 stereo at one rate, as ingest heard it (`nightjar.decoding`), into a temporary file.

The file is read back piece by piece, so that memory does not grow with the song.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from embedder import downmix, signal
from nightjar import decoding, thresholds
from nightjar.errors import NightjarError
from nightjar.ffmpeg import Unfit
from nightjar.legible import told_apart

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
        samples = np.fromfile(self.path, dtype="<f4", count=wanted, offset=start * decoding.FRAME_BYTES)
        return samples.reshape(-1, signal.CHANNELS).T

    def blocks(self) -> Iterator[np.ndarray]:
        """The whole song in consecutive pieces of 30 s, each (channels, frames)."""
        for start in range(0, self.frames, _BLOCK):
            yield self.read(start, _BLOCK)


def decode(source: Path, target: Path, container: str | None = None) -> Pcm:
    """Decode the first audio stream of `source` into the raw file `target`; 1 to 8 channels are mixed to two.

    `container` is what ingest found the file to be, whatever its name says; None if nobody has looked. What can be read
    of a damaged file counts, and no more than the longest song that ingest lets through. Raises SongRejected with the
    reason `unreadable`, `too_short` or `silent`, or one of `nightjar.decoding`'s, NightjarError if the machine fails.
    Where a channel is inverted, it is turned (`downmix`).
    """
    try:
        with target.open("wb") as file:
            heard = decoding.decode(source, file.write, container)
    except Unfit as unfit:
        raise SongRejected(unfit.reason, unfit.detail) from unfit
    except OSError as error:
        raise NightjarError(f"decoding stops: {error}", "Free some space, and run the task again") from error
    pcm = Pcm(target, min(round(heard.seconds * signal.RATE), round(thresholds.MAX_DURATION_S * signal.RATE)))
    if pcm.seconds < thresholds.MIN_DURATION_S:
        short = told_apart(pcm.seconds, thresholds.MIN_DURATION_S)
        raise SongRejected("too_short", f"{short} s, less than {thresholds.MIN_DURATION_S:g} s")
    peak = max(float(np.abs(block).max()) for block in pcm.blocks())
    if not np.isfinite(peak):
        raise SongRejected("unreadable", "its samples are not finite numbers")
    if peak > thresholds.MAX_PEAK:
        raise SongRejected("unreadable", f"its loudest sample is {peak:.1e} times full scale: that is no sound")
    if peak < signal.SILENT_PEAK:
        raise SongRejected("silent", f"its loudest sample is {peak:.1e} of full scale")
    turned = downmix.inverted(downmix.powers(pcm.blocks()))
    if turned.any():
        downmix.restore(target, turned)
    return replace(pcm, turned=bool(turned.any()))
