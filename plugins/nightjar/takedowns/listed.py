"""Which lists hold a song, by the lake: the Parquet that a published version was made from names the users, so that the
lists themselves stay unread."""

from __future__ import annotations

import logging
from collections.abc import Collection, Set
from contextlib import suppress

import pyarrow as pa
import pyarrow.compute as pc

from nightjar.errors import PartitionMissing
from nightjar.lake import Lake, Part, Partition
from nightjar.objects import ObjectMissing
from nightjar.publish.versions import Record, day_of, version_of
from nightjar.takedowns import parts

log = logging.getLogger(__name__)


def users_with(lake: Lake, record: Record, tracks: Collection[str]) -> Set[str] | None:
    """The users of a version on whose lists any of the songs may stand, NEW_USERS among them; None where the lake does
    not know it any more: since the day was ranked again, or the version is of a Nightjar that did not record its model.

    A list in the store has no song that the lake's rows of it lack: takedowns alone change either, and take songs away.
    """
    if not tracks:
        return frozenset()
    if record.model:
        partition = Partition("lists", day_of(record.version), record.model)
        wanted = pa.array(sorted(tracks), pa.string())
        with suppress(PartitionMissing, ObjectMissing):  # the second if it is replaced meanwhile
            manifest = lake.manifest(partition)
            if version_of(partition.day, manifest.to_json()) == (record.source or record.version):
                return {user for part in manifest.parts for user in _users(lake, partition, part, wanted)}
    log.info("the lake has not the lists of %s as they were published: those in the store are searched", record.version)
    return None


def _users(lake: Lake, partition: Partition, part: Part, wanted: pa.Array) -> list[str]:
    def read(column: str) -> pa.ChunkedArray:
        return parts.read(lake, partition, part.name, part.size, [column], repeated=[column])[column]

    found = pa.chunked_array([_holds(chunk, wanted) for chunk in read("track_id").chunks], pa.bool_())
    if not pc.any(found).as_py():
        return []
    return read("user_id").filter(found).unique().to_pylist()


def _holds(codes: pa.DictionaryArray, wanted: pa.Array) -> pa.Array:
    """Whether each value is wanted. A dictionary has few values beside its rows."""
    return pc.take(pc.is_in(codes.dictionary, wanted), codes.indices)
