"""Keys that nobody chose with Nightjar in mind."""

from __future__ import annotations

import logging

from nightjar.ingest import steps, uploads
from nightjar.lake import Partition
from nightjar.takedowns import ledger
from tests.nightjar.ingest.made import song

DAY = "2026-11-20"


def _ingested(settings, lake, *names: str) -> dict:
    for name in names:
        lake.objects.put(f"uploads/dt={DAY}/{name}", song())
    shards = steps.freeze(settings, DAY)["shards"]
    for shard in range(shards):
        steps.probe_shard(settings, DAY, shard, shards)
    return steps.commit_tracks(settings, DAY, shards)


def test_what_file_managers_leave_behind_is_counted_and_is_no_upload(settings, lake, caplog):
    caplog.set_level(logging.INFO, "nightjar")
    left = (".DS_Store", "Thumbs.db", "desktop.ini", "._good.mp3", "__MACOSX/._good.mp3")
    assert _ingested(settings, lake, "good.mp3", *left) == {"uploads": 1, "tracks": 1, "rejects": {}}
    assert "5 files of file managers (as .DS_Store) are left out" in caplog.text
    assert not uploads.since_freeze(lake, DAY, ledger.forgotten(lake))


def test_a_name_with_an_ending_of_any_length_is_a_name(settings, lake):
    assert _ingested(settings, lake, f"long.{'x' * 249}") == {"uploads": 1, "tracks": 1, "rejects": {}}
    assert lake.read(Partition("tracks", DAY))["container"].to_pylist() == ["mp3"]
