"""What `nightjar status` says of exports that came late, of takedowns in vain, of plays of impossible length."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightjar import schemas
from nightjar.cli import main
from nightjar.ingest import steps
from nightjar.lake import Lake, Partition
from nightjar.takedowns import ledger
from nightjar.takedowns.forgotten import Forgotten
from tests.nightjar.recommend import night

DAY = "2026-11-22"


@pytest.fixture
def lake(settings, monkeypatch) -> Lake:
    """A day of two songs of 100 s; Milvus and the store are down."""
    monkeypatch.setattr("nightjar.vectors.connection.MILVUS_CONNECT_S", 0.1)
    made = Lake(settings)
    made.write(Partition("tracks", DAY), night.tracks(DAY, ["s01", "s02"]))
    return made


def export(lake: Lake, key: str, table: pa.Table) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    lake.objects.put(key, sink.getvalue().to_pybytes())


def status(capsys, *arguments: str) -> tuple[dict, str]:
    """As JSON and as text."""
    capsys.readouterr()
    assert main(["status", *arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert main(["status", *arguments]) == 0
    return found, capsys.readouterr().out


def test_exports_that_came_since_they_were_read_are_shown_until_they_are_taken(settings, lake, capsys):
    steps.ingest_listens(settings, DAY)
    key = f"takedowns/dt={DAY}/a.parquet"
    export(lake, key, pa.table({"track_id": ["s01"]}))
    assert f"Exports came since they were read: {DAY} (nightjar status {DAY} says how)" in status(capsys)[1]
    found, said = status(capsys, DAY)
    assert found["late_exports"] == f"1 arrived (first: {key})"
    assert f"Exports came since they were read: 1 arrived (first: {key})." in said
    assert f"at once: nightjar rerun {DAY}" in said
    steps.ingest_listens(settings, "2026-11-23")
    assert "Exports came" not in status(capsys)[1]
    assert status(capsys, DAY)[0]["late_exports"] is None


def test_takedowns_that_named_nothing_are_counted(settings, lake, capsys):
    named = pa.table({"track_id": ["s01", "S02", None], "user_id": [None, None, "u"]})
    export(lake, f"takedowns/dt={DAY}/a.parquet", named)
    steps.ingest_listens(settings, DAY)
    assert "3 takedowns, 3 of them not purged yet" in status(capsys, DAY)[1]
    ledger.mark_found(lake.objects, Forgotten(frozenset({"s01"})))
    ledger.mark_purged(lake.objects, Forgotten(frozenset({"s01", "S02"}), frozenset({"u"})))
    found, said = status(capsys, DAY)
    assert found["takedowns_detail"] == {"named": 3, "unknown": ["S02", "u"], "waiting": []}
    assert "2 of them named no track or user that was known (first: S02): is the id right?" in said


def test_plays_that_are_longer_than_their_songs_are_counted(settings, lake, capsys):
    rows = [night.listen("u", "s01", DAY, 9_000.0), night.listen("v", "s01", DAY)]
    rows.append(night.listen("v", "s02", DAY, 9_000.0, "skip"))
    lake.write(Partition("listens", DAY), schemas.table("listens", rows))
    found, said = status(capsys, DAY)
    assert (found["listens_detail"]["longer_than_songs"], found["listens_detail"]["listens"]) == (1, 3)
    assert "1 plays are more than twice as long as their song: is played_s in milliseconds?" in said
