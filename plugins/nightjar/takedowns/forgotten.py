"""What takedowns name. Pure."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass

from nightjar.errors import NightjarError
from nightjar.thresholds import MAX_ID_CHARACTERS


@dataclass(frozen=True)
class Forgotten:
    """What takedowns name."""

    tracks: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.tracks or self.users)

    def __or__(self, other: Forgotten) -> Forgotten:
        return Forgotten(self.tracks | other.tracks, self.users | other.users)

    def __and__(self, other: Forgotten) -> Forgotten:
        return Forgotten(self.tracks & other.tracks, self.users & other.users)

    def __sub__(self, other: Forgotten) -> Forgotten:
        return Forgotten(self.tracks - other.tracks, self.users - other.users)

    def to_json(self) -> bytes:
        return json.dumps({"tracks": sorted(self.tracks), "users": sorted(self.users)}, indent=1).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Forgotten:
        loaded = json.loads(text)
        return cls(frozenset(loaded["tracks"]), frozenset(loaded["users"]))


_NO_TEXT = {"Cc", "Cs"}
"""Unicode's control characters, and halves of characters: what a shell makes of bytes that are not UTF-8."""


def checked(forgotten: Forgotten) -> Forgotten:
    """The same. Raises NightjarError for an id that cannot be one: empty, too long, or with what no text has."""
    for each in sorted(forgotten.tracks | forgotten.users):
        if not 1 <= len(each) <= MAX_ID_CHARACTERS or _NO_TEXT & set(map(unicodedata.category, each)):
            raise NightjarError(
                f"{each[:40]!r} is no id",
                f"An id has 1 to {MAX_ID_CHARACTERS} characters, none of them a control character, in UTF-8",
            )
    return forgotten
