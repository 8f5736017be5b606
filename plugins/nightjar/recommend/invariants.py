"""What holds of every list that is published. Written apart from the filters, so that one can be wrong alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from nightjar.errors import NightjarError
from nightjar.recommend.filters import User
from nightjar.recommend.library import Library
from nightjar.thresholds import LIST_LENGTH, MAX_PER_ARTIST, MAX_PER_UPLOADER


class InvariantBroken(NightjarError):
    """A list breaks a rule that every list keeps: an error of the ranking, never of its input."""


def check(library: Library, user: User, songs: Sequence[int], ranks: Sequence[int]) -> None:
    """Assert a user's list, rows of the library and their ranks in order. Raises InvariantBroken.

    Ranks count 1, 2, ... up to LIST_LENGTH; every song is in the library (so not rejected) and not taken down; no song
    twice, no two of one duplicate group; nothing that the user heard in the window, nor a copy of it; nothing of their
    own; no uploader and no artist above their caps; no two covers of each other side by side.
    """
    heard_groups = {int(library.canonical[row]) for row in user.heard}
    groups: Counter[int] = Counter()
    uploaders: Counter[int] = Counter()
    artists: Counter[int] = Counter()
    for place, (song, rank) in enumerate(zip(songs, ranks, strict=True), start=1):
        _must(rank == place and place <= LIST_LENGTH, library, user, song, f"rank {rank} stands at place {place}")
        _must(0 <= song < len(library), library, user, song, "it is not in the library")
        _must(not library.removed[song], library, user, song, "it is taken down")
        group, uploader, artist = (int(codes[song]) for codes in (library.canonical, library.uploader, library.artist))
        groups[group] += 1
        _must(groups[group] == 1, library, user, song, "it, or another song of its duplicate group, is there twice")
        _must(group not in heard_groups, library, user, song, "it, or another of its duplicate group, was heard")
        _must(uploader < 0 or uploader != user.uploader, library, user, song, "it is the user's own upload")
        uploaders[uploader] += uploader >= 0
        artists[artist] += artist >= 0
        _must(uploaders[uploader] <= MAX_PER_UPLOADER, library, user, song, "its uploader has too many songs")
        _must(artists[artist] <= MAX_PER_ARTIST, library, user, song, "its artist has too many songs")
        before = songs[place - 2] if place > 1 else song
        _must(not _covers(library, before, song), library, user, song, "the song before it is a cover of it")


def _covers(library: Library, one: int, other: int) -> bool:
    """Whether the relation names the two songs, or the songs that they are copies of, in either direction."""
    starts, others = library.covers.starts, library.covers.others
    rows = int(library.canonical[one]), int(library.canonical[other])
    return any(b in others[starts[a] : starts[a + 1]].tolist() for a, b in (rows, rows[::-1]))


def _must(holds: bool, library: Library, user: User, song: int, rule: str) -> None:
    if not holds:
        track = library.ids[song] if 0 <= song < len(library) else f"row {song}"
        who = f"user {user.user_id!r}" if user.user_id else "new users"
        raise InvariantBroken(
            f"the list of {who} breaks a rule at track {track}: {rule}",
            "Nothing was published; this is an error in nightjar.recommend, report it with the day",
        )
