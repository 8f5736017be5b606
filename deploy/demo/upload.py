"""Putting a catalogue into object storage, as the app would."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.demo.truth import Truth
from nightjar.ingest.metadata import encode
from nightjar.objects import ObjectMissing, Objects


def upload(objects: Objects, directory: Path, truth: Truth) -> int:
    """Upload every song and every export of listens; what is there with the same content stays untouched.

    Returns how many objects were written.
    """
    jobs = [(record.key, encode(record.metadata)) for record in truth.uploads]
    jobs += [(path.relative_to(directory).as_posix(), {}) for path in sorted(directory.glob("listens/dt=*/*.parquet"))]

    def put(job: tuple[str, dict[str, str]]) -> bool:
        key, metadata = job
        body = (directory / key).read_bytes()
        try:
            if objects.head(key).etag == hashlib.md5(body, usedforsecurity=False).hexdigest():
                return False
        except ObjectMissing:
            pass  # the usual case: not uploaded yet
        objects.put(key, body, metadata=metadata)
        return True

    with ThreadPoolExecutor(max_workers=4) as threads:
        return sum(threads.map(put, jobs))
