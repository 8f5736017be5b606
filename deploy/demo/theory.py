"""Music theory: keys, chords, bars and melodies. Pure; every choice comes from the score's own seed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

MODES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "harmonic": (0, 2, 3, 5, 7, 8, 11),
}
"""Semitones of the seven degrees above the tonic."""


def hertz(midi: float | np.ndarray) -> float | np.ndarray:
    """Frequency of a MIDI pitch: 69 is 440 Hz, equal temperament."""
    return 440.0 * 2.0 ** ((np.asarray(midi, dtype=float) - 69.0) / 12.0)


@dataclass(frozen=True)
class Note:
    """One note: start and length in seconds, pitch as a MIDI number, loudness 0 to 1."""

    start: float
    seconds: float
    midi: int
    loudness: float = 1.0


@dataclass(frozen=True)
class Bar:
    """One bar: its number, start in seconds, and the scale degree (0 to 6) that its chord stands on."""

    number: int
    start: float
    degree: int


@dataclass(frozen=True)
class Score:
    """What makes a piece this piece: key, tempo, chords, length. `tonic` is a MIDI number of about 36 to 47."""

    name: str
    tonic: int
    mode: str
    bpm: float
    chords: tuple[int, ...]
    seconds: float
    beats: int = 4

    @property
    def beat(self) -> float:
        """Seconds of one beat."""
        return 60.0 / self.bpm

    def rng(self, part: str) -> np.random.Generator:
        """Random numbers for one part of this piece: the same on every call, independent of other parts."""
        return np.random.default_rng(zlib.crc32(f"{self.name}/{part}".encode()))

    def bars(self) -> Iterator[Bar]:
        """The bars that start before the end; the chords repeat in order."""
        number, length = 0, self.beats * self.beat
        while number * length < self.seconds - 0.1:
            yield Bar(number, number * length, self.chords[number % len(self.chords)])
            number += 1

    def pitch(self, degree: int, octave: int = 0) -> int:
        """The MIDI pitch of a scale degree; degrees above 6 or below 0 run into the next octaves."""
        up, step = divmod(degree, 7)
        return self.tonic + MODES[self.mode][step] + 12 * (octave + up)

    def chord(self, degree: int, octave: int = 1, size: int = 3) -> list[int]:
        """Thirds stacked on `degree`: 3 notes a triad, 4 a seventh chord. The root is kept within one octave."""
        notes = [self.pitch(degree + 2 * step, octave) for step in range(size)]
        return [note - 12 if degree > 3 else note for note in notes]


def melody(score: Score, cells: Sequence[Sequence[float]], low: int, high: int, part: str = "melody") -> list[Note]:
    """A tune within MIDI pitches `low` to `high`: one rhythm cell a bar, chord tones on its first note, steps between.

    `cells` are note lengths in beats, a rest where negative; each cell should fill a bar. Every fourth bar ends on a
    rest, which is where a singer breathes.
    """
    rng = score.rng(part)
    scale = sorted(
        pitch for octave in range(0, 5) for d in range(7) if low <= (pitch := score.pitch(d, octave)) <= high
    )
    motif = [cells[index] for index in rng.permutation(len(cells))[:3]]
    at = len(scale) // 2
    notes: list[Note] = []
    for bar in score.bars():
        start = bar.start
        tones = {pitch % 12 for pitch in score.chord(bar.degree)}
        for number, beats in enumerate(motif[(0, 1, 0, 2)[bar.number % 4] % len(motif)]):
            length = abs(beats) * score.beat
            if beats > 0 and start + 0.15 < score.seconds:
                step = int(rng.choice([-2, -1, -1, 1, 1, 2, 3, -3]))
                at = int(np.clip(at + step, 0, len(scale) - 1))
                if number == 0 or beats >= 2:
                    at = min(
                        (i for i, pitch in enumerate(scale) if pitch % 12 in tones),
                        key=lambda i, here=at: abs(i - here),
                    )
                gap = 0.12 if beats >= 1 else 0.03
                notes.append(Note(start, length - gap * score.beat, scale[at], 0.8 + 0.2 * (number == 0)))
            start += length
    return notes


def gaps(notes: Sequence[Note]) -> list[float]:
    """Silence in seconds before each note; infinite before the first."""
    return [np.inf, *(after.start - before.start - before.seconds for before, after in pairwise(notes))]
