"""Milvus from the lake: a model's collections are brought to hold just what its committed days have."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from nightjar import schemas
from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.models import check, live
from nightjar.models.exact import Nearest
from nightjar.rebuild import whole
from nightjar.settings import Settings
from nightjar.takedowns import ledger
from nightjar.thresholds import MIN_RECALL, RECALL_AT, SAME_COMPONENT
from nightjar.vectors.bulk import fill_missing
from nightjar.vectors.names import KINDS, TABLES, keys
from nightjar.vectors.steps import dimension, without
from nightjar.vectors.store import VectorStore

log = logging.getLogger(__name__)

Say = Callable[[str], None]


class _Asked:
    """Vectors of a sample by their keys, and what knows the exactly nearest of each once all were shown."""

    def __init__(self, own: list[str], queries: np.ndarray) -> None:
        self.own, self.queries = own, queries
        self.nearest = Nearest(own, queries, RECALL_AT, [[]] * len(own))


def rebuild_vectors(settings: Settings, model: str | None = None, say: Say = print) -> dict:
    """Make Milvus hold exactly the vectors of all days that `model`, else the settings' one, has in the lake, without
    what is taken down; of the live model, let the aliases lead to them.

    {"model", "live", "days", "tracks", "windows", "written", "removed", "moved", "recall"}: `written` and `removed`
    count vectors, `moved` says whether the aliases had to. Day by day what Milvus has is compared with the lake, key by
    key and number by number, and only what differs is written: whoever is killed goes on where it was, and again it
    changes nothing. A large collection that is lost altogether is imported first, where the server can. The lake is
    read once, and of a sample of days once more. At last the days are counted, and the
    nearest that searches find are compared with the exactly nearest. A night may run beside it, unless it loads a day
    that is in the lake already.

    Raises NightjarError before it changes anything if the lake lacks the vectors of a day that had some, and if the
    model has no day; later if Milvus does not hold or find what it must, and no alias has then moved.
    """
    settings = replace(settings, model=model or settings.model)
    lake = Lake(settings)
    days = _days(lake, settings.model)
    total: Counter[str] = Counter()
    with VectorStore(settings) as store:
        for kind in KINDS:
            store.begin_anew(store.collection(kind))
        whole.require(lake, store, days)
        if not days:
            raise NightjarError(f"no day is embedded by a model {settings.model!r}", "See nightjar model list")
        while True:
            gone = ledger.taken_down(lake)
            for kind, count in fill_missing(settings, store, days, gone).items():
                total["written"] += count
                say(f"{count} vectors imported into {store.collection(kind)}, which was not there")
            counts, nearest = _all_days(lake, store, days, gone, total, say)
            late = ledger.taken_down(lake) - gone
            store.delete_tracks(late)  # what was read before may have come after its removal
            if not late:
                break
            say(f"{len(late)} songs were taken down meanwhile: all days are looked at again")
        found = _checked(store, counts, nearest) if store.exists() else dict.fromkeys(KINDS)
        moved, is_live = _alias(lake, store)
    held = {kind: sum(count for (of, _), count in counts.items() if of == kind) for kind in KINDS}
    done = {name: total[name] for name in ("written", "removed")}
    summary = {"model": settings.model, "live": is_live, "days": len(days)} | held | done
    log.info("rebuild_vectors: %s, recall %s", summary, found)
    return summary | {"moved": moved, "recall": found}


def _days(lake: Lake, model: str) -> list[str]:
    """The days of which songs and windows are committed."""
    return sorted(set.intersection(*(set(lake.days(table, model=model)) for table in TABLES.values())))


def _all_days(
    lake: Lake, store: VectorStore, days: Sequence[str], gone: set[str], total: Counter[str], say: Say
) -> tuple[dict[tuple[str, str], int], dict[str, _Asked]]:
    """How many vectors of each kind and day there must be, and what searches must find. Adds to `total` what was
    written and removed."""
    songs = check.sample(lake, [store.model], days)
    nearest = {kind: _Asked(*check.queries_of(lake, store.model, kind, songs, gone)) for kind in KINDS}
    counts = {}
    for number, day in enumerate(days, start=1):
        begun = time.perf_counter()
        done = _day(lake, store, day, gone, nearest)
        total.update(done)
        counts |= {(kind, day): done[kind] for kind in KINDS}
        did = f"{done['written']} vectors written, {done['removed']} removed, {time.perf_counter() - begun:.1f} s"
        say(f"{day} ({number} of {len(days)}): {done['tracks']} songs and {done['windows']} windows; {did}")
    if store.exists():
        whole.require(lake, store, days)  # again: what follows removes all other days
        total["removed"] += sum(_strays(lake, store, kind, days) for kind in KINDS)
    return counts, nearest


def _day(lake: Lake, store: VectorStore, day: str, gone: set[str], nearest: dict[str, _Asked]) -> Counter[str]:
    """Bring a day to what the lake has of it; how many there are of each kind, how many were written and removed."""
    done: Counter[str] = Counter()
    for kind in reversed(KINDS):  # a song is in `tracks` only once its windows are loaded
        rows = without(lake.read(Partition(TABLES[kind], day, store.model)), gone)
        done[kind] = rows.num_rows
        vectors = np.zeros((0, 1), np.float32)
        if rows.num_rows:
            store.ensure(dimension(rows, day))
            vectors = rows["vector"].combine_chunks().flatten().to_numpy().reshape(rows.num_rows, -1)
            nearest[kind].nearest.show(keys(kind, rows), vectors)
        if store.exists():
            right, too_many = _compared(store, kind, day, keys(kind, rows), vectors)
            lacking = rows.filter(pa.array(~right))
            store.upsert(kind, lacking)
            if too_many:
                done["removed"] += store.delete_day_except(kind, day, rows)
            store.attest(kind, day, rows)
            done["written"] += lacking.num_rows
    return done


def _compared(
    store: VectorStore, kind: str, day: str, wanted: list[str], vectors: np.ndarray
) -> tuple[np.ndarray, bool]:
    """Which of the `wanted` keys Milvus has with those vectors, once; and whether it has others of the day."""
    place = {key: at for at, key in enumerate(wanted)}
    seen, right, too_many = np.zeros(len(wanted), np.int32), np.ones(len(wanted), bool), False
    for found, theirs in store.day_vectors(kind, day):
        at = np.array([place.get(key, -1) for key in found])
        too_many |= bool((at < 0).any())
        at, theirs = at[at >= 0], theirs[at >= 0]
        np.add.at(seen, at, 1)
        right[at] &= (np.abs(theirs - vectors[at]) <= SAME_COMPONENT).all(axis=1)
    return right & (seen == 1), too_many


def _strays(lake: Lake, store: VectorStore, kind: str, days: Sequence[str]) -> int:
    """Remove vectors of days that the lake does not have; what a night loads meanwhile it has committed before."""
    strange = store.other_days(kind, days)
    known = set(_days(lake, store.model)) if strange else set()
    nothing = schemas.empty(TABLES[kind])
    return sum(store.delete_day_except(kind, day, nothing) for day in strange if day not in known)


def _checked(
    store: VectorStore, counts: dict[tuple[str, str], int], asked: dict[str, _Asked]
) -> dict[str, float | None]:
    """The recall by kind. Raises NightjarError for a day that is not held whole, or if too little is found."""
    for (kind, day), wanted in counts.items():
        if (there := store.count(kind, day)) != wanted:
            raise NightjarError(
                f"{store.collection(kind)} holds {there} vectors of {day} instead of {wanted}",
                "Run it again; loading one of its days at once gets in its way",
            )
    return {kind: _recall(store, kind, asked[kind]) for kind in KINDS}


def _recall(store: VectorStore, kind: str, asked: _Asked) -> float | None:
    hits = check.found_near(store, kind, asked.own, asked.queries)
    vectors = store.vectors_of(sorted({key for each in hits for key in each}), kind)
    said = [
        np.array([query @ vectors[key] for key in each if key in vectors], np.float32)
        for query, each in zip(asked.queries, hits, strict=True)
    ]
    recall = asked.nearest.recall(said)
    if recall is not None and recall < MIN_RECALL:
        raise NightjarError(
            f"searches in {store.collection(kind)} find {recall:.0%} of what is nearest, not {MIN_RECALL:.0%}",
            "Milvus may still be building its index: run it again later, and look at the collection's index",
        )
    return recall


def _alias(lake: Lake, store: VectorStore) -> tuple[bool, bool]:
    """Whether the aliases had to be moved, and whether they lead to this model: those of the live one do."""
    if not store.exists():
        return False, live.read(lake.objects).model == store.model
    is_live = live.begin(lake.objects, store.model).model == store.model
    moved = is_live and not store.is_live()
    if moved:
        store.make_live()
    return moved, is_live
