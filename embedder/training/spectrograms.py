"""Songs as log mel spectrograms on disk, so that a training run decodes nothing.

One file a song, `<group>/<song>.npy`, float16 (frames, signal.N_MELS) as `embedder.mel` makes them; the group is the
first folder below the one that was named (a package, an artist), by which training and testing are split.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embedder import mel, signal, stems
from embedder.decode import SongRejected, decode
from embedder.training.workers import side_by_side
from nightjar.errors import NightjarError

_BLOCK = 60 * signal.STEM_RATE // signal.HOP
"""Frames that are transformed at a time."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Song:
    """A song whose spectrogram is on disk."""

    group: str
    name: str
    """Its path within the group."""
    path: Path
    bytes: int
    """Of the file that it was made of."""

    def frames(self) -> np.ndarray:
        """The spectrogram, read only, not in memory: (frames, signal.N_MELS) float16."""
        return np.load(self.path, mmap_mode="r")


def listed(folders: list[Path]) -> dict[tuple[str, str], Path]:
    """Every file of the folders by its group and its name within it, songs or not.

    Raises NightjarError if two would have one name.
    """
    found: dict[tuple[str, str], Path] = {}
    for folder in folders:
        for file in sorted(each for each in folder.rglob("*") if each.is_file() and not each.name.startswith(".")):
            group, *rest = file.relative_to(folder).parts
            key = (group, "/".join(rest)) if rest else (folder.resolve().name, file.name)
            other = found.setdefault(key, file)
            if not file.samefile(other):
                raise NightjarError(f"{file} and {other} would both be {'/'.join(key)}", "Name one folder above both")
    return found


def prepare(folders: list[Path], cache: Path, processes: int, say: Say = print) -> list[Song]:
    """The songs of all folders with their spectrograms in `cache`, made where they are missing.

    What is no song is left out with a word. Raises NightjarError if there are none.
    """
    wanted = {
        Song(group, name, cache / group / f"{name}.npy", file.stat().st_size): file
        for (group, name), file in listed(folders).items()
    }
    missing = [(file, song.path) for song, file in wanted.items() if not song.path.exists()]
    for (file, _), rejected in side_by_side(_make, missing, processes, "spectrograms", say):
        if rejected:
            say(f"left out {file.name}: {rejected}")
    songs = [song for song in wanted if song.path.exists()]
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
