"""Two models beside each other: what each has, how well its collections answer, and how alike they answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.models import check, lists, state
from nightjar.models.check import Checked
from nightjar.settings import Settings

_SHOWN = 20
"""Missing songs that are named."""


def compare(settings: Settings, a: str, b: str, day: str | None = None, users: int = 200) -> dict:
    """{"a", "b", "days", "missing_in_a", "missing_in_b", "recall", "overlap", "songs", "milliseconds", "wrong",
    "lists"}: docs/models.md says what they are.

    Lists are those of `day`, by default the newest that both have swept. What cannot be compared is None, and `lists`
    then says why. Raises NightjarError if one has embedded nothing.
    """
    lake, of_days = Lake(settings), {}
    for model in (a, b):
        if not (of_days.setdefault(model, state.days_of(lake, model))):
            raise NightjarError(f"{model} has embedded no day", f"Run nightjar model fill {model}, or see model list")
    every = sorted({*of_days[a], *of_days[b]})
    ids = {model: {day: _songs(lake, model, day) for day in of_days[model]} for model in (a, b)}
    missing = {model: [] for model in (a, b)}
    for each in every:
        ours, theirs = (ids[model].get(each, set()) for model in (a, b))
        missing[a] += sorted(theirs - ours)
        missing[b] += sorted(ours - theirs)
    songs = check.sample(lake, (a, b), [each for each in every if each in of_days[a] and each in of_days[b]])
    checked = {model: check.check(replace(settings, model=model), of_days[model], songs) for model in (a, b)}
    shares = _shares(checked[a], checked[b])
    return {
        "a": a,
        "b": b,
        "days": [
            {"day": each, **{of: _count(ids[model], each) for of, model in (("a", a), ("b", b))}} for each in every
        ],
        **{
            f"missing_in_{of}": {"songs": len(missing[model]), "first": missing[model][:_SHOWN]}
            for of, model in (("a", a), ("b", b))
        },
        "recall": {of: checked[model].recall for of, model in (("a", a), ("b", b))},
        "overlap": round(float(np.mean(shares)), 4) if shares else None,
        "songs": len(shares),
        "milliseconds": {of: _rounded(checked[model].milliseconds) for of, model in (("a", a), ("b", b))},
        "wrong": [*checked[a].wrong, *checked[b].wrong],
        "lists": _lists(settings, lake, a, b, day, users),
    }


def _lists(settings: Settings, lake: Lake, a: str, b: str, day: str | None, users: int) -> dict:
    swept = [set(lake.days("duplicate_pairs", model=model)) for model in (a, b)]
    chosen = day or max(set.intersection(*swept), default=None)
    if chosen is None:
        return {"day": None, "users": 0, "overlap": None, "why": "no day is swept by both"}
    try:
        return lists.overlap(settings, a, b, chosen, users) | {"why": None}
    except NightjarError as error:
        return {"day": chosen, "users": 0, "overlap": None, "why": str(error)}


def _shares(a: Checked, b: Checked) -> list[float]:
    """Of each song of the sample the share of its nearest songs that the other model names too."""
    return [
        len(set(near) & set(b.near[song])) / max(len(near), len(b.near[song]))
        for song, near in a.near.items()
        if near and b.near.get(song)
    ]


def _songs(lake: Lake, model: str, day: str) -> set[str]:
    return set(lake.read(Partition("embeddings", day, model), ["track_id"])["track_id"].to_pylist())


def _count(songs: dict[str, set[str]], day: str) -> int | None:
    return len(songs[day]) if day in songs else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
