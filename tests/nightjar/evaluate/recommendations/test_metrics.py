"""Measures of lists that one can count by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.sparse import csr_array

from nightjar.evaluate.recommendations import metrics
from nightjar.evaluate.recommendations.metrics import CUTS, NONE, Catalogue


def lists(*items: list[int]) -> np.ndarray:
    return np.array([each + [NONE] * (max(CUTS) - len(each)) for each in items])


def test_ndcg_recall_and_precision_of_users_with_later_plays():
    wanted = csr_array(np.array([[0, 1, 0, 1, 0], [0, 0, 0, 0, 0], [1, 0, 0, 0, 0]]))
    made = metrics.per_user(lists([1, 0, 3], [2], [4, 1]), wanted, np.array([0, 0, 1]))
    ideal = 1 + 1 / math.log2(3)
    assert made["ndcg@10"] == pytest.approx([(1 + 1 / math.log2(4)) / ideal, 0])  # the second user has none later
    assert made["recall@10"] == pytest.approx([1, 0])
    assert made["precision@50"] == pytest.approx([2 / 50, 0])


def test_what_nobody_had_played_counts_as_missed():
    wanted = csr_array(np.array([[1, 0]]))
    made = metrics.per_user(lists([0]), wanted, np.array([3]))
    assert made["recall@10"].tolist() == [0.25]
    assert made["ndcg@10"][0] == pytest.approx(1 / sum(1 / math.log2(2 + place) for place in range(4)))


def test_more_later_plays_than_places():
    wanted = csr_array(np.ones((1, 30)))
    made = metrics.per_user(lists(list(range(10))), wanted, np.array([0]))
    assert made["ndcg@10"].tolist() == pytest.approx([1.0])
    assert made["recall@10"].tolist() == pytest.approx([1 / 3])


def test_reach():
    plays = csr_array(np.array([[1, 1, 0, 1], [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 1, 0]]))
    listeners = np.array([4, 2, 2, 1])
    found = metrics.reach(lists([0, 1], [0]), Catalogue(listeners, 4, plays, np.array([False, True, True, False])), 10)
    assert found["coverage"] == 0.5
    assert found["novelty"] == pytest.approx((0 + 1 + 0) / 3, abs=1e-3)
    assert found["gini"] == pytest.approx((2 * 3 - 5 + 2 * (2 * 4 - 5)) / (4 * 3), abs=1e-4)
    assert found["similarity"] == pytest.approx(2 / math.sqrt(4 * 2), abs=1e-4)
    assert found["new"] == pytest.approx(1 / 3, abs=1e-4)
    nothing = metrics.reach(lists([]), Catalogue(listeners, 4, plays, None), 10)
    assert nothing == {"coverage": 0.0, "novelty": None, "gini": 0.0, "similarity": 0.0, "new": None}


def test_means_with_their_intervals():
    values = np.array([0.0, 1.0] * 50)
    found = metrics.mean(values)
    half = 1.96 * values.std(ddof=1) / 10
    assert found == {
        "mean": 0.5,
        "interval": [pytest.approx(0.5 - half, abs=1e-3), pytest.approx(0.5 + half, abs=1e-3)],
    }
    assert metrics.mean(np.array([0.3])) == {"mean": 0.3, "interval": None}
    assert metrics.mean(np.zeros(0)) == {"mean": None, "interval": None}
