"""A whole small run: songs of three kinds of sound are taught by a teacher that knows the kinds."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest

from embedder import signal
from embedder.training import held_out, material, mixtures, patches, spectrograms, whitening, workers

RUN = """
import json, sys
from pathlib import Path
import numpy as np
import pytest
from embedder import nightjar_cnn, signal
from nightjar.errors import NightjarError
from embedder.training import mixtures, patches, run
run.STEPS, run.WARM_UP_STEPS, run.SONGS_IN_A_BATCH, mixtures.CHUNK, run.CHUNK = 2, 1, 6, 12, 12

def hear(cut):
    length = nightjar_cnn.STRETCH_FRAMES
    parts = [cut, *(cut[:, at : at + length] for at in range(0, signal.PATCH_FRAMES, length))]
    heard = [[part[:, :, :32].mean((1, 2)), part[:, :, 32:].mean((1, 2)), part.std((1, 2))] for part in parts]
    return np.moveaxis(np.array(heard), 2, 0)

class Teacher:
    def of_songs(songs, kept, processes, say):
        for song in songs:
            starts, cut = patches.cut(song)
            _, altered = patches.altered(song, starts)
            patches.keep(song, kept, starts, hear(cut), hear(altered)[:, 0])

    def of_mixtures(songs, chunks, seed, kept, processes, say):
        kept.mkdir(exist_ok=True)
        for chunk in range(chunks):
            made = mixtures.make(songs, seed, chunk)
            mixtures.keep(kept, chunk, made, hear(made.astype("f")))

work, said = Path(sys.argv[1]), []

def train(epochs, seed=1):
    asked = run.Run([work.parent / "songs"], work, frozenset(["high"]), 2, epochs, seed, processes=1)
    try:
        return run.train(asked, Teacher, said.append)
    except NightjarError as error:
        said.append(str(error))

def tell(made):
    network = nightjar_cnn.load(made)
    with np.load(made.parent / run.PAIR) as pair:
        said.append(f"pair {pair['mean'].shape[0] - nightjar_cnn.DIMENSIONS} {pair['whitening'].shape[1]}")
    given = np.random.default_rng(1).uniform(0, 3, (2, 187, 96)).astype("f")
    print(json.dumps({"said": said, "answer": network.predict_on_batch(given).tolist()}))
