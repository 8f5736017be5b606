"""One training run from folders of music to a file of parameters and a record of how it went.

Everything is drawn from the seed, epoch and step, so that a run that was interrupted goes on as if it had not been
(up to the order in which cores add up). What a run needs besides the music is in its folder: `spectrograms/`,
`said/`, `backup/`, and at last `history.csv`, `curves.svg` and the model.
"""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

from embedder import nightjar_cnn
from embedder.training import alterations, patches, spectrograms, whitening, work
from embedder.training import teacher as msd_musicnn
from embedder.training.curves import draw
from embedder.training.held_out import Scores, scores
from embedder.training.mixtures import CHUNK, Mixtures
from embedder.training.objective import Taught as Student
from embedder.training.patches import Taught
from embedder.training.spectrograms import Song
from embedder.vectors import Whitening
from nightjar.errors import NightjarError

SONGS_IN_A_BATCH = 32
"""Each with two patches; as many patches are of mixtures."""
STEPS = 100
"""Steps in an epoch: what an interruption costs at most, and how often the held-out songs are looked at."""
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-4
WARM_UP_STEPS = 100
DIMENSIONS = 200
"""Of the vectors that the models give, as many as the teacher's."""
PAIR = "nightjar_pair-2.npz"
"""The constants of the model that has the network beside its teacher."""
Say = Callable[[str], None]


class Teacher(Protocol):
    """Has what it says of songs and of mixtures put into a folder, as `embedder.training.teacher` does."""

    def of_songs(self, songs: list[Song], kept: Path, processes: int, say: Say) -> None: ...
    def of_mixtures(self, songs: list[Song], chunks: int, seed: int, kept: Path, processes: int, say: Say) -> None: ...


@dataclass(frozen=True)
class Run:
    """What a run is asked to do."""

    folders: list[Path]
    """Music, one folder a group (a package, an album)."""
    work: Path
    held_out: frozenset[str]
    """Groups that are looked at and not trained on; those that are not there are left alone."""
    chunks: int
    """Of mixtures that are made of the songs, each of `mixtures.CHUNK`."""
    epochs: int
    seed: int = 1
    processes: int = 2
    """That decode music and ask the teacher, side by side."""
    half: bool = True
    """Whether convolutions are computed in bfloat16."""


def train(run: Run, teacher: Teacher = msd_musicnn, say: Say = print) -> Path:
    """Train the network; returns the file of its parameters, beside which is PAIR. Goes on where an earlier run in the
    folder stopped.

    Raises NightjarError if there is too little music to train on, or the folder to work in is another run's.
    """
    if run.work.exists() and not run.work.is_dir():
        raise NightjarError(f"{run.work} is no folder", "Name a folder to work in")
    songs = spectrograms.prepare(run.folders, run.work / "spectrograms", run.processes, say)
    seen = [song for song in songs if song.group not in run.held_out]
    if len(seen) < SONGS_IN_A_BATCH:
        raise NightjarError(
            f"{len(seen)} songs to train on are fewer than a batch of {SONGS_IN_A_BATCH}", "Name more folders"
        )
    held_out = sorted({song.group for song in songs} & run.held_out)
    work.claim(run.work, songs, seed=run.seed, held_out=held_out, mixtures=run.chunks, bfloat16=run.half)
    kept, mixed = run.work / "said/songs", run.work / "said/mixtures"
    teacher.of_songs(songs, kept, run.processes, say)
    teacher.of_mixtures(seen, run.chunks, run.seed, mixed, run.processes, say)
    told = [patches.taught(song, kept) for song in seen]
    unseen = [patches.taught(song, kept) for song in songs if song.group in run.held_out]
    batches = Batches(told, Mixtures(mixed, run.chunks), run.seed)
    say(f"{len(told)} songs to train on and {run.chunks * CHUNK} mixtures of them, {len(unseen)} songs held out")
    if not unseen:
        say("no song is held out: nothing will tell how the network fares on songs that it does not know")
    keras.utils.set_random_seed(run.seed)
    keras.config.set_dtype_policy("mixed_bfloat16" if run.half else "float32")
    network = nightjar_cnn.build()
    student = Student(network, told[0].said.shape[2])
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(run.epochs * STEPS - WARM_UP_STEPS, 1), warmup_target=LEARNING_RATE, warmup_steps=WARM_UP_STEPS
    )
    student.compile(keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY, clipnorm=1.0))
    student(batches[0][0][:2])
    record = _Record(run, network, batches, unseen, say)
    backup = keras.callbacks.BackupAndRestore(run.work / "backup", double_checkpoint=True, delete_checkpoint=False)
    try:
        student.fit(batches, epochs=run.epochs, verbose=0, callbacks=[backup, record])
    except (OSError, json.JSONDecodeError) as error:
        raise NightjarError(
            f"what {run.work} keeps of the run cannot be read or written: {error}",
            "See that there is room on the disk; if its folder backup is damaged, remove it: the epochs begin anew",
        ) from error
    ours = whitening.Embeddings.of(told, network.predict_on_batch)
    own = whitening.narrowed(ours, DIMENSIONS)
    target = run.work / nightjar_cnn.FILE.name
    nightjar_cnn.save(network, target, **_stored(own))
    pair = whitening.beside(whitening.Embeddings.of(told), ours, DIMENSIONS)
    np.savez(run.work / PAIR, **_stored(pair))
    return target


