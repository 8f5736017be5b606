"""From what the seeds bring to the pool that re-ranking chooses from: filters, caps, and fillers for short lists."""

from __future__ import annotations

import numpy as np

from nightjar.compiled import borrowing, compiled
from nightjar.prefetch import prefetch
from nightjar.recommend.rerank import ARTIST, FAMILY, FRESH, HOLDS, OFFERED, UPLOADER, Pool
from nightjar.recommend.score import clear, score_of, slot_of, smallest, song_of
from nightjar.thresholds import (
    FRESH_SHARE,
    LIST_LENGTH,
    MAX_PER_ARTIST,
    MAX_PER_FAMILY,
    MAX_PER_UPLOADER,
    RANK_POOL,
    RANK_POOL_FRESH,
)

_LOOK_AT = RANK_POOL + RANK_POOL_FRESH
"""Candidates that are put in order at first; all others only where the caps leave the pool short."""
_ROOM = 2 * (RANK_POOL + RANK_POOL_FRESH) + LIST_LENGTH
_CAPS = ((UPLOADER, 2 * MAX_PER_UPLOADER), (ARTIST, 2 * MAX_PER_ARTIST), (FAMILY, 2 * MAX_PER_FAMILY))


@compiled
def pool_of(songs, cold, uploader, found, keys, tally):
    """The pool of a user with candidates `keys`, and the scores of those in it that are no fillers.

    The RANK_POOL best and the RANK_POOL_FRESH best of the fresh. An uploader, artist or family with more songs than any
    list could take is cut short first: they would fill the pool and leave the list short. Where the pool is short,
    popular and fresh songs fill it up.

    Left out are songs that are not offered, the user's own, and what holds a song that is theirs or that they heard;
    the songs that they heard are blocked in `found`.
    """
    chosen, scores = np.empty(_ROOM, np.int32), np.empty(_ROOM, np.float32)
    looked_at = min(len(keys), _LOOK_AT)
    smallest(keys, looked_at)
    first, rest = keys[:looked_at], keys[looked_at:]
    _fetch_facts(songs, first)
    first.sort()
    own, fresh, counted = _admit(songs, uploader, found, tally, first, chosen, scores, 0, 0, 0)
    if own < RANK_POOL or fresh < RANK_POOL_FRESH:
        _fetch_facts(songs, rest)
        if own >= RANK_POOL:
            rest = rest[: _fresh_first(songs, rest)]
        rest.sort()
        own, fresh, counted = _admit(songs, uploader, found, tally, rest, chosen, scores, own, fresh, counted)
    clear(tally, counted)
    size = _fill(songs, cold, uploader, found, tally, chosen, scores, own, fresh)
    return _pool(songs, chosen[:size], scores[:size], own), scores[:own]


@borrowing
def _admit(songs, uploader, found, tally, keys, chosen, scores, own, fresh, counted):
    """Add candidates, best first, to a pool of `own` songs, of which `fresh` are; `counted` is as in `_within_caps`."""
    for key in keys:
        song = song_of(key)
        facts = songs.facts[song]
        if own >= RANK_POOL and (fresh >= RANK_POOL_FRESH or not facts[FRESH]):
            continue
        if _may_stand(songs, uploader, found, song):
            within, counted = _within_caps(facts, tally, counted)
            if within:
                chosen[own], scores[own] = song, score_of(key)
                found.slots[slot_of(found, song)].place = own
                own += 1
                fresh += facts[FRESH]
    return own, fresh, counted


@compiled
def cold_pool_of(songs, cold, tally):
    """The pool of everybody without a history: of the popular and fresh songs as many as of a user's candidates."""
    chosen, relevance = np.empty(_ROOM, np.int32), np.empty(_ROOM, np.float32)
    size = fresh = counted = 0
    for k in range(len(cold.songs)):
        song = cold.songs[k]
        within, counted = _within_caps(songs.facts[song], tally, counted)
        if within and (size < RANK_POOL or (songs.facts[song, FRESH] and fresh < RANK_POOL_FRESH)):
            chosen[size], relevance[size] = song, cold.relevance[k]
            size += 1
            fresh += songs.facts[song, FRESH]
    clear(tally, counted)
    return _pool(songs, chosen[:size], relevance[:size], size)


