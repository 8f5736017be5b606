"""Whether the lake still has the vectors of every day that had them: a loss there is not to become one in Milvus."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor

from nightjar import schemas
from nightjar.errors import NightjarError, PartitionMissing
from nightjar.lake import Lake, Partition
from nightjar.vectors.names import KINDS, TABLES
from nightjar.vectors.store import VectorStore

_AFTER = (
    *("windows", "fingerprints", "speed_prints", "stems"),
    *("print_keys", "duplicate_groups", "duplicate_pairs", "lists"),
)
"""What is committed of a day, in this order, once its embeddings are; all but the first once its windows are, too."""
_NAMED = 3
"""So many of the lost partitions are named."""
_THREADS = 8


def require(lake: Lake, store: VectorStore, days: Collection[str]) -> None:
    """Raises NightjarError with the backfill if a day beside these, which have theirs, had vectors in the lake: tables
    of it that need them are committed, or Milvus has some of a day that the lake knows.

    A day that is ingested and not embedded yet is no loss, and neither is one of which the lake knows nothing at all:
    those vectors are another lake's.
    """
    known = {name.removeprefix("dt=") for table in schemas.TABLES for name in lake.objects.folders(f"lake/{table}/")}
    others = sorted(known.difference(days))
    with ThreadPoolExecutor(_THREADS) as threads:
        later = dict(
            zip(others, threads.map(lambda day: _committed_after(lake, store.model, day), others), strict=True)
        )
    held = _held(store, days)
    lost = []
    for day in others:
        if later[day] or day in held:
            why = f"{later[day]} of that day is there" if later[day] else "Milvus has vectors of that day"
            lost += [(error, why) for error in _missing(lake, store.model, day)]
    if lost:
        named = ", ".join(f"{error.message}, though {why}" for error, why in lost[:_NAMED])
        more = f", and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        raise NightjarError(f"Milvus would lose what the lake has lost: {named}{more}", lost[0][0].remedy)


def _committed_after(lake: Lake, model: str, day: str) -> str:
    """The last table of those that need vectors which the day has, "" if none."""
    return next((table for table in reversed(_AFTER) if lake.exists(Partition(table, day, model))), "")


def _held(store: VectorStore, days: Collection[str]) -> set[str]:
    """The other days of which Milvus has vectors; a collection without an index, whose maker was killed, has none."""
    held: set[str] = set()
    for kind in KINDS:
        name, client = store.collection(kind), store.milvus.client
        if store.milvus.call(client.has_collection, name) and store.milvus.call(client.list_indexes, name):
            held.update(store.other_days(kind, days))
    return held


def _missing(lake: Lake, model: str, day: str) -> Iterator[PartitionMissing]:
    """What the lake says of the day's vectors that are not committed."""
    for table in TABLES.values():
        try:
            lake.manifest(Partition(table, day, model))
        except PartitionMissing as error:
            yield error
