"""The demonstration against what is known: which planted cases were found, missed or invented. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deploy.demo.truth import Truth


@dataclass(frozen=True)
class Judgement:
    """How many planted cases there were, and a sentence for each mistake."""

    planted: int
    mistakes: tuple[str, ...]


def judge(
    truth: Truth,
    pairs: Iterable[tuple[str, str, str]],
    rejects: Iterable[tuple[str, str]],
    canonical: dict[str, str],
) -> Judgement:
    """Compare what a run found with the truth.

    `pairs` are (a, b, verdict), `rejects` (track_id, reason), `canonical` the canonical track of each song in a
    group. A case that is missing, has another verdict or is not in the truth is a mistake.
    """
    named = {upload.track_id: upload.name or upload.track_id for upload in truth.uploads}
    mistakes: list[str] = []
    expected = {frozenset((pair.a, pair.b)): pair.verdict for pair in truth.pairs}
    found = {frozenset((a, b)): verdict for a, b, verdict in pairs}
    for couple in sorted(expected.keys() | found.keys(), key=sorted):
        wanted, got = expected.get(couple, "distinct"), found.get(couple, "distinct")
        if wanted != got:
            both = " and ".join(sorted(named.get(track, track) for track in couple))
            mistakes.append(f"{both}: {got} instead of {wanted}")
    mistakes += _differences("reject", dict(truth.rejects), dict(rejects), named)
    mistakes += _differences("canonical track", truth.canonical, canonical, named)
    return Judgement(len(expected) + len(truth.rejects), tuple(mistakes))


def _differences(what: str, expected: dict[str, str], found: dict[str, str], named: dict[str, str]) -> list[str]:
    return [
        f"{named.get(track, track)}: {what} {found.get(track, 'none')} instead of {expected.get(track, 'none')}"
        for track in sorted(expected.keys() | found.keys())
        if expected.get(track) != found.get(track)
    ]
