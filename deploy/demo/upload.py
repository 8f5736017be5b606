"""Putting a catalogue into object storage as the app does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.demo.truth import Truth
from nightjar.ingest.metadata import encode
from nightjar.objects import ObjectMissing, Objects


def upload(objects: Objects, directory: Path, truth: Truth) -> Iterator[bool]:
    """Upload the catalogue that lies in `directory`, and its listens; what is there already is left alone.

    Yields once for each object: whether it was written.
    """
    metadata = {song.key: encode(song.metadata) for song in truth.uploads}
    listens = sorted(path.relative_to(directory).as_posix() for path in directory.glob("listens/dt=*/*.parquet"))

    def put(key: str) -> bool:
        body = (directory / key).read_bytes()
        if _etag(objects, key) == hashlib.md5(body, usedforsecurity=False).hexdigest():
            return False
        objects.put(key, body, metadata=metadata.get(key))
        return True

    with ThreadPoolExecutor(max_workers=4) as threads:
        yield from threads.map(put, [*metadata, *listens])


def _etag(objects: Objects, key: str) -> str:
    """MD5 of the object's content; "" where there is none."""
    try:
        return objects.head(key).etag
    except ObjectMissing:
        return ""
