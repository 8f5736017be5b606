from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from deploy.demo.composition import VERSE_CELLS, VOICES
from deploy.demo.sound import RATE, Desk, fade, master
from deploy.demo.theory import MODES, Note, Score, hertz, melody
from deploy.demo.voice import sing

SCORE = Score("test", 38, "minor", 120, (0, 5, 3, 4), 8.0)


def fundamental(samples: np.ndarray) -> float:
    """Frequency in Hz of the strongest period between 100 and 500 Hz."""
    spectrum = np.abs(np.fft.rfft(samples, 2 * len(samples))) ** 2
    periods = np.fft.irfft(spectrum)[: RATE // 100]
    shortest = RATE // 500
    return RATE / (shortest + int(np.argmax(periods[shortest:])))


def test_pitches_and_chords_belong_to_the_key():
    assert hertz(69) == 440.0
    assert [SCORE.pitch(degree) for degree in range(8)] == [38, 40, 41, 43, 45, 46, 48, 50]
    assert SCORE.chord(0) == [50, 53, 57]
    assert SCORE.chord(5) == [46, 50, 53]


def test_bars_fill_the_piece_and_repeat_the_chords():
    assert [(bar.start, bar.degree) for bar in SCORE.bars()] == [(0.0, 0), (2.0, 5), (4.0, 3), (6.0, 4)]


def test_a_tune_stays_in_its_range_its_key_and_its_time():
    notes = melody(SCORE, VERSE_CELLS, 57, 71)
    assert notes == melody(SCORE, VERSE_CELLS, 57, 71)
    assert notes != melody(SCORE, VERSE_CELLS, 57, 71, "another")
    assert all(57 <= note.midi <= 71 for note in notes)
    assert {(note.midi - SCORE.tonic) % 12 for note in notes} <= set(MODES["minor"])
    assert all(before.start + before.seconds <= after.start for before, after in pairwise(notes))


@pytest.mark.parametrize("voice", VOICES.values(), ids=list(VOICES))
def test_a_voice_sings_the_pitch_that_is_written(voice):
    middle = (voice.low + voice.high) // 2
    sung = sing([Note(0.1, 1.8, middle)], voice, 2.0, np.random.default_rng(1))
    assert sung.shape == (2 * RATE,)
    cents = 1200 * np.log2(fundamental(sung[int(0.5 * RATE) : int(1.5 * RATE)]) / hertz(middle))
    assert abs(cents) < 60
    assert np.abs(sung[: int(0.05 * RATE)]).max() < 0.01 < np.abs(sung).max()


def test_a_sound_that_runs_over_the_end_is_cut():
    desk = Desk(1.0)
    desk.add(np.ones(RATE), 0.75, 0.5)
    desk.add(np.ones(RATE), 3.0)
    assert desk.stereo[: int(0.75 * RATE)].max() == 0.0
    assert desk.stereo[int(0.75 * RATE) :].sum(axis=1) == pytest.approx(0.5 * np.sqrt(2))


def test_fades_and_the_master_stay_below_full_scale():
    assert fade(np.ones(100), 1.0, 1.0).max() <= 1.0
    loud = master(np.random.default_rng(1).standard_normal((RATE, 2)) * 50)
    assert np.abs(loud).max() < 1.0
    assert np.abs(loud[-1]).max() == 0.0
