"""What stands before the sound in a file and is no part of it: ID3 tags and runs of zeros, which players skip.

ffmpeg skips ID3 tags before formats that may carry them (MP3, AAC, FLAC, Ogg), and up to a megabyte of zeros. Taggers
put them before WAV, AIFF and MP4 too, and aborted downloads leave more zeros.
"""

from __future__ import annotations

from typing import BinaryIO

_HEAD_BYTES = 16
_TAG_BYTES, _FOOTED = 10, 0x10
"""Of the header of an ID3v2 tag, and of its footer; the flag that says that there is one."""
_MOST_TAGS = 64
_FEWEST_ZEROS = 8
"""Fewer zeros may be the size of an MP4's first box, which no run of zeros is."""
_CHUNK = 1 << 20
_FRAMED = (b"fLaC", b"OggS")
"""Formats besides those of MPEG frames that ffmpeg reads behind a tag by itself."""
_WHOLE = {b"RIFF": b"WAVE", b"RIFX": b"WAVE", b"RF64": b"WAVE", b"BW64": b"WAVE", b"FORM": b"AIF"}
"""First bytes, and those at the ninth, of formats that ffmpeg reads from the beginning of a file only."""


def content_at(file: BinaryIO) -> int:
    """The byte at which neither a tag nor a run of zeros stands any more; 0 of a file that holds nothing else."""
    return _passed(file)[0]


def sound_at(file: BinaryIO) -> int:
    """The byte at which ffmpeg has to begin: 0 unless what stands before the sound would keep ffmpeg from it."""
    at, zeros = _passed(file)
    file.seek(at)
    head = file.read(_HEAD_BYTES)
    whole = head[8:].startswith(_WHOLE.get(head[:4], b"none")) or head[4:8] == b"ftyp" or head.startswith(b"caff")
    framed = head.startswith(_FRAMED) or (len(head) > 1 and head[0] == 0xFF and head[1] >= 0xE0)
    return at if whole or (zeros and framed) else 0


def _passed(file: BinaryIO) -> tuple[int, bool]:
    """`content_at`, and whether there are zeros before it that belong to no tag."""
    at, zeros = 0, False
    for _ in range(_MOST_TAGS):
        file.seek(at)
        head = file.read(_HEAD_BYTES)
        if head.startswith(b"ID3") and len(head) > _TAG_BYTES and not any(byte & 0x80 for byte in head[6:10]):
            size = int("".join(f"{byte:07b}" for byte in head[6:10]), 2)
            at += _TAG_BYTES + size + (_TAG_BYTES if head[5] & _FOOTED else 0)
        elif head and not any(head[:_FEWEST_ZEROS]):
            at, zeros = _after_zeros(file, at), True
        else:
            return (at, zeros) if head else (0, False)
    return at, zeros


def _after_zeros(file: BinaryIO, at: int) -> int:
    """Where the zeros that begin at a byte end, at the latest where the file does.

    An MP4's first box begins with its size, whose first bytes are zeros of its own.
    """
    file.seek(at)
    while data := file.read(_CHUNK):
        if rest := len(data.lstrip(b"\0")):
            end = at + len(data) - rest
            file.seek(end)
            box = file.read(8).find(b"ftyp")
            return end - (4 - box) if 1 <= box <= 3 else end
        at += len(data)
    return at
