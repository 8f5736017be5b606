"""Where the sound begins in a file: behind tags and filler, which players skip and ffmpeg often does not.

One rule: from the first byte on, a tag is passed by the length that it states, and filler (zeros, line ends) up to
where it ends, until something else begins. If that has the signature of a format, ffmpeg is given the file from there.
"""

from __future__ import annotations

from typing import BinaryIO

_HEAD_BYTES = 32
_ID3_BYTES, _ID3_FOOTER = 10, 0x10
"""Of the header of an ID3v2 tag, and of its footer; the flag that says that there is one."""
_APE_BYTES = 32
"""Of the header of an APEv2 tag."""
_ID3V1_BYTES = 128
_BOM = b"\xef\xbb\xbf"
_MOST_TAGS = 64
_FILLER = b"\0\r\n"
_MANY_ZEROS = 8
"""Fewer zeros are filler only where a signature or a tag follows: numbers of other formats begin with zeros too."""
_CHUNK = 1 << 20
_MARKS = (b"fLaC", b"OggS", b"caff", b"riff\x2e\x91\xcf\x11", b"\x1a\x45\xdf\xa3", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11")
"""First bytes of FLAC, Ogg, CAF, Wave64, Matroska and ASF."""
_FORMS = {b"RIFF": b"WAVE", b"RIFX": b"WAVE", b"RF64": b"WAVE", b"BW64": b"WAVE", b"FORM": b"AIF"}
"""First bytes of WAV and AIFF, and those at the ninth."""
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
"""What the first box of an MP4 may be; the four bytes before are its size, whose first is small and no letter."""


def content_at(file: BinaryIO) -> int:
    """The byte at which neither a tag nor filler stands any more; 0 of a file that holds nothing else."""
    return _passed(file)[0]


def sound_at(file: BinaryIO) -> int:
    """The byte at which ffmpeg has to begin: 0 if that is the first, or if no format begins behind what stands there.

    MPEG frames ffmpeg finds by itself, unless many zeros stand before them.
    """
    at, zeros = _passed(file)
    head = _head(file, at)
    return at if marked(head) or (zeros and _framed(head)) else 0


def marked(head: bytes) -> bool:
    """Whether a format that Nightjar reads begins so, by its signature."""
    form = head[8:].startswith(_FORMS.get(head[:4], b"none"))
    return form or (head[4:8] in _BOXES and head[0] < ord(" ")) or head.startswith(_MARKS)


def _framed(head: bytes) -> bool:
    """Whether a frame of MP3 or AAC begins so."""
    return len(head) > 1 and head[0] == 0xFF and head[1] >= 0xE0


def _passed(file: BinaryIO) -> tuple[int, bool]:
    """`content_at`, and whether many zeros stand before it that belong to no tag."""
    at, zeros = 0, False
    for _ in range(_MOST_TAGS):
        head = _head(file, at)
        if not head:
            return 0, False
        if lengths := _tag(head):
            first, *others = (at + length for length in lengths)
            known = _begins(_head(file, first))
            at = first if known else next((end for end in others if _begins(_head(file, end))), first)
            continue
        end, many = _after_filler(file, at), not any(head[:_MANY_ZEROS])
        if end == at or not (many or _begins(_head(file, end)) or _tag(_head(file, end))):
            break
        at, zeros = end, zeros or many
    return at, zeros


def _begins(head: bytes) -> bool:
    return marked(head) or _framed(head)


def _tag(head: bytes) -> tuple[int, ...]:
    """How many bytes a tag has that begins so, the likeliest first; empty if none does.

    Old iTunes writes the size of an ID3 tag as a plain number, and not in seven bits of each byte. The size of an APE
    tag is without its header, which some programs count, and some have nothing but the header.
    """
    if head.startswith(b"ID3") and len(head) > _ID3_BYTES:
        more = _ID3_BYTES + (_ID3_BYTES if head[5] & _ID3_FOOTER else 0)
        plain = int.from_bytes(head[6:10], "big")
        if any(byte & 0x80 for byte in head[6:10]):
            return (plain + more,)
        return int("".join(f"{byte:07b}" for byte in head[6:10]), 2) + more, plain + more
    if head.startswith(b"APETAGEX"):
        size = int.from_bytes(head[12:16], "little")
        return _APE_BYTES + size, max(_APE_BYTES, size), _APE_BYTES
    if head.startswith(b"TAG"):
        return (_ID3V1_BYTES,)
    return (len(_BOM),) if head.startswith(_BOM) else ()


def _after_filler(file: BinaryIO, at: int) -> int:
    """Where the filler that begins at a byte ends, at the latest where the file does.

    An MP4's first box begins with its size, whose first bytes are zeros of its own.
    """
    file.seek(at)
    while data := file.read(_CHUNK):
        if rest := len(data.lstrip(_FILLER)):
            end = at + len(data) - rest
            head = _head(file, end)
            inside = next((byte for byte in (1, 2, 3) if head[byte : byte + 4] in _BOXES), 4)
            return max(at, end - (4 - inside))
        at += len(data)
    return at


def _head(file: BinaryIO, at: int) -> bytes:
    file.seek(at)
    return file.read(_HEAD_BYTES)
