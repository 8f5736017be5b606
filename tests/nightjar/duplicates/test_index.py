"""Candidates from prints: what shares keys with what, and that nothing else does."""

from __future__ import annotations

import numpy as np
import pytest

from nightjar.duplicates.index import Index, keys_of
from nightjar.thresholds import INDEX_KEY_SAMPLE
from tests.nightjar.duplicates.made import words, worse


def met(index: Index, *older: np.ndarray) -> dict[tuple[int, int], int]:
    """Hits by (older, younger)."""
    found = [keys_of(each) for each in older]
    starts = np.concatenate([[0], np.cumsum([len(keys) for keys, _ in found])]).astype(np.int64)
    columns = (np.concatenate([each[column] for each in found]) for column in (0, 1))
    return {(int(a), int(b)): int(count) for a, b, count in zip(*index.meet(*columns, starts), strict=True)}


def test_a_share_of_the_keys_is_kept_and_the_same_of_every_copy():
    song = words(1, 4000)
    keys, at = keys_of(song)
    assert len(keys) == pytest.approx(4000 / INDEX_KEY_SAMPLE, rel=0.15)
    later, at_later = keys_of(song[1000:])
    assert np.array_equal(keys[at >= 1000], later)
    assert np.array_equal(at[at >= 1000] - 1000, at_later)


@pytest.mark.parametrize("nothing", [np.zeros(0, np.uint32), words(2, 4), np.full(500, 627964279, np.uint32)])
def test_short_prints_and_silence_have_next_to_no_keys(nothing: np.ndarray):
    assert len(keys_of(nothing)[0]) <= 1


def test_songs_meet_those_they_are_copies_of():
    songs = [words(seed, 300) for seed in range(10, 40)]
    fragment = worse(songs[7][100:160], 0.03)
    index = Index([[worse(songs[3], 0.05)], [words(99, 300)], [fragment]])
    assert set(met(index, *songs)) == {(3, 0), (7, 2)}


def test_a_copy_at_another_speed_meets_by_the_print_that_undoes_it():
    song = words(50, 300)
    speeds = [words(200 + number, 300) for number in range(17)]
    speeds[11] = worse(song, 0.1)
    assert set(met(Index([speeds]), words(51, 300), song)) == {(1, 0)}


def test_keys_that_fit_at_no_common_place_do_not_count():
    song = words(60, 400)
    pieces = [song[start : start + 8] for start in range(0, 400, 8)]
    shuffled = np.concatenate([pieces[at] for at in np.random.default_rng(1).permutation(len(pieces))])
    whole, torn = (met(Index([[each]]), song).get((0, 0), 0) for each in (song, shuffled))
    assert torn < whole / 10


def test_no_songs_at_all():
    assert met(Index([]), words(1)) == {}
    assert met(Index([[np.zeros(0, np.uint32)]]), words(1)) == {}


def test_songs_far_into_a_long_one():
    song = words(70, 50_000)
    assert set(met(Index([[song[48_000:48_100]]]), song)) == {(0, 0)}
