"""Which songs are one: in a group everything matches everything, so that one bad pair cannot chain a hundred songs.

1. Duplicates, altered ones too, form groups by complete linkage: two groups merge only if every song of one is a
   duplicate of every song of the other. The best pair goes first.
2. An upload that holds different songs at different places (`compilations`) contains them and is none of them.
3. Two fragments from different places of a song do not match each other. So a group of shorter songs is attached to a
   group of longer ones, as its satellite, if every one of its songs matches every one of the other. Satellites need
   not match each other, and nothing is attached to a satellite: every member still matches all of the group's core.

Covers join nothing. The result depends on the pairs alone, not on their order. Arithmetic only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from nightjar.duplicates import compilations
from nightjar.duplicates.links import Link, Song
from nightjar.duplicates.verdict import FRAGMENT, SAME_RECORDING
from nightjar.thresholds import WHOLE_SHARE


@dataclass(frozen=True)
class Grouping:
    """Which songs are one, and which hold others."""

    canonical: dict[str, str]
    """Of every song in a group of two or more the one of the group that was uploaded first, which may be itself."""
    contained: frozenset[frozenset[str]]
    """The pairs of a compilation and a song that lies in it."""


def groups(
    links: Collection[Link], songs: Mapping[str, Song], known: Collection[frozenset[str]] = frozenset()
) -> Grouping:
    """`songs` has every song that `links` name. `known` pairs are those of a compilation and its part, as found from
    fewer links before: what is found once stays."""
    same = [link for link in links if link.verdict in SAME_RECORDING]
    joining = [link for link in same if link.share >= WHOLE_SHARE]
    members = sorted({each for link in same for each in link.pair}, key=songs.__getitem__)
    cores = _cores(members, {link.pair: link.score for link in joining if link.verdict != FRAGMENT})
    fragments = [link for link in same if link.verdict == FRAGMENT]
    contained = compilations.contained(cores, fragments, songs) | set(known)
    score = {link.pair: link.score for link in joining if link.pair not in contained}
    canonical = {}
    for group in _attached(cores, score, songs):
        oldest = min(group, key=lambda each: songs[each].age)
        canonical |= dict.fromkeys(group, oldest)
    return Grouping(dict(sorted(canonical.items())), frozenset(contained))


def _cores(members: Sequence[str], duplicates: Mapping[frozenset[str], float]) -> list[set[str]]:
    """Complete linkage over the duplicates; a song without any is a core of its own."""
    core = {member: {member} for member in members}
    for pair in sorted(duplicates, key=lambda pair: (-duplicates[pair], sorted(pair))):
        one, other = (core[each] for each in sorted(pair))
        if one is not other and _all_linked(one, other, duplicates):
            one |= other
            core |= dict.fromkeys(one, one)
    return [each for member, each in core.items() if member == min(each)]


def _attached(
    cores: list[set[str]], score: Mapping[frozenset[str], float], songs: Mapping[str, Song]
) -> list[set[str]]:
    """The cores with their satellites, of two songs or more. The longest cores come first and may have satellites."""

    def length(core: set[str]) -> float:
        return max(songs[each].seconds for each in core)

    roots: list[tuple[set[str], set[str]]] = []  # the core, and the core with its satellites
    for core in sorted(cores, key=lambda each: (-length(each), min(songs[member] for member in each))):
        hosts = [root for root in roots if length(root[0]) > length(core) and _all_linked(root[0], core, score)]
        if not hosts:
            roots.append((core, set(core)))
            continue
        best = max(_best(host[0], core, score) for host in hosts)
        next(host for host in hosts if _best(host[0], core, score) == best)[1].update(core)
    return [group for _, group in roots if len(group) > 1]


def _all_linked(one: set[str], other: set[str], links: Collection[frozenset[str]]) -> bool:
    return all(frozenset(pair) in links for pair in product(one, other))


def _best(one: set[str], other: set[str], score: Mapping[frozenset[str], float]) -> float:
    return max(score[frozenset(pair)] for pair in product(one, other))
