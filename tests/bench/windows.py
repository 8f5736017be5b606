"""Which windows serve fragments: `.venv-embedder/bin/python -m tests.bench.windows SONGS [--model NAME] [--songs N]`.

Every song of a folder is embedded patch by patch; of each, pieces of 5, 10, 15 and 30 s are cut from a place of chance
and sound as if somebody had recorded them in a room: echoes, no bass and no treble, mp3 at 32 kbit/s. (Of pieces that
are only encoded any window finds the song.) A window is the mean of so many patches, one every so many. A piece asks
with its windows; a song is as near as the nearest of its windows to one of them. Prints for each length and hop how
many pieces have their song first, and among the first ten, and how many vectors a minute of music takes.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np

from embedder import embedding, separate, signal, stems
from embedder.decode import SongRejected, decode
from embedder.song import embed
from nightjar.ffmpeg import command

PIECES_S = (5, 10, 15, 30)
WINDOWS = ((1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3), (5, 2), (5, 5), (9, 4))
"""Patches in a window, and patches from one to the next."""
_ROOM = "aecho=0.8:0.7:35|60|95:0.4|0.3|0.2,highpass=f=200,lowpass=f=5000"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default=embedding.MODELS[0])
    parser.add_argument("--songs", type=int, default=150)
    asked = parser.parse_args()
    model, chance = embedding.load(asked.model), random.Random(1)
    files = sorted(each for each in asked.folder.rglob("*") if each.is_file())
    files = files[:: max(1, len(files) // asked.songs)]
    songs, pieces = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number, file in enumerate(files):
            try:
                patches, seconds = _patches(file, Path(folder) / "song", model)
            except SongRejected:
                continue
            songs.append(patches)
            for length in PIECES_S:
                if seconds > 1.5 * length:
                    cut = Path(folder) / "piece.mp3"
                    start = chance.uniform(0, seconds - length)
                    encode = ("-ss", start, "-t", length, "-i", file, "-af", _ROOM, "-b:a", "32k", cut)
                    subprocess.run(command(*encode), check=True, stdin=subprocess.DEVNULL)
                    with suppress(SongRejected):  # a pause that is as long as the piece
                        pieces.append((length, len(songs) - 1, _patches(cut, Path(folder) / "piece", model)[0]))
            if number % 25 == 24:
                print(f"{number + 1} of {len(files)} files", flush=True)
    print(f"{asked.model}: {len(songs)} songs, {len(pieces)} pieces; share with the song first / in the first ten")
    print("window  hop    a minute  " + "  ".join(f"{length:>4} s       " for length in PIECES_S))
    patch_s = signal.PATCH_FRAMES * signal.HOP / signal.STEM_RATE
    for count, hop in WINDOWS:
        ranks = _ranks(songs, pieces, count, hop)
        shares = [f"{(ranks[each] == 0).mean():.3f} / {(ranks[each] < 10).mean():.3f}" for each in PIECES_S]
        size = f"{count * patch_s:4.1f} s {hop * patch_s:4.1f} s  {60 / (hop * patch_s):6.1f}"
        print(f"{size}    {'  '.join(shares)}", flush=True)


def _patches(file: Path, scratch: Path, model: embedding.Embedding) -> tuple[np.ndarray, float]:
    """Whitened embeddings (k, d) of a file's patches, not separated, and its length in seconds."""
    with tempfile.TemporaryDirectory(prefix=str(scratch)) as folder:
        pcm = decode(file, Path(folder) / "mix.raw")
        stem = stems.write(separate.unseparated(pcm), Path(folder)).accompaniment
        return model.whitening(embed(stem, model)), pcm.seconds


def _ranks(songs: list[np.ndarray], pieces: list, count: int, hop: int) -> dict[int, np.ndarray]:
    """By length of piece: how many songs are nearer than the right one."""
    windows = [_windows(song, count, hop) for song in songs]
    borders = np.cumsum([0, *map(len, windows)])[:-1]
    library = np.concatenate(windows)
    found: dict[int, list[int]] = {length: [] for length in PIECES_S}
    for length, own, patches in pieces:
        nearest = np.maximum.reduceat((library @ _windows(patches, count, hop).T).max(axis=1), borders)
        found[length].append(int((nearest > nearest[own]).sum()))
    return {length: np.array(ranks) for length, ranks in found.items()}


def _windows(patches: np.ndarray, count: int, hop: int) -> np.ndarray:
    """Means of neighbouring patches, of length 1; one of what there is where there are fewer."""
    last = max(len(patches) - count, 0)
    made = np.stack([patches[first : first + count].mean(axis=0) for first in (*range(0, last, hop), last)])
    return made / np.linalg.norm(made, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
