"""The network rebuilt in Keras against the graph that its authors saved, run as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from embedder import mel, signal, stems
from embedder.decode import decode
from embedder.msd_musicnn import DIMENSIONS

PENULTIMATE = "model/batch_normalization_10/batchnorm/add_1"


@pytest.fixture(scope="session")
def original() -> Callable[[np.ndarray], np.ndarray]:
    """The penultimate layer of the graph in the wheel's checkpoint, with the checkpoint's values for its variables."""
    import tensorflow as tf

    from embedder.msd_musicnn import checkpoint

    v1 = tf.compat.v1
    saved = v1.MetaGraphDef()
    saved.ParseFromString((checkpoint() / ".meta").read_bytes())
    graph_def = v1.graph_util.extract_sub_graph(saved.graph_def, [PENULTIMATE])
    for node in graph_def.node:
        node.attr.pop("_output_shapes", None)  # written by an older TensorFlow, and wrong for this one
    reader = v1.train.NewCheckpointReader(f"{checkpoint()}/")
    values = {f"{node.name}/read:0": reader.get_tensor(node.name) for node in graph_def.node if node.op == "VariableV2"}
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(graph_def, name="")

    def run(patches: np.ndarray) -> np.ndarray:
        with v1.Session(graph=graph) as session:
            given = {"model/Placeholder:0": patches, "model/Placeholder_2:0": False, **values}
            return session.run(f"{PENULTIMATE}:0", given)

    return run


def stem_of(file: Path, folder: Path) -> Path:
    pcm = decode(file, folder / "raw")
    return stems.write([(pcm.read(0, pcm.frames),) * 2], folder).accompaniment


def test_equal_to_the_original_graph_on_real_audio(music, cnn, original, tmp_path):
    for song in ("library/001.mp3", "library/050.opus"):
        patches = next(mel.patches(stem_of(music / song, tmp_path)))
        ours, theirs = cnn(patches), original(patches)
        assert ours.shape == theirs.shape == (signal.BATCH, DIMENSIONS)
        assert np.abs(theirs).max() > 0.5
        assert np.abs(ours - theirs).max() < 1e-4


def test_equal_to_the_original_graph_on_synthetic_audio(synth, cnn, original, tmp_path):
    patches = next(mel.patches(stem_of(synth("song.wav", 8.0), tmp_path)))
    assert np.abs(cnn(patches) - original(patches)).max() < 1e-4


def test_a_patch_does_not_depend_on_its_batch(synth, cnn, tmp_path):
    patches = next(mel.patches(stem_of(synth("song.wav", 12.0), tmp_path)))
    assert np.allclose(cnn(patches[:1]), cnn(patches)[:1], atol=1e-5)


def test_mel_in_pieces_is_the_mel_of_the_whole(synth, tmp_path):
    import librosa

    stem = stem_of(synth("song.wav", 40.0), tmp_path)
    samples = soundfile.read(stem, dtype="float32")[0]
    power = librosa.feature.melspectrogram(y=samples, sr=signal.STEM_RATE, n_fft=512, hop_length=256, n_mels=96).T
    whole = np.log10(10_000 * power + 1)
    made = np.concatenate(list(mel.patches(stem)))
    starts = mel.patch_starts(len(samples))
    assert len(made) == len(starts) > signal.BATCH
    for begin, patch in zip(starts, made, strict=True):
        assert np.allclose(patch, whole[begin : begin + signal.PATCH_FRAMES], atol=1e-4)


@pytest.mark.parametrize("frames", [187, 188, 280, 281, 373, 374, 375, 467, 468, 5000])
def test_patches_follow_each_other_to_the_end(frames):
    starts = mel.patch_starts((frames - 1) * signal.HOP)
    heard = {frame for begin in starts for frame in range(begin, begin + signal.PATCH_FRAMES)}
    assert heard == set(range(max(heard) + 1))  # no gap
    assert frames - 94 < len(heard) <= frames
    assert len(starts) * signal.PATCH_FRAMES < frames + 94  # and hardly anything twice


@pytest.mark.parametrize("samples", [1000, 3 * signal.STEM_RATE, 3 * signal.STEM_RATE + 1])
def test_the_shortest_song_is_one_patch(tmp_path, samples):
    soundfile.write(tmp_path / "stem.flac", np.full(samples, 0.1, np.float32), signal.STEM_RATE)
    made = list(mel.patches(tmp_path / "stem.flac"))
    assert [batch.shape for batch in made] == [(1, signal.PATCH_FRAMES, signal.N_MELS)]
    assert np.isfinite(made[0]).all()
