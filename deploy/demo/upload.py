"""Putting a catalogue into object storage, as the app would."""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from deploy.demo.truth import Truth
from nightjar.ingest.metadata import encode
from nightjar.objects import ObjectMissing, Objects

_NEXT_SECOND_S = 1.1
"""Stores date objects by whole seconds, and of two songs the one that was uploaded first is canonical."""


class Written(NamedTuple):
    """How many objects were written."""

    uploads: int
    exports: int
    """Of listens, one a day."""

    def __str__(self) -> str:
        return f"{self.uploads} uploads and {self.exports} exports of listens written"


def upload(objects: Objects, directory: Path, truth: Truth) -> Written:
    """Upload every song and every export of listens; what is there with the same content stays untouched.

    Day after day and by id, so that the store's dates are in the order that `truth` has.
    """
    written = 0
    for day in truth.days:
        songs = sorted((each for each in truth.uploads if each.day == day), key=lambda each: each.track_id)
        came = sum(_put(objects, directory, each.key, encode(each.metadata)) for each in songs)
        if came and day != truth.days[-1]:
            time.sleep(_NEXT_SECOND_S)
        written += came
    exports = (path.relative_to(directory).as_posix() for path in sorted(directory.glob("listens/dt=*/*.parquet")))
    return Written(written, sum(_put(objects, directory, key, {}) for key in exports))


def _put(objects: Objects, directory: Path, key: str, metadata: dict[str, str]) -> bool:
    """Upload a file, unless it is there already; whether that was done."""
    body = (directory / key).read_bytes()
    with suppress(ObjectMissing):  # the usual case: not uploaded yet
        if objects.head(key).etag == hashlib.md5(body, usedforsecurity=False).hexdigest():
            return False
    objects.put(key, body, metadata=metadata)
    return True
