"""The steps of publish_recommendations up to the lake: gate, what the plays say, plan, rank a shard, commit."""

from __future__ import annotations

import logging

import pyarrow as pa
import pyarrow.compute as pc

from nightjar import schemas
from nightjar.lake import Lake, Partition
from nightjar.recommend import behaviour_table, inputs, invariants, night, ranking
from nightjar.recommend.filters import User
from nightjar.recommend.gate import judge
from nightjar.recommend.library import Library
from nightjar.recommend.ranking import Entry
from nightjar.settings import Settings
from nightjar.shards import shard_count, shard_of

log = logging.getLogger(__name__)


def gate(settings: Settings, day: str, accept: bool = False) -> dict:
    """Stop a night that rejected too much, or whose vectors are not those of music: what `gate.judge` gives, and
    "accepted", whether a person has accepted it. `accept` does that, for the night as it is now.

    Raises GateClosed, PartitionMissing.
    """
    objects, key = Lake(settings).objects, night.accepted_key(settings, day)
    if accept:
        objects.put(key, b"")
    accepted = objects.exists(key)
    summary = judge(day, night.read(settings, day), accepted) | {"accepted": accepted}
    log.info(
        "gate %s: open, %d of %d uploads rejected, mean cosine of songs %s, in common with earlier days %s%s",
        *(day, summary["rejects"], summary["uploads"], summary["alike"], summary["explained"]),
        ", accepted by a person" if accepted else "",
    )
    return summary


def learn_behaviour(settings: Settings, day: str) -> dict:
    """What the plays of the window say of songs, for all shards: {"songs", "listeners", "neighbours"}, of which there
    are plays, who plays, and how many pairs of neighbours were found."""
    read = inputs.read(settings, day)
    rows = behaviour_table.rows(read.library, inputs.played(read))
    Lake(settings).write(Partition("behaviour", day, settings.model), rows)
    summary = {
        "songs": rows.num_rows,
        "listeners": int((read.taste["weight"] > 0).groupby(read.taste["user_id"]).any().sum()),
        "neighbours": int(pc.sum(pc.list_value_length(rows["neighbours"])).as_py() or 0),
    }
    log.info("learn_behaviour %s: %d songs by %d listeners, %d pairs of neighbours", day, *summary.values())
    return summary


def plan_users(settings: Settings, day: str) -> dict:
    """How many users get a list of their own, and the shards they make: {"users", "shards", "ignored_listens"}."""
    read = inputs.read(settings, day)
    users = len(read.users())
    shards = shard_count(users, settings.shard_users)
    log.info(
        "plan_users %s: %d users in %d shards, %d songs, %d listens ignored",
        *(day, users, shards, len(read.library), read.ignored_listens),
    )
    return {"users": users, "shards": shards, "ignored_listens": read.ignored_listens}


def rank_shard(settings: Settings, day: str, shard: int, shards: int) -> dict:
    """Stage the checked lists of the users of one shard, and with shard 0 that of new users: {"lists", "rows"}.

    A user's list depends on their own listens and on what all share, not on who else is in the shard. Raises
    InvariantBroken, PartitionMissing, and NightjarError if Milvus fails.
    """
    read = inputs.read(settings, day)
    users = read.known(user_id for user_id in read.users() if shard_of(user_id, shards) == shard)
    context = inputs.context(settings, day, read, users)
    made = [(user, ranking.rank(context, user).entries) for user in users]
    if shard == 0:
        users = [User.new(), *users]
        made.insert(0, (users[0], ranking.rank_new_users(context).entries))
    rows = _rows(context.library, made)
    _check(context.library, {user.user_id: user for user in users}, rows)
    Lake(settings).write_part(Partition("lists", day, settings.model), shard, rows)
    log.info("rank_shard %s %d/%d: %d lists, %d entries", day, shard, shards, len(made), rows.num_rows)
    return {"lists": len(made), "rows": rows.num_rows}


def commit_lists(settings: Settings, day: str, shards: int) -> dict:
    """Make the lists of all shards visible in the lake: {"rows", "shards"}. Raises NightjarError if one is missing."""
    manifest = Lake(settings).commit(Partition("lists", day, settings.model), shards)
    log.info("commit_lists %s: %d entries in %d parts", day, manifest.rows, shards)
    return {"rows": manifest.rows, "shards": shards}


def _rows(library: Library, lists: list[tuple[User, list[Entry]]]) -> pa.Table:
    """Lists as rows of the table `lists`. New users have no id, which is what `schemas.NEW_USERS` is."""
    return schemas.table(
        "lists",
        [
            {
                "user_id": user.user_id,
                "rank": rank,
                "track_id": library.ids[entry.song],
                "score": entry.score,
                "because": library.ids[entry.because].tolist(),
                "source": entry.source,
            }
            for user, entries in lists
            for rank, entry in enumerate(entries, start=1)
        ],
    )


def _check(library: Library, users: dict[str, User], rows: pa.Table) -> None:
    """Assert every list as it is about to be written. Raises InvariantBroken."""
    frame = rows.select(["user_id", "rank", "track_id"]).to_pandas()
    frame["song"] = library.rows(frame["track_id"])
    for user_id, each in frame.groupby("user_id", sort=True):
        invariants.check(library, users[user_id], each["song"].tolist(), each["rank"].tolist())
