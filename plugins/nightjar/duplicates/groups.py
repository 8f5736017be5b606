"""Which songs are one: the exemplars of a group match what joins it, so that a bad pair cannot chain a hundred songs.

1. Duplicates, altered ones too, form groups by the exemplars of each (`linkage`). The pairs that most others bear out
   go first.
2. A long upload that holds older songs, or several (`compilations`), contains them and is none of them.
3. Two fragments from different places of a song do not match each other. So a group is attached to a group of longer
   songs, as its satellite, if their exemplars match. Satellites need not match each other, and nothing is attached to a
   satellite: every member still matches the group's core. A piece of a song that lies in a compilation is the song's.

A pair that was not compared is not taken for a different one: pairs that could decide are named (`Grouping.open`), and
the sweep compares them. Covers join nothing. The result depends on the pairs alone, not on their order.
Arithmetic only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from nightjar.duplicates import compilations
from nightjar.duplicates.linkage import Linkage, Pair, Together
from nightjar.duplicates.links import Link, Song
from nightjar.duplicates.verdict import FRAGMENT, SAME_RECORDING


@dataclass(frozen=True)
class Grouping:
    """Which songs are one, and which hold others."""

    canonical: dict[str, str]
    """Of every song in a group of two or more the one of the group that was uploaded first, which may be itself."""
    contained: frozenset[Pair]
    """The pairs of a compilation and a song that lies in it."""
    open: frozenset[Pair] = frozenset()
    """Pairs that were never compared and could change this."""

    def one(self, pair: Collection[str]) -> bool:
        """Whether all of some songs are in one group."""
        return len({self.canonical.get(each, each) for each in pair}) == 1


def groups(links: Collection[Link], songs: Mapping[str, Song], known: Collection[Pair] = frozenset()) -> Grouping:
    """`songs` has every song that `links` name; a link may also say that two songs are distinct. `known` pairs are
    those of a compilation and its part, as found from fewer links before: what is found once stays."""
    compared, songs = {link.pair for link in links}, _by_sound(links, songs)
    same = [link for link in links if link.verdict in SAME_RECORDING]
    members = {each for link in same for each in link.pair}
    contained = set(known)
    while True:
        joining = [link for link in same if link.whole and link.pair not in contained]
        whole = Linkage((link for link in joining if link.verdict != FRAGMENT), compared, songs)
        cores = whole.joined(members)
        contained = compilations.contained([core.members for core in cores], same, songs, contained)
        if not any(link.pair in contained and link.verdict != FRAGMENT for link in joining):
            break  # else a core may be two
    pieces = Linkage((link for link in joining if link.pair not in contained), compared, songs)
    canonical = {}
    for group in _attached(cores, pieces, contained, songs):
        oldest = min(group, key=lambda each: songs[each].age)
        canonical |= dict.fromkeys(group, oldest)
    asked = frozenset(whole.open | pieces.open)
    return Grouping(dict(sorted(canonical.items())), frozenset(contained), asked)


def _by_sound(links: Collection[Link], songs: Mapping[str, Song]) -> dict[str, Song]:
    """The songs that are in a pair. They last as long as their sound: silence is no length."""
    sound = {each: seconds for link in links for each, seconds in zip((link.a, link.b), link.sound_s, strict=True)}
    return {
        each: replace(songs[each], seconds=songs[each].seconds if seconds is None else seconds)
        for each, seconds in sound.items()
    }


def _attached(
    cores: Sequence[Together], pieces: Linkage, contained: Collection[Pair], songs: Mapping[str, Song]
) -> list[set[str]]:
    """The members of cores with their satellites, of two songs or more. The longest cores come first and may have
    satellites; a compilation has none of the songs in it."""

    def length(core: Together) -> float:
        return max(songs[each].seconds for each in core.members)

    order = sorted(cores, key=lambda core: (-length(core), min(songs[member] for member in core.members)))
    at = {member: number for number, core in enumerate(order) for member in core.members}
    apart = {frozenset(at.get(each, -1) for each in pair) for pair in contained}
    groups: dict[int, set[str]] = {}  # by the number of the core that others are attached to
    for number, core in enumerate(order):
        near = sorted({at[each] for member in core.members for each in pieces.near.get(member, ())})
        inside = {host: {at[each] for each in groups.get(host, ())} for host in near}
        hosts = [host for host in near if inside[host]]
        hosts = [host for host in hosts if not any(frozenset((one, number)) in apart for one in inside[host])]
        hosts = [host for host in hosts if pieces.fit(order[host], core)]
        hosts = [host for host in hosts if not any(frozenset((host, each)) in apart for each in hosts if each > host)]
        if hosts:
            best = max(hosts, key=lambda host: (pieces.best(order[host], core), -host))
            groups[best] |= core.members
        else:
            groups[number] = set(core.members)
    return [group for group in groups.values() if len(group) > 1]
