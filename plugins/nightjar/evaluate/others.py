"""The same pairs by other ways of comparing: Echoprint codes, pyacoustid, and AcoustID's rule with its limits.

They are asked about the known pairs and about some different ones, drawn by a fixed seed; who finds what is then a
matter of counting. They see what they would in their own services: prints of the whole mix at its own speed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nightjar.duplicates import echoprint
from nightjar.evaluate.metrics import Pair, share
from nightjar.lake import Lake, Partition
from nightjar.settings import Settings

MATCH = 0.5
"""Score from which pyacoustid and AcoustID's rule are taken to say the same recording: 25 % wrong bits over all."""
DIFFERENT_PAIRS = 3000
"""Pairs of different songs that they are asked about."""
_ACOUSTID_LIMIT = 80
"""Words by which AcoustID lets two prints be shifted: 10 s."""
_VOTING_BITS = 14


@dataclass(frozen=True)
class Song:
    """What the other ways know of a song."""

    words: np.ndarray
    """Chromaprint of the mix, uint32."""
    codes: tuple[np.ndarray, np.ndarray]
    """Echoprint codes and their times."""


def songs(settings: Settings, day: str) -> dict[str, Song]:
    """The songs of a day that was embedded with a second opinion. Raises PartitionMissing."""
    lake = Lake(settings)
    prints = lake.read(Partition("fingerprints", day, settings.model), ["track_id", "mix"])
    codes = lake.read(Partition("echoprints", day, settings.model))
    columns = (codes[name].to_numpy(zero_copy_only=False) for name in ("codes", "times"))
    of = dict(zip(codes["track_id"].to_pylist(), zip(*columns, strict=True), strict=True))
    mixes = prints["mix"].to_numpy(zero_copy_only=False)
    return {name: Song(mix, of[name]) for name, mix in zip(prints["track_id"].to_pylist(), mixes, strict=True)}


def compare_with(
    known: Mapping[str, Song], cases: Mapping[Pair, str], ours: Iterable[Pair], ignored: set[Pair]
) -> dict:
    """By method: share of the true pairs found, by case; share of different pairs "found"; microseconds a pair; and
    how many true pairs only one of it and us (`ours`, the pairs that the sweep found) has.

    `cases` are the true pairs of one recording with the case that each belongs to; `ignored` pairs are not drawn. A
    pair with a song that is not `known`, since it was rejected, is found by none.
    """
    true = sorted(cases)
    different = _different(sorted(known), {*cases, *ignored})
    return {name: _measured(same, known, true, cases, different, set(ours)) for name, same in METHODS.items()}


def _measured(
    same: Callable[[Song, Song], bool],
    known: Mapping[str, Song],
    true: Sequence[Pair],
    cases: Mapping[Pair, str],
    different: Sequence[Pair],
    ours: set[Pair],
) -> dict:
    begun = time.perf_counter()
    compared = [pair for pair in (*true, *different) if pair[0] in known and pair[1] in known]
    found = {pair for pair in compared if same(known[pair[0]], known[pair[1]])}
    spent = time.perf_counter() - begun
    by_case: dict[str, list[bool]] = {}
    for pair in true:
        by_case.setdefault(cases[pair], []).append(pair in found)
    return {
        "recall": share(sum(pair in found for pair in true), len(true)),
        "by_case": {case: share(sum(hits), len(hits)) for case, hits in sorted(by_case.items())},
        "different": share(sum(pair in found for pair in different), len(different)),
        "only_it": sum(pair in found and pair not in ours for pair in true),
        "only_ours": sum(pair in ours and pair not in found for pair in true),
        "microseconds": round(1e6 * spent / max(1, len(compared))),
    }


def _different(names: Sequence[str], related: set[Pair]) -> list[Pair]:
    random, drawn = np.random.default_rng(0), set()
    if len(names) < 2:
        return []
    for one, other in random.integers(len(names), size=(4 * DIFFERENT_PAIRS, 2)):
        pair = (names[min(one, other)], names[max(one, other)])
        if one != other and pair not in related and len(drawn) < DIFFERENT_PAIRS:
            drawn.add(pair)
    return sorted(drawn)


def by_echoprint(a: Song, b: Song) -> bool:
    """Whether enough onset codes agree at one offset."""
    found = echoprint.compare(a.codes, b.codes)
    return found is not None and found.matches


def by_pyacoustid(a: Song, b: Song) -> bool:
    """Whether pyacoustid's comparison (its `compare_fingerprints` after decoding) says so."""
    import acoustid

    if not len(a.words) or not len(b.words):
        return False
    return acoustid._match_fingerprints(a.words.tolist(), b.words.tolist()) >= MATCH


def by_acoustids_rule(a: Song, b: Song) -> bool:
    """The score that AcoustID's server gives, by the description of its `fingerprint_compare`: words' top bits vote for
    an offset of at most 80, and the overlap's share of the shorter print counts, times 1 - 2 x bit error rate."""
    if min(len(a.words), len(b.words)) < 2:
        return False
    keys = [each.words >> np.uint32(32 - _VOTING_BITS) for each in (a, b)]
    order = np.argsort(keys[0], kind="stable")
    ordered = keys[0][order]
    first, last = (np.searchsorted(ordered, keys[1], side) for side in ("left", "right"))
    times = last - first
    in_b = np.repeat(np.arange(len(times)), times)
    in_a = order[np.repeat(first, times) + np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)]
    offsets = in_a - in_b
    offsets = offsets[np.abs(offsets) <= _ACOUSTID_LIMIT]
    if not len(offsets):
        return False
    offset = int(np.bincount(offsets + _ACOUSTID_LIMIT).argmax()) - _ACOUSTID_LIMIT
    low, high = max(0, offset), min(len(a.words), offset + len(b.words))
    if high <= low:
        return False
    wrong = np.bitwise_count(a.words[low:high] ^ b.words[low - offset : high - offset]).mean() / 32
    return (high - low) / min(len(a.words), len(b.words)) * (1 - 2 * wrong) >= MATCH


METHODS: dict[str, Callable[[Song, Song], bool]] = {
    "echoprint": by_echoprint,
    "pyacoustid": by_pyacoustid,
    "acoustid_rule": by_acoustids_rule,
}
