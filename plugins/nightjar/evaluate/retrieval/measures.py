"""Precision of nearest songs. Pure arithmetic on vectors (n, d) that are compared by cosine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def by_label(vectors: np.ndarray, label: Sequence[str], same: Sequence[str] | None) -> dict[str, np.ndarray]:
    """P@1, P@10 and average precision of each song that has its like: another song with its label.

    Where `same` is given, songs that share it with the one asked by are left out of the ranking (an empty one is shared
    by none). Average precision is over the ranking of all that is left. P@10 of a song with fewer than 10 of its like
    cannot reach 1.
    """
    labels, cosines = np.asarray(label), _cosines(vectors)
    allowed = ~np.eye(len(labels), dtype=bool)
    if same is not None:
        shared = np.asarray(same)
        allowed &= (shared[:, None] != shared) | (shared == "")
    found = {"P@1": [], "P@10": [], "mAP": []}
    for row, kept in enumerate(allowed):
        others = np.flatnonzero(kept)
        ranked = others[np.argsort(-cosines[row, others], kind="stable")]
        relevant = labels[ranked] == labels[row]
        if not relevant.any():
            continue
        hits = np.cumsum(relevant)
        found["P@1"].append(relevant[0])
        found["P@10"].append(hits[min(10, len(hits)) - 1] / 10)
        found["mAP"].append((hits / np.arange(1, len(hits) + 1))[relevant].mean())
    return {name: np.array(values, float) for name, values in found.items()}


def other_part(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Of each half of each song, whether the nearest of all other halves is the same song's: (2 n,) of 0 and 1."""
    cosines = _cosines(np.concatenate([first, second]))
    np.fill_diagonal(cosines, -np.inf)
    songs = np.tile(np.arange(len(first)), 2)
    return (songs[cosines.argmax(axis=1)] == songs).astype(float)


def cosine(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Row by row, (n,)."""
    return (_unit(one) * _unit(other)).sum(axis=1)


def standardised(vectors: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Each dimension with the mean and deviation of `by` taken off: descriptions that are not made to be compared by
    cosine need it."""
    return (vectors - by.mean(axis=0)) / (by.std(axis=0) + 1e-9)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _cosines(vectors: np.ndarray) -> np.ndarray:
    unit = _unit(vectors)
    return unit @ unit.T
