"""MSD_musicnn in Keras: the musically motivated CNN of Pons and Serra (https://arxiv.org/abs/1909.06654), trained on
the Million Song Dataset to tag music, with the parameters of the TF1 checkpoint in the PyPI wheel `musicnn` 0.1.0
(ISC).

The wheel's own code no longer runs and is not imported: the network is built here as `musicnn/models.py` defines it, up
to its penultimate layer. Importing this imports TensorFlow (10 CPU-s).
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from embedder import signal
from nightjar.errors import NightjarError

CHECKPOINT_SHA256 = "8579734ee6388f799ed0def4bbd0d1fdcbeaf213ef2a9dc860917bd76a303de6"
"""Of the checkpoint's data file."""
DIMENSIONS = 200
"""Length of an embedding: the penultimate layer."""
_TIMBRAL_FILTERS, _TEMPORAL_FILTERS, _MID_FILTERS = 204, 51, 64
_TIMBRAL_HEIGHTS = (int(0.4 * signal.N_MELS), int(0.7 * signal.N_MELS))
_TEMPORAL_LENGTHS = (128, 64, 32)


class MsdMusicnn:
    """The trained network on the CPU, deterministic."""

    def __init__(self, threads: int = 1) -> None:
        on_cpu(threads)
        self._network = graph(trained())

    def __call__(self, patches: np.ndarray) -> np.ndarray:
        """(n, signal.PATCH_FRAMES, signal.N_MELS) log mel patches to (n, DIMENSIONS) float32."""
        return self._network(patches).numpy()


def on_cpu(threads: int) -> None:
    """Have TensorFlow compute on so many cores, and leave a GPU to the separator."""
    tf.config.set_visible_devices([], "GPU")
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)


PATCHES = [tf.TensorSpec((None, signal.PATCH_FRAMES, signal.N_MELS), tf.float32)]
"""What the networks take."""


def graph(network: keras.Model) -> tf.types.experimental.PolymorphicFunction:
    """The network as one graph: MSD_musicnn costs 35 ms of a core for each patch then, layer by layer 50, and says the
    same to the last bit."""
    return tf.function(lambda patches: network(patches, training=False), input_signature=PATCHES)


def trained() -> keras.Model:
    """The network with the checkpoint's parameters; its layer `features` has all maps (n, PATCH_FRAMES, 753, 1).

    Raises NightjarError if the checkpoint cannot be had.
    """
    network = build()
    _fill(network, checkpoint())
    return network


def build() -> keras.Model:
    """The untrained network. Layers that have parameters carry the names that the checkpoint gives them."""
    names = _Names()
    given = keras.Input((signal.PATCH_FRAMES, signal.N_MELS))
    spectrogram = names.normalised(ops.expand_dims(given, 3))
    padded = layers.ZeroPadding2D(((3, 3), (0, 0)))(spectrogram)
    # Front end: timbral filters see 7 frames of many bands, temporal ones many frames of one band.
    bands = [names.convolved(padded, _TIMBRAL_FILTERS, (7, height)) for height in _TIMBRAL_HEIGHTS]
    bands += [names.convolved(spectrogram, _TEMPORAL_FILTERS, (length, 1), "same") for length in _TEMPORAL_LENGTHS]
    front = ops.expand_dims(ops.concatenate([ops.max(band, axis=2) for band in bands], 2), 3)
    # Mid end: three convolutions over time, the last two residual; all four maps are kept.
    maps = [front]
    for residual in (False, True, True):
        padded = layers.ZeroPadding2D(((3, 3), (0, 0)))(maps[-1])
        made = ops.transpose(names.convolved(padded, _MID_FILTERS, (7, padded.shape[2])), (0, 1, 3, 2))
        maps.append(made + maps[-1] if residual else made)
    # Back end: maximum and mean over time, side by side for each feature, then the penultimate layer.
    features = layers.Concatenate(2, name="features")(maps)
    pooled = ops.concatenate([ops.max(features, axis=1), ops.mean(features, axis=1)], 2)
    flat = names.normalised(layers.Flatten()(pooled))
    dense = layers.Dense(DIMENSIONS, activation="relu", name="dense")(flat)
    return keras.Model(given, names.normalised(dense))


class _Names:
    """Makes layers with TF1's automatic names (`conv2d`, `conv2d_1`, ...), in the order in which musicnn made its
    own."""

    def __init__(self) -> None:
        self._made: dict[str, int] = {}

    def _next(self, kind: str) -> str:
        number = self._made[kind] = self._made.get(kind, -1) + 1
        return f"{kind}_{number}" if number else kind

    def normalised(self, values):
        return layers.BatchNormalization(epsilon=1e-3, name=self._next("batch_normalization"))(values)

    def convolved(self, values, filters: int, size: tuple[int, int], padding: str = "valid"):
        name = self._next("conv2d")
        return self.normalised(layers.Conv2D(filters, size, padding=padding, activation="relu", name=name)(values))


def checkpoint() -> Path:
    """The checkpoint's folder in the installed wheel. Raises NightjarError if it is not there or not the right one."""
    wheel = importlib.util.find_spec("musicnn")
    if wheel is None or not wheel.submodule_search_locations:
        raise NightjarError(
            "the wheel `musicnn` is not installed", "Run `make install`; it is installed with --no-deps"
        )
    folder = Path(wheel.submodule_search_locations[0]) / "MSD_musicnn"
    digest = hashlib.sha256((folder / ".data-00000-of-00001").read_bytes()).hexdigest()
    if digest != CHECKPOINT_SHA256:
        raise NightjarError(f"{folder} is not the checkpoint of musicnn 0.1.0", "Install musicnn==0.1.0")
    return folder


def _fill(network: keras.Model, folder: Path) -> None:
    reader = tf.compat.v1.train.NewCheckpointReader(f"{folder}/")  # the files' common prefix ends in the slash
    for layer in network.layers:
        if layer.weights:
            layer.set_weights([reader.get_tensor(f"{layer.name}/{weight.name}") for weight in layer.weights])
