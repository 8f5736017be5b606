"""What plays say: the regression against the plain formula, the tastes against what the factorization itself ranks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from nightjar.recommend import behaviour, behaviour_table
from nightjar.recommend.behaviour import Behaviour
from nightjar.recommend.library import Forgotten
from nightjar.thresholds import (
    BEHAVIOUR_DAMPING,
    NEIGHBOURS_PER_SEED,
    RIDGE_NEIGHBOURS,
    RIDGE_PENALTY,
    RIDGE_SCALE,
    TASTE_CONFIDENCE,
    TASTE_FACTORS,
    TASTE_PENALTY,
    TASTE_WEIGHT,
)
from tests.nightjar.recommend import small

STYLES, SONGS, PEOPLE = 4, 40, 200


def crowd(songs: int = SONGS, people: int = PEOPLE) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """People who play a third of the songs of one style, and a few of the others: song s is of style s % STYLES."""
    random = np.random.default_rng(7)
    same = (np.arange(songs)[None, :] - np.arange(people)[:, None]) % STYLES == 0
    users, played = np.nonzero(random.random((people, songs)) < np.where(same, 0.4, 0.02))
    return users, played, np.round(random.uniform(0.1, 1.0, len(users)), 3)


def fitted(songs: int = SONGS, offered: np.ndarray | None = None, people: int = PEOPLE) -> Behaviour:
    return behaviour.fit(*crowd(songs, people), np.ones(songs, bool) if offered is None else offered)


def test_weights_are_relative_to_the_most_played():
    weights = behaviour.relative(np.array([0, 0, 2, 2]), np.array([1.0, 4.0, 0.5, 0.25]))
    assert weights.tolist() == [0.25, 1.0, 1.0, 0.5]
    assert not len(behaviour.relative(np.zeros(0, int), np.zeros(0)))


def test_neighbours_are_the_ridge_regression_among_all_songs_that_share_a_listener():
    users, songs, weights = crowd()
    plays = np.zeros((PEOPLE, SONGS))
    plays[users, songs] = weights
    listeners = (plays > 0).sum(axis=0)
    scaled = plays * listeners**-RIDGE_SCALE
    assert SONGS <= RIDGE_NEIGHBOURS
    expected = np.zeros((SONGS, SONGS))
    for song in range(SONGS):
        together = scaled.T @ scaled[:, song]
        together[song] = 0
        others = np.flatnonzero(together)
        inner = scaled[:, others].T @ scaled[:, others] + RIDGE_PENALTY * np.eye(len(others))
        expected[others, song] = np.linalg.solve(inner, scaled[:, others].T @ scaled[:, song])
    expected *= listeners[:, None] ** -RIDGE_SCALE * listeners ** (RIDGE_SCALE - BEHAVIOUR_DAMPING)
    assert fitted().neighbours.toarray() == pytest.approx(np.maximum(expected, 0), abs=1e-5)


def test_what_the_plays_say_stays_within_a_style():
    made = fitted()
    says = made.neighbours.toarray() + made.tastes @ made.damped.T
    np.fill_diagonal(says, -1)
    best = says.argmax(axis=1)
    assert np.mean(best % STYLES == np.arange(SONGS) % STYLES) > 0.9
    assert made.neighbours.data.min() > 0
    assert not made.neighbours.diagonal().any()


def test_the_tastes_rank_as_the_factorization_does():
    from implicit.cpu.als import AlternatingLeastSquares

    songs, people = 400, 600
    users, played, weights = crowd(songs, people)
    plays = csr_matrix((weights.astype(np.float32), (users, played)), shape=(people, songs))
    made = fitted(songs, people=people)
    model = AlternatingLeastSquares(
        factors=TASTE_FACTORS, regularization=TASTE_PENALTY, alpha=TASTE_CONFIDENCE, random_state=1
    )
    model.fit(plays, show_progress=False)
    theirs = model.user_factors @ model.item_factors.T
    ours = plays.toarray() @ made.tastes @ made.tastes.T
    agree = [np.corrcoef(theirs[user], ours[user])[0, 1] for user in range(0, people, 20)]
    assert np.median(agree) > 0.9


def test_known_songs_are_damped():
    made = fitted()
    factor = TASTE_WEIGHT * np.maximum(made.listeners, 1) ** -BEHAVIOUR_DAMPING
    assert made.damped == pytest.approx(made.tastes * factor[:, None], rel=1e-5)


def test_rows_are_cut_and_songs_that_are_not_offered_are_nobodys_neighbours():
    songs = 3 * NEIGHBOURS_PER_SEED
    offered = np.arange(songs) % 3 > 0
    made = fitted(songs, offered, people=900)
    assert np.diff(made.neighbours.indptr).max() <= NEIGHBOURS_PER_SEED
    assert offered[made.neighbours.indices].all()
    assert np.diff(made.neighbours.indptr)[~offered].any()  # what they say for others is heard


def test_the_same_plays_give_the_same_numbers():
    first, second = fitted(), fitted()
    assert np.array_equal(first.tastes, second.tastes)
    assert np.array_equal(first.neighbours.data, second.neighbours.data)


def test_nobody_plays_anything_and_one_plays_one_song():
    none = np.zeros(0, dtype=np.int64)
    empty = behaviour.fit(none, none, np.zeros(0), np.ones(3, bool))
    assert (empty.neighbours.nnz, empty.tastes.any(), empty.listeners.tolist()) == (0, False, [0, 0, 0])
    alone = behaviour.fit(np.array([0]), np.array([1]), np.ones(1), np.ones(3, bool))
    assert alone.neighbours.nnz == 0
    assert not alone.tastes[[0, 2]].any()


def test_the_table_gives_back_what_it_was_made_from():
    songs = {f"s{number:02d}": ("2026-11-20", None, None) for number in range(SONGS)}
    library = small.library(songs)
    users, played, weights = crowd()
    some = played % 5 > 0  # every fifth song is played by nobody
    made = behaviour.fit(users[some], played[some], weights[some], library.offered)
    table = behaviour_table.rows(library, made)
    assert table.num_rows == np.count_nonzero(made.listeners)
    again = behaviour_table.behaviour(library, table)
    assert again.neighbours.toarray() == pytest.approx(made.neighbours.toarray())
    for name in ("tastes", "damped", "listeners"):
        assert np.array_equal(getattr(again, name), getattr(made, name))


def test_the_table_of_another_moment():
    """A song was taken down, one is not in the library, and one has a copy."""
    songs = {f"s{number:02d}": ("2026-11-20", None, None) for number in range(SONGS)}
    table = behaviour_table.rows(small.library(songs), fitted())
    later = {name: each for name, each in songs.items() if name != "s07"} | {"z": ("2026-11-21", None, None)}
    library = small.library(later, copies={"s03": "s03", "z": "s03"}, forgotten=Forgotten(frozenset({"s11"})))
    made = behaviour_table.behaviour(library, table)
    z, first, gone = library.rows(["z", "s03", "s11"])
    assert gone not in made.neighbours.indices
    assert made.neighbours.indices.max() < len(library)
    assert np.array_equal(made.neighbours[[z]].toarray(), made.neighbours[[first]].toarray())
    assert np.array_equal(made.tastes[z], made.tastes[first])
    nothing = behaviour_table.behaviour(library, table.slice(0, 0))
    assert (nothing.neighbours.nnz, nothing.tastes.any()) == (0, False)
