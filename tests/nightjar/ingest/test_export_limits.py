"""What of an export is too bad, or too large, to be read."""

from __future__ import annotations

import io
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightjar.ingest import cells, events
from nightjar.ingest.judge import Reject
from tests.nightjar.ingest.exported import NOON, kept, listen, listens, parquet, read


def test_an_export_with_too_many_bad_rows_is_broken():
    good, bad = [listen()] * 90, [listen(kind=None)] * 10
    assert read(listens(*good, *bad)).problem() is None
    assert read(listens(*good[:2], *bad[:9])).problem() is None, "few bad rows are no pattern"
    found = read(listens(*good[:89], *bad[:6], *[listen(played_s=180_000.0)] * 5))
    said = "11 of 100 rows do not fit, at most 10% may: 6 null_value, 5 played_too_long"
    assert found.problem() == Reject("bad_rows", said)
    late = [listen(listened_at=NOON - timedelta(days=30))] * 100
    assert read(listens(*good, *late)).problem() is None, "a row of another day can be read"


def test_a_small_file_of_many_repetitions_is_refused_before_it_is_read():
    row = listens(listen())
    million = pa.table({name: row[name].combine_chunks().take(pa.array([0] * 1_500_000)) for name in row.column_names})
    body = parquet(million)
    assert len(body) < 100_000
    assert read(body).reason == "too_large"
    assert "1500000 rows in" in read(body).detail


def test_a_cell_that_unpacks_to_more_than_any_id_is_refused():
    huge = listens(listen(), listen(track_id="x" * 2**25))
    found = read(huge)
    assert found.reason == "too_large"
    assert found.detail.startswith(f"2 cells of track_id unpack to {2**25}"[:-4])
    assert len(parquet(huge)) < 2**22
    assert kept(listens(listen(), listen(track_id="x" * 2**20))) == ([listen()], {"bad_id": 1})


@pytest.mark.parametrize("kind", [pa.string(), pa.binary(), pa.large_string()])
def test_one_huge_value_that_each_row_repeats_takes_no_more_memory_than_others(monkeypatch, kind):
    """Stored as differences, 1,000 rows of 200 kB are a file of 20 kB."""
    monkeypatch.setattr(events, "EXPORT_BATCH_BYTES", 2**24)
    rows = listens(*[listen(user_id=f"u{number}") for number in range(10)], *[listen()] * 1000)
    long = pa.array([*(f"u{number}".encode() for number in range(10)), *[b"x" * 200_000] * 1000], pa.binary())
    sink = io.BytesIO()
    rows = rows.set_column(0, "user_id", long.cast(kind))
    pq.write_table(rows, sink, use_dictionary=False, column_encoding={"user_id": "DELTA_BYTE_ARRAY"})
    assert sink.tell() < 50_000
    read_at_once, cut = [], events._cut
    monkeypatch.setattr(events, "_cut", lambda batch: read_at_once.append(batch.nbytes) or cut(batch))
    cast_at_once, cast = [], cells.cast
    monkeypatch.setattr(cells, "cast", lambda column, to: cast_at_once.append(column.nbytes) or cast(column, to))
    found = read(sink.getvalue())
    assert (found.rows.num_rows, found.dropped) == (10, {"bad_id": 1000})
    assert max(read_at_once) <= 2**24 + 10_000
    assert max(cast_at_once) <= 2**20


def test_differences_are_read_as_other_text_is():
    rows = [listen(user_id=f"user-{number:06}", track_id=f"t{number % 7}") for number in range(5000)]
    sink = io.BytesIO()
    encodings = {"user_id": "DELTA_BYTE_ARRAY", "track_id": "DELTA_LENGTH_BYTE_ARRAY"}
    pq.write_table(listens(*rows), sink, use_dictionary=False, column_encoding=encodings, row_group_size=700)
    assert read(sink.getvalue()).rows.to_pylist() == rows


def test_a_footer_that_is_too_long_is_not_parsed():
    body = parquet(listens(listen()))
    found = read(b"PAR1" + bytes(2**26) + (2**26).to_bytes(4, "little") + b"PAR1")
    assert (found.reason, "Its footer has 67108864 bytes" in found.detail) == ("too_large", True)
    assert read(body[:-8] + (2**26).to_bytes(4, "little") + b"PAR1").reason == "unreadable", "nor is it there"


def test_a_file_is_read_in_batches_of_which_none_is_all_of_it(monkeypatch):
    monkeypatch.setattr(events, "_BATCH_ROWS", 7)
    rows = [listen(user_id=f"u{number}", kind="hum" if number % 25 == 0 else "play") for number in range(100)]
    assert kept(listens(*rows)) == ([row for row in rows if row["kind"] == "play"], {"unknown_kind": 4})
