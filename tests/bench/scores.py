"""How far the scores of copies lie from those of different songs: `python -m tests.bench.scores DIFFERENT COPIED PNG`.

DIFFERENT is a folder of songs, an album in each folder below it: songs of one album, which may be one piece twice, are
not compared. High scores are listed, so that a person can look whether they are the same music. COPIED is a folder of
songs of which altered copies are made. Each line of the picture is the share of pairs whose score is at least so high.
The score is `Span.excess`, bits gained beyond what is asked: from 0 on it counts.
The tail of the different pairs, which is close to an exponential (Karlin and Altschul 1990), is fitted and carried on
to a library of a million songs.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from embedder import fingerprint
from embedder.decode import SongRejected, decode
from nightjar.duplicates.match import SPEEDS, Query, spans
from nightjar.errors import NightjarError
from nightjar.evaluate.alterations import ALTERATIONS
from nightjar.evaluate.copies import alter

WINDOWS_S = (5, 10, 40)
"""Lengths of the pieces that are compared with whole songs."""
PIECES = 400
"""Pieces of each length."""
LOOKED_AT = 40
"""Different pairs with higher scores than this are printed: they may be the same music."""
MILLION = 1_000_000
_NOTHING = -200.0
"""What stands for the score of a pair of which nothing agrees at all."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("different", type=Path)
    parser.add_argument("copied", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--songs", type=int, default=150, help="so many of each folder")
    asked = parser.parse_args()
    different = _prints(_spread(asked.different, asked.songs))
    copies = list(_copies(_spread(asked.copied, max(1, asked.songs // 15))))
    print(f"{len(different)} different songs, {len(copies)} copies")
    lines = {f"{seconds} s of another song": _of_pieces(different, seconds) for seconds in WINDOWS_S}
    scores = {name: np.array([score for score, _ in found]) for name, found in lines.items()}
    _tails(scores)
    groups = sorted({name for name, _ in copies})
    scores |= {f"copy: {group}": np.array([score for name, score in copies if name == group]) for group in groups}
    for name, found in scores.items():
        quantiles = np.quantile(np.maximum(found, _NOTHING), [0, 0.01, 0.5, 0.99, 1])
        print(f"{name:<32}{len(found):>8} " + " ".join(f"{value:8.0f}" for value in quantiles))
    _draw(scores, asked.picture)


def _spread(folder: Path, most: int) -> list[Path]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return files if len(files) <= most else [files[index * len(files) // most] for index in range(most)]


def _prints(files: list[Path]) -> dict[str, list[np.ndarray]]:
    """Each song's prints at SPEEDS, of those that last 20 s to 7 minutes."""
    with ThreadPoolExecutor(2) as threads:
        made = dict(zip([str(file) for file in files], threads.map(_at_speeds, files), strict=True))
    return {name: prints for name, prints in made.items() if prints and 100 < len(prints[0]) < 3400}


def _at_speeds(file: Path) -> list[np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            pcm = decode(file, Path(folder) / "raw")
        except SongRejected:
            return []
        return [fingerprint.of_mix(pcm), *fingerprint.of_mix_at_speeds(pcm)]


def _copies(files: list[Path]) -> Iterator[tuple[str, float]]:
    """(alteration without its amount, score against the original) of each copy."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as threads:

        def copied(job: tuple[Path, str]) -> list[np.ndarray]:
            try:
                made = alter(job[0], ALTERATIONS[job[1]], Path(folder) / f"{job[0].stem}-{job[1]}")
            except NightjarError:  # too short for it
                return []
            prints = _at_speeds(made)
            made.unlink()
            return prints

        jobs = [(file, name) for file in files for name, each in ALTERATIONS.items() if not each.without_voice]
        originals = _prints(files)
        for (file, name), prints in zip(jobs, threads.map(copied, jobs), strict=True):
            if prints and str(file) in originals:
                yield _group(name), _score(originals[str(file)][0], Query(prints))


def _group(alteration: str) -> str:
    """What is one line of the picture."""
    begins = {"fragment": "fragment", "speed": "speed", "pitch": "pitch", "tempo": "tempo", "three": "three at once"}
    begins |= dict.fromkeys(("bass", "treble", "compressed", "echo"), "equaliser, compression, echo")
    begins |= dict.fromkeys(("crop", "intro"), "cropped, an intro")
    found = (line for begin, line in begins.items() if alteration.startswith(begin))
    return next(found, "re-encoded, noise, gain")


def _of_pieces(songs: dict[str, list[np.ndarray]], seconds: int) -> list[tuple[float, str]]:
    """Scores of pieces of songs against all other songs."""
    random = np.random.default_rng(seconds)
    names, found = sorted(songs), []
    for _ in range(PIECES):
        own = names[random.integers(len(names))]
        length = round(seconds * 7.96) - 20
        start = random.integers(max(1, len(songs[own][0]) - length))
        query = Query([_piece(words, speed, start, length) for words, speed in zip(songs[own], SPEEDS, strict=True)])
        others = [name for name in names if Path(name).parent != Path(own).parent]
        found += [(_score(songs[name][0], query), f"{own} | {name}") for name in others]
    for score, pair in sorted(found, reverse=True):
        if score > LOOKED_AT:
            print(f"  {seconds} s: {score:6.0f} {pair}")
    return found


def _piece(words: np.ndarray, speed: float, start: int, length: int) -> np.ndarray:
    first = int(start * speed)
    return words[first : first + max(12, int((length + 19) * speed) - 19)]


def _score(a: np.ndarray, query: Query) -> float:
    found = spans(a, query)
    return max((span.excess for span in found), default=-np.inf)


def _tails(scores: dict[str, np.ndarray]) -> None:
    """The exponential through the upper tail below 0, and what it says of a million songs."""
    for name, found in scores.items():
        known = np.sort(found[(found < 0) & np.isfinite(found)])[::-1]
        tail = known[: max(10, len(known) // 1000)]
        rate = 1 / np.mean(tail - tail[-1])
        above = len(tail) / len(found) * np.exp(rate * tail[-1])
        print(
            f"{name}: {len(found)} pairs, highest below 0: {known[0]:.0f}; tail exp(-{rate:.3f} score); "
            f"a pair reaches 0 with {above:.1e}, one song against a million different ones: {MILLION * above:.2g} false"
        )


def _draw(scores: dict[str, np.ndarray], picture: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.add_subplot()
    for name, found in scores.items():
        values = np.sort(np.clip(found, _NOTHING, 2500))
        copy = name.startswith("copy")
        share = np.arange(1, len(values) + 1) / len(values) if copy else np.arange(len(values), 0, -1) / len(values)
        axes.step(values, share, "-" if copy else "--", label=name, linewidth=1 if copy else 2)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set(yscale="log", xlabel="score: bits gained beyond what is asked", ylim=(1e-6, 1.2), xlim=(_NOTHING, 2500))
    axes.set_ylabel("share of copies at most, of different songs at least so high")
    axes.legend(fontsize=7, ncols=2)
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    main()
