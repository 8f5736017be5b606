"""What a user's listens say of their taste: one signed weight a song heard, and the seeds among them."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from nightjar.recommend.library import Forgotten, Library
from nightjar.thresholds import (
    DISLIKED_SEEDS_PER_USER,
    LIKE_WEIGHT,
    LISTEN_HALF_LIFE_DAYS,
    SEEDS_PER_USER,
    SKIP_WEIGHT,
)

_KINDS = ("play", "like", "skip")


def known(listens: pd.DataFrame, library: Library, forgotten: Forgotten) -> tuple[pd.DataFrame, int]:
    """The listens that can be used, with the song's row as column `song`, and how many cannot.

    Left out are unknown and taken-down songs, forgotten and nameless users, and unknown kinds.
    """
    song = library.rows(listens["track_id"])
    usable = (song >= 0) & listens["kind"].isin(_KINDS).to_numpy() & (listens["user_id"] != "").to_numpy()
    usable &= ~listens["user_id"].isin(list(forgotten.users)).to_numpy()
    usable[usable] &= ~library.removed[song[usable]]
    return listens.assign(song=song)[usable], int((~usable).sum())


def taste(listens: pd.DataFrame, library: Library, day: str) -> pd.DataFrame:
    """One row a user and song heard: user_id, song (row), weight; by user_id, then song.

    The weight is log2(1 + plays) + LIKE_WEIGHT * like - SKIP_WEIGHT * log2(1 + skips). A play counts the share of the
    song that was heard, a skip the share that was not; a like counts once, its latest; each fades by half in
    LISTEN_HALF_LIFE_DAYS. The logarithm keeps a song left on repeat from drowning the others.
    """
    midnight = pd.Timestamp(date.fromisoformat(day) + timedelta(days=1), tz="UTC")
    age = ((midnight - listens["listened_at"]) / pd.Timedelta(days=1)).clip(lower=0).to_numpy(dtype=np.float64)
    fade = 0.5 ** (age / LISTEN_HALF_LIFE_DAYS)
    duration = np.maximum(library.duration_s[listens["song"].to_numpy()], 1.0)
    played = np.nan_to_num(listens["played_s"].to_numpy(dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    share = np.clip(played / duration, 0, 1)
    kind = listens["kind"].to_numpy()
    frame = pd.DataFrame(
        {
            "user_id": listens["user_id"].to_numpy(dtype=object),
            "song": listens["song"].to_numpy(),
            "play": np.where(kind == "play", share * fade, 0.0),
            "like": np.where(kind == "like", fade, 0.0),
            "skip": np.where(kind == "skip", (1 - share) * fade, 0.0),
        }
    )
    frame = frame.sort_values(list(frame.columns))  # so that the sums do not depend on the order of the listens
    each = frame.groupby(["user_id", "song"], sort=True, as_index=False).agg(
        {"play": "sum", "like": "max", "skip": "sum"}
    )
    weight = np.log2(1 + each["play"]) + LIKE_WEIGHT * each["like"] - SKIP_WEIGHT * np.log2(1 + each["skip"])
    return each[["user_id", "song"]].assign(weight=weight.round(6))


def choose(songs: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One user's seeds: rows ascending and their weights, from all songs heard.

    The SEEDS_PER_USER of largest positive weight and the DISLIKED_SEEDS_PER_USER of most negative; ties by row.
    """
    order = np.lexsort((songs, -weights))
    liked = order[weights[order] > 0][:SEEDS_PER_USER]
    order = np.lexsort((songs, weights))
    disliked = order[weights[order] < 0][:DISLIKED_SEEDS_PER_USER]
    chosen = np.concatenate([liked, disliked])
    chosen = chosen[np.argsort(songs[chosen])]
    return songs[chosen], weights[chosen]
