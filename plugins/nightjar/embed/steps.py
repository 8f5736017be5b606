"""The steps of embed_tracks: cut the day's tracks into shards, run the embedder on each, commit what they staged."""

from __future__ import annotations

import logging

from nightjar.embed.runner import EmbedderRunner, runner_for
from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.settings import Settings
from nightjar.shards import shard_count
from nightjar.takedowns.ledger import taken_down
from nightjar.takedowns.purge import tidy

log = logging.getLogger(__name__)

TABLES = ("stems", "embeddings", "windows", "fingerprints", "speed_prints")
"""What a shard of the embedder stages, beside its rejects, and `echoprints` where the setting second_opinion asks."""


def plan(settings: Settings, day: str) -> dict:
    """How many shards the day's committed tracks make: {"tracks", "shards"}."""
    tracks = Lake(settings).manifest(Partition("tracks", day)).rows
    shards = shard_count(tracks, settings.shard_songs)
    log.info("plan %s: %d tracks in %d shards of the embedder", day, tracks, shards)
    return {"tracks": tracks, "shards": shards}


def embed_shard(settings: Settings, day: str, shard: int, shards: int, runner: EmbedderRunner | None = None) -> dict:
    """Separate, embed and fingerprint one shard's tracks; returns {"shard"}. Raises NightjarError if that fails."""
    (runner or runner_for(settings)).run(day, shard, shards)
    return {"shard": shard}


def commit(settings: Settings, day: str, shards: int) -> dict:
    """Make the shards' rows visible, rejects first: {"embedded", "rejected", "windows"}.

    Raises NightjarError if a track of the day is neither embedded nor rejected: no song may get lost on the way.
    """
    lake = Lake(settings)
    rejects = Partition("rejects", day, stage="embed")
    lake.commit(rejects, shards)
    tables = (*TABLES, "echoprints") if settings.second_opinion else TABLES
    made = {table: lake.commit(Partition(table, day, settings.model), shards) for table in tables}
    wanted = set(lake.read(Partition("tracks", day), ["track_id"])["track_id"].to_pylist())
    embedded = set(lake.read(Partition("embeddings", day, settings.model), ["track_id"])["track_id"].to_pylist())
    rejected = set(lake.read(rejects, ["track_id"])["track_id"].to_pylist())
    lost = sorted(wanted - embedded - rejected)
    if lost and (lost := sorted(set(lost) - taken_down(lake))):
        raise NightjarError(
            f"{len(lost)} tracks of {day} were neither embedded nor rejected, {lost[0]} first",
            "Clear embed_tracks.embed_shard of that day, so that all its shards run on the same tracks",
        )
    tidy(lake, [rejects, *(Partition(table, day, settings.model) for table in tables)])
    summary = {"embedded": len(embedded), "rejected": len(rejected), "windows": made["windows"].rows}
    log.info(
        "embed_tracks %s: %d embedded, %d windows, %d rejected", day, len(embedded), summary["windows"], len(rejected)
    )
    return summary
