"""Whether a file is a song: the reject reason, a code and a sentence, or none. docs/rejects.md lists them all."""

from __future__ import annotations

from dataclasses import dataclass

from nightjar.ingest import formats
from nightjar.legible import told_apart
from nightjar.thresholds import (
    MAX_DECODE_ERROR_SHARE,
    MAX_DURATION_S,
    MAX_PEAK,
    MAX_UPLOAD_BYTES,
    MIN_DURATION_S,
    SILENCE_LUFS,
)


@dataclass(frozen=True)
class Reject:
    """Why an upload is no song."""

    reason: str
    detail: str


@dataclass(frozen=True)
class Sound:
    """What decoding a file from its beginning to its end showed; see `nightjar.ingest.probe.probe`."""

    container: str
    codec: str
    sample_rate: int
    channels: int
    duration_s: float
    loudness_lufs: float
    frames: int
    errors: int
    not_finite: int = 0
    """Samples that are no numbers."""
    peak: float = 0.0
    """The loudest of the others, full scale being 1."""


def size(size_bytes: int) -> Reject | None:
    """A file that is not worth downloading."""
    if size_bytes == 0:
        return Reject("empty", "The object has 0 bytes")
    if size_bytes > MAX_UPLOAD_BYTES:
        limit = MAX_UPLOAD_BYTES / 2**30
        return Reject("too_large", f"{told_apart(size_bytes / 2**30, limit)} GiB, more than {limit:.0f} GiB")
    return None


def unopened(head: bytes, tagged: bool = False) -> Reject:
    """A file that ffmpeg cannot open as audio, from the first bytes behind tags and zeros; whether there were any."""
    if name := formats.unread(head):
        return Reject("unsupported_format", f"{name}, whatever its name says; Nightjar reads {formats.READ}")
    if name := formats.without_sound(head):
        return Reject("not_audio", f"The content is {name}, whatever its name says")
    if formats.says_audio(head) or tagged:
        return Reject("unreadable", "It begins like an audio file, but what follows is damaged or cut off")
    if head and not any(head):
        return Reject("not_audio", "The content is nothing but zeros")
    if head and all(byte >= 32 or byte in b"\t\r\n\f" for byte in head):
        return Reject("not_audio", "The content is text, whatever its name says")
    return Reject("not_audio", "The content is of no known audio format, whatever its name says")


def sound(heard: Sound) -> Reject | None:
    """A file that decodes to something that is no song."""
    errors = heard.errors / max(1, heard.frames + heard.errors)
    if heard.duration_s == 0 or errors > MAX_DECODE_ERROR_SHARE:
        return Reject(
            "unreadable",
            f"{heard.codec}: {heard.errors} of {heard.frames + heard.errors} frames do not decode",
        )
    if heard.not_finite:
        return Reject("unreadable", f"{heard.not_finite} of its samples are not finite numbers")
    if heard.peak > MAX_PEAK:
        return Reject("unreadable", f"Its loudest sample is {heard.peak:.1e} times full scale: that is no sound")
    if heard.duration_s < MIN_DURATION_S:
        return Reject("too_short", f"{told_apart(heard.duration_s, MIN_DURATION_S)} s, less than {MIN_DURATION_S:g} s")
    if heard.duration_s > MAX_DURATION_S:
        return Reject("too_long", f"more than {MAX_DURATION_S / 3600:g} hours")
    if heard.loudness_lufs < SILENCE_LUFS:
        loudness = told_apart(heard.loudness_lufs, SILENCE_LUFS)
        return Reject("silent", f"{loudness} LUFS, below {SILENCE_LUFS:g} LUFS: nothing is to be heard")
    return None
