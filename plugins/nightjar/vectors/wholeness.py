"""Answers of Milvus that are whole: each proves it by sentinels (`sentinels.py`), or comes from nodes that proved it.

Searches and queries of ids have sentinels in them. Counts, pages and deletions by a filter cannot: they count if the
nodes that answer for the collection are the same before and after, and each of them has shown all sentinels. The proxy
spreads requests that are made at once over the nodes, so that several at once reach every one. Milvus Lite has no nodes
that come and go, and is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import repeat
from typing import TypeVar

import numpy as np

from nightjar.objects import Objects
from nightjar.settings import Settings
from nightjar.thresholds import MILVUS_SAMPLES
from nightjar.vectors import filters
from nightjar.vectors.connection import Connection
from nightjar.vectors.sentinels import NONE, Notes, Sentinels, chosen

_Answer = TypeVar("_Answer")


class Wholeness:
    """What one process knows of the collections that it reads. Methods raise NightjarError if Milvus cannot answer."""

    def __init__(self, milvus: Connection, settings: Settings) -> None:
        self._milvus = milvus
        self._notes = None if milvus.lite else Notes(Objects(settings))
        self._sentinels: dict[str, Sentinels] = {}
        self._proven: dict[str, tuple] = {}

    @property
    def notes(self) -> Notes | None:
        """Where sentinels are noted; None where answers need no proof."""
        return self._notes

    def sentinels(self, name: str) -> Sentinels:
        """Those of a collection, asked for until Milvus has all that are noted."""
        if self._notes is None:
            return NONE
        if name not in self._sentinels:
            there = partial(self._read, name)
            self._sentinels[name] = self._milvus.until(lambda found: found is not None, there, f"a search in {name}")
        return self._sentinels[name]

    def proven(
        self, name: str, ask: Callable[[Sentinels], _Answer], complete: Callable[[_Answer, Sentinels], bool]
    ) -> _Answer:
        """The first answer that `complete` takes for one with all sentinels, of which there may be none."""

        def once() -> tuple[_Answer, Sentinels]:
            sentinels = self.sentinels(name)
            return ask(sentinels), sentinels

        def whole(answer: tuple[_Answer, Sentinels]) -> bool:
            if complete(*answer):
                return True
            self._sentinels.pop(name, None)  # a takedown may have taken one
            return False

        return self._milvus.until(whole, once, f"a search in {name}")[0]

    def believed(self, name: str, ask: Callable[[], _Answer]) -> _Answer:
        """The first answer from nodes that are proven to answer wholly."""

        def once() -> tuple[bool, _Answer | None]:
            leaders = self._leaders(name)
            if leaders is None:
                return True, ask()
            if not self._are_whole(name, leaders):
                return False, None
            answer = ask()
            return self._leaders(name) == leaders, answer

        return self._milvus.until(lambda seen: seen[0], once, f"a search in {name}")[1]

    # --- what is noted ------------------------------------------------------------------------------------------------
    def attest(self, name: str, day: str, keys: Sequence[str]) -> None:
        """Note sentinels of a day that is loaded, `keys` in the order in which they were written."""
        if self._notes is None:
            return
        self._notes.add(name, day, keys)
        noted = self._notes.read(name).get(day, [])
        there = self._ids(name, noted)
        self._notes.remove(name, set(noted) - set(there))  # taken down since
        self._sentinels.pop(name, None)

    @contextmanager
    def without(self, name: str, keys: Sequence[str]) -> Iterator[None]:
        """While these keys are deleted: they are no sentinels from now on, nor those that are noted meanwhile."""
        for turn in (0, 1):
            if self._notes is not None:
                self._notes.remove(name, keys)
                self._sentinels.pop(name, None)
            if not turn:
                yield

    def begin_anew(self, name: str) -> None:
        """Note nothing of a collection any more."""
        if self._notes is not None:
            self._notes.clear(name)
            self._sentinels.pop(name, None)

    def _are_whole(self, name: str, leaders: tuple) -> bool:
        """Whether all of the nodes that answer now show all sentinels."""
        if self._proven.get(name) == leaders:
            return True
        sentinels = self.sentinels(name)
        samples = MILVUS_SAMPLES if len(leaders) > 1 else 1
        with ThreadPoolExecutor(samples) as threads:  # one after the other would all go to the node that is quicker
            seen = list(threads.map(self._ids, repeat(name, samples), repeat(sentinels.keys)))
        if not all(map(sentinels.are_among, seen)):
            self._sentinels.pop(name, None)
            return False
        self._proven[name] = leaders
        return True

    def _leaders(self, name: str) -> tuple | None:
        return None if self._notes is None else self._milvus.leaders(name)

    def _ids(self, name: str, keys: Sequence[str]) -> list[str]:
        """Those of the keys that Milvus has."""
        return [row["id"] for row in self._rows(name, keys, ["id"])] if keys else []

    def _read(self, name: str) -> Sentinels | None:
        """The sentinels that are noted; None if Milvus lacks one."""
        noted = chosen(self._notes.read(name))
        days = {key: day for day, keys in noted.items() for key in keys}
        if not days:
            return NONE
        rows = {row["id"]: row["vector"] for row in self._rows(name, list(days), ["vector"])}
        if rows.keys() != days.keys():
            return None
        return Sentinels(list(days), list(days.values()), np.asarray([rows[key] for key in days], np.float32))

    def _rows(self, name: str, keys: Sequence[str], fields: list[str]) -> list[dict]:
        ask = {"filter": filters.is_in("id", keys), "output_fields": fields}
        return self._milvus.call(self._milvus.client.query, name, **ask)
