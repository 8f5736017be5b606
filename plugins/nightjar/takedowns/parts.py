"""The parts that partitions of the lake are stored as, whoever names them, and how some are replaced in place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from nightjar.lake import Lake, Manifest, Part, Partition, receipt_key
from nightjar.objects import ObjectMissing


def stored(lake: Lake, table: str) -> dict[Partition, dict[str, int]]:
    """Names and sizes of all parts of a table's partitions, be they committed, staged or left behind."""
    found: dict[Partition, dict[str, int]] = {}
    for seen in lake.objects.list(f"lake/{table}/"):
        *folders, name = seen.key.split("/")[2:]
        if name.startswith("part-"):
            where = dict(folder.split("=", 1) for folder in folders)
            partition = Partition(table, where["dt"], where.get("model"), where.get("stage"))
            found.setdefault(partition, {})[name] = seen.size
    return found


def of(lake: Lake, partition: Partition) -> dict[str, int]:
    """The same of one partition."""
    found = ((seen.key.removeprefix(partition.prefix), seen.size) for seen in lake.objects.list(partition.prefix))
    return {name: size for name, size in found if name.startswith("part-")}


def read(
    lake: Lake,
    partition: Partition,
    name: str,
    size: int,
    columns: list[str] | None = None,
    repeated: Sequence[str] = (),
) -> pa.Table:
    """The rows of a part; of a large one only `columns` are fetched. `repeated` ones come dictionary-encoded. Raises
    ObjectMissing."""
    with lake.objects.open(partition.prefix + name, size) as file:
        return pq.read_table(file, columns=columns, read_dictionary=list(repeated))


def replace(
    lake: Lake,
    partition: Partition,
    names: Collection[str],
    change: Callable[[str], pa.Table | None],
    before_commit: Callable[[Manifest, Manifest], None] = lambda before, after: None,
) -> None:
    """Put the rows that `change` gives in the place of parts, committed or staged; None drops a staged one.
    `before_commit` is told the manifest that is there and the one that is about to take its place.

    Parts that neither the manifest nor a receipt names are dropped. The old parts go last, so that one who is killed
    in between finds them again. Raises ObjectChanged if the partition is committed meanwhile.
    """
    objects, key = lake.objects, partition.manifest_key
    try:
        before, manifest = objects.head(key).etag, lake.manifest(partition)
    except ObjectMissing:
        before, manifest = "", Manifest(0)
    receipts = _receipts(lake, partition)
    used = {part.name for part in (*manifest.parts, *receipts.values())}
    made: dict[str, Part | None] = {}
    for name in names:
        rows = change(name) if name in used else None
        made[name] = None if rows is None else lake.put_part(partition, _shard(name), rows)
    for shard, part in receipts.items():
        if new := made.get(part.name):
            objects.put(receipt_key(partition, shard), new.to_json())
        elif part.name in made:
            objects.delete(receipt_key(partition, shard))
    parts = [made.get(part.name) or part for part in manifest.parts]
    after = manifest if parts == manifest.parts else Manifest(sum(part.rows for part in parts), parts)
    if after != manifest:
        before_commit(manifest, after)
        objects.put(key, after.to_json(), expect=before)
    for name, part in made.items():
        if part is None or part.name != name:
            objects.delete(partition.prefix + name)


def _receipts(lake: Lake, partition: Partition) -> dict[int, Part]:
    staged = f"{partition.prefix}_staged/"
    keys = [seen.key for seen in lake.objects.list(staged)]
    remedy = "Remove it, and run the partition's task again"
    return {int(key[len(staged) : -len(".json")]): lake.objects.parsed(key, Part.from_json, remedy) for key in keys}


def _shard(name: str) -> int:
    """Of `part-0003-<hash>.parquet`."""
    return int(name.split("-")[1])
