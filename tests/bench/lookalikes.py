"""What is not one song and looks like it: `python -m tests.bench.lookalikes [--seeds N] [--kinds A,B] [--songs DIR]`.

1. Look-alikes: noises, drones, loops, clocks and test signals of several seeds, all of them compared with each other,
   and copies of the first of each kind with it. A pair that is not distinct is false, but for pairs of test signals,
   which may be one sound.
2. With a folder of songs, albums, mixes, medleys and pieces of these songs: see `compilations`.

Scores are `Span.excess`, bits gained beyond what is asked: from 0 on a pair counts.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nightjar.duplicates.groups import groups
from nightjar.duplicates.links import Song
from nightjar.duplicates.verdict import DISTINCT, SAME_RECORDING, Comparison, Prints, Younger
from tests.bench import compilations
from tests.bench.compilations import link
from tests.nightjar.duplicates.heard import upload
from tests.nightjar.duplicates.lookalikes import KINDS, RATE, SIGNALS, sound

FIRST_SEED = 40_000
"""None that a threshold was chosen by."""


def _trimmed(samples: np.ndarray) -> np.ndarray:
    """Without 3.3 s at the beginning and 4.1 s at the end, and louder, so that the peaks are clipped."""
    return np.clip(2.2 * samples[round(3.3 * RATE) : -round(4.1 * RATE)], -1, 1)


COPIES: dict[str, Callable[[np.ndarray], Prints]] = {
    "mp3 at 64 kbit/s": lambda samples: upload(samples, RATE, "mp3"),
    "ogg at 64 kbit/s": lambda samples: upload(samples, RATE, "ogg"),
    "opus at 24 kbit/s": lambda samples: upload(samples, RATE, "opus-24"),
    "trimmed, clipped, mp3": lambda samples: upload(_trimmed(samples), RATE, "mp3"),
}


@dataclass(frozen=True)
class Upload:
    kind: str
    seed: int
    prints: Prints

    @property
    def name(self) -> str:
        return f"{self.kind} #{self.seed}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.lookalikes", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=6, help="uploads of each kind")
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="the first of their seeds")
    parser.add_argument("--kinds", default=",".join((*KINDS, *SIGNALS)), help="which, with commas; all of them")
    parser.add_argument("--songs", type=Path, help="a folder of songs of which compilations are made")
    asked = parser.parse_args()
    false = _lookalikes(range(asked.first, asked.first + asked.seeds), asked.kinds.split(","))
    if asked.songs:
        false += compilations.measure(asked.songs)
    return 1 if false else 0


def _lookalikes(seeds: range, kinds: Sequence[str]) -> int:
    """Print the table; the number of false pairs and groups."""
    wanted = [(kind, seed) for seed in seeds for kind in kinds]
    with ThreadPoolExecutor(2) as threads:
        made = threads.map(lambda each: upload(sound(*each), RATE), wanted)
        uploads = [Upload(*each, prints) for each, prints in zip(wanted, made, strict=True)]
    names = {each.name: each for each in uploads}
    compared = {(a.name, b.name): found for a, b, found in _all_pairs(uploads)}
    copies = {kind: _copies(names[f"{kind} #{seeds[0]}"]) for kind in kinds}
    links = [link(*pair, found) for pair, found in compared.items() if found.verdict in SAME_RECORDING]
    songs = {each.name: Song("2026-11-20", at, each.name, each.prints.seconds) for at, each in enumerate(uploads)}
    grouped = groups(links, songs).canonical
    _print_table(names, compared, copies)
    certain = {pair: found for pair, found in compared.items() if not _may_be_one(*(names[each] for each in pair))}
    false = [pair for pair, found in certain.items() if found.verdict != DISTINCT]
    merged = defaultdict(set)
    for member, canonical in grouped.items():
        merged[canonical].add(member)
    false_groups = [each for each in merged.values() if any(names[member].kind in KINDS for member in each)]
    print(
        f"\n{len(uploads)} uploads, {len(certain):,} pairs of different recordings: {len(false)} false pairs, ", end=""
    )
    print(f"{len(false_groups)} false groups; pairs of test signals are counted apart")
    for (a, b), found in certain.items():
        if found.verdict != DISTINCT:
            print(f"  false: {a} | {b}: {found.verdict}, {_score(found):.0f} bits, {found.evidence}")
    for score, pair in sorted(((_score(found), pair) for pair, found in certain.items()), reverse=True)[:10]:
        print(f"  {score:6.0f} bits: {' | '.join(pair)}")
    return len(false) + len(false_groups)


def _all_pairs(uploads: list[Upload]) -> Iterable[tuple[Upload, Upload, Comparison]]:
    def compared(at: int) -> list[tuple[Upload, Upload, Comparison]]:
        younger = Younger(uploads[at].prints)
        return [(older, uploads[at], younger.compare(older.prints)) for older in uploads[:at]]

    with ThreadPoolExecutor(2) as threads:
        for found in threads.map(compared, range(len(uploads))):
            yield from found


def _copies(original: Upload) -> dict[str, Comparison]:
    samples = sound(original.kind, original.seed)
    with ThreadPoolExecutor(2) as threads:
        made = threads.map(lambda copy: copy(samples), COPIES.values())
        return {name: Younger(prints).compare(original.prints) for name, prints in zip(COPIES, made, strict=True)}


def _may_be_one(a: Upload, b: Upload) -> bool:
    return a.kind in SIGNALS and b.kind in SIGNALS


def _score(found: Comparison) -> float:
    return max((span.excess for span in found.spans), default=-np.inf)


def _print_table(
    names: dict[str, Upload],
    compared: dict[tuple[str, str], Comparison],
    copies: dict[str, dict[str, Comparison]],
) -> None:
    """A row for each kind: what chance gives, how many pairs are not distinct, the nearest one, copies found."""
    taken, nearest, chance = Counter(), defaultdict(lambda: -np.inf), defaultdict(list)
    for pair, found in compared.items():
        kinds = {names[each].kind for each in pair}
        for kind in kinds:
            taken[kind, len(kinds) == 1] += found.verdict != DISTINCT
            nearest[kind] = max(nearest[kind], _score(found))
        if len(kinds) == 1:
            chance[kinds.pop()] += [span.chance for span in found.spans[:1]]
    print("| kind | chance, bits | one another taken for one | others | nearest, bits | copies found | least, bits |")
    print("|---|---|---|---|---|---|---|")
    for kind, found in copies.items():
        right = sum(each.verdict in SAME_RECORDING for each in found.values())
        least = min(map(_score, found.values()))
        usual = f"{np.median(chance[kind]):.1f}" if chance[kind] else ""
        cells = [kind, usual, taken[kind, True], taken[kind, False], _bits(nearest[kind])]
        print("|", " | ".join(map(str, [*cells, f"{right} of {len(found)}", _bits(least)])), "|")
    for kind, found in copies.items():
        if missed := [name for name, each in found.items() if each.verdict not in SAME_RECORDING]:
            print(f"  not found of {kind}: {', '.join(missed)}")


def _bits(score: float) -> str:
    return f"{score:.0f}" if np.isfinite(score) else "-"


if __name__ == "__main__":
    sys.exit(main())
