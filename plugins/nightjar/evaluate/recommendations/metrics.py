"""How good lists are: what of the later plays they hold, and how far they reach. Arithmetic only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

CUTS = (10, 50, 100)
"""Lengths of list that are measured."""
NONE = -1
"""Where a list has ended."""
_NORMAL_95 = 1.959964
"""Standard errors to either side that hold 95 % of a normal distribution."""


@dataclass(frozen=True)
class Catalogue:
    """The items as the plays know them."""

    listeners: np.ndarray  # (items,) people who play each
    people: int
    plays: csr_array  # (people, items) 1 for each pair
    new: np.ndarray | None  # (items,) bool: first played of late, or only heard; None where neither is known


def per_user(lists: np.ndarray, wanted: csr_array, also: np.ndarray) -> dict[str, np.ndarray]:
    """By measure, for users who have later plays (u,): "ndcg@10", "recall@50", ...

    `lists` (users, max(CUTS)) are items, best first, filled up with NONE; `wanted` (users, items) the later plays;
    `also` (users,) later plays that no list can hold. NDCG is binary: 1 / log2(1 + rank) of the hits, relative to hits
    on all first ranks. Recall is the share of a user's later plays, precision that of the places.
    """
    number = np.asarray(wanted.sum(axis=1)).ravel() + also
    users = np.flatnonzero(number)
    hits = _hits(lists[users], wanted[users])
    gains = 1 / np.log2(2 + np.arange(max(CUTS)))
    made = {}
    for cut in CUTS:
        ideal = np.cumsum(gains)[np.minimum(number[users], cut).astype(int) - 1]
        found = hits[:, :cut].sum(axis=1)
        made[f"ndcg@{cut}"] = (hits[:, :cut] * gains[:cut]).sum(axis=1) / ideal
        made[f"recall@{cut}"] = found / number[users]
        made[f"precision@{cut}"] = found / cut
    return made


def _hits(lists: np.ndarray, wanted: csr_array) -> np.ndarray:
    hits = np.zeros(lists.shape)
    for row, items in enumerate(lists):
        hits[row] = np.isin(items, wanted.indices[wanted.indptr[row] : wanted.indptr[row + 1]])
    return hits


def reach(lists: np.ndarray, catalogue: Catalogue, cut: int) -> dict[str, float | None]:
    """Of all first `cut` places together: "coverage", the share of items that are on any list; "novelty", the mean of
    -log2 of the share of people who play an item; "gini" of how often each item is shown, 0 for all alike;
    "similarity", the mean cosine of the listeners of two items on one list; "new", the share of new items."""
    first = lists[:, :cut]
    shown = first[first != NONE]
    times = np.bincount(shown, minlength=len(catalogue.listeners))
    played = np.maximum(catalogue.listeners[shown], 1) / catalogue.people
    return {
        "coverage": round(float(np.mean(times > 0)), 4),
        "novelty": round(float(np.mean(-np.log2(played))), 3) if len(shown) else None,
        "gini": round(_gini(times), 4),
        "similarity": round(_similarity(first, catalogue), 4),
        "new": round(float(np.mean(catalogue.new[shown])), 4) if catalogue.new is not None and len(shown) else None,
    }


def _gini(times: np.ndarray) -> float:
    ordered = np.sort(times)
    if not ordered.sum():
        return 0.0
    places = np.arange(1, len(ordered) + 1)
    return float((2 * places - len(ordered) - 1) @ ordered / (len(ordered) * ordered.sum()))


def _similarity(lists: np.ndarray, catalogue: Catalogue) -> float:
    """The square of the sum of unit vectors is the sum of all cosines, those with themselves included."""
    norms = np.sqrt(np.maximum(catalogue.listeners, 1))
    by_item = csr_array(catalogue.plays.T.multiply(1 / norms[:, None]))
    cosines = pairs = 0.0
    for items in lists:
        items = items[items != NONE]
        if len(items) > 1:
            own = float((catalogue.listeners[items] > 0).sum())
            total = by_item[items].sum(axis=0)
            cosines += float(total @ total) - own
            pairs += len(items) * (len(items) - 1)
    return cosines / pairs if pairs else 0.0


def mean(values: np.ndarray) -> dict:
    """{"mean", "interval"}: with the 95 % interval of the mean over users, None of fewer than two."""
    if not len(values):
        return {"mean": None, "interval": None}
    middle = float(values.mean())
    if len(values) == 1:
        return {"mean": round(middle, 4), "interval": None}
    half = _NORMAL_95 * float(values.std(ddof=1)) / np.sqrt(len(values))
    return {"mean": round(middle, 4), "interval": [round(middle - half, 4), round(middle + half, 4)]}
