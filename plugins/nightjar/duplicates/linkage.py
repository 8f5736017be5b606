"""Joining songs by the few that stand for them. Arithmetic only.

Of two sets the exemplars decide: those of their members that match most others, and the longest one. The sets are one
if most of the pairs of their exemplars match. So a set of any size joins another by some twenty pairs, and one bad pair
joins nothing: between two sets of two songs or more it is a quarter of the pairs at most.

Two kinds of pairs say nothing. A pair that was never compared; where it could decide, it is asked for. And a pair that
cannot match: two pieces of a song, which lie at different places of a third that holds both. The first 20 s of a song
are not in a copy without them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from nightjar.duplicates.links import Link, Song, extent, overlap
from nightjar.thresholds import EXEMPLARS, EXEMPLARS_MATCHING, FRAGMENT_MAX_RATIO, WHOLE_SHARE

Pair = frozenset[str]


@dataclass
class Together:
    """Songs that are one, and who stands for them."""

    members: set[str]
    exemplars: list[str]


class Linkage:
    """Which songs match: `links` are the pairs that do, `compared` those of which it is known whether they do."""

    def __init__(self, links: Iterable[Link], compared: Collection[Pair], songs: Mapping[str, Song]) -> None:
        self._links, self._compared, self._songs = {link.pair: link for link in links}, compared, songs
        self.near: dict[str, set[str]] = defaultdict(set)
        """The songs that each song matches."""
        for pair in self._links:
            one, other = pair
            self.near[one].add(other)
            self.near[other].add(one)
        self.open: set[Pair] = set()
        """Pairs never compared that could decide whether two sets are one."""

    def alone(self, member: str) -> Together:
        return Together({member}, [member])

    def joined(self, members: Iterable[str]) -> list[Together]:
        """Sets of the members, as large as their exemplars let them become.

        Pairs that match the same songs go first, then those of the highest score: what many copies agree on is there
        before a bad pair is looked at. The order of the members and of the pairs makes no difference.
        """
        of = {member: self.alone(member) for member in members}
        inside = [pair for pair in self._links if all(each in of for each in pair)]
        common = {pair: len(set.intersection(*(self.near[each] for each in pair))) for pair in inside}
        for pair in sorted(inside, key=lambda pair: (-common[pair], -self._links[pair].score, sorted(pair))):
            one, other = (of[each] for each in sorted(pair))
            if one is not other and self.fit(one, other):
                small, large = sorted((one, other), key=lambda each: len(each.members))
                large.exemplars = self._exemplars({*one.exemplars, *other.exemplars})
                large.members |= small.members
                of |= dict.fromkeys(small.members, large)
        return list({id(each): each for each in of.values()}.values())

    def fit(self, one: Together, other: Together) -> bool:
        """Whether most pairs of their exemplars match, as far as they have been compared and can match."""
        pairs = [frozenset(pair) for pair in product(one.exemplars, other.exemplars)]
        matching = sum(pair in self._links for pair in pairs)
        thirds = [*one.exemplars, *other.exemplars]
        pairs = [pair for pair in pairs if pair in self._links or self._could_match(pair, thirds)]
        unknown = [pair for pair in pairs if pair not in self._compared]
        if matching < EXEMPLARS_MATCHING * len(pairs) <= matching + len(unknown):
            self.open.update(unknown)
        return 0 < matching >= EXEMPLARS_MATCHING * (len(pairs) - len(unknown))

    def best(self, one: Together, other: Together) -> float:
        """The score of the best pair of their exemplars; 0 if none matches."""
        pairs = map(frozenset, product(one.exemplars, other.exemplars))
        return max(self._links[pair].score if pair in self._links else 0.0 for pair in pairs)

    def _could_match(self, pair: Pair, thirds: Iterable[str]) -> bool:
        """Whether two songs that do not match would if they were one: unless a third holds them at different places."""
        shared, seconds = [], [self._songs[each].seconds for each in pair]
        for third in self.near[min(pair)] & self.near[max(pair)] & {*thirds}:
            places = [self._links[frozenset((each, third))].places(third) for each in pair]
            if all(extent(at) >= FRAGMENT_MAX_RATIO * of for at, of in zip(places, seconds, strict=True)):
                shared.append(overlap(*places))
        return not shared or max(shared) >= WHOLE_SHARE * min(seconds)

    def _exemplars(self, candidates: set[str]) -> list[str]:
        by_matches = sorted(candidates, key=lambda each: (-len(self.near[each]), self._songs[each]))
        longest = max(by_matches, key=lambda each: self._songs[each].seconds)
        return list(dict.fromkeys([*by_matches[: EXEMPLARS - 1], longest, *by_matches]))[:EXEMPLARS]
