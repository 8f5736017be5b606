from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from embedder import echoprint

RATE = echoprint.RATE


def music(seed: int, seconds: float = 30.0) -> np.ndarray:
    """Struck notes and clicks at random times, on a faint hiss: mono float32."""
    rng = np.random.default_rng(seed)
    sound = 1e-3 * rng.standard_normal(int(seconds * RATE))
    length = RATE // 2
    times = np.arange(length) / RATE
    for start in rng.integers(0, len(sound) - length, size=int(5 * seconds)):
        pitch = 110 * 2 ** (rng.integers(0, 48) / 12)
        tones = sum(np.sin(2 * np.pi * pitch * harmonic * times) / harmonic for harmonic in (1, 2, 3, 5))
        click = rng.standard_normal(length) * np.exp(-200 * times)
        sound[start : start + length] += rng.uniform(0.05, 0.2) * (tones * np.exp(-8 * times) + click)
    return sound.astype(np.float32)


def common(one: tuple, other: tuple, shift: int = 0) -> float:
    """Share of the first song's codes that the other has at the same place, `shift` frames later."""
    there = {(code, time) for code, time in zip(*(part.tolist() for part in other), strict=True)}
    pairs = list(zip(*(part.tolist() for part in one), strict=True))
    return sum(any((code, time + shift + by) in there for by in (-1, 0, 1)) for code, time in pairs) / len(pairs)


def test_codes_are_20_bits_with_times_inside_the_song():
    codes, times = echoprint.codes(music(1))
    assert codes.dtype == times.dtype == np.uint32
    assert codes.shape == times.shape
    assert codes.max() < 1 << 20
    assert set((codes >> 17).tolist()) == set(range(echoprint.BANDS))
    assert np.all(np.diff(times.astype(int)) >= 0)
    assert times.max() < 30 * RATE / 256


def test_onsets_are_about_as_many_as_asked_for():
    codes, _ = echoprint.codes(music(2, 60.0))
    assert 0.5 < len(codes) / 60 / echoprint.BANDS / 6 / echoprint.ONSETS_PER_S < 1.5


def test_the_same_sound_has_the_same_codes_at_any_level():
    sound = music(3)
    once, again, quieter = (echoprint.codes(each) for each in (sound, sound.copy(), sound / 4))
    assert all(np.array_equal(*pair) for pair in zip(once, again, strict=True))
    assert common(once, quieter) > 0.99


def test_a_click_every_so_often_gives_its_interval():
    sound = np.zeros(20 * RATE, np.float32)
    sound[:: 43 * 256] = 0.5  # 0.998 s
    codes, times = echoprint.codes(sound)
    first, second = (codes >> 9) & 0xFF, codes & 0x1FF
    assert len(codes) > 100
    assert set(first.tolist()) == {43, 86, 129}
    assert set(second.tolist()) == {43, 86, 129}
    assert times.max() <= 20 * RATE // 256 - 2 * 43  # two more clicks come after it


def test_a_cut_beginning_shifts_the_times():
    sound = music(4)
    cut = 100
    assert common(echoprint.codes(sound[cut * 256 :]), echoprint.codes(sound), cut) > 0.5


@pytest.mark.parametrize(("below_db", "least"), [(30, 0.5), (10, 0.15)])
def test_noise_leaves_codes(below_db: float, least: float):
    sound = music(5)
    noise = np.random.default_rng(0).standard_normal(len(sound)) * np.sqrt(np.mean(sound**2)) * 10 ** (-below_db / 20)
    assert common(echoprint.codes(sound), echoprint.codes((sound + noise).astype(np.float32))) > least


def test_clipping_leaves_codes():
    sound = music(6)
    assert common(echoprint.codes(sound), echoprint.codes(np.clip(4 * sound, -0.8, 0.8))) > 0.2


def test_other_music_has_other_codes():
    assert common(echoprint.codes(music(7)), echoprint.codes(music(8))) < 0.02


def test_an_equaliser_is_whitened_away():
    noise = np.random.default_rng(9).standard_normal(10 * RATE)
    dull = lfilter([0.1], [1, -0.9], noise).astype(np.float32)
    spread = [energy.max() / energy.min() for energy in (means(dull), means(echoprint._whitened(dull)))]
    assert spread[0] > 50
    assert spread[1] < 1.5


def means(sound: np.ndarray) -> np.ndarray:
    """(BANDS,) mean energies."""
    return echoprint._energies(sound).mean(axis=0)


def test_the_first_seconds_of_a_piece_have_the_codes_of_the_song():
    shares = []
    for seed in range(20, 26):
        sound = music(seed)
        whole, (codes, times) = echoprint.codes(sound), echoprint.codes(sound[400 * 256 :])
        early = times < 130  # 3 s
        shares.append(common((codes[early], times[early]), whole, 400))
    assert np.mean(shares) > 0.25


@pytest.mark.parametrize(
    "nothing",
    [
        np.zeros(0, np.float32),
        np.ones(1, np.float32),
        np.full(100, 0.5, np.float32),
        np.zeros(10 * RATE, np.float32),
        np.full(128, -1.0, np.float32),
    ],
)
def test_nothing_to_hear_has_no_codes(nothing):
    codes, times = echoprint.codes(nothing)
    assert len(codes) == len(times) == 0
    assert codes.dtype == times.dtype == np.uint32


def test_the_filter_bank_is_the_convolution_that_it_stands_for():
    white = np.random.default_rng(0).standard_normal(2000).astype(np.float32)
    times = np.arange(echoprint.TAPS)
    for band in range(echoprint.BANDS):
        kernel = echoprint._PROTOTYPE * np.exp(1j * np.pi / echoprint.BANDS * (band + 0.5) * times)
        power = np.abs(np.convolve(white, kernel[::-1], "valid")[:: echoprint.HOP]) ** 2
        steps = len(power) // echoprint.HOPS_PER_STEP
        expected = power[: steps * echoprint.HOPS_PER_STEP].reshape(steps, -1).mean(axis=1)
        np.testing.assert_allclose(echoprint._energies(white)[:, band], expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("band", range(echoprint.BANDS))
def test_a_tone_is_loudest_in_its_band(band: int):
    tone = np.sin(2 * np.pi * (band + 0.5) * RATE / 16 * np.arange(RATE) / RATE).astype(np.float32)
    assert int(np.argmax(echoprint._energies(tone).mean(axis=0))) == band
