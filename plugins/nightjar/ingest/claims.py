"""A track id belongs to the day that first brought a song under it: one small object an id, `lake/claims/<track_id>`.

Looking an id up costs one request, however many days there are, and two days that run at once cannot both get it.
"""

from __future__ import annotations

from functools import cache

from nightjar.lake import Lake, Partition
from nightjar.objects import ObjectChanged, ObjectMissing


class Claims:
    """Claims of one day. Safe to use from several threads."""

    def __init__(self, lake: Lake, day: str) -> None:
        self._lake, self._day = lake, day
        self._tracks_of = cache(self._read_tracks)

    def claim(self, track_id: str) -> str:
        """The day that owns `track_id`: ours, unless another was first. Asking again gives the same answer.

        A claim of a day that was committed without that track (its upload was replaced or withdrawn) is taken over.
        """
        key = f"lake/claims/{track_id}"
        objects = self._lake.objects
        try:
            objects.put(key, self._day.encode(), expect="")
            return self._day
        except ObjectChanged:
            etag = objects.head(key).etag
            owner = objects.get(key).decode()
        if owner == self._day or track_id in self._tracks_of(owner):
            return owner
        objects.put(key, self._day.encode(), expect=etag)
        return self._day

    def owner(self, track_id: str) -> str | None:
        """The day that has claimed `track_id`, None if none has."""
        try:
            return self._lake.objects.get(f"lake/claims/{track_id}").decode()
        except ObjectMissing:
            return None

    def _read_tracks(self, day: str) -> frozenset[str] | _Everything:
        """The committed track ids of `day`; while it is not committed it may still bring any."""
        partition = Partition("tracks", day)
        if not self._lake.exists(partition):
            return _Everything()
        return frozenset(self._lake.read(partition, ["track_id"])["track_id"].to_pylist())


class _Everything:
    """A set that holds all track ids."""

    def __contains__(self, _: str) -> bool:
        return True
