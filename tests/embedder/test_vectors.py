from __future__ import annotations

import numpy as np
import pytest

from embedder import vectors
from embedder.vectors import Whitening


@pytest.fixture
def embeddings() -> np.ndarray:
    return np.abs(np.random.default_rng(5).normal(size=(11, 200))).astype(np.float32)


@pytest.fixture
def whitening() -> Whitening:
    chance = np.random.default_rng(6)
    return Whitening(chance.normal(size=200), chance.normal(size=(200, 200)))


def test_a_song_vector_is_whitened_and_of_length_one(embeddings, whitening):
    vector = vectors.song_vector(embeddings, whitening)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    whitened = (embeddings.mean(axis=0) - whitening.mean) @ whitening.matrix
    assert vector @ whitened / np.linalg.norm(whitened) == pytest.approx(1, abs=1e-6)


def test_windows_are_means_of_neighbouring_patches(embeddings, whitening):
    windows = vectors.windows(embeddings, whitening)
    assert [round(window.start_s, 3) for window in windows] == [0.0, 5.984, 11.968, 17.952, 23.936, 26.928]
    assert np.array_equal(windows[1].vector, vectors.song_vector(embeddings[2:4], whitening))
    assert np.array_equal(windows[-1].vector, vectors.song_vector(embeddings[-2:], whitening))


@pytest.mark.parametrize(("patches", "expected"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (7, 4)])
def test_every_song_has_a_window(embeddings, whitening, patches, expected):
    windows = vectors.windows(embeddings[:patches], whitening)
    assert len(windows) == expected
    assert all(np.linalg.norm(window.vector) == pytest.approx(1, abs=1e-6) for window in windows)
