"""Sentinels: vectors that every whole answer has, so that an answer shows by itself whether it lacks something.

A query node that has just joined a Milvus cluster answers for seconds without the segments that it has loaded but not
taken over yet, and gives no error. So a few vectors of each day are noted in object storage once the day is loaded, one
object a collection: `vectors/<collection>.json`. Searches carry them as further queries, and queries as further ids. An
answer from which a day's sentinels are missing is not whole.

A sentinel that is noted is in Milvus: it is noted after it was loaded and looked at once more, and its note goes before
its vector does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nightjar.objects import ObjectMissing, Objects
from nightjar.thresholds import SENTINEL_DAYS, SENTINELS_A_DAY
from nightjar.vectors.hits import Hit, finds_itself

_REMEDY = "Remove it: the next load of a day writes it anew, and until then answers are not proven"

Noted = dict[str, list[str]]
"""Primary keys by day."""


@dataclass(frozen=True)
class Sentinels:
    """Those that one answer must have: primary keys, the day of each, and the vectors (n, d) float32."""

    keys: Sequence[str]
    days: Sequence[str]
    vectors: np.ndarray

    def upto(self, day: str | None) -> Sentinels:
        """Those of the days up to one."""
        chosen = [at for at, each in enumerate(self.days) if day is None or each <= day]
        return Sentinels([self.keys[at] for at in chosen], [self.days[at] for at in chosen], self.vectors[chosen])

    def are_among(self, keys: Collection[str]) -> bool:
        """Whether all of them are there, for answers to queries."""
        return set(self.keys) <= set(keys)

    def find_themselves(self, lists: Sequence[Sequence[Hit]], limit: int) -> bool:
        """Whether of each day one finds itself, for answers to searches for `limit` hits: a graph may not lead to the
        other one."""
        asked = zip(self.keys, self.days, lists, strict=True)
        return {day for key, day, hits in asked if finds_itself(key, hits, limit)} == set(self.days)


NONE = Sentinels([], [], np.zeros((0, 1), np.float32))


def chosen(noted: Noted) -> Noted:
    """The newest days, of which segments may be small, and evenly those before."""
    every = sorted(noted)
    newest = every[-SENTINEL_DAYS // 2 :]
    older = every[: -len(newest)]
    spread = {older[at] for at in np.linspace(0, len(older) - 1, min(len(older), SENTINEL_DAYS // 2)).astype(int)}
    return {day: noted[day] for day in sorted({*spread, *newest})}


class Notes:
    """What is noted of a lake's collections."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def read(self, name: str) -> Noted:
        """What is noted of a collection."""
        try:
            return self._objects.parsed(_key(name), json.loads, _REMEDY)
        except ObjectMissing:
            return {}

    def add(self, name: str, day: str, keys: Sequence[str]) -> None:
        """Note the first and the last of a day's keys, in the order in which they were written."""
        own = list(dict.fromkeys([*keys[: SENTINELS_A_DAY // 2], *keys[-SENTINELS_A_DAY // 2 :]]))
        self._change(name, lambda noted: {each: some for each, some in (noted | {day: own}).items() if some})

    def remove(self, name: str, keys: Iterable[str]) -> None:
        """Note of these keys, or of these songs and their windows, nothing any more."""
        gone = set(keys)
        self._change(
            name,
            lambda noted: {
                day: left
                for day, own in noted.items()
                if (left := [key for key in own if key not in gone and key.partition("#")[0] not in gone])
            },
        )

    def clear(self, name: str) -> None:
        """Note nothing of a collection any more."""
        self._objects.delete(_key(name))

    def _change(self, name: str, change: Callable[[Noted], Noted]) -> None:
        def changed(before: bytes | None) -> bytes:
            after = change(json.loads(before or b"{}"))
            return json.dumps(after, sort_keys=True).encode() if after or before else b""

        if self._objects.exists(_key(name)) or changed(None):
            self._objects.update(_key(name), changed)


def _key(name: str) -> str:
    return f"vectors/{name}.json"
