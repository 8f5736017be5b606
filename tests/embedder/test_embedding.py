"""The embedding models by their names."""

from __future__ import annotations

import numpy as np
import pytest

from embedder import embedding, signal
from nightjar.errors import NightjarError
from nightjar.thresholds import CANDIDATE_COSINE


@pytest.fixture(scope="module")
def given() -> np.ndarray:
    return np.random.default_rng(3).uniform(0, 3, (3, signal.PATCH_FRAMES, signal.N_MELS)).astype(np.float32)


@pytest.mark.parametrize("name", embedding.MODELS)
def test_every_model_has_constants_that_fit_its_network(name, given):
    model = embedding.load(name)
    said = model.network(given)
    assert said.shape == (len(given), len(model.whitening.mean))
    assert model.whitening(said).shape == (len(given), 200)
    assert set(CANDIDATE_COSINE[name]) == {"tracks", "windows"}  # measured on its vectors, not taken from another's
    assert np.array_equal(said, model.network(given))


def test_the_pair_is_the_teacher_and_then_ours(given):
    one, other, pair = (embedding.load(name) for name in ("msd_musicnn-2", "nightjar_cnn-4", "nightjar_pair-2"))
    both = np.concatenate([one.network(given), other.network(given)], axis=1)
    assert np.array_equal(pair.network(given), both)
    for alone, share in ((one, slice(None, 200)), (other, slice(200, None))):  # measured on the same songs
        assert np.corrcoef(pair.whitening.mean[share], alone.whitening.mean)[0, 1] > 0.9


def test_an_unknown_model_is_refused_with_the_known_ones():
    with pytest.raises(NightjarError, match=r"nightjar_cnn-0.*nightjar_pair-2, nightjar_cnn-4, msd_musicnn-2"):
        embedding.load("nightjar_cnn-0")
