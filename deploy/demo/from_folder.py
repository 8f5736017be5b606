"""A catalogue out of a folder of one's own music: spread over three days, with invented uploaders."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from deploy.demo.truth import DAYS, Truth, Upload
from nightjar.errors import NightjarError

EXTENSIONS = frozenset({"wav", "aif", "aiff", "flac", "mp3", "mp2", "ogg", "oga", "opus", "m4a", "mp4", "aac", "wma"})
"""What counts as music, in any case."""

UPLOADERS = 8
"""How many uploaders are invented."""

NEIGHBOURS = 8
"""So many files of a folder, neighbours by name, count as one taste: an album, or a stretch of a flat library."""

_MARK_LENGTH = 8


def from_folder(music: Path, directory: Path, days: Sequence[str] = DAYS, limit: int | None = None) -> Truth:
    """Lay out the music below `music` in `directory` as `write_catalogue` does; nothing about it is known.

    Files are found recursively by their extension; hidden files and folders are left out. The copies are links,
    so that `music` must stay. `limit` takes so many of the files, spread evenly over their names. Each file goes to
    a day by its place in an order by hash, so that days are of equal size. Raises NightjarError if there is no music.
    """
    found = _songs(music)
    if limit is not None and limit < len(found):
        found = [found[index * len(found) // limit] for index in range(limit)]
    names = [_legible(path.relative_to(music).as_posix()) for path in found]
    tastes = _tastes(names)
    uploads = []
    for place, index in enumerate(sorted(range(len(names)), key=lambda index: _hash(names[index]))):
        name, path = names[index], found[index]
        uploader = f"user-{60 + int(_hash(name)[-8:], 16) % UPLOADERS}"
        extension = path.suffix[1:].lower()
        upload = Upload(
            *(_track_id(name), days[place % len(days)], extension, uploader, _legible(path.stem)),
            style=tastes[index],
            name=name,
        )
        link = directory / upload.key
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(path.resolve())
        uploads.append(upload)
    truth = Truth(tuple(days), tuple(sorted(uploads, key=lambda upload: upload.key)), known=False)
    truth.write(directory)
    return truth


def left_out(music: Path) -> int:
    """How many files below `music` are not taken, since their names do not end as music's do."""
    files = [path for path in music.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return sum(path.suffix[1:].lower() not in EXTENSIONS for path in files)


def _songs(music: Path) -> list[Path]:
    """The music files below `music`, by name."""
    if not music.is_dir():
        what = f"{music} is not a folder" if music.exists() else f"there is no folder {music}"
        raise NightjarError(what, "Give the path of a folder with music, as in SONGS=~/Music")
    found = sorted(
        path
        for path in music.rglob("*")
        if path.suffix[1:].lower() in EXTENSIONS
        and not any(part.startswith(".") for part in path.relative_to(music).parts)
        and path.is_file()
    )
    if not found:
        raise NightjarError(f"{music} holds no music", f"It needs files that end in {', '.join(sorted(EXTENSIONS))}")
    return found


def _legible(name: str) -> str:
    r"""A file's name as text: bytes that are no UTF-8, as old programs and archives leave them, become `\xe9`."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _tastes(names: Sequence[str]) -> list[str]:
    """What a taste is for, for each of the sorted names: its folder, cut into neighbourhoods by name."""
    seen: Counter[str] = Counter()
    tastes = []
    for name in names:
        folder = name.rpartition("/")[0]
        tastes.append(f"{folder or 'music'} {seen[folder] // NEIGHBOURS + 1}")
        seen[folder] += 1
    return tastes


def _track_id(name: str) -> str:
    """A valid track id that a person recognises: the file's name in ASCII, and a hash of its whole path."""
    stem = unicodedata.normalize("NFKD", Path(name).stem).encode("ascii", "ignore").decode()
    readable = re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-")[:40].rstrip("-")
    return "-".join(part for part in (readable, _hash(name)[:_MARK_LENGTH]) if part)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
