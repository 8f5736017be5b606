"""From patch embeddings to vectors that are compared by cosine. Pure arithmetic.

The network's dimensions differ much in mean and spread, so each is whitened with constants measured once
(`statistics`), and the result L2-normalised. Song and window vectors use the same constants.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from embedder import signal

STATISTICS = Path(__file__).parent / "models" / f"{signal.MODEL}.npz"
"""Mean and deviation of each dimension over songs; made by `python -m embedder statistics`, see models/README.md."""


@dataclass(frozen=True)
class Window:
    """One vector of about 6 s of a song."""

    start_s: float
    vector: np.ndarray


@cache
def statistics() -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each dimension over the mean embeddings of songs, each (signal.DIMENSIONS,) float32."""
    with np.load(STATISTICS) as stored:
        return stored["mean"], stored["deviation"]


def song_vector(embeddings: np.ndarray) -> np.ndarray:
    """The song's vector, of length 1, from the embeddings (n, signal.DIMENSIONS) of its patches."""
    return _comparable(embeddings.mean(axis=0, dtype=np.float64))


def windows(embeddings: np.ndarray) -> list[Window]:
    """The song's windows in order; a song shorter than one window has one of what there is."""
    last = max(len(embeddings) - signal.WINDOW_PATCHES, 0)
    seconds = signal.PATCH_HOP * signal.HOP / signal.STEM_RATE
    return [
        Window(
            first * seconds,
            _comparable(embeddings[first : first + signal.WINDOW_PATCHES].mean(axis=0, dtype=np.float64)),
        )
        for first in range(0, last + 1, signal.WINDOW_HOP)
    ]


def _comparable(embedding: np.ndarray) -> np.ndarray:
    mean, deviation = statistics()
    whitened = (embedding - mean) / deviation
    return (whitened / np.linalg.norm(whitened)).astype(np.float32)
