"""Exported listens and takedowns: what fits in spite of its form, what does not, and what is said of it."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightjar import schemas
from nightjar.ingest import events
from nightjar.ingest.judge import Reject

DAY = "2026-11-21"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def listen(**changes) -> dict:
    return {"user_id": "u1", "track_id": "t1", "listened_at": NOON, "played_s": 30.0, "kind": "play"} | changes


def listens(*rows: dict) -> pa.Table:
    loose = pa.schema([column.with_nullable(True) for column in schemas.LISTENS])
    return pa.Table.from_pylist(list(rows), schema=loose)


def test_columns_in_another_order_and_more_of_them_fit():
    table = listens(listen())
    shuffled = table.select(["kind", "played_s", "listened_at", "user_id", "track_id"])
    shuffled = shuffled.append_column("device", pa.array(["phone"]))
    assert events.read("listens", parquet(shuffled)).to_pylist() == [listen()]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("user_id", pa.array(["u1"], pa.large_string())),
        ("user_id", pa.array(["u1"]).dictionary_encode()),
        ("kind", pa.array([b"play"])),
        ("played_s", pa.array([30], pa.int16())),
        ("played_s", pa.array([30.0], pa.float64())),
        ("played_s", pa.array(["30"])),
        ("listened_at", pa.array([NOON.replace(tzinfo=None)], pa.timestamp("ns"))),
        ("listened_at", pa.array([NOON], pa.timestamp("ms", "Asia/Shanghai"))),
        ("listened_at", pa.array(["2026-11-21T12:00:00"])),
        ("listened_at", pa.array(["2026-11-21 20:00:00+08:00"])),
    ],
)
def test_types_that_mean_the_same_are_cast(column, values):
    table = listens(listen())
    place = table.column_names.index(column)
    assert events.read("listens", parquet(table.set_column(place, column, values))).to_pylist() == [listen()]


def test_whole_numbers_are_ids():
    table = listens(listen()).set_column(0, "user_id", pa.array([17]))
    assert events.read("listens", parquet(table))["user_id"].to_pylist() == ["17"]


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("listened_at", pa.array([1_795_000_000]), "of a number the unit is not known"),
        ("listened_at", pa.array(["noon"]), "listened_at is string"),
        ("user_id", pa.array([1.0]), "user_id is double, not string"),
        ("played_s", pa.array(["long"]), "played_s is string, not float"),
        ("kind", pa.array([["play"]]), "kind is list"),
        ("track_id", pa.array([b"\xff\xfe"]), "track_id is binary"),
    ],
)
def test_types_that_mean_something_else_do_not_fit(column, values, said):
    table = listens(listen())
    found = events.read("listens", parquet(table.set_column(table.column_names.index(column), column, values)))
    assert found.reason == "bad_schema"
    assert said in found.detail


def test_a_file_that_lacks_columns_names_them():
    found = events.read("listens", parquet(listens(listen()).drop(["kind", "played_s"])))
    assert found == Reject(
        "bad_schema", "It lacks played_s, kind; listens needs user_id, track_id, listened_at, played_s, kind"
    )


def test_a_column_that_comes_twice_does_not_fit():
    table = listens(listen())
    found = events.read("listens", parquet(table.append_column("kind", pa.array(["like"]))))
    assert found == Reject("bad_schema", "The column 'kind' comes twice")


@pytest.mark.parametrize("body", [b"", b"user_id,track_id\n", b"PAR1" * 40])
def test_a_file_that_is_no_parquet_is_unreadable(body):
    assert events.read("listens", body).reason == "unreadable"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"user_id": None}, "null_value"),
        ({"listened_at": None}, "null_value"),
        ({"track_id": ""}, "bad_id"),
        ({"user_id": "u" * 129}, "bad_id"),
        ({"user_id": "a\x00b"}, "bad_id"),
        ({"played_s": -0.5}, "bad_played_s"),
        ({"played_s": float("nan")}, "bad_played_s"),
        ({"played_s": float("inf")}, "bad_played_s"),
        ({"kind": "Play"}, "unknown_kind"),
        ({"listened_at": NOON - timedelta(days=2)}, "wrong_day"),
        ({"listened_at": datetime(2026, 11, 23, tzinfo=UTC)}, "wrong_day"),
        ({"played_s": None, "kind": "x"}, "null_value"),
    ],
)
def test_a_row_that_is_no_listen_is_dropped_and_counted(change, reason):
    kept, dropped = events.clean_listens(listens(listen(), listen(**change), listen(kind="like")), DAY)
    assert kept.to_pylist() == [listen(), listen(kind="like")]
    assert dropped == {reason: 1}


def test_devices_may_be_a_day_late():
    edges = [datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 22, 23, 59, 59, 999_999, tzinfo=UTC)]
    kept, dropped = events.clean_listens(listens(*(listen(listened_at=at) for at in edges)), DAY)
    assert (kept["listened_at"].to_pylist(), dropped) == (edges, {})


def test_no_rows_are_no_problem():
    assert events.clean_listens(listens(), DAY) == (listens(), {})
    assert events.merge("listens", []).equals(schemas.empty("listens"))


def takedowns(*rows: tuple[str | None, str | None]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"track_id": track, "user_id": user} for track, user in rows], schema=schemas.TAKEDOWNS
    )


def test_a_takedown_names_exactly_one_thing():
    rows = takedowns(("t1", None), (None, "u1"), (None, None), ("t1", "u1"), ("", None), ("t1", ""))
    kept, dropped = events.clean_takedowns(rows)
    assert kept.to_pylist() == takedowns(("t1", None), (None, "u1")).to_pylist()
    assert dropped == {"bad_id": 2, "not_exactly_one": 2}


def test_takedowns_may_have_only_the_column_they_need():
    found = events.read("takedowns", parquet(pa.table({"user_id": ["u1"]})))
    assert found.to_pylist() == [{"track_id": None, "user_id": "u1"}]
    assert events.read("takedowns", parquet(pa.table({"song": ["t1"]}))).reason == "bad_schema"


def test_takedowns_are_merged_with_their_nulls():
    merged = events.merge("takedowns", [takedowns(("t1", None), (None, "u1")), takedowns(("t1", None))])
    assert sorted(merged.to_pylist(), key=str) == sorted(takedowns(("t1", None), (None, "u1")).to_pylist(), key=str)


_ROWS = st.lists(
    st.builds(
        listen,
        user_id=st.sampled_from(["u1", "u2"]),
        track_id=st.sampled_from(["t1", "t2"]),
        listened_at=st.sampled_from([NOON, NOON.astimezone(timezone(timedelta(hours=8))), NOON + timedelta(seconds=1)]),
        played_s=st.sampled_from([0.0, 3.5, 30.0]),
        kind=st.sampled_from(events.KINDS),
    ),
    max_size=30,
)


@given(_ROWS, st.integers(0, 30), st.randoms(use_true_random=False))
def test_the_merged_rows_depend_neither_on_order_nor_on_files(rows, cut, random):
    one = events.merge("listens", [listens(*rows)])
    shuffled = random.sample(rows, len(rows))
    other = events.merge("listens", [listens(*shuffled[:cut]), listens(*shuffled[cut:])])
    assert one.equals(other)
    keys = {(row["user_id"], row["listened_at"], row["track_id"], row["kind"]) for row in rows}
    assert one.num_rows == len(keys)
    for row in one.to_pylist():
        same = [other["played_s"] for other in rows if other | {"played_s": 0} == row | {"played_s": 0}]
        assert row["played_s"] == max(same)
