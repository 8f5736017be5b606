"""A sound file of every kind that ffmpeg writes, small and the same each time, from which bad files are made."""

from __future__ import annotations

from functools import cache

from tests.nightjar.ingest.made import sound

SECONDS = 4.0
_EXACT = ("-fflags", "+bitexact", "-flags:a", "+bitexact", "-flags:v", "+bitexact")
_STEREO = ("-ac", "2")
_PICTURES = ("-f", "lavfi", "-i", "testsrc=d=4:s=64x48:r=25", "-map", "1:v", "-map", "0:a", "-shortest")

READ = {
    "wav": ("wav", *_STEREO),
    "rf64": ("wav", "-rf64", "always"),
    "w64": ("w64", *_STEREO),
    "aiff": ("aiff", *_STEREO),
    "caf": ("caf", *_STEREO),
    "flac": ("flac", *_STEREO),
    "mp3": ("mp3", "-b:a", "64k"),
    "mp2": ("mp2", *_STEREO),
    "ogg": ("ogg", "-c:a", "libvorbis", *_STEREO),
    "oga": ("oga", "-c:a", "flac"),
    "opus": ("opus", "-c:a", "libopus", *_STEREO),
    "m4a": ("m4a", "-c:a", "aac", *_STEREO),
    "alac": ("m4a", "-c:a", "alac"),
    "aac": ("aac", *_STEREO),
    "wma": ("wma", *_STEREO),
    "mka": ("mka", "-c:a", "aac"),
    "webm": ("webm", "-c:a", "libopus"),
    "mp4": ("mp4", *_PICTURES, "-c:a", "aac", "-c:v", "mpeg4"),
    "mov": ("mov", *_PICTURES, "-c:a", "pcm_s16le", "-c:v", "mpeg4"),
    "mkv": ("mkv", *_PICTURES, "-c:a", "flac", "-c:v", "mpeg4"),
}
"""Files that Nightjar reads: an ending for ffmpeg, and its arguments."""

UNREAD = {
    "wv": (("wv",), "WavPack"),
    "tta": (("tta",), "TTA"),
    "au": (("au",), "AU"),
    "ac3": (("ac3",), "AC-3"),
    "eac3": (("eac3",), "AC-3"),
    "ts": (("ts", "-c:a", "mp2"), "MPEG-TS"),
    "m2ts": (("m2ts", "-c:a", "ac3"), "MPEG-TS"),
    "avi": (("avi", "-c:a", "mp3"), "AVI"),
    "flv": (("flv", "-c:a", "mp3"), "FLV"),
    "vob": (("vob", "-c:a", "ac3"), "MPEG program stream"),
    "dts": (("dts", "-strict", "-2"), "DTS"),
    "amr": (("amr", "-ar", "8000", "-ac", "1"), "AMR"),
    "rm": (("rm", "-c:a", "ac3"), "RealMedia"),
    "voc": (("voc",), "VOC"),
    "sox": (("sox",), "SoX"),
    "mxf": (("mxf", *_PICTURES, "-ar", "48000", "-c:a", "pcm_s16le", "-c:v", "mpeg2video"), "MXF"),
    "nut": (("nut", "-c:a", "mp3"), "NUT"),
    "mmf": (("mmf", "-ar", "22050"), "SMAF"),
}
"""Sound that Nightjar does not read, and how a reject has to call it."""


@cache
def base(kind: str) -> bytes:
    """The bytes of one of READ or UNREAD."""
    ending, *arguments = READ[kind] if kind in READ else UNREAD[kind][0]
    return sound(ending, *arguments, *_EXACT)


def sound_of(ending: str, *arguments: str) -> bytes:
    """Another file of that kind."""
    return sound(ending, *arguments, *_EXACT)


@cache
def silence(kind: str, seconds: float, *arguments: str) -> bytes:
    """A long file of nothing at 8 kHz, which packs into little."""
    return sound(kind, *arguments, *_EXACT, source=f"anullsrc=r=8000:cl=mono:d={seconds}")
