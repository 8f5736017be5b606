"""A whole new collection by bulk import: Parquet from the lake is put beside the server, imported, indexed, checked.

The rows are written into the server's bucket as Parquet in the collection's columns, and read by the server itself. All
of it happens in a collection of another name, which takes its own at last: killed anywhere, nothing of it is seen, and
the next run begins anew. That matters because an import, unlike an upsert, would keep both of two rows of one key.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq

from nightjar import days
from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.objects import Objects
from nightjar.settings import Settings
from nightjar.thresholds import BULK_MIN_ROWS, MILVUS_SAMPLES
from nightjar.vectors import names
from nightjar.vectors.filled import Written, check
from nightjar.vectors.imports import Importer, importer
from nightjar.vectors.names import KINDS
from nightjar.vectors.steps import without
from nightjar.vectors.store import VectorStore

log = logging.getLogger(__name__)

_FILE_BYTES = 128 * 2**20
"""Vectors in one file that a server imports; it takes three times as much memory here."""
_WAIT_S = 3600.0
"""How long a server may take to import a file, to index a collection or to load it."""
_POLL_S = 0.2


def is_worth_it(settings: Settings, store: VectorStore, rows: int) -> bool:
    """Whether a new collection of so many vectors is better imported than upserted, and the server can."""
    return rows >= BULK_MIN_ROWS and bool(settings.milvus_bucket) and importer(store.milvus, settings) is not None


def fill_missing(settings: Settings, store: VectorStore, which: Iterable[str], gone: set[str]) -> dict[str, int]:
    """Import those of the store's model's collections that do not exist and are worth it: the lake's vectors of the
    days, without those of songs that are `gone`. How many, by kind: others are for upserts. Raises NightjarError."""
    lake, which, done = Lake(settings), list(which), {}
    for kind in reversed(KINDS):  # a song is in `tracks` only once its windows are loaded
        partitions = [Partition(names.TABLES[kind], day, store.model) for day in which]
        rows = sum(lake.manifest(partition).rows for partition in partitions)
        there = store.milvus.call(store.milvus.client.has_collection, store.collection(kind))
        if not there and is_worth_it(settings, store, rows):
            done[kind] = fill(settings, store, kind, rows_of(lake, partitions, gone))
    return done


def rows_of(lake: Lake, partitions: Iterable[Partition], gone: set[str] = frozenset()) -> Iterator[pa.Table]:
    """What is committed, a part at a time as `fill` takes it, without the songs that are `gone`."""
    for partition in partitions:
        for part in lake.parts(partition):
            yield without(part, gone)


def fill(settings: Settings, store: VectorStore, kind: str, tables: Iterable[pa.Table]) -> int:
    """Make the store's model's collection of `kind`, which there is none of yet, of these rows; returns how many.

    `tables` are rows of `embeddings` or `windows` of vectors of one dimension, in any pieces; no key may come twice.
    The collection has then been indexed, loaded (in MILVUS_REPLICAS, where there are the query nodes) and checked. Its
    aliases are the caller's to move. Raises NightjarError, and then there is no such collection.
    """
    name = store.collection(kind)
    by = importer(store.milvus, settings)
    if not settings.milvus_bucket or by is None:
        raise NightjarError(f"{name} cannot be imported", "Set NIGHTJAR_MILVUS_BUCKET, on a Milvus server; or upsert")
    if store.milvus.call(store.milvus.client.has_collection, name):
        raise NightjarError(f"there is a collection {name} already", "Upsert into it, or drop it first")
    filling, begun = f"filling__{name}", time.monotonic()
    bucket = Objects(replace(settings, bucket=settings.milvus_bucket))
    written = Written()
    try:
        for rows in _pieces(tables):
            if not written.keys:
                store.create(filling, len(rows["vector"][0]))
            written.add(_put(bucket, filling, kind, rows), names.keys(kind, rows), rows)
        if not written.keys:
            return 0
        written.raise_if_twice(name)
        _import(store, by, filling, written.files)
        _settle(store, filling, written.rows)
        check(store.milvus, filling, written, lambda: _read(bucket, written.files))
        store.begin_anew(name)
        store.milvus.call(store.milvus.client.rename_collection, filling, name)
    finally:
        _forget(store, bucket, filling)
    log.info("%s: %d vectors imported in %.1f s", name, written.rows, time.monotonic() - begun)
    return written.rows


def _pieces(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows, in tables of about _FILE_BYTES."""
    waiting: list[pa.Table] = []
    for table in tables:
        most = max(1, _FILE_BYTES // (4 * len(table["vector"][0]))) if table.num_rows else 1
        for start in range(0, table.num_rows, most):
            waiting.append(table.slice(start, most))
            if sum(each.num_rows for each in waiting) >= most:
                yield pa.concat_tables(waiting)
                waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def _put(bucket: Objects, filling: str, kind: str, rows: pa.Table) -> str:
    """Write rows as a file that the server imports; returns its key, which is the same for the same rows."""
    day = rows["day"].combine_chunks().dictionary_encode()
    numbers = pa.array([days.number(each) for each in day.dictionary.to_pylist()], pa.int32())
    columns = {
        "id": pa.array(names.keys(kind, rows)),
        "track_id": rows["track_id"],
        "day": numbers.take(day.indices),
        "vector": rows["vector"],
    }
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, compression="zstd", use_dictionary=False, store_schema=False)
    body = sink.getvalue().to_pybytes()
    key = f"{_folder(filling)}{hashlib.sha256(body).hexdigest()[:16]}.parquet"
    bucket.put(key, body)
    return key


