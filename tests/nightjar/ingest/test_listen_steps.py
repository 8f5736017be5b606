"""The step ingest_listens on a real object store: a bad file or row costs nothing but itself."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightjar import schemas
from nightjar.ingest import exports, steps
from nightjar.lake import Partition
from tests.nightjar.ingest.made import contents, rejects

DAY, NEXT = "2026-11-20", "2026-11-21"
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
    export(f"listens/dt={DAY}/hour=05/_SUCCESS", b"-")
    export(f"listens/dt={DAY}/hour=05/_temporary/0/task_1/part-0.parquet", listens(("u9", "t1", NOON, 5.0, "play")))
    export(f"listens/dt={DAY}/.hive-staging/a.parquet", b"-")
    export(f"listens/dt={DAY}/hour=05/.a.parquet.crc", b"-")
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
    before = {key: body for key, body in before.items() if not key.startswith("lake/exports/")}
    assert {key: contents(lake)[key] for key in before} == before


def recorded(lake, day: str = DAY) -> dict[str, dict]:
    """What the day's record says of each file."""
    rows = lake.read(Partition("exports", day)).to_pylist()
    return {row["key"].rpartition("/")[2]: row for row in rows}


def test_what_was_read_is_recorded(settings, lake, export):
    export(
        f"listens/dt={DAY}/hour=05/a.parquet", listens(("u1", "t1", NOON, 5.0, "play"), ("u1", None, NOON, 5.0, "play"))
    )
    export(f"listens/dt={DAY}/b.parquet", b"no parquet")
    export(f"takedowns/dt={DAY}/c.parquet", pa.table({"track_id": ["t9"]}))
    assert not exports.since_read(lake, DAY), "of what was never read nothing has come since"
    steps.ingest_listens(settings, DAY)
    found = recorded(lake)
    assert {name: (row["rows"], row["dropped"], row["problem"]) for name, row in found.items()} == {
        "a.parquet": (2, 1, None),
        "b.parquet": (0, 0, "unreadable"),
        "c.parquet": (1, 0, None),
    }
    assert not exports.since_read(lake, DAY)


def test_a_broken_export_of_listens_is_not_taken_and_takedowns_always_are(settings, lake, export, caplog):
    good = [(f"u{number}", "t1", NOON, 5.0, "play") for number in range(80)]
    bad = [(f"u{number}", "t1", NOON, 180_000.0, "play") for number in range(20)]
    export(f"listens/dt={DAY}/a.parquet", listens(*good, *bad))
    export(f"listens/dt={DAY}/b.parquet", listens(("u99", "t1", NOON, 5.0, "play")))
    export(f"takedowns/dt={DAY}/a.parquet", pa.table({"track_id": ["t9", *["a b"] * 20]}))
    found = steps.ingest_listens(settings, DAY)
    assert (found["listens"], found["takedowns"]) == (1, 1)
    assert found["dropped"] == {"bad_id": 20, "bad_rows": 80, "played_too_long": 20}
    assert [recorded(lake)[name]["problem"] for name in ("a.parquet", "b.parquet")] == ["bad_rows", None]
    assert "20 rows whose played_s is above 10800, the longest song: is it in milliseconds?" in caplog.text
    assert "20 of 100 rows do not fit, at most 10% may: 20 played_too_long" in caplog.text
    assert "20 of 21 rows do not fit, at most 10% may: 20 bad_id" in caplog.text


def test_exports_that_come_after_they_were_read_are_taken_by_the_next_night(settings, lake, export, caplog):
    first, late = ("u1", "t1", NOON, 5.0, "play"), ("u2", "t1", NOON, 5.0, "play")
    export(f"listens/dt={DAY}/a.parquet", listens(first))
    steps.ingest_listens(settings, DAY)
    export(f"listens/dt={DAY}/b.parquet", listens(late))
    export(f"takedowns/dt={DAY}/a.parquet", pa.table({"track_id": ["t9"]}))
    assert str(exports.since_read(lake, DAY)) == f"2 arrived (first: listens/dt={DAY}/b.parquet)"
    assert steps.ingest_listens(settings, NEXT)["listens"] == 0
    assert f"exports of {DAY} that came since they were read: 2 arrived" in caplog.text
    assert lake.read(Partition("listens", DAY))["user_id"].to_pylist() == ["u1", "u2"]
    assert lake.read(Partition("takedowns", DAY))["track_id"].to_pylist() == ["t9"]
    assert not exports.since_read(lake, DAY)
    after = contents(lake)
    steps.ingest_listens(settings, NEXT)
    steps.ingest_listens(settings, DAY)
    assert contents(lake) == after, "it is what a run that had seen all of them at once commits"


def test_an_export_that_is_replaced_is_read_again(settings, lake, export):
    export(f"listens/dt={DAY}/a.parquet", listens(("u1", "t1", NOON, 5.0, "play")))
    steps.ingest_listens(settings, DAY)
    export(f"listens/dt={DAY}/a.parquet", listens(("u2", "t1", NOON, 5.0, "play")))
    assert exports.since_read(lake, DAY).changed == [f"listens/dt={DAY}/a.parquet"]
    steps.ingest_listens(settings, NEXT)
    assert lake.read(Partition("listens", DAY))["user_id"].to_pylist() == ["u2"]


def test_what_was_taken_of_an_export_that_is_gone_stays(settings, lake, export):
    """An app, or a rule of its bucket, removes exports after some days."""
    bad = ("u3", "t1", NOON, 5.0, "hum")
    export(f"listens/dt={DAY}/a.parquet", listens(("u1", "t1", NOON, 5.0, "play"), bad))
    export(f"takedowns/dt={DAY}/a.parquet", pa.table({"track_id": ["t9"]}))
    steps.ingest_listens(settings, DAY)
    before = contents(lake)
    for kind in ("listens", "takedowns"):
        lake.objects.delete(f"{kind}/dt={DAY}/a.parquet")
    assert not exports.since_read(lake, DAY)
    steps.ingest_listens(settings, DAY)
    assert contents(lake) == before
    export(f"listens/dt={DAY}/b.parquet", listens(("u2", "t1", NOON, 5.0, "play")))
    for _ in range(2):
        steps.ingest_listens(settings, NEXT)
        assert lake.read(Partition("listens", DAY))["user_id"].to_pylist() == ["u1", "u2"]
        assert lake.read(Partition("takedowns", DAY))["track_id"].to_pylist() == ["t9"]
        assert rejects(lake, DAY, "listens") == {
            "a.parquet": ("unknown_kind", "1 rows whose kind is none of play, skip, like")
        }


def test_a_day_that_no_run_took_in_is_left_alone(settings, lake, export):
    export(f"listens/dt={DAY}/a.parquet", listens(("u1", "t1", NOON, 5.0, "play")))
    steps.ingest_listens(settings, NEXT)
    assert not lake.exists(Partition("listens", DAY))
