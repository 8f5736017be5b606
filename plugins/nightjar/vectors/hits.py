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


def is_complete(expected: int, own: Sequence[str] | None, lists: list[list[Hit]]) -> bool:
    """Whether all lists have `expected` hits, and the song own[i], if any are given, is on the list i."""
    if any(len(hits) != expected for hits in lists):
        return False
    return own is None or all(_finds_itself(track_id, hits) for track_id, hits in zip(own, lists, strict=True))


def _finds_itself(track_id: str, hits: list[Hit]) -> bool:
    near = [hit.track_id for hit in hits if hit.similarity > SELF_SIMILARITY]
    return track_id in near or len(near) == len(hits)
