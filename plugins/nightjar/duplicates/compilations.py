"""Uploads that hold other songs: albums, medleys, mixes, podcasts behind a jingle. Arithmetic only.

By itself a part of an album and a piece of a song look the same: a short upload lies whole in a longer one, which has
much besides. Two things tell them apart: who was there first, and what else lies in the longer one.

1. *Who was there first.* Nobody cuts a piece from a song that is not there yet. So a long upload is no copy of an older
   song that it holds, unless a still older one holds both. A song that lasts no longer than a ringtone must be of an
   earlier day: a preview may be uploaded minutes before its song.
2. *What else lies in it.* What holds two such older songs, at different places, is a compilation, and all that lies in
   it is a part. So is what holds a compilation, and what holds a song and lasts too long to be one.
3. *Younger parts* are kept apart from what holds them if they are two, at different places, and both last too long for
   a ringtone; or if parts at different places cover nearly all of it. An album may come before its songs. Since these
   may as well be two clips of a hit, nothing follows for its other pieces.

Parts are one song if they match each other, or if others bridge them: each matches the next where it lies over it. So
many pieces of a song are no songs. A trimmed copy, nearly as long, is one song with the long upload, unless it is older
and what it lacks is an older song: of two songs of 100 s and 24 s, one after the other, each is a part.

Where it cannot be known songs are left apart: who hides other people's songs behind a compilation does more harm than a
clip that stays by itself. On lists only a long upload that came later gives way (`recommend.related`), so that nothing
that is cut from a song can demote it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from nightjar.duplicates.links import Link, Places, Song, extent, overlap
from nightjar.duplicates.verdict import FRAGMENT
from nightjar.thresholds import (
    COMPILATION_COVERED,
    COMPILATION_SECONDS,
    FRAGMENT_MAX_RATIO,
    MIN_SHARE,
    PARTS_MAX_OVERLAP,
    RINGTONE_SECONDS,
)

_HOLDERS = 8
"""Members of a group whose parts are looked at, the longest ones: the others hold no more."""
_PARTS = 200
"""Parts of one upload that are held against each other, those that cover most."""

Pair = frozenset[str]


@dataclass(frozen=True)
class _Part:
    """A shorter upload that lies in a longer one."""

    song: Song
    core: int
    """The number of the group of duplicates that it belongs to."""
    places: Places
    """Where in the longer upload."""
    older: bool
    """Whether a copy of it was there before the longer upload was."""
    earlier: bool
    """The same, and on an earlier day."""
    version: bool
    """Whether it is the longer one, trimmed by little and little: it shows what is one song and is no part."""

    @property
    def long(self) -> bool:
        """Whether it lasts too long for a ringtone."""
        return extent(self.places) > RINGTONE_SECONDS


def contained(
    cores: Sequence[Collection[str]],
    links: Collection[Link],
    songs: Mapping[str, Song],
    known: Collection[Pair] = frozenset(),
) -> set[Pair]:
    """The pairs of a long upload and a shorter one that lies in it and is no piece of it, beside those `known`.

    `cores` are the groups of duplicates, single songs included; `links` are all pairs of one recording. A song of which
    only a little lies in an upload makes it no compilation, but is contained in one as well. A pair within a core shows
    that the core is two. Order does not matter.
    """
    return _Judge(cores, links, songs, known).pairs()


class _Judge:
    def __init__(
        self,
        cores: Sequence[Collection[str]],
        links: Collection[Link],
        songs: Mapping[str, Song],
        known: Collection[Pair],
    ) -> None:
        self._songs = songs
        self._cores = [sorted(core, key=lambda each: (-songs[each].seconds, each)) for core in cores]
        self._core_of = {member: number for number, core in enumerate(cores) for member in core}
        self._first = [min((songs[each] for each in core), key=lambda song: song.age) for core in cores]
        self._of: dict[str, dict[str, Link]] = defaultdict(dict)
        self._between: dict[frozenset[int], list[Link]] = defaultdict(list)
        for link in links:
            if link.spans:
                for each in link.pair:
                    self._of[each][link.other(each)] = link
                self._between[frozenset(self._core_of[each] for each in link.pair)].append(link)
        self._compilations: set[int] = set()
        self._version = self._versions(link for link in links if link.verdict != FRAGMENT and link.pair not in known)
        self._known, self._contained = known, set(known)

    def pairs(self) -> set[Pair]:
        """Shorter uploads first, so that what is a compilation is known where it is a part itself."""
        order = range(len(self._cores))
        for number in sorted(order, key=lambda each: (self._songs[self._cores[each][0]].seconds, self._cores[each])):
            core = self._cores[number]
            apart: set[int] = set()
            for holder in core[:_HOLDERS]:
                parts = self._parts(holder)
                songs = self._as_songs(parts)
                parts = [part for part in parts if not part.version]
                if self._is_compilation(holder, parts, songs):
                    self._compilations.add(number)
                apart |= {part.core for part in self._on_their_own(holder, parts, songs)}
                self._contained |= set(self._medley(number, holder, parts))
            for holder in core:
                if number in self._compilations:
                    self._keep_apart(holder, self._found(holder, whole=False))
                elif apart:
                    parts = self._found(holder)
                    self._keep_apart(holder, (part for part in parts if part.core in apart))
        return self._contained

    def _keep_apart(self, holder: str, parts: Iterable[_Part]) -> None:
        self._contained |= {frozenset((holder, part.song.track_id)) for part in parts if not part.version}

    def _parts(self, holder: str) -> list[_Part]:
        """The parts of a long upload that lie in it as a whole, those that cover most of it first."""
        return sorted(self._found(holder), key=lambda part: (-extent(part.places), part.song))[:_PARTS]

    def _found(self, holder: str, *, whole: bool = True) -> Iterator[_Part]:
        """The shorter uploads of other groups of which most, or some, lies in a longer one. It has much besides."""
        number, most = self._core_of[holder], FRAGMENT_MAX_RATIO * self._songs[holder].seconds
        since = self._first[number]
        for other, link in self._of[holder].items():
            song, core, places = self._songs[other], self._core_of[other], link.places(holder)
            if core == number or (whole and not link.whole) or song.seconds >= self._songs[holder].seconds:
                continue
            if (song.seconds < most and extent(places) < most) or link.pair in self._known:
                first, version = self._first[core], self._version[core] == self._version[number]
                older = first.age < since.age and not version and not self._are_pieces(other, holder, first)
                yield _Part(song, core, places, older, older and first.date < since.date, version)

    def _are_pieces(self, one: str, other: str, first: Song) -> bool:
        """Whether an upload older than the first copy of `one` holds both songs, at one place."""
        for third in self._of[one].keys() & self._of[other].keys():
            links = [self._of[each][third] for each in (one, other)]
            song = self._songs[third]
            if song.age < first.age and song.seconds > self._songs[other].seconds and all(link.whole for link in links):
                places = [link.places(third) for link in links]
                if overlap(*places) > PARTS_MAX_OVERLAP * min(map(extent, places)):
                    return True
        return False

    def _versions(self, links: Iterable[Link]) -> list[int]:
        """Of each group a number: the same where songs are of nearly one length, one trimmed a little from the next."""
        version = list(range(len(self._cores)))

        def first(number: int) -> int:
            while version[number] != number:
                version[number] = number = version[version[number]]  # halves the way of all that come after
            return number

        for link in links:
            if link.whole:
                one, other = sorted(first(self._core_of[each]) for each in link.pair)
                version[other] = one
        return [first(number) for number in range(len(version))]

    def _is_compilation(self, holder: str, parts: Sequence[_Part], songs: Mapping[int, int]) -> bool:
        if any(part.older and part.core in self._compilations for part in parts):
            return True
        if self._songs[holder].seconds >= COMPILATION_SECONDS and any(part.long for part in parts):
            return True
        older = _one_of_each([part for part in parts if part.older])
        return any(_are_two(*pair, songs) for pair in combinations(older, 2))

    def _on_their_own(self, holder: str, parts: Sequence[_Part], songs: Mapping[int, int]) -> Iterator[_Part]:
        """The parts that are kept apart from what holds them, whether it is a compilation or not."""
        yield from (part for part in parts if part.earlier or (part.older and part.long))
        for pair in combinations(_one_of_each([part for part in parts if part.long]), 2):
            if _are_two(*pair, songs):
                yield from pair
        tiles: list[_Part] = []
        for part in _one_of_each(parts):
            if all(_are_two(part, tile, songs) for tile in tiles):
                tiles.append(part)
        covered = extent(tuple(place for tile in tiles for place in tile.places))
        if len(tiles) > 1 and covered >= COMPILATION_COVERED * self._songs[holder].seconds:
            yield from tiles

    def _as_songs(self, parts: Sequence[_Part]) -> dict[int, int]:
        """Of each group that parts belong to the number of its song: of groups that match each other where they lie
        over each other in the long upload, or as a whole, one."""
        places = {part.song.track_id: part.places for part in parts}
        song = {part.core: part.core for part in parts}
        for pair in combinations(sorted(song.keys() - self._compilations), 2):
            if song[pair[0]] != song[pair[1]] and any(
                self._bridges(link, places) for link in self._between.get(frozenset(pair), ())
            ):
                old, new = sorted((song[pair[0]], song[pair[1]]), reverse=True)
                song = {core: new if number == old else number for core, number in song.items()}
        return song

    def _bridges(self, link: Link, places: Mapping[str, Places]) -> bool:
        if link.pair in self._contained:
            return False
        one, other = (places.get(each, ()) for each in link.pair)
        return link.whole or overlap(one, other) > MIN_SHARE * min(extent(one), extent(other))

    def _medley(self, number: int, holder: str, parts: Sequence[_Part]) -> Iterator[Pair]:
        """The pairs within a group of what holds two older songs and of the one of these that is nearly as long."""
        for part in parts:
            both = {each for each in self._cores[number] if self._holds(each, part.core)}
            rest = [each for each in self._cores[number] if each not in both]
            since = min(self._songs[each].age for each in both)
            if not rest or self._first[part.core].age >= since:
                continue
            for other in rest:
                link = self._of[holder].get(other)
                if link is None or link.share < FRAGMENT_MAX_RATIO or self._songs[other].age >= since:
                    continue
                lacks = self._songs[other].seconds < self._songs[holder].seconds and not any(
                    self._core_of[each] == part.core for each in self._of[other]
                )
                if lacks and _are_apart(link.places(holder), part.places):
                    yield from (frozenset((one, each)) for one in both for each in rest if each in self._of[one])

    def _holds(self, member: str, core: int) -> bool:
        return any(self._core_of[other] == core and link.whole for other, link in self._of[member].items())


def _one_of_each(parts: Sequence[_Part]) -> list[_Part]:
    """The first part of each group of duplicates."""
    return list({part.core: part for part in reversed(parts)}.values())[::-1]


def _are_two(one: _Part, other: _Part, songs: Mapping[int, int]) -> bool:
    """Whether two parts are different songs at different places."""
    return songs[one.core] != songs[other.core] and _are_apart(one.places, other.places)


def _are_apart(one: Places, other: Places) -> bool:
    return overlap(one, other) <= PARTS_MAX_OVERLAP * min(extent(one), extent(other))
