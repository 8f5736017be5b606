"""Exported listens and takedowns: what fits in spite of its form, what does not, and what is said of it."""

from __future__ import annotations

import io
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightjar import schemas
from nightjar.ingest import events, metadata
from nightjar.ingest.judge import Reject
from tests.nightjar.ingest.exported import NOON, kept, listen, listens, read, takedowns

ID = UUID("3ef76290-1f68-4e27-9f22-c87df2b096b2")


def test_columns_in_another_order_and_more_of_them_fit():
    table = listens(listen())
    shuffled = table.select(["kind", "played_s", "listened_at", "user_id", "track_id"])
    shuffled = shuffled.append_column("device", pa.array(["phone"]))
    assert kept(shuffled) == ([listen()], {})


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
        ("listened_at", pa.array(["2026-11-21 12:00:00 UTC"])),
        ("played_s", pa.array([Decimal(30)], pa.decimal128(38, 0))),
        ("user_id", pa.array(["u1   "])),
        ("track_id", pa.array([b"t1".ljust(16, b"\0")], pa.binary(16))),
    ],
)
def test_types_that_mean_the_same_are_cast(column, values):
    table = listens(listen())
    place = table.column_names.index(column)
    assert kept(table.set_column(place, column, values)) == ([listen()], {})


@pytest.mark.parametrize(
    ("ids", "means"),
    [
        (pa.array([17]), "17"),
        (pa.array([Decimal(17)], pa.decimal128(38, 0)), "17"),
        (pa.array([ID.bytes], pa.uuid()), str(ID)),
        (pa.array([ID.bytes], pa.binary(16)), str(ID)),
        (pa.array([str(ID).upper()]), str(ID)),
        (pa.array([f" {str(ID).upper()} ".encode()]), str(ID)),
        (pa.array(["ABCDEF12-not-a-UUID"]), "ABCDEF12-not-a-UUID"),
    ],
)
def test_whole_numbers_and_uuids_are_ids(ids, means):
    assert kept(listens(listen()).set_column(0, "user_id", ids)) == ([listen(user_id=means)], {})


def test_a_uuid_is_one_user_whatever_wrote_it():
    rows = pa.table({"track_id": pa.nulls(2, pa.string()), "user_id": [str(ID).upper(), str(ID)]})
    assert read(rows, "takedowns").rows["user_id"].to_pylist() == [str(ID)] * 2
    assert metadata.decode({"user-id": str(ID).upper()}).uploader == str(ID)
    track = takedowns((str(ID).upper(), None))
    assert read(track, "takedowns").rows["track_id"].to_pylist() == [str(ID).upper()], "as in the key of its upload"


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("listened_at", pa.array([1_795_000_000]), "of a number the unit is not known"),
        ("user_id", pa.array([1.0]), "user_id is double, not string"),
        ("played_s", pa.array([True]), "played_s is bool, not float"),
        ("kind", pa.array([["play"]]), "kind is list"),
        ("track_id", pa.array([b"x" * 1000], pa.binary(1000)), "track_id is fixed_size_binary[1000]"),
    ],
)
def test_types_that_mean_something_else_do_not_fit(column, values, said):
    table = listens(listen())
    found = read(table.set_column(table.column_names.index(column), column, values))
    assert found.reason == "bad_schema"
    assert said in found.detail


def test_a_file_that_lacks_columns_names_them():
    found = read(listens(listen()).drop(["kind", "played_s"]))
    assert found == Reject(
        "bad_schema", "It lacks played_s, kind; listens needs user_id, track_id, listened_at, played_s, kind"
    )


def test_a_column_that_comes_twice_does_not_fit():
    table = listens(listen())
    found = read(table.append_column("kind", pa.array(["like"])))
    assert found == Reject("bad_schema", "The column 'kind' comes twice")


@pytest.mark.parametrize("body", [b"", b"user_id,track_id\n", b"PAR1" * 40])
def test_a_file_that_is_no_parquet_is_unreadable(body):
    assert read(body).reason == "unreadable"


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
        ({"played_s": 180_000.0}, "played_too_long"),
        ({"listened_at": NOON - timedelta(days=8)}, "wrong_day"),
        ({"listened_at": datetime(2026, 11, 23, tzinfo=UTC)}, "wrong_day"),
        ({"played_s": None, "kind": "x"}, "null_value"),
    ],
)
def test_a_row_that_is_no_listen_is_dropped_and_counted(change, reason):
    found = kept(listens(listen(), listen(**change), listen(kind="like")))
    assert found == ([listen(), listen(kind="like")], {reason: 1})


@pytest.mark.parametrize(
    ("column", "bad", "reason"),
    [
        ("listened_at", ["", "N/A", "0000-00-00", "2026-02-30"], "bad_time"),
        ("played_s", ["", "N/A", "3 min"], "bad_played_s"),
        ("user_id", [b"\xff\xfe", b"x" * 1000, b"   "], "bad_id"),
        ("user_id", [b"None", b"nan", b" <NA> ", b"NULL", b'"u1"'], "bad_id"),
        ("track_id", [b"\xff"], "bad_id"),
        ("kind", [b"", b"\xff"], "unknown_kind"),
    ],
)
def test_a_cell_that_cannot_be_read_costs_its_row_alone(column, bad, reason):
    good = {"listened_at": "2026-11-21 12:00:00 UTC", "played_s": "30"}.get(column, str(listen()[column]).encode())
    table = listens(*[listen()] * (len(bad) + 2))
    place = table.column_names.index(column)
    assert kept(table.set_column(place, column, pa.array([good, *bad, good]))) == ([listen()] * 2, {reason: len(bad)})


