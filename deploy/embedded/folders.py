"""Data directories, below which servers keep their state."""

from __future__ import annotations

import tempfile
from pathlib import Path

from nightjar.errors import NightjarError


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
