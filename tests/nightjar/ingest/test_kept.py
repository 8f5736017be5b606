"""A song that was taken in stays, whatever becomes of its upload, until it is taken down."""

from __future__ import annotations

import pytest

from nightjar.ingest import steps
from nightjar.lake import Partition
from nightjar.takedowns import ledger
from nightjar.takedowns.forgotten import Forgotten
from tests.nightjar.ingest.made import sound
from tests.nightjar.ingest.test_steps import DAY, run_day, upload

__all__ = ["upload"]


@pytest.mark.parametrize("expired", ["deleted", "replaced"])
def test_a_song_that_was_taken_in_stays_whatever_becomes_of_its_upload(settings, lake, upload, expired):
    key = upload("song.mp3", title="The one")
    run_day(settings)
    before = lake.read(Partition("tracks", DAY))
    if expired == "deleted":
        lake.objects.delete(key)
    else:
        upload("song.mp3", sound("mp3", source="sine=220:duration=5"), title="Another")
    upload("late.mp3")
    run_day(settings)
    assert lake.read(Partition("tracks", DAY)).equals(before), "the day as it was frozen"
    steps.refreeze(settings, DAY)
    run_day(settings)
    rows = {row["track_id"]: row for row in lake.read(Partition("tracks", DAY)).to_pylist()}
    assert set(rows) == {"song", "late"}
    assert rows["song"] == before.to_pylist()[0]


def test_a_song_that_was_taken_down_does_not_stay(settings, lake, upload):
    upload("song.mp3", user_id="user-1")
    run_day(settings)
    ledger.remember(lake.objects, Forgotten(frozenset({"song"})))
    assert run_day(settings)["rejects"] == {"taken_down": 1}
