"""The steps of ingest_uploads on a real object store: each bad input's outcome; running twice changes nothing."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from nightjar.errors import NightjarError, PartitionMissing
from nightjar.ingest import metadata, songs, steps
from nightjar.lake import Partition
from nightjar.objects import Objects
from tests.nightjar.ingest.made import contents, rejects, song, sound

DAY, NEXT = "2026-11-20", "2026-11-21"


@pytest.fixture
def upload(lake):
    """Puts one of the app's uploads; returns its key."""

    def put(name: str, body: bytes | None = None, day: str = DAY, **said: str) -> str:
        key = f"uploads/dt={day}/{name}"
        values = metadata.encode({field.replace("_", "-"): value for field, value in said.items()})
        lake.objects.put(key, song() if body is None else body, metadata=values)
        return key

    return put


def run_day(settings, day: str = DAY) -> dict:
    """All tasks of the DAG but the listens."""
    shards = steps.freeze(settings, day)["shards"]
    for shard in range(shards):
        steps.probe_shard(settings, day, shard, shards)
    return steps.commit_tracks(settings, day, shards)


def test_a_day_of_songs_becomes_tracks(settings, lake, upload):
    upload("one.mp3", user_id="user-7", title="Träume 100%", artist="歌手")
    upload("two.WAV", sound("wav", "-ac", "2"), user_id="user-8")
    assert run_day(settings) == {"uploads": 2, "tracks": 2, "rejects": {}}
    one, two = lake.read(Partition("tracks", DAY)).to_pylist()
    assert (one["track_id"], one["uploader"], one["title"], one["artist"]) == ("one", "user-7", "Träume 100%", "歌手")
    assert (two["track_id"], two["codec"], two["channels"], two["title"]) == ("two", "pcm_s16le", 2, None)
    assert one["size_bytes"] == len(song())
    assert one["duration_s"] == pytest.approx(4.0, abs=0.06)


def test_every_bad_upload_is_one_reject_and_the_rest_goes_on(settings, lake, upload, caplog):
    caplog.set_level(logging.INFO, "nightjar")
    upload("good.mp3")
    upload("text.mp3", b"milk\nbread\n" * 50)
    upload("broken.flac", sound("flac")[:9000])
    upload("silent.mp3", sound("mp3", source="anullsrc=d=4"))
    upload("short.mp3", sound("mp3", source="sine=440:duration=1"))
    upload("nothing.mp3", b"")
    upload("not an id.mp3")
    upload("folder/song.mp3")
    summary = run_day(settings)
    assert summary["tracks"] == 1
    assert {name: reason for name, (reason, _) in rejects(lake, DAY).items()} == {
        "text.mp3": "not_audio",
        "broken.flac": "unreadable",
        "silent.mp3": "silent",
        "short.mp3": "too_short",
        "nothing.mp3": "empty",
        "not an id.mp3": "bad_name",
        "song.mp3": "bad_name",
    }
    assert summary["rejects"]["bad_name"] == 2
    assert "commit_tracks 2026-11-20: 8 uploads, 1 tracks, 7 rejects {'bad_name': 2" in caplog.text
    assert "text.mp3: rejected, not_audio: The content is text" in caplog.text


def test_uploads_of_one_file_are_decoded_once(settings, lake, upload, monkeypatch):
    for number in range(8):
        upload(f"same{number}.mp3")
    upload("other.mp3", sound("mp3", source="sine=330:duration=5"))
    decoded = []
    real = songs.probe
    monkeypatch.setattr(songs, "probe", lambda path: decoded.append(path) or real(path))
    assert run_day(settings)["tracks"] == 9
    assert len(decoded) <= 1 + steps.PARALLEL, "uploads that are read at the same time do not wait for each other"
    rows = [row for row in lake.read(Partition("tracks", DAY)).to_pylist() if row["track_id"] != "other"]
    assert len({(row["sha256"], row["duration_s"], row["loudness_lufs"], row["codec"]) for row in rows}) == 1


def test_running_a_day_again_gives_the_same_bytes(settings, lake, upload):
    small = replace(settings, shard_songs=1)
    for name in ("a.mp3", "b.mp3", "c.mp3"):
        upload(name, title=name)
    upload("a.wav")
    upload("d.mp3", b"text")
    run_day(small)
    before = contents(lake)
    run_day(small)
    assert contents(lake) == before


def test_the_number_of_shards_does_not_change_the_rows(settings, lake, upload):
    for name in ("a.mp3", "b.mp3", "c.mp3", "b.wav"):
        upload(name)
    run_day(settings)
    rows = {table: lake.read(Partition(table, DAY)).to_pylist() for table in ("tracks", "uploads")}
    run_day(replace(settings, shard_songs=1))
    for table, before in rows.items():
        assert sorted(lake.read(Partition(table, DAY)).to_pylist(), key=str) == sorted(before, key=str)


