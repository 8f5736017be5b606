"""What is forgotten does not come back: not by a backfill, not by who has read it before, not by the app's exports."""

from __future__ import annotations

import logging

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightjar.duplicates import steps as duplicates
from nightjar.embed import steps as embed
from nightjar.errors import NightjarError
from nightjar.ingest import metadata, steps
from nightjar.lake import Partition
from nightjar.objects import ObjectChanged, Objects
from nightjar.publish.steps import commit_lists
from nightjar.recommend import steps as recommend
from nightjar.recommend.similar import find_similar
from nightjar.takedowns import ledger
from nightjar.takedowns.forgotten import Forgotten
from nightjar.takedowns.steps import forget, purge_takedowns
from nightjar.vectors import steps as vectors
from tests.nightjar.duplicates.nights import DAYS, take_down, write_day
from tests.nightjar.ingest.made import song
from tests.nightjar.takedowns import world

DAY, NEXT = DAYS[0], DAYS[1]


@pytest.fixture
def uploaded(settings, lake, milvus, kv):
    """Uploads of the day, those of ann and of bob, as the app put them, ingested."""
    for name, user in (("one.mp3", "ann"), ("two.mp3", "ann"), ("three.mp3", "bob")):
        put(lake, DAY, name, user)
    ingest(settings, DAY)
    return settings


def put(lake, day: str, name: str, user: str) -> None:
    lake.objects.put(f"uploads/dt={day}/{name}", song(), metadata=metadata.encode({"user-id": user}))


def ingest(settings, day: str) -> dict:
    shards = steps.freeze(settings, day)["shards"]
    for shard in range(shards):
        steps.probe_shard(settings, day, shard, shards)
    return steps.commit_tracks(settings, day, shards)


def tracks(lake, day: str = DAY) -> list[str]:
    return lake.read(Partition("tracks", day))["track_id"].to_pylist()


@pytest.mark.parametrize("is_purged", [False, True])
@pytest.mark.parametrize("is_refrozen", [False, True])
def test_a_backfill_of_the_songs_own_day_leaves_it_out(uploaded, lake, is_purged, is_refrozen, caplog):
    forget(uploaded, ["one"])
    if is_purged:
        purge_takedowns(uploaded, NEXT)
    if is_refrozen:
        steps.refreeze(uploaded, DAY)
    caplog.clear()
    found = ingest(uploaded, DAY)
    assert found["tracks"] == 2
    assert found["rejects"] == ({} if is_purged or is_refrozen else {"taken_down": 1})
    assert tracks(lake) == ["three", "two"]
    assert world.traces(uploaded, "one") - {"lake/claims/one"} == set(), "a claim stays till the night"
    assert "since the freeze" not in caplog.text
    assert ingest(uploaded, DAY) == {"uploads": 2, "tracks": 2, "rejects": {}}
    purge_takedowns(uploaded, NEXT)
    assert world.traces(uploaded, "one") == set()


def test_nothing_that_a_forgotten_user_uploads_later_is_taken_in(uploaded, lake):
    forget(uploaded, users=["ann"])
    assert ledger.forgotten(lake).tracks == {"one", "two"}
    purge_takedowns(uploaded, DAY)
    put(lake, NEXT, "four.mp3", "ann")
    put(lake, NEXT, "three.mp3", "ann")
    put(lake, NEXT, "five.mp3", "bob")
    put(lake, NEXT, "five.wav", "ann")
    rejected = {"duplicate_track_id": 2, "taken_down": 1}
    assert ingest(uploaded, NEXT) == {"uploads": 4, "tracks": 1, "rejects": rejected}
    assert (tracks(lake), tracks(lake, NEXT)) == (["three"], ["five"])
    assert world.traces(uploaded, "four", "ann", "one", "two") == set()
    purge_takedowns(uploaded, NEXT)
    assert (tracks(lake), tracks(lake, NEXT)) == (["three"], ["five"]), "ids of others are theirs"


def test_a_song_that_is_taken_down_while_its_day_is_ingested_is_in_no_table(uploaded, lake, monkeypatch):
    """As `uploaded`, and committed only after a takedown that the probe did not know."""
    put(lake, NEXT, "four.mp3", "cleo")
    shards = steps.freeze(uploaded, NEXT)["shards"]
    steps.probe_shard(uploaded, NEXT, 0, shards)
    take_down(uploaded, DAY, users=["cleo"])
    steps.commit_tracks(uploaded, NEXT, shards)
    assert tracks(lake, NEXT) == []
    assert world.traces(uploaded, "four", "cleo") == set()
    assert ledger.forgotten(lake).tracks == {"four"}