def test_times_of_all_zones_and_of_none_in_one_column():
    written = ["2026-11-21T12:00:00Z", "2026-11-21 12:00:00", "2026-11-21T20:00:00+08:00", "2026-11-21 12:00:00 UTC"]
    table = listens(*[listen()] * 4).set_column(2, "listened_at", pa.array(written))
    assert kept(table) == ([listen()] * 4, {})


def test_what_was_played_offline_may_come_a_week_late():
    edges = [datetime(2026, 11, 14, tzinfo=UTC), datetime(2026, 11, 22, 23, 59, 59, 999_999, tzinfo=UTC)]
    rows = [listen(listened_at=at) for at in edges]
    assert kept(listens(*rows)) == (rows, {})


def test_no_rows_are_no_problem():
    assert kept(listens()) == ([], {})
    assert events.merge("listens", []).equals(schemas.empty("listens"))


def test_a_word_for_a_missing_value_is_nobody_to_forget():
    rows = takedowns(("t1", "None"), ("nan", None), ("null", None), (None, '"u1"'), ("t1", None), (None, "Nan"))
    assert kept(rows, name="takedowns") == (takedowns(("t1", None), (None, "Nan")).to_pylist(), {"bad_id": 4})


def test_a_takedown_names_exactly_one_thing():
    rows = takedowns(("t1", None), (None, "u1"), (None, None), ("t1", "u1"), ("", None), (None, " "))
    wanted = takedowns(("t1", None), (None, "u1")).to_pylist()
    assert kept(rows, name="takedowns") == (wanted, {"not_exactly_one": 4})


def test_blanks_around_ids_and_in_place_of_none_are_padding():
    rows = takedowns(("s001 ", ""), ("s002".ljust(64), " " * 64), ("", "u 1  "))
    wanted = takedowns(("s001", None), ("s002", None), (None, "u 1")).to_pylist()
    assert kept(rows, name="takedowns") == (wanted, {})


@pytest.mark.parametrize("track_id", ["a b", "s001.mp3", "s" * 65, "é", "a\x00b", "uploads/s001"])
def test_what_no_upload_can_be_called_is_no_takedown(track_id):
    assert kept(takedowns((track_id, None), ("t1", None)), name="takedowns")[1] == {"bad_id": 1}


def test_whole_numbers_name_the_tracks_that_they_spell():
    assert kept(pa.table({"track_id": [17]}), name="takedowns") == ([{"track_id": "17", "user_id": None}], {})


def test_takedowns_may_have_only_the_column_they_need():
    assert kept(pa.table({"user_id": ["u1"]}), name="takedowns") == ([{"track_id": None, "user_id": "u1"}], {})
    assert read(pa.table({"song": ["t1"]}), name="takedowns").reason == "bad_schema"


def test_takedowns_are_merged_with_their_nulls():
    merged = events.merge("takedowns", [takedowns(("t1", None), (None, "u1")), takedowns(("t1", None))])
    assert sorted(merged.to_pylist(), key=str) == sorted(takedowns(("t1", None), (None, "u1")).to_pylist(), key=str)


_ROWS = st.lists(
    st.builds(
        listen,
        user_id=st.sampled_from(["u1", "u2"]),
        track_id=st.sampled_from(["t1", "t2"]),
        listened_at=st.sampled_from(
            [
                NOON,
                NOON.astimezone(timezone(timedelta(hours=8))),
                NOON + timedelta(microseconds=123_000),
                NOON + timedelta(microseconds=123_456),
                NOON + timedelta(seconds=1),
            ]
        ),
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

    def key(row: dict) -> tuple:
        second = row["listened_at"].replace(microsecond=0)
        return row["user_id"], second, row["track_id"], row["kind"]

    assert one.num_rows == len(set(map(key, rows)))
    for row in one.to_pylist():
        same = [other for other in rows if key(other) == key(row)]
        assert row["played_s"] == max(other["played_s"] for other in same)
        assert row["listened_at"] == max(other["listened_at"] for other in same)


def test_a_listen_whose_time_two_exports_cut_differently_is_one():
    at = NOON + timedelta(microseconds=123_456)
    whole = [at, at.replace(microsecond=123_000), at.replace(microsecond=0)]
    again = [listen(listened_at=at + timedelta(seconds=1)), listen(listened_at=at, kind="like")]
    found = events.merge("listens", [listens(listen(listened_at=each), *again) for each in whole])
    assert found.num_rows == 3
    assert listen(listened_at=at) in found.to_pylist()


@pytest.mark.parametrize("encoding", ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_text_that_is_stored_as_differences_is_read(encoding):
    sink = io.BytesIO()
    table = listens(*(listen(user_id=f"user-{number}") for number in range(3000)))
    names = ("user_id", "track_id", "kind")
    pq.write_table(table, sink, use_dictionary=False, column_encoding=dict.fromkeys(names, encoding))
    taken = read(sink.getvalue())
    assert (taken.count, taken.dropped, len(set(taken.rows["user_id"].to_pylist()))) == (3000, Counter(), 3000)
