"""What the lake knows of songs that a sweep needs: who is there, how old, of which bytes, and their prints."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightjar.duplicates.links import Song
from nightjar.duplicates.verdict import Prints
from nightjar.lake import Lake, Partition
from nightjar.takedowns.ledger import taken_down

_THREADS = 8
"""Days whose songs are read at a time."""


class Songs(Mapping[str, Song]):
    """Songs by their ids: columns of some hundred bytes a song, of which only what is asked for becomes an object."""

    def __init__(self, days: Sequence[str], rows: pa.Table) -> None:
        """`rows` are track_id, day (its number in `days`), uploaded_us, duration_s and sha256; the first of an id
        counts."""
        names = rows["track_id"].to_pylist()
        self._at = dict(zip(reversed(names), range(len(names) - 1, -1, -1), strict=True))
        if len(self._at) < len(names):
            rows = rows.take(pa.array(sorted(self._at.values()), pa.int64()))
            self._at = {name: at for at, name in enumerate(rows["track_id"].to_pylist())}
        self._days = days
        self.names = rows["track_id"].combine_chunks()
        self.sha256 = rows["sha256"].combine_chunks()
        self.day, self.uploaded_us, self.seconds = (
            rows[name].to_numpy() for name in ("day", "uploaded_us", "duration_s")
        )

    def __getitem__(self, track_id: str) -> Song:
        at = self._at[track_id]
        return Song(self._days[self.day[at]], int(self.uploaded_us[at]), track_id, float(self.seconds[at]))

    def __contains__(self, track_id: object) -> bool:
        return track_id in self._at

    def __iter__(self) -> Iterator[str]:
        return iter(self._at)

    def __len__(self) -> int:
        return len(self._at)

    def at(self, track_ids: Sequence[str]) -> np.ndarray:
        """The rows of songs, -1 for those that are not among these."""
        return np.array([self._at.get(each, -1) for each in track_ids], np.int64)

    @cached_property
    def rank(self) -> np.ndarray:
        """Of each row, the place of its id in their order."""
        rank = np.empty(len(self), np.int64)
        rank[pc.sort_indices(self.names).to_numpy()] = np.arange(len(self))
        return rank

    @cached_property
    def place(self) -> np.ndarray:
        """Of each row, its place in the order of songs."""
        place = np.empty(len(self), np.int64)
        place[np.lexsort((self.rank, self.uploaded_us, self.day))] = np.arange(len(self))
        return place

    def older(self, ones: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Whether the songs of rows `ones` are older than those of rows `others`, pair by pair."""
        day, uploaded, rank = self.day[ones] - self.day[others], self.uploaded_us[ones], self.rank[ones]
        later = self.uploaded_us[others]
        same = (uploaded < later) | ((uploaded == later) & (rank < self.rank[others]))
        return (day < 0) | ((day == 0) & same)


@dataclass(frozen=True)
class Digests:
    """The SHA-256 of each song's uploaded file, by the song's id."""

    songs: Songs

    def __getitem__(self, track_id: str) -> str:
        return self.songs.sha256[int(self.songs.at([track_id])[0])].as_py()


