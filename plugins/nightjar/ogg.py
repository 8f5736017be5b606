"""Ogg files that are chains of streams: where the codec, the rate or the channels change, at which ffmpeg stops."""

from __future__ import annotations

import os
from collections.abc import Iterator

_MARK = b"OggS"
_BEGINS = _MARK + b"\0\x02"
"""A page that begins a stream: its flags are this one alone."""
_PAGE_BYTES, _IDENT_BYTES = 27, 64
_MOST_LINKS = 10_000
"""Streams that are looked at."""
_CHUNK = 1 << 20


def pieces(file: int) -> list[tuple[int, int]]:
    """First and last byte, excluded, of each stretch of the open `file` (a descriptor) in which nothing changes.

    None of what is no Ogg.
    """
    if os.pread(file, len(_MARK), 0) != _MARK:
        return []
    starts, sound = [], None
    for begins, said in _links(file):
        if said != sound:
            starts.append(begins)
            sound = said
    starts[:1] = [0]
    return list(zip(starts, [*starts[1:], os.fstat(file).st_size], strict=True))


def _links(file: int) -> Iterator[tuple[int, tuple[bytes, ...]]]:
    """Where each link of the chain begins, and what its streams are: several may run side by side."""
    begun, streams, next_page = 0, [], -1
    for number, at in enumerate(_beginnings(file)):
        if number == _MOST_LINKS:
            break
        lacing = os.pread(file, _PAGE_BYTES + 255, at)[_PAGE_BYTES - 1 :]
        body = at + _PAGE_BYTES + lacing[0]
        if at != next_page and streams:
            yield begun, tuple(streams)
        if at != next_page:
            begun, streams = at, []
        streams.append(_sound(os.pread(file, _IDENT_BYTES, body)))
        next_page = body + sum(lacing[1 : 1 + lacing[0]])
    if streams:
        yield begun, tuple(streams)


def _beginnings(file: int) -> Iterator[int]:
    at = 0
    while data := os.pread(file, _CHUNK + len(_BEGINS) - 1, at):
        found = data.find(_BEGINS)
        while found >= 0:
            if at + found + _PAGE_BYTES <= os.fstat(file).st_size:
                yield at + found
            found = data.find(_BEGINS, found + 1)
        at += _CHUNK


def _sound(packet: bytes) -> bytes:
    """Codec, channels and rate of a stream, from its first packet."""
    if packet[1:7] == b"vorbis":
        return packet[1:7] + packet[11:16]
    if packet.startswith(b"OpusHead"):
        return packet[:8] + packet[9:10]
    if packet.startswith(b"\x7fFLAC"):
        return packet[:5] + packet[27:30] + bytes([packet[30] & 0xF0] if len(packet) > 30 else [])
    return packet[:8]
