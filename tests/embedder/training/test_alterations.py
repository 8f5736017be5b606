from __future__ import annotations

import numpy as np
import pytest

from embedder import mel, signal
from embedder.training import alterations
from embedder.training.patches import CONTEXT_FRAMES, middle


@pytest.fixture(scope="module")
def contexts() -> np.ndarray:
    """Log mel of tones that rise, four of them."""
    times = np.arange((CONTEXT_FRAMES + 1) * signal.HOP + signal.N_FFT) / signal.STEM_RATE
    sounds = [0.3 * np.sin(2 * np.pi * (start * times + 100 * times**2)) for start in (200, 400, 800, 1600)]
    return np.stack([mel.log_mel(sound.astype(np.float32))[:CONTEXT_FRAMES] for sound in sounds])


def test_shapes_and_the_same_for_the_same_seed(contexts):
    one, other = (alterations.altered(contexts, middle(contexts)[::-1], np.random.default_rng(5)) for _ in range(2))
    assert one.shape == (4, signal.PATCH_FRAMES, signal.N_MELS)
    assert one.dtype == np.float32
    assert np.isfinite(one).all()
    assert (one >= 0).all()
    assert np.array_equal(one, other)
    assert not np.array_equal(one, alterations.altered(contexts, middle(contexts)[::-1], np.random.default_rng(6)))


def test_altered_patches_stay_what_they_are(contexts):
    chance = np.random.default_rng(1)
    made = np.stack([alterations.altered(contexts, middle(contexts)[::-1], chance) for _ in range(20)])
    plain = middle(contexts)
    for number in range(4):
        like = [np.corrcoef(made[:, number].mean(axis=0).ravel(), each.ravel())[0, 1] for each in plain]
        assert int(np.argmax(like)) == number
        assert like[number] > 0.7


def test_a_semitone_moves_the_bands(contexts):
    bands = alterations._bands_at(2 ** (1 / 12))
    centres = alterations._centres()
    assert np.interp(bands, np.arange(signal.N_MELS), centres)[40] == pytest.approx(
        centres[40] / 2 ** (1 / 12), rel=1e-6
    )


def test_voices_are_of_harmonics_and_pauses():
    voices = alterations._voices()
    assert voices.shape == (alterations.VOICES, signal.PATCH_FRAMES, signal.N_MELS)
    assert np.isfinite(voices).all()
    assert (voices >= 0).all()
    loud = voices.sum(axis=2)
    assert np.median(loud.max(axis=1) / (loud.min(axis=1) + 1e-9)) > 5  # most have a breath
