"""What is offered without knowing anybody: the songs that people play and the songs that are new."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from nightjar.recommend.library import Library
from nightjar.thresholds import COLD_POOL


class Cold(NamedTuple):
    """Songs offered to anybody, best first, at most COLD_POOL of the popular and as many of the fresh."""

    songs: np.ndarray  # (k,) int64
    relevance: np.ndarray  # (k,) float64, 0 to 1


def listeners(library: Library, tastes: pd.DataFrame) -> np.ndarray:
    """(songs,) int64: people who like (a weight above 0) each song. `tastes` is the result of `seeds.taste`."""
    return np.bincount(tastes["song"].to_numpy()[tastes["weight"].to_numpy() > 0], minlength=len(library))


def rank(library: Library, counts: np.ndarray) -> Cold:
    """The popular and the fresh songs that are offered.

    Relevance is log(1 + listeners) relative to the most popular song's, and at least a half for a fresh song, a
    little less by each day of age, so that the newest stand among the fairly popular before anybody played them.
    """
    fresh = library.fresh & library.offered
    popular = library.offered & (counts > 0)
    relevance = np.log1p(counts) / max(np.log1p(counts.max(initial=0)), 1.0)
    relevance = np.where(fresh, np.maximum(relevance, 0.5 - 0.01 * library.age_days), relevance)
    relevance = np.round(relevance, 6)
    rows = np.concatenate([_best(popular, relevance), _best(fresh, relevance)])
    rows = np.unique(rows)
    order = np.lexsort((rows, -relevance[rows]))
    return Cold(rows[order], relevance[rows[order]])


def _best(mask: np.ndarray, relevance: np.ndarray) -> np.ndarray:
    rows = np.flatnonzero(mask)
    return rows[np.lexsort((rows, -relevance[rows]))][:COLD_POOL]