def _read(bucket: Objects, files: Iterable[str]) -> Iterator[pa.Table]:
    for key in files:
        yield pq.read_table(pa.BufferReader(bucket.get(key)), columns=["id", "vector"])


def _import(store: VectorStore, by: Importer, filling: str, files: list[str]) -> None:
    """Have the server import the files; returns when all rows are durable. Raises NightjarError."""
    for number in [by.start(filling, key) for key in files]:

        def done(number: str = number) -> bool:
            seen = by.progress(number)
            if seen.failed:
                raise NightjarError(f"Milvus failed to import into {filling}: {seen.failed}", "See Milvus's log")
            return seen.done

        _wait(done, f"the import into {filling}")


def _settle(store: VectorStore, filling: str, rows: int) -> None:
    """Wait until all is indexed, and load it. Raises NightjarError."""
    milvus, client = store.milvus, store.milvus.client

    def indexed() -> bool:
        seen = milvus.call(client.describe_index, filling, "vector")
        return int(seen["total_rows"]) >= rows and not int(seen["pending_index_rows"])

    def counted() -> int:
        return int(milvus.call(client.query, filling, filter="", output_fields=["count(*)"])[0]["count(*)"])

    def loaded() -> bool:  # replicas answer by turns
        return all(counted() >= rows for _ in range(MILVUS_SAMPLES if milvus.query_nodes > 1 else 1))

    _wait(indexed, f"the index of {filling}")
    milvus.load(filling, _WAIT_S)
    _wait(loaded, f"the loading of {filling}")


def _wait(holds: Callable[[], bool], what: str) -> None:
    overdue = time.monotonic() + _WAIT_S
    while not holds():
        if time.monotonic() > overdue:
            raise NightjarError(f"{what} takes longer than {_WAIT_S:.0f} s", "Look at Milvus's health and log")
        time.sleep(_POLL_S)


def _forget(store: VectorStore, bucket: Objects, filling: str) -> None:
    """Remove the files, and the collection if it has not got its name."""
    for seen in list(bucket.list(_folder(filling))):
        bucket.delete(seen.key)
    store.milvus.call(store.milvus.client.drop_collection, filling)


def _folder(filling: str) -> str:
    return f"import/{filling}/"
