"""Noises, drones, clocks and loops of their own are no copies of each other; copies of them are found."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from embedder.chromaprint import Print
from nightjar.duplicates.match import Query, spans
from nightjar.duplicates.verdict import DISTINCT, DUPLICATE, FRAGMENT, Prints, compare
from nightjar.thresholds import USUAL_CHANCE_BITS
from tests.nightjar.duplicates.heard import upload
from tests.nightjar.duplicates.lookalikes import RATE, sound
from tests.nightjar.duplicates.made import NOBODY_DB, packed, words, worse

SEEDS = (1, 2, 3)
EVERYDAY = (
    *("white noise", "pink noise", "brown noise", "blue noise", "a band of noise", "wind", "surf", "crowd"),
    *("fan of 118 Hz", "drone on C", "train", "vinyl crackle", "clicks in silence", "heartbeat", "test tones"),
    *("metronome", "metronome at 120", "metronome with accents", "drum loop", "drum loop at 120", "telephone keys"),
    *("tone and hiss", "held chords"),
)
"""Those that take least time to make; `tests.bench.lookalikes` compares all kinds, at all speeds."""


def heard(samples: np.ndarray) -> Prints:
    """An upload that nobody separated, at its own speed."""
    print_ = Print(RATE)
    print_.add((samples * 32767).astype(np.int16))
    own = print_.words()
    return Prints(own, own, np.zeros(0, np.uint32), NOBODY_DB)


@pytest.fixture(scope="module")
def uploads() -> dict[str, Prints]:
    return {f"{kind} #{seed}": heard(sound(kind, seed)) for kind in EVERYDAY for seed in SEEDS}


def test_independent_recordings_of_one_kind_are_distinct(uploads: dict[str, Prints]):
    found = {(a, b): compare(uploads[a], uploads[b]).verdict for a, b in combinations(uploads, 2)}
    assert {pair: verdict for pair, verdict in found.items() if verdict != DISTINCT} == {}


@pytest.mark.parametrize(
    ("kind", "encoding"),
    [("white noise", "mp3"), ("pink noise", "opus-24"), ("fan of 118 Hz", "ogg"), ("drum loop", "mp3")],
)
def test_a_copy_of_one_is_a_duplicate(kind: str, encoding: str, uploads: dict[str, Prints]):
    found = compare(uploads[f"{kind} #1"], upload(0.3 * sound(kind, 1), RATE, encoding))
    assert (found.verdict, found.speed) == (DUPLICATE, 1.0)
    assert found.share > 0.95


@pytest.mark.parametrize("kind", ["white noise", "telephone keys"])
def test_a_trimmed_copy_that_is_louder_is_found_where_it_lies(kind: str, uploads: dict[str, Prints]):
    samples = np.clip(2.5 * sound(kind, 1)[4 * RATE : 26 * RATE], -1, 1)
    found = compare(uploads[f"{kind} #1"], upload(samples, RATE, "mp3"))
    assert found.verdict == FRAGMENT
    assert found.share > 0.95
    assert found.offset_s == pytest.approx(4, abs=0.2)


def biased(seed: int, count: int = 240, likely: float = 0.9) -> np.ndarray:
    """A print whose words all lean towards the same one, as those of noise do."""
    other = np.random.default_rng(seed).random((count, 32)) >= likely
    return packed(other) ^ words(0, 1)


def test_chance_is_what_prints_score_where_they_do_not_match():
    song = words(1, 400)
    (usual,) = spans(song, Query([worse(song[50:300], 0.1)]))
    assert usual.chance == pytest.approx(16, abs=0.6)
    noise = biased(2)
    (found,) = spans(noise, Query([worse(noise[20:200], 0.02)]))
    assert found.chance == pytest.approx(32 * 2 * 0.9 * 0.1, abs=0.7)
    assert found.gain > 1000


def test_prints_that_agree_as_they_do_by_chance_gain_nothing():
    found = spans(biased(3), Query([biased(4)]))
    assert found[0].similarity > 0.8
    assert found[0].gain <= 0


def test_a_song_is_found_beside_noises_that_agree_for_longer_by_chance():
    song, noises = words(6, 200), (biased(7, 460), biased(8, 400))
    older, younger = np.concatenate([noises[0], song]), np.concatenate([worse(song, 0.12), noises[1]])
    assert Query([younger]).best(older).length > 390
    found = spans(older, Query([younger]))
    assert (found[0].start_a, found[0].start) == (pytest.approx(460, abs=1), pytest.approx(0, abs=1))
    assert found[0].excess > 500


@pytest.mark.parametrize("length", [12, 40, 170, 400])
def test_chance_is_known_of_prints_of_any_length_and_place(length: int):
    song = words(5, 600)
    for start in {0, (600 - length) // 2, 600 - length}:
        piece = song[start : start + length]
        for found in (*spans(song, Query([piece])), *spans(piece, Query([song]))):
            assert 8 < found.chance < USUAL_CHANCE_BITS + 4
