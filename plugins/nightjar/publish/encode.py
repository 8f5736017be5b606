"""The bytes of a published list: docs/reading-lists.md describes them for readers in any language."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable
from typing import NamedTuple

from nightjar.errors import NightjarError

FORMAT = 1
"""The first byte of every list."""

FEW = 64
"""So many ids are sooner looked for one by one in a list's bytes than the list is walked through."""


class Recommendation(NamedTuple):
    """One entry of a list: the app's own id of the song, and its score in single precision."""

    track_id: str
    score: float


def encode(entries: Iterable[tuple[str, float]]) -> bytes:
    """The byte FORMAT, then for each entry, in order: u8 length of the id, the id in UTF-8, float32 little-endian.

    Raises NightjarError for an id that is empty or longer than 255 bytes.
    """
    made = bytearray([FORMAT])
    for track_id, score in entries:
        name = track_id.encode()
        if not 1 <= len(name) <= 255:
            raise refused(track_id)
        made.append(len(name))
        made += name
        made += struct.pack("<f", score)
    return bytes(made)


def refused(track_id: str) -> NightjarError:
    """The error for an id that does not fit into a list."""
    size = len(track_id.encode())
    return NightjarError(
        f"track id {track_id!r} has {size} bytes; a list holds 1 to 255", "See nightjar/ingest/names.py"
    )


def decode(body: bytes) -> list[Recommendation]:
    """The entries of a list. Raises NightjarError for another format and for bytes that end too early."""
    if not body or body[0] != FORMAT:
        raise NightjarError(
            f"a list begins with {body[:1].hex() or 'nothing'}, this reader knows format {FORMAT}",
            "Update the reader: docs/reading-lists.md",
        )
    entries, at = [], 1
    try:
        while at < len(body):
            end = at + 1 + body[at]
            entries.append(Recommendation(body[at + 1 : end].decode(), struct.unpack_from("<f", body, end)[0]))
            at = end + 4
    except (struct.error, UnicodeDecodeError) as error:
        raise NightjarError(f"a list of {len(body)} bytes is damaged at byte {at}", "Publish its day again") from error
    return entries


def without(body: bytes, track_ids: Collection[bytes]) -> bytes:
    """A list without these songs, the very bytes of the others; empty if it is damaged, or of another format, and any
    of the ids stands in it somewhere."""
    if len(track_ids) <= FEW and not any(each in body for each in track_ids):
        return body
    if body[:1] != bytes([FORMAT]):
        return b"" if any(each in body for each in track_ids) else body
    kept, found, at = [body[:1]], False, 1
    while at < len(body):
        end = at + 1 + body[at]
        if body[at + 1 : end] in track_ids:
            found = True
        else:
            kept.append(body[at : end + 4])
        at = end + 4
    if at > len(body):
        return b"" if any(each in body for each in track_ids) else body
    return b"".join(kept) if found else body
