"""What MSD_musicnn says of the songs' patches and of the mixtures that a run trains on, and of each stretch of them.

What it says of a patch is one vector for 3 s, of which a few hundred songs give too few to learn more than those songs;
what it hears in each third of a second it hears in any song. So its back end is asked for each stretch of a patch too,
as if the music were no longer than that (hints of a layer within: Romero et al. 2015, https://arxiv.org/abs/1412.6550).

It is asked in processes of their own: it wants TensorFlow on the CPU, whatever backend and processor the training uses,
and a process's threads and devices can be set only once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from embedder import signal
from embedder.nightjar_cnn import STRETCH_FRAMES
from embedder.training import mixtures, patches
from embedder.training.spectrograms import Song
from embedder.training.workers import side_by_side

Say = Callable[[str], None]
_TOGETHER = 8


def of_songs(songs: list[Song], kept: Path, processes: int, say: Say = print) -> None:
    """Have what the teacher says of all songs in the folder `kept`; what is there is left alone."""
    missing = [song for song in songs if not patches.file_of(song, kept).exists()]
    for _ in side_by_side(_of_song, [(song, kept) for song in missing], processes, "teacher on songs", say):
        pass


def of_mixtures(songs: list[Song], chunks: int, seed: int, kept: Path, processes: int, say: Say = print) -> None:
    """Have so many chunks of mixtures of the songs, and what the teacher says of them, in the folder `kept`."""
    kept.mkdir(parents=True, exist_ok=True)
    missing = [chunk for chunk in range(chunks) if not mixtures.said_of(kept, chunk).exists()]
    jobs = [(songs, seed, chunk, kept) for chunk in missing]
    for _ in side_by_side(_of_mixtures, jobs, processes, "teacher on chunks of mixtures", say):
        pass


@cache
def _network() -> patches.Embed:
    """(n, PATCH_FRAMES, N_MELS) to (n, 1 + STRETCHES, 200): the embedding of the patch, then for each stretch what the
    penultimate layer has for it before it is rectified."""
    import keras
    import tensorflow as tf

    from embedder import msd_musicnn

    msd_musicnn.on_cpu(1)
    network = msd_musicnn.trained()
    normal, dense, _ = network.layers[-3:]
    both = keras.Model(network.inputs[0], [network.get_layer("features").output, network.outputs[0]])

    @tf.function(input_signature=msd_musicnn.PATCHES)
    def said(given: tf.Tensor) -> tf.Tensor:
        features, embeddings = both(given, training=False)
        told = [embeddings]
        for first in range(0, signal.PATCH_FRAMES, STRETCH_FRAMES):
            stretch = features[:, first : first + STRETCH_FRAMES]
            pooled = tf.concat([tf.reduce_max(stretch, 1), tf.reduce_mean(stretch, 1)], 2)
            told.append(normal(tf.reshape(pooled, (tf.shape(given)[0], -1))) @ dense.kernel + dense.bias)
        return tf.stack(told, 1)

    return lambda given: said(given).numpy()


def _of_song(song: Song, kept: Path) -> None:
    starts, cut = patches.cut(song)
    _, altered = patches.altered(song, starts)
    patches.keep(song, kept, starts, _said(cut), _said(altered)[:, 0])


def _of_mixtures(songs: list[Song], seed: int, chunk: int, kept: Path) -> None:
    made = mixtures.make(songs, seed, chunk)
    mixtures.keep(kept, chunk, made, _said(made))


def _said(given: np.ndarray) -> np.ndarray:
    return np.concatenate([_network()(given[first : first + _TOGETHER]) for first in range(0, len(given), _TOGETHER)])
