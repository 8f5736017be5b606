"""Why a song is on a user's list, or what kept it off: the ranking's own steps, run again and looked into."""

from __future__ import annotations

import numpy as np

from nightjar.errors import NightjarError
from nightjar.recommend import filters, inputs, ranking, score
from nightjar.recommend.filters import User
from nightjar.recommend.library import Library
from nightjar.recommend.ranking import Context, Ranking
from nightjar.settings import Settings
from nightjar.thresholds import LIST_LENGTH, MAX_PER_ARTIST, MAX_PER_UPLOADER


def why(settings: Settings, user_id: str, track_id: str, day: str) -> dict:
    """What the list of `user_id` on `day` makes of a song.

    {"user", "track", "day", "list": "own" or "new_users", "on_list", "rank", "score", "source", "stopped_by", "detail",
    "reasons"}: `rank` and `source` are None off the list and `score` is None for a song that no seed brings;
    `stopped_by` is None on the list, else a code of `filters.REASONS`, "not_a_candidate", "below_the_pool",
    "outranked" or "beside_cover"; `detail` says it in a sentence. `reasons` are the heard songs that bring the song,
    strongest first, each {"track", "weight", "similarity", "co_listening", "score"}. Raises NightjarError for an
    unknown song.
    """
    read = inputs.read(settings, day)
    song = int(read.library.rows([track_id])[0])
    if song < 0:
        raise NightjarError(
            f"track {track_id!r} is not in the library of {day}",
            f"It was rejected (`nightjar rejects DAY`), or it came later, or its day was not swept by {day}",
        )
    own = user_id in read.users()
    user = read.known([user_id])[0] if own else User.new()
    context = inputs.context(settings, day, read, [user])
    made = ranking.rank(context, user) if own else ranking.rank_new_users(context)
    answer = {"user": user_id, "track": track_id, "day": day, "list": "own" if own else "new_users"}
    return answer | _place(context, user, made, song) | {"reasons": _reasons(context, user, song)}


def _place(context: Context, user: User, made: Ranking, song: int) -> dict:
    scored = dict(zip(made.songs.tolist(), made.scores.tolist(), strict=True)).get(song)
    for rank, entry in enumerate(made.entries, start=1):
        if entry.song == song:
            detail = f"it is number {rank} of {len(made.entries)}"
            return _answer(rank, entry.score, entry.source, None, detail)
    stopped_by, detail = _stopped(context, user, made, song, scored)
    return _answer(None, scored, None, stopped_by, detail)


def _answer(rank: int | None, scored: float | None, source: str | None, stopped_by: str | None, detail: str) -> dict:
    return {
        "on_list": rank is not None,
        "rank": rank,
        "score": scored,
        "source": source,
        "stopped_by": stopped_by,
        "detail": detail,
    }


def _stopped(context: Context, user: User, made: Ranking, song: int, scored: float | None) -> tuple[str, str]:
    code = int(filters.blocked(context.library, user, np.array([song]))[0])
    if code != filters.FREE:
        return filters.REASONS[code]
    if song in made.pool:
        if _beside_cover(context.library, made, song):
            last = context.library.ids[made.entries[-1].song]
            return "beside_cover", (
                f"it and the last song of the list, {last}, share their backing track: such songs never stand side by "
                "side, and there was nothing left to put between them"
            )
        return "outranked", (
            f"it was among the {len(made.pool)} candidates, but others are more relevant or more varied, or its "
            "uploader's or artist's places were taken"
        )
    if scored is None:
        return "not_a_candidate", "no song that the user plays leads to it, and it is neither popular nor fresh enough"
    place = made.songs.tolist().index(song) + 1
    return "below_the_pool", (
        f"its score is the {place}th of {len(made.songs)}: too low to be considered, among all or among the songs of "
        "its uploader, its artist or its covers"
    )


def _beside_cover(library: Library, made: Ranking, song: int) -> bool:
    """Whether a song of the pool is off only because the list ends with a cover of it.

    A list that is not full ends where every song left is such a cover, or is of an uploader or artist at their cap.
    """
    songs = np.array([entry.song for entry in made.entries], dtype=np.int64)
    if not 0 < len(songs) < LIST_LENGTH or song not in library.covers.of(int(songs[-1])):
        return False
    caps = ((library.uploader, MAX_PER_UPLOADER), (library.artist, MAX_PER_ARTIST))
    return all(codes[song] < 0 or np.count_nonzero(codes[songs] == codes[song]) < cap for codes, cap in caps)


def _reasons(context: Context, user: User, song: int) -> list[dict]:
    return [
        {
            "track": context.library.ids[each.song],
            "weight": each.weight,
            "similarity": each.similarity,
            "co_listening": each.co_listening,
            "score": round(each.score, 8),
        }
        for each in score.contributions(context.neighbours, user.seeds, user.weights, np.array([song]))[0]
    ]
