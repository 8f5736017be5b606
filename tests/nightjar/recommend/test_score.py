"""Scores of candidates and their reasons, on tables that one can check by eye, and against plain arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from nightjar.recommend.behaviour import Behaviour
from nightjar.recommend.neighbours import Neighbours
from nightjar.recommend.ranking import considered
from nightjar.recommend.reasons import SOURCES, contributions, reasons
from nightjar.recommend.score import signed, smallest
from nightjar.thresholds import BECAUSE, DISLIKE_SHARE, SOUND_WEIGHT, TASTE_CANDIDATES, TASTE_WEIGHT
from tests.nightjar.recommend.small import tables


def why(known: Neighbours, seeds: np.ndarray, weights: np.ndarray, song: int) -> tuple[str, list[int]]:
    """Source and seeds, as a list has them."""
    sources, because = np.zeros(1, np.int8), np.full((1, BECAUSE), -1, np.int32)
    reasons(known, seeds, signed(weights), np.array([song]), sources, because)
    return SOURCES[sources[0]], because[0][because[0] >= 0].tolist()


def test_scores_and_reasons():
    known = tables(5, {(0, 3): 0.8, (1, 3): 0.4, (1, 4): 0.9, (2, 4): 0.9}, {(0, 3): 0.02})
    seeds, weights = np.array([0, 1, 2]), np.array([3.0, 1.0, -2.0])
    songs, scores = considered(known, seeds, weights)
    assert songs.tolist() == [3]  # of song 4 the skipped seed takes as much as the liked one gives
    assert scores[0] == pytest.approx(0.75 * (SOUND_WEIGHT * 0.8 + 0.02) + 0.25 * SOUND_WEIGHT * 0.4, abs=1e-6)
    made, pushed = (contributions(known, seeds, weights, song) for song in (3, 4))
    assert [(each.song, each.similarity) for each in made] == [(0, pytest.approx(0.8)), (1, pytest.approx(0.4))]
    assert sum(each.score for each in made) == pytest.approx(scores[0], abs=1e-6)
    assert why(known, seeds, weights, 3) == ("both", [0, 1])
    assert [each.song for each in pushed] == [1, 2]
    assert pushed[1].score == pytest.approx(-2 * DISLIKE_SHARE / 4 * SOUND_WEIGHT * 0.9, abs=1e-6)


def test_tastes_speak_for_the_neighbours_of_any_seed():
    played = Behaviour(
        csr_array(np.array([[0, 0, 0.1, 0], *[[0.0] * 4] * 3])),
        np.array([[1, 0], [0, 1], [0.5, 0.5], [1, 1]], np.float32),
        np.array([1, 1, 1, 1]),
    )
    known = Neighbours.of(csr_array((4, 4)), played)
    seeds, weights = np.array([0, 1]), np.array([3.0, 1.0])
    songs, scores = considered(known, seeds, weights)
    assert songs.tolist() == [2]  # song 3 is nobody's neighbour, though it would suit the taste best
    taste = 0.5 * TASTE_WEIGHT
    assert scores[0] == pytest.approx(0.75 * (0.1 + taste) + 0.25 * taste, rel=1e-4)
    assert [(each.song, each.co_listening) for each in contributions(known, seeds, weights, 2)] == [
        (0, pytest.approx(0.1 + taste)),
        (1, pytest.approx(taste)),
    ]
    assert why(known, seeds, weights, 2) == ("co_listened", [0, 1])


def test_what_is_unlike_a_disliked_song_is_not_therefore_liked():
    tastes = np.array([[1, 0], [-1, 0], [-5, 0], [0, 1]], np.float32)
    played = Behaviour(csr_array(np.array([[0, 0, 0, 0.1], *[[0.0] * 4] * 3])), tastes, np.ones(4, int))
    known = Neighbours.of(csr_array((4, 4)), played)
    seeds, weights = np.array([0, 2]), np.array([1.0, -9.0])
    songs, scores = considered(known, seeds, weights)
    assert (songs.tolist(), scores.tolist()) == ([3], [pytest.approx(0.1)])
    for song in (1, 3):
        assert all(each.song == 0 for each in contributions(known, seeds, weights, song))


def test_nothing_is_known_of_a_user_who_only_skips():
    songs, scores = considered(tables(2, {(0, 1): 0.9}), np.array([0]), np.array([-1.0]))
    assert len(songs) == len(scores) == 0


@given(st.integers(0, 2**32), st.integers(2, 60), st.booleans())
@settings(max_examples=60, deadline=None)
def test_scores_are_those_of_plain_arithmetic(seed, size, crowded):
    rng = np.random.default_rng(seed)
    size += TASTE_CANDIDATES if crowded else 0
    near, played = (np.where(rng.random((size, size)) < 0.1, rng.random((size, size)), 0) for _ in range(2))
    tastes = (0.1 * rng.standard_normal((size, 5))).astype(np.float32)
    known = Neighbours.of(csr_array(near), Behaviour(csr_array(0.05 * played), tastes, rng.integers(0, 9, size)))
    seeds = np.sort(rng.choice(size, min(size, 10), replace=False))
    weights = np.round(rng.normal(0.5, 1, len(seeds)), 3)
    weighed = signed(weights)

    table = np.zeros((size, size))
    rows = np.repeat(np.arange(size), np.diff(known.starts))
    table[rows, known.songs] = known.sound.astype(float) + known.played
    by_neighbours = weighed @ table[seeds]
    likes = (known.tastes * known.unit[:, None]).astype(float)
    liked = np.maximum(weighed, 0) @ likes[seeds] @ known.tastes.T.astype(float) * known.reach
    asked = np.flatnonzero(by_neighbours > 0)
    asked = asked[np.lexsort((asked, -by_neighbours[asked].astype(np.float32)))][:TASTE_CANDIDATES]
    plain = {song: by_neighbours[song] + liked[song] for song in asked.tolist()}

    songs, scores = considered(known, seeds, weights)
    found = dict(zip(songs.tolist(), scores.tolist(), strict=True))
    assert list(found.values()) == sorted(found.values(), reverse=True)
    for song in plain.keys() | found.keys():
        assert found.get(song, 0) == pytest.approx(max(plain.get(song, 0), 0), abs=2e-5), song


@given(st.lists(st.integers(0, 50), max_size=80), st.integers(0, 90))
@settings(deadline=None)
def test_the_smallest_come_first(numbers, wanted):
    keys = np.array(numbers, np.uint64)
    wanted = min(wanted, len(keys))
    smallest(keys, wanted)
    assert sorted(keys.tolist()) == sorted(numbers)
    assert sorted(keys[:wanted].tolist()) == sorted(numbers)[:wanted]
