"""Which pairs the sweep compares, batch by batch of younger songs, and what proposed each of them.

Three sources: vectors near each other in Milvus (of songs and of windows), prints that share keys, and equal bytes.
The younger of two songs asks, at all speeds, and the older answers: so a pair comes up whichever of their days is swept
last.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightjar.duplicates import candidates
from nightjar.duplicates.index import Best, Index, Met, keys_of
from nightjar.duplicates.library import Library, prints_at_speeds
from nightjar.duplicates.verdict import Prints
from nightjar.lake import Lake, Partition
from nightjar.settings import Settings
from nightjar.thresholds import INDEX_CROWD, INDEX_MAX_CANDIDATES, INDEX_SONGS
from nightjar.vectors.names import KINDS, TABLES
from nightjar.vectors.store import VectorStore

log = logging.getLogger(__name__)

Pair = tuple[str, str]
"""The older song, and the younger."""

_SOURCES = {"tracks": "song", "windows": "window"}
_THREADS = 2


@dataclass(frozen=True)
class Batch:
    """Some younger songs with their prints at all speeds, and the pairs they are in with what proposed each."""

    prints: dict[str, Prints]
    pairs: dict[Pair, set[str]]
    waiting: frozenset[Pair] = frozenset()
    """Pairs that need no comparison if the others show both songs to be one, as copies of one crowd."""


class Proposals:
    """The batches of one day's sweep: its own songs, then those of later days that were swept before it."""

    def __init__(self, settings: Settings, lake: Lake, library: Library, day: str, later: Sequence[str]) -> None:
        self._settings, self._lake, self._library, self._day, self._later = settings, lake, library, day, later

    def __iter__(self) -> Iterator[Batch]:
        model = self._settings.model
        _write_keys(self._lake, model, self._day)
        known = self._by_vector_and_bytes()
        earlier = [day for day in self._library.days if day < self._day]
        for day in (self._day, *self._later):
            against = [*earlier, self._day] if day == self._day else [self._day]
            wanted = set(self._library.of_day(day))
            for prints in prints_at_speeds(self._lake, model, day, wanted, INDEX_SONGS):
                pairs, at_once, crowds = defaultdict(set), set(), set()
                for pair, sources in known.items():
                    if pair[1] in prints:
                        pairs[pair] |= sources
                for pair, crowded, standing in self._by_print(prints, against):
                    pairs[pair].add("print")
                    at_once |= {pair} if standing else set()
                    crowds |= {pair[1]} if crowded else set()
                waiting = frozenset(pair for pair in pairs if pair[1] in crowds and pair not in at_once)
                yield Batch(prints, dict(pairs), waiting)

    def _ordered(self, one: str, other: str) -> Pair | None:
        """The two as a pair, if both are songs that this sweep deals with."""
        songs = self._library.songs
        if one == other or not (one in songs and other in songs):
            return None
        if not all(songs[each].day <= self._day or songs[each].day in self._later for each in (one, other)):
            return None
        return (one, other) if songs[one] < songs[other] else (other, one)

    def _by_vector_and_bytes(self) -> dict[Pair, set[str]]:
        own = self._library.of_day(self._day)
        rows = {kind: self._lake.read(Partition(TABLES[kind], self._day, self._settings.model)) for kind in KINDS}
        rows = {
            kind: table.filter(pc.is_in(table["track_id"], pa.array(own, pa.string()))) for kind, table in rows.items()
        }
        pairs = defaultdict(set)
        with VectorStore(self._settings) as store:
            for kind, table in rows.items():
                for found in candidates.find(store, kind, table, self._day, self._later):
                    if pair := self._ordered(*found):
                        pairs[pair].add(_SOURCES[kind])
        for one in own:
            for other in self._library.copies(one, INDEX_CROWD):
                if pair := self._ordered(one, other):
                    pairs[pair].add("bytes")
        return pairs

    def _by_print(self, prints: dict[str, Prints], against: Sequence[str]) -> Iterator[tuple[Pair, bool, bool]]:
        """The pairs of some younger songs whose prints share keys with older ones of the days `against`; of each,
        whether the younger one is in a crowd, and whether the older one stands for it."""
        songs, names = self._library.songs, sorted(prints)
        index = Index([[prints[name].mix, *(each.mix for each in prints[name].speeds)] for name in names])
        own = songs.at(names)

        def met(day: str) -> Met:
            rows = self._keys(day)
            older, younger, hits = index.meet(*_flat(rows))
            older = songs.at(rows["track_id"].to_pylist())[older]
            found = Met(younger, hits, older).take(older >= 0)  # the day has songs that are gone
            return found.take(songs.older(found.older, own[found.younger]))

        with ThreadPoolExecutor(_THREADS) as threads:
            best = Best(len(names), songs.rank, songs.place, songs.seconds)
            for found in threads.map(met, against):
                best.add(found)
        if best.left_out:
            log.warning(
                "%d songs share keys with more than %d; those with the fewest are left out",
                *(best.left_out, INDEX_MAX_CANDIDATES),
            )
        found, crowded, standing = best.crowded()
        older = songs.names.take(pa.array(found.older)).to_pylist()
        pairs = ((one, names[at]) for one, at in zip(older, found.younger, strict=True))
        yield from zip(pairs, crowded.tolist(), standing.tolist(), strict=True)

    def _keys(self, day: str) -> pa.Table:
        partition = Partition("print_keys", day, self._settings.model)
        if not self._lake.exists(partition):  # embedded, and not swept yet
            _write_keys(self._lake, self._settings.model, day)
        return self._lake.read(partition)


def _write_keys(lake: Lake, model: str, day: str) -> None:
    prints = lake.read(Partition("fingerprints", day, model), ["track_id", "mix"]).combine_chunks()
    found = [keys_of(words) for words in prints["mix"].to_numpy(zero_copy_only=False)]
    offsets = pa.array(np.cumsum([0, *(len(keys) for keys, _ in found)]), pa.int32())
    columns = (
        np.concatenate([np.zeros(0, np.uint32), *column]) for column in ([k for k, _ in found], [p for _, p in found])
    )
    keys, positions = (pa.ListArray.from_arrays(offsets, pa.array(column)) for column in columns)
    rows = pa.table({"track_id": prints["track_id"], "keys": keys, "positions": positions})
    lake.write(Partition("print_keys", day, model), rows)


def _flat(rows: pa.Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keys and positions of all songs behind each other, and where each song's begin."""
    keys, positions = (rows[name].combine_chunks() for name in ("keys", "positions"))
    if isinstance(keys, pa.ChunkedArray):  # no song at all
        return np.zeros(0, np.uint32), np.zeros(0, np.uint32), np.zeros(1, np.int64)
    starts = keys.offsets.to_numpy().astype(np.int64)
    return keys.flatten().to_numpy(), positions.flatten().to_numpy(), starts - starts[0]
