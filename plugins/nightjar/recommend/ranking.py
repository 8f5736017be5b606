"""One user's list, step by step: candidates, filters, pool, re-ranking, reasons. Users need nothing from each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nightjar.recommend import filters, score
from nightjar.recommend.cold import Cold
from nightjar.recommend.filters import User
from nightjar.recommend.library import Library
from nightjar.recommend.rerank import Pool, rerank
from nightjar.recommend.score import Neighbours
from nightjar.thresholds import (
    FRESH_SHARE,
    LIST_LENGTH,
    MAX_PER_ARTIST,
    MAX_PER_UPLOADER,
    NEW_USERS_FRESH_SHARE,
    RANK_POOL,
    RANK_POOL_FRESH,
)


@dataclass(frozen=True)
class Context:
    """What all users of a shard share."""

    library: Library
    neighbours: Neighbours
    cold: Cold
    listeners: np.ndarray  # (songs,) people who like each song, at the canonical one
    vectors: np.ndarray  # (songs, d) float32 of unit length; zeros where no list of the shard can need them


@dataclass(frozen=True)
class Entry:
    """One song on a list. `because` holds rows of heard songs, strongest first; empty for a filler."""

    song: int
    score: float
    source: str
    because: list[int]


@dataclass(frozen=True)
class Ranking:
    """A list, and what it was chosen from."""

    songs: np.ndarray  # (k,) every candidate that the seeds brought, best first
    scores: np.ndarray  # (k,)
    pool: np.ndarray  # (m,) the songs that re-ranking chose from
    entries: list[Entry]


def rank(context: Context, user: User) -> Ranking:
    """The list of a user with listens: from their seeds, filled up with popular and fresh songs where it is short."""
    songs, scores = score.candidates(context.neighbours, user.seeds, user.weights)
    free = filters.blocked(context.library, user, songs) == filters.FREE
    own, own_scores = _cut(context.library, songs[free], scores[free])
    filler, popularity = _fillers(context, user, own)
    relevance = np.round(np.concatenate([own_scores / (own_scores.max(initial=0) or 1.0), popularity]), 6)
    pool = _pool(context, np.concatenate([own, filler]), relevance, len(own))
    chosen = pool.songs[rerank(pool, FRESH_SHARE)]
    known = dict(zip(own.tolist(), own_scores.tolist(), strict=True))
    made = score.contributions(context.neighbours, user.seeds, user.weights, chosen)
    entries = [
        Entry(song, known[song], *score.source_and_reasons(each)) if song in known else _unasked(context, song, 0.0)
        for song, each in zip(chosen.tolist(), made, strict=True)
    ]
    return Ranking(songs, scores, pool.songs, entries)


def rank_new_users(context: Context) -> Ranking:
    """The list for users without a history: popular and fresh, varied. Its scores are popularity, 0 to 1."""
    cold = context.cold
    songs, relevance = _cut(context.library, cold.songs, cold.relevance)
    pool = _pool(context, songs, relevance, len(songs))
    entries = [
        _unasked(context, int(songs[position]), float(relevance[position]))
        for position in rerank(pool, NEW_USERS_FRESH_SHARE)
    ]
    return Ranking(cold.songs, cold.relevance, pool.songs, entries)


def _unasked(context: Context, song: int, scored: float) -> Entry:
    return Entry(song, scored, "popular" if context.listeners[song] else "fresh", [])


def _cut(library: Library, songs: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The RANK_POOL best, and the RANK_POOL_FRESH best of the fresh; `songs` are ordered, and so is the result.

    An uploader or artist with more songs than any list could take is cut short first, and so are songs that are all
    covers of each other: they would fill the pool and leave the list short.
    """
    take = _within(library.uploader[songs], 2 * MAX_PER_UPLOADER) & _within(library.artist[songs], 2 * MAX_PER_ARTIST)
    take &= _apart(library, songs)
    fresh = take & library.fresh[songs]
    take &= np.cumsum(take) <= RANK_POOL
    take |= fresh & (np.cumsum(fresh) <= RANK_POOL_FRESH)
    return songs[take], scores[take]


def _fillers(context: Context, user: User, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Popular and fresh songs, best first, for what the seeds did not bring."""
    cold = context.cold
    free = filters.blocked(context.library, user, cold.songs) == filters.FREE
    free &= ~np.isin(cold.songs, own)
    free[free] = _apart(context.library, cold.songs[free])
    fresh = context.library.fresh[cold.songs] & free
    lacking_fresh = max(0, int(LIST_LENGTH * FRESH_SHARE) - int(context.library.fresh[own].sum()))
    take = free & (np.cumsum(free) <= max(0, RANK_POOL - len(own)))
    take |= fresh & (np.cumsum(fresh) <= lacking_fresh)
    return cold.songs[take], cold.relevance[take]


def _pool(context: Context, songs: np.ndarray, relevance: np.ndarray, own: int) -> Pool:
    library = context.library
    return Pool(
        songs=songs,
        relevance=relevance,
        vectors=context.vectors[songs],
        uploader=library.uploader[songs],
        artist=library.artist[songs],
        fresh=library.fresh[songs],
        filler=np.arange(len(songs)) >= own,
        covers=library.covers.among(songs),
    )


def _apart(library: Library, songs: np.ndarray) -> np.ndarray:
    """(k,) bool: False for a song with so many covers before it that no list could keep them all apart."""
    if not len(library.covers.others):
        return np.ones(len(songs), dtype=bool)
    return _within(library.covers.family(songs), LIST_LENGTH // 2)


def _within(codes: np.ndarray, limit: int) -> np.ndarray:
    """(k,) bool: at most the first `limit` of each code are True; -1 is no code."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    nth = np.arange(len(codes)) - np.searchsorted(ordered, ordered)
    within = np.empty(len(codes), dtype=bool)
    within[order] = (nth < limit) | (ordered < 0)
    return within
