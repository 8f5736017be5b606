"""Neighbour tables on matrices that one can check by eye."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightjar.recommend import neighbours
from nightjar.thresholds import CO_LISTEN_MIN_SUPPORT, CO_LISTEN_SHRINK, NEIGHBOURS_PER_SEED

#        song 0  1  2  3
PLAYS = [[1, 1, 0, 0],
         [1, 1, 0, 0],
         [1, 0, 1, 1],
         [1, 0, 1, 0]]  # fmt: skip


def pairs(matrix) -> tuple[np.ndarray, np.ndarray]:
    return np.nonzero(np.array(matrix))


def test_cosine_of_listeners_shrunk_by_support():
    users, songs = pairs(PLAYS)
    table = neighbours.co_listened(users, songs, np.arange(4), np.ones(4, dtype=bool)).toarray()
    expected = 2 / math.sqrt(4 * 2) * 2 / (2 + CO_LISTEN_SHRINK)
    assert table[0, 1] == table[1, 0] == table[0, 2] == pytest.approx(expected, abs=1e-6)
    assert table[2, 3] == table[0, 3] == 0  # one person is a coincidence
    assert not table.diagonal().any()
    assert CO_LISTEN_MIN_SUPPORT == 2


def test_rows_only_for_wanted_and_columns_only_for_allowed_songs():
    users, songs = pairs(PLAYS)
    allowed = np.array([True, True, False, True])
    table = neighbours.co_listened(users, songs, np.array([0]), allowed).toarray()
    assert table[0].nonzero()[0].tolist() == [1]
    assert not table[1:].any()


def test_nobody_plays_anything():
    none = np.zeros(0, dtype=np.int64)
    assert neighbours.co_listened(none, none, none, np.ones(3, dtype=bool)).nnz == 0
    assert neighbours.co_listened(none, none, np.arange(3), np.ones(3, dtype=bool)).nnz == 0
    assert neighbours.similar(np.zeros((0, 1)), none, none, np.zeros(0, dtype=bool)).nnz == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 6)), max_size=60))
@settings(max_examples=60, deadline=None)
def test_it_is_what_the_definition_says(plays):
    users = np.array([user for user, _ in plays], dtype=np.int64)
    songs = np.array([song for _, song in plays], dtype=np.int64)
    table = neighbours.co_listened(users, songs, np.arange(7), np.ones(7, dtype=bool)).toarray()
    fans = [{user for user, song in plays if song == each} for each in range(7)]
    for a in range(7):
        for b in range(7):
            common = len(fans[a] & fans[b])
            cosine = common / math.sqrt(len(fans[a]) * len(fans[b])) if common else 0
            expected = cosine * common / (common + CO_LISTEN_SHRINK)
            assert table[a, b] == pytest.approx(expected if a != b and common >= 2 else 0, abs=1e-6)


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
