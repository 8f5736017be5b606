"""The steps of embed_tracks: cut the day's tracks into shards, run the embedder on each, commit what they staged.

A candidate, a model that is not live, follows the live one: its shards are the parts that the live model's run of the
day has left, its songs are theirs, and nothing of the day but its own partitions is written.
"""

from __future__ import annotations

import logging

from nightjar.embed.runner import EmbedderRunner, runner_for
from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.models import live
from nightjar.settings import Settings
from nightjar.shards import shard_count
from nightjar.takedowns.ledger import taken_down
from nightjar.takedowns.purge import tidy

log = logging.getLogger(__name__)

TABLES = ("embeddings", "windows", "fingerprints", "speed_prints", "stems")
"""What a shard of the embedder stages, beside its rejects, and `echoprints` where the setting second_opinion asks;
committed in this order, so that a day whose stems are there has all."""


def plan(settings: Settings, day: str) -> dict:
    """How many shards the day's committed tracks make: {"tracks", "shards"}. Raises PartitionMissing."""
    lake = Lake(settings)
    if like := live.leader(lake.objects, settings.model):
        manifest = lake.manifest(Partition("stems", day, like))
        tracks, shards = manifest.rows, len(manifest.parts)
    else:
        tracks = lake.manifest(Partition("tracks", day)).rows
        shards = shard_count(tracks, settings.shard_songs)
    log.info("plan %s: %d tracks in %d shards of the embedder%s", day, tracks, shards, f" like {like}" if like else "")
    return {"tracks": tracks, "shards": shards}


def embed_shard(settings: Settings, day: str, shard: int, shards: int, runner: EmbedderRunner | None = None) -> dict:
    """Separate, embed and fingerprint one shard's tracks; returns {"shard"}. Raises NightjarError if that fails."""
    like = live.leader(Lake(settings).objects, settings.model)
    (runner or runner_for(settings)).run(day, shard, shards, like)
    return {"shard": shard}


def commit(settings: Settings, day: str, shards: int) -> dict:
    """Make the shards' rows visible, rejects first: {"embedded", "rejected", "windows"}.

    Raises NightjarError if a track of the day is neither embedded nor rejected: no song may get lost on the way.
    """
    lake = Lake(settings)
    like = live.leader(lake.objects, settings.model)
    rejects = Partition("rejects", day, stage="embed")
    if not like:
        lake.commit(rejects, shards)
    tables = ("echoprints", *TABLES) if settings.second_opinion else TABLES
    made = {table: lake.commit(Partition(table, day, settings.model), shards) for table in tables}
    embedded = _songs(lake, Partition("embeddings", day, settings.model))
    rejected = _songs(lake, rejects)
    wanted = _songs(lake, Partition("stems", day, like) if like else Partition("tracks", day))
    lost = wanted - embedded - (set() if like else rejected)
    if lost and (lost := sorted(lost - taken_down(lake))):
        raise NightjarError(
            f"{len(lost)} tracks of {day} were neither embedded nor rejected, {lost[0]} first",
            "Clear embed_tracks.embed_shard of that day, so that all its shards run on the same tracks",
        )
    written = [Partition(table, day, settings.model) for table in tables]
    tidy(lake, written if like else [rejects, *written])
    summary = {"embedded": len(embedded), "rejected": len(rejected), "windows": made["windows"].rows}
    log.info(
        "embed_tracks %s: %d embedded, %d windows, %d rejected", day, len(embedded), summary["windows"], len(rejected)
    )
    return summary


def _songs(lake: Lake, partition: Partition) -> set[str]:
    return set(lake.read(partition, ["track_id"])["track_id"].to_pylist())
