"""What the lake knows of songs that a sweep needs: who is there, how old, of which bytes, and their prints."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from nightjar.duplicates.groups import Song
from nightjar.duplicates.verdict import Prints
from nightjar.lake import Lake, Partition
from nightjar.vectors.takedowns import taken_down


@dataclass(frozen=True)
class Library:
    """The songs of some days that can have duplicates: neither rejected by the embedder nor taken down."""

    songs: dict[str, Song]
    sha256: dict[str, str]
    """Of each song's uploaded file."""
    of_sha256: dict[str, list[str]]
    """The songs of each of these."""

    @classmethod
    def read(cls, lake: Lake, days: Collection[str]) -> Library:
        """The songs of committed `days`; of an id that came on two days, the first. Raises PartitionMissing."""
        out = taken_down(lake)
        songs, sha256, of_sha256 = {}, {}, {}
        for day in sorted(days):
            rejects = lake.read(Partition("rejects", day, stage="embed"), ["track_id"])
            gone = out | set(rejects["track_id"].to_pylist())
            columns = ["track_id", "uploaded_at", "duration_s", "sha256"]
            rows = lake.read(Partition("tracks", day), columns)
            uploaded = rows["uploaded_at"].cast(pa.int64()).to_pylist()
            values = (rows[name].to_pylist() for name in ("track_id", "duration_s", "sha256"))
            for track_id, seconds, digest, at in zip(*values, uploaded, strict=True):
                if track_id in gone or track_id in songs:
                    continue
                songs[track_id] = Song(day, at, track_id, seconds)
                sha256[track_id] = digest
                of_sha256.setdefault(digest, []).append(track_id)
        return cls(songs, sha256, of_sha256)

    def of_day(self, day: str) -> list[str]:
        """The day's songs, in order of their ids."""
        return sorted(track_id for track_id, song in self.songs.items() if song.day == day)

    def copies(self, track_id: str) -> list[str]:
        """The other songs that were uploaded as the very same bytes."""
        return [other for other in self.of_sha256[self.sha256[track_id]] if other != track_id]


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
