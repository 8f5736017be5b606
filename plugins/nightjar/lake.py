"""The lake: Parquet partitions in object storage, each made visible by its manifest, written last.

A partition is `lake/<table>/dt=D[/model=M | /stage=S]/`. Shards stage their rows as parts named by their content
(`part-0003-<hash>.parquet`) with a receipt (`_staged/0003.json`); `commit` gathers the receipts into `_manifest.json`
by a conditional put. Readers read only what a manifest names, so that they see the old rows or the new ones, never a
mixture, and a task may be killed anywhere and run again. The same rows always give the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from nightjar import schemas
from nightjar.days import backfill
from nightjar.errors import NightjarError, PartitionMissing
from nightjar.objects import ObjectChanged, ObjectMissing, Objects
from nightjar.partition import Manifest, Part, Partition, receipt_key
from nightjar.settings import Settings

_PRODUCERS = {
    **dict.fromkeys(("uploads", "exports", "tracks", "listens", "takedowns"), "ingest_uploads"),
    **dict.fromkeys(("stems", "embeddings", "windows", "fingerprints", "speed_prints", "echoprints"), "embed_tracks"),
    **dict.fromkeys(("print_keys", "duplicate_pairs", "duplicate_groups"), "sweep_duplicates"),
    **dict.fromkeys(("tastes", "similar", "neighbours", "lists"), "publish_recommendations"),
}

_WRITTEN = {
    "lists": {
        "dictionary_pagesize_limit": 64 * 2**20,
        "row_group_size": 8 * 2**20,
        "use_dictionary": ["user_id", "rank", "track_id", "because.list.element", "source"],
    }
}
"""How a table's Parquet is written where not by default. Lists name the same songs again and again: with a dictionary
of them all a part of 5 million rows has 68 MB instead of 102, and is read in half the time."""


class Lake:
    """Reads and writes partitions. Every method raises NightjarError if object storage fails for good."""

    def __init__(self, settings: Settings, objects: Objects | None = None) -> None:
        self.objects = objects or Objects(settings)
        self._airflow = settings.airflow

    # --- writing ------------------------------------------------------------------------------------------------------
    def write_part(self, partition: Partition, shard: int, rows: pa.Table) -> None:
        """Stage one shard's rows, not yet visible."""
        part = self.put_part(partition, shard, rows)
        self.objects.put(receipt_key(partition, shard), part.to_json())

    def put_part(self, partition: Partition, shard: int, rows: pa.Table) -> Part:
        """Write one shard's rows without naming them anywhere: checked against the schema, sorted by the key."""
        rows = schemas.conform(partition.table, rows)
        body = _parquet(rows, **_WRITTEN.get(partition.table, {}))
        digest = hashlib.sha256(body).hexdigest()
        part = Part(f"part-{shard:04d}-{digest[:12]}.parquet", rows.num_rows, len(body), digest)
        self.objects.put(partition.prefix + part.name, body)
        return part

    def staged(self, partition: Partition, shards: int) -> Manifest:
        """What `commit` would make visible. Raises NightjarError if a shard was not staged."""
        parts, remedy = [], "Clear the mapped task of that shard"
        for shard in range(shards):
            try:
                parts.append(self.objects.parsed(receipt_key(partition, shard), Part.from_json, remedy))
            except ObjectMissing as error:
                raise NightjarError(f"{partition}: shard {shard} of {shards} was never staged", remedy) from error
        return Manifest(sum(part.rows for part in parts), parts)

    def commit(self, partition: Partition, shards: int, *, once: bool = False) -> Manifest:
        """Make the staged shards 0 to `shards`-1 the partition's content, replacing what was there; with `once` only if
        nothing was. Two writers of the same rows both succeed, and what they write is there once.

        Raises NightjarError if a shard was not staged, ObjectChanged if another writer commits other rows at the same
        time.
        """
        key = partition.manifest_key
        before = "" if once else self._etag(key)
        earlier = self.objects.get(key) if before else b""
        manifest = self.staged(partition, shards)
        stored = self._stored(partition)
        self._require(partition, manifest, stored)
        try:
            ours = self.objects.put(key, manifest.to_json(), expect=before)
        except ObjectChanged:
            if self._etag(key) and self.objects.get(key) == manifest.to_json():
                return manifest  # by another run of the same day, or by our own request whose answer was lost
            raise
        try:
            self._require(partition, manifest, self._stored(partition))
        except NightjarError:
            if self._etag(key) != ours:  # ours was whole, and a later commit has replaced it
                return manifest
            self._put_back(key, earlier, ours)  # between our look and our put a run swept it, or a purge replaced it
            raise
        self._sweep(partition, manifest, stored, ours)
        return manifest

    def write(self, partition: Partition, rows: pa.Table, *, once: bool = False) -> Manifest:
        """Stage and commit a partition of one part; with `once` only if there is none. Raises ObjectChanged."""
        self.write_part(partition, 0, rows)
        return self.commit(partition, 1, once=once)

    def remove(self, partition: Partition) -> None:
        """Make the partition as if it had never been written, its manifest first."""
        self.objects.delete(partition.manifest_key)
        self._sweep(partition, Manifest(0), self._stored(partition), "")

    def _etag(self, key: str) -> str:
        """ "" if there is no such object."""
        try:
            return self.objects.head(key).etag
        except ObjectMissing:
            return ""

    def _require(self, partition: Partition, manifest: Manifest, stored: list[str]) -> None:
        for part in manifest.parts:
            if partition.prefix + part.name not in stored:
                raise NightjarError(
                    f"{partition}: {part.name} is gone: a run or a purge replaced it", "Run the partition's task again"
                )

    def _put_back(self, key: str, earlier: bytes, ours: str) -> None:
        if earlier:
            self.objects.put(key, earlier, expect=ours)
        else:
            self.objects.delete(key)

    def _stored(self, partition: Partition) -> list[str]:
        return [seen.key for seen in self.objects.list(partition.prefix)]

    def _sweep(self, partition: Partition, manifest: Manifest, stored: list[str], ours: str) -> None:
        """Delete, of the `stored` keys, parts and receipts of earlier versions, as long as the manifest has the etag
        `ours`: a later one may name them, and its writer sweeps itself.

        A reader holding an old manifest simply reads again; what another writer stages meanwhile is not touched.
        """
        keep = {partition.prefix + part.name for part in manifest.parts}
        keep |= {receipt_key(partition, shard) for shard in range(len(manifest.parts))}
        for key in stored:
            if key.startswith((partition.prefix + "part-", partition.prefix + "_staged/")) and key not in keep:
                if self._etag(partition.manifest_key) != ours:
                    return
                self.objects.delete(key)

    # --- reading ------------------------------------------------------------------------------------------------------
    def manifest(self, partition: Partition) -> Manifest:
        """What the partition consists of. Raises PartitionMissing with the backfill that makes it."""
        again = backfill(partition.day, self._airflow)
        try:
            return self.objects.parsed(
                partition.manifest_key, Manifest.from_json, f"Remove it, and backfill the day: {again}"
            )
        except ObjectMissing as error:
            raise PartitionMissing(
                f"{partition} is not committed",
                f"See the run of {_producer(partition)} for {partition.day}, or backfill the day: {again}",
            ) from error

    def exists(self, partition: Partition) -> bool:
        return self.objects.exists(partition.manifest_key)

    def read(self, partition: Partition, columns: list[str] | None = None) -> pa.Table:
        """The committed rows, by shard and within it by key; of `columns` only, if given. Raises PartitionMissing."""
        schema = schemas.TABLES[partition.table]
        wanted = schema if columns is None else pa.schema([schema.field(name) for name in columns])
        for last_try in (False, True):
            manifest = self.manifest(partition)
            try:
                tables = [self.part(partition, part, columns) for part in manifest.parts]
            except ObjectMissing:  # replaced between reading the manifest and the part
                if last_try:
                    raise
                continue
            return pa.concat_tables([wanted.empty_table(), *tables])
        raise AssertionError("unreachable")

    def parts(self, partition: Partition) -> Iterator[pa.Table]:
        """The committed rows, a part at a time: for tables that do not fit into memory. Raises PartitionMissing, and
        ObjectMissing if the partition is replaced meanwhile."""
        for part in self.manifest(partition).parts:
            yield self.part(partition, part)

    def read_part(self, partition: Partition, shard: int) -> pa.Table:
        """The committed rows of one shard. Raises PartitionMissing, and NightjarError for another number of shards."""
        for last_try in (False, True):
            parts = self.manifest(partition).parts
            if shard >= len(parts):
                raise NightjarError(f"{partition} has {len(parts)} parts, none of shard {shard}", "Plan the day again")
            try:
                return self.part(partition, parts[shard])
            except ObjectMissing:  # replaced between reading the manifest and the part
                if last_try:
                    raise
        raise AssertionError("unreachable")

    def part(
        self, partition: Partition, part: Part, columns: list[str] | None = None, repeated: Sequence[str] = ()
    ) -> pa.Table:
        """The rows of one part of a manifest; `repeated` columns come dictionary-encoded, which is quicker where values
        stand in many rows each. Raises ObjectMissing if the partition was replaced since, or the part was lost."""
        again = (
            f"Run the partition's task again, which is of {_producer(partition)}: "
            f"{backfill(partition.day, self._airflow)}; if that stops here too, remove {partition.manifest_key} first"
        )
        try:
            body = self.objects.get(partition.prefix + part.name)
        except ObjectMissing as error:
            raise ObjectMissing(f"{partition}: {part.name} is missing, which its manifest names", again) from error
        if hashlib.sha256(body).hexdigest() != part.sha256:
            raise NightjarError(f"{partition}: {part.name} is not what was written (checksum)", again)
        rows = _read(body, columns, repeated)
        schema = schemas.TABLES[partition.table]
        rows = schemas.with_new_columns(rows, [schema.field(name) for name in columns or schema.names])
        kept = [rows.schema.field(name) if name in repeated else schema.field(name) for name in rows.column_names]
        return rows.cast(pa.schema(kept))

    def days(
        self, table: str, *, model: str | None = None, stage: str | None = None, upto: str | None = None
    ) -> list[str]:
        """The committed days of a table, in order; not after `upto` (included) if that is given."""
        names = [name.removeprefix("dt=") for name in self.objects.folders(f"lake/{table}/")]
        wanted = [day for day in names if upto is None or day <= upto]
        return [day for day in wanted if self.exists(Partition(table, day, model, stage))]

    def read_days(
        self, table: str, days: Iterable[str], *, model: str | None = None, columns: list[str] | None = None
    ) -> pa.Table:
        """The rows of several committed days, one after the other. Raises PartitionMissing."""
        schema = schemas.TABLES[table]
        wanted = schema if columns is None else pa.schema([schema.field(name) for name in columns])
        tables = [self.read(Partition(table, day, model), columns) for day in days]
        return pa.concat_tables([wanted.empty_table(), *tables])


def _read(body: bytes, columns: list[str] | None, repeated: Sequence[str]) -> pa.Table:
    """The columns of a Parquet file that are asked for and there."""
    file = pq.ParquetFile(pa.BufferReader(body), read_dictionary=list(repeated))
    there = file.schema_arrow.names
    return file.read(columns=None if columns is None else [name for name in columns if name in there])


def _producer(partition: Partition) -> str:
    """The DAG that writes the table."""
    return _PRODUCERS.get(partition.table, "ingest_uploads")


def _parquet(rows: pa.Table, **options) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(rows.combine_chunks(), sink, compression="zstd", version="2.6", store_schema=False, **options)
    return sink.getvalue().to_pybytes()