def test_an_empty_day_commits_empty_tables(settings, lake):
    assert steps.freeze(settings, DAY) == {"uploads": 0, "shards": 1}
    assert run_day(settings) == {"uploads": 0, "tracks": 0, "rejects": {}}
    assert lake.read(Partition("tracks", DAY)).num_rows == 0
    assert rejects(lake, DAY) == {}


def test_of_two_runs_that_freeze_at_once_the_first_one_counts(settings, lake, upload, monkeypatch):
    """A backfill beside the schedule's run of the same day: both go on with one list, whatever arrives in between."""
    upload("one.mp3")
    exists, left = type(lake).exists, [True]

    def overtaken(self, partition):
        before = exists(self, partition)
        if left:
            left.clear()
            upload("two.mp3")
            assert steps.freeze(settings, DAY) == {"uploads": 2, "shards": 1}
        return before

    monkeypatch.setattr(type(lake), "exists", overtaken)
    assert steps.freeze(settings, DAY) == {"uploads": 2, "shards": 1}
    assert lake.read(Partition("uploads", DAY)).num_rows == 2


def test_what_arrives_after_the_freeze_waits_for_a_refreeze(settings, lake, upload, caplog):
    upload("early.mp3")
    steps.freeze(settings, DAY)
    upload("late.mp3")
    assert steps.freeze(settings, DAY) == {"uploads": 1, "shards": 1}
    assert "freeze 2026-11-20: since the freeze 1 arrived (first: uploads/dt=2026-11-20/late.mp3)" in caplog.text
    assert "to take that in: nightjar rerun 2026-11-20" in caplog.text
    assert run_day(settings)["tracks"] == 1
    assert steps.refreeze(settings, DAY) == {"uploads": 2, "before": 1}
    assert run_day(settings)["tracks"] == 2


def test_a_night_tells_of_earlier_uploads_that_no_run_took_in(settings, lake, upload, caplog):
    upload("early.mp3")
    steps.freeze(settings, DAY)
    lake.objects.put("uploads/dt=2026-11-18/forgotten.mp3", b"x")
    steps.freeze(settings, "2026-11-21")
    assert "no run took in of 2026-11-18: 1 arrived (first: uploads/dt=2026-11-18/forgotten.mp3)" in caplog.text
    assert "of 2026-11-20" not in caplog.text
    upload("late.mp3")
    steps.freeze(settings, "2026-11-21")
    assert "no run took in of 2026-11-20: 1 arrived (first: uploads/dt=2026-11-20/late.mp3)" in caplog.text


def test_a_day_that_was_never_frozen_is_not_refrozen(settings):
    with pytest.raises(PartitionMissing, match="uploads/dt=2026-11-20 is not committed"):
        steps.refreeze(settings, DAY)


def test_an_upload_that_was_replaced_or_deleted_since_is_rejected(settings, lake, upload):
    upload("kept.mp3")
    replaced, deleted = upload("replaced.mp3"), upload("deleted.mp3")
    steps.freeze(settings, DAY)
    lake.objects.put(replaced, sound("mp3", source="sine=220:duration=4"))
    lake.objects.delete(deleted)
    assert run_day(settings)["tracks"] == 1
    assert rejects(lake, DAY) == {
        "deleted.mp3": ("missing", "The object was deleted after the day was frozen"),
        "replaced.mp3": ("changed_after_freeze", "Replaced after the day was frozen: nightjar rerun 2026-11-20"),
    }


def test_an_upload_that_is_replaced_while_it_is_read_is_rejected(settings, lake, upload, monkeypatch):
    upload("one.mp3")
    steps.freeze(settings, DAY)
    download = Objects.download

    def and_replace(self: Objects, key: str, path: Path) -> None:
        download(self, key, path)
        self.put(key, song() + b"more")

    monkeypatch.setattr(Objects, "download", and_replace)
    steps.probe_shard(settings, DAY, 0, 1)
    assert steps.commit_tracks(settings, DAY, 1)["rejects"] == {"changed_after_freeze": 1}


@pytest.mark.parametrize("per_shard", [1, 50])
def test_of_two_files_of_one_id_the_first_song_by_key_is_kept(settings, lake, upload, per_shard):
    upload("same.mp3", b"not a song")
    upload("same.ogg", sound("ogg"))
    upload("same.wav", sound("wav"))
    for number in range(4):
        upload(f"other{number}.mp3")
    run_day(replace(settings, shard_songs=per_shard))
    kept = [row for row in lake.read(Partition("tracks", DAY)).to_pylist() if row["track_id"] == "same"]
    assert [row["codec"] for row in kept] == ["vorbis"]
    assert rejects(lake, DAY) == {
        "same.mp3": ("not_audio", "The content is text, whatever its name says"),
        "same.wav": ("duplicate_track_id", "The id is taken by uploads/dt=2026-11-20/same.ogg of the same day"),
    }


