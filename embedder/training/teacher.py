"""What MSD_musicnn says of the patches that a run trains on.

It is asked in processes of their own: it wants TensorFlow on the CPU, whatever backend and processor the training uses,
and a process's threads and devices can be set only once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from embedder.training import patches
from embedder.training.spectrograms import Song

Say = Callable[[str], None]
_TOGETHER = 8


def ask(songs: list[Song], kept: Path, processes: int, say: Say = print) -> None:
    """Have the teacher's embeddings of all songs in the folder `kept`; those that are there are left alone."""
    missing = [song for song in songs if not patches.file_of(song, kept).exists()]
    if not missing:
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), _in_tensorflow) as pool:
        runs = [pool.submit(_ask, song, kept) for song in missing]
        for number, run in enumerate(as_completed(runs), start=1):
            run.result()
            if number % 50 == 0 or number == len(runs):
                say(f"teacher {number}/{len(runs)} songs")


def _in_tensorflow() -> None:
    os.environ["KERAS_BACKEND"] = "tensorflow"


@cache
def _network() -> patches.Embed:
    from embedder.msd_musicnn import MsdMusicnn

    return MsdMusicnn()


def _ask(song: Song, kept: Path) -> None:
    starts, cut = patches.cut(song)
    said = [_network()(cut[begin : begin + _TOGETHER]) for begin in range(0, len(cut), _TOGETHER)]
    patches.keep(song, kept, starts, np.concatenate(said))
