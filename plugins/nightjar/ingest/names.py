"""What an upload's object key says: `uploads/dt=D/{track_id}.{ext}`."""

from __future__ import annotations

import re

PADDING = " \t\n\v\f\r\0"
"""What fixed-width columns are padded with: no part of an id, wherever it stands."""
UUID = r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
"""A UUID as text. Capitals mean the same (RFC 9562), and databases write them in either."""
_TRACK_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LEFT_BEHIND = frozenset(
    (".ds_store", ".localized", ".directory", "thumbs.db", "ehthumbs.db", "desktop.ini", "folder.htt", "icon\r")
)
"""Files that the file managers of macOS, KDE and Windows leave in a folder, in small letters."""


def prefix(day: str) -> str:
    """Where the app puts the uploads of `day`."""
    return f"uploads/dt={day}/"


def is_track_id(text: str) -> bool:
    """Whether `text` is an id as the app gives one: 1 to 64 of A-Z a-z 0-9 _ and -."""
    return _TRACK_ID.fullmatch(text) is not None


def user_id(text: str) -> str:
    """The one form of a user's id: as it is, but a UUID in small letters, as columns of UUIDs are read."""
    return text.lower() if re.fullmatch(UUID, text) else text


def track_id(key: str) -> str | None:
    """The track id in an upload's key, or None if the key is not of that form.

    The extension is free and may be missing: what a file is, its content says.
    """
    name = key.split("/", 2)[-1]
    stem = name.rpartition(".")[0] if "." in name else name
    return stem if is_track_id(stem) else None


def is_left_behind(key: str) -> bool:
    """Whether a file manager left the object when a folder was copied, and nobody uploaded it: `Thumbs.db`, `._x`."""
    name = key.rpartition("/")[2].lower()
    return name in _LEFT_BEHIND or name.startswith("._") or "/__MACOSX/" in key


def shard_key(key: str) -> str:
    """What decides the shard of an upload: its track id, so that all files of one id meet in one shard."""
    return track_id(key) or key
