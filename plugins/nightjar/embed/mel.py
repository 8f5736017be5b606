"""A few seconds of a song as the CNN sees them. The embedder makes them: librosa is in its environment only."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from nightjar.embed.runner import run_embedder
from nightjar.errors import NightjarError
from nightjar.settings import Settings


def log_mel(settings: Settings, track_id: str, day: str, start_s: float, seconds: float, part: str) -> np.ndarray:
    """The log mel spectrogram (frames, bands) of a stored song's part: mix, accompaniment or vocals.

    Raises NightjarError where there are no stems, and where the embedder cannot run.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "mel.npy"
        arguments = ["mel", f"--day={day}", f"--start={start_s}", f"--seconds={seconds}", f"--part={part}"]
        arguments += [f"--out={out}", "--", track_id]  # an id may begin with a dash
        what, remedy = f"at the mel spectrogram of {track_id}", f"See nightjar status {day}"
        run_embedder(settings, arguments, what, remedy, [Path(folder)])
        if not out.exists():  # a docker daemon elsewhere, or one that serves the container that we are in
            raise NightjarError(f"the embedder left nothing in {folder}", "Set NIGHTJAR_EMBEDDER_PYTHON here")
        return np.load(out)
