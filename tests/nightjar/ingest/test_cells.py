"""Types and notations that engines write, cast cell by cell: a cell that cannot be read costs no other."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightjar import schemas
from nightjar.ingest import cells

TEXT, TIME, NUMBER = pa.string(), schemas.LISTENS.field("listened_at").type, pa.float32()
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ID = UUID("3ef76290-1f68-4e27-9f22-c87df2b096b2")


def read(column: pa.Array, wanted: pa.DataType) -> list:
    """Each value, "broken" where something stands that cannot be read."""
    assert cells.unfit(column.type, wanted) is None
    found = cells.cast(column, wanted)
    assert found.values.type == wanted
    pairs = zip(found.values.to_pylist(), found.broken.to_pylist(), strict=True)
    return ["broken" if broken else value for value, broken in pairs]


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("2026-11-21T12:00:00Z", NOON),
        ("2026-11-21T12:00:00", NOON),
        ("2026-11-21 12:00", NOON),
        ("2026-11-21 12:00:00 UTC", NOON),
        ("2026-11-21 20:00:00+08:00", NOON),
        ("2026-11-21T07:00:00-0500", NOON),
        ("2026-11-21 14:00:00 +02", NOON),
        ("  2026-11-21T12:00:00z  ", NOON),
        ("2026-11-21T12:00:00.123456789Z", NOON.replace(microsecond=123_456)),
        ("2026-11-21T12:00:00.5", NOON.replace(microsecond=500_000)),
        ("2026-11-21", NOON.replace(hour=0)),
        ("2024-02-29T12:00:00Z", datetime(2024, 2, 29, 12, tzinfo=UTC)),
        *((text, "broken") for text in ("", "N/A", "0000-00-00", "0000-00-00 00:00:00", "noon", "1795000000")),
        *((f"2026-{end}", "broken") for end in ("13-01", "02-30", "02-29T12:00:00Z", "11-31 10:00", "11-21T25:00:00Z")),
        ("2026-11-21T12:00:00Z; drop", "broken"),
        ("2026-11-21T13:00:00+01:00[Europe/Paris]", NOON),
        ("2026-11-21T12:00:00Z[UTC]", NOON),
        ("2026-11-21 12:00:00.5 +0000 UTC", NOON.replace(microsecond=500_000)),
        ("2026-11-21 15:00:00 +0300 +03", NOON),
        ("2026-11-21 13:00:00 Europe/Paris", NOON),
        ("2026-07-21 14:00:00.123456789 Europe/Paris", datetime(2026, 7, 21, 12, microsecond=123_456, tzinfo=UTC)),
        ("2026-10-25 02:30:00 Europe/Paris", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-11-21 09:00:00 America/Argentina/Ushuaia", NOON),
        *((f"2026-11-21 12:00:00 {region}", "broken") for region in ("Europe/Nowhere", "Europe/", "Paris", "A/../B")),
        (None, None),
    ],
)
def test_times_are_read_one_by_one(written, means):
    assert read(pa.array([written], pa.string()), TIME) == [means]
    beside = pa.array(["2026-11-21T12:00:00Z", written, "2026-11-21 12:00:00", "N/A", "2026-11-21 12:00:00 UTC"])
    assert read(beside, TIME) == [NOON, means, NOON, "broken", NOON]
    assert read(beside.dictionary_encode(), TIME) == [NOON, means, NOON, "broken", NOON]


@given(st.text(alphabet="0123456789-:TZ+. UTC", max_size=30) | st.datetimes().map(str))
def test_what_a_time_means_does_not_depend_on_its_neighbours(text):
    alone = read(pa.array([text]), TIME)
    assert read(pa.array([text, "2026-02-30"]), TIME) == [*alone, "broken"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "Asia/Shanghai"])
def test_timestamps_of_any_unit(unit, zone):
    count = int(NOON.timestamp()) * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    far = [] if unit == "ns" else [2**62]
    column = pa.array([count, None, *far], pa.int64()).cast(pa.timestamp(unit)).cast(pa.timestamp(unit, zone))
    assert read(column, TIME) == [NOON, None, *("broken" for _ in far)]


def test_numbers_as_text_are_read_one_by_one():
    column = pa.array(["30", " 30.5 ", "3e2", "+4", "", "N/A", "NaN", "1,5", "0x10", "-1", None])
    assert read(column, NUMBER) == [30.0, 30.5, 300.0, 4.0, *["broken"] * 5, -1.0, None]


def test_numbers_of_any_type():
    for column in (
        pa.array([30], pa.int8()),
        pa.array([30.0], pa.float16()),
        pa.array([Decimal(30)], pa.decimal128(38, 0)),
        pa.array([Decimal("30.00")], pa.decimal256(60, 2)),
    ):
        assert read(column, NUMBER) == [30.0]


def test_whole_numbers_are_ids():
    for column in (pa.array([17, None]), pa.array([Decimal(17), None], pa.decimal128(38, 0))):
        assert read(column, TEXT) == ["17", None]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()])
def test_bytes_are_ids_where_they_are_text(kind):
    column = pa.array(["é ".encode(), b"\xff", None, b"x" * 600, b"\0\0s1\0\0"], kind)
    assert read(column, TEXT) == ["é", "broken", None, "broken", "s1"]


def test_text_that_is_no_utf_8_costs_its_cell():
    raw = pa.array([b"s1", b"\xff\xfe"])
    column = pa.StringArray.from_buffers(2, *raw.buffers()[1:])
    assert read(column, TEXT) == ["s1", "broken"]


def test_uuids_as_duckdb_writes_them(tmp_path):
    path = tmp_path / "a.parquet"
    duckdb.sql(f"copy (select '{ID}'::uuid as user_id union all select null) to '{path}' (format parquet)")
    (column,) = pq.ParquetFile(path).read()["user_id"].chunks
    assert column.type == pa.uuid()
    assert read(column, TEXT) == [str(ID), None]


def test_sixteen_bytes_are_a_uuid_or_padded_text():
    """ClickHouse before 26.4 does not say that they are UUIDs, and pads text of a fixed width with zeros."""
    column = pa.array([ID.bytes, None, b"s001".ljust(16), b"s001".ljust(16, b"\0"), b"\xff" * 16], pa.binary(16))
    assert read(column, TEXT) == [str(ID), None, "s001", "s001", "broken"]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
def test_uuids_may_stand_among_other_bytes(kind):
    column = pa.array([ID.bytes, None, b"s001", b"sixteen-letters!", "sechzehn-größe!".encode(), b"\xff" * 16], kind)
    assert read(column, TEXT) == [str(ID), None, "s001", "sixteen-letters!", "sechzehn-größe!", "broken"]


@given(st.binary(min_size=16, max_size=16).map(lambda raw: UUID(bytes=raw, version=4)))
def test_every_uuid_is_written_as_usual(uuid):
    assert read(pa.array([uuid.bytes], pa.binary(16)), TEXT) == [str(uuid)]


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        *(
            (kind, TEXT)
            for kind in (pa.float64(), pa.bool_(), pa.decimal128(10, 2), pa.timestamp("s"), pa.binary(2**20))
        ),
        *((kind, TIME) for kind in (pa.int64(), pa.date32(), pa.time64("us"), pa.list_(pa.string()))),
        *((kind, NUMBER) for kind in (pa.bool_(), pa.struct([("a", pa.int8())]), pa.duration("s"))),
    ],
)
def test_types_that_mean_something_else_do_not_fit(kind, wanted):
    assert cells.unfit(kind, wanted)
    assert cells.unfit(pa.dictionary(pa.int8(), kind), wanted)


def test_columns_without_values():
    assert read(pa.nulls(2), TEXT) == [None, None]
    for kind in (pa.string(), pa.binary(16), pa.uuid()):
        assert read(pa.array([], kind), TEXT) == []
    assert read(pa.array([], pa.string()), TIME) == read(pa.array([], pa.string()), NUMBER) == []
