"""The step ingest_listens on a real object store: a bad file or row costs nothing but itself."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightjar import schemas
from nightjar.ingest import steps
from nightjar.lake import Partition
from tests.nightjar.ingest.made import contents, rejects

DAY = "2026-11-20"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def listens(*rows: tuple) -> pa.Table:
    names = ("user_id", "track_id", "listened_at", "played_s", "kind")
    loose = pa.schema([column.with_nullable(True) for column in schemas.LISTENS])
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema=loose)


@pytest.fixture
def export(lake):
    """Puts one exported file."""

    def put(key: str, table: pa.Table | bytes) -> None:
        sink = io.BytesIO()
        if isinstance(table, pa.Table):
            pq.write_table(table, sink)
        lake.objects.put(key, sink.getvalue() or table)

    return put


def test_a_day_without_listens_commits_empty_tables(settings, lake):
    assert steps.ingest_listens(settings, DAY) == {"listens": 0, "takedowns": 0, "files": 0, "dropped": {}}
    for table in ("listens", "takedowns"):
        assert lake.read(Partition(table, DAY)).num_rows == 0
    assert rejects(lake, DAY, "listens") == {}


def test_one_bad_file_or_row_does_not_cost_the_others(settings, lake, export, caplog):
    good = ("u1", "t1", NOON, 30.0, "play")
    export(f"listens/dt={DAY}/a.parquet", listens(good, good, ("u2", "t1", NOON, -1.0, "play")))
    export(f"listens/dt={DAY}/b.parquet", listens(good, ("u3", "t1", NOON, 5.0, "skip"), ("u4", "t", NOON, 5.0, "hum")))
    export(f"listens/dt={DAY}/c.parquet", listens(good).drop(["kind"]))
    export(f"listens/dt={DAY}/d.parquet", b"no parquet")
    export(f"listens/dt={DAY}/e.csv", b"user_id,track_id")
    export(f"listens/dt={DAY}/_SUCCESS", b"-")
    export(f"takedowns/dt={DAY}/a.parquet", pa.table({"track_id": ["t9", None]}))
    summary = steps.ingest_listens(settings, DAY)
    assert summary == {
        "listens": 2,
        "takedowns": 1,
        "files": 6,
        "dropped": {"bad_played_s": 1, "duplicate_row": 2, "not_exactly_one": 1, "unknown_kind": 1},
    }
    assert lake.read(Partition("listens", DAY))["user_id"].to_pylist() == ["u1", "u3"]
    assert lake.read(Partition("takedowns", DAY)).to_pylist() == [{"track_id": "t9", "user_id": None}]
    rows = lake.read(Partition("rejects", DAY, stage="listens")).to_pylist()
    assert [(row["key"], row["reason"]) for row in rows] == [
        ("listens/dt=2026-11-20/a.parquet", "bad_played_s"),
        ("listens/dt=2026-11-20/b.parquet", "unknown_kind"),
        ("listens/dt=2026-11-20/c.parquet", "bad_schema"),
        ("listens/dt=2026-11-20/d.parquet", "unreadable"),
        ("listens/dt=2026-11-20/e.csv", "bad_name"),
        ("takedowns/dt=2026-11-20/a.parquet", "not_exactly_one"),
    ]
    assert rows[1]["detail"] == "1 rows whose kind is none of play, skip, like"
    assert "c.parquet: bad_schema: It lacks kind; listens needs user_id" in caplog.text


def test_unknown_users_and_tracks_are_kept_for_the_ranking_to_judge(settings, lake, export):
    export(f"listens/dt={DAY}/a.parquet", listens(("nobody", "no-such-track", NOON, 30.0, "play")))
    assert steps.ingest_listens(settings, DAY)["listens"] == 1
    assert rejects(lake, DAY, "listens") == {}


def test_listens_again_give_the_same_bytes_however_they_are_spread(settings, lake, export):
    rows = [(f"u{number}", f"t{number % 3}", NOON, float(number), "play") for number in range(20)]
    export(f"listens/dt={DAY}/a.parquet", listens(*rows))
    steps.ingest_listens(settings, DAY)
    before = contents(lake)
    steps.ingest_listens(settings, DAY)
    assert contents(lake) == before
    export(f"listens/dt={DAY}/a.parquet", listens(*rows[12:], *rows[:5]))
    export(f"listens/dt={DAY}/b.parquet", listens(*rows[3:14]))
    steps.ingest_listens(settings, DAY)
    assert contents(lake) == before
