"""Our own CNN: a small residual network on log mel patches, trained on accompaniments (see docs/models.md).

It reads the same spectrogram as MSD_musicnn, which was its teacher. Importing this imports Keras and its backend
(TensorFlow: 10 CPU-s).
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
from keras import layers, ops

from embedder import signal

FILE = Path(__file__).parent / "models" / "nightjar_cnn-2.npz"
DIMENSIONS = 256
"""Length of an embedding."""
_WIDTHS = (32, 64, 128, 256)
"""Channels of the four stages; each halves time and frequency."""


class NightjarCnn:
    """The trained network on the CPU, deterministic."""

    def __init__(self, threads: int = 1) -> None:
        from embedder.msd_musicnn import graph, on_cpu

        on_cpu(threads)
        self._network = graph(load(FILE))

    def __call__(self, patches: np.ndarray) -> np.ndarray:
        """(n, signal.PATCH_FRAMES, signal.N_MELS) log mel patches to (n, DIMENSIONS) float32."""
        return self._network(patches).numpy()


def build() -> keras.Model:
    """The untrained network: (n, signal.PATCH_FRAMES, signal.N_MELS) log mel patches to (n, DIMENSIONS)."""
    given = keras.Input((signal.PATCH_FRAMES, signal.N_MELS))
    levelled = layers.BatchNormalization(name="bands")(given)  # each mel band by itself
    maps = _convolved("stem", ops.expand_dims(levelled, 3), _WIDTHS[0], 5, stride=2)
    for width in _WIDTHS[1:]:
        maps = _convolved(f"down_{width}", maps, width, 3, stride=2)
        maps = layers.ReLU()(maps + _convolved(f"more_{width}", maps, width, 3, activation=None))
    # Pooled over time only: in which band something sounds is half of how it sounds.
    summary = layers.Flatten()(ops.concatenate([ops.mean(maps, axis=1), ops.max(maps, axis=1)], 2))
    hidden = layers.Dense(2 * DIMENSIONS, activation="relu", name="hidden")(
        layers.BatchNormalization(name="summary_normal")(summary)
    )
    vector = layers.Dense(DIMENSIONS, name="vector")(hidden)
    standard = layers.BatchNormalization(center=False, scale=False, dtype="float32", name="standard")(vector)
    return keras.Model(given, standard, name="nightjar_cnn")


def _convolved(name: str, maps, width: int, size: int, stride: int = 1, activation: str | None = "relu"):
    made = layers.Conv2D(width, size, strides=stride, padding="same", use_bias=False, name=name)(maps)
    made = layers.BatchNormalization(name=f"{name}_normal")(made)
    return layers.Activation(activation)(made) if activation else made


def save(network: keras.Model, target: Path, **constants: np.ndarray) -> None:
    """Write the parameters (convolutions and dense layers as float16) and what `constants` belong to them."""
    values = {weight.path: np.asarray(weight, np.float32) for weight in network.weights}
    halved = {name: each.astype(np.float16) if each.ndim > 1 else each for name, each in values.items()}
    np.savez(target, **halved, **constants)


def load(source: Path) -> keras.Model:
    """The trained network from a file of parameters, in float32."""
    network = build()
    with np.load(source) as stored:
        network.set_weights([stored[weight.path].astype(np.float32) for weight in network.weights])
    return network
