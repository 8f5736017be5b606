"""Alignment: where two prints agree, and when they say nothing."""

from __future__ import annotations

import acoustid
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightjar.duplicates.match import FIRST_WORD_S, WORD_S, align, similarity
from tests.nightjar.duplicates.made import words, worse


def test_finds_a_fragment_anywhere_in_a_song():
    song = words(1, 1900)
    for start in (0, 333, 1821):
        found = align(song, worse(song[start : start + 79], 0.05))
        assert (found.offset, found.start, found.length, found.share) == (start, start, 79, 1.0)
        assert found.similarity == pytest.approx(0.95, abs=0.01)
        assert found.offset_s == pytest.approx(start * WORD_S)
        assert found.length_s == pytest.approx(FIRST_WORD_S + 78 * WORD_S)


def test_an_added_intro_gives_a_span_and_an_offset():
    song = words(2, 400)
    found = align(song, np.concatenate([words(3, 150), song]))
    assert (found.offset, found.start, found.length) == (-150, 0, 400)
    assert found.share == 1.0


def test_a_mash_of_two_songs_matches_in_its_part_only():
    song = words(4, 400)
    found = align(song, np.concatenate([words(5, 200), song[100:300], words(6, 100)]))
    assert found.offset == -100
    assert abs(found.start - 100) <= 2
    assert abs(found.length - 200) <= 4
    assert found.share == pytest.approx(0.5, abs=0.01)


def test_different_songs_share_no_span_worth_the_name():
    found = [align(words(seed, 300), words(seed + 1000, 300)) for seed in range(200)]
    assert max((each.length * (each.similarity > 0.8) for each in found if each), default=0) < 30


@given(st.integers(0, 1000), st.integers(40, 200), st.integers(0, 150), st.floats(0, 0.15))
@settings(max_examples=60, deadline=None)
def test_is_symmetric(seed: int, length: int, start: int, share: float):
    song = words(seed, 400)
    part = worse(song[start : start + length], share, seed)
    one, other = align(song, part), align(part, song)
    assert (one.offset, one.length, one.similarity) == (-other.offset, other.length, other.similarity)
    assert one.start == other.start + one.offset
    assert one.offset == start


@pytest.mark.parametrize(
    "nothing",
    [
        np.zeros(0, np.uint32),
        words(7, 11),
        np.full(300, 627964279, np.uint32),
        np.tile(words(8, 7), 40),
        np.repeat(words(8, 20), 15),
    ],
    ids=["empty", "short", "silence", "a word every second", "long steady tones"],
)
def test_prints_that_say_nothing_are_not_comparable(nothing: np.ndarray):
    song = np.concatenate([words(9, 200), nothing])
    assert align(nothing, nothing) is None
    assert align(song, nothing) is None
    assert align(nothing, song) is None


def test_common_silence_is_no_match():
    silence = np.full(200, 627964279, np.uint32)
    assert align(np.concatenate([words(10), silence]), np.concatenate([words(11), silence])) is None


def test_other_parts_are_compared_where_the_songs_lie():
    song, voice = words(12), words(13)
    at = align(song, song[50:200])
    assert similarity(voice, voice[50:200], at) == 1.0
    assert similarity(voice, voice[51:201], at) < 0.9
    assert similarity(voice, np.zeros(0, np.uint32), at) is None
    assert similarity(voice[:60], voice[50:200], at) is None


def test_finds_what_acoustids_own_comparison_cannot():
    """pyacoustid looks 120 words around; a fragment from farther on scores no better than another song."""
    song = words(14, 700)
    fragment = worse(song[400:480], 0.02)
    theirs = acoustid._match_fingerprints(song.tolist(), fragment.tolist())
    assert theirs < 0.1
    assert align(song, fragment).similarity > 0.95
    copy = worse(song, 0.02)
    assert acoustid._match_fingerprints(song[:200].tolist(), copy[:200].tolist()) > 0.5
    assert align(song, copy).similarity > 0.95
