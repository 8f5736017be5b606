"""A folder for a shard's large temporary files, which does not outlive the process for long, however that ends."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX, _LOCK = "nightjar-embedder-", "lock"
_GRACE_SECONDS = 60
"""A folder as young as this may be one whose owner has not locked it yet."""


@contextmanager
def folder() -> Iterator[Path]:
    """A new folder where TMPDIR says. Those that killed processes left behind are removed first."""
    for other in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        _remove_if_abandoned(other)
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as made, (Path(made) / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Path(made)


def _remove_if_abandoned(lock: Path) -> None:
    """Remove the lock's folder if nobody holds the lock: the kernel lets go of it when its owner dies."""
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - lock.stat().st_mtime > _GRACE_SECONDS:
                shutil.rmtree(lock.parent, ignore_errors=True)  # another process may be removing it too
    except (BlockingIOError, FileNotFoundError, PermissionError):
        return  # in use, gone meanwhile, or somebody else's
