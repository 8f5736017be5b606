"""Which songs are one: in a group everything matches everything, so that one bad pair cannot chain a hundred songs.

1. Duplicates, altered ones too, form groups by complete linkage: two groups merge only if every song of one is a
   duplicate of every song of the other. The best pair goes first.
2. Two fragments from different places of a song do not match each other. So a group of shorter songs is attached to a
   group of longer ones, as its satellite, if every one of its songs matches every one of the other. Satellites need
   not match each other, and nothing is attached to a satellite: every member still matches all of the group's core.

Covers join nothing. The result depends on the pairs alone, not on their order. Arithmetic only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from nightjar.duplicates.verdict import ALTERED, DUPLICATE, FRAGMENT
from nightjar.thresholds import WHOLE_SHARE


@dataclass(frozen=True, order=True)
class Song:
    """What orders songs: the older upload first. `seconds` is the length, the last to matter in the order."""

    day: str
    uploaded_us: int
    """When it was uploaded, in microseconds since 1970."""
    track_id: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Link:
    """A pair that is not distinct."""

    a: str
    b: str
    verdict: str
    score: float
    share: float = 1.0
    """Of the shorter song that the two have in common: a mash of two songs belongs to neither."""


def groups(links: Collection[Link], songs: Mapping[str, Song]) -> dict[str, str]:
    """Canonical track, the oldest of its group, of every song in a group of two or more, itself included.

    `songs` has every song that `links` name.
    """
    joining = [link for link in links if link.verdict in (DUPLICATE, ALTERED, FRAGMENT) and link.share >= WHOLE_SHARE]
    score = {frozenset((link.a, link.b)): link.score for link in joining}
    duplicates = {frozenset((link.a, link.b)) for link in joining if link.verdict != FRAGMENT}
    members = sorted({each for pair in score for each in pair}, key=songs.__getitem__)
    cores = _cores(members, duplicates, score)
    canonical = {}
    for group in _attached(cores, score, songs):
        oldest = min(group, key=songs.__getitem__)
        canonical |= dict.fromkeys(group, oldest)
    return dict(sorted(canonical.items()))


def _cores(
    members: Sequence[str], duplicates: set[frozenset[str]], score: Mapping[frozenset[str], float]
) -> list[set[str]]:
    """Complete linkage over the duplicates; a song without any is a core of its own."""
    core = {member: {member} for member in members}
    for pair in sorted(duplicates, key=lambda pair: (-score[pair], sorted(pair))):
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
