from __future__ import annotations

import numpy as np
import pytest

from nightjar.evaluate.retrieval import measures

ANGLES = np.radians([0, 10, 25, 90, 95])
SONGS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)


def test_precision_by_hand():
    # a: 10 25 90 95 -> b a a b; and so on. The label c is had by one song, which asks for nothing.
    found = measures.by_label(SONGS, ["a", "b", "a", "b", "c"], None)
    assert found["P@1"].tolist() == [0, 0, 0, 0]
    assert found["P@10"] == pytest.approx([0.1, 0.1, 0.1, 0.1])
    assert found["mAP"] == pytest.approx([1 / 2, 1 / 3, 1 / 2, 1 / 3])


def test_what_is_shared_is_left_out():
    label, album = ["a", "a", "a", "b", "b"], ["x", "x", "y", "", ""]
    found = measures.by_label(SONGS, label, album)
    # The first two find the third only; the third finds both; empty albums are nobody's, so the last two stay a pair.
    assert found["P@1"].tolist() == [1, 1, 1, 1, 1]
    assert found["P@10"] == pytest.approx([0.1, 0.1, 0.2, 0.1, 0.1])
    assert measures.by_label(SONGS, label, label)["P@1"].size == 0


def test_against_scikit_like_loops():
    chance = np.random.default_rng(3)
    vectors, labels = chance.normal(size=(60, 8)), chance.integers(0, 7, 60).astype(str)
    found = measures.by_label(vectors, labels, None)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = []
    for row in range(60):
        others = sorted((each for each in range(60) if each != row), key=lambda each: -(unit[row] @ unit[each]))
        hits = [labels[each] == labels[row] for each in others]
        if any(hits):
            expected.append(np.mean([np.mean(hits[: at + 1]) for at, hit in enumerate(hits) if hit]))
    assert found["mAP"] == pytest.approx(expected)


def test_halves_find_each_other():
    first, second = SONGS[:3], SONGS[:3] + 0.01
    assert measures.other_part(first, second).tolist() == [1] * 6
    assert measures.other_part(first, second[::-1]).tolist() == [0, 1, 0, 0, 1, 0]


def test_standardised_and_cosine():
    made = measures.standardised(SONGS * 100, SONGS * 100)
    assert made.mean(axis=0) == pytest.approx([0, 0])
    assert made.std(axis=0) == pytest.approx([1, 1])
    assert measures.cosine(SONGS, 3 * SONGS) == pytest.approx(np.ones(5))
    assert measures.cosine(np.zeros((1, 2)), np.ones((1, 2))) == pytest.approx([0])
