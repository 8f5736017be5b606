"""The evaluation: every method tuned on one validation split, fitted on all plays, measured on the later ones."""

from __future__ import annotations

import time

import numpy as np

from nightjar.errors import NightjarError
from nightjar.evaluate.progress import Progress
from nightjar.evaluate.recommendations import metrics
from nightjar.evaluate.recommendations.methods import BLEND, MAX_EASE, NIGHTJAR, Scores, known_by
from nightjar.evaluate.recommendations.metrics import CUTS, NONE, Catalogue
from nightjar.evaluate.recommendations.sound import Sound
from nightjar.evaluate.recommendations.tables import Later, Plays
from nightjar.thresholds import FRESH_DAYS

_BLOCK = 512
_TUNED_BY = "ndcg@10"
_COMPARED = ("ndcg@10", "recall@50")


def evaluate(plays: Plays, later: Later, heard: Sound | None = None) -> dict:
    """The report; docs/evaluate.md says what each key means. What is `heard` must be among the items of `plays`."""
    progress, catalogue = Progress("settings"), _catalogue(plays, heard)
    part, wanted = plays.split()
    if not wanted.nnz or not len(part.users):
        raise NightjarError(
            f"{len(plays.users)} plays are too few to choose the methods' parameters by",
            "Give more: a fifth of each user's are set apart for it, or of all, where it is known when they were",
        )
    methods, each_user = {}, {}
    for name, (fit, grid) in known_by(heard).items():
        if name == "EASE" and min(plays.shape) > MAX_EASE:
            methods[name] = {"left_out": f"more than {MAX_EASE} people and items"}
            continue
        with progress.stage(f"rank by {name}", len(grid)):
            parameters = grid[0]
            if len(grid) > 1:
                parameters = _best(fit, grid, part, wanted, progress)
            begun = time.perf_counter()
            scores = fit(plays, **parameters)
            fitted = time.perf_counter()
            lists = _lists(scores, plays)
            ranked = time.perf_counter()
        each_user[name] = metrics.per_user(lists, later.wanted, later.unknown_items)
        methods[name] = {
            "parameters": parameters,
            "at": _at_cuts(each_user[name], lists, later, catalogue),
            "seconds": {"fit": round(fitted - begun, 3), "rank": round(ranked - fitted, 3)},
        }
    return _counts(plays, later, catalogue) | {
        "users_measured": len(each_user[NIGHTJAR][_TUNED_BY]),
        "methods": methods,
        "ahead": _ahead(each_user, NIGHTJAR if heard is None else BLEND),
    }


def _counts(plays: Plays, later: Later, catalogue: Catalogue) -> dict:
    new = later.of(catalogue.new) if catalogue.new is not None else None
    return {
        "users": len(plays.user_ids),
        "items": len(plays.item_ids),
        "plays": len(plays.users),
        "later": int(later.wanted.nnz + later.unknown_items.sum()),
        "left_out": {"unknown_users": later.unknown_users, "played_before": later.repeated},
        "unknown_items": int(later.unknown_items.sum()),
        "new_items": None if new is None else {"items": int(catalogue.new.sum()), "later": int(new.nnz)},
    }


def _ahead(each_user: dict[str, dict[str, np.ndarray]], ours: str) -> dict:
    return {
        name: {measure: metrics.mean(each_user[ours][measure] - theirs[measure]) for measure in _COMPARED}
        for name, theirs in each_user.items()
        if name != ours
    }


def _best(fit, grid: list[dict], part: Plays, wanted, progress: Progress) -> dict:
    nobody = np.zeros(len(part.user_ids), np.int64)
    found = []
    for parameters in grid:
        lists = _lists(fit(part, **parameters), part)
        found.append(float(metrics.per_user(lists, wanted, nobody)[_TUNED_BY].mean()))
        progress.add()
    return grid[int(np.argmax(found))]


def _lists(scores: Scores, plays: Plays) -> np.ndarray:
    """(users, max(CUTS)) the items of the highest scores that the user has not played, ties by item."""
    size, length = len(plays.item_ids), max(CUTS)
    made = np.full((len(plays.user_ids), length), NONE, np.int64)
    heard = plays.binary
    for start in range(0, len(made), _BLOCK):
        users = np.arange(start, min(start + _BLOCK, len(made)))
        values = scores(users)
        own = heard[users].tocoo()
        values[own.row, own.col] = -np.inf
        # Only those above the last place are sorted; one more, so that ties there go by item as well.
        some = min(size, 2 * length)
        top = np.sort(np.argpartition(-values, some - 1, axis=1)[:, :some], axis=1)
        chosen = np.take_along_axis(values, top, 1)
        order = np.argsort(-chosen, axis=1, kind="stable")[:, :length]
        there = np.isfinite(np.take_along_axis(chosen, order, 1))
        made[users, : order.shape[1]] = np.where(there, np.take_along_axis(top, order, 1), NONE)
    return made


def _at_cuts(each_user: dict[str, np.ndarray], lists: np.ndarray, later: Later, catalogue: Catalogue) -> dict:
    each_new = None
    if catalogue.new is not None:
        wanted = later.of(catalogue.new)
        each_new = metrics.per_user(lists, wanted, np.zeros(len(lists), np.int64))
    return {
        str(cut): _means(each_user, ("ndcg", "recall", "precision"), cut)
        | metrics.reach(lists, catalogue, cut)
        | {"of_new": None if each_new is None else _means(each_new, ("ndcg", "recall"), cut)}
        for cut in CUTS
    }


def _means(each_user: dict[str, np.ndarray], measures: tuple[str, ...], cut: int) -> dict:
    return {name: metrics.mean(each_user[f"{name}@{cut}"]) for name in measures}


def _catalogue(plays: Plays, heard: Sound | None) -> Catalogue:
    new = None
    if heard is not None:
        new = heard.of(plays.item_ids)[1] & (plays.listeners == 0)
    if plays.first_ns is not None:
        first = np.full(len(plays.item_ids), np.iinfo(np.int64).min)
        order = np.argsort(-plays.first_ns, kind="stable")
        first[plays.items[order]] = plays.first_ns[order]  # the earliest is written last
        late = first > plays.listened_ns.max() - FRESH_DAYS * 86_400 * 10**9
        new = late if new is None else new | late
    return Catalogue(plays.listeners, len(plays.user_ids), plays.binary, new)
