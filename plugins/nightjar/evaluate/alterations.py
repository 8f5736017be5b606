"""What people do to a song before they upload it again. Pure data: how each is made, and what the copy then is.

An alteration is, in this order: the accompaniment alone, a piece of the song, ffmpeg's audio filters, something in
front, noise, an encoding.
"""

from __future__ import annotations

from dataclasses import dataclass

from nightjar.duplicates.verdict import ALTERED, COVER, DUPLICATE, FRAGMENT

RATE = 44_100
"""Hz of a copy before it is encoded."""

ENCODINGS: dict[str, tuple[str, ...]] = {
    "flac": (".flac", "-c:a", "flac"),
    "mp3-128": (".mp3", "-c:a", "libmp3lame", "-b:a", "128k"),
    "mp3-64": (".mp3", "-c:a", "libmp3lame", "-b:a", "64k"),
    "mp3-32": (".mp3", "-c:a", "libmp3lame", "-b:a", "32k"),
    "opus-24": (".opus", "-c:a", "libopus", "-b:a", "24k", "-ar", "48000"),
    "aac-48": (".m4a", "-c:a", "aac", "-b:a", "48k"),
    "mono": (".flac", "-c:a", "flac", "-ac", "1"),
    "rate-16000": (".flac", "-c:a", "flac", "-ar", "16000"),
}
"""The ending of the file, and what ffmpeg is told."""


@dataclass(frozen=True)
class Alteration:
    """One way to alter a song."""

    name: str
    verdict: str
    """What the copy is to its original."""
    without_voice: bool = False
    """The accompaniment that the separation leaves, of songs in which somebody sings."""
    start_s: float = 0.0
    """Cut off at the beginning."""
    end_s: float = 0.0
    """Cut off at the end."""
    piece_s: float | None = None
    """Only so many seconds of it, from a place that depends on the file's name."""
    filters: str = ""
    """ffmpeg's -af."""
    intro_s: float = 0.0
    """So many seconds of something else before it."""
    noise_db: float | None = None
    """White noise, the song's level above it."""
    encoding: str = "flac"


def _speed(percent: int) -> Alteration:
    return Alteration(
        f"speed{percent:+d}",
        ALTERED,
        filters=f"aresample={RATE},asetrate={RATE * (1 + percent / 100):.0f},aresample={RATE}",
    )


def _pitch(semitones: float) -> Alteration:
    return Alteration(f"pitch{semitones:+g}", ALTERED, filters=f"rubberband=pitch={2 ** (semitones / 12):.6f}")


def _tempo(percent: int) -> Alteration:
    return Alteration(f"tempo{percent:+d}", ALTERED, filters=f"atempo={1 + percent / 100}")


def _inverted(gain: str) -> str:
    """The right channel times `gain`, an expression of the time."""
    return f"aformat=channel_layouts=stereo,aeval=val(0)|val(1)*({gain}):c=same"


ALTERATIONS: dict[str, Alteration] = {
    each.name: each
    for each in (
        *(Alteration(name, DUPLICATE, encoding=name) for name in ENCODINGS if name != "flac"),
        *(Alteration(f"noise-{level}", DUPLICATE, noise_db=level) for level in (20, 10, 5, 0)),
        Alteration("quieter", DUPLICATE, filters="volume=-12dB"),
        Alteration("louder", DUPLICATE, filters="volume=6dB,alimiter=limit=0.95:level=false"),
        Alteration("bass", DUPLICATE, filters="bass=g=10,treble=g=-8,volume=-8dB"),
        Alteration("treble", DUPLICATE, filters="bass=g=-8,treble=g=10,volume=-8dB"),
        Alteration("compressed", DUPLICATE, filters="acompressor=threshold=0.05:ratio=8:attack=5:release=80:makeup=4"),
        Alteration("echo", DUPLICATE, filters="aecho=0.8:0.7:90|180:0.4|0.25"),
        Alteration("inverted", DUPLICATE, filters=_inverted("-1")),
        Alteration("inverted-part", DUPLICATE, filters=_inverted(r"1-2*between(t\,5\,20)")),
        Alteration("crop-start", DUPLICATE, start_s=4.7),
        Alteration("crop-end", DUPLICATE, end_s=5.3),
        Alteration("intro", DUPLICATE, intro_s=8.0),
        *(Alteration(f"fragment-{length}", FRAGMENT, piece_s=length, encoding="mp3-128") for length in (30, 15, 10, 5)),
        *(_speed(sign * percent) for percent in (1, 2, 3, 4, 6, 8) for sign in (-1, 1)),
        *(_pitch(sign * semitones) for semitones in (0.5, 1) for sign in (-1, 1)),
        *(_tempo(sign * percent) for percent in (2, 4) for sign in (-1, 1)),
        Alteration("karaoke", COVER, without_voice=True, encoding="mp3-128"),
        Alteration("three-at-once", FRAGMENT, piece_s=10, filters=_speed(3).filters, noise_db=10, encoding="mp3-64"),
    )
}
