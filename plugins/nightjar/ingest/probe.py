"""One decoding pass over an upload: what it is, how long it plays, how loud it is, how much of it is broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nightjar import leading
from nightjar.decoding import CHANNELS, RATE, NotOpened, decode
from nightjar.ffmpeg import Unfit
from nightjar.ingest import judge
from nightjar.ingest.judge import Reject, Sound
from nightjar.ingest.loudness import Loudness

_HEAD_BYTES = 512


def probe(path: Path) -> Sound | Reject:
    """What the first audio stream of the file is, decoded as the embedder does; a Reject if the bytes give no sound.

    Raises NightjarError if the machine is why it cannot be decoded.
    """
    loudness = Loudness(RATE, CHANNELS)
    odd, peak = 0, 0.0

    def take(data: bytes) -> None:
        nonlocal odd, peak
        samples = np.frombuffer(data, "<f4").reshape(-1, CHANNELS)
        if not (finite := np.isfinite(samples)).all():
            odd += int(samples.size - finite.sum())
            samples = np.where(finite, samples, 0)
        peak = max(peak, float(samples.max(initial=0)), -float(samples.min(initial=0)))
        loudness.add(samples)

    try:
        heard = decode(path, take)
    except NotOpened:
        with path.open("rb") as file:
            tagged = file.read(8).startswith((b"ID3", b"APETAGEX"))
            file.seek(leading.content_at(file))
            return judge.unopened(file.read(_HEAD_BYTES), tagged)
    except Unfit as unfit:
        return Reject(unfit.reason, unfit.detail)
    return Sound(
        container=heard.container,
        codec=heard.codec,
        sample_rate=heard.sample_rate,
        channels=heard.channels,
        duration_s=heard.seconds,
        loudness_lufs=loudness.lufs,
        frames=heard.frames,
        errors=heard.errors,
        not_finite=odd,
        peak=peak,
    )
