"""Making altered copies of songs with the bundled ffmpeg. The same song and alteration give the same samples."""

from __future__ import annotations

import hashlib
import math
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nightjar import decoding, ffmpeg
from nightjar.embed.runner import run_embedder
from nightjar.errors import NightjarError
from nightjar.evaluate.alterations import ENCODINGS, RATE, Alteration
from nightjar.settings import Settings
from nightjar.thresholds import SINGING_DB, SINGING_DIFFERENCE_DB

_WHERE = re.compile(r"\[[^\]]* @ 0x[0-9a-f]+\] ?")
"""Which of its parts ffmpeg speaks of, and where in memory that is."""
_SILENT_PEAK = 33
"""Of 32768: a thousandth of full scale, as the embedder has it."""


class Unreadable(NightjarError):
    """A file that is no song: ffmpeg finds no sound in it, or silence."""


class NobodySings(NightjarError):
    """A song without its voice is the same song, if there is none."""


def alter(song: Path, alteration: Alteration, target: Path) -> Path:
    """Write the altered copy of `song` as `target` with the ending of its encoding, which is returned.

    Raises NightjarError for a song that cannot be read or is too short for the alteration, NobodySings where a voice is
    to be left out and there is none.
    """
    with tempfile.TemporaryDirectory() as folder:
        samples = _decoded(_backing(song, Path(folder)) if alteration.without_voice else song, alteration)
    if alteration.intro_s:
        samples = np.concatenate([_intro(song, alteration.intro_s), samples])
    if alteration.noise_db is not None:
        level = np.sqrt(np.mean(np.square(samples))) * 10 ** (-alteration.noise_db / 20)
        samples = samples + level * _random(song).standard_normal(samples.shape, np.float32)
    peak = float(np.abs(samples).max(initial=0.0))
    extension, *encode = ENCODINGS[alteration.encoding]
    written = target.with_name(target.name + extension)
    ffmpeg.encode((samples / max(1.0, peak)).astype("<f4").tobytes(), RATE, written, encode)
    return written


def seconds_of(song: Path) -> float:
    """The length of a song. Raises Unreadable for a file that is none, and for silence, of which a copy is none."""
    samples = np.frombuffer(_decode(song, "-ac", 2, "-ar", 8000, "-f", "s16le"), "<i2")
    if np.abs(samples).max(initial=0) < _SILENT_PEAK:
        raise Unreadable(f"{song.name} is silent", "Leave it out")
    return len(samples) / 2 / 8000


def _backing(song: Path, folder: Path) -> Path:
    """The song's accompaniment, separated by the embedder: 16 kHz, mono."""
    run_embedder(
        Settings.load(),
        ["separate", str(song.absolute()), str(folder)],
        f"to separate {song.name}",
        "Leave out karaoke, or the song",
        [song.absolute().parent, folder],
    )
    accompaniment, vocals = folder / "accompaniment.flac", folder / "vocals.flac"
    levels = [_rms(stem) for stem in (accompaniment, vocals)]
    level_db = 20 * math.log10(max(levels[1], 1e-9) / max(math.hypot(*levels), 1e-9))
    if level_db < SINGING_DB + SINGING_DIFFERENCE_DB:
        raise NobodySings(
            f"nobody sings in {song.name}: its vocals are at {level_db:.0f} dB", "Take a song with a voice"
        )
    return accompaniment


def _rms(stem: Path) -> float:
    samples = np.frombuffer(_decode(stem, "-f", "f32le"), "<f4")
    return float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0


def _decoded(song: Path, alteration: Alteration) -> np.ndarray:
    """The piece of the song, filtered: (n, 2) float32."""
    cut = ["-ss", str(alteration.start_s)]
    length = None
    if alteration.piece_s is not None:
        spare = seconds_of(song) - alteration.piece_s
        if spare < 0:
            raise NightjarError(f"{song.name} is too short for {alteration.name}", "Take a longer song")
        cut, length = ["-ss", f"{_random(song).uniform(0, spare):.3f}"], alteration.piece_s
    elif alteration.end_s:
        length = seconds_of(song) - alteration.end_s - alteration.start_s
    cut += ["-t", f"{length:.3f}"] if length is not None else []
    filters = ["-af", alteration.filters] if alteration.filters else []
    raw = _decode(song, *filters, "-ac", 2, "-ar", RATE, "-f", "f32le", before=cut)
    return np.frombuffer(raw, "<f4").reshape(-1, 2)


def _intro(song: Path, seconds: float) -> np.ndarray:
    """Broken chords that belong to no song: (n, 2) float32."""
    random = _random(song)
    times = np.arange(int(RATE * 0.25)) / RATE
    notes = random.integers(45, 75, size=int(seconds / 0.25))
    waves = [np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * times) * np.exp(-4 * times) for note in notes]
    return np.repeat(0.3 * np.concatenate(waves)[:, None], 2, axis=1).astype(np.float32)


def _random(song: Path) -> np.random.Generator:
    """A generator that depends on the song's name alone."""
    return np.random.default_rng(int.from_bytes(hashlib.blake2b(song.name.encode(), digest_size=8).digest(), "big"))


def _decode(song: Path, *shape: str | float, before: Sequence[str] = ()) -> bytes:
    made = bytearray()

    def run() -> ffmpeg.Ended:
        made.clear()
        with decoding.opened(song) as source:
            arguments = (*before, *decoding.source(), *shape, "-fd", 1, "fd:")
            return ffmpeg.run(ffmpeg.command(*arguments), source, lambda data: made.extend(data) or True)

    ended = run()
    try:
        ffmpeg.check(ended, run)
    except ffmpeg.Unfit as unfit:
        raise Unreadable(f"{song.name}: {unfit.detail}", "Give it a file with audio") from unfit
    if ended.status:
        said = "; ".join(_WHERE.sub("", line).strip() for line in ended.said.splitlines()[:2]) or "nothing"
        raise Unreadable(f"ffmpeg says: {said}", "Give it a file with audio")
    return bytes(made)
