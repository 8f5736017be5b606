"""Data directories, below which servers keep their state."""

from __future__ import annotations

import tempfile
from pathlib import Path

from nightjar.errors import NightjarError

_STOPPED = "stopped"


def usable(folder: Path) -> Path:
    """The folder, which is there now, by its whole path. Raises NightjarError where none can be, or nothing written."""
    folder = folder.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise NightjarError(
            f"{folder} cannot be a data directory: {error.strerror}", "Name one that is yours, or can be made: --data"
        ) from error
    return folder


def known(folder: Path, by: str, start: str) -> Path:
    """The folder, of which there is the file `by` since something was started in it: else this makes none, and raises
    NightjarError, with the command that would start it."""
    if not (folder / by).is_file():
        raise NightjarError(
            f"nothing was ever started in {folder.resolve()}", f"Name another one, or start it: {start}"
        )
    return folder


def note_stop(folder: Path) -> None:
    """Note that what runs there is ended on purpose, for whoever uses it or waits for it to start."""
    (folder / _STOPPED).touch()


def stopped(folder: Path) -> int:
    """When that was noted last, in nanoseconds; 0 if it never was."""
    noted = folder / _STOPPED
    return noted.stat().st_mtime_ns if noted.exists() else 0
