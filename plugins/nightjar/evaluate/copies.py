"""Making altered copies of songs with the bundled ffmpeg. The same song and alteration give the same samples."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from nightjar.errors import NightjarError
from nightjar.evaluate.alterations import ENCODINGS, RATE, Alteration

_SILENT_PEAK = 33
"""Of 32768: a thousandth of full scale, as the embedder has it."""


def alter(song: Path, alteration: Alteration, target: Path) -> Path:
    """Write the altered copy of `song` as `target` with the ending of its encoding, which is returned.

    Raises NightjarError for a song that cannot be read or is too short for the alteration.
    """
    samples = _decoded(song, alteration)
    if alteration.intro_s:
        samples = np.concatenate([_intro(song, alteration.intro_s), samples])
    if alteration.noise_db is not None:
        level = np.sqrt(np.mean(np.square(samples))) * 10 ** (-alteration.noise_db / 20)
        samples = samples + level * _random(song).standard_normal(samples.shape, np.float32)
    peak = float(np.abs(samples).max(initial=0.0))
    extension, *encode = ENCODINGS[alteration.encoding]
    written = target.with_name(target.name + extension)
    _ffmpeg(
        *("-f", "f32le", "-ar", str(RATE), "-ac", "2", "-i", "-", *encode, str(written)),
        given=(samples / max(1.0, peak)).astype("<f4").tobytes(),
    )
    return written


def seconds_of(song: Path) -> float:
    """The length of a song. Raises NightjarError for a file that is none, and for silence, of which a copy is none."""
    samples = np.frombuffer(_ffmpeg("-i", str(song), "-ac", "1", "-ar", "8000", "-f", "s16le", "-"), "<i2")
    if np.abs(samples).max(initial=0) < _SILENT_PEAK:
        raise NightjarError(f"{song.name} is silent", "Leave it out")
    return len(samples) / 8000


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
    raw = _ffmpeg(*cut, "-i", str(song), *filters, "-ac", "2", "-ar", str(RATE), "-f", "f32le", "-")
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


def _ffmpeg(*arguments: str, given: bytes = b"") -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-y", "-threads", "1", *arguments]
    run = subprocess.run(command, input=given, capture_output=True)
    if run.returncode:
        said = run.stderr.decode(errors="replace").strip()[-300:]
        raise NightjarError(f"ffmpeg cannot make a copy: {said}", "Give it a file with audio")
    return run.stdout
