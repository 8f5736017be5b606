"""A whole song: the accompaniment of a style and, for some, a voice in front of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deploy.demo.sound import Desk, level, master, reverb
from deploy.demo.styles import STYLES
from deploy.demo.theory import Score, melody
from deploy.demo.voice import Voice, sing

BARITONE = Voice("baritone", 48, 62, 1.0, 4.5, 0.006, 5.2, 40.0, ("a", "o", "e", "ae"), ("", "m", "d", "l", "v", "t"))
SOPRANO = Voice("soprano", 60, 74, 1.17, 5.5, 0.010, 6.1, 60.0, ("i", "u", "e", "a"), ("", "s", "h", "l", "t", "sh"))
TENOR = Voice("tenor", 52, 67, 1.04, 4.0, 0.005, 5.6, 50.0, ("a", "e", "i", "o"), ("", "k", "d", "t", "s", "m"))
ALTO = Voice("alto", 57, 71, 1.13, 5.5, 0.012, 5.4, 30.0, ("a", "o", "u", "er"), ("", "m", "l", "h", "v", "s"))
VOICES = {voice.name: voice for voice in (BARITONE, SOPRANO, TENOR, ALTO)}

VERSE_CELLS = (
    (0.5, 0.5, 0.5, 0.5, 1, -1),
    (1, 0.5, 0.5, 1.5, -0.5),
    (0.5, 1, 0.5, 1, 1),
    (1, 1, 0.5, 0.5, 1),
)
LONG_CELLS = ((2, 1, 1), (1.5, 0.5, 2), (-1, 1, 1, 1), (3, -1), (1, 1, 2))


@dataclass(frozen=True)
class Song:
    """A score, the style that it is played in, and the voice that sings (a key of VOICES; empty for none)."""

    score: Score
    style: str
    voice: str = ""
    tune: str = "verse"


def backing(song: Song) -> np.ndarray:
    """The accompaniment, (n, 2) float64."""
    desk = Desk(song.score.seconds)
    STYLES[song.style](song.score, desk)
    return desk.stereo


def lead(song: Song) -> np.ndarray:
    """The voice with its room, (n, 2) float64."""
    voice = VOICES[song.voice]
    cells = LONG_CELLS if song.tune == "long" else VERSE_CELLS
    notes = melody(song.score, cells, voice.low, voice.high, f"{song.voice}/{song.tune}")
    sung = sing(notes, voice, song.score.seconds, song.score.rng(f"sing/{song.voice}"))
    return reverb(np.stack([sung, sung], axis=1), 1.1, 0.08)


def perform(song: Song, lead_over_backing: float = 1.0) -> np.ndarray:
    """The finished song, (n, 2) float64 within -1 and 1."""
    stereo = backing(song)
    if song.voice:
        sung = lead(song)
        stereo = stereo + lead_over_backing * sung * level(stereo) / level(sung)
    return master(stereo)
