"""What may not stand on a user's list, and why. The same function decides a list and answers `nightjar why`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nightjar.recommend.library import Library
from nightjar.schemas import NEW_USERS

FREE = 0
REASONS = {
    1: ("taken_down", "the song or its uploader is taken down"),
    2: ("copy", "it is a copy: only the canonical song of its duplicate group is offered"),
    3: ("heard", "the user heard it, or another song of its duplicate group, within the window of listens"),
    4: ("own_upload", "it is the user's own upload, or one of its duplicate group is"),
    5: ("holds_known", "it holds several songs, of which the user heard or uploaded one"),
}
"""Code by number: a name for scripts and a sentence for people. Where several hold, the first is said."""


@dataclass(frozen=True)
class User:
    """What is known of a user, by rows of the library. `uploader` is their code as an uploader, -1 without uploads."""

    user_id: str
    heard: np.ndarray  # (h,) int64, ascending: every song with any listen in the window, canonical ones
    weights: np.ndarray  # (h,) float64: see nightjar.recommend.seeds; negative for a disliked song
    uploader: int = -1

    @classmethod
    def new(cls) -> User:
        """Somebody of whom nothing is known."""
        return cls(NEW_USERS, np.zeros(0, dtype=np.int64), np.zeros(0))


def blocked(library: Library, user: User, songs: np.ndarray) -> np.ndarray:
    """(k,) for each of `songs` (k,) FREE or a number of REASONS.

    A group whose canonical song is taken down, heard or the user's own is out as a whole.
    """
    codes = np.zeros(len(songs), dtype=np.int8)
    canonical, holds = library.canonical[songs], library.related.holds
    known = np.isin(np.arange(len(library)), library.canonical[user.heard])
    own = library.uploader == user.uploader if user.uploader >= 0 else np.zeros(len(library), dtype=bool)
    own[library.canonical[own]] = True
    known |= own
    for at in np.flatnonzero(holds.starts[songs] < holds.starts[songs + 1]):
        codes[at] = 5 if known[holds.of(songs[at])].any() else FREE
    codes[own[songs]] = 4
    codes[np.isin(canonical, library.canonical[user.heard])] = 3
    codes[canonical != songs] = 2
    codes[library.removed[songs]] = 1
    return codes
