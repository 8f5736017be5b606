"""The step of sweep_duplicates: what the day's songs have in common with each other and with the library."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import groupby

from nightjar.duplicates.library import Library, prints, prints_at_speeds
from nightjar.duplicates.proposals import Pair, Proposals
from nightjar.duplicates.tables import Compared
from nightjar.duplicates.verdict import DISTINCT, Comparison, Prints, Younger, same_file
from nightjar.lake import Lake, Partition
from nightjar.settings import Settings
from nightjar.takedowns import ledger
from nightjar.takedowns.purge import tidy
from nightjar.thresholds import GROUPING_ROUNDS, INDEX_SONGS

log = logging.getLogger(__name__)

_PAIRS, _GROUPS = "duplicate_pairs", "duplicate_groups"
_COUNTED = ("duplicate", "fragment", "altered", "contains", "cover")
_PROGRESS_PAIRS = 100_000
_HELD_SONGS = 4096
"""Older songs whose prints are held at a time: some 20 kB each for 4 minutes."""


def sweep_duplicates(settings: Settings, day: str) -> dict:
    """Find the day's pairs that are not distinct, and the groups of all days up to it.

    What is taken down while it runs is dropped by sweeping again.

    A pair belongs to the later of its two songs' days. So a day that is swept after later ones also adds to those, and
    their groups are made again; and pairs of songs that vanished or were taken down are dropped from any day. Whatever
    the order in which days are swept, and however often, the lake ends with the same bytes. Sweeps must not run side by
    side. Raises PartitionMissing if the day's vectors, prints or tracks are not committed.

    Returns {"songs", "candidates", "duplicate", "fragment", "altered", "contains", "cover", "groups"}: the day's own.
    """
    lake = Lake(settings)
    before = ledger.forgotten(lake)
    summary = _sweep(settings, lake, day)
    if ledger.forgotten(lake) == before:
        return summary
    summary = sweep_duplicates(settings, day)
    tidy(
        lake, [Partition("print_keys", each, settings.model) for each in lake.days("print_keys", model=settings.model)]
    )
    return summary


def regroup(lake: Lake, model: str, first: str) -> None:
    """Make the groups of every swept day from `first` on again, without songs that are taken down: the oldest of those
    that are left is canonical, and what only a taken-down song held together comes apart. Nothing is compared: what
    that leaves open is settled by the next sweep. Not beside a sweep."""
    if swept := lake.days(_PAIRS, model=model):
        library = _library(lake, model, swept[-1], swept)
        compared = Compared({each: lake.read(Partition(_PAIRS, each, model)) for each in swept}, library.songs)
        _write(lake, model, compared, first)


def _sweep(settings: Settings, lake: Lake, day: str) -> dict:
    model = settings.model
    swept = lake.days(_PAIRS, model=model)
    library = _library(lake, model, day, swept)
    compared = Compared({each: lake.read(Partition(_PAIRS, each, model)) for each in swept}, library.songs)
    found, waiting, count = [], set(), 0
    for batch in Proposals(settings, lake, library, day, _later(swept, day)):
        at_once = batch.pairs.keys() - batch.waiting
        found += _compared(lake, model, library, batch.prints, at_once)
        waiting, count = waiting | batch.waiting, count + len(at_once)
    changed = compared.renew(day, found)
    settled, first = _settle(lake, model, library, compared, min([day, *changed]), waiting)
    written, grouped, verdicts = _write(lake, model, compared, first, day)
    summary = {"songs": len(library.of_day(day)), "candidates": count + settled}
    summary |= {verdict: verdicts[verdict] for verdict in _COUNTED} | {"groups": grouped}
    log.info(
        "sweep %s: %d songs, %d candidate pairs, %d duplicates, %d fragments, %d altered, %d parts of compilations, "
        "%d covers; %d groups%s",
        *(day, *summary.values()),
        f"; also renewed {', '.join(each for each in written if each != day)}" if set(written) - {day} else "",
    )
    return summary


def _settle(
    lake: Lake, model: str, library: Library, compared: Compared, first: str, waiting: Collection[Pair]
) -> tuple[int, str]:
    """Compare the pairs that the groups of days from `first` on leave open, and of those `waiting` the ones whose songs
    do not belong to one group anyway. Returns how many were compared, and the first day of which that is news."""
    count, wanted = 0, {pair for pair in waiting if not compared.one(pair)}
    for _ in range(GROUPING_ROUNDS):
        asked = {library.ordered(pair) for pair in compared.open(first)}
        if not (wanted := wanted | asked):
            break
        rows = []
        for day, of_day in groupby(sorted(wanted, key=lambda pair: library.songs[pair[1]]), _day_of(library)):
            pairs = list(of_day)
            for prints_of in prints_at_speeds(lake, model, day, {b for _, b in pairs}, INDEX_SONGS):
                own = [pair for pair in pairs if pair[1] in prints_of]
                rows += _compared(lake, model, library, prints_of, own, also_distinct=asked)
        first = min([first, *compared.add(rows)])
        count, wanted = count + len(wanted), set()
    return count, first


def _day_of(library: Library) -> Callable[[Pair], str]:
    return lambda pair: library.songs[pair[1]].day


def proposals(settings: Settings, day: str) -> dict[tuple[str, str], frozenset[str]]:
    """The pairs (older, younger) that the sweep of a day compares, and what proposed each: "song" or "window" vectors,
    the "print", or the same "bytes"."""
    lake, model = Lake(settings), settings.model
    swept = lake.days(_PAIRS, model=model)
    library = _library(lake, model, day, swept)
    batches = Proposals(settings, lake, library, day, _later(swept, day))
    return {pair: frozenset(sources) for batch in batches for pair, sources in batch.pairs.items()}


def _library(lake: Lake, model: str, day: str, swept: list[str]) -> Library:
    """The songs of the swept days and of `day`. A day that is embedded and not swept has no part yet: lists would lack
    its songs, so that none of them may stand for a group. Its own sweep adds its pairs to the days after it."""
    lake.manifest(Partition("fingerprints", day, model))
    embedded = lake.days("fingerprints", model=model)
    return Library.read(lake, [each for each in embedded if each in {*swept, day}])


def _later(swept: list[str], day: str) -> list[str]:
    return [each for each in swept if each > day]


def _compared(
    lake: Lake,
    model: str,
    library: Library,
    younger_prints: Mapping[str, Prints],
    wanted: Collection[Pair],
    also_distinct: Collection[Pair] = (),
) -> list[dict]:
    """Rows of the `wanted` pairs that are not distinct, and of those that are only where asked for. The prints of some
    older songs are held at a time, and one younger song is made ready at a time, once for all of those."""
    rows, compared = [], 0
    for older in _older_prints(lake, model, library, {a for a, _ in wanted}):
        pairs = sorted((pair for pair in wanted if pair[0] in older), key=lambda pair: pair[::-1])
        for b, of_b in groupby(pairs, key=lambda pair: pair[1]):
            younger = Younger(younger_prints[b])
            for a, _ in of_b:
                compared += 1
                if compared % _PROGRESS_PAIRS == 0:
                    log.info("compared %d of %d pairs", compared, len(wanted))
                comparison = _verdict(library, (a, b), older[a], younger)
                told = comparison.verdict != DISTINCT or (a, b) in also_distinct
                rows += [_row(a, b, comparison)] if told else []
    return rows


def _older_prints(lake: Lake, model: str, library: Library, wanted: set[str]) -> Iterator[dict[str, Prints]]:
    """The prints of the `wanted` songs, those of whole days together until they are _HELD_SONGS."""
    by_day: dict[str, set[str]] = {}
    for track_id in wanted:
        by_day.setdefault(library.songs[track_id].day, set()).add(track_id)
    held: dict[str, Prints] = {}
    for day, songs in sorted(by_day.items()):
        held |= prints(lake, model, day, songs)
        if len(held) >= _HELD_SONGS:
            yield held
            held = {}
    yield held


def _verdict(library: Library, pair: tuple[str, str], a: Prints, b: Younger) -> Comparison:
    if library.sha256[pair[0]] == library.sha256[pair[1]]:
        return same_file(a, library.songs[pair[0]].seconds)
    return b.compare(a)


def _row(a: str, b: str, comparison: Comparison) -> dict:
    spans = [
        {name: getattr(span, name) for name in ("a_s", "b_s", "seconds", "similarity")} for span in comparison.spans
    ]
    return {"a": a, "b": b, **vars(comparison), "spans": spans}


def _write(
    lake: Lake, model: str, compared: Compared, first: str, day: str = ""
) -> tuple[list[str], int, Counter[str]]:
    """Write the groups of every swept day from `first` on, and the pairs that are not as they were; those of `day`
    anyway, and last: a day is swept once its pairs are there.

    Returns the days whose pairs were written, and of `day` the number of groups and of pairs by verdict.
    """
    pairs, grouped = {}, 0
    for each, rows, groups in compared.from_day(first):
        lake.write(Partition(_GROUPS, each, model), groups)
        if each == day or not rows.equals(compared.before(each)):
            pairs[each] = rows
        if each == day:
            grouped = len(set(groups["canonical_id"].to_pylist()))
    for each in sorted(pairs, key=lambda each: each == day):
        lake.write(Partition(_PAIRS, each, model), pairs[each])
    return list(pairs), grouped, Counter(pairs[day]["verdict"].to_pylist()) if day else Counter()
