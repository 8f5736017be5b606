"""Users' lists, step by step: seeds, candidates, pool, re-ranking, reasons. Users need nothing from each other.

The loop over users and all that it does is compiled: a list takes a fraction of a millisecond.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nightjar.compiled import compiled
from nightjar.recommend.cold import Cold
from nightjar.recommend.filters import User
from nightjar.recommend.library import Library
from nightjar.recommend.neighbours import Neighbours
from nightjar.recommend.pool import cold_pool_of, pool_of
from nightjar.recommend.reasons import SOURCES, reasons
from nightjar.recommend.rerank import ARTIST, FACTS, FAMILY, FRESH, HOLDS, OFFERED, UPLOADER, Pool, Songs, rerank
from nightjar.recommend.score import Found, block, candidates, clear, score_of, signed, song_of
from nightjar.recommend.seeds import choose
from nightjar.thresholds import BECAUSE, FRESH_SHARE, LIST_LENGTH, NEW_USERS_FRESH_SHARE

_POPULAR, _FRESH = SOURCES.index("popular"), SOURCES.index("fresh")


class Users(NamedTuple):
    """Of u users the songs that each heard, by their rows, and what they think of them."""

    starts: np.ndarray  # (u + 1,) int64
    heard: np.ndarray  # (k,) int32, ascending within a user
    weights: np.ndarray  # (k,) float32: see nightjar.recommend.seeds
    uploader: np.ndarray  # (u,) int32: their code as an uploader, -1 without uploads

    def with_new(self) -> Users:
        """With somebody before them of whom nothing is known."""
        return self._replace(
            starts=np.concatenate([[0], self.starts]), uploader=np.concatenate([[-1], self.uploader]).astype(np.int32)
        )

    @classmethod
    def of(cls, users: list[User]) -> Users:
        """From one user at a time."""
        counts = [len(user.heard) for user in users]
        return cls(
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            np.concatenate([np.zeros(0), *(user.heard for user in users)]).astype(np.int32),
            np.concatenate([np.zeros(0), *(user.weights for user in users)]).astype(np.float32),
            np.array([user.uploader for user in users], np.int32),
        )


class Lists(NamedTuple):
    """The lists of u users, one behind the other."""

    starts: np.ndarray  # (u + 1,) int64
    songs: np.ndarray  # (k,) int32
    scores: np.ndarray  # (k,) float32
    sources: np.ndarray  # (k,) int8: positions in SOURCES
    because: np.ndarray  # (k, BECAUSE) int32: heard songs, strongest first, -1 where there are fewer

    def behind(self, first: Lists) -> Lists:
        """With other lists before them."""
        starts = np.concatenate([first.starts, first.starts[-1] + self.starts[1:]])
        return Lists(starts, *(np.concatenate(both) for both in zip(first[1:], self[1:], strict=True)))


@dataclass(frozen=True)
class Context:
    """What all users of a shard share."""

    library: Library
    neighbours: Neighbours
    cold: Cold
    songs: Songs

    @classmethod
    def of(cls, library: Library, neighbours: Neighbours, cold: Cold, sketch: np.ndarray, scale: np.ndarray) -> Context:
        """With the songs' vectors as `Songs` has them."""
        facts = np.empty((len(library), FACTS), np.int32)
        facts[:, UPLOADER], facts[:, ARTIST] = library.uploader, library.artist
        facts[:, FRESH], facts[:, OFFERED] = library.fresh, library.offered
        covers, facts[:, FAMILY], holds = library.related
        facts[:, HOLDS] = np.diff(holds.starts) > 0
        return cls(library, neighbours, cold, Songs(facts, sketch, scale, covers, holds, library.owners))


def rank(context: Context, users: Users) -> Lists:
    """The lists of users with a history: from their seeds, filled up with popular and fresh songs where it is short."""
    most = int(np.diff(users.starts).max(initial=0))
    return Lists(*_lists(context.neighbours, context.songs, context.cold, users, Found.room(most), Found.room(most)))


