"""Threads that read from the vector store all the time, and compare each answer with what numpy says."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException

from nightjar import schemas
from nightjar.settings import Settings
from nightjar.vectors.connection import Connection
from nightjar.vectors.store import VectorStore

DAYS = ("2026-11-20", "2026-11-21", "2026-11-22")
DIMENSION = 32
LIMIT = 10
_PAUSE_S = 0.1


class Songs:
    """Songs with random vectors, and exact answers about them. Fewer than what Milvus would build an index for."""

    def __init__(self, per_day: int) -> None:
        made = np.random.default_rng(7).standard_normal((len(DAYS) * per_day, DIMENSION))
        self.vectors = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)
        self.names = [f"song{number:04d}" for number in range(len(made))]
        self.days = [day for day in DAYS for _ in range(per_day)]
        self.cosines = self.vectors @ self.vectors.T

    def rows(self, day: str) -> pa.Table:
        """The day's rows of `embeddings`."""
        chosen = [number for number, each in enumerate(self.days) if each == day]
        return schemas.table(
            "embeddings", [{"track_id": self.names[i], "day": day, "vector": self.vectors[i]} for i in chosen]
        )

    def nearest(self, number: int, upto: str) -> list[str]:
        there = np.array([day <= upto for day in self.days])
        order = np.argsort(-np.where(there, self.cosines[number], -2.0))
        return [self.names[each] for each in order[:LIMIT]]


@dataclass
class Seen:
    """What the readers have to tell."""

    right: Counter = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    again: int = 0
    """Answers that the store did not take for whole, and asked for again."""
    bare_wrong: int = 0
    """Wrong counts, and failures, of a client that takes what it is given."""
    bare_failed: int = 0
    bare_from_s: float = 0.0
    bare_until_s: float = 0.0

    def told(self) -> str:
        return (
            f"{self.right.total()} answers right {dict(self.right)}, {len(self.wrong)} wrong or failed, "
            f"{self.again} asked for again, slowest {self.slowest_s:.1f} s; a bare client: {self.bare_wrong} wrong "
            f"counts from {self.bare_from_s:.0f} to {self.bare_until_s:.0f} s, {self.bare_failed} failures"
        )


@contextmanager
def reading(settings: Settings, songs: Songs, threads: int = 3) -> Iterator[Seen]:
    """Read in `threads`, in one that connects anew each time, and in one without any of the store's care, until the
    end of the block. All songs must be loaded."""
    seen, over, lock = Seen(), threading.Event(), threading.Lock()
    until = Connection.until

    def counted(self: Connection, complete: Callable, ask: Callable, what: str) -> object:
        def whole(answer: object) -> bool:
            seen.again += not (found := complete(answer))
            return found

        return until(self, whole, ask, what)

    def keep(number: int) -> None:
        with VectorStore(settings) as store:
            _repeat(over, lock, seen, songs, lambda: store, number)

    def anew() -> None:
        _repeat(over, lock, seen, songs, lambda: VectorStore(settings), 99, close=True)

    def bare() -> None:
        _bare(over, seen, settings, len(songs.names))

    running = [threading.Thread(target=keep, args=(number,)) for number in range(threads)]
    running += [threading.Thread(target=anew), threading.Thread(target=bare)]
    Connection.until = counted
    try:
        for thread in running:
            thread.start()
        yield seen
        deadline = time.monotonic() + 60
        while seen.right.total() <= 100 and time.monotonic() < deadline:
            time.sleep(1)
    finally:
        over.set()
        for thread in running:
            thread.join()
        Connection.until = until
        print(seen.told())


def _repeat(
    over: threading.Event,
    lock: threading.Lock,
    seen: Seen,
    songs: Songs,
    store: Callable[[], VectorStore],
    seed: int,
    close: bool = False,
) -> None:
    random = np.random.default_rng(seed)
    while not over.is_set():
        kind = ("search", "search of own", "count", "vectors", "keys")[random.integers(5)]
        begun = time.monotonic()
        try:
            asked = store()
            problem = _asked(asked, songs, kind, random)
            if close:
                asked.close()
        except Exception as error:  # whatever it is, the test is to tell it
            problem = f"{kind}: {type(error).__name__} {error}"
        with lock:
            seen.slowest_s = max(seen.slowest_s, time.monotonic() - begun)
            if problem:
                seen.wrong.append(problem)
            else:
                seen.right[kind] += 1
        time.sleep(_PAUSE_S)


def _asked(store: VectorStore, songs: Songs, kind: str, random: np.random.Generator) -> str:
    """Ask one thing; what is wrong with the answer."""
    upto = DAYS[random.integers(len(DAYS))]
    there = [number for number, day in enumerate(songs.days) if day <= upto]
    chosen = [int(each) for each in random.choice(there, 5, replace=False)]
    names = [songs.names[each] for each in chosen]
    if kind == "count":
        expected, found = len(there), store.count(upto_day=upto)
    elif kind == "vectors":
        expected, found = sorted(names), sorted(store.vectors_of([*names, "nobody"]))
    elif kind == "keys":
        expected, found = songs.rows(upto)["track_id"].to_pylist(), sorted(store.day_keys("tracks", upto))
    else:
        own = names if kind == "search of own" else None
        lists = store.search(songs.vectors[chosen], LIMIT, upto, own=own)
        expected, found = (
            [songs.nearest(each, upto) for each in chosen],
            [[hit.track_id for hit in each] for each in lists],
        )
    return "" if found == expected else f"{kind} up to {upto}: {found} instead of {expected}"


def _bare(over: threading.Event, seen: Seen, settings: Settings, total: int) -> None:
    with closing(MilvusClient(settings.milvus_uri, timeout=60)) as client:
        name = next(each for each in client.list_collections() if each.startswith("tracks__"))
        begun = time.monotonic()
        while not over.is_set():
            try:
                found = client.query(name, filter="", output_fields=["count(*)"])
            except MilvusException:
                seen.bare_failed += 1
            else:
                if int(found[0]["count(*)"]) != total:
                    seen.bare_wrong += 1
                    seen.bare_until_s = time.monotonic() - begun
                    seen.bare_from_s = seen.bare_from_s or seen.bare_until_s
            time.sleep(_PAUSE_S / 2)
