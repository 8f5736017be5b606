"""A few seconds of a song as the CNN sees them. The embedder makes them: librosa is in its environment only."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from nightjar.embed.runner import run_embedder
from nightjar.settings import Settings


def log_mel(settings: Settings, track_id: str, day: str, start_s: float, seconds: float, part: str) -> np.ndarray:
    """The log mel spectrogram (frames, bands) of a stored song's part: mix, accompaniment or vocals.

    Raises NightjarError where there are no stems, and where there is no environment of the embedder.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "mel.npy"
        arguments = ["mel", f"--day={day}", f"--start={start_s}", f"--seconds={seconds}", f"--part={part}"]
        arguments += [f"--out={out}", "--", track_id]  # an id may begin with a dash
        run_embedder(settings, arguments, f"at the mel spectrogram of {track_id}", f"See nightjar status {day}")
        return np.load(out)
