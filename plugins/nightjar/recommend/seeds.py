"""What listens say of taste: one signed weight a user and song heard, and the seeds among them."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nightjar.compiled import compiled
from nightjar.recommend.library import Library
from nightjar.takedowns.forgotten import Forgotten
from nightjar.thresholds import (
    DISLIKED_SEEDS_PER_USER,
    LIKE_WEIGHT,
    MOOD_HALF_LIFE_DAYS,
    SEEDS_PER_USER,
    SKIP_WEIGHT,
    TASTE_HALF_LIFE_DAYS,
)

_KINDS = pa.array(["play", "like", "skip"])
_PLAY, _LIKE, _SKIP = range(3)
_SECOND_US, _DAY_US = 1_000_000, 86_400_000_000


def known(listens: pa.Table, library: Library, forgotten: Forgotten) -> tuple[pd.DataFrame, int]:
    """The listens that can be used, and how many cannot.

    Their columns: user_id (categories), song (row of the canonical song), kind (0 play, 1 like, 2 skip), share of the
    song that was heard, listened_us since 1970. Left out are unknown and taken-down songs, forgotten and nameless
    users, and unknown kinds.
    """
    user, track = (_encoded(listens[name]) for name in ("user_id", "track_id"))
    rows = library.rows(track.dictionary.to_pylist())
    song = rows[track.indices.to_numpy()]
    kind = pc.fill_null(pc.index_in(listens["kind"], _KINDS), -1).to_numpy()
    names = user.dictionary.to_pylist()
    welcome = np.array([bool(each) and each not in forgotten.users for each in names], dtype=bool)
    usable = (song >= 0) & (kind >= 0) & welcome[user.indices.to_numpy()]
    usable[usable] &= ~library.removed[song[usable]]
    song = song[usable]
    played = np.nan_to_num(listens["played_s"].to_numpy()[usable], nan=0.0, posinf=0.0, neginf=0.0)
    frame = pd.DataFrame(
        {
            "user_id": pd.Categorical.from_codes(user.indices.to_numpy()[usable], names),
            "song": library.canonical[song],
            "kind": kind[usable].astype(np.int8),
            "share": np.clip(played / np.maximum(library.duration_s[song], 1.0), 0, 1).astype(np.float32),
            "listened_us": listens["listened_at"].cast(pa.int64()).to_numpy()[usable],
        }
    )
    return frame, int((~usable).sum())


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    return column.combine_chunks().dictionary_encode()


def taste(listens: list[pd.DataFrame], day: str) -> tuple[np.ndarray, pd.DataFrame]:
    """Of listens as `known` gives them, of any number of days: the users (u,) in order; and a row a user and song
    heard: user (position among them), song, weight; in order.

    The weight is log2(1 + plays) + LIKE_WEIGHT * like - SKIP_WEIGHT * log2(1 + skips). Plays are added up over the days
    on which the song was heard, of each day log2(1 + the shares of the song that were heard): a song left on repeat for
    an evening says less than one that is come back to. Of skips the share counts that was not heard; a like counts
    once, its latest. Each fades with its age, at first fast and then slowly: see `fade`. A listen that the exports of
    two days brought, see `nightjar.ingest.events.merge`, counts once.
    """
    users = np.array(sorted({name for each in listens for name in each["user_id"].cat.categories}), dtype=object)
    frame = pd.concat([_counted(each, users) for each in listens] or [_counted(_NOTHING, users)])
    there = np.unique(frame["user"].to_numpy())  # categories of a day may be users none of whose listens is usable
    frame = frame.assign(user=np.searchsorted(there, frame["user"].to_numpy()).astype(np.int32))
    midnight = date.fromisoformat(day).toordinal() - date(1970, 1, 1).toordinal() + 1
    # In this order, so that the sums do not depend on the order of the listens.
    frame = frame.assign(second=frame["listened_us"] // _SECOND_US)
    frame = frame.sort_values(["user", "song", "second", "kind", "listened_us", "share"])
    frame = frame.drop_duplicates(["user", "song", "second", "kind"], keep="last", ignore_index=True)
    left = fade(np.maximum(midnight - frame["listened_us"].to_numpy() / _DAY_US, 0))
    kind, share = frame["kind"].to_numpy(), frame["share"].to_numpy(dtype=np.float64)
    frame = pd.DataFrame(
        {
            "user": frame["user"],
            "song": frame["song"],
            "date": frame["listened_us"] // _DAY_US,
            "fade": left,
            "play": np.where(kind == _PLAY, share, 0.0),
            "like": np.where(kind == _LIKE, left, 0.0),
            "skip": np.where(kind == _SKIP, (1 - share) * left, 0.0),
        }
    )
    daily = frame.groupby(["user", "song", "date"], sort=True, as_index=False).agg(
        {"play": "sum", "like": "max", "skip": "sum", "fade": "max"}
    )
    daily["play"] = daily["fade"] * np.log2(1 + daily["play"])
    each = daily.groupby(["user", "song"], sort=True, as_index=False).agg({"play": "sum", "like": "max", "skip": "sum"})
    weight = np.log2(1 + each["play"]) + LIKE_WEIGHT * each["like"] - SKIP_WEIGHT * np.log2(1 + each["skip"])
    return users[there], each[["user", "song"]].assign(weight=weight.round(6).astype(np.float32))


_NOTHING = pd.DataFrame(
    {
        "user_id": pd.Categorical([], []),
        "song": np.zeros(0, np.int32),
        "kind": np.zeros(0, np.int8),
        "share": np.zeros(0, np.float32),
        "listened_us": np.zeros(0, np.int64),
    }
)


def _counted(listens: pd.DataFrame, users: np.ndarray) -> pd.DataFrame:
    """With the position of each user among all instead of a name."""
    names = listens["user_id"].cat
    places = pd.Index(users, dtype=object).get_indexer(pd.Index(names.categories, dtype=object)).astype(np.int32)
    user = places[names.codes.to_numpy()] if len(listens) else np.zeros(0, np.int32)
    return listens.drop(columns="user_id").assign(user=user)


def fade(age: np.ndarray) -> np.ndarray:
    """What is left of a listen after so many days: 1 at first. Half of it is the mood, half the lasting taste."""
    return 0.5 * 0.5 ** (age / MOOD_HALF_LIFE_DAYS) + 0.5 * 0.5 ** (age / TASTE_HALF_LIFE_DAYS)


@compiled
def choose(songs, weights):
    """One user's seeds: rows ascending (k,) and their weights, from all songs heard (h,), ascending.

    The SEEDS_PER_USER of largest positive weight and the DISLIKED_SEEDS_PER_USER of most negative; ties by row.
    """
    if (weights > 0).sum() <= SEEDS_PER_USER and (weights < 0).sum() <= DISLIKED_SEEDS_PER_USER:
        return songs[weights != 0], weights[weights != 0]
    order = np.argsort(-weights, kind="mergesort")
    liked = order[weights[order] > 0][:SEEDS_PER_USER]
    order = np.argsort(weights, kind="mergesort")
    disliked = order[weights[order] < 0][:DISLIKED_SEEDS_PER_USER]
    chosen = np.sort(np.concatenate((liked, disliked)))
    return songs[chosen], weights[chosen]