def test_listens_of_the_forgotten_are_left_out_of_any_export(uploaded, lake):
    rows = [
        {"user_id": user, "track_id": each, "listened_at": "2026-11-20T10:00:00Z", "played_s": 1.0, "kind": "play"}
        for user in ("ann", "bob")
        for each in ("one", "three")
    ]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    lake.objects.put(f"listens/dt={DAY}/a.parquet", sink.getvalue().to_pybytes())
    assert steps.ingest_listens(uploaded, DAY)["listens"] == 4
    forget(uploaded, ["one"], ["ann"])
    purge_takedowns(uploaded, DAY)
    for _ in range(2):
        summary = steps.ingest_listens(uploaded, DAY)
        assert (summary["listens"], summary["dropped"]) == (1, {"taken_down": 3})
        assert world.traces(uploaded, "one", "ann") == set()


def test_takedowns_hold_though_the_app_exports_them_no_more(uploaded, lake):
    take_down(uploaded, DAY, ["one"])
    purge_takedowns(uploaded, DAY)
    take_down(uploaded, DAY)
    assert "one" not in tracks(lake)
    assert ingest(uploaded, DAY)["tracks"] == 2


def test_who_was_at_work_when_the_purge_came_does_not_bring_it_back(settings, lake, milvus, kv, monkeypatch):
    """Each step of a night has read the song before; the takedown is purged in its middle."""
    for day in DAYS[:2]:
        write_day(settings, day)
        world.write_rest(lake, settings.model, day)
    vectors.load_vectors(settings, DAY)
    duplicates.sweep_duplicates(settings, DAY)
    gone = iter(["gamma", "beta-begin", "alpha-again", "beta", "alpha"])
    steps_of_a_night = [
        (lambda: embed.commit(settings, DAY, 1), f"embeddings/dt={DAY}"),
        (lambda: vectors.load_vectors(settings, NEXT), None),
        (lambda: duplicates.sweep_duplicates(settings, NEXT), f"duplicate_pairs/dt={NEXT}"),
        (lambda: recommend.weigh_listens(settings, DAY), f"tastes/dt={DAY}"),
        (lambda: find_similar(settings, DAY), f"similar/dt={DAY}"),
    ]
    for step, output in steps_of_a_night:
        song_id = next(gone)
        _purge_during(settings, song_id, output, monkeypatch)
        try:
            step()
        except ObjectChanged:  # which Airflow answers by running the task again
            step()
        assert song_id in ledger.purged(lake.objects).tracks, "it was purged meanwhile"
        assert world.traces(settings, song_id) == set()


def _purge_during(settings, song_id: str, output: str | None, monkeypatch) -> None:
    """Forget and purge a song just before a step writes its output to the lake, or to Milvus."""
    owner, name = (Objects, "put") if output else (vectors.VectorStore, "upsert")
    plain = getattr(owner, name)

    def late(self, where, *arguments, **named):
        if output is None or where.startswith(f"lake/{output}"):
            monkeypatch.setattr(owner, name, plain)
            ledger.remember(Objects(settings), Forgotten(frozenset({song_id})))
            purge_takedowns(settings, DAY)
        return plain(self, where, *arguments, **named)

    monkeypatch.setattr(owner, name, late)


def test_lists_that_were_ranked_before_are_committed_without_it(settings, lake, milvus, kv, caplog):
    world.make(settings)
    recommend.rank_shard(settings, DAYS[2], 0, 1)
    forget(settings, ["gamma"], ["dan"])
    caplog.set_level(logging.WARNING, "nightjar")
    commit_lists(settings, DAYS[2], 1)
    rows = lake.read(Partition("lists", DAYS[2], settings.model)).to_pylist()
    assert rows
    assert not [row for row in rows if row["user_id"] == "dan" or "gamma" in (row["track_id"], *row["because"])]
    assert "taken down meanwhile: " in caplog.text


def test_a_purge_between_staging_and_committing_loses_no_rows(settings, lake, milvus, kv, monkeypatch):
    world.make(settings)
    partition = Partition("lists", DAYS[2], settings.model)
    lake.remove(partition)
    recommend.rank_shard(settings, DAYS[2], 0, 1)
    _purge_during(settings, "gamma", f"{partition}/_manifest.json", monkeypatch)
    with pytest.raises(NightjarError, match="a run or a purge replaced it"):
        commit_lists(settings, DAYS[2], 1)
    assert not lake.exists(partition), "no manifest names a part that is gone"
    commit_lists(settings, DAYS[2], 1)
    songs = set(lake.read(partition)["track_id"].to_pylist())
    assert songs
    assert "gamma" not in songs
