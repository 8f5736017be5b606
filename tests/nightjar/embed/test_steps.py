"""The plan and the commit of embed_tracks on a real object store; the embedder itself is tested on its own."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nightjar import schemas
from nightjar.embed import steps
from nightjar.errors import NightjarError, PartitionMissing
from nightjar.lake import Lake, Partition
from nightjar.settings import Settings

DAY = "2026-11-20"


def _tracks(*names: str) -> list[dict]:
    plain = {"day": DAY, "sha256": "0" * 64, "size_bytes": 1, "codec": "mp3", "sample_rate": 44100, "channels": 2}
    plain |= {"duration_s": 12.0, "loudness_lufs": -14.0, "uploaded_at": datetime(2026, 11, 20, tzinfo=UTC)}
    plain |= {"uploader": None, "title": None, "artist": None}
    return [dict(plain, track_id=name, key=f"uploads/dt={DAY}/{name}.mp3") for name in names]


def _stage(lake: Lake, model: str, shard: int, embedded: list[str], rejected: list[str]) -> None:
    vectors = [{"track_id": name, "day": DAY, "vector": [1.0, 0.0]} for name in embedded]
    lake.write_part(Partition("embeddings", DAY, model), shard, schemas.table("embeddings", vectors))
    for table in ("stems", "windows", "fingerprints", "speed_prints"):
        lake.write_part(Partition(table, DAY, model), shard, schemas.empty(table))
    rows = [
        {"key": name, "track_id": name, "stage": "embed", "reason": "unreadable", "detail": "no"} for name in rejected
    ]
    lake.write_part(Partition("rejects", DAY, stage="embed"), shard, schemas.table("rejects", rows))


def _with_tracks(lake: Lake, *names: str) -> None:
    lake.write(Partition("tracks", DAY), schemas.table("tracks", _tracks(*names)))


def test_plan_counts_shards_and_an_empty_day_has_one(settings: Settings, lake: Lake) -> None:
    with pytest.raises(PartitionMissing, match="backfill"):
        steps.plan(settings, DAY)
    _with_tracks(lake)
    assert steps.plan(settings, DAY) == {"tracks": 0, "shards": 1}
    _with_tracks(lake, *(f"t{index}" for index in range(settings.shard_songs + 1)))
    assert steps.plan(settings, DAY) == {"tracks": settings.shard_songs + 1, "shards": 2}


def test_commit_makes_all_shards_visible_and_again_changes_nothing(settings: Settings, lake: Lake) -> None:
    _with_tracks(lake, "a", "b", "c")
    _stage(lake, settings.model, 0, ["a"], ["c"])
    _stage(lake, settings.model, 1, ["b"], [])
    assert steps.commit(settings, DAY, 2) == {"embedded": 2, "rejected": 1, "windows": 0}
    before = {seen.key: seen.etag for seen in lake.objects.list("lake/")}
    steps.commit(settings, DAY, 2)
    assert {seen.key: seen.etag for seen in lake.objects.list("lake/")} == before


def test_a_song_that_got_lost_is_named(settings: Settings, lake: Lake) -> None:
    _with_tracks(lake, "a", "b")
    _stage(lake, settings.model, 0, ["a"], [])
    with pytest.raises(NightjarError, match="neither embedded nor rejected, b first"):
        steps.commit(settings, DAY, 1)


def test_a_shard_that_never_ran_stops_the_commit(settings: Settings, lake: Lake) -> None:
    _with_tracks(lake, "a")
    _stage(lake, settings.model, 0, ["a"], [])
    with pytest.raises(NightjarError, match="shard 1 of 2 was never staged"):
        steps.commit(settings, DAY, 2)
