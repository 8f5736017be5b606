"""Alignment: where two prints agree, and when they say nothing."""

from __future__ import annotations

import acoustid
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightjar.duplicates.lines import best_line, follow
from nightjar.duplicates.match import FIRST_WORD_S, SPEEDS, WORD_S, Query, similarity, spans
from nightjar.duplicates.places import likely_places, lookup_table, work_space
from nightjar.thresholds import SIMPLER_GAIN
from tests.nightjar.duplicates.made import words, worse


def align(a: np.ndarray, b: np.ndarray):
    """The span with the largest gain, or None."""
    found = spans(a, Query([b]))
    return found[0] if found else None


def stretched(print_: np.ndarray, rate: float) -> np.ndarray:
    """The print of a song at the same pitch, played `rate` times faster."""
    return print_[np.arange(0, len(print_) - 1, rate).round().astype(int)]


def test_finds_a_fragment_anywhere_in_a_song():
    song = words(1, 1900)
    for start in (0, 333, 1821):
        found = align(song, worse(song[start : start + 79], 0.05))
        assert found.start_a == pytest.approx(start, abs=0.6)
        assert (found.start, found.length) == (0, 79)
        assert found.similarity == pytest.approx(0.95, abs=0.01)
        assert found.a_s == pytest.approx(start * WORD_S, abs=0.1)
        assert found.seconds == pytest.approx(FIRST_WORD_S + 78 * WORD_S, rel=0.01)


def test_an_added_intro_gives_a_span_and_an_offset():
    song = words(2, 400)
    found = align(song, np.concatenate([words(3, 150), song]))
    assert abs(found.start - 150) <= 1
    assert found.start_a == pytest.approx(0, abs=1.1)
    assert abs(found.length - 400) <= 1


def test_a_mash_of_two_songs_matches_in_its_part_only():
    song = words(4, 400)
    found = align(song, np.concatenate([words(5, 200), song[100:300], words(6, 100)]))
    assert found.start_a == pytest.approx(100, abs=2)
    assert abs(found.start - 200) <= 2
    assert abs(found.length - 200) <= 4


def test_a_cut_in_the_middle_gives_two_spans():
    song = words(4, 600)
    found = spans(song, Query([np.concatenate([song[:200], song[330:]])]))
    ordered = sorted(found, key=lambda span: span.start)
    assert [round(span.start_a / 10) for span in ordered] == [0, 33]
    assert sum(span.length for span in found) == pytest.approx(470, abs=6)


def test_two_songs_in_one_are_both_found():
    one, other = words(5, 300), words(6, 300)
    mash = Query([np.concatenate([one[50:250], other[20:220]])])
    assert align_in(one, mash) == pytest.approx((50, 0, 200), abs=2)
    assert align_in(other, mash) == pytest.approx((20, 200, 200), abs=2)


def align_in(a: np.ndarray, query: Query) -> tuple[float, int, int]:
    (found,) = spans(a, query)
    return found.start_a, found.start, found.length


@pytest.mark.parametrize("rate", [0.95, 0.96, 0.985, 1.01, 1.04, 1.05])
def test_another_tempo_is_followed_to_the_end(rate: float):
    song = words(7, 800)
    found = align(song, worse(stretched(song, rate), 0.03))
    assert found.rate == pytest.approx(rate, abs=0.002)
    assert found.length > 0.97 * 800 / rate
    assert found.similarity > 0.85  # neighbouring words are alike, so that half a word off costs little


@pytest.mark.parametrize("at", [0, 5, 16])
def test_another_speed_is_found_among_the_prints(at: int):
    song = words(8, 500)
    prints = [words(900 + number, 500) for number in range(len(SPEEDS))]
    prints[at] = worse(song, 0.1)
    (found,) = spans(song, Query(prints))
    assert found.speed == SPEEDS[at]
    assert found.tempo == pytest.approx(SPEEDS[at], abs=0.003)
    assert found.length == 500


@pytest.mark.parametrize("wrong", [0.0, 0.04, 0.1, 0.2])
@pytest.mark.parametrize("held", [1, 6])
@pytest.mark.parametrize("tempo", [1.0, 1.02, 0.97])
def test_leaving_out_places_on_a_good_line_changes_nothing(tempo: float, held: int, wrong: float):
    """Of a copy most places lead to one line; not at another tempo, nor where sounds are held for `held` words."""
    song = np.repeat(words(20, 360 // held), held)
    prints = [worse(stretched(song[40:], tempo), wrong, 1), words(21, 300), worse(song[: 10 * held], wrong, 2)]
    starts = np.cumsum([0, *map(len, prints)])
    together, rates = np.concatenate(prints), np.array([[0.94, 1.06], [0.97, 1.03], [0.95, 1.05]])
    table, space = lookup_table(together, starts), work_space(starts)
    best = own = (0, 0, 0.0, 1.0, 0, 0)
    for number, start, stop, diagonal in likely_places(song, starts, *table, *space):
        gain, *line = follow(song, prints[number], start, stop, diagonal, *rates[number])
        best = max(best, (gain, number, *line), key=lambda each: each[0])
        own = max(own, (gain, number, *line), key=lambda each: each[0] if each[1] == 0 else 0)
    assert best_line(song, together, starts, rates, table, *space) == (
        own if own[0] >= SIMPLER_GAIN * best[0] else best
    )


def test_different_songs_share_no_span_worth_the_name():
    found = [align(words(seed, 300), words(seed + 1000, 300)) for seed in range(200)]
    assert max((each.gain for each in found if each), default=0) < 60


@given(st.integers(0, 1000), st.integers(40, 200), st.integers(0, 150), st.floats(0, 0.15))
@settings(max_examples=60, deadline=None)
def test_is_symmetric(seed: int, length: int, start: int, share: float):
    song = words(seed, 400)
    part = worse(song[start : start + length], share, seed)
    one, other = align(song, part), align(part, song)
    assert one.start_a - one.start == pytest.approx(start, abs=2)
    assert other.start_a - other.start == pytest.approx(-start, abs=2)
    assert one.gain == pytest.approx(other.gain, rel=0.05)


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


def test_a_song_of_two_hours_is_compared_whole():
    song = words(15, 57_000)
    found = align(song, song[50_000:50_200])
    assert (found.start_a, found.length) == (pytest.approx(50_000, abs=0.6), 200)
    assert align(song[50_000:50_200], song).start == pytest.approx(50_000, abs=1)


def test_other_parts_are_compared_where_the_songs_lie():
    song, voice = words(12), words(13)
    at = spans(song, Query([song[50:200]]))
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
