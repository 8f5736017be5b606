"""Exact search, and recall measured by it."""

from __future__ import annotations

import faiss
import numpy as np
import pytest

from nightjar.models.exact import Nearest

VECTORS = np.eye(6, 3, dtype=np.float32)[[0, 1, 2, 0, 0, 1]]
VECTORS[3:] += np.array([[0, 0.5, 0], [0, 0.1, 0], [0.2, 0, 0]], np.float32)
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)
KEYS = list("abcdef")


def shown(most: int, *asked: str) -> Nearest:
    """Of a, everything shown in two bits."""
    nearest = Nearest(["a"], VECTORS[:1], most, [asked])
    nearest.show(KEYS[:2], VECTORS[:2])
    nearest.show([], VECTORS[:0])
    nearest.show(KEYS[2:], VECTORS[2:])
    return nearest


def test_the_nearest_come_in_order_and_without_the_query():
    assert shown(3).names() == [["e", "d", "f"]]
    assert shown(10).names()[0][:3] == ["e", "d", "f"]
    assert len(shown(10).names()[0]) == 5


def test_recall_counts_what_is_as_near():
    assert shown(2, "e", "d").recall() == 1
    assert shown(2, "d", "f").recall() == 0.5
    assert shown(2, "e", "unknown").recall() == 0.5
    assert shown(2).recall() == 0
    twice = Nearest(["a"], VECTORS[:1], 1, [["y"]])
    twice.show(["x", "y"], np.stack([VECTORS[3], VECTORS[3]]))
    assert twice.recall() == 1


def test_many_are_shown_in_chunks(monkeypatch):
    monkeypatch.setattr("nightjar.models.exact._CHUNK", 7)
    vectors = np.random.default_rng(1).standard_normal((50, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    keys = [f"k{number}" for number in range(50)]
    nearest = Nearest(keys[:5], vectors[:5], 4, [[]] * 5)
    nearest.show(keys, vectors)
    for own, names in enumerate(nearest.names()):
        said = vectors @ vectors[own]
        said[own] = -np.inf
        assert names == [keys[at] for at in np.argsort(-said)[:4]]


def test_without_anything_to_find_there_is_no_recall():
    alone = Nearest(["a"], VECTORS[:1], 2, [["b"]])
    alone.show(["a"], VECTORS[:1])
    assert alone.recall() is None
    assert alone.names() == [[]]
    assert Nearest([], np.zeros((0, 3), np.float32), 2, []).recall() is None


@pytest.mark.parametrize("most", [1, 5, 6])
def test_any_number_may_be_asked_for(most):
    assert len(shown(most).names()[0]) == min(most, 5)


def test_it_is_what_faiss_finds():
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((4000, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = faiss.IndexFlatIP(32)
    index.add(vectors)
    keys = [str(number) for number in range(len(vectors))]
    nearest = Nearest(keys[:50], vectors[:50], 10, [[]] * 50)
    for start in range(0, len(keys), 700):
        nearest.show(keys[start : start + 700], vectors[start : start + 700])
    found = index.search(vectors[:50], 11)[1]
    assert nearest.names() == [[str(other) for other in row if other != own] for own, row in enumerate(found)]
