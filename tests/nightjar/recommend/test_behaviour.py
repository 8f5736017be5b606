"""What plays say: the regression against the plain formula, the tastes against what the factorization itself ranks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from nightjar.recommend import behaviour
from nightjar.recommend.behaviour import Behaviour
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
    says = made.neighbours.toarray() + made.tastes @ made.tastes.T * Behaviour.reach(made.listeners)
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
    listeners = np.array([0, 1, 40])
    factor = TASTE_WEIGHT * np.maximum(listeners, 1) ** -BEHAVIOUR_DAMPING
    assert Behaviour.reach(listeners) == pytest.approx(factor, rel=1e-6)
    assert factor[2] < factor[1]


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
