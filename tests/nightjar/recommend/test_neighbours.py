"""Neighbour tables on matrices that one can check by eye."""

from __future__ import annotations

import numpy as np
import pytest

from nightjar.recommend import neighbours
from nightjar.thresholds import NEIGHBOURS_PER_SEED


def test_nothing_near():
    none = np.zeros(0, dtype=np.int64)
    assert neighbours.similar(np.zeros((0, 1)), none, none, np.zeros(0, dtype=bool)).nnz == 0


def test_cosines_are_computed_again_and_copies_left_out():
    vectors = np.array([[1, 0], [0.6, 0.8], [0, 1], [-1, 0]], dtype=np.float32)
    seeds = np.array([0, 0, 0, 0, 0])
    found = np.array([1, 0, 2, 3, 1])  # itself, an orthogonal one, an opposite one, and one twice
    table = neighbours.similar(vectors, seeds, found, np.ones(4, dtype=bool)).toarray()
    assert table[0].tolist() == pytest.approx([0, 0.6, 0, 0])
    assert neighbours.similar(vectors, seeds, found, np.array([True, False, True, True])).nnz == 0


def test_only_so_many_neighbours_and_ties_by_row():
    size = NEIGHBOURS_PER_SEED + 30
    vectors = np.tile(np.array([[1, 0]], dtype=np.float32), (size, 1))
    found = np.random.default_rng(1).permutation(size)
    table = neighbours.similar(vectors, np.zeros(size, dtype=np.int64), found, np.ones(size, dtype=bool))
    assert table.indices.tolist() == list(range(1, NEIGHBOURS_PER_SEED + 1))
    assert set(table.data) == {1.0}
