"""Containers written by hand, so that they can lie: RIFF, AIFF, FLAC, ID3, Ogg, ISO media (mp4) and Matroska."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np

RATE = 8_000


@cache
def tone(rate: int = RATE, channels: int = 1, seconds: float = 4.0, kind: str = "<i2") -> np.ndarray:
    """A tone of 220 Hz (or of a quarter of the rate) at a third of full scale, shape (frames, channels)."""
    at = np.arange(max(1, int(rate * seconds)))
    wave = np.sin(2 * np.pi * min(220.0, rate / 4) * at / rate) / 3
    if np.dtype(kind).kind == "f":
        return np.repeat(wave[:, None], channels, axis=1).astype(kind)
    if kind == "u1":
        return np.repeat(wave[:, None] * 127 + 128, channels, axis=1).astype(kind)
    return np.repeat(wave[:, None] * (2 ** (8 * np.dtype(kind).itemsize - 1) - 1), channels, axis=1).astype(kind)


def chunk(name: bytes, body: bytes, size: int | None = None, order: str = "<") -> bytes:
    """A chunk of RIFF, or with order `>` of AIFF; `size` is what it says of itself."""
    return name + struct.pack(f"{order}I", len(body) if size is None else size) + body + b"\0" * (len(body) % 2)


def wav(
    samples: np.ndarray,
    rate: int = RATE,
    *,
    tag: int | None = None,
    between: bytes = b"",
    after: bytes = b"",
    data_size: int | None = None,
    riff_size: int | None = None,
    **said: int,
) -> bytes:
    """A WAV file; `said` overrides channels, rate, byte_rate, block or bits of its header."""
    width = samples.dtype.itemsize
    channels = said.get("channels", samples.shape[1])
    told = (
        *(tag if tag is not None else 3 if samples.dtype.kind == "f" else 1, channels, said.get("rate", rate)),
        said.get("byte_rate", min(rate * samples.shape[1] * width, 2**32 - 1)),
        said.get("block", samples.shape[1] * width),
        said.get("bits", 8 * width),
    )
    body = chunk(b"fmt ", struct.pack("<HHIIHH", *told)) + between
    body += chunk(b"data", samples.tobytes(), data_size) + after
    return b"RIFF" + struct.pack("<I", 4 + len(body) if riff_size is None else riff_size) + b"WAVE" + body


def aiff(samples: np.ndarray, rate: int = RATE, channels: int | None = None, between: bytes = b"") -> bytes:
    """An AIFF file of big-endian samples."""
    exponent = max(rate, 1).bit_length() - 1
    extended = struct.pack(">HQ", 16383 + exponent if rate else 0, rate << (63 - exponent))
    channels = samples.shape[1] if channels is None else channels
    common = struct.pack(">HIH", channels, len(samples), 8 * samples.dtype.itemsize) + extended
    body = chunk(b"COMM", common, order=">") + between
    body += chunk(b"SSND", bytes(8) + samples.astype(samples.dtype.newbyteorder(">")).tobytes(), order=">")
    return b"FORM" + struct.pack(">I", 4 + len(body)) + b"AIFF" + body


def flac_with(body: bytes, blocks: Sequence[tuple[int, bytes]]) -> bytes:
    """A FLAC file with these metadata blocks (kind, content) after its first, and none of its own."""
    position, last, first = 4, False, b""
    while not last:
        last, size = bool(body[position] & 0x80), int.from_bytes(body[position + 1 : position + 4], "big")
        first = first or body[position + 4 : position + 4 + size]
        position += 4 + size
    made = [b"\0" + len(first).to_bytes(3, "big") + first]
    made += [bytes([kind]) + len(content).to_bytes(3, "big") + content for kind, content in blocks]
    made.append(b"\x81\0\0\0")
    return b"fLaC" + b"".join(made) + body[position:]


def comments(said: Sequence[bytes], count: int | None = None) -> bytes:
    """A block of Vorbis comments."""
    listed = b"".join(struct.pack("<I", len(each)) + each for each in said)
    return struct.pack("<I", 0) + struct.pack("<I", len(said) if count is None else count) + listed


def syncsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def id3(frames: Sequence[tuple[bytes, bytes]], size: int | None = None, version: int = 4) -> bytes:
    """An ID3v2 tag with these frames."""
    body = b"".join(name + syncsafe(len(content)) + b"\0\0" + content for name, content in frames)
    return b"ID3" + bytes([version, 0, 0]) + syncsafe(len(body) if size is None else size) + body


@cache
def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        value <<= 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
        table.append(value)
    return table


def _crc(data: bytes) -> int:
    table, crc = _crc_table(), 0
    for byte in data:
        crc = (crc << 8 & 0xFFFFFFFF) ^ table[crc >> 24 ^ byte]
    return crc


def ogg_page(body: bytes, lacing: bytes, serial: int, number: int, granule: int = 0, flags: int = 0) -> bytes:
    """One page of Ogg with its checksum."""
    head = b"OggS\0" + bytes([flags]) + struct.pack("<QIII", granule % 2**64, serial, number, 0)
    page = head + bytes([len(lacing)]) + lacing + body
    return page[:22] + struct.pack("<I", _crc(page)) + page[26:]


def ogg_pages(body: bytes) -> Iterator[tuple[bytes, bytes, int, int, int, int]]:
    """The pages of an Ogg file as `ogg_page` takes them."""
    position = 0
    while position < len(body):
        flags = body[position + 5]
        granule, serial, number = struct.unpack("<QII", body[position + 6 : position + 22])
        lacing = body[position + 27 : position + 27 + body[position + 26]]
        start = position + 27 + len(lacing)
        position = start + sum(lacing)
        yield body[start:position], lacing, serial, number, granule, flags


def ogg_repaged(body: bytes, change: Callable[[int, tuple], tuple]) -> bytes:
    """An Ogg file whose pages are as `change(index, page)` has them, with right checksums."""
    return b"".join(ogg_page(*change(index, page)) for index, page in enumerate(ogg_pages(body)))


def ogg_with_comments(body: bytes, said: Sequence[bytes]) -> bytes:
    """An Opus file in Ogg with other tags, which take as many pages as they need."""
    pages = list(ogg_pages(body))
    packet = b"OpusTags" + comments(said)
    sizes = [255] * (len(packet) // 255) + [len(packet) % 255]
    made, number, used = [ogg_page(*pages[0])], 1, 0
    for start in range(0, len(sizes), 255):
        lacing = bytes(sizes[start : start + 255])
        last = start + 255 >= len(sizes)
        part = packet[used : used + sum(lacing)]
        used += sum(lacing)
        made.append(ogg_page(part, lacing, pages[0][2], number, 0 if last else -1, 0 if start == 0 else 1))
        number += 1
    for offset, (content, lacing, serial, _, granule, flags) in enumerate(pages[2:]):
        made.append(ogg_page(content, lacing, serial, number + offset, granule, flags))
    return b"".join(made)


def opus_silence(seconds: int) -> bytes:
    """Opus that says nothing, in packets of 20 ms and three bytes."""
    head = b"OpusHead\1\1" + struct.pack("<HIh", 0, 48_000, 0) + b"\0"
    made = [ogg_page(head, bytes([len(head)]), 1, 0, 0, 2), ogg_page(b"OpusTags" + comments([]), b"\x10", 1, 1)]
    for number in range(seconds // 5):
        made.append(ogg_page(b"\xf8\xff\xfe" * 250, b"\3" * 250, 1, number + 2, (number + 1) * 5 * 48_000))
    return b"".join(made)


def atom(kind: bytes, body: bytes, size: int | None = None) -> bytes:
    """An atom of mp4."""
    return struct.pack(">I", 8 + len(body) if size is None else size) + kind + body


def atoms(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The atoms of a level: kind and content."""
    position = 0
    while position + 8 <= len(body):
        size = struct.unpack(">I", body[position : position + 4])[0]
        yield body[position + 4 : position + 8], body[position + 8 : position + size]
        position += max(8, size)


