"""Removes what is forgotten from the lake: rows of every table, the stems' audio, the claims of track ids."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pyarrow as pa

from nightjar.errors import NightjarError
from nightjar.ingest import names
from nightjar.lake import Lake, Manifest, Partition
from nightjar.objects import ObjectMissing
from nightjar.publish import records
from nightjar.publish.versions import version_of
from nightjar.takedowns import ledger, parts, rows
from nightjar.takedowns.columns import COLUMNS
from nightjar.takedowns.forgotten import Forgotten

log = logging.getLogger(__name__)

Found = dict[Partition, dict[str, int]]
"""Parts, by name with their sizes, that name somebody forgotten; by partition."""

_THREADS = 8
"""Parts that are looked into at a time: each waits for the store most of its time."""


def tidy(lake: Lake, partitions: Iterable[Partition]) -> int:
    """Remove from just committed partitions whom takedowns name by now; returns how many partitions did.

    Whoever commits what they read a while ago calls this afterwards: a takedown is written down before the purge
    looks, so that one of the two sees the other, whatever comes between. Raises NightjarError if a purge replaced a
    part between its being staged and committed, which committing again puts right.
    """
    stored = {partition: parts.of(lake, partition) for partition in partitions}
    for partition, there in stored.items():
        if {part.name for part in lake.manifest(partition).parts} - there.keys():
            raise NightjarError(f"a purge changed {partition} while it was committed", "Run the task again")
    named = ledger.with_songs(lake)
    if not named:
        return 0
    own = _songs(lake, {each: there for each, there in stored.items() if each.table == "tracks"}, named)
    ledger.remember(lake.objects, Forgotten(own))  # before nothing says any more whose they are
    named |= Forgotten(own)
    found = find(lake, named, stored)
    if found:
        counts = clear(lake, found, named)
        unclaim(lake, own)
        log.warning("taken down meanwhile: %d rows removed from %s", counts["rows"], ", ".join(map(str, found)))
    return len(found)


def all_parts(lake: Lake) -> Found:
    """Those of all tables that a purge clears."""
    there = set(lake.objects.folders("lake/")) - {"claims", "takedowns"}
    if strange := sorted(there - COLUMNS.keys()):
        log.warning("not purged, since there are no such tables: lake/%s", ", lake/".join(strange))
    return {
        each: names for table in sorted(there & COLUMNS.keys()) for each, names in parts.stored(lake, table).items()
    }


def find(lake: Lake, forgotten: Forgotten, stored: Found) -> Found:
    """Of `stored` the parts that name anybody forgotten. Only the columns that can are read."""

    def named(part: tuple[Partition, str, int]) -> bool:
        partition, name, size = part
        try:
            read = parts.read(lake, partition, name, size, COLUMNS[partition.table].read)
        except ObjectMissing:  # replaced since, by somebody who tidies up
            return False
        return rows.mentioned(partition.table, read, forgotten)

    every = [(partition, name, size) for partition, there in stored.items() for name, size in there.items()]
    found: Found = {}
    with ThreadPoolExecutor(_THREADS) as pool:
        for (partition, name, size), is_named in zip(every, pool.map(named, every), strict=True):
            if is_named:
                found.setdefault(partition, {})[name] = size
    return found


def traces(lake: Lake, found: Found, forgotten: Forgotten) -> Forgotten:
    """Of those forgotten whom the parts that `find` found name."""
    seen = Forgotten()
    for partition, there in found.items():
        for name, size in there.items():
            with suppress(ObjectMissing):
                read = parts.read(lake, partition, name, size, COLUMNS[partition.table].read)
                seen |= rows.named_in(partition.table, read, forgotten)
    return seen


def clear(lake: Lake, found: Found, forgotten: Forgotten) -> Counter[str]:
    """Remove whom `found` names: {"partitions", "rows", "audio"}, `audio` being objects of stems.

    First what only rows lead to, the audio; `tracks` last, whose rows say what else belongs to a song and which songs
    to a user. So one who is killed anywhere finds again what is left.
    """
    counts: Counter[str] = Counter(partitions=len(found), audio=_remove_audio(lake, found, forgotten))
    for partition in sorted(found, key=lambda each: (each.table == "tracks", each)):
        counts["rows"] += _clear(lake, partition, found[partition], forgotten)
    return counts


def unclaim(lake: Lake, track_ids: Iterable[str]) -> None:
    """Remove the claims of track ids."""
    for track_id in sorted(filter(names.is_track_id, track_ids)):
        lake.objects.delete(f"lake/claims/{track_id}")


def _clear(lake: Lake, partition: Partition, named: dict[str, int], forgotten: Forgotten) -> int:
    """Remove the rows of one partition; returns how many."""
    columns, sizes, removed = COLUMNS[partition.table], dict(named), 0
    numbers: dict[str, np.ndarray] = {}
    if columns.row_lists:  # all parts that count rows together change
        sizes = parts.of(lake, partition)
        numbers = _numbers(lake, partition, sizes, forgotten)

    def change(name: str):
        nonlocal removed
        if columns.row_lists and name not in numbers:  # staged: nobody knows yet which rows its numbers mean
            return None
        before = parts.read(lake, partition, name, sizes[name])
        after = rows.without(partition.table, before, forgotten, numbers.get(name))
        removed += before.num_rows - after.num_rows
        return after

    def tell(before: Manifest, after: Manifest) -> None:
        """Before it is done, so that one who is killed leaves the same records as one who is not."""
        if partition.table == "lists":
            records.follow(lake.objects, *(version_of(partition.day, each.to_json()) for each in (before, after)))

    parts.replace(lake, partition, sorted({*named, *numbers}), change, tell)
    return removed


def _numbers(lake: Lake, partition: Partition, sizes: dict[str, int], forgotten: Forgotten) -> dict[str, np.ndarray]:
    """For each committed part what the row numbers of the partition become."""
    if not lake.exists(partition):
        return {}
    committed = [part.name for part in lake.manifest(partition).parts]
    wanted = COLUMNS[partition.table].read
    read = [parts.read(lake, partition, name, sizes[name], wanted) for name in committed]
    gone = [np.zeros(0, bool), *(rows.gone(partition.table, each, forgotten) for each in read)]
    return dict.fromkeys(committed, rows.renumbered(~np.concatenate(gone)))


def _remove_audio(lake: Lake, found: Found, forgotten: Forgotten) -> int:
    """Delete the stems of songs that are to be removed, unless a song that stays has the same bytes."""
    files = {
        sha256
        for partition, there in found.items()
        if partition.table in ("tracks", "stems")
        for sha256 in _sha256(lake, partition, there, forgotten, stays=False)
    }
    if not files:
        return 0
    kept = {
        sha256
        for partition, there in parts.stored(lake, "tracks").items()
        for sha256 in _sha256(lake, partition, there, forgotten, stays=True)
    }
    removed = 0
    for separator in lake.objects.folders("stems/"):
        for sha256 in sorted(files - kept):
            for seen in list(lake.objects.list(f"stems/{separator}/{sha256}/")):
                lake.objects.delete(seen.key)
                removed += 1
    return removed


def _sha256(
    lake: Lake, partition: Partition, named: dict[str, int], forgotten: Forgotten, stays: bool
) -> Iterator[str]:
    wanted = [*COLUMNS[partition.table].read, "sha256"]
    for name, size in named.items():
        read = parts.read(lake, partition, name, size, wanted)
        about = rows.gone(partition.table, read, forgotten)
        yield from (sha256 for sha256, gone in zip(read["sha256"].to_pylist(), about, strict=True) if gone != stays)


def _songs(lake: Lake, tracks: Found, forgotten: Forgotten) -> frozenset[str]:
    """The songs in parts of `tracks` that are forgotten, by themselves or by their uploader."""
    songs: set[str] = set()
    for partition, there in tracks.items():
        for name, size in there.items():
            read = parts.read(lake, partition, name, size, COLUMNS["tracks"].read)
            songs |= set(read["track_id"].filter(pa.array(rows.gone("tracks", read, forgotten))).to_pylist())
    return frozenset(songs)