def rank_new_users(context: Context) -> Lists:
    """The list for users without a history: popular and fresh, varied. Its scores are popularity, 0 to 1."""
    pool = new_users_pool(context)
    chosen = rerank(pool, context.songs, NEW_USERS_FRESH_SHARE)
    songs = pool.songs[chosen]
    sources = np.where(context.neighbours.listeners[songs] > 0, _POPULAR, _FRESH).astype(np.int8)
    because = np.full((len(songs), BECAUSE), -1, np.int32)
    return Lists(np.array([0, len(songs)]), songs, pool.relevance[chosen], sources, because)


@compiled
def _lists(neighbours, songs, cold, users, found, tally):
    count = len(users.uploader)
    starts = np.zeros(count + 1, np.int64)
    made, scores = np.empty(count * LIST_LENGTH, np.int32), np.empty(count * LIST_LENGTH, np.float32)
    sources = np.empty(count * LIST_LENGTH, np.int8)
    because = np.full((count * LIST_LENGTH, BECAUSE), -1, np.int32)
    for user in range(count):
        own = slice(users.starts[user], users.starts[user + 1])
        seeds, seed_weights = choose(users.heard[own], users.weights[own])
        weights = signed(seed_weights)
        blocked = block(found, users.heard[own])
        keys, used = candidates(neighbours, seeds, weights, found, blocked)
        pool, pool_scores = pool_of(songs, cold, users.uploader[user], found, keys, tally)
        chosen = rerank(pool, songs, FRESH_SHARE)
        begin, end = starts[user], starts[user] + len(chosen)
        made[begin:end] = pool.songs[chosen]
        asked = np.flatnonzero(chosen < len(pool_scores))
        _say_why(neighbours, seeds, weights, made[begin:end], asked, sources[begin:end], because[begin:end])
        scores[begin:end] = 0
        scores[begin:end][asked] = pool_scores[chosen[asked]]
        clear(found, used)
        starts[user + 1] = end
    size = starts[count]
    return starts, made[:size], scores[:size], sources[:size], because[:size]


@compiled
def _say_why(neighbours, seeds, weights, songs, asked, sources, because):
    """Fill in sources and seeds of a list, of whose songs those at `asked` were brought by seeds."""
    own_sources, own_because = np.empty(len(asked), np.int8), np.full((len(asked), BECAUSE), -1, np.int32)
    reasons(neighbours, seeds, weights, songs[asked], own_sources, own_because)
    sources[:] = -1
    for at in range(len(asked)):
        sources[asked[at]], because[asked[at]] = own_sources[at], own_because[at]
    for at in range(len(songs)):
        if sources[at] < 0:
            sources[at] = _POPULAR if neighbours.listeners[songs[at]] else _FRESH


def considered(neighbours: Neighbours, heard: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The candidates (k,) of somebody by what they heard, best first, and their scores: before any filter."""
    found = Found.room(0)
    seeds, chosen = choose(heard, weights)
    keys, _ = candidates(neighbours, seeds, signed(chosen), found, 0)
    keys = np.sort(keys)
    songs = np.array([song_of(key) for key in keys], np.int64)
    return songs, np.array([score_of(key) for key in keys], np.float32)


def pool(context: Context, user: User) -> Pool:
    """What a user's list is chosen from."""
    found, tally = Found.room(len(user.heard)), Found.room(len(user.heard))
    seeds, weights = choose(user.heard, user.weights)
    keys, _ = candidates(context.neighbours, seeds, signed(weights), found, block(found, user.heard))
    return pool_of(context.songs, context.cold, user.uploader, found, keys, tally)[0]


def new_users_pool(context: Context) -> Pool:
    """What the list of new users is chosen from."""
    return cold_pool_of(context.songs, context.cold, Found.room(len(context.cold.songs)))