def edited(body: bytes, path: Sequence[bytes], change: Callable[[bytes], bytes]) -> bytes:
    """An mp4 file in which what the atom at `path` holds is changed. Its `moov` is behind the samples."""
    made = []
    for kind, content in atoms(body):
        if kind == path[0]:
            content = change(content) if len(path) == 1 else edited(content, path[1:], change)
        made.append(atom(kind, content))
    return b"".join(made)


TRACK = (b"moov", b"trak", b"mdia", b"minf")


def element(identity: bytes, body: bytes, size: bytes | None = None) -> bytes:
    """An element of Matroska; `size` is what it says of itself, as EBML writes it."""
    return identity + (struct.pack(">Q", len(body) | 1 << 56) if size is None else size) + body


def matroska(
    samples: np.ndarray,
    *,
    rate: float = RATE,
    channels: int = 1,
    info: bytes = b"",
    track: bytes = b"",
    more: bytes = b"",
) -> bytes:
    """A Matroska file of one PCM track; `more` are elements before its samples, `info` and `track` add to its own."""
    head = element(b"\x1a\x45\xdf\xa3", element(b"\x42\x82", b"matroska"))
    audio = element(b"\xb5", struct.pack(">d", rate)) + element(b"\x9f", bytes([channels]))
    audio += element(b"\x62\x64", bytes([8 * samples.dtype.itemsize]))
    entry = element(b"\xd7", b"\x01") + element(b"\x73\xc5", b"\x01") + element(b"\x83", b"\x02")
    entry += element(b"\x86", b"A_PCM/INT/LIT") + element(b"\xe1", audio) + track
    body = element(b"\x15\x49\xa9\x66", element(b"\x2a\xd7\xb1", struct.pack(">I", 1_000_000)) + info)
    body += element(b"\x16\x54\xae\x6b", element(b"\xae", entry)) + more
    for second in range(int(len(samples) / RATE)):
        piece = samples[second * RATE : (second + 1) * RATE].tobytes()
        block = element(b"\xa3", b"\x81\0\0\x80" + piece)
        body += element(b"\x1f\x43\xb6\x75", element(b"\xe7", struct.pack(">I", second * 1000)) + block)
    return head + element(b"\x18\x53\x80\x67", body)
