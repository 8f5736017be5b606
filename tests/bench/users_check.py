"""Whether made listening is like real listening: how popular items are, and how methods rank."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nightjar.evaluate.recommendations import metrics
from nightjar.evaluate.recommendations.methods import GRIDS
from nightjar.evaluate.recommendations.run import _lists
from nightjar.evaluate.recommendations.tables import Plays, read_plays
from tests.bench import listening

_SONGS = 60_000
"""So many are there to be played; about as many are played at all as in the real table."""
_TOP = (0.001, 0.01, 0.05, 0.1, 0.2)
_PARAMETERS = {
    "popularity": {},
    "user-based": {"neighbours": 100, "weights": "relative"},
    "item cosine": {"neighbours": 200, "weights": "relative"},
    "item BM25": {"neighbours": 500, "k1": 0.4, "b": 0.2},
    "iALS": {"factors": 64, "penalty": 10.0, "confidence": 10.0},
    "nightjar": {},
}


def check(events: Path) -> None:
    """Print both, of the real table and of as many made people."""
    real = read_plays(events)
    for name, plays in (("real", real), ("made", _made(len(real.user_ids)))):
        listeners = np.sort(plays.listeners)[::-1]
        shares = [listeners[: round(top * len(listeners))].sum() / listeners.sum() for top in _TOP]
        print(f"--- {name}: {len(plays.user_ids):,} people, {len(listeners):,} items, {len(plays.users):,} pairs")
        print(f"the most popular item is played by {listeners[0] / len(plays.user_ids):.1%} of the people")
        print("shares of plays: " + ", ".join(f"top {t:.1%} {s:.1%}" for t, s in zip(_TOP, shares, strict=True)))
        print(f"items with one listener: {np.mean(listeners == 1):.1%}")
        part, wanted = plays.split()
        for method, parameters in _PARAMETERS.items():
            lists = _lists(GRIDS[method][0](part, **parameters), part)
            found = metrics.per_user(lists, wanted, np.zeros(len(lists), np.int64))
            told = (f"{measure} {found[measure].mean():.3f}" for measure in ("ndcg@10", "recall@50"))
            print(f"{method:<14}{'  '.join(told)}", flush=True)


def _made(people: int) -> Plays:
    made = listening.listen(listening.songs(_SONGS, 1), people, 1)
    songs, codes = np.unique(made.songs, return_inverse=True)
    ids = (np.arange(number).astype(object) for number in (people, len(songs)))
    return Plays(made.users, codes, made.counts.astype(float), None, None, *ids)
