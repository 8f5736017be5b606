"""What a search finds, and whether that is all that it must find. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nightjar.thresholds import SELF_SIMILARITY


class Hit(NamedTuple):
    """A vector that was found. `similarity` is the cosine; `window` the number of the window, None for a song's."""

    track_id: str
    similarity: float
    day: str
    window: int | None = None


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
    return own is None or all(_finds_itself(track_id, hits) for track_id, hits in zip(own, lists, strict=True))


def _finds_itself(track_id: str, hits: list[Hit]) -> bool:
    near = [hit.track_id for hit in hits if hit.similarity > SELF_SIMILARITY]
    return track_id in near or len(near) == len(hits)
