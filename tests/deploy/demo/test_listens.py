from __future__ import annotations

from collections import Counter

import pyarrow.parquet as pq
import pytest

from deploy.demo.listens import UNKNOWN_TRACKS, listeners, write_listens
from deploy.demo.truth import DAYS, Truth, Upload
from nightjar import schemas


@pytest.fixture(scope="module")
def rows(made) -> list[dict]:
    paths = [made.directory / f"listens/dt={day}/listens.parquet" for day in DAYS]
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def test_files_have_the_schema_of_the_export(made):
    for day in DAYS:
        table = pq.read_table(made.directory / f"listens/dt={day}/listens.parquet")
        assert schemas.conform("listens", table).equals(table.cast(schemas.LISTENS))
        assert {at.date().isoformat() for at in table["listened_at"].to_pylist()} == {day}


def test_nobody_hears_a_song_before_it_is_uploaded(made, rows):
    days = {upload.track_id: upload.day for upload in made.truth.accepted}
    for row in rows:
        if row["track_id"] not in UNKNOWN_TRACKS:
            assert days[row["track_id"]] <= row["listened_at"].date().isoformat()


def test_there_are_unknown_tracks_likes_skips_and_whole_plays(rows):
    kinds = Counter(row["kind"] for row in rows)
    assert set(kinds) == {"play", "skip", "like"}
    assert kinds["play"] > kinds["skip"] > 0
    assert {row["track_id"] for row in rows} >= set(UNKNOWN_TRACKS)


def test_people_play_what_they_like(made, rows):
    styles = {upload.track_id: upload.style for upload in made.truth.uploads}
    tastes = {person.user_id: person.tastes for person in listeners(made.truth)}
    plays = [row for row in rows if row["kind"] == "play" and row["track_id"] in styles]
    fitting = sum(styles[row["track_id"]] in tastes[row["user_id"]] for row in plays)
    assert fitting / len(plays) > 0.9


def test_about_fifty_people_listen_some_of_them_little_and_some_upload(made, rows):
    heard = Counter(row["user_id"] for row in rows)
    assert 45 <= len(heard) <= 50
    assert min(heard.values()) <= 2
    assert max(heard.values()) >= 8
    assert len({upload.uploader for upload in made.truth.uploads} & set(heard)) >= 2


def test_songs_that_a_listener_would_like_are_left(made, rows):
    heard = {(row["user_id"], row["track_id"]) for row in rows}
    left = [
        any((person.user_id, song.track_id) not in heard for song in made.truth.accepted if song.style in person.tastes)
        for person in listeners(made.truth)
    ]
    assert sum(left) > 0.9 * len(left)


def test_a_day_before_the_first_song_has_only_unknown_listens(tmp_path):
    song = Upload("only", DAYS[1], "mp3", "user-60", style="waltz")
    first, second, _ = write_listens(tmp_path, Truth(DAYS, (song,), known=False))
    assert set(pq.read_table(first)["track_id"].to_pylist()) == set(UNKNOWN_TRACKS)
    assert "only" in pq.read_table(second)["track_id"].to_pylist()
