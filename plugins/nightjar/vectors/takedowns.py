"""The songs that have been taken down: they have no vectors and no duplicates any more."""

from __future__ import annotations

from nightjar.lake import Lake


def taken_down(lake: Lake) -> set[str]:
    """Ids of the songs that takedowns of any committed day name, by themselves or by who uploaded them.

    Of any day, since forgetting holds for the past as well: running an old day again must not bring a song back.
    """
    takedowns = lake.read_days("takedowns", lake.days("takedowns"))
    named = set(takedowns["track_id"].drop_null().to_pylist())
    users = set(takedowns["user_id"].drop_null().to_pylist())
    if not users:
        return named
    tracks = lake.read_days("tracks", lake.days("tracks"), columns=["track_id", "uploader"])
    owners = zip(tracks["track_id"].to_pylist(), tracks["uploader"].to_pylist(), strict=True)
    return named | {track_id for track_id, uploader in owners if uploader in users}
