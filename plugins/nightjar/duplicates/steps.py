"""The step of sweep_duplicates: what the day's songs have in common with each other and with the library."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from nightjar import schemas
from nightjar.duplicates import candidates
from nightjar.duplicates.groups import Link, groups
from nightjar.duplicates.library import Library, prints
from nightjar.duplicates.verdict import DISTINCT, Comparison, Prints, compare, same_file
from nightjar.lake import Lake, Partition
from nightjar.settings import Settings
from nightjar.vectors.store import KINDS, VectorStore

log = logging.getLogger(__name__)

_PAIRS, _GROUPS = "duplicate_pairs", "duplicate_groups"


def sweep_duplicates(settings: Settings, day: str) -> dict:
    """Find the day's pairs that are not distinct, and the groups of all days up to it.

    A pair belongs to the later of its two songs' days. So a day that is swept after later ones also adds to those, and
    their groups are made again; and pairs of songs that vanished or were taken down are dropped from any day. Whatever
    the order in which days are swept, and however often, the lake ends with the same bytes. Sweeps must not run side by
    side. Raises PartitionMissing if the day's vectors, prints or tracks are not committed.

    Returns {"songs", "candidates", "duplicate", "fragment", "cover", "groups"}: the day's own.
    """
    lake, model = Lake(settings), settings.model
    lake.manifest(Partition("fingerprints", day, model))
    embedded = lake.days("fingerprints", model=model)
    swept = lake.days(_PAIRS, model=model)
    later = [each for each in swept if each > day]
    library = Library.read(lake, [each for each in embedded if each <= max([*swept, day])])
    proposed = _candidates(settings, lake, library, day, later)
    found = _compared(lake, model, library, proposed)

    before = {each: lake.read(Partition(_PAIRS, each, model)) for each in swept}
    pairs = {each: _renewed(before.get(each), library, day, each, found) for each in sorted({*swept, day})}
    changed = [each for each in pairs if each not in before or not pairs[each].equals(before[each])]
    grouped = _write_groups(lake, model, library, pairs, min([day, *changed]))
    # After the groups, and the day's own last: a day is swept once its pairs are there.
    for each in sorted({*changed, day}, key=lambda each: each == day):
        lake.write(Partition(_PAIRS, each, model), pairs[each])

    verdicts = Counter(pairs[day]["verdict"].to_pylist())
    summary = {"songs": len(library.of_day(day)), "candidates": len(proposed)}
    summary |= {verdict: verdicts[verdict] for verdict in ("duplicate", "fragment", "cover")} | {"groups": grouped[day]}
    log.info(
        "sweep %s: %d songs, %d candidate pairs, %d duplicates, %d fragments, %d covers; %d groups in all%s",
        *(day, *summary.values()),
        f"; also renewed {', '.join(each for each in changed if each != day)}" if set(changed) - {day} else "",
    )
    return summary


def _candidates(settings: Settings, lake: Lake, library: Library, day: str, later: list[str]) -> set[tuple[str, str]]:
    """Pairs (older, younger) of songs in the library to be compared, one of them of the day."""
    tables = {"tracks": "embeddings", "windows": "windows"}
    own = pa.array(library.of_day(day), pa.string())
    rows = {kind: lake.read(Partition(tables[kind], day, settings.model)) for kind in KINDS}
    rows = {kind: table.filter(pc.is_in(table["track_id"], own)) for kind, table in rows.items()}
    with VectorStore(settings) as store:
        near = candidates.find(store, rows, day, later)
    near |= {(one, other) for one in own.to_pylist() for other in library.copies(one)}
    songs = library.songs
    known = (pair for pair in near if all(each in songs for each in pair))
    due = (pair for pair in known if all(songs[each].day <= day or songs[each].day in later for each in pair))
    return {tuple(sorted(pair, key=songs.__getitem__)) for pair in due}


def _compared(lake: Lake, model: str, library: Library, proposed: Iterable[tuple[str, str]]) -> list[dict]:
    """Rows of the pairs that are not distinct. Prints of two days at most are held at a time."""
    by_days = defaultdict(list)
    for a, b in sorted(proposed):
        by_days[library.songs[a].day, library.songs[b].day].append((a, b))
    rows = []
    for (day_a, day_b), pairs in sorted(by_days.items()):
        wanted = {each for pair in pairs for each in pair}
        known = {each: it for day in {day_a, day_b} for each, it in prints(lake, model, day, wanted).items()}
        for a, b in pairs:
            if a in known and b in known:
                comparison = _verdict(library, (a, b), known)
                rows += [_row(a, b, comparison)] if comparison.verdict != DISTINCT else []
    return rows


def _verdict(library: Library, pair: tuple[str, str], known: dict[str, Prints]) -> Comparison:
    a, b = pair
    if library.sha256[a] == library.sha256[b]:
        return same_file(known[a], library.songs[a].seconds)
    return compare(known[a], known[b])


def _row(a: str, b: str, comparison: Comparison) -> dict:
    return {"a": a, "b": b, "speed": 1.0, **vars(comparison)}


def _renewed(before: pa.Table | None, library: Library, day: str, target: str, found: list[dict]) -> pa.Table:
    """The pairs of `target`: what it had without the swept day's songs and those that are gone, and what was found."""
    songs = library.songs
    kept = [
        row
        for row in (before.to_pylist() if before is not None else [])
        if all(each in songs and songs[each].day != day for each in (row["a"], row["b"]))
    ]
    new = [row for row in found if max(songs[row["a"]].day, songs[row["b"]].day) == target]
    return schemas.table(_PAIRS, kept + new)


def _write_groups(lake: Lake, model: str, library: Library, pairs: dict[str, pa.Table], first: str) -> dict[str, int]:
    """Write the groups of every swept day from `first` on, each from all pairs up to it; how many groups each has."""
    links: list[Link] = []
    counts = {}
    for day in sorted(pairs):
        links += [Link(row["a"], row["b"], row["verdict"], row["score"]) for row in pairs[day].to_pylist()]
        if day < first:
            continue
        canonical = groups(links, library.songs)
        rows = [{"track_id": track_id, "canonical_id": oldest} for track_id, oldest in canonical.items()]
        lake.write(Partition(_GROUPS, day, model), schemas.table(_GROUPS, rows))
        counts[day] = len(set(canonical.values()))
    return counts
