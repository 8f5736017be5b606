"""What the network is trained for: to say what the teacher says, and to know parts of one song for one.

Two terms, on mixtures and on patches of songs, all of them slightly altered:

- distillation: a linear map of the embedding gives the teacher's embedding of the unaltered patch (cosine distance);
- contrast: of all songs' patches of a batch, the nearest is the other one of the same song (NT-Xent, Chen et al. 2020,
  https://arxiv.org/abs/2002.05709). Songs of the same group are no counterexamples: an album is meant to be near.
"""

from __future__ import annotations

import keras
from keras import layers, ops

TEMPERATURE = 0.15
CONTRAST = 0.25
"""Weight of the contrast; the distillation's is 1."""


class Taught(keras.Model):
    """The network with the map that distillation needs; only the network is kept.

    Targets are float32 (n, d + 2): the teacher's d dimensions of the patch, the number of the song (negative for a
    mixture, which is of none) and of its group.
    """

    def __init__(self, network: keras.Model, teacher_dimensions: int) -> None:
        super().__init__()
        self.network = network
        self.map = layers.Dense(teacher_dimensions, dtype="float32", name="map")
        self._parts = teacher_dimensions
        self._means = [keras.metrics.Mean(name=name) for name in ("distillation", "contrast")]

    @property
    def metrics(self) -> list:
        return [*super().metrics, *self._means]

    def call(self, patches, training: bool = False):
        vectors = self.network(patches, training=training)
        return ops.concatenate([vectors, self.map(vectors)], 1)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        vectors, said = _unit(y_pred[:, : -self._parts]), _unit(y_pred[:, -self._parts :])
        distance = ops.mean(1 - ops.sum(said * _unit(y[:, : self._parts]), axis=1))
        contrast = _contrast(vectors, y[:, self._parts], y[:, self._parts + 1])
        for mean, term in zip(self._means, (distance, contrast), strict=True):
            mean.update_state(term)
        return distance + CONTRAST * contrast


def _unit(vectors):
    return vectors / (ops.norm(vectors, axis=1, keepdims=True) + 1e-6)


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
