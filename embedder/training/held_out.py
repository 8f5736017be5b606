"""How well songs that were not trained on find their like."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from embedder.training import patches
from embedder.training.patches import Taught

_PATCHES = 8
"""Patches of a song that are looked at."""


class Scores(NamedTuple):
    """Shares between 0 and 1."""

    group_first: float
    """Songs whose nearest song is of the same group."""
    group_map: float
    """Mean average precision of the ranking of all others, same group being relevant."""
    part_first: float
    """Halves of songs whose nearest half, of all songs', is the song's other half."""


def scores(songs: list[Taught], embed: Callable[[np.ndarray], np.ndarray] | None) -> Scores:
    """Scores of songs by an embedding (n, PATCH_FRAMES, N_MELS) to (n, d), or by the teacher's; each dimension counts
    by its deviation over the songs."""
    songs = [each for each in songs if len(each.starts) > 1]
    halves = []
    for each in songs:
        few = np.linspace(0, len(each.starts) - 1, min(len(each.starts), _PATCHES)).astype(int)
        if embed is None:
            said = each.embeddings[few]
        else:
            said = embed(patches.middle(np.stack([patches.context(each.song, at) for at in each.starts[few]])))
        cut = len(few) // 2
        halves.append((said[:cut].mean(axis=0), said[cut:].mean(axis=0)))
    halves = np.array(halves)
    halves = (halves - halves.mean(axis=(0, 1))) / (halves.mean(axis=1).std(axis=0) + 1e-3)
    groups = np.array([each.song.group for each in songs])
    first, precision = _by_group(_cosines(halves.mean(axis=1)), groups)
    flat = halves.reshape(-1, halves.shape[2])
    nearest = _cosines(flat).argmax(axis=1)
    return Scores(first, precision, float((nearest == np.arange(len(flat)) ^ 1).mean()))


def _cosines(vectors: np.ndarray) -> np.ndarray:
    """Cosines of all pairs; nothing is its own neighbour."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    return cosines


def _by_group(cosines: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    order = np.argsort(-cosines, axis=1)[:, :-1]
    relevant = groups[order] == groups[:, None]
    relevant = relevant[relevant.any(axis=1)]
    precision = np.cumsum(relevant, axis=1) / np.arange(1, relevant.shape[1] + 1)
    return float(relevant[:, 0].mean()), float(((precision * relevant).sum(axis=1) / relevant.sum(axis=1)).mean())
