"""How much the lists that two models give have in common: people are ranked with each by the steps of the night."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.models import live
from nightjar.recommend import inputs, ranking, tables
from nightjar.recommend.similar import find_similar
from nightjar.recommend.steps import learn_neighbours, weigh_listens
from nightjar.settings import Settings

LEARNED = ("tastes", "neighbours")
"""What ranking needs of a day beside the library."""


def learn(settings: Settings, day: str) -> None:
    """Have what ranking needs of a day. A candidate's is made here, as its night would; the live model's is left to
    its nights. Raises NightjarError if it is not there."""
    lake, model = Lake(settings), settings.model
    if learned(lake, model, day):
        return
    if not live.leader(lake.objects, model):
        raise NightjarError(f"{day} is not ranked by {model}, which is live", f"See nightjar status {day}")
    weigh_listens(settings, day)
    find_similar(settings, day)
    learn_neighbours(settings, day)


def learned(lake: Lake, model: str, day: str) -> bool:
    """Whether the day can be ranked by the model without any other step."""
    return all(lake.exists(Partition(table, day, model)) for table in LEARNED)


def overlap(settings: Settings, a: str, b: str, day: str, users: int) -> dict:
    """Rank an even sample of the day's listeners with both models: {"day", "users", "overlap"}, the mean share of the
    songs on a list by `b` that are on that by `a`; None without listeners. Nothing is written but what `learn` does."""
    lake, made = Lake(settings), {}
    tastes = {}
    for model in (a, b):
        learn(replace(settings, model=model), day)
        tastes[model] = lake.read(Partition("tastes", day, model))
    names = set.intersection(*(set(pc.unique(rows["user_id"]).to_pylist()) for rows in tastes.values()))
    chosen = _even(sorted(names), users)
    for model, rows in tastes.items():
        made[model] = _ranked(lake, model, day, rows.filter(pc.is_in(rows["user_id"], pa.array(chosen, pa.string()))))
    shares = [len(made[a][user] & made[b][user]) / len(made[b][user]) for user in chosen if made[b].get(user)]
    return {"day": day, "users": len(chosen), "overlap": round(float(np.mean(shares)), 4) if shares else None}


def _ranked(lake: Lake, model: str, day: str, tastes: pa.Table) -> dict[str, set[str]]:
    """The songs on the list of each user who is in rows of `tastes`."""
    context = inputs.context(lake, model, day)
    users, heard = tables.users_of(context.library, tastes)
    found = ranking.rank(context, heard)
    ids = context.library.ids
    return {
        user: set(ids[found.songs[begin:end]].tolist())
        for user, begin, end in zip(users, found.starts, found.starts[1:], strict=False)
    }


def _even(names: list[str], most: int) -> list[str]:
    return [names[place] for place in np.unique(np.linspace(0, len(names) - 1, min(len(names), most)).astype(int))]
