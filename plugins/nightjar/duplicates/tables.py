"""The rows of duplicate_pairs and duplicate_groups of all swept days, from what comparing two songs has told.

A pair belongs to the later of its two songs' days. That its longer song is a compilation may be known by a later day
only, from other pairs: then that day has the pair again, as `contains`. So the tables of a day tell what was known of
all days up to it, and depend on no later one. Of several rows of one pair the latest day's counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property

import pyarrow as pa

from nightjar import schemas
from nightjar.duplicates.groups import Grouping, groups
from nightjar.duplicates.links import Link, Song
from nightjar.duplicates.verdict import CONTAINS, SAME_RECORDING, of_one_recording

_PAIRS, _GROUPS = "duplicate_pairs", "duplicate_groups"


_Of = tuple[str, frozenset[frozenset[str]], Grouping]
"""A day, the pairs of compilations known before it, and the groups of all days up to it."""


class Compared:
    """What comparing told of the pairs of all swept days, as far as their songs are still there."""

    def __init__(self, stored: Mapping[str, pa.Table], songs: Mapping[str, Song]) -> None:
        """`stored` are the days' duplicate_pairs; `songs` has every song that is there."""
        self._stored, self._songs = dict(stored), songs
        self._own: dict[str, list[dict]] = {}
        self._made: tuple[str, list[_Of]] | None = None
        self._lost = set()
        for day, rows in stored.items():
            known = rows.to_pylist()
            there = [row for row in known if row["a"] in songs and row["b"] in songs]
            self._own[day] = [self._as_compared(row) for row in there if self._day(row) == day]
            self._lost |= {day} if len(there) < len(known) else set()

    def before(self, day: str) -> pa.Table | None:
        """The day's pairs as they are stored."""
        return self._stored.get(day)

    def renew(self, day: str, found: Iterable[dict]) -> list[str]:
        """Replace what was known of the songs of a day by what was `found`. Returns the days of which it is news."""
        self._made = None
        changed, new = set(self._lost), defaultdict(list)
        for row in found:
            new[self._day(row)].append(row)
        for each in {*self._own, day}:
            known = self._own.get(each, [])
            kept = [row for row in known if day not in (self._songs[row["a"]].day, self._songs[row["b"]].day)]
            self._own[each] = schemas.table(_PAIRS, kept + new[each]).to_pylist()
            changed |= {each} if self._own[each] != known else set()
        return sorted(changed)

    def add(self, rows: Iterable[dict]) -> list[str]:
        """Add what comparing further pairs told. Returns the days of which it is news."""
        self._made = None
        new = defaultdict(list)
        for row in rows:
            new[self._day(row)].append(row)
        for day, found in new.items():
            asked = {_pair(row) for row in found}
            kept = [row for row in self._own.get(day, []) if _pair(row) not in asked]
            self._own[day] = schemas.table(_PAIRS, kept + found).to_pylist()
        return sorted(new)

    def one(self, pair: Collection[str]) -> bool:
        """Whether two songs are in one group, by all that is known."""
        return self._all_days.one(pair)

    @cached_property
    def _all_days(self) -> Grouping:
        contained = self._contained_before(max(self._own, default=""))
        return groups([Link.of(row) for rows in self._own.values() for row in rows], self._songs, contained)

    def open(self, first: str) -> set[frozenset[str]]:
        """Pairs that were never compared and that could change the groups of days from `first` on."""
        return {pair for _, _, found in self._groupings(first) for pair in found.open}

    def from_day(self, first: str) -> Iterator[tuple[str, pa.Table, pa.Table]]:
        """(day, its duplicate_pairs, its duplicate_groups) of every day from `first` on."""
        same: dict[frozenset[str], dict] = {}
        for day in sorted(self._own):
            if day < first:
                same |= {_pair(row): row for row in self._own[day] if row["verdict"] in SAME_RECORDING}
        for day, contained, found in self._groupings(first):
            same |= {_pair(row): row for row in self._own[day] if row["verdict"] in SAME_RECORDING}
            rows = [row for row in self._own[day] if _pair(row) not in found.contained]
            of_day = {_pair(row) for row in self._own[day]}
            news = (found.contained - contained) | (found.contained & of_day)
            rows += [same[pair] | {"verdict": CONTAINS} for pair in news if pair in same]
            canonical = [{"track_id": one, "canonical_id": oldest} for one, oldest in found.canonical.items()]
            yield day, schemas.table(_PAIRS, rows), schemas.table(_GROUPS, canonical)

    def _groupings(self, first: str) -> list[_Of]:
        """Those of days from `first` on, made once for as long as nothing is added."""
        if self._made and self._made[0] == first:
            return self._made[1]
        links: list[Link] = []
        contained, made = self._contained_before(first), []
        for day in sorted(self._own):
            links += map(Link.of, self._own[day])
            if day >= first:
                found = groups(links, self._songs, contained)
                made.append((day, contained, found))
                contained = found.contained
        self._made = first, made
        return made

    def _contained_before(self, first: str) -> frozenset[frozenset[str]]:
        rows = (row for day, rows in self._stored.items() if day < first for row in rows.to_pylist())
        return frozenset(_pair(row) for row in rows if row["verdict"] == CONTAINS)

    def _as_compared(self, row: dict) -> dict:
        """The row with the verdict that comparing the two gave, whatever is known of compilations since."""
        if row["verdict"] != CONTAINS:
            return row
        stored = (row["a_sound_s"], row["b_sound_s"])
        a_s, b_s = (self._songs[row[name]].seconds if s is None else s for name, s in zip("ab", stored, strict=True))
        changed = row["speed"] != 1 or row["pitch"] != 0
        verdict = of_one_recording((a_s, b_s * row["speed"]), row["share"], row["different"] or 0.0, changed=changed)
        return row | {"verdict": verdict}

    def _day(self, row: dict) -> str:
        return max(self._songs[row["a"]].day, self._songs[row["b"]].day)


def _pair(row: dict) -> frozenset[str]:
    return frozenset((row["a"], row["b"]))
