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

FILE = Path(__file__).parent / "models" / "nightjar_cnn-4.npz"
_WIDTHS = (32, 64, 128, 256)
"""Channels of the four stages; each halves time and frequency."""
STRETCH_FRAMES = 2 ** len(_WIDTHS)
"""Frames of a stretch, a quarter of a second: what is left of time after the stages."""
STRETCHES = -(-signal.PATCH_FRAMES // STRETCH_FRAMES)
_STRETCH_CHANNELS = 384
DIMENSIONS = 2 * _STRETCH_CHANNELS
"""Length of an embedding: mean and maximum of what is heard in the stretches."""


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
    """The untrained network: (n, signal.PATCH_FRAMES, signal.N_MELS) log mel patches to (n, DIMENSIONS).

    Its layer `stretches` (n, STRETCHES, _STRETCH_CHANNELS) tells what is heard in each stretch.
    """
    given = keras.Input((signal.PATCH_FRAMES, signal.N_MELS))
    levelled = layers.BatchNormalization(name="bands")(given)  # each mel band by itself
    maps = _convolved("stem", ops.expand_dims(levelled, 3), _WIDTHS[0], 5, stride=2)
    for width in _WIDTHS[1:]:
        maps = _convolved(f"down_{width}", maps, width, 3, stride=2)
        maps = layers.ReLU()(maps + _convolved(f"more_{width}", maps, width, 3, activation=None))
    # Not pooled over bands: in which band something sounds is half of how it sounds.
    heard = layers.Dense(_STRETCH_CHANNELS, use_bias=False, name="stretch")(layers.Reshape((STRETCHES, -1))(maps))
    heard = layers.ReLU(name="stretches")(layers.BatchNormalization(name="stretch_normal")(heard))
    return keras.Model(
        given, ops.concatenate([ops.mean(heard, axis=1), ops.max(heard, axis=1)], 1), name="nightjar_cnn"
    )


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
