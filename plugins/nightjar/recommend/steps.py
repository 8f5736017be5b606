"""The steps of publish_recommendations that compute: tastes, neighbours, the lists of a shard."""

from __future__ import annotations

import logging

import numpy as np
from scipy.sparse import csr_array

from nightjar.lake import Lake, Partition
from nightjar.recommend import behaviour, cold, inputs, invariants, neighbours, ranking, tables
from nightjar.recommend.behaviour import Behaviour
from nightjar.recommend.library import Library
from nightjar.recommend.quantized import principal_axes, quantize, room
from nightjar.recommend.ranking import Users
from nightjar.schemas import NEW_USERS
from nightjar.settings import Settings
from nightjar.shards import shard_count, shard_of
from nightjar.takedowns.purge import tidy
from nightjar.thresholds import AXES_SAMPLE

log = logging.getLogger(__name__)


def weigh_listens(settings: Settings, day: str) -> dict:
    """What each user thinks of what they heard in the window, cut into shards of users: {"users", "shards",
    "ignored_listens"}, of which the first counts who gets a list of their own.

    That is everybody with a listen of a known song in the window, and whoever uploaded a song that new users may be
    offered. Raises PartitionMissing.
    """
    lake, model = Lake(settings), settings.model
    songs = inputs.library(lake, model, day)
    users, tastes, ignored = inputs.tastes(lake, songs, day)
    offered = cold.rank(songs, cold.listeners(songs, tastes))
    names = {*users.tolist(), *inputs.uploaders_of(songs, offered)}
    shards = shard_count(len(names), settings.shard_users)
    shard = np.array([shard_of(name, shards) for name in users], dtype=np.int64)
    shard_of_row = shard[tastes["user"].to_numpy()]
    partition = Partition("tastes", day, model)
    for each in range(shards):
        lake.write_part(partition, each, tables.taste_rows(songs, users, tastes[shard_of_row == each]))
    lake.commit(partition, shards)
    tidy(lake, [partition])
    log.info(
        "weigh_listens %s: %d users in %d shards, %d songs, %d weights, %d listens ignored",
        *(day, len(names), shards, len(songs), len(tastes), ignored),
    )
    return {"users": len(names), "shards": shards, "ignored_listens": ignored}


def learn_neighbours(settings: Settings, day: str) -> dict:
    """What each song says for others, by its sound and by who plays it, for all shards: {"songs", "played", "pairs"}.

    Raises PartitionMissing unless the day's tastes are weighed and what is similar is found.
    """
    lake, model = Lake(settings), settings.model
    songs = inputs.library(lake, model, day)
    people, weighed = tables.users_of(songs, lake.read(Partition("tastes", day, model)))
    known = neighbours.Neighbours.of(_similar(lake, model, day, songs), _behaviour(songs, weighed))
    rows = tables.neighbour_rows(songs, known, *_sketches(lake, model, day, songs))
    partition = Partition("neighbours", day, model)
    lake.write(partition, rows)
    tidy(lake, [partition])
    summary = {
        "songs": rows.num_rows,
        "played": int((known.listeners > 0).sum()),
        "pairs": len(known.songs),
    }
    log.info(
        "learn_neighbours %s: %d songs, %d of them played by %d people, %d pairs",
        *(day, summary["songs"], summary["played"], len(people), summary["pairs"]),
    )
    return summary


def _similar(lake: Lake, model: str, day: str, songs: Library) -> csr_array:
    lake.manifest(Partition("similar", day, model))
    pairs = [(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))]
    for each in lake.days("similar", model=model, upto=day):
        pairs.append(tables.similar_pairs(songs, lake.read(Partition("similar", each, model))))
    return neighbours.similar(len(songs), *(np.concatenate(column) for column in zip(*pairs, strict=True)))


def _behaviour(songs: Library, users: Users) -> Behaviour:
    """What the plays say: of each user the songs that they like."""
    owner = np.repeat(np.arange(len(users.uploader)), np.diff(users.starts))
    liked = users.weights > 0
    weights = behaviour.relative(owner[liked], users.weights[liked].astype(np.float64))
    return behaviour.fit(owner[liked], users.heard[liked], weights, songs.offered)


def _sketches(lake: Lake, model: str, day: str, songs: Library) -> tuple[np.ndarray, np.ndarray]:
    """The vectors of all songs along their principal axes, those of an even sample."""
    sample = [found[:: max(1, len(songs) // AXES_SAMPLE)] for _, found in inputs.vectors(lake, model, day, songs)]
    sketch, unit = room(len(songs)), np.zeros(len(songs), np.float32)
    if sample:
        axes = principal_axes(np.concatenate(sample))
        for rows, found in inputs.vectors(lake, model, day, songs):
            sketch[rows], unit[rows] = quantize(found @ axes)
    return sketch, unit


def rank_shard(settings: Settings, day: str, shard: int, shards: int) -> dict:
    """Stage the checked lists of the users of one shard, and with shard 0 that of new users: {"lists", "rows"}.

    A user's list depends on their own listens and on what all share, not on who else is in the shard. Raises
    InvariantBroken, PartitionMissing.
    """
    lake, model = Lake(settings), settings.model
    context = inputs.context(lake, model, day)
    uploaders = inputs.uploaders_of(context.library, context.cold)
    further = [user_id for user_id in uploaders if shard_of(user_id, shards) == shard]
    names, users = tables.users_of(context.library, lake.read_part(Partition("tastes", day, model), shard), further)
    made = ranking.rank(context, users)
    if shard == 0:
        names, users, made = [NEW_USERS, *names], users.with_new(), made.behind(ranking.rank_new_users(context))
    invariants.check(context.library, names, users, made)
    rows = tables.list_rows(context.library, names, made)
    lake.write_part(Partition("lists", day, model), shard, rows)
    log.info("rank_shard %s %d/%d: %d lists, %d entries", day, shard, shards, len(names), rows.num_rows)
    return {"lists": len(names), "rows": rows.num_rows}
