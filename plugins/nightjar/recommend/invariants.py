"""What holds of every list that is published. Written apart from the filters, so that one can be wrong alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nightjar.errors import NightjarError
from nightjar.recommend.library import Library
from nightjar.recommend.ranking import Lists, Users
from nightjar.thresholds import (
    BEGINNING,
    LIST_LENGTH,
    MAX_PER_ARTIST,
    MAX_PER_FAMILY,
    MAX_PER_FAMILY_IN_BEGINNING,
    MAX_PER_UPLOADER,
)


class InvariantBroken(NightjarError):
    """A list breaks a rule that every list keeps: an error of the ranking, never of its input."""


def check(library: Library, names: Sequence[str], users: Users, lists: Lists) -> None:
    """Assert the lists of users of these names. Raises InvariantBroken, with the first entry that breaks a rule.

    No list is longer than LIST_LENGTH; every song is in the library (so not rejected) and not taken down; no song
    twice, no two of one duplicate group; nothing that the user heard in the window, nor a copy of it; nothing of their
    own; no song that holds one of the list, or one that was heard; no uploader, artist or family of covers above their
    caps, no family above that of the beginning; no two covers of each other side by side.
    """
    size, songs = len(library), lists.songs.astype(np.int64)
    counts = np.diff(lists.starts)
    user = np.repeat(np.arange(len(names)), counts)
    place = np.arange(len(songs)) - np.repeat(lists.starts[:-1], counts)
    listener = np.repeat(np.arange(len(names)), np.diff(users.starts))

    def must(holds: np.ndarray, rule: str) -> None:
        if not holds.all():
            raise _broken(library, names, user, songs, int(np.argmin(holds)), rule)

    must(place < LIST_LENGTH, "the list is longer than it may be")
    must((songs >= 0) & (songs < size), "it is not in the library")
    must(~library.removed[songs], "it is taken down")
    group = user * size + library.canonical[songs]
    must(_nth(group) < 1, "it, or another song of its duplicate group, is there twice")
    heard = listener * size + library.canonical[users.heard]
    must(~np.isin(group, heard), "it, or another of its duplicate group, was heard")
    must(~_holds_any(library, user, songs, group, heard), "it holds a song that is listed, or heard")
    uploader, artist, family = library.uploader[songs], library.artist[songs], library.related.family[songs]
    theirs = np.flatnonzero(library.uploader >= 0)
    owned = library.uploader[theirs].astype(np.int64) * size + library.canonical[theirs]
    own = users.uploader[user].astype(np.int64) * size + library.canonical[songs]
    must((users.uploader[user] < 0) | ~np.isin(own, owned), "it, or another of its duplicate group, is the user's own")
    for codes, cap, whose in ((uploader, MAX_PER_UPLOADER, "uploader"), (artist, MAX_PER_ARTIST, "artist")):
        must((codes < 0) | (_nth(user * (codes.max(initial=0) + 1) + codes) < cap), f"its {whose} has too many songs")
    known, nth = np.flatnonzero(family >= 0), np.zeros(len(songs), np.int64)  # few songs have covers
    nth[known] = _nth(user[known] * size + family[known])
    must(nth < MAX_PER_FAMILY, "its family of covers has too many songs")
    early = place < BEGINNING  # `nth` counts from the list's beginning
    must(~early | (nth < MAX_PER_FAMILY_IN_BEGINNING), "its family of covers has too many songs at the beginning")
    follows = np.zeros(len(songs), dtype=bool)
    follows[1:] = user[1:] == user[:-1]
    must(~(follows & _covers(library, np.roll(songs, 1), songs)), "the song before it is a cover of it")


def _nth(codes: np.ndarray) -> np.ndarray:
    """(k,) how many of the same code stand before each."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    begins = np.concatenate([[True], ordered[1:] != ordered[:-1]]) if len(codes) else np.zeros(0, dtype=bool)
    starts = np.flatnonzero(begins)
    nth = np.empty(len(codes), np.int64)
    nth[order] = np.arange(len(codes)) - starts[np.cumsum(begins) - 1]
    return nth


def _holds_any(library: Library, user: np.ndarray, songs: np.ndarray, *known: np.ndarray) -> np.ndarray:
    """(k,) whether a song holds one of those that are `known` of the same user: user * songs of the library + song."""
    starts, others = library.related.holds
    found, counts = np.zeros(len(songs), dtype=bool), starts[songs + 1] - starts[songs]
    if counts.any():
        entry = np.repeat(np.arange(len(songs)), counts)
        nth = np.arange(len(entry)) - np.repeat(np.cumsum(counts) - counts, counts)
        held = user[entry] * len(library) + others[starts[songs[entry]] + nth]
        found[entry[np.isin(held, np.concatenate(known))]] = True
    return found


def _covers(library: Library, ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(k,) whether the relation names two songs, or the songs that they are copies of, in either direction."""
    size = len(library)
    starts, covers = library.related.covers
    rows = np.repeat(np.arange(size), np.diff(starts))
    named = np.concatenate([rows * size + covers, covers.astype(np.int64) * size + rows])
    return np.isin(library.canonical[ones].astype(np.int64) * size + library.canonical[others], named)


def _broken(
    library: Library, names: Sequence[str], user: np.ndarray, songs: np.ndarray, at: int, rule: str
) -> InvariantBroken:
    name, song = names[user[at]], songs[at]
    track = library.ids[song] if 0 <= song < len(library) else f"row {song}"
    who = f"user {name!r}" if name else "new users"
    return InvariantBroken(
        f"the list of {who} breaks a rule at track {track}: {rule}",
        "Nothing was published; this is an error in nightjar.recommend, report it with the day",
    )
