"""The committed lists of a day from the lake, packed, a part at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow as pa
import pyarrow.compute as pc

from nightjar.errors import NightjarError
from nightjar.lake import Lake, Manifest, Part, Partition
from nightjar.publish import packed
from nightjar.publish.spool import Spool
from nightjar.publish.versions import Record
from nightjar.schemas import NEW_USERS
from nightjar.takedowns.forgotten import Forgotten

_COLUMNS = ["user_id", "track_id", "score"]
_READERS = 1
"""Threads that read ahead, each a part that is held in memory beside the one that is worked on."""


def fill(
    lists: Spool,
    version: str,
    previous: str,
    lake: Lake,
    partition: Partition,
    manifest: Manifest,
    forgotten: Forgotten,
) -> Record:
    """Spool the lists of a manifest, without what is forgotten, under NEW_USERS always one, though it may be empty;
    returns what is to be recorded of them."""
    songs = pa.array([], pa.string())
    entries = new_users = 0
    for rows in _ahead(lake, partition, manifest.parts):
        rows = _without(rows, forgotten)
        entries += rows.num_rows
        of_new_users = pc.sum(pc.equal(rows["user_id"], NEW_USERS)).as_py() or 0
        own = packed.songs_from(rows, of_new_users)  # NEW_USERS comes first
        songs = pa.concat_arrays([songs, own]).unique()
        new_users += of_new_users
        lists.add(packed.pack(rows))
    if NEW_USERS not in lists.users:
        lists.add(packed.none(NEW_USERS))
    users = sorted(set(lists.users) - {NEW_USERS})
    if len(users) + 1 != len(lists.users):
        raise NightjarError(f"{partition} has a user in two of its parts", "Run the partition's task again")
    return Record(version, previous, users, new_users, entries - new_users, len(songs), partition.model)


def _without(rows: pa.Table, forgotten: Forgotten) -> pa.Table:
    for name, ids in (("user_id", forgotten.users), ("track_id", forgotten.tracks)):
        if ids:
            gone = pc.is_in(rows[name].cast(pa.string()), pa.array(sorted(ids), pa.string()))
            rows = rows.filter(pc.invert(gone))
    return rows


def _ahead(lake: Lake, partition: Partition, parts: list[Part]) -> Iterator[pa.Table]:
    """The rows of each part; the next ones are read meanwhile."""
    waiting: deque[Future[pa.Table]] = deque()
    with ThreadPoolExecutor(_READERS) as threads:
        for part in parts:
            waiting.append(threads.submit(lake.part, partition, part, _COLUMNS, _COLUMNS[:2]))
            if len(waiting) > _READERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
