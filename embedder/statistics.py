"""Measures the whitening constants of MSD_musicnn on a folder of songs; ours are measured where it is trained."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from embedder import mel, stems
from embedder.decode import SongRejected, decode
from embedder.msd_musicnn import MsdMusicnn
from nightjar.errors import NightjarError

_FEWEST = 30


def embed_mix(network: MsdMusicnn, file: Path) -> np.ndarray:
    """The mean embedding (d,) of a whole file, not separated, at the rate of a stored stem."""
    with tempfile.TemporaryDirectory() as folder:
        pcm = decode(file, Path(folder) / "mix.raw")
        mono = stems.write(((block, block) for block in pcm.blocks()), Path(folder)).accompaniment
        return np.concatenate([network(patches) for patches in mel.patches(mono)]).mean(axis=0, dtype=np.float64)


def measure(folder: Path, target: Path) -> int:
    """Write the constants of all songs in `folder` (in the order of their names) to `target`; returns how many there
    were.

    Raises NightjarError if there are too few to say anything.
    """
    network = MsdMusicnn()
    songs = []
    for file in sorted(folder.iterdir()):
        try:
            songs.append(embed_mix(network, file))
        except SongRejected as rejected:
            print(f"left out {file.name}: {rejected}")
    if len(songs) < _FEWEST:
        raise NightjarError(
            f"{folder} has {len(songs)} songs; constants need at least {_FEWEST}", "Name a larger folder"
        )
    embeddings = np.array(songs)
    deviation = np.maximum(
        embeddings.std(axis=0), 1e-3
    )  # a dimension that never changes says nothing, and must not blow up
    np.savez(target, mean=embeddings.mean(axis=0).astype(np.float32), deviation=deviation.astype(np.float32))
    return len(songs)
