"""The embedding models that this embedder makes, by their names: patches to embeddings, embeddings to vectors.

A model's file in `models/` holds the constants by which its embeddings are whitened, and the parameters of its network
where they are ours. A name stands for all of it for ever: whoever changes a network or its constants gives it another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embedder.vectors import Whitening
from nightjar.errors import NightjarError

MODELS = ("nightjar_pair-2", "nightjar_cnn-4", "msd_musicnn-2")
"""Ours beside its teacher, ours, and the teacher."""


@dataclass(frozen=True)
class Embedding:
    """A model that is loaded. `network` takes (n, signal.PATCH_FRAMES, signal.N_MELS) log mel patches to (n, d)."""

    name: str
    network: Callable[[np.ndarray], np.ndarray]
    whitening: Whitening


def file_of(name: str) -> Path:
    """The model's file. Raises NightjarError if there is no such model."""
    if name not in MODELS:
        raise NightjarError(f"there is no embedding model {name!r}", f"Models: {', '.join(MODELS)}")
    return Path(__file__).parent / "models" / f"{name}.npz"


def load(name: str, threads: int = 1) -> Embedding:
    """The model, on the CPU. Importing its network imports TensorFlow (10 CPU-s). Raises NightjarError if there is no
    such model, or its parameters cannot be had."""
    with np.load(file_of(name)) as stored:
        matrix = stored["whitening"] if "whitening" in stored else np.diag(1 / stored["deviation"])
        whitening = Whitening(stored["mean"], matrix)
    return Embedding(name, _network(name, threads), whitening)


def _network(name: str, threads: int) -> Callable[[np.ndarray], np.ndarray]:
    from embedder.msd_musicnn import MsdMusicnn
    from embedder.nightjar_cnn import NightjarCnn

    made = {"msd_musicnn": (MsdMusicnn,), "nightjar_cnn": (NightjarCnn,), "nightjar_pair": (MsdMusicnn, NightjarCnn)}
    networks = [each(threads) for each in made[name.rpartition("-")[0]]]
    return lambda patches: np.concatenate([network(patches) for network in networks], axis=1)