@dataclass(frozen=True)
class Library:
    """The songs of some days that can have duplicates: neither rejected by the embedder nor taken down."""

    songs: Songs
    days: list[str]
    """Those that have songs or could have, in order."""

    @classmethod
    def read(cls, lake: Lake, days: Collection[str]) -> Library:
        """The songs of committed `days`; of an id that came on two days, the first. Raises PartitionMissing."""
        out, days = taken_down(lake), sorted(days)

        def songs(number: int) -> pa.Table:
            rejects = lake.read(Partition("rejects", days[number], stage="embed"), ["track_id"])
            rows = lake.read(Partition("tracks", days[number]), ["track_id", "uploaded_at", "duration_s", "sha256"])
            gone = pa.array(sorted(out | set(rejects["track_id"].drop_null().to_pylist())), pa.string())
            rows = rows.filter(pc.invert(pc.is_in(rows["track_id"], gone)))
            rows = rows.append_column("day", pa.array(np.full(rows.num_rows, number, np.int32)))
            return rows.append_column("uploaded_us", rows["uploaded_at"].cast(pa.int64()))

        with ThreadPoolExecutor(_THREADS) as threads:  # a day is small, and waits for the store most of its time
            return cls(Songs(days, pa.concat_tables(threads.map(songs, range(len(days))))), days)

    def of_day(self, day: str) -> list[str]:
        """The day's songs, in order of their ids."""
        if day not in self.days:
            return []
        of_day = np.flatnonzero(self.songs.day == self.days.index(day))
        return sorted(self.songs.names.take(pa.array(of_day)).to_pylist())

    def ordered(self, pair: Collection[str]) -> tuple[str, str]:
        """Two songs, the older first."""
        one, other = sorted(pair, key=self.songs.__getitem__)
        return one, other

    def copies(self, track_id: str, most: int) -> list[str]:
        """The other songs that were uploaded as the very same bytes; where they are many, as many of the first as are
        asked for stand for all. Those ask back for all of theirs, so that whoever comes later finds them."""
        same = self._uploaded_again.get(self.sha256[track_id], [])
        return [other for other in (same if track_id in same[:most] else same[:most]) if other != track_id]

    @property
    def sha256(self) -> Digests:
        """Of each song's uploaded file."""
        return Digests(self.songs)

    @cached_property
    def _uploaded_again(self) -> dict[str, list[str]]:
        """The songs of each file that several have, in their order."""
        counts = pc.value_counts(self.songs.sha256)
        several = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
        rows = np.flatnonzero(pc.is_in(self.songs.sha256, several).to_numpy(zero_copy_only=False))
        found: dict[str, list[str]] = {}
        for at in rows:
            found.setdefault(self.songs.sha256[at].as_py(), []).append(self.songs.names[at].as_py())
        return {sha256: sorted(songs, key=self.songs.__getitem__) for sha256, songs in found.items()}


def prints(lake: Lake, model: str, day: str, wanted: Collection[str]) -> dict[str, Prints]:
    """The prints of the `wanted` songs of one day, as far as they have any. Raises PartitionMissing."""
    return {
        name: made
        for table in lake.parts(Partition("fingerprints", day, model))
        for name, made in _prints(table, wanted)
    }


def prints_at_speeds(
    lake: Lake, model: str, day: str, wanted: Collection[str], most: int
) -> Iterator[dict[str, Prints]]:
    """The same with each song's `speeds`, in batches of about `most` songs; both tables have the same songs in the same
    parts, since a shard of the embedder writes them together. Raises PartitionMissing."""
    batch: dict[str, Prints] = {}
    tables = (lake.parts(Partition(table, day, model)) for table in ("fingerprints", "speed_prints"))
    for own, altered in zip(*tables, strict=True):
        at_speeds: dict[str, list[Prints]] = {}
        for name, made in _prints(altered, wanted):
            at_speeds.setdefault(name, []).append(made)
        batch |= {name: replace(made, speeds=at_speeds[name]) for name, made in _prints(own, wanted)}
        if len(batch) >= most:
            yield batch
            batch = {}
    yield batch


def _prints(rows: pa.Table, wanted: Collection[str]) -> Iterator[tuple[str, Prints]]:
    """The prints of each row of fingerprints or speed_prints. The level of the vocals is told by the former only."""
    rows = rows.filter(pc.is_in(rows["track_id"], pa.array(sorted(wanted), pa.string())))
    parts = [rows[name].to_numpy(zero_copy_only=False) for name in ("mix", "accompaniment", "vocals")]
    levels = rows["vocals_db"].to_pylist() if "vocals_db" in rows.column_names else [0.0] * rows.num_rows
    yield from (
        (track_id, Prints(mix, accompaniment, vocals, level))
        for track_id, mix, accompaniment, vocals, level in zip(
            rows["track_id"].to_pylist(), *parts, levels, strict=True
        )
    )
