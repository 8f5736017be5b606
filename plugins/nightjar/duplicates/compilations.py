"""Uploads that hold several songs, one after the other: albums, medleys, mixes. Arithmetic only.

By itself a part of an album and a piece of a song look the same: a short upload lies in a longer one. What tells them
apart is what else lies in it. An upload is a compilation if two of its parts, at different places, are songs of their
own and not one song:

- *At different places*: they overlap by no more than songs that are faded into each other.
- *Not one song*: they do not match each other, and no third part holds both, as far apart as the upload does. So two
  ringtones that were cut from a song are no two songs where the song itself is a part.
- *Of their own*: both last too long for a ringtone, or both came on an earlier day than any copy of the upload; or
  parts at different places cover nearly all of it.

So is what holds a compilation, and what holds a song and lasts too long to be one. Where it cannot be known songs are
left apart: who hides other people's songs behind a compilation does more harm than a ringtone that stays by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations

from nightjar.duplicates.links import Link, Places, Song, extent, overlap
from nightjar.thresholds import (
    COMPILATION_COVERED,
    COMPILATION_SECONDS,
    FRAGMENT_MAX_RATIO,
    PARTS_MAX_OVERLAP,
    RINGTONE_SECONDS,
    SAME_PLACE_SECONDS,
    WHOLE_SHARE,
)

_HOLDERS = 8
"""Members of a group whose parts are looked at, the longest ones: the others hold no more."""
_PARTS = 200
"""Parts of one upload that are held against each other, those that cover most."""

Pair = frozenset[str]


@dataclass(frozen=True)
class _Part:
    """A shorter upload of which most lies in a longer one."""

    song: Song
    core: int
    """The number of the group of duplicates that it belongs to."""
    places: Places
    """Where in the longer upload."""
    offset: float
    """Second of the longer upload at which it begins."""


def contained(cores: Sequence[Collection[str]], pieces: Collection[Link], songs: Mapping[str, Song]) -> set[Pair]:
    """The pairs of a compilation and a shorter upload that lies in it.

    `cores` are the groups of duplicates, single songs included; `pieces` are all fragments. A song of which only a
    little lies in an upload makes it no compilation, but is contained in one as well. Order does not matter.
    """
    return _Judge(cores, pieces, songs).pairs()


class _Judge:
    def __init__(self, cores: Sequence[Collection[str]], pieces: Collection[Link], songs: Mapping[str, Song]) -> None:
        self._songs, self._cores = songs, cores
        self._core_of = {member: number for number, core in enumerate(cores) for member in core}
        self._of = defaultdict(list)
        self._whole: dict[str, dict[str, Link]] = defaultdict(dict)
        self._between: dict[frozenset[int], list[Pair]] = defaultdict(list)
        for link in pieces:
            if link.spans:
                for each in link.pair:
                    self._of[each].append(link)
            if link.spans and link.share >= WHOLE_SHARE:
                for each in link.pair:
                    self._whole[each][link.other(each)] = link
                self._between[frozenset(self._core_of[each] for each in link.pair)].append(link.pair)
        self._compilations: set[int] = set()
        self._contained: set[Pair] = set()

    def pairs(self) -> set[Pair]:
        """Shorter uploads first, so that what is a compilation is known where it is a part itself."""
        order = sorted((max(self._songs[each].seconds for each in core), min(core)) for core in self._cores)
        for _, member in order:
            number = self._core_of[member]
            core = sorted(self._cores[number], key=lambda each: (-self._songs[each].seconds, each))
            if any(self._is_compilation(each, number) for each in core[:_HOLDERS]):
                self._compilations.add(number)
                self._contained |= {
                    frozenset((each, part.song.track_id)) for each in core for part in self._parts(each, 0.0)
                }
        return self._contained

    def _parts(self, holder: str, share: float = WHOLE_SHARE) -> list[_Part]:
        """The shorter uploads of which so much lies in the holder, those that cover most of it first."""
        found = []
        for link in self._of[holder]:
            if link.share < share:
                continue
            other = self._songs[link.other(holder)]
            number = self._core_of[other.track_id]
            if number != self._core_of[holder] and other.seconds < FRAGMENT_MAX_RATIO * self._songs[holder].seconds:
                found.append(_Part(other, number, link.places(holder), link.offset(other.track_id)))
        return sorted(found, key=lambda part: (-extent(part.places), part.song))

    def _is_compilation(self, holder: str, number: int) -> bool:
        parts, seconds = self._parts(holder), self._songs[holder].seconds
        if any(part.core in self._compilations for part in parts):
            return True
        if seconds >= COMPILATION_SECONDS and any(part.song.seconds > RINGTONE_SECONDS for part in parts):
            return True
        held = {part.song.track_id for part in parts}
        first = min(self._songs[each].date for each in self._cores[number])
        for own in (
            [part for part in parts if part.song.seconds > RINGTONE_SECONDS],
            [part for part in parts if part.song.date < first],
        ):
            pairs = combinations(_one_of_each(own)[:_PARTS], 2)
            if any(_apart(one, other) and not self._one_song(one, other, held) for one, other in pairs):
                return True
        tiles: list[_Part] = []
        for part in _one_of_each(parts)[:_PARTS]:
            if all(_apart(part, tile) and not self._one_song(part, tile, held) for tile in tiles):
                tiles.append(part)
        covered = extent(tuple(place for tile in tiles for place in tile.places))
        return len(tiles) > 1 and covered >= COMPILATION_COVERED * seconds

    def _one_song(self, one: _Part, other: _Part, held: Set[str]) -> bool:
        """Whether two parts match each other, themselves or by other copies, or both lie in a third as far apart as
        here."""
        cores = frozenset((one.core, other.core))
        if one.core == other.core or any(pair not in self._contained for pair in self._between.get(cores, ())):
            return True
        longer = max(one.song.seconds, other.song.seconds)
        both = [self._whole.get(each.song.track_id, {}) for each in (one, other)]
        for whole in both[0].keys() & both[1].keys() & held:
            if self._songs[whole].seconds <= longer or any(
                frozenset((each.song.track_id, whole)) in self._contained for each in (one, other)
            ):
                continue
            there = [link[whole].offset(each.song.track_id) for each, link in zip((one, other), both, strict=True)]
            apart = other.offset - one.offset
            if abs(there[1] - there[0] - apart) <= SAME_PLACE_SECONDS + 0.1 * abs(apart):  # it may run 8 % faster
                return True
        return False


def _one_of_each(parts: Sequence[_Part]) -> list[_Part]:
    """The first part of each group of duplicates."""
    return list({part.core: part for part in reversed(parts)}.values())[::-1]


def _apart(one: _Part, other: _Part) -> bool:
    shorter = min(extent(one.places), extent(other.places))
    return overlap(one.places, other.places) <= PARTS_MAX_OVERLAP * shorter
