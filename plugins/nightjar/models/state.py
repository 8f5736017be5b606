"""How far each model is: days embedded, loaded and swept, beside those of the live one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from nightjar.errors import PartitionMissing
from nightjar.lake import Lake, Partition
from nightjar.takedowns import ledger
from nightjar.vectors.names import KINDS, TABLES
from nightjar.vectors.steps import without
from nightjar.vectors.store import VectorStore

_THREADS = 8
_SWEPT = ("duplicate_groups", "duplicate_pairs")


@dataclass(frozen=True)
class Day:
    """One day of one model. `loaded` is None where Milvus was not asked."""

    day: str
    songs: int | None
    windows: int | None
    embedded: bool
    """As the live model has the day: the same songs of the same bytes."""
    loaded: bool | None
    swept: bool

    @property
    def complete(self) -> bool:
        return self.embedded and self.loaded is True and self.swept


def days_of(lake: Lake, model: str) -> list[str]:
    """The days that a model has embedded whole, in order: stems are committed last."""
    return lake.days("stems", model=model)


def known(lake: Lake) -> list[str]:
    """The models that have embedded a day, in order."""
    table = "lake/embeddings/"
    days = lake.objects.folders(table)
    with ThreadPoolExecutor(_THREADS) as threads:
        found = threads.map(lambda day: lake.objects.folders(f"{table}{day}/"), days)
    return sorted({name.removeprefix("model=") for names in found for name in names if name.startswith("model=")})


def pending(lake: Lake) -> set[str]:
    """Songs that are taken down and whose rows are in the lake still: Milvus has them no more."""
    return ledger.taken_down(lake) - ledger.purged(lake.objects).tracks


def days(lake: Lake, model: str, like: str, of: Iterable[str], store: VectorStore | None = None) -> list[Day]:
    """The state of some days of `model`, which follows the model `like`; `store` is that of `model`."""
    gone = pending(lake) if store else set()

    def state(day: str) -> Day:
        rows = {
            kind: _or_none(lambda table=TABLES[kind]: lake.manifest(Partition(table, day, model)).rows)
            for kind in KINDS
        }
        swept = all(lake.exists(Partition(table, day, model)) for table in _SWEPT)
        is_loaded = loaded(lake, store, day, gone) if store else None
        return Day(day, rows["tracks"], rows["windows"], follows(lake, model, like, day), is_loaded, swept)

    with ThreadPoolExecutor(_THREADS) as threads:
        return list(threads.map(state, of))


def follows(lake: Lake, model: str, like: str, day: str) -> bool:
    """Whether `model` has embedded the day as `like` has it."""
    ours, theirs = (Partition("stems", day, each) for each in (model, like))
    try:
        if lake.manifest(ours).parts == lake.manifest(theirs).parts:
            return True
        one, other = (lake.read(each).combine_chunks().sort_by("track_id") for each in (ours, theirs))
    except PartitionMissing:
        return False
    return one.equals(other)


def loaded(lake: Lake, store: VectorStore, day: str, gone: set[str]) -> bool:
    """Whether Milvus has as many vectors of the store's model as the lake, without those that are `gone`."""
    for kind in KINDS:
        partition = Partition(TABLES[kind], day, store.model)
        try:
            wanted = lake.manifest(partition).rows
            if gone:
                wanted = without(lake.read(partition, ["track_id"]), gone).num_rows
        except PartitionMissing:
            return False
        if (wanted and not store.exists()) or store.count(kind, day) != wanted:
            return False
    return True


def lacking(name: str, found: list[Day]) -> list[str]:
    """What keeps a model from being promoted, in clauses: days that are not complete."""
    said = []
    for what, is_there in (
        ("embedded as the live model has them", lambda each: each.embedded),
        ("loaded with as many vectors as the lake has", lambda each: each.loaded is True),
        ("swept for duplicates", lambda each: each.swept),
    ):
        if missing := [each.day for each in found if not is_there(each)]:
            said.append(f"{len(missing)} of {len(found)} days of {name} are not {what}, {missing[0]} first")
    return said


def _or_none(ask: Callable[[], int]) -> int | None:
    try:
        return ask()
    except PartitionMissing:
        return None
