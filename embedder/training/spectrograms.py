"""Songs as log mel spectrograms on disk, so that a training run decodes nothing.

One file a song, `<group>/<song>.npy`, float16 (frames, signal.N_MELS) as `embedder.mel` makes them; the group is the
folder that the song lies in (a package, an album), by which training and testing are split.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embedder import mel, signal, stems
from embedder.decode import SongRejected, decode
from nightjar.errors import NightjarError

_BLOCK = 60 * signal.STEM_RATE // signal.HOP
"""Frames that are transformed at a time."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Song:
    """A song whose spectrogram is on disk."""

    group: str
    name: str
    path: Path

    def frames(self) -> np.ndarray:
        """The spectrogram, read only, not in memory: (frames, signal.N_MELS) float16."""
        return np.load(self.path, mmap_mode="r")


def prepare(folders: list[Path], cache: Path, processes: int, say: Say = print) -> list[Song]:
    """The songs of all folders with their spectrograms in `cache`, made where they are missing.

    What is no song is left out with a word. Raises NightjarError if there are none.
    """
    wanted = {}
    for folder in folders:
        for file in sorted(each for each in folder.rglob("*") if each.is_file() and not each.name.startswith(".")):
            song = Song(file.parent.name, file.name, cache / file.parent.name / f"{file.name}.npy")
            wanted[song.path] = (song, file)
    missing = [(song, file) for song, file in wanted.values() if not song.path.exists()]
    with ProcessPoolExecutor(processes) as pool:
        runs = {pool.submit(_make, file, song.path): file for song, file in missing}
        for number, run in enumerate(as_completed(runs), start=1):
            if rejected := run.result():
                say(f"left out {runs[run].name}: {rejected}")
            if number % 50 == 0 or number == len(runs):
                say(f"spectrograms {number}/{len(runs)}")
    songs = [song for song, _ in wanted.values() if song.path.exists()]
    if not songs:
        raise NightjarError(f"no songs in {', '.join(map(str, folders))}", "Name folders of music")
    return songs


def _make(file: Path, target: Path) -> str | None:
    """Write one spectrogram; says why if the file is no song."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            pcm = decode(file, Path(folder) / "mix.raw")
        except SongRejected as rejected:
            return str(rejected)
        mono = stems.write(((block, np.zeros_like(block)) for block in pcm.blocks()), Path(folder)).accompaniment
        pieces = list(mel.spectrogram(mono, _BLOCK))
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        with partial.open("wb") as written:
            np.save(written, np.concatenate(pieces).astype(np.float16))
        partial.rename(target)
    return None
