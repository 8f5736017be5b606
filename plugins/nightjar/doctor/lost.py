"""Whether Milvus and the key-value store hold as much as object storage says: by counting, which is cheap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from nightjar.doctor.examine import Finding, fail, ok
from nightjar.errors import NightjarError, PartitionMissing
from nightjar.lake import Lake, Partition
from nightjar.models import state
from nightjar.objects import Objects, StoreFailed
from nightjar.publish import owners, records
from nightjar.publish.store import Store
from nightjar.settings import Settings
from nightjar.vectors.names import KINDS, TABLES
from nightjar.vectors.store import VectorStore

_THREADS = 8


def of_vectors(check: str, settings: Settings, store: VectorStore) -> Iterator[Finding]:
    """Fewer vectors than the swept days have in the lake: a day that is not swept may not be loaded yet. Raises
    NightjarError where one of the two cannot be read."""
    lake, model = Lake(settings, Objects(settings, hurried=True)), store.model
    wanted = _wanted(lake, model)
    there = {kind: store.count(kind) for kind in KINDS}
    pending = state.pending(lake) if any(there[kind] < wanted[kind] for kind in KINDS) else set()
    wanted["tracks"] -= len(pending)  # these are gone from Milvus already
    if any(there[kind] < wanted[kind] for kind in (("tracks",) if pending else KINDS)):
        yield fail(
            check,
            f"it holds {there['tracks']:,} songs and {there['windows']:,} windows of {model}, the lake's swept days "
            f"{wanted['tracks']:,} and {wanted['windows']:,}",
            f"nightjar rebuild vectors --model {model}",
        )
    elif not store.exists():
        yield ok(check, f"no vectors of {model} yet: the first load makes their collections")
    else:
        yield ok(check, f"{there['tracks']:,} songs of {model} can be searched")


def _wanted(lake: Lake, model: str) -> Counter[str]:
    def rows(day: str) -> dict[str, int]:
        with suppress(PartitionMissing):
            if lake.exists(Partition("duplicate_pairs", day, model)):
                return {kind: lake.manifest(Partition(TABLES[kind], day, model)).rows for kind in KINDS}
        return {}

    names = lake.objects.folders("lake/duplicate_pairs/")
    total: Counter[str] = Counter()
    with ThreadPoolExecutor(_THREADS) as threads:
        for found in threads.map(rows, [name.removeprefix("dt=") for name in names]):
            total.update(found)
    return total


def of_lists(check: str, settings: Settings, store: Store) -> Iterator[Finding]:
    """Lists of another lake, another version than the app is to be shown, or one of which lists are missing. Raises
    NightjarError where object storage cannot be read."""
    objects, remedy = Objects(settings, hurried=True), "nightjar rebuild lists"
    try:
        owners.check(objects, store)
    except StoreFailed:
        raise
    except NightjarError as error:
        yield fail(check, error.message, error.remedy)
        return
    current = store.current()
    shown = records.shown(objects) or current
    record = records.read(objects, shown)
    if record is None:
        return
    lacking = len(record.users) + 1 - store.count(record.keys())
    if current != shown:
        yield fail(check, f"the app reads {current or 'nothing'}, and was shown {shown}", remedy)
    elif lacking:
        yield fail(check, f"{lacking:,} of {len(record.users) + 1:,} lists of {shown} are missing", remedy)
    else:
        yield ok(check, f"the app reads {shown}, {len(record.users):,} lists")
