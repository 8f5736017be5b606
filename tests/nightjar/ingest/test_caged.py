"""A Parquet file whose description lies about what it unpacks to, and a process that is ended while it reads."""

from __future__ import annotations

import io
import os
import resource
import signal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightjar.errors import NightjarError
from nightjar.ingest import caged
from nightjar.ingest.caged import Reader
from nightjar.ingest.events import Taken
from nightjar.ingest.judge import Reject
from tests.nightjar.ingest.exported import DAY, listen, listens, parquet


def varint(number: int) -> bytes:
    """A whole number as a Parquet footer has it: zigzag, in bytes of seven bits."""
    number, made = number << 1, b""
    while number > 127:
        made, number = made + bytes([number & 127 | 128]), number >> 7
    return made + bytes([number])


def lying(body: bytes, true: bytes, claimed: bytes, count: int = -1) -> bytes:
    """The file with other bytes in its footer."""
    length = int.from_bytes(body[-8:-4], "little")
    footer = body[-8 - length : -8].replace(true, claimed, count)
    return body[: -8 - length] + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def long_value(length: int) -> bytes:
    """A value of `length` bytes in a file that says that its column has 1,000."""
    sink = io.BytesIO()
    rows = listens(listen()).set_column(0, "user_id", pa.array(["x" * length]))
    pq.write_table(rows, sink, compression="zstd", store_schema=False)
    unpacked = pq.read_metadata(sink).row_group(0).column(0).total_uncompressed_size
    made = lying(sink.getvalue(), varint(unpacked), varint(1000))
    assert pq.read_metadata(io.BytesIO(made)).row_group(0).column(0).total_uncompressed_size == 1000
    return made


@pytest.fixture(autouse=True)
def less_memory(monkeypatch):
    """A tenth of what may be taken, for the test's sake."""
    monkeypatch.setattr(caged, "EXPORT_MEMORY_BYTES", 2 * 10**8)


@pytest.fixture
def reader():
    with Reader() as made:
        yield made


@pytest.fixture
def file(tmp_path: Path):
    def write(body: bytes) -> Path:
        path = tmp_path / "export.parquet"
        path.write_bytes(body)
        return path

    return write


def test_what_it_reads_is_what_the_file_holds(reader, file):
    rows = [listen(), listen(user_id="u2", kind="hum")]
    for _ in range(2):
        found = reader.read("listens", file(parquet(listens(*rows))), DAY)
        assert (found.rows.to_pylist(), found.count, found.dropped) == (rows[:1], 2, {"unknown_kind": 1})
    assert reader.read("listens", file(b"no"), DAY).reason == "unreadable"


def test_a_value_that_is_larger_than_its_column_claims_takes_no_more_memory_than_allowed(reader, file):
    body = long_value(80_000_000)
    assert len(body) < 100_000
    found = reader.read("listens", file(body), DAY)
    assert found == Reject("too_large", found.detail)
    assert f"takes more than {caged.allowed(len(body))} bytes of memory" in found.detail
    assert reader.read("listens", file(parquet(listens(listen()))), DAY).rows.num_rows == 1, "the next file is read"


def test_rows_that_the_file_does_not_count_are_noticed(reader, file):
    row = listens(listen())
    many = pa.table({name: row[name].combine_chunks().take(np.zeros(300_000, "i4")) for name in row.column_names})
    body = lying(parquet(many), b"\x16" + varint(300_000) + b"\x19", b"\x16" + varint(1) + b"\x19", 1)
    assert pq.read_metadata(io.BytesIO(body)).num_rows == 1
    found = reader.read("listens", file(body), DAY)
    assert found == Reject("unreadable", "It claims 1 rows, and its row groups have 300000")


def test_a_crash_is_the_files_fault_if_it_comes_again(file, monkeypatch, tmp_path):
    path = file(parquet(listens(listen())))
    script = tmp_path / "nightjar_crash.py"
    begun = tmp_path / "begun"
    script.write_text(
        "import os, signal, sys\nsys.stdin.readline()\n"
        f"open({str(begun)!r}, 'a').write('.')\nos.kill(os.getpid(), int(os.environ['BY']))\n"
    )
    for by, said, times in ((signal.SIGSEGV, "crashes, and again", 2), (signal.SIGKILL, "ended from outside", 1)):
        begun.write_text("")
        monkeypatch.setenv("BY", str(int(by)))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setattr(caged, "_MODULE", "nightjar_crash")
        with Reader() as reader:
            if by == signal.SIGSEGV:
                assert said in reader.read("listens", path, DAY).detail
            else:
                with pytest.raises(NightjarError, match=said):
                    reader.read("listens", path, DAY)
        assert len(begun.read_text()) == times


def test_a_process_that_was_killed_between_two_files_is_started_again(reader, file, monkeypatch):
    monkeypatch.undo()  # what files ordinarily may take
    path = file(parquet(listens(listen())))
    assert isinstance(reader.read("listens", path, DAY), Taken)
    os.kill(reader._process.pid, signal.SIGKILL)
    with pytest.raises(NightjarError, match="run the task again"):
        reader.read("listens", path, DAY)
    assert isinstance(reader.read("listens", path, DAY), Taken)


def test_a_machine_without_memory_is_at_fault_and_not_the_file(file, monkeypatch):
    body = long_value(80_000_000)
    path = file(body)
    monkeypatch.setattr(caged, "_to_be_had", lambda size: False)
    with Reader() as reader, pytest.raises(NightjarError, match="no memory left"):
        reader.read("listens", path, DAY)


def test_a_limit_of_the_place_is_known():
    assert caged._to_be_had(2**20)
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    assert not caged._to_be_had(2**62 if hard == resource.RLIM_INFINITY else hard)
