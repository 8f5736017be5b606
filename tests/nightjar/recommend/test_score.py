"""Scores of candidates and their reasons, on tables that one can check by eye."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from nightjar.recommend import score
from nightjar.recommend.behaviour import Behaviour
from nightjar.recommend.score import Neighbours
from nightjar.thresholds import DISLIKE_SHARE, SOUND_HALF_LISTENERS, SOUND_WEIGHT, TASTE_WEIGHT
from tests.nightjar.recommend.small import tables


def test_scores_and_reasons():
    known = tables(5, {(0, 3): 0.8, (1, 3): 0.4, (1, 4): 0.9, (2, 4): 0.9}, {(0, 3): 0.02})
    seeds, weights = np.array([0, 1, 2]), np.array([3.0, 1.0, -2.0])
    songs, scores = score.candidates(known, seeds, weights)
    assert songs.tolist() == [3]  # of song 4 the skipped seed takes as much as the liked one gives
    assert scores[0] == pytest.approx(0.75 * (SOUND_WEIGHT * 0.8 + 0.02) + 0.25 * SOUND_WEIGHT * 0.4, abs=1e-6)
    made, pushed = score.contributions(known, seeds, weights, np.array([3, 4]))
    assert [each.song for each in made] == [0, 1]
    assert sum(each.score for each in made) == pytest.approx(scores[0], abs=1e-6)
    assert score.source_and_reasons(made) == ("both", [0, 1])
    assert [each.song for each in pushed] == [1, 2]
    assert pushed[1].score == pytest.approx(-2 * DISLIKE_SHARE / 4 * SOUND_WEIGHT * 0.9)


def test_tastes_speak_for_the_neighbours_of_any_seed():
    played = Behaviour.of(
        csr_array(np.array([[0, 0, 0.1, 0], *[[0.0] * 4] * 3])),
        np.array([[1, 0], [0, 1], [0.5, 0.5], [1, 1]], np.float32),
        np.array([1, 1, 1, 1]),
    )
    known = Neighbours.of(csr_array((4, 4)), played)
    songs, scores = score.candidates(known, np.array([0, 1]), np.array([3.0, 1.0]))
    assert songs.tolist() == [2]  # song 3 is nobody's neighbour, though it would suit the taste best
    taste = 0.5 * TASTE_WEIGHT
    assert scores[0] == pytest.approx(0.75 * (0.1 + taste) + 0.25 * taste)
    (made,) = score.contributions(known, np.array([0, 1]), np.array([3.0, 1.0]), songs)
    assert [(each.song, each.co_listening) for each in made] == [
        (0, pytest.approx(0.1 + taste)),
        (1, pytest.approx(taste)),
    ]
    assert score.source_and_reasons(made) == ("co_listened", [0, 1])


def test_what_is_unlike_a_disliked_song_is_not_therefore_liked():
    tastes = np.array([[1, 0], [-1, 0], [-5, 0], [0, 1]], np.float32)
    played = Behaviour.of(csr_array(np.array([[0, 0, 0, 0.1], *[[0.0] * 4] * 3])), tastes, np.ones(4, int))
    known = Neighbours.of(csr_array((4, 4)), played)
    seeds, weights = np.array([0, 2]), np.array([1.0, -9.0])
    songs, scores = score.candidates(known, seeds, weights)
    assert (songs.tolist(), scores.tolist()) == ([3], [pytest.approx(0.1)])
    for made in score.contributions(known, seeds, weights, np.array([1, 3])):
        assert all(each.song == 0 for each in made)


def test_the_sound_counts_less_for_a_song_that_many_play():
    half = round(SOUND_HALF_LISTENERS)
    played = Behaviour.of(csr_array((3, 3)), np.zeros((3, 1), np.float32), np.array([0, 0, half]))
    known = Neighbours.of(csr_array(np.array([[0, 0.8, 0.8], [0] * 3, [0] * 3])), played)
    songs, scores = score.candidates(known, np.array([0]), np.array([1.0]))
    assert dict(zip(songs.tolist(), scores.tolist(), strict=True)) == pytest.approx(
        {1: 0.8 * SOUND_WEIGHT, 2: 0.4 * SOUND_WEIGHT}
    )


def test_nothing_is_known_of_a_user_who_only_skips():
    songs, scores = score.candidates(tables(2, {(0, 1): 0.9}), np.array([0]), np.array([-1.0]))
    assert len(songs) == len(scores) == 0
