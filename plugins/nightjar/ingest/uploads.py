"""The day's work, frozen: the listing of the day's uploads, and what happened to them since."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa

from nightjar import schemas
from nightjar.ingest import names
from nightjar.lake import Lake, Partition
from nightjar.shards import shard_of
from nightjar.takedowns.forgotten import Forgotten
from nightjar.takedowns.rows import without

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Drift:
    """Keys that are not as they were frozen, each list sorted."""

    arrived: list[str]
    changed: list[str]
    vanished: list[str]

    def __bool__(self) -> bool:
        return bool(self.arrived or self.changed or self.vanished)

    def __str__(self) -> str:
        kinds = {"arrived": self.arrived, "changed": self.changed, "vanished": self.vanished}
        return ", ".join(f"{len(keys)} {kind} (first: {keys[0]})" for kind, keys in kinds.items() if keys)


def listed(lake: Lake, day: str, forgotten: Forgotten) -> pa.Table:
    """The objects under the day's prefix now, as table uploads, but those of songs that are taken down. Keys that end
    in a slash are folders, no uploads; what file managers leave behind is counted in the log."""
    seen_now = [seen for seen in lake.objects.list(names.prefix(day)) if not seen.key.endswith("/")]
    if left := sum(names.is_left_behind(seen.key) for seen in seen_now):
        log.info("uploads of %s: %d files of file managers (as .DS_Store) are left out", day, left)
    seen_now = [seen for seen in seen_now if not names.is_left_behind(seen.key)]
    found = [seen for seen in seen_now if names.track_id(seen.key) not in forgotten.tracks]
    rows = [
        {"key": seen.key, "size_bytes": seen.size, "etag": seen.etag, "uploaded_at": seen.modified} for seen in found
    ]
    return schemas.table("uploads", rows)


def drift(frozen: pa.Table, now: pa.Table) -> Drift:
    """What differs between two listings of a day, by key and etag."""
    before, after = ({row["key"]: row["etag"] for row in rows.to_pylist()} for rows in (frozen, now))
    return Drift(
        arrived=sorted(after.keys() - before.keys()),
        changed=sorted(key for key in before.keys() & after.keys() if before[key] != after[key]),
        vanished=sorted(before.keys() - after.keys()),
    )


def renewed(before: pa.Table, now: pa.Table, kept: Collection[str]) -> pa.Table:
    """What a day is frozen with anew: the listing of `now`, but rows of `before` for keys of songs to be `kept`."""
    stays = [row for row in before.to_pylist() if row["key"] in kept]
    return schemas.table("uploads", stays + [row for row in now.to_pylist() if row["key"] not in kept])


def since_freeze(lake: Lake, day: str, forgotten: Forgotten) -> Drift:
    """What happened to the day's uploads since they were frozen; all have arrived where none ever were."""
    partition = Partition("uploads", day)
    frozen = lake.read(partition) if lake.exists(partition) else schemas.empty("uploads")
    return drift(without("uploads", frozen, forgotten), listed(lake, day, forgotten))


def of_shard(frozen: pa.Table, shard: int, shards: int) -> list[list[dict]]:
    """The rows of one shard, those of one track id together, in order of ids and within them of keys.

    Every row is in exactly one shard, and all rows of a track id are in the same.
    """
    together: dict[str, list[dict]] = {}
    for row in frozen.sort_by("key").to_pylist():
        owner = names.shard_key(row["key"])
        if shard_of(owner, shards) == shard:
            together.setdefault(owner, []).append(row)
    return [together[owner] for owner in sorted(together)]
