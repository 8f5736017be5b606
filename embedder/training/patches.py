"""Where the patches of a training run come from: songs' spectrograms, and what the teacher says of them."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embedder import signal
from embedder.training import alterations
from embedder.training.spectrograms import Song

CONTEXT_FRAMES = alterations.SLIGHT.frames
"""Frames around a song's patch, from which it is made slightly altered."""
PER_SONG = 32
"""Patches of a song at most, spread evenly: a quarter of an hour of one song says no more than two minutes."""
ALTERED = 4
"""Of these, so many are looked at altered as well, to learn what alterations change."""
Embed = Callable[[np.ndarray], np.ndarray]
"""Patches (n, signal.PATCH_FRAMES, signal.N_MELS) to what is said of them."""


@dataclass(frozen=True)
class Taught:
    """A song with the places of its patches (frames, (k,)) and what the teacher says of them."""

    song: Song
    starts: np.ndarray
    said: np.ndarray
    """(k, 1 + nightjar_cnn.STRETCHES, d) float16: the patch's embedding, then what is said of each stretch."""

    altered: np.ndarray
    """(m, d) float16: what is said of `altered` patches."""

    @property
    def embeddings(self) -> np.ndarray:
        """Of the patches, (k, d) float32."""
        return self.said[:, 0].astype(np.float32)


def starts(frames: int) -> np.ndarray:
    """Where a song's patches begin: not overlapping, at most PER_SONG, with CONTEXT_FRAMES in the song."""
    fit = max(frames - CONTEXT_FRAMES, 0) // signal.PATCH_FRAMES + 1
    return np.linspace(0, max(frames - CONTEXT_FRAMES, 0), min(fit, PER_SONG)).astype(int)


def context(song: Song, start: int, count: int = CONTEXT_FRAMES) -> np.ndarray:
    """`count` frames of the song from `start` on, (count, signal.N_MELS) float32; silence after its end."""
    frames = np.asarray(song.frames()[start : start + count], np.float32)
    return np.pad(frames, ((0, count - len(frames)), (0, 0)))


def middle(contexts: np.ndarray) -> np.ndarray:
    """The unaltered patches within contexts (n, frames, N_MELS)."""
    first = (contexts.shape[1] - signal.PATCH_FRAMES) // 2
    return contexts[:, first : first + signal.PATCH_FRAMES]


def cut(song: Song) -> tuple[np.ndarray, np.ndarray]:
    """Where the song's patches begin (k,), and they themselves, unaltered (k, PATCH_FRAMES, N_MELS)."""
    at = starts(len(song.frames()))
    return at, middle(np.stack([context(song, start) for start in at]))


def altered(song: Song, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The numbers (m,) of a few of the patches that begin there, and these, slightly altered (m, PATCH_FRAMES, N_MELS):
    the same at every call."""
    few = np.linspace(0, len(starts) - 1, min(len(starts), ALTERED)).astype(int)
    contexts = np.stack([context(song, start) for start in starts[few]])
    chance = np.random.default_rng(zlib.crc32(f"{song.group}/{song.name}".encode()))
    return few, alterations.altered(contexts, np.roll(middle(contexts), 1, axis=0), chance)


def file_of(song: Song, kept: Path) -> Path:
    """Where the folder `kept` has what the teacher says of a song."""
    return kept / song.group / f"{song.name}.npz"


def keep(song: Song, kept: Path, starts: np.ndarray, said: np.ndarray, altered: np.ndarray) -> None:
    """Write what the teacher says of a song's patches, and of altered ones, whole or not at all."""
    target = file_of(song, kept)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, starts=starts, said=said.astype(np.float16), altered=altered.astype(np.float16))
    partial.rename(target)


def taught(song: Song, kept: Path) -> Taught:
    """A song with what the teacher said of it."""
    with np.load(file_of(song, kept)) as stored:
        return Taught(song, stored["starts"], stored["said"], stored["altered"])
