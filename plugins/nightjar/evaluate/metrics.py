"""How well found pairs agree with known ones: precision, recall, confusion, each error. Arithmetic only.

A pair that is known as ANY is not counted anywhere: neither finding it nor missing it says anything.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from nightjar.duplicates.verdict import ALTERED, CONTAINS, COVER, DISTINCT, DUPLICATE, FRAGMENT, SAME_RECORDING

ANY = "any"
"""What is known of a pair that is related somehow."""

NAMED = (DUPLICATE, FRAGMENT, ALTERED, CONTAINS, COVER)
"""The verdicts on pairs that are not distinct."""

Pair = tuple[str, str]
"""Two songs, the lesser name first."""

_NORMAL_95 = 1.959964
"""Standard deviations to either side that hold 95 % of a normal distribution."""


@dataclass(frozen=True)
class Known:
    """What is known of a pair: its verdict or ANY, and labels by which pairs are counted apart."""

    verdict: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What the stages made of the songs."""

    songs: int
    verdicts: Mapping[Pair, str]
    """Of the pairs that were found not to be distinct."""
    proposed: Mapping[Pair, Collection[str]]
    """The candidates, with the sources that proposed each."""
    canonical: Mapping[str, str] = field(default_factory=dict)
    """Of each song that is in a group the song that the group counts as."""


def pair_of(one: str, other: str) -> Pair:
    """Two songs as a pair, in whichever order they come."""
    return (one, other) if one < other else (other, one)


def share(hits: int, of: int) -> dict:
    """A proportion with its 95 % Wilson interval (Wilson 1927); both None where there is nothing to have a share of."""
    if not of:
        return {"count": hits, "of": of, "value": None, "interval": None}
    value, square = hits / of, _NORMAL_95**2
    middle = (value + square / (2 * of)) / (1 + square / of)
    half = _NORMAL_95 / (1 + square / of) * math.sqrt(value * (1 - value) / of + square / (4 * of**2))
    interval = [round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)]
    return {"count": hits, "of": of, "value": round(value, 4), "interval": interval}


def measure(known: Mapping[Pair, Known], outcome: Outcome) -> dict:
    """The measurements of a report; docs/evaluate.md says what each is."""
    ignored = {pair for pair, each in known.items() if each.verdict == ANY}
    true = {pair: each.verdict for pair, each in known.items() if pair not in ignored}
    found = {pair: verdict for pair, verdict in outcome.verdicts.items() if pair not in ignored}
    proposed = {pair: sources for pair, sources in outcome.proposed.items() if pair not in ignored}
    counted = outcome.songs * (outcome.songs - 1) // 2 - len(ignored)
    return {
        "pairs_true": {name: sum(verdict == name for verdict in true.values()) for name in NAMED} | {"all": len(true)},
        "pairs_ignored": len(ignored),
        "pairs_distinct": counted - len(true),
        "stages": {"candidates": _candidates(true, proposed, counted), "verdicts": _verdicts(true, found, proposed)},
        "by_verdict": {name: agreement(true, found, (name,)) for name in NAMED},
        "same_recording": agreement(true, found, SAME_RECORDING),
        "found": agreement(true, found, NAMED),
        "groups": _groups(known, outcome.canonical),
        "confusion": _confusion(true, found, counted),
        "by_label": _by_label({pair: known[pair] for pair in true}, found, proposed),
    }


def agreement(true: Mapping[Pair, str], found: Mapping[Pair, str], names: Collection[str]) -> dict:
    """Precision and recall of `names`, taken as one verdict."""
    wanted = {pair for pair, name in true.items() if name in names}
    got = {pair for pair, name in found.items() if name in names}
    both = len(wanted & got)
    return {"precision": share(both, len(got)), "recall": share(both, len(wanted))}


def wrong_groups(known: Mapping[Pair, Known], canonical: Mapping[str, str]) -> list[dict]:
    """The groups in which two songs are not known as one recording: their `songs`, and those `wrong` pairs."""
    made = []
    for songs in _members(canonical):
        pairs = [pair_of(*pair) for pair in combinations(songs, 2)]
        if wrong := [
            list(pair) for pair in pairs if pair not in known or known[pair].verdict not in (*SAME_RECORDING, ANY)
        ]:
            made.append({"songs": songs, "wrong": wrong})
    return made