@borrowing
def _fetch_facts(songs, keys):
    for key in keys:
        prefetch(songs.facts, song_of(key))


@borrowing
def _fresh_first(songs, keys):
    """Move the keys of fresh songs to the beginning; returns how many they are."""
    count = 0
    for k in range(len(keys)):
        if songs.facts[song_of(keys[k]), FRESH]:
            keys[k], keys[count] = keys[count], keys[k]
            count += 1
    return count


@borrowing
def _may_stand(songs, uploader, found, song):
    facts = songs.facts[song]
    if not facts[OFFERED] or _is_own(songs, uploader, song):
        return False
    return not facts[HOLDS] or not _holds_known(songs, uploader, found, song)


@borrowing
def _holds_known(songs, uploader, found, song):
    """Whether a song holds one that the user heard or uploaded."""
    for k in range(songs.holds.starts[song], songs.holds.starts[song + 1]):
        held = songs.holds.others[k]
        slot = found.slots[slot_of(found, held)]
        if (slot.song == held and slot.sum == -np.inf) or _is_own(songs, uploader, held):
            return True
    return False


@borrowing
def _is_own(songs, uploader, song):
    """Whether somebody uploaded a song, or a copy of it."""
    if uploader < 0:
        return False
    own = songs.facts[song, UPLOADER] == uploader
    for k in range(songs.owners.starts[song], songs.owners.starts[song + 1]):
        own = own or songs.owners.others[k] == uploader
    return own


@borrowing
def _within_caps(facts, tally, counted):
    """Whether a song with these facts is within the caps with those counted before it, and how many slots are used."""
    within = True
    for kind, cap in _CAPS:
        if facts[kind] >= 0:
            before, counted = _count(tally, len(_CAPS) * facts[kind] + kind, counted)
            within = within and before < cap
    return within, counted


@borrowing
def _count(tally, code, counted):
    """How often a code was counted before, and the new number of used slots."""
    at = slot_of(tally, code)
    slot = tally.slots[at]
    if slot.song != code:
        slot.song, slot.place, tally.used[counted] = code, 0, at
        counted += 1
    slot.place += 1
    return slot.place - 1, counted


@borrowing
def _fill(songs, cold, uploader, found, tally, chosen, scores, own, fresh):
    """Add popular and fresh songs, best first, for what the seeds did not bring; returns the new size.

    Of a family no more than the caps let into the pool.
    """
    lacking, lacking_fresh = RANK_POOL - own, int(LIST_LENGTH * FRESH_SHARE) - fresh
    size, counted = own, 0
    for k in range(len(cold.songs)):
        if lacking <= 0 and lacking_fresh <= 0:
            break
        song = cold.songs[k]
        slot = found.slots[slot_of(found, song)]
        known = slot.song == song and (slot.place >= 0 or slot.sum == -np.inf)
        if known or not _may_stand(songs, uploader, found, song):
            continue
        before = 0
        if songs.facts[song, FAMILY] >= 0:
            before, counted = _count(tally, songs.facts[song, FAMILY], counted)
        if before < 2 * MAX_PER_FAMILY and (lacking > 0 or songs.facts[song, FRESH]):
            chosen[size], scores[size] = song, cold.relevance[k]
            size += 1
            lacking -= 1
            lacking_fresh -= songs.facts[song, FRESH]
    clear(tally, counted)
    return size


@compiled
def _pool(songs, chosen, scores, own):
    size = len(chosen)
    relevance = np.empty(size, np.float32)
    most = scores[0] if own else np.float32(1)
    facts = np.empty((size, songs.facts.shape[1]), np.int32)
    for at in range(size):
        prefetch(songs.sketch, chosen[at])
        prefetch(songs.scale, chosen[at])
        relevance[at] = scores[at] / most if at < own else scores[at]
        for kind in range(facts.shape[1]):
            facts[at, kind] = songs.facts[chosen[at], kind]
    return Pool(chosen, relevance, facts, own)