"""
GO_ON = """
made = train(3)
latest = work / "backup" / "latest.weights.h5"
latest.write_bytes(latest.read_bytes()[:10_000])
train(4)
train(4, seed=7)
(work / "backup" / "training_metadata.json").write_text("")
train(5)
tell(made)
"""


def _epochs(said: list[str]) -> list[str]:
    return [line.split(":")[0] for line in said if line.startswith("epoch")]


@pytest.mark.services  # each day: what a run is made of, in the tests beside it
def test_a_run_goes_on_where_it_stopped_and_a_damaged_backup_costs_an_epoch_at_most(songs, python):
    """Each process imports and compiles for half a minute, so that two tell the whole story."""
    work = songs / "work"
    first = json.loads(python(RUN + "tell(train(2))", work).splitlines()[-1])["said"]
    assert any("left out broken.wav" in line for line in first)
    assert any("8 songs to train on and 24 mixtures of them, 4 songs held out" in line for line in first)
    assert _epochs(first) == ["epoch 1/2", "epoch 2/2"]
    assert first[-1] == "pair 3 200"
    second = json.loads(python(RUN + GO_ON, work).splitlines()[-1])
    said = second["said"]
    assert _epochs(said) == ["epoch 3/3", "epoch 3/4", "epoch 4/4"]
    assert [line for line in said if "was begun by another run (seed: 1, not 7)" in line]
    assert "if its folder backup is damaged, remove it" in said[-2]
    with (work / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1.0", "2.0", "3.0", "4.0"]
    assert 0 <= float(rows[-1]["group_map"]) <= 1
    assert (work / "curves.svg").read_text().startswith("<svg")
    assert np.isfinite(second["answer"]).all()


@pytest.mark.services
def test_another_backend_trains_it_too(songs, python, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    made = json.loads(python(RUN + "tell(train(2))", songs / "work-torch").splitlines()[-1])
    assert _epochs(made["said"]) == ["epoch 1/2", "epoch 2/2"]
    assert np.isfinite(made["answer"]).all()


def test_the_teacher_is_asked_once(songs, tmp_path, monkeypatch):
    from embedder.msd_musicnn import MsdMusicnn
    from embedder.nightjar_cnn import STRETCHES
    from embedder.training import teacher

    monkeypatch.setattr(workers, "SPEAK_S", math.inf)  # how far it is, a slow machine says between the two lines
    made = spectrograms.prepare([songs / "songs"], songs / "other", 1, lambda _: None)[:3]
    said = []
    teacher.of_songs(made, tmp_path, 1, said.append)
    assert said == ["teacher on songs: 3 to do", "teacher on songs: 3/3"]
    told = patches.taught(made[0], tmp_path)
    assert told.said.shape == (len(told.starts), 1 + STRETCHES, 200)
    _, cut = patches.cut(made[0])
    np.testing.assert_allclose(told.embeddings, MsdMusicnn()(cut), rtol=2e-3, atol=2e-3)  # halves
    teacher.of_songs(made, tmp_path, 1, said.append)
    assert len(said) == 2


def test_of_a_stretch_as_long_as_the_patch_the_teacher_says_what_it_says_of_the_patch(songs, monkeypatch):
    from embedder import msd_musicnn
    from embedder.training import teacher

    song = spectrograms.prepare([songs / "songs"], songs / "other", 1, lambda _: None)[0]
    _, cut = patches.cut(song)
    monkeypatch.setattr(teacher, "STRETCH_FRAMES", signal.PATCH_FRAMES)
    said = teacher._network.__wrapped__()(cut)
    assert said.shape == (len(cut), 2, msd_musicnn.DIMENSIONS)
    normalised = msd_musicnn.trained().layers[-1]
    np.testing.assert_allclose(normalised(np.maximum(said[:, 1], 0)), said[:, 0], atol=1e-4)


def test_mixtures_are_the_same_again_and_none_is_the_song_itself(songs, tmp_path, monkeypatch):
    from embedder.training import teacher

    monkeypatch.setattr(mixtures, "CHUNK", 5)
    made = spectrograms.prepare([songs / "songs"], songs / "other", 1, lambda _: None)
    first = mixtures.make(made, 3, 0)
    assert first.shape == (5, signal.PATCH_FRAMES, signal.N_MELS)
    assert np.array_equal(first, mixtures.make(made, 3, 0))
    assert not np.array_equal(first, mixtures.make(made, 3, 1))
    assert not np.array_equal(first, mixtures.make(made, 4, 0))
    for chunk in range(2):
        mixtures.keep(tmp_path, chunk, mixtures.make(made, 3, chunk), np.full((5, 1, 2), chunk))
    held = mixtures.Mixtures(tmp_path, 2)
    assert len(held) == 10
    assert np.array_equal(held.patches(np.array([7, 0])), np.stack([mixtures.make(made, 3, 1)[2], first[0]]))
    assert held.said[7].tolist() == [[1, 1]]
    said = []
    teacher.of_mixtures(made, 2, 3, tmp_path, 1, said.append)
    assert said == []  # they are there


def test_patches_of_a_song(songs):
    made = spectrograms.prepare([songs / "songs"], songs / "other", 1, lambda _: None)
    assert len(made) == 12
    song = made[0]
    at = patches.starts(len(song.frames()))
    assert list(at) == sorted(set(at))
    assert np.diff(at).min() >= signal.PATCH_FRAMES
    context = patches.context(song, at[0])
    assert context.shape == (patches.CONTEXT_FRAMES, signal.N_MELS)
    assert np.array_equal(patches.starts(10), [0])
    assert not patches.context(song, len(song.frames()))[1:].any()


def test_held_out_scores_of_a_perfect_and_of_a_blind_embedding(songs):
    made = spectrograms.prepare([songs / "songs"], songs / "other", 1, lambda _: None)
    kinds = {group: number for number, group in enumerate(sorted({song.group for song in made}))}
    told = [
        patches.Taught(song, np.array([0, 187]), np.eye(3)[[kinds[song.group]] * 2][:, None], np.zeros((2, 3)))
        for song in made
    ]
    assert held_out.scores(told, None).group_first == 1
    blind = held_out.scores(told, lambda given: np.random.default_rng(1).normal(size=(len(given), 4)))
    assert blind.group_map < 0.7


def test_whitening_silences_what_changes_within_songs():
    chance = np.random.default_rng(4)
    songs = [np.column_stack([chance.normal(0, 3, 50), np.full(50, each)]) for each in chance.normal(0, 1, 30)]
    found = whitening.of_songs(songs)
    said = np.array([found(song).mean(axis=0) for song in songs])
    within = np.concatenate([found(song) - found(song).mean(axis=0) for song in songs])
    assert said.std(axis=0).max() > 3 * within.std(axis=0).max() / np.sqrt(50)


def test_whitening_silences_what_alterations_change():
    chance = np.random.default_rng(7)
    songs = [chance.normal(chance.normal(size=3), 0.3, (30, 3)) for _ in range(40)]
    changes = [chance.normal(0, [0, 5, 0], (4, 3)) for _ in range(40)]
    before, after = (np.linalg.norm(whitening.of_songs(songs, each).matrix, axis=1) for each in ([], changes))
    assert after[1] < before[1] / 5
    assert after[[0, 2]].min() > after[1]


def test_altered_patches_of_a_song_are_the_same_again(songs):
    song = spectrograms.prepare([songs / "songs"], songs / "other", 1, lambda _: None)[0]
    starts = patches.starts(len(song.frames()))
    few, made = patches.altered(song, starts)
    assert made.shape == (len(few), signal.PATCH_FRAMES, signal.N_MELS)
    assert np.array_equal(made, patches.altered(song, starts)[1])
    assert not np.allclose(made, patches.cut(song)[1][few], atol=0.1)


def test_narrowed_whitening_keeps_what_tells_songs_apart():
    chance = np.random.default_rng(5)
    songs = [chance.normal(chance.normal(0, [3, 0.01, 2, 0.01]), 1, (30, 4)) for _ in range(40)]
    made = whitening.Embeddings(songs, [])
    found = whitening.narrowed(made, 2)
    assert found.matrix.shape == (4, 2)
    assert np.linalg.norm(found.matrix[[0, 2]]) > 3 * np.linalg.norm(found.matrix[[1, 3]])
    whole = whitening.narrowed(made, 9)
    assert whole.matrix.shape == (4, 4)


def test_two_embeddings_side_by_side_count_the_same():
    chance = np.random.default_rng(6)
    one, other = ([chance.normal(chance.normal(0, 3, d), 1, (30, d)) for _ in range(40)] for d in (3, 5))
    loud = [1000 * song for song in other]
    found = whitening.beside(whitening.Embeddings(one, []), whitening.Embeddings(loud, []), 8)
    assert found.matrix.shape == (8, 8)
    said = np.array([found(np.concatenate(both, axis=1)).mean(axis=0) for both in zip(one, loud, strict=True)])
    products = 0
    for songs in (one, other):
        white = whitening.of_songs(songs)
        alone = np.array([white(song).mean(axis=0) for song in songs])
        products += alone @ alone.T / np.linalg.norm(alone, axis=1).mean() ** 2
    np.testing.assert_allclose(said @ said.T, products, rtol=1e-2, atol=1e-2)


def test_packages_are_split_for_good():
    test, train = (set(material.package_names(each)) for each in (True, False))
    assert not test & train
    assert test | train == set(material.package_names())
    assert {"supertux-data", "wesnoth-1.16-music"} <= test
