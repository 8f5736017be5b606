"""Joining songs by the few that stand for them. Arithmetic only.

Of two sets the exemplars decide: those of their members that match most others, and the longest one. The sets are one
if most of the pairs of their exemplars match. A pair that was never compared says nothing; where it could decide, it is
asked for. So a set of any size joins another by some twenty pairs, and one bad pair joins nothing: between two sets of
two songs or more it is a quarter of the pairs at most.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from nightjar.duplicates.links import Song
from nightjar.thresholds import EXEMPLARS, EXEMPLARS_MATCHING

Pair = frozenset[str]


@dataclass
class Together:
    """Songs that are one, and who stands for them."""

    members: set[str]
    exemplars: list[str]


class Linkage:
    """Which songs match: `score` has the pairs that do, `compared` those of which it is known whether they do."""

    def __init__(self, score: Mapping[Pair, float], compared: Collection[Pair], songs: Mapping[str, Song]) -> None:
        self._score, self._compared, self._songs = score, compared, songs
        self.near: dict[str, set[str]] = defaultdict(set)
        """The songs that each song matches."""
        for pair in score:
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
        inside = [pair for pair in self._score if all(each in of for each in pair)]
        common = {pair: len(set.intersection(*(self.near[each] for each in pair))) for pair in inside}
        for pair in sorted(inside, key=lambda pair: (-common[pair], -self._score[pair], sorted(pair))):
            one, other = (of[each] for each in sorted(pair))
            if one is not other and self.fit(one, other):
                small, large = sorted((one, other), key=lambda each: len(each.members))
                large.exemplars = self._exemplars({*one.exemplars, *other.exemplars})
                large.members |= small.members
                of |= dict.fromkeys(small.members, large)
        return list({id(each): each for each in of.values()}.values())

    def fit(self, one: Together, other: Together) -> bool:
        """Whether most pairs of their exemplars match, as far as they have been compared."""
        pairs = [frozenset(pair) for pair in product(one.exemplars, other.exemplars)]
        matching = sum(pair in self._score for pair in pairs)
        unknown = [pair for pair in pairs if pair not in self._compared]
        if matching < EXEMPLARS_MATCHING * len(pairs) <= matching + len(unknown):
            self.open.update(unknown)
        return 0 < matching >= EXEMPLARS_MATCHING * (len(pairs) - len(unknown))

    def best(self, one: Together, other: Together) -> float:
        """The score of the best pair of their exemplars; 0 if none matches."""
        pairs = product(one.exemplars, other.exemplars)
        return max(self._score.get(frozenset(pair), 0.0) for pair in pairs)

    def _exemplars(self, candidates: set[str]) -> list[str]:
        by_matches = sorted(candidates, key=lambda each: (-len(self.near[each]), self._songs[each]))
        longest = max(by_matches, key=lambda each: self._songs[each].seconds)
        return list(dict.fromkeys([*by_matches[: EXEMPLARS - 1], longest, *by_matches]))[:EXEMPLARS]