def _groups(known: Mapping[Pair, Known], canonical: Mapping[str, str]) -> dict:
    """How many groups join what is not one recording, and how much of what is one is in one group."""
    wrong = wrong_groups(known, canonical)
    same = [pair for pair, each in known.items() if each.verdict in SAME_RECORDING]
    return {
        "false": share(len(wrong), len(set(canonical.values()))),
        "false_pairs": sum(len(group["wrong"]) for group in wrong),
        "together": _recall(same, lambda pair: pair[0] in canonical and canonical[pair[0]] == canonical.get(pair[1])),
    }


def _members(canonical: Mapping[str, str]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for song, one in sorted(canonical.items()):
        groups.setdefault(one, []).append(song)
    return [groups[one] for one in sorted(groups)]


def errors(known: Mapping[Pair, Known], verdicts: Mapping[Pair, str]) -> list[tuple[str, Pair, str, str]]:
    """(kind, pair, true verdict, found verdict) of each `missed`, `invented` or `misnamed` pair, in order."""
    made = []
    for pair in sorted({*known, *verdicts}):
        true = known[pair].verdict if pair in known else DISTINCT
        found = verdicts.get(pair, DISTINCT)
        if true in (ANY, found):
            continue
        kind = "missed" if found == DISTINCT else "invented" if true == DISTINCT else "misnamed"
        made.append((kind, pair, true, found))
    return made


def _candidates(true: Mapping[Pair, str], proposed: Mapping[Pair, Collection[str]], counted: int) -> dict:
    """What of the true pairs was proposed at all: only that can be found."""
    sources = sorted({source for each in proposed.values() for source in each})
    return {
        "proposed": share(len(proposed), counted),
        "recall": _recall(true, proposed.__contains__),
        "by_verdict": {
            name: _recall((pair for pair, verdict in true.items() if verdict == name), proposed.__contains__)
            for name in NAMED
        },
        "by_source": {
            source: {
                "proposed": sum(source in each for each in proposed.values()),
                "recall": _recall(true, lambda pair, source=source: source in proposed.get(pair, ())),
                "alone": sum(set(proposed.get(pair, ())) == {source} for pair in true),
            }
            for source in sources
        },
    }


def _verdicts(true: Mapping[Pair, str], found: Mapping[Pair, str], proposed: Collection[Pair]) -> dict:
    """What the comparison made of the candidates, whatever was not proposed."""
    related = [pair for pair in true if pair in proposed]
    return {
        "found": _recall(related, found.__contains__),
        "right": _recall(related, lambda pair: found.get(pair) == true[pair]),
        "invented": share(sum(pair not in true for pair in found), len(proposed) - len(related)),
    }


def _confusion(true: Mapping[Pair, str], found: Mapping[Pair, str], counted: int) -> dict[str, dict[str, int]]:
    names = (*NAMED, DISTINCT)
    seen = Counter((true.get(pair, DISTINCT), found.get(pair, DISTINCT)) for pair in {*true, *found})
    seen[DISTINCT, DISTINCT] = counted - seen.total()
    return {one: {other: seen[one, other] for other in names} for one in names}


def _by_label(known: Mapping[Pair, Known], found: Mapping[Pair, str], proposed: Collection[Pair]) -> dict:
    """For each label and each of its values what became of its pairs; an invented pair belongs to none."""
    grouped: dict[str, dict[str, list[Pair]]] = {}
    for pair, each in sorted(known.items()):
        for label, value in each.labels.items():
            if value:
                grouped.setdefault(label, {}).setdefault(value, []).append(pair)

    def related(pair: Pair) -> bool:
        same = known[pair].verdict in SAME_RECORDING and found.get(pair) in SAME_RECORDING
        return same or found.get(pair) == known[pair].verdict

    return {
        label: {
            value: {
                "candidates": _recall(pairs, proposed.__contains__),
                "found": _recall(pairs, found.__contains__),
                "same_recording": _recall(pairs, related),
                "right": _recall(pairs, lambda pair: found.get(pair) == known[pair].verdict),
            }
            for value, pairs in sorted(values.items())
        }
        for label, values in grouped.items()
    }


def _recall(pairs: Iterable[Pair], hit: Callable[[Pair], bool]) -> dict:
    hits = [hit(pair) for pair in pairs]
    return share(sum(hits), len(hits))
