"""The styles: how a score is played. Each function fills a desk with the accompaniment of one score.

Patterns that make pieces of one style differ are chosen by the score's own random numbers; the instruments of a style
are always the same, so that its pieces sound alike.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from deploy.demo import instruments as play
from deploy.demo.sound import Desk, reverb
from deploy.demo.theory import Score, hertz, melody


def piano_ballad(score: Score, desk: Desk) -> None:
    """Broken chords of a piano over its own bass octaves, soft strings below."""
    rng = score.rng("ballad")
    order = rng.permutation(4)
    for bar in score.bars():
        tones = [*score.chord(bar.degree, 1), score.chord(bar.degree, 2)[int(rng.integers(0, 3))]]
        desk.add(play.struck(play.PIANO, score.pitch(bar.degree, 0), 4 * score.beat), bar.start, 0.5, -0.2)
        for step in range(2 * score.beats):
            midi = tones[order[step % 4]]
            loud = 0.30 + 0.1 * (step % 4 == 0)
            desk.add(play.struck(play.PIANO, midi, 1.6 * score.beat), bar.start + step * score.beat / 2, loud, 0.2)
        for midi, pan in zip(score.chord(bar.degree, 2), (-0.7, 0.0, 0.7), strict=True):
            desk.add(play.bowed(midi, score.beats * score.beat), bar.start, 0.07, pan)
    desk.stereo = reverb(desk.stereo, 1.6, 0.25)


def house(score: Score, desk: Desk) -> None:
    """Four on the floor, off-beat hats and bass, stabs of a synthesizer."""
    rng = score.rng("house")
    stabs = sorted(rng.choice(16, 5, replace=False))
    riff = [int(step) for step in rng.choice([0, 0, 2, 4, 6], 8)]
    tune = sorted(rng.choice(16, 6, replace=False))
    sixteenth = score.beat / 4
    kick = play.kick(1.2, float(hertz(score.tonic - (12 if score.tonic > 40 else 0))))  # tuned to the key
    for bar in score.bars():
        for beat in range(4):
            at = bar.start + beat * score.beat
            desk.add(kick, at, 0.8)
            desk.add(play.hiss(0.05), at + score.beat / 2, 0.30, 0.15)
            if beat % 2:
                desk.add(play.hiss(0.07, 1000.0, 6000.0, 5), at, 0.40)
        for eighth in range(8):
            if eighth % 2 or bar.number % 2:
                midi = score.pitch(bar.degree, 0) + (12 if riff[eighth] > 3 else 0)
                desk.add(play.synth_bass(midi, 1.6 * sixteenth, 500.0), bar.start + 2 * eighth * sixteenth, 0.5)
        for step in stabs:
            for midi, pan in zip(score.chord(bar.degree, 2, 4), (-0.6, -0.2, 0.2, 0.6), strict=True):
                desk.add(play.saws(midi, 1.5 * sixteenth, 2600.0, 0.004, 0.12), bar.start + step * sixteenth, 0.17, pan)
        if bar.number >= 2:
            for step, degree in zip(tune, riff, strict=False):
                note = play.pulse(score.pitch(bar.degree + degree, 3), 1.4 * sixteenth, 0.5, 0.2)
                desk.add(note, bar.start + step * sixteenth, 0.09, 0.4)
    desk.stereo = reverb(desk.stereo, 0.8, 0.10)


def chiptune(score: Score, desk: Desk) -> None:
    """A game console: fast arpeggios, a pulse lead, triangle bass, noise for drums. Dry."""
    sixteenth = score.beat / 4
    for bar in score.bars():
        tones = [*score.chord(bar.degree, 2), score.chord(bar.degree, 3)[0]]
        for step in range(16):
            at = bar.start + step * sixteenth
            desk.add(play.pulse(tones[step % 4], sixteenth, 0.25, 0.15), at, 0.16, -0.4)
            if step % 2 == 0:
                octave = 1 if step % 8 == 6 else 0
                desk.add(play.triangle(score.pitch(bar.degree, octave + 1), 1.7 * sixteenth), at, 0.35)
            if step % 4 == 0:
                desk.add(play.hiss(0.05, 800.0, 5000.0, 7) if step % 8 else play.kick(2.0, 60.0), at, 0.35)
            desk.add(play.hiss(0.012, 6000.0, 0.0, 8), at, 0.12)
    cells = ((0.5, 0.5, 0.5, 0.5, 1, 1), (1, 0.5, 0.5, 1, 0.5, 0.5), (0.5, 1, 0.5, 1, 1), (1.5, 0.5, 1.5, 0.5))
    for note in melody(score, cells, 67, 86):
        desk.add(play.pulse(note.midi, note.seconds, 0.5, 0.6), note.start, 0.26, 0.3)


def rock(score: Score, desk: Desk) -> None:
    """Two distorted guitars left and right, a bass, a loud drum kit."""
    rng = score.rng("rock")
    accents = {0, *(int(step) for step in rng.choice(np.arange(1, 8), 3, replace=False))}
    kicks = {0, *(int(step) for step in rng.choice(np.arange(1, 8), 2, replace=False))}
    eighth = score.beat / 2
    for bar in score.bars():
        root = score.pitch(bar.degree, 0) + (12 if score.pitch(bar.degree, 0) < 40 else 0)
        for step in range(8):
            at = bar.start + step * eighth
            open_string = step in accents
            for pan, drive in ((-0.85, 5.0), (0.85, 6.5)):
                length = eighth * (1.7 if open_string else 0.8)
                desk.add(play.power_chord(root, length, drive, not open_string), at, 0.30, pan)
            desk.add(play.electric_bass(root - 12, 0.9 * eighth), at, 0.40)
            if step in kicks:
                desk.add(play.kick(1.5, 55.0), at, 0.8)
            if step % 4 == 2:
                desk.add(play.snare(), at, 0.7)
            desk.add(play.hiss(0.045), at, 0.20 if step % 2 else 0.28, 0.3)
        if bar.number % 4 == 0:
            desk.add(play.hiss(0.5, 4000.0, 0.0, 9), bar.start, 0.35, -0.3)
    desk.stereo = reverb(desk.stereo, 0.7, 0.10)


def ambient(score: Score, desk: Desk) -> None:
    """Slow pads that overlap, bells far away, no drums."""
    rng = score.rng("ambient")
    for bar in score.bars():
        length = score.beats * score.beat
        for midi, pan in zip(score.chord(bar.degree, 1, 4), (-0.8, -0.3, 0.3, 0.8), strict=True):
            desk.add(play.saws(midi, length, 900.0, 1.2, 1.6), bar.start, 0.22, pan)
        desk.add(play.saws(score.pitch(bar.degree, 0), length, 300.0, 0.8, 1.5), bar.start, 0.35)
        for beat in sorted(rng.choice(8, 3, replace=False)):
            midi = score.chord(bar.degree, 3, 4)[int(rng.integers(0, 4))]
            desk.add(play.struck(play.BELL, midi, 2.0), bar.start + beat * length / 8, 0.10, float(rng.uniform(-1, 1)))
    desk.stereo = reverb(desk.stereo, 3.0, 0.7)


def waltz(score: Score, desk: Desk) -> None:
    """A string orchestra in three: bass on one, plucked chords on two and three, the tune in the violins."""
    for bar in score.bars():
        desk.add(play.bowed(score.pitch(bar.degree, 0), 0.9 * score.beat), bar.start, 0.40, 0.5)
        for beat in (1, 2):
            for midi, pan in zip(score.chord(bar.degree, 1), (-0.1, 0.2, 0.4), strict=True):
                desk.add(play.struck(play.PIZZICATO, midi + 12, 0.5), bar.start + beat * score.beat, 0.25, pan)
        for midi in score.chord(bar.degree, 1)[1:]:
            desk.add(play.bowed(midi, 2.8 * score.beat), bar.start, 0.12, 0.1)
    for note in melody(score, ((2, 1), (1, 1, 1), (3,), (1.5, 0.5, 1), (1, 2)), 69, 86):
        desk.add(play.bowed(note.midi, note.seconds), note.start, 0.30, -0.4)
        desk.add(play.bowed(note.midi - 12, note.seconds), note.start, 0.12, -0.2)
    desk.stereo = reverb(desk.stereo, 2.0, 0.35)


def bossa(score: Score, desk: Desk) -> None:
    """A nylon guitar's syncopated chords, upright bass, rim and shaker."""
    rng = score.rng("bossa")
    syncopation = ((0, 3, 6, 10, 13), (0, 3, 7, 10, 12), (0, 4, 7, 10, 14))[int(rng.integers(0, 3))]
    sixteenth = score.beat / 4
    for bar in score.bars():
        for step in syncopation:
            for midi, pan in zip(score.chord(bar.degree, 1, 4), (-0.35, -0.3, -0.25, -0.2), strict=True):
                desk.add(play.struck(play.NYLON, midi + 12, 2.5 * sixteenth), bar.start + step * sixteenth, 0.2, pan)
        for step, up in ((0, 0), (6, 4), (8, 4), (14, 0)):
            midi = score.pitch(bar.degree + up, 0) - (12 if up else 0)
            desk.add(play.struck(play.UPRIGHT, midi, 2 * score.beat), bar.start + step * sixteenth, 0.45, 0.1)
        for step in range(16):
            desk.add(play.hiss(0.02, 5000.0, 0.0, 11), bar.start + step * sixteenth, 0.10 + 0.06 * (step % 4 == 2), 0.6)
        for step in (0, 3, 6, 10, 13):
            desk.add(play.rim(), bar.start + step * sixteenth, 0.16, -0.5)
    desk.stereo = reverb(desk.stereo, 1.0, 0.12)


STYLES: dict[str, Callable[[Score, Desk], None]] = {
    style.__name__: style for style in (piano_ballad, house, chiptune, rock, ambient, waltz, bossa)
}
"""Every style by its name."""
