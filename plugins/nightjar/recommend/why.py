"""Why a song is on a user's list, or what kept it off: the ranking's own steps, run again and looked into."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.recommend import filters, inputs, ranking, tables
from nightjar.recommend.filters import User
from nightjar.recommend.ranking import Context, Users
from nightjar.recommend.reasons import SOURCES, contributions
from nightjar.recommend.seeds import choose
from nightjar.settings import Settings
from nightjar.shards import shard_of
from nightjar.thresholds import (
    BEGINNING,
    LIST_LENGTH,
    MAX_PER_ARTIST,
    MAX_PER_FAMILY,
    MAX_PER_FAMILY_IN_BEGINNING,
    MAX_PER_UPLOADER,
)


def why(settings: Settings, user_id: str, track_id: str, day: str) -> dict:
    """What the list of `user_id` on `day` makes of a song.

    {"user", "track", "day", "list": "own" or "new_users", "on_list", "rank", "score", "source", "stopped_by", "detail",
    "reasons"}: `rank` and `source` are None off the list and `score` is None for a song that no seed brings;
    `stopped_by` is None on the list, else a code of `filters.REASONS`, "not_a_candidate", "below_the_pool",
    "outranked", "holds_candidate", "family_full" or "beside_cover"; `detail` says it in a sentence. `reasons` are the
    heard songs that bring the song, strongest first, each {"track", "weight", "similarity", "co_listening", "score"}.
    Raises NightjarError for an unknown song.
    """
    lake = Lake(settings)
    context = inputs.context(lake, settings.model, day)
    library = context.library
    song = int(library.rows([track_id])[0])
    if song < 0:
        raise NightjarError(
            f"track {track_id!r} is not in the library of {day}",
            "Its day is not swept yet, or it is taken down: nightjar status DAY of its day says which",
        )
    looked = _look(context, _user(lake, settings.model, day, context, user_id))
    answer = {"user": user_id, "track": track_id, "day": day, "list": "own" if looked.user.user_id else "new_users"}
    return answer | _place(context, looked, song) | {"reasons": _reasons(context, looked.user, song)}


@dataclass(frozen=True)
class _Looked:
    """A list, and what it was chosen from."""

    user: User
    songs: list[int]  # every candidate, best first
    scores: list[float]
    pool: set[int]  # the songs that re-ranking chose from
    entries: list[tuple[int, float, str]]  # song, score, source


def _user(lake: Lake, model: str, day: str, context: Context, user_id: str) -> User:
    partition = Partition("tastes", day, model)
    shards = len(lake.manifest(partition).parts)
    rows = lake.read_part(partition, shard_of(user_id, shards))
    own = rows.filter(pc.equal(rows["user_id"], user_id))
    further = {user_id} & set(inputs.uploaders_of(context.library, context.cold))
    names, users = tables.users_of(context.library, own, sorted(further))
    return User(user_id, users.heard, users.weights, int(users.uploader[0])) if names else User.new()


def _look(context: Context, user: User) -> _Looked:
    if user.user_id:
        lists, pool = ranking.rank(context, Users.of([user])), ranking.pool(context, user)
        songs, scores = ranking.considered(context.neighbours, user.heard, user.weights)
    else:
        lists, pool = ranking.rank_new_users(context), ranking.new_users_pool(context)
        songs, scores = context.cold.songs, context.cold.relevance
    sources = [SOURCES[each] for each in lists.sources]
    entries = list(zip(lists.songs.tolist(), lists.scores.tolist(), sources, strict=True))
    return _Looked(user, songs.tolist(), scores.tolist(), set(pool.songs.tolist()), entries)


def _place(context: Context, looked: _Looked, song: int) -> dict:
    for rank, (listed, scored, source) in enumerate(looked.entries, start=1):
        if listed == song:
            return _answer(rank, scored, source, None, f"it is number {rank} of {len(looked.entries)}")
    scored = dict(zip(looked.songs, looked.scores, strict=True)).get(song)
    return _answer(None, scored, None, *_stopped(context, looked, song, scored))


def _answer(rank: int | None, scored: float | None, source: str | None, stopped_by: str | None, detail: str) -> dict:
    return {
        "on_list": rank is not None,
        "rank": rank,
        "score": scored,
        "source": source,
        "stopped_by": stopped_by,
        "detail": detail,
    }


def _stopped(context: Context, looked: _Looked, song: int, scored: float | None) -> tuple[str, str]:
    code = int(filters.blocked(context.library, looked.user, np.array([song]))[0])
    if code != filters.FREE:
        return filters.REASONS[code]
    if song in looked.pool:
        return _outranked(context, looked, song)
    if scored is None:
        return "not_a_candidate", "no song that the user plays leads to it, and it is neither popular nor fresh enough"
    place = looked.songs.index(song) + 1
    return "below_the_pool", (
        f"its score is the {place}th of {len(looked.songs)}: too low to be considered, among all or among the songs of "
        "its uploader, its artist or its covers"
    )


def _outranked(context: Context, looked: _Looked, song: int) -> tuple[str, str]:
    """What kept a song of the pool off the list."""
    library = context.library
    songs = np.array([entry[0] for entry in looked.entries], dtype=np.int64)
    if held := [each for each in library.related.holds.of(song) if each in looked.pool]:
        return "holds_candidate", (
            f"it holds {library.ids[held[0]]}, which was among the candidates: a song that holds others gives way"
        )
    capped = ((library.uploader, MAX_PER_UPLOADER), (library.artist, MAX_PER_ARTIST))
    if any(codes[song] >= 0 and np.count_nonzero(codes[songs] == codes[song]) >= cap for codes, cap in capped):
        return (
            "outranked",
            "its uploader's or artist's places were taken by songs that are more relevant or more varied",
        )
    family, short = library.related.family, len(songs) < LIST_LENGTH  # a short list ends where every song left waits
    on_list = np.count_nonzero(family[songs] == family[song]) if family[song] >= 0 else 0
    if on_list >= MAX_PER_FAMILY:
        return "family_full", (
            f"{on_list} songs of the list share its backing track, and a list has no more of one family of covers"
        )
    if short and len(songs) < BEGINNING and on_list >= MAX_PER_FAMILY_IN_BEGINNING:
        return "family_full", (
            f"{on_list} songs of the list share its backing track, no more of them stand in the first {BEGINNING} "
            "places, and there was nothing left to fill these"
        )
    if short and len(songs) and song in library.related.covers.of(int(songs[-1])):
        return "beside_cover", (
            f"it and the last song of the list, {library.ids[songs[-1]]}, share their backing track: such songs never "
            "stand side by side, and there was nothing left to put between them"
        )
    return "outranked", f"it was among the {len(looked.pool)} candidates, but others are more relevant or more varied"


def _reasons(context: Context, user: User, song: int) -> list[dict]:
    seeds, weights = choose(user.heard, user.weights)
    others = seeds != song  # a song that was heard does not bring itself
    return [
        {
            "track": context.library.ids[each.song],
            "weight": each.weight,
            "similarity": each.similarity,
            "co_listening": each.co_listening,
            "score": each.score,
        }
        for each in contributions(context.neighbours, seeds[others], weights[others], song)
    ]
