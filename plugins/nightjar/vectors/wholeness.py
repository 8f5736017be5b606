"""Answers of Milvus that are whole: each proves it by the sentinels that it must have (`sentinels.py`).

A count cannot have any: where there is more to count than one answer may hold, several counts at once must agree, which
the proxy spreads over the nodes that answer. Milvus Lite has no nodes that come and go, and is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
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

    def agreed(self, name: str, ask: Callable[[], _Answer]) -> _Answer:
        """An answer that is given several times at once: in turn all would go to the node that is quicker."""
        if self._notes is None:
            return ask()

        def at_once() -> set[_Answer]:
            with ThreadPoolExecutor(MILVUS_SAMPLES) as threads:
                return set(threads.map(lambda _: ask(), range(MILVUS_SAMPLES)))

        [answer] = self._milvus.until(lambda answers: len(answers) == 1, at_once, f"a count of {name}")
        return answer

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