def test_an_id_that_another_day_has_is_rejected(settings, lake, upload):
    upload("same.mp3")
    upload("same.mp3", sound("mp3", source="sine=220:duration=4"), day=NEXT)
    upload("new.mp3", day=NEXT)
    run_day(settings)
    for _ in range(2):
        assert run_day(settings, NEXT)["tracks"] == 1
        assert rejects(lake, NEXT) == {
            "same.mp3": ("duplicate_track_id", "The id was taken on 2026-11-20 by another upload")
        }


def test_while_another_day_still_runs_its_claim_counts(settings, lake, upload):
    upload("same.mp3")
    upload("same.mp3", day=NEXT)
    steps.freeze(settings, DAY)
    steps.probe_shard(settings, DAY, 0, 1)
    assert run_day(settings, NEXT)["rejects"] == {"duplicate_track_id": 1}


def test_an_id_whose_first_upload_was_no_song_is_free(settings, lake, upload):
    upload("same.mp3", b"oops")
    run_day(settings)
    upload("same.mp3", day=NEXT)
    assert run_day(settings, NEXT)["tracks"] == 1


def test_an_id_that_its_day_gave_up_is_taken_over(settings, lake, upload):
    """The day claimed the id for a song that was deleted before it was committed."""
    key = upload("same.mp3")
    upload("same.mp3", day=NEXT)
    steps.freeze(settings, DAY)
    steps.probe_shard(settings, DAY, 0, 1)
    lake.objects.delete(key)
    steps.refreeze(settings, DAY)
    run_day(settings)
    assert run_day(settings, NEXT)["tracks"] == 1
    assert lake.objects.get("lake/claims/same") == NEXT.encode()


def test_wrong_metadata_costs_the_field_and_not_the_song(settings, lake, upload, caplog):
    key = f"uploads/dt={DAY}/one.mp3"
    lake.objects.put(key, song(), metadata={"user-id": "user-1", "title": "%FF%FE", "artist": "x" * 300})
    assert run_day(settings) == {"uploads": 1, "tracks": 1, "rejects": {}}
    row = lake.read(Partition("tracks", DAY)).to_pylist()[0]
    assert (row["uploader"], row["title"], row["artist"]) == ("user-1", None, None)
    assert f"{key}: metadata title is not percent-encoded UTF-8 and was dropped" in caplog.text
    assert f"{key}: metadata artist has 300 characters, more than 200, and was dropped" in caplog.text


def test_a_shard_that_never_ran_stops_the_commit(settings, lake, upload):
    small = replace(settings, shard_songs=1)
    upload("a.mp3")
    upload("b.mp3")
    steps.freeze(small, DAY)
    steps.probe_shard(small, DAY, 0, 2)
    with pytest.raises(NightjarError, match="shard 1 of 2 was never staged"):
        steps.commit_tracks(small, DAY, 2)
    assert not lake.exists(Partition("tracks", DAY))


def test_a_day_frozen_anew_while_it_runs_is_not_committed(settings, lake, upload):
    upload("a.mp3")
    steps.freeze(settings, DAY)
    steps.probe_shard(settings, DAY, 0, 1)
    upload("b.mp3")
    steps.refreeze(settings, DAY)
    steps.freeze(settings, DAY)
    with pytest.raises(NightjarError, match="has 2 frozen uploads, but its shards staged 1 tracks and 0 rejects"):
        steps.commit_tracks(settings, DAY, 1)
    assert not lake.exists(Partition("tracks", DAY))


def test_a_shard_without_a_freeze_says_what_to_run(settings):
    with pytest.raises(PartitionMissing, match="uploads/dt=2026-11-20 is not committed"):
        steps.probe_shard(settings, DAY, 0, 1)


def test_a_store_that_cannot_be_reached_stops_the_task(settings, upload):
    upload("a.mp3")
    nowhere = replace(settings, bucket="no-such-bucket")
    with pytest.raises(NightjarError, match="there is no bucket 'no-such-bucket'"):
        steps.freeze(nowhere, DAY)


def test_the_stage_of_rejects_is_the_partition_they_lie_in(settings, lake, upload):
    upload("text.mp3", b"text")
    run_day(settings)
    assert lake.read(Partition("rejects", DAY, stage=songs.STAGE))["stage"].to_pylist() == ["ingest"]