def _stored(constants: Whitening) -> dict[str, np.ndarray]:
    return {"mean": constants.mean, "whitening": constants.matrix.astype(np.float16)}


class Batches(keras.utils.PyDataset):
    """Batches of patches and targets, drawn anew in each epoch: half mixtures, half patches of songs, two of each."""

    def __init__(self, songs: list[Taught], mixtures: Mixtures, seed: int) -> None:
        super().__init__()
        self.epoch = 0
        self._songs, self._mixtures, self._seed = songs, mixtures, seed
        self._space = whitening.of_teacher([each.embeddings for each in songs])
        stretches = [each.said[:, 1:].astype(np.float32) for each in songs]
        self._stretch_space = whitening.of_teacher([each.reshape(-1, each.shape[2]) for each in stretches])
        groups = sorted({each.song.group for each in songs})
        self._groups = [groups.index(each.song.group) for each in songs]

    def __len__(self) -> int:
        return STEPS

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Patches (4 SONGS_IN_A_BATCH, PATCH_FRAMES, N_MELS) and targets as `objective.Taught` wants them."""
        chance = np.random.default_rng([self._seed, self.epoch, step])
        contexts, said, numbers = [], [], []
        for number in chance.choice(len(self._songs), SONGS_IN_A_BATCH, replace=False):
            taught = self._songs[number]
            count = len(taught.starts)
            for at in chance.choice(count, 2, replace=count < 2):
                contexts.append(patches.context(taught.song, taught.starts[at]))
                said.append(taught.said[at])
                numbers.append((number, self._groups[number]))
        drawn = chance.choice(len(self._mixtures), 2 * SONGS_IN_A_BATCH, replace=False)
        mixed = self._mixtures.patches(drawn)
        said.extend(self._mixtures.said[drawn])
        numbers.extend((-1 - each, -1) for each in range(len(drawn)))
        contexts = np.stack(contexts)
        others = np.roll(patches.middle(contexts), 2 * int(chance.integers(1, SONGS_IN_A_BATCH)), axis=0)
        given = [alterations.altered(contexts, others, chance), alterations.altered(mixed, others, chance)]
        said = np.stack(said).astype(np.float32)
        stretches = self._stretch_space(said[:, 1:]).reshape(len(said), -1)
        targets = [self._space(said[:, 0]), stretches, np.array(numbers)]
        return np.concatenate(given), np.concatenate(targets, axis=1).astype(np.float32)


class _Record(keras.callbacks.Callback):
    """After each epoch: how the network does on held-out songs, a line in the log and in history.csv, the curves."""

    def __init__(self, run: Run, network: keras.Model, batches: Batches, unseen: list[Taught], say: Say) -> None:
        super().__init__()
        self._run, self._network, self._batches, self._unseen, self._say = run, network, batches, unseen, say
        self._teacher = scores(unseen, None) if unseen else None
        self._begun, self._spoken = 0.0, False

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._batches.epoch = epoch
        self._begun = time.monotonic()
        if not self._spoken:
            self._say(f"begins with epoch {epoch + 1} of {self._run.epochs}")
            self._spoken = True

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        row = {"epoch": epoch + 1, "seconds": time.monotonic() - self._begun, **logs}
        if self._unseen:
            found: Scores = scores(self._unseen, lambda given: self._network.predict_on_batch(given))
            row |= found._asdict()
            row |= {f"teacher_{name}": value for name, value in self._teacher._asdict().items()}
        history = self._run.work / "history.csv"
        rows = _kept(history, epoch)
        rows.append({name: round(float(value), 5) for name, value in row.items()})
        partial = history.with_suffix(".partial")
        with partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[-1])
            writer.writeheader()
            writer.writerows(rows)
        partial.rename(history)
        draw(rows, self._run.work / "curves.svg")
        told = " ".join(f"{name}={value:.4g}" for name, value in row.items() if name != "epoch")
        self._say(f"epoch {epoch + 1}/{self._run.epochs}: {told}")


def _kept(history: Path, epochs: int) -> list[dict]:
    """The first rows of an earlier run's history."""
    if not history.exists():
        return []
    with history.open(newline="") as file:
        return list(csv.DictReader(file))[:epochs]
