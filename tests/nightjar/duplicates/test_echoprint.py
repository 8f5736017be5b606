from __future__ import annotations

import numpy as np
import pytest

from nightjar.duplicates.echoprint import (
    ECHOPRINT_MATCH_SCORE,
    ECHOPRINT_MAX_REPEATS,
    ECHOPRINT_MIN_CODES,
    FRAME_S,
    compare,
)

FRAMES = 2000


def onsets(seed: int, frames: int = FRAMES) -> list[np.ndarray]:
    """Times of random onsets in eight bands, in frames, about three in two seconds."""
    rng = np.random.default_rng(seed)
    return [np.sort(rng.choice(frames, size=frames // 29, replace=False)) for _ in range(8)]


def coded(bands: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Codes and times as `embedder.echoprint` makes them: each onset with every two of the four that follow."""
    made = []
    for band, times in enumerate(bands):
        for at, start in enumerate(times):
            following = times[at + 1 : at + 5]
            for one in range(len(following)):
                for two in range(one + 1, len(following)):
                    first, second = following[one] - start, following[two] - following[one]
                    if first < 256 and second < 512:
                        made.append((start, band << 17 | first << 9 | second))
    made.sort()
    return np.array([code for _, code in made], np.uint32), np.array([time for time, _ in made], np.uint32)


def jittered(bands: list[np.ndarray], lost: float, seed: int = 0) -> list[np.ndarray]:
    """A share `lost` of the onsets is missing, half of the others are a frame late."""
    rng = np.random.default_rng(seed)
    kept = [times[rng.random(len(times)) >= lost] for times in bands]
    return [np.unique(times + rng.integers(0, 2, len(times))) for times in kept]


def test_equal_songs_agree_at_once():
    song = coded(onsets(1))
    found = compare(song, song)
    assert found.share == 1.0
    assert found.offset_s == pytest.approx(0.0, abs=FRAME_S / 2)
    assert found.codes >= len(song[0])
    assert found.score > 20
    assert found.matches


@pytest.mark.parametrize("start", [0, 431, 1500])
def test_a_fragment_is_found_where_it_was_cut_out(start: int):
    song = onsets(2)
    piece = coded([times[(times >= start) & (times < start + 430)] - start for times in song])
    found = compare(coded(song), piece)
    assert found.offset_s == pytest.approx(start * FRAME_S, abs=FRAME_S)
    assert found.share == 1.0
    assert compare(piece, coded(song)).offset_s == pytest.approx(-start * FRAME_S, abs=FRAME_S)


def test_missing_and_late_onsets_leave_more_than_chance():
    song = onsets(3)
    found = compare(coded(song), coded(jittered(song, 0.3)))
    chance = max(compare(coded(song), coded(onsets(100 + seed))).score for seed in range(50))
    assert found.score > 5 * chance
    assert found.matches
    assert chance < ECHOPRINT_MATCH_SCORE / 2
    assert found.offset_s == pytest.approx(-FRAME_S / 2, abs=FRAME_S)


def test_an_interval_may_be_a_frame_off_and_no_more():
    song = coded(onsets(4))
    for late, agree in ((1, True), (-1, True), (3, False)):
        moved = (song[0] + np.uint32(late % 2**32), song[1])
        assert (compare(song, moved).share > 0.9) is agree


def test_a_bar_that_repeats_weighs_little():
    loop = [np.arange(5 * band, FRAMES, 43) for band in range(8)]
    found = compare(coded(loop), coded([times[times >= 300] for times in loop]))
    assert found.codes > 1000
    assert not found.matches
    assert compare(coded(onsets(5)), coded(jittered(onsets(5), 0.3))).matches


def test_changing_places_changes_the_sign_of_the_offset():
    for seed in range(20):
        song = onsets(seed)
        one, other = coded(song), coded(jittered([times + 50 for times in song], 0.5, seed))
        there, back = compare(one, other), compare(other, one)
        assert there.offset_s == pytest.approx(-back.offset_s)
        assert (there.codes, there.share) == (back.codes, back.share)
        assert there.score == pytest.approx(back.score)
        assert 0 <= there.share <= 1


def test_few_codes_are_not_comparable():
    song = coded(onsets(6))
    few = tuple(part[: ECHOPRINT_MIN_CODES - 1] for part in song)
    nothing = (np.zeros(0, np.uint32), np.zeros(0, np.uint32))
    for short in (few, nothing):
        assert compare(song, short) is None
        assert compare(short, song) is None
    assert compare(song, tuple(part[:ECHOPRINT_MIN_CODES] for part in song)) is not None


def test_songs_without_a_common_code_agree_in_nothing():
    one, other = (np.arange(100, dtype=np.uint32), (np.arange(100) + 5 * 10**5).astype(np.uint32))
    found = compare((one, one), (other, one))
    assert (found.codes, found.share, found.score) == (0, 0.0, 0.0)


def test_one_code_without_end_costs_nothing_and_tells_nothing():
    many = 20 * ECHOPRINT_MAX_REPEATS
    same = (np.full(many, 12345, np.uint32), np.arange(many, dtype=np.uint32))
    assert compare(same, same).codes == 0
