"""Mixtures: more music than there is, made of what there is, and what the teacher says of it.

A few hundred songs are soon known by heart: a network that was taught by them alone said of the songs that it had seen
what the teacher says (R2 0.56), and of others it did not (0.10). Two songs at once, at other speeds, through other
equalisers, sound like neither, and of them too the teacher says what it hears (function matching: Beyer et al. 2022,
https://arxiv.org/abs/2106.05237).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from embedder import signal
from embedder.training import patches
from embedder.training.alterations import WIDE, altered
from embedder.training.spectrograms import Song

CHUNK = 256
"""Mixtures in a file."""


def make(songs: list[Song], seed: int, chunk: int) -> np.ndarray:
    """The mixtures (CHUNK, signal.PATCH_FRAMES, signal.N_MELS) float16 of a number: every call makes the same."""
    chance = np.random.default_rng([seed, chunk])
    contexts = _anywhere(songs, WIDE.frames, chance)
    others = _anywhere(songs, signal.PATCH_FRAMES, chance)
    return altered(contexts, others, chance, WIDE).astype(np.float16)


def _anywhere(songs: list[Song], count: int, chance: np.random.Generator) -> np.ndarray:
    """CHUNK stretches of `count` frames of any song, every song as often, at any place."""
    drawn = [songs[number] for number in chance.integers(len(songs), size=CHUNK)]
    places = [int(chance.integers(max(len(song.frames()) - count, 0) + 1)) for song in drawn]
    return np.stack([patches.context(song, at, count) for song, at in zip(drawn, places, strict=True)])


def file_of(folder: Path, chunk: int) -> Path:
    """Where a chunk's patches are, (CHUNK, PATCH_FRAMES, N_MELS) float16."""
    return folder / f"{chunk:04d}.patches.npy"


def said_of(folder: Path, chunk: int) -> Path:
    """Where that is which the teacher says of a chunk, (CHUNK, 1 + nightjar_cnn.STRETCHES, d) float16."""
    return folder / f"{chunk:04d}.teacher.npy"


def keep(folder: Path, chunk: int, made: np.ndarray, said: np.ndarray) -> None:
    """Write a chunk, whole or not at all: what the teacher says comes last."""
    for target, values in ((file_of(folder, chunk), made), (said_of(folder, chunk), said)):
        partial = target.with_suffix(".partial")
        with partial.open("wb") as file:
            np.save(file, values.astype(np.float16))
        partial.rename(target)


class Mixtures:
    """What `keep` wrote, of so many chunks."""

    def __init__(self, folder: Path, chunks: int) -> None:
        self._patches = [np.load(file_of(folder, chunk), mmap_mode="r") for chunk in range(chunks)]
        self.said = np.concatenate([np.load(said_of(folder, chunk)) for chunk in range(chunks)])

    def __len__(self) -> int:
        return len(self.said)

    def patches(self, numbers: np.ndarray) -> np.ndarray:
        """The mixtures of these numbers (n, PATCH_FRAMES, N_MELS) float32."""
        return np.stack([self._patches[each // CHUNK][each % CHUNK] for each in numbers]).astype(np.float32)
