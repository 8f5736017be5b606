"""What the network is trained for: to say what the teacher says, and to know parts of one song for one.

Three terms, on mixtures and on patches of songs, all of them slightly altered:

- distillation: a linear map of the head's vector gives the teacher's embedding of the unaltered patch (by cosine);
- hints: a linear map of what the network hears in each stretch of the patch gives what the teacher hears in it;
- contrast: of all songs' patches of a batch, the nearest is the other one of the same song (NT-Xent, Chen et al. 2020,
  https://arxiv.org/abs/2002.05709). Songs of the same group are no counterexamples: an album is meant to be near.
"""

from __future__ import annotations

import keras
from keras import layers, ops

from embedder.nightjar_cnn import STRETCHES

TEMPERATURE = 0.15
VECTOR = 256
"""Dimensions of the head's vectors."""
CONTRAST = 0.25
"""Weight of the contrast; that of the others is 1."""


class Taught(keras.Model):
    """The network with what training needs besides, of which nothing is kept: the map of the hints, and a head whose
    vectors the other two terms judge (what is before such a head serves better afterwards: Chen et al. 2020).

    Targets are float32 (n, (1 + STRETCHES) d + 2): the teacher's d dimensions of the patch and of each stretch, the
    number of the song (negative for a mixture, which is of none) and of its group.
    """

    def __init__(self, network: keras.Model, teacher_dimensions: int) -> None:
        super().__init__()
        self._both = keras.Model(network.inputs[0], [network.outputs[0], network.get_layer("stretches").output])
        self._head = keras.Sequential(
            [
                layers.BatchNormalization(),
                layers.Dense(2 * VECTOR, activation="relu"),
                layers.Dense(VECTOR),
                layers.BatchNormalization(center=False, scale=False, dtype="float32"),
            ]
        )
        self._map = layers.Dense(teacher_dimensions, dtype="float32")
        self._hints = layers.Dense(teacher_dimensions, dtype="float32")
        self._parts = teacher_dimensions
        self._means = [keras.metrics.Mean(name=name) for name in ("distillation", "hints", "contrast")]

    @property
    def metrics(self) -> list:
        return [*super().metrics, *self._means]

    def call(self, patches, training: bool = False):
        """The head's vectors (n, VECTOR), and behind them what the maps make of them and of the stretches."""
        embeddings, heard = self._both(patches, training=training)
        vectors = self._head(embeddings, training=training)
        hints = ops.reshape(self._hints(heard), (-1, STRETCHES * self._parts))
        return ops.concatenate([vectors, self._map(vectors), hints], 1)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        vectors, said = _unit(y_pred[:, :VECTOR]), self._told(y_pred[:, VECTOR:])
        distances = ops.mean(1 - ops.sum(said * self._told(y[:, :-2]), axis=2), axis=0)
        terms = distances[0], ops.mean(distances[1:]), _contrast(vectors, y[:, -2], y[:, -1])
        for mean, term in zip(self._means, terms, strict=True):
            mean.update_state(term)
        return terms[0] + terms[1] + CONTRAST * terms[2]

    def _told(self, flat):
        """Of the patch and of each stretch, (n, 1 + STRETCHES, d), each of length 1."""
        return _unit(ops.reshape(flat, (-1, 1 + STRETCHES, self._parts)))


def _unit(vectors):
    return vectors / (ops.norm(vectors, axis=-1, keepdims=True) + 1e-6)


def _contrast(vectors, song, group):
    """Mean of -log of the share that the song's other patch has among it and the patches of other groups."""
    partner = _equal(song) - ops.eye(ops.shape(song)[0])
    other = 1 - _equal(group)
    scaled = ops.matmul(vectors, ops.transpose(vectors)) / TEMPERATURE
    near = ops.sum(scaled * partner, axis=1)
    everything = ops.logsumexp(ops.where(ops.cast(partner + other, "bool"), scaled, -1e9), axis=1)
    of_songs = ops.cast(song >= 0, "float32")
    return ops.sum((everything - near) * of_songs) / ops.sum(of_songs)


def _equal(numbers):
    return ops.cast(ops.equal(numbers[:, None], numbers[None]), "float32")
