"""From patch embeddings to vectors that are compared by cosine. Pure arithmetic.

A network's dimensions differ much in mean and spread, so each is whitened with constants that were measured once and
belong to the model, and the result L2-normalised. Song and window vectors use the same constants.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embedder import signal


@dataclass(frozen=True)
class Whitening:
    """What an embedding is centred by, (d,) float32, and what it is multiplied with then, (d, k) float32."""

    mean: np.ndarray
    matrix: np.ndarray

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """Whitened embeddings (..., k)."""
        return (embeddings - self.mean) @ self.matrix


@dataclass(frozen=True)
class Window:
    """One vector of about 6 s of a song."""

    start_s: float
    vector: np.ndarray


def song_vector(embeddings: np.ndarray, whitening: Whitening) -> np.ndarray:
    """The song's vector, of length 1, from the embeddings (n, d) of its patches."""
    return _comparable(embeddings.mean(axis=0, dtype=np.float64), whitening)


def windows(embeddings: np.ndarray, whitening: Whitening) -> list[Window]:
    """The song's windows in order, the last one ending where the song does; a song shorter than one window has one of
    what there is."""
    last = max(len(embeddings) - signal.WINDOW_PATCHES, 0)
    seconds = signal.PATCH_FRAMES * signal.HOP / signal.STEM_RATE
    return [
        Window(
            first * seconds,
            song_vector(embeddings[first : first + signal.WINDOW_PATCHES], whitening),
        )
        for first in (*range(0, last, signal.WINDOW_PATCHES), last)
    ]


def _comparable(embedding: np.ndarray, whitening: Whitening) -> np.ndarray:
    whitened = whitening(embedding)
    return (whitened / np.linalg.norm(whitened)).astype(np.float32)
