"""What a search finds, and whether that is all that it must find. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nightjar.thresholds import SELF_SIMILARITY
from nightjar.vectors.names import window_key


class Hit(NamedTuple):
    """A vector that was found. `similarity` is the cosine; `window` the number of the window, None for a song's."""

    track_id: str
    similarity: float
    day: str
    window: int | None = None

    @property
    def key(self) -> str:
        """Its primary key."""
        return self.track_id if self.window is None else window_key(self.track_id, self.window)


def nearest_first(found: Hit) -> tuple:
    """By which hits are sorted; ties by id."""
    return -found.similarity, found.track_id, found.window


def hit(found: dict) -> Hit:
    """Of a row of a search's answer."""
    _, _, window = found["id"].partition("#")
    entity = found["entity"]
    return Hit(entity["track_id"], float(found["distance"]), day_of(entity["day"]), int(window) if window else None)


def day_of(number: int) -> str:
    """The day that a number like 20261120 is."""
    text = str(number)
    return f"{text[:4]}-{text[4:6]}-{text[6:]}"


def is_complete(expected: int, own: Sequence[str] | None, lists: list[list[Hit]]) -> bool:
    """Whether each query has as many hits as it must, and its own song among them, where that is known."""
    if any(len(hits) != expected for hits in lists):
        return False
    return own is None or all(finds_itself(key, hits, expected) for key, hits in zip(own, lists, strict=True))


def finds_itself(own: str, hits: Sequence[Hit], limit: int) -> bool:
    """Whether a stored vector that was searched for, by its song or its key, is among the `limit` hits, or as many
    others are just as near."""
    near = [hit for hit in hits if hit.similarity > SELF_SIMILARITY]
    return len(near) >= limit or any(own in (hit.track_id, hit.key) for hit in near)
