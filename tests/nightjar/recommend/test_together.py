from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from nightjar.recommend.together import largest


@pytest.mark.parametrize("most", [1, 5, 40, 100])
def test_the_largest_of_the_whole_product(most):
    chance = np.random.default_rng(most)
    plays = csr_array(random_array((300, 60), density=0.1, rng=chance, dtype=np.float32))
    whole = (plays.T @ plays).toarray()
    np.fill_diagonal(whole, 0)
    found = largest(plays, most).toarray()
    for song in range(60):
        wanted = np.sort(whole[song])[::-1][:most]
        assert np.sort(found[song])[::-1][:most] == pytest.approx(wanted, rel=1e-5)
        kept = found[song] > 0
        assert found[song][kept] == pytest.approx(whole[song][kept], rel=1e-5)


def test_ties_are_by_column_and_the_same_each_time():
    plays = csr_array(np.ones((4, 9), np.float32))
    found = largest(plays, 3)
    assert found.indices.reshape(9, 3).tolist()[:2] == [[1, 2, 3], [0, 2, 3]]
    assert found.data.tolist() == [4.0] * 27
    assert (largest(plays, 3) != found).nnz == 0


def test_songs_that_nobody_plays():
    plays = csr_array(np.array([[1, 1, 0], [0, 1, 0]], np.float32))
    assert largest(plays, 2).toarray().tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert largest(csr_array((5, 3), dtype=np.float32), 2).nnz == 0
