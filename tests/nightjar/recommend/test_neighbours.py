"""Neighbour tables on matrices that one can check by eye, and the two sources in one table."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from nightjar.errors import NightjarError
from nightjar.recommend import neighbours
from nightjar.recommend.behaviour import Behaviour
from nightjar.recommend.neighbours import Neighbours
from nightjar.recommend.quantized import WIDTH, dot, principal_axes, quantize
from nightjar.thresholds import NEIGHBOURS_PER_SEED, SOUND_HALF_LISTENERS, SOUND_WEIGHT


def similar(size: int, *pairs: tuple[int, int, float]) -> csr_array:
    columns = np.array(pairs or [(0, 0, 0.0)]).T
    return neighbours.similar(size, columns[0].astype(int), columns[1].astype(int), columns[2])


def test_nothing_near():
    assert similar(0).nnz == 0
    assert similar(3, (0, 1, 0.0), (1, 2, -0.5), (2, 2, 1.0)).nnz == 0


def test_pairs_are_read_both_ways_and_the_larger_of_two_counts():
    table = similar(3, (0, 1, 0.6), (1, 0, 0.7), (0, 2, 0.5), (2, 0, 1.0000001)).toarray()
    assert table == pytest.approx(np.array([[0, 0.7, 1], [0.7, 0, 0], [1, 0, 0]]))
    assert table.max() == 1


def test_only_so_many_neighbours_and_ties_by_row():
    size = NEIGHBOURS_PER_SEED + 30
    others = np.random.default_rng(1).permutation(np.arange(1, size))
    table = similar(size, *((0, each, 0.9) for each in others))
    assert table[[0]].indices.tolist() == list(range(1, NEIGHBOURS_PER_SEED + 1))
    assert table[[size - 1]].indices.tolist() == [0]


def blended(cosines: csr_array, played: csr_array, listeners: np.ndarray) -> Neighbours:
    return Neighbours.of(cosines, Behaviour(played, np.zeros((len(listeners), 1), np.float32), listeners))


def test_the_two_sources_in_one_table():
    rng, size = np.random.default_rng(2), 2 * NEIGHBOURS_PER_SEED
    cosines, played = (
        csr_array(np.where(rng.random((size, size)) < 0.4, rng.random((size, size)), 0)) for _ in range(2)
    )
    listeners = rng.integers(0, 50, size)
    made = blended(cosines, 0.05 * played, listeners)
    sound = cosines.toarray() * SOUND_WEIGHT * SOUND_HALF_LISTENERS / (SOUND_HALF_LISTENERS + listeners)
    both = sound + 0.05 * played.toarray()
    for row in range(size):
        own = slice(made.starts[row], made.starts[row + 1])
        songs = made.songs[own]
        assert (np.diff(songs) > 0).all()
        assert len(songs) == min(NEIGHBOURS_PER_SEED, np.count_nonzero(both[row]))
        assert set(songs) == set(np.argsort(-both[row], kind="stable")[: len(songs)])
        assert made.sound[own] == pytest.approx(sound[row, songs], abs=1e-7)
        assert made.played[own] == pytest.approx(0.05 * played.toarray()[row, songs], abs=1e-7)


def test_the_sound_counts_less_for_a_song_that_many_play():
    half = round(SOUND_HALF_LISTENERS)
    cosines = csr_array(np.array([[0, 0.8, 0.8], [0] * 3, [0] * 3]))
    made = blended(cosines, csr_array((3, 3)), np.array([0, 0, half]))
    assert made.sound.tolist() == pytest.approx([0.8 * SOUND_WEIGHT, 0.4 * SOUND_WEIGHT])


def test_whole_steps_keep_inner_products():
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((50, WIDTH - 3)).astype(np.float32)
    vectors[7] = 0
    steps, unit = quantize(vectors)
    assert (steps[:, -3:] == 0).all()
    assert unit[7] == 0
    for a, b in rng.integers(0, 50, (40, 2)):
        exact = float(vectors[a] @ vectors[b])
        inner = int(steps[a].astype(int) @ steps[b])
        assert dot(steps, a, steps, b) == inner
        assert inner * unit[a] * unit[b] == pytest.approx(exact, abs=float(unit[a] * unit[b]) * 127 * WIDTH**0.5)
    with pytest.raises(NightjarError, match="vectors of 65 numbers"):
        quantize(np.zeros((1, WIDTH + 1)))


def test_principal_axes_keep_what_matters():
    rng = np.random.default_rng(4)
    plane = np.linalg.qr(rng.standard_normal((200, 20)))[0]
    vectors = rng.standard_normal((300, 20)) @ plane.T + 0.01 * rng.standard_normal((300, 200))
    axes = principal_axes(vectors)
    assert axes.shape == (200, WIDTH)
    assert axes.T @ axes == pytest.approx(np.eye(WIDTH), abs=1e-5)
    kept = vectors @ axes
    assert kept @ kept.T == pytest.approx(vectors @ vectors.T, abs=0.1)
    assert principal_axes(vectors[:, :8]).shape == (8, 8)
