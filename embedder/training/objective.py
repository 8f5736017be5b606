"""What the network is trained for: to say of an altered patch what the teacher says of the song, and to know parts of
one song for one.

Three terms, all on patches of which two at a time are of one song, altered independently:

- distillation: a linear map of the embedding gives the teacher's whitened embedding, of the unaltered patch and, more
  slowly changing, of the whole song (cosine distance);
- relation: cosines between patches are those between the teacher's song embeddings, for nearest songs are what the
  embedding is used for (Park et al. 2019, https://arxiv.org/abs/1904.05068);
- contrast: of all patches of a batch, the nearest is the other one of the same song (NT-Xent, Chen et al. 2020,
  https://arxiv.org/abs/2002.05709). Songs of the same group are no counterexamples: an album is meant to be near.
"""

from __future__ import annotations

import keras
from keras import layers, ops

TEMPERATURE = 0.15
RELATION, CONTRAST = 4.0, 0.25
"""Weights of the terms; distillation has 1 for each of its two targets."""


class Taught(keras.Model):
    """The network with the map that distillation needs; only the network is kept.

    Targets are float32 (n, 2 d + 2): the teacher's d whitened dimensions of the patch, those of its song, the number of
    the song and of its group.
    """

    def __init__(self, network: keras.Model, teacher_dimensions: int) -> None:
        super().__init__()
        self.network = network
        self.map = layers.Dense(2 * teacher_dimensions, dtype="float32", name="map")
        self._parts = teacher_dimensions
        self._means = [keras.metrics.Mean(name=name) for name in ("patch", "song", "relation", "contrast")]

    @property
    def metrics(self) -> list:
        return [*super().metrics, *self._means]

    def call(self, patches, training: bool = False):
        vectors = self.network(patches, training=training)
        return ops.concatenate([vectors, self.map(vectors)], 1)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        wide = self._parts
        vectors, said = _unit(y_pred[:, : -2 * wide]), y_pred[:, -2 * wide :]
        of_song = _unit(y[:, wide : 2 * wide])
        same_song, same_group = (ops.equal(y[:, at : at + 1], y[:, at]) for at in (2 * wide, 2 * wide + 1))
        cosines = ops.matmul(vectors, ops.transpose(vectors))
        itself = ops.eye(ops.shape(y)[0])
        terms = (
            _distance(said[:, :wide], _unit(y[:, :wide])),
            _distance(said[:, wide:], of_song),
            ops.mean(ops.square(cosines - ops.matmul(of_song, ops.transpose(of_song))) * (1 - itself)),
            _contrast(cosines, same_song, same_group, itself),
        )
        for mean, term in zip(self._means, terms, strict=True):
            mean.update_state(term)
        return terms[0] + terms[1] + RELATION * terms[2] + CONTRAST * terms[3]


def _unit(vectors):
    return vectors / (ops.norm(vectors, axis=1, keepdims=True) + 1e-6)


def _distance(said, unit):
    return ops.mean(1 - ops.sum(_unit(said) * unit, axis=1))


def _contrast(cosines, same_song, same_group, itself):
    """Mean of -log of the share that the song's other patch has among it and the patches of other groups."""
    partner = ops.cast(same_song, "float32") - itself
    other = 1 - ops.cast(same_group, "float32")
    scaled = cosines / TEMPERATURE
    near = ops.sum(scaled * partner, axis=1)
    everything = ops.logsumexp(ops.where(ops.cast(partner + other, "bool"), scaled, -1e9), axis=1)
    return ops.mean(everything - near)
