"""What the lake knows, for commands: several partitions at a time, and errors that say what there is instead."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from difflib import get_close_matches
from functools import cached_property

import pyarrow as pa

from nightjar import schemas
from nightjar.days import rerun
from nightjar.errors import NightjarError
from nightjar.ingest import names
from nightjar.lake import Lake, Partition
from nightjar.objects import ObjectMissing
from nightjar.settings import Settings
from nightjar.takedowns import ledger

STAGES = ("ingest", "embed", "listens")
"""The stages that reject."""

_THREADS = 8
_MANY = 5000  # names that a person waits for to be compared with a misspelt one
_TRACK_COLUMNS = ("track_id", "day", "key", "title", "artist", "uploader", "duration_s")


class Known:
    """The lake of one environment, read as a person asks."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.lake = settings, Lake(settings)

    # --- days ---------------------------------------------------------------------------------------------------------
    @cached_property
    def upload_days(self) -> list[str]:
        """Days with uploads of the app, taken in or not."""
        return self._folders("uploads/")

    @cached_property
    def days(self) -> list[str]:
        """Days of which there is anything at all, in order."""
        ours = (self._folders(f"lake/{table}/") for table in ("uploads", "tracks", "listens", "lists"))
        return sorted({*self.upload_days, *self._folders("listens/")}.union(*ours))

    def _folders(self, prefix: str) -> list[str]:
        found = self.lake.objects.folders(prefix)
        return [name.removeprefix("dt=") for name in found if name.startswith("dt=")]

    def day(self, text: str) -> str:
        """`text` if it is a day of which something is known. Raises NightjarError that says which are."""
        if text not in self.days:
            raise NightjarError(f"nothing is known of {text}", self._span(self.days))
        return text

    def newest(self, table: str) -> str | None:
        """The last committed day of a table of the model."""
        for day in reversed(self._folders(f"lake/{table}/")):
            if self.lake.exists(Partition(table, day, self.settings.model)):
                return day
        return None

    def list_day(self, asked: str | None) -> str:
        """The day whose lists are meant: `asked`, else the newest. Raises NightjarError if there are none."""
        if asked:
            asked = self.day(asked)
            if self.lake.exists(Partition("lists", asked, self.settings.model)):
                return asked
            made = self.lake.days("lists", model=self.settings.model)
            raise NightjarError(f"there are no lists of {asked}", self._span(made, "Lists were made on"))
        newest = self.newest("lists")
        if newest is None:
            raise NightjarError(
                f"no day has lists of the model {self.settings.model} yet",
                "See nightjar status for how far the days are, and the run of publish_recommendations",
            )
        return newest

    @staticmethod
    def _span(found: list[str], known: str = "Known are") -> str:
        if not found:
            return "There are none yet"
        if len(found) <= 3:
            return f"{known} {', '.join(found)}"
        return f"{known} {len(found)} days from {found[0]} to {found[-1]}"

    # --- rows ---------------------------------------------------------------------------------------------------------
    def read(self, partitions: Iterable[Partition], table: str, columns: Iterable[str] | None = None) -> pa.Table:
        """The rows of those partitions of `table` that are committed, several read at a time."""
        wanted = list(columns) if columns else schemas.TABLES[table].names
        with ThreadPoolExecutor(_THREADS) as pool:
            there = pool.map(lambda each: (each, self.lake.exists(each)), partitions)
            tables = list(pool.map(lambda each: self.lake.read(each, wanted), [each for each, is_ in there if is_]))
        return pa.concat_tables([schemas.empty(table).select(wanted), *tables])

    def tracks(self, of_days: Iterable[str] | None = None) -> pa.Table:
        """The songs of some days, or of all, with what names them."""
        chosen = self._folders("lake/tracks/") if of_days is None else sorted(set(of_days))
        return self.read((Partition("tracks", day) for day in chosen), "tracks", _TRACK_COLUMNS)

    def rejects(self, day: str) -> pa.Table:
        """What all stages rejected of a day."""
        return self.read((Partition("rejects", day, stage=stage) for stage in STAGES), "rejects")

    def groups(self) -> pa.Table:
        """The newest duplicate groups; empty before the first sweep."""
        newest = self.newest("duplicate_groups")
        if newest is None:
            return schemas.empty("duplicate_groups")
        return self.lake.read(Partition("duplicate_groups", newest, self.settings.model))

    # --- tracks -------------------------------------------------------------------------------------------------------
    def track_day(self, track_id: str) -> str:
        """The day of a track. Raises NightjarError with the reason if it was rejected, or the nearest ids."""
        if names.is_track_id(track_id):
            with suppress(ObjectMissing):
                return self.lake.objects.get(f"lake/claims/{track_id}").decode()
        raise self.no_track(track_id)

    def rejection(self, track_id: str, day: str) -> NightjarError | None:
        """The error that says why a track was rejected on a day, by whichever stage; None if it was not."""
        for row in self.rejects(day).to_pylist():
            if row["track_id"] == track_id:
                what = f"track {track_id!r} was rejected on {day}, {row['reason']}: {row['detail']}"
                return NightjarError(what, f"See nightjar rejects {day}")
        return None

    def no_track(self, track_id: str) -> NightjarError:
        """The error that says why there is no such track: it was rejected, is a title, is taken down, was uploaded and
        not taken in, or is misspelt."""
        wanted = track_id.strip().casefold()
        for day in reversed(self._folders("lake/rejects/")):
            if rejected := self.rejection(track_id, day):
                return rejected
        known, titles = (self.tracks()[name].to_pylist() for name in ("track_id", "title"))
        called = [each for each, title in zip(known, titles, strict=True) if (title or "").casefold() == wanted]
        if called:
            more = f" and {len(called) - 3} more" if len(called) > 3 else ""
            return NightjarError(
                f"{track_id!r} is a title, and a track id is asked for",
                f"The track id of that title is {' or '.join(called[:3])}{more}",
            )
        if track_id in ledger.taken_down(self.lake):
            return NightjarError(f"track {track_id!r} is taken down", "docs/takedowns.md says what that means")
        if waiting := self._uploads_of(track_id):
            day, key = waiting[-1]
            what = f"track {track_id!r} was uploaded on {day} ({key}), and no run has taken it in yet"
            return NightjarError(what, f"nightjar status {day} shows how far the day is; {rerun(day)} takes it in")
        return NightjarError(
            f"there is no track {track_id!r}, and no upload of that name",
            f"{nearest(track_id, known, 'tracks')} nightjar status shows the days and their uploads",
        )

    def _uploads_of(self, track_id: str) -> list[tuple[str, str]]:
        """Day and key of the objects that the app has put there under a track's name, by day."""
        if not names.is_track_id(track_id):
            return []

        def keys(day: str) -> list[tuple[str, str]]:
            named, objects = names.prefix(day) + track_id, self.lake.objects
            plain = [named] if objects.exists(named) else []
            return [(day, key) for key in (*plain, *(seen.key for seen in objects.list(f"{named}.")))]

        with ThreadPoolExecutor(_THREADS) as pool:
            return [each for found in pool.map(keys, self.upload_days) for each in found]


def nearest(typed: str, known: list[str], what: str) -> str:
    """The end of an error about an unknown name: what it may have meant."""
    if not known:
        return f"There are no {what} yet."
    alike = known if len(known) <= _MANY else [name for name in known if name[:2] == typed[:2]][:_MANY]
    near = get_close_matches(typed, alike, n=3, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"None of {len(known)} {what} is called like that; the first is {min(known)}."
