"""Real encodes of one generated song, as listeners upload them: codecs, loudness, speed, where they begin and end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np

from deploy.demo.composition import Song, perform
from deploy.demo.sound import RATE
from deploy.demo.theory import Score
from embedder import fingerprint
from embedder.decode import decode
from nightjar import ffmpeg
from nightjar.duplicates.verdict import Prints
from nightjar.thresholds import PRINT_SPEEDS
from tests.nightjar.duplicates.made import NOBODY_DB

SONGS = {
    "night-bus": Song(Score("night-bus", 41, "minor", 123, (0, 3, 5, 6), 13.2), "house"),
    "winter-ball": Song(Score("winter-ball", 43, "major", 156, (0, 4, 0, 3, 4), 13.2, 3), "waltz"),
}
_CODECS = {
    ".mp3": ("-c:a", "libmp3lame", "-b:a", "48k"),
    ".ogg": ("-c:a", "libvorbis", "-b:a", "64k"),
    ".opus": ("-c:a", "libopus", "-b:a", "24k", "-ar", "48000"),
    ".m4a": ("-c:a", "aac", "-b:a", "48k"),
    ".flac": ("-c:a", "flac"),
}
_LOUDNESS = (1.0, 0.5, 0.25)
_SPEEDS = (0.99, 1.0, 1.01, 1.02)
_UNDONE = tuple(range(-3, 4))
"""Per cent of speed by which any two of these differ at most; printing them at others would only take time."""
_NOTHING = np.zeros(0, np.uint32)


def encodes(song: str, many: int, folder: Path) -> dict[str, Prints]:
    """So many uploads of one of SONGS by their names, with prints at all speeds: 6 to 8 s of it, from within its
    first second on. The same every time."""
    samples = perform(SONGS[song]).astype(np.float32)
    with ThreadPoolExecutor(2) as pool, mock.patch.object(fingerprint, "PRINT_SPEEDS", _UNDONE):
        return dict(pool.map(partial(_encode, song, samples, folder), range(many)))


def _encode(song: str, samples: np.ndarray, folder: Path, number: int) -> tuple[str, Prints]:
    rng = np.random.default_rng(number)
    start, seconds = rng.uniform(0.0, 1.0), rng.uniform(6.0, 8.0)
    speed, loudness = _SPEEDS[number // 5 % len(_SPEEDS)], _LOUDNESS[number % len(_LOUDNESS)]
    extension = list(_CODECS)[number % len(_CODECS)]
    piece = samples[int(start * RATE) : int((start + seconds * speed) * RATE)] * loudness
    name = f"{song}-{number:03d}"
    upload = folder / f"{name}{extension}"
    at_speed = ("-af", f"asetrate={round(RATE * speed)},aresample={RATE}") if speed != 1 else ()
    ffmpeg.encode(piece.astype("<f4").tobytes(), RATE, upload, [*at_speed, *_CODECS[extension]])
    return name, _printed(upload, folder / f"{name}.raw")


def _printed(upload: Path, raw: Path) -> Prints:
    """As the embedder prints a song that nobody sings and that was not separated."""
    pcm = decode(upload, raw)
    undone = dict(zip(_UNDONE, fingerprint.of_mix_at_speeds(pcm), strict=True))
    words = [fingerprint.of_mix(pcm), *(undone.get(percent, _NOTHING) for percent in PRINT_SPEEDS)]
    plain, *speeds = (Prints(each, each, _NOTHING, NOBODY_DB) for each in words)
    raw.unlink()
    upload.unlink()
    return replace(plain, speeds=speeds)
